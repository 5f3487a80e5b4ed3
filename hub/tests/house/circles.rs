//! Which files of a crate import each other in a circle.
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

/// Files that all lead to each other.
pub(crate) struct Circle {
    pub(crate) files: Vec<PathBuf>,
    arrows: Vec<String>,
}

impl fmt::Display for Circle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.arrows.iter().try_for_each(|arrow| writeln!(f, "  {arrow}"))
    }
}

/// The circles of the crate whose sources are in `src`.
pub(crate) fn of(src: &Path) -> Vec<Circle> {
    let files: BTreeMap<Name, PathBuf> = super::sources(src)
        .into_iter()
        .filter(|file| !super::is_test(file) && !file.ends_with("main.rs"))
        .map(|file| (module_of(file.strip_prefix(src).unwrap()), file))
        .collect();
    let modules: BTreeMap<Name, Module> =
        files.iter().map(|(name, file)| (name.clone(), Module::read(name, file, &files))).collect();
    let arrows: BTreeMap<&Name, BTreeMap<Name, BTreeSet<String>>> =
        modules.iter().map(|(name, module)| (name, arrows_of(name, module, &modules))).collect();
    let reach: BTreeMap<&Name, BTreeSet<&Name>> = modules.keys().map(|name| (name, reached(name, &arrows))).collect();
    let mut seen = BTreeSet::new();
    let mut circles = Vec::new();
    for name in modules.keys() {
        let members: Vec<&Name> = reach[name].iter().copied().filter(|other| reach[other].contains(name)).collect();
        if members.len() > 1 && !members.iter().any(|member| seen.contains(member)) {
            circles.push(circle(&members, &arrows, &files));
        }
        seen.extend(members);
    }
    circles
}

fn circle(
    members: &[&Name],
    arrows: &BTreeMap<&Name, BTreeMap<Name, BTreeSet<String>>>,
    files: &BTreeMap<Name, PathBuf>,
) -> Circle {
    let inside = |from: &&Name| arrows[*from].iter().filter(|(to, _)| members.contains(to)).collect::<Vec<_>>();
    let text = |from: &Name, to: &Name, what: &BTreeSet<String>| {
        format!(
            "{} -> {}: {}",
            files[from].display(),
            files[to].display(),
            what.iter().cloned().collect::<Vec<_>>().join(", ")
        )
    };
    Circle {
        files: members.iter().map(|name| files[*name].clone()).collect(),
        arrows: members
            .iter()
            .flat_map(|from| inside(from).into_iter().map(|(to, what)| text(from, to, what)))
            .collect(),
    }
}

/// Everything that an import leads to from here.
fn reached<'a>(from: &Name, arrows: &'a BTreeMap<&Name, BTreeMap<Name, BTreeSet<String>>>) -> BTreeSet<&'a Name> {
    let mut reached = BTreeSet::new();
    let mut next: Vec<&Name> = arrows[from].keys().collect();
    while let Some(name) = next.pop() {
        if reached.insert(name) {
            next.extend(arrows[name].keys());
        }
    }
    reached
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
