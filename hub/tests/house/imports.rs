//! Which files of a crate import which others.
//!
//! A file imports another when its code, without its tests, names an item that lives there. Who passes a name on
//! (`pub use`) is not where it lives. What stands inside a macro's call is not seen.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use syn::visit::{self, Visit};

/// A path of names from the root of the crate.
type Name = Vec<String>;

/// A file names what lives in another.
pub(crate) struct Arrow {
    pub(crate) from: PathBuf,
    pub(crate) to: PathBuf,
    what: BTreeSet<String>,
}

impl fmt::Display for Arrow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what: Vec<_> = self.what.iter().map(String::as_str).collect();
        write!(f, "  {} -> {}: {}", self.from.display(), self.to.display(), what.join(", "))
    }
}

/// The arrows between the files of the crate whose sources are in `src`.
pub(crate) fn of(src: &Path) -> Vec<Arrow> {
    let files: BTreeMap<Name, PathBuf> = super::sources(src)
        .into_iter()
        .filter(|file| !super::is_test(file) && !file.ends_with("main.rs"))
        .map(|file| (module_of(file.strip_prefix(src).unwrap()), file))
        .collect();
    let modules: BTreeMap<Name, Module> =
        files.iter().map(|(name, file)| (name.clone(), Module::read(name, file, &files))).collect();
    let of = |name: &Name, module: &Module| {
        let from = files[name].clone();
        let arrow = |(to, what): (Name, _)| Arrow { from: from.clone(), to: files[&to].clone(), what };
        arrows_of(name, module, &modules).into_iter().map(arrow).collect::<Vec<_>>()
    };
    modules.iter().flat_map(|(name, module)| of(name, module)).collect()
}

/// Where the names live that a module uses, and which names those are.
fn arrows_of(name: &Name, module: &Module, modules: &BTreeMap<Name, Module>) -> BTreeMap<Name, BTreeSet<String>> {
    let mut arrows: BTreeMap<Name, BTreeSet<String>> = BTreeMap::new();
    for path in &module.uses {
        let (home, what) = home_of(path.clone(), modules);
        if home != *name {
            arrows.entry(home).or_default().insert(what);
        }
    }
    arrows
}

/// The module in which the thing lives that a path leads to, and its name there.
fn home_of(mut path: Name, modules: &BTreeMap<Name, Module>) -> (Name, String) {
    // Names are passed on a few times at most.
    for _ in 0..8 {
        let length = (0..=path.len()).rev().find(|length| modules.contains_key(&path[..*length])).unwrap();
        let (home, rest) = (path[..length].to_vec(), path[length..].to_vec());
        let passed_on = rest.first().and_then(|first| modules[&home].passed_on.get(first));
        let Some(passed_on) = passed_on else {
            return (home, rest.first().cloned().unwrap_or_else(|| "itself".to_owned()));
        };
        path = passed_on.iter().chain(&rest[1..]).cloned().collect();
    }
    panic!("{path:?} is passed on round and round");
}

/// `store/mod.rs` is `store`, `lib.rs` the root.
fn module_of(file: &Path) -> Name {
    let mut name: Name = file.with_extension("").iter().map(|part| part.to_string_lossy().into_owned()).collect();
    if name.last().is_some_and(|last| last == "mod" || last == "lib") {
        name.pop();
    }
    name
}

/// What a file says.
struct Module {
    /// Paths from the root to what its code names.
    uses: BTreeSet<Name>,
    /// Names that it passes on, with the paths from the root to what they stand for.
    passed_on: BTreeMap<String, Name>,
}

impl Module {
    fn read(name: &Name, file: &Path, files: &BTreeMap<Name, PathBuf>) -> Self {
        let code = syn::parse_file(&fs::read_to_string(file).unwrap()).unwrap();
        let module = Self { uses: BTreeSet::new(), passed_on: BTreeMap::new() };
        let mut reader = Reader { name, files, module, words: BTreeSet::new() };
        reader.visit_file(&code);
        let Reader { mut module, words, .. } = reader;
        // What it passes on and names itself.
        let both = module.passed_on.iter().filter(|(name, _)| words.contains(*name)).map(|(_, path)| path.clone());
        module.uses.extend(both.collect::<Vec<_>>());
        module
    }
}

struct Reader<'a> {
    name: &'a Name,
    files: &'a BTreeMap<Name, PathBuf>,
    module: Module,
    /// First words of the paths in its code.
    words: BTreeSet<String>,
}

impl Reader<'_> {
    /// A path from the root, where it leads into this crate.
    fn absolute(&self, path: &[String]) -> Option<Name> {
        let first = path.first()?;
        let supers = path.iter().take_while(|part| *part == "super").count();
        let (mut base, rest) = match first.as_str() {
            "crate" => (Vec::new(), &path[1..]),
            "self" => (self.name.clone(), &path[1..]),
            "super" => (self.name[..self.name.len().checked_sub(supers)?].to_vec(), &path[supers..]),
            _ => (self.name.clone(), path),
        };
        let is_child = || self.files.contains_key(&[self.name.as_slice(), &path[..1]].concat());
        if !["crate", "self", "super"].contains(&first.as_str()) && !is_child() {
            return None;
        }
        base.extend(rest.iter().cloned());
        Some(base)
    }

    fn take(&mut self, tree: &syn::UseTree, before: &mut Vec<String>, passes_on: bool) {
        match tree {
            syn::UseTree::Path(path) => {
                before.push(path.ident.to_string());
                self.take(&path.tree, before, passes_on);
                before.pop();
            }
            syn::UseTree::Group(group) => group.items.iter().for_each(|tree| self.take(tree, before, passes_on)),
            syn::UseTree::Name(name) => {
                let name = name.ident.to_string();
                let called = if name == "self" { before.last().cloned().unwrap_or_default() } else { name.clone() };
                let path: Vec<String> = before.iter().cloned().chain((name != "self").then_some(name)).collect();
                self.imported(&path, called, passes_on);
            }
            syn::UseTree::Rename(rename) => {
                let path: Vec<String> = before.iter().cloned().chain([rename.ident.to_string()]).collect();
                self.imported(&path, rename.rename.to_string(), passes_on);
            }
            syn::UseTree::Glob(_) => self.imported(&before.clone(), "*".to_owned(), false),
        }
    }

    fn imported(&mut self, path: &[String], called: String, passes_on: bool) {
        let Some(path) = self.absolute(path) else { return };
        if passes_on {
            self.module.passed_on.insert(called, path);
        } else {
            self.module.uses.insert(path);
        }
    }
}

fn is_for_tests(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && matches!(&attribute.meta, syn::Meta::List(list) if list.tokens.to_string() == "test")
    })
}

impl<'ast> Visit<'ast> for Reader<'_> {
    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        if !is_for_tests(&item.attrs) {
            visit::visit_item_mod(self, item);
        }
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        if !is_for_tests(&item.attrs) {
            self.take(&item.tree, &mut Vec::new(), !matches!(item.vis, syn::Visibility::Inherited));
        }
    }

    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        if !is_for_tests(&item.attrs) {
            visit::visit_item_fn(self, item);
        }
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        if !is_for_tests(&item.attrs) {
            visit::visit_impl_item_fn(self, item);
        }
    }

    fn visit_visibility(&mut self, _: &'ast syn::Visibility) {}

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let parts: Vec<String> = path.segments.iter().map(|part| part.ident.to_string()).collect();
        self.words.extend(parts.first().cloned());
        if parts.len() > 1
            && let Some(path) = self.absolute(&parts)
        {
            self.module.uses.insert(path);
        }
        visit::visit_path(self, path);
    }
}
