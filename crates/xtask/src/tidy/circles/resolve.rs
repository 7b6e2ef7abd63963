//! Resolves the paths in a crate to the files that define the items.

use std::collections::BTreeMap;

use super::graph::Graph;
use crate::tidy::file::File;
use crate::tidy::rust;

/// Longer chains of re-exports are circular.
const MAX_DEPTH: usize = 16;

/// The path of a module without `crate`: `a::b` for `src/a/b.rs`, and none for the root.
type ModulePath = Vec<String>;

/// The root module of the binary if there is a library as well.
const MAIN: &str = "main";

/// A package with its library and its binary. A module belongs to the one that declares it.
pub(super) struct Crate<'a> {
    /// As in paths: `salesman_match`.
    name: String,
    modules: BTreeMap<ModulePath, Module<'a>>,
}

#[derive(Clone, Copy)]
struct Module<'a> {
    file: &'a str,
    code: &'a rust::Module,
}

/// What a path leads to.
enum Target<'a> {
    Module(ModulePath),
    /// An item of this file.
    Item(&'a str),
}

impl<'a> Crate<'a> {
    /// `files` are the paths below `src/`.
    pub(super) fn new(folder: &str, files: &[(&'a str, &'a File)]) -> Self {
        let name = folder.rsplit('/').next().unwrap_or(folder);
        let has_library = files.iter().any(|(path, _)| *path == "lib.rs");
        let mut modules = BTreeMap::new();
        for (path, file) in files {
            for code in file.rust.iter().flat_map(|rust| &rust.modules) {
                let mut module_path = module_path(path, has_library);
                module_path.extend_from_slice(&code.inline_path);
                modules.insert(module_path, Module { file: path, code });
            }
        }
        Self {
            name: name.replace('-', "_"),
            modules,
        }
    }

    /// The files that each file uses.
    pub(super) fn uses(&self) -> Graph<'a> {
        let mut graph = Graph::new();
        for (module_path, module) in &self.modules {
            let used = graph.entry(module.file).or_default();
            for child in &module.code.children {
                let child = self.modules.get(&child_path(module_path, child));
                used.extend(child.map(|child| child.file));
            }
            let imports = module.code.imports.iter().map(|import| &import.path);
            for path in imports.chain(&module.code.paths) {
                if let Some(Target::Item(file)) = self.resolve(module_path, &path.segments, 0) {
                    used.insert(file);
                }
            }
            used.remove(module.file);
        }
        graph
    }

    /// `None` for a path to another crate.
    fn resolve(&self, from: &[String], path: &[String], depth: usize) -> Option<Target<'a>> {
        let (first, rest) = path.split_first()?;
        let mut target = match first.as_str() {
            "crate" => Target::Module(self.root(from)),
            "self" => Target::Module(from.to_vec()),
            "super" => Target::Module(self.parent(from)),
            // In the binary, the name of the package is the library.
            name => match self.member(from, name, depth) {
                None if name == self.name => Target::Module(ModulePath::new()),
                member => member?,
            },
        };
        for name in rest {
            target = match target {
                // An associated item or a variant.
                Target::Item(_) => break,
                Target::Module(module) if name == "super" => Target::Module(self.parent(&module)),
                Target::Module(module) => self
                    .member(&module, name, depth)
                    .or_else(|| self.macro_item(&module))?,
            };
        }
        Some(target)
    }

    /// What a name means in a module.
    fn member(&self, module_path: &[String], name: &str, depth: usize) -> Option<Target<'a>> {
        let module = self.modules.get(module_path)?;
        if module.code.children.iter().any(|child| child == name) {
            return Some(Target::Module(child_path(module_path, name)));
        }
        if module.code.items.iter().any(|item| item == name) {
            return Some(Target::Item(module.file));
        }
        if depth == MAX_DEPTH {
            return None;
        }
        let imports = &module.code.imports;
        let named = imports
            .iter()
            .find(|import| import.name.as_deref() == Some(name));
        if let Some(import) = named {
            return self.resolve(module_path, &import.path.segments, depth + 1);
        }
        imports
            .iter()
            .filter(|import| import.name.is_none())
            .find_map(|glob| {
                match self.resolve(module_path, &glob.path.segments, depth + 1)? {
                    Target::Module(module) => self.member(&module, name, depth + 1),
                    // The variants of an enum.
                    Target::Item(_) => None,
                }
            })
    }

    fn root(&self, module_path: &[String]) -> ModulePath {
        let main = vec![MAIN.to_owned()];
        let is_in_main = self.modules.get(&main).is_some_and(|module| {
            let top = module_path.first();
            top.is_some_and(|top| top == MAIN || module.code.children.contains(top))
        });
        if is_in_main { main } else { ModulePath::new() }
    }

    fn parent(&self, module_path: &[String]) -> ModulePath {
        match module_path {
            [] | [_] => self.root(module_path),
            [parent @ .., _] => parent.to_vec(),
        }
    }

    /// An unknown name is defined by a macro call, if the module has one.
    fn macro_item(&self, module_path: &[String]) -> Option<Target<'a>> {
        let module = self.modules.get(module_path)?;
        module
            .code
            .has_macro_items
            .then_some(Target::Item(module.file))
    }
}

fn module_path(file: &str, has_library: bool) -> ModulePath {
    let path = file.strip_suffix(".rs").unwrap_or(file);
    match path {
        "lib" => ModulePath::new(),
        MAIN if !has_library => ModulePath::new(),
        path => path.split('/').map(str::to_owned).collect(),
    }
}

fn child_path(module: &[String], name: &str) -> ModulePath {
    // The modules of the binary are files beside main.rs, not below it.
    let module = if module == [MAIN] { &[] } else { module };
    [module, &[name.to_owned()]].concat()
}
