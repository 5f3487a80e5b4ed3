//! What has to be said of an item, and what need not.
//!
//! A type, function, constant or trait that others use says what it is. A field or variant whose name and type say it
//! needs no sentence, and one that only repeats them (`Which.`) is refused: it teaches readers to skip comments.

use std::fs;
use std::path::Path;

use syn::visit::{self, Visit};
use syn::{Attribute, Expr, ExprLit, Lit, Meta, Visibility};

/// Sentences that say nothing of a field which its name and type do not say.
const EMPTY: &[&str] = &[
    "Which.",
    "Which one.",
    "Whose.",
    "Why.",
    "When.",
    "Where.",
    "Who.",
    "How.",
    "What.",
    "Name.",
    "Its name.",
    "The name.",
    "Its id.",
    "Its number.",
    "Time.",
    "This.",
];

/// What is wrong with the comments of a file, a line each.
pub(crate) fn complaints(path: &Path) -> Vec<String> {
    let file = syn::parse_file(&fs::read_to_string(path).unwrap()).unwrap();
    let mut reader = Reader { path, found: Vec::new() };
    reader.visit_file(&file);
    reader.found
}

struct Reader<'a> {
    path: &'a Path,
    found: Vec<String>,
}

impl Reader<'_> {
    fn has_to_say(&mut self, vis: &Visibility, attributes: &[Attribute], name: &impl ToString) {
        let is_used_elsewhere = match vis {
            Visibility::Public(_) => true,
            Visibility::Restricted(to) => to.path.is_ident("crate"),
            Visibility::Inherited => false,
        };
        if is_used_elsewhere && said(attributes).is_empty() {
            self.found.push(format!(
                "{}: `{}` is used elsewhere and does not say what it is",
                self.path.display(),
                name.to_string()
            ));
        }
    }

    fn has_to_mean(&mut self, attributes: &[Attribute], name: &str) {
        let said = said(attributes);
        if EMPTY.contains(&said.as_str()) {
            let path = self.path.display();
            self.found.push(format!("{path}: `{name}`: \"{said}\" repeats the name: leave it out, or say more"));
        }
    }
}

/// The text of an item's comment.
fn said(attributes: &[Attribute]) -> String {
    let line = |attribute: &Attribute| {
        let Meta::NameValue(pair) = &attribute.meta else { return None };
        let Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) = &pair.value else { return None };
        pair.path.is_ident("doc").then(|| text.value().trim().to_owned())
    };
    attributes.iter().filter_map(line).collect::<Vec<_>>().join(" ")
}

/// Whether an item is only there for tests.
fn is_for_tests(attributes: &[Attribute]) -> bool {
    let is_test = |list: &syn::MetaList| list.path.is_ident("cfg") && list.tokens.to_string() == "test";
    attributes.iter().any(|attribute| matches!(&attribute.meta, Meta::List(list) if is_test(list)))
}

/// Whether a shape goes into the API's document or into `--help`, where each field has a description.
fn is_read_by_users(attributes: &[Attribute]) -> bool {
    let shown = ["ToSchema", "IntoParams", "Args", "Parser", "Subcommand", "ValueEnum"];
    attributes.iter().any(|attribute| match &attribute.meta {
        Meta::List(list) if list.path.is_ident("derive") => {
            let names = list.tokens.to_string();
            shown.iter().any(|shown| names.contains(shown))
        }
        Meta::List(_) | Meta::Path(_) | Meta::NameValue(_) => false,
    })
}

impl<'ast> Visit<'ast> for Reader<'_> {
    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        if !is_for_tests(&item.attrs) {
            visit::visit_item_mod(self, item);
        }
    }

    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.has_to_say(&item.vis, &item.attrs, &item.sig.ident);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.has_to_say(&item.vis, &item.attrs, &item.sig.ident);
    }

    fn visit_item_const(&mut self, item: &'ast syn::ItemConst) {
        self.has_to_say(&item.vis, &item.attrs, &item.ident);
    }

    fn visit_item_trait(&mut self, item: &'ast syn::ItemTrait) {
        self.has_to_say(&item.vis, &item.attrs, &item.ident);
    }

    fn visit_item_type(&mut self, item: &'ast syn::ItemType) {
        self.has_to_say(&item.vis, &item.attrs, &item.ident);
    }

    fn visit_item_struct(&mut self, item: &'ast syn::ItemStruct) {
        self.has_to_say(&item.vis, &item.attrs, &item.ident);
        if !is_read_by_users(&item.attrs) {
            visit::visit_item_struct(self, item);
        }
    }

    fn visit_item_enum(&mut self, item: &'ast syn::ItemEnum) {
        self.has_to_say(&item.vis, &item.attrs, &item.ident);
        if !is_read_by_users(&item.attrs) {
            visit::visit_item_enum(self, item);
        }
    }

    fn visit_field(&mut self, field: &'ast syn::Field) {
        let name = field.ident.as_ref().map_or_else(String::new, ToString::to_string);
        self.has_to_mean(&field.attrs, &name);
    }

    fn visit_variant(&mut self, variant: &'ast syn::Variant) {
        self.has_to_mean(&variant.attrs, &variant.ident.to_string());
        visit::visit_variant(self, variant);
    }
}
