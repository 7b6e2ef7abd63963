//! The parts of Rust code that the rules look at.

use anyhow::Result;
use proc_macro2::{Delimiter, Ident, Spacing, TokenStream, TokenTree};
use quote::ToTokens;
use syn::{Attribute, ImplItem, Item, Meta, UseTree};

/// A parsed file: its own module first, then its inline modules.
pub(super) struct RustFile {
    /// Without test code.
    pub(super) modules: Vec<Module>,
    /// The names of all modules that the file declares, tests included.
    pub(super) declared_modules: Vec<String>,
    pub(super) test_names: Vec<Name>,
}

/// A module without its test code.
#[derive(Default)]
pub(super) struct Module {
    /// Empty for the module of the file, otherwise the path of an inline module in it.
    pub(super) inline_path: Vec<String>,
    /// The names of all modules that this one declares, in this file or another one.
    pub(super) children: Vec<String>,
    /// The names of types, functions, constants and macros.
    pub(super) items: Vec<String>,
    /// Whether a macro call may define more items.
    pub(super) has_macro_items: bool,
    pub(super) imports: Vec<Import>,
    /// All other paths, single names included.
    pub(super) paths: Vec<Path>,
}

/// A leaf of a `use` tree.
pub(super) struct Import {
    pub(super) path: Path,
    /// The name in this module; `None` for a glob import.
    pub(super) name: Option<String>,
}

pub(super) struct Path {
    pub(super) segments: Vec<String>,
    pub(super) line: usize,
}

pub(super) struct Name {
    pub(super) name: String,
    pub(super) line: usize,
}

impl RustFile {
    pub(super) fn parse(text: &str) -> Result<Self> {
        let file = syn::parse_file(text)?;
        let mut rust = Self {
            modules: Vec::new(),
            declared_modules: Vec::new(),
            test_names: Vec::new(),
        };
        find_test_names(file.to_token_stream(), &mut rust.test_names);
        find_declared_modules(&file.items, &mut rust.declared_modules);
        rust.add_module(Vec::new(), file.items);
        Ok(rust)
    }

    /// All paths outside tests, those of `use` declarations included.
    pub(super) fn paths(&self) -> impl Iterator<Item = &Path> {
        self.modules.iter().flat_map(|module| {
            let imports = module.imports.iter().map(|import| &import.path);
            imports.chain(&module.paths)
        })
    }

    fn add_module(&mut self, inline_path: Vec<String>, items: Vec<Item>) {
        let mut module = Module {
            inline_path,
            ..Module::default()
        };
        let index = self.modules.len();
        self.modules.push(Module::default());
        for item in items {
            self.add_item(&mut module, item);
        }
        self.modules[index] = module;
    }

    fn add_item(&mut self, module: &mut Module, item: Item) {
        if attributes(&item).iter().any(is_for_tests) {
            return;
        }
        match item {
            Item::Use(item) => add_imports(&item.tree, &mut Vec::new(), &mut module.imports),
            Item::Mod(item) => {
                let name = item.ident.to_string();
                if let Some((_, items)) = item.content {
                    let mut path = module.inline_path.clone();
                    path.push(name.clone());
                    self.add_module(path, items);
                }
                module.children.push(name);
            }
            Item::Impl(mut item) => {
                item.items
                    .retain(|item| !impl_item_attributes(item).iter().any(is_for_tests));
                add_paths(item.to_token_stream(), &mut module.paths);
            }
            item => {
                match item_name(&item) {
                    Some(name) => module.items.push(name.to_string()),
                    None => module.has_macro_items |= matches!(item, Item::Macro(_)),
                }
                add_paths(item.to_token_stream(), &mut module.paths);
            }
        }
    }
}

/// `#[test]`, `#[tokio::test]` or `#[cfg(test)]`.
fn is_for_tests(attribute: &Attribute) -> bool {
    let path = attribute.path();
    let is_test = path
        .segments
        .last()
        .is_some_and(|last| last.ident == "test");
    is_test
        || path.is_ident("cfg")
            && matches!(&attribute.meta, Meta::List(list) if list.tokens.to_string() == "test")
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

fn impl_item_attributes(item: &ImplItem) -> &[Attribute] {
    match item {
        ImplItem::Const(item) => &item.attrs,
        ImplItem::Fn(item) => &item.attrs,
        _ => &[],
    }
}

fn item_name(item: &Item) -> Option<&Ident> {
    match item {
        Item::Const(item) => Some(&item.ident),
        Item::Enum(item) => Some(&item.ident),
        Item::Fn(item) => Some(&item.sig.ident),
        Item::Macro(item) => item.ident.as_ref(),
        Item::Static(item) => Some(&item.ident),
        Item::Struct(item) => Some(&item.ident),
        Item::Trait(item) => Some(&item.ident),
        Item::TraitAlias(item) => Some(&item.ident),
        Item::Type(item) => Some(&item.ident),
        Item::Union(item) => Some(&item.ident),
        _ => None,
    }
}

fn find_declared_modules(items: &[Item], found: &mut Vec<String>) {
    for item in items {
        if let Item::Mod(item) = item {
            found.push(item.ident.to_string());
            if let Some((_, items)) = &item.content {
                find_declared_modules(items, found);
            }
        }
    }
}

fn add_imports(tree: &UseTree, prefix: &mut Vec<String>, imports: &mut Vec<Import>) {
    let mut add = |segment: Option<&Ident>, name: Option<&Ident>, line: usize| {
        let mut segments = prefix.clone();
        // `use a::{self}` imports `a`.
        let segment = segment.map(Ident::to_string);
        let is_self = !segments.is_empty() && segment.as_deref() == Some("self");
        let name = match (is_self, name) {
            (true, Some(name)) if name == "self" => segments.last().cloned(),
            (_, name) => name.map(Ident::to_string),
        };
        segments.extend(segment.filter(|_| !is_self));
        let path = Path { segments, line };
        imports.push(Import { path, name });
    };
    match tree {
        UseTree::Path(path) => {
            prefix.push(path.ident.to_string());
            add_imports(&path.tree, prefix, imports);
            prefix.pop();
        }
        UseTree::Group(group) => {
            for tree in &group.items {
                add_imports(tree, prefix, imports);
            }
        }
        UseTree::Name(name) => add(Some(&name.ident), Some(&name.ident), line_of(&name.ident)),
        UseTree::Rename(rename) => add(
            Some(&rename.ident),
            Some(&rename.rename),
            line_of(&rename.ident),
        ),
        UseTree::Glob(glob) => add(None, None, glob.star_token.spans[0].start().line),
    }
}

fn line_of(ident: &Ident) -> usize {
    ident.span().start().line
}

/// Finds every path `a::b::c` in the tokens. A name without `::` is a path of one segment, and
/// `use a::{b, c}` inside a function gives `a::b` and `a::c`.
fn add_paths(tokens: TokenStream, paths: &mut Vec<Path>) {
    scan_paths(tokens, &[], paths);
}

fn scan_paths(tokens: TokenStream, prefix: &[String], paths: &mut Vec<Path>) {
    let mut tokens = tokens.into_iter().peekable();
    // The path that the next segment belongs to, if the last token was `::`.
    let mut open: Option<Path> = None;
    while let Some(token) = tokens.next() {
        match token {
            TokenTree::Ident(ident) => {
                let mut path = open.take().unwrap_or_else(|| Path {
                    segments: prefix.to_vec(),
                    line: line_of(&ident),
                });
                path.segments.push(ident.to_string());
                let continues = matches!(
                    tokens.peek(),
                    Some(TokenTree::Punct(colon))
                        if colon.as_char() == ':' && colon.spacing() == Spacing::Joint
                );
                if continues {
                    tokens.next();
                    tokens.next();
                    open = Some(path);
                } else {
                    paths.push(path);
                }
            }
            TokenTree::Group(group) => {
                let path = open.take();
                let is_use_group = group.delimiter() == Delimiter::Brace;
                match path {
                    Some(path) if is_use_group => {
                        scan_paths(group.stream(), &path.segments, paths);
                    }
                    path => {
                        paths.extend(path);
                        scan_paths(group.stream(), &[], paths);
                    }
                }
            }
            TokenTree::Punct(punct) => {
                // A turbofish or a glob ends the path.
                paths.extend(open.take());
                if punct.as_char() == '\'' {
                    // The name of a lifetime.
                    tokens.next();
                }
            }
            TokenTree::Literal(_) => paths.extend(open.take()),
        }
    }
    paths.extend(open);
}

/// Finds `#[test] fn name` and `#[tokio::test] async fn name`, also inside macros such as
/// `proptest!`.
fn find_test_names(tokens: TokenStream, found: &mut Vec<Name>) {
    let mut is_test = false;
    let mut after_fn = false;
    let mut after_hash = false;
    for token in tokens {
        match token {
            TokenTree::Punct(punct) => after_hash = punct.as_char() == '#',
            TokenTree::Group(group) if after_hash && group.delimiter() == Delimiter::Bracket => {
                is_test |= is_test_attribute(group.stream());
                after_hash = false;
            }
            TokenTree::Group(group) => {
                find_test_names(group.stream(), found);
                (is_test, after_fn) = (false, false);
            }
            TokenTree::Ident(ident) => {
                if after_fn && is_test {
                    found.push(Name {
                        name: ident.to_string(),
                        line: line_of(&ident),
                    });
                    is_test = false;
                }
                after_fn = ident == "fn";
            }
            TokenTree::Literal(_) => {}
        }
    }
}

fn is_test_attribute(tokens: TokenStream) -> bool {
    let mut paths = Vec::new();
    add_paths(tokens, &mut paths);
    let first = paths.first().and_then(|path| path.segments.last());
    first.is_some_and(|last| last == "test")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(code: &str) -> Vec<String> {
        let file = RustFile::parse(code).expect("it can be parsed");
        file.paths().map(|path| path.segments.join("::")).collect()
    }

    #[test]
    fn paths_contain_no_comments_strings_lifetimes_or_test_code() {
        let code = "
            /// `a::doc` // b
            struct A<'c>(&'c d::E, u8);
            impl A<'_> {
                #[cfg(test)]
                fn f() {}
            }
            const G: &'static str = \"h::i\"; // j
            #[cfg(test)]
            mod tests { use k; }
            #[test]
            fn l() {}";
        let found = paths(code).join(" ");
        assert_eq!(found, "doc struct A d::E u8 impl A const G str");
    }

    #[test]
    fn use_trees_are_flattened() {
        let code = "
            use a::{b, c::{self, d as e}, f::*};
            fn g() { use h::{i, j}; k::<l::M>::n(); }";
        let file = RustFile::parse(code).expect("it can be parsed");
        let imports: Vec<(String, Option<&str>)> = file.modules[0]
            .imports
            .iter()
            .map(|import| (import.path.segments.join("::"), import.name.as_deref()))
            .collect();
        let import = |path: &str, name| (path.to_owned(), name);
        assert_eq!(
            imports,
            [
                import("a::b", Some("b")),
                import("a::c", Some("c")),
                import("a::c::d", Some("e")),
                import("a::f", None),
            ]
        );
        let found = paths(code);
        for path in ["h::i", "h::j", "k", "l::M"] {
            assert!(
                found.iter().any(|found| found == path),
                "{path} in {found:?}"
            );
        }
    }

    #[test]
    fn test_names_are_found_in_modules_and_macros() {
        let code = "
            mod tests {
                #[test]
                fn a() { fn helper() {} }
                #[tokio::test(flavor = \"current_thread\")]
                #[ignore]
                async fn b() {}
                fn c() {}
                proptest! {
                    #[test]
                    fn d(x in 0..1) {}
                }
            }";
        let file = RustFile::parse(code).expect("it can be parsed");
        let names: Vec<&str> = file.test_names.iter().map(|test| &*test.name).collect();
        assert_eq!(names, ["a", "b", "d"]);
        assert_eq!(file.test_names[1].line, 7);
    }
}
