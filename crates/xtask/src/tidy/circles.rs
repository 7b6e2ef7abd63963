//! No circles between the files of a crate: a file can be read after the files that it uses.
//!
//! A file uses another one if it declares it (`mod b;`), or if a path in it leads to an item that
//! is defined there. Re-exports are followed to the definition, so a facade that only declares and
//! re-exports its children is not in a circle with them. Test code does not count.

mod graph;
mod resolve;

use std::collections::BTreeMap;

use super::file::File;
use resolve::Crate;

pub(super) fn check(files: &[File]) -> Vec<String> {
    let mut crates: BTreeMap<&str, Vec<(&str, &File)>> = BTreeMap::new();
    for file in files {
        if let Some((folder, path)) = file.split_crate()
            && let Some(path) = path.strip_prefix("src/")
            && file.rust.is_some()
            && !is_test_file(path)
        {
            crates.entry(folder).or_default().push((path, file));
        }
    }
    let mut findings = Vec::new();
    for (folder, files) in crates {
        for circle in graph::circles(&Crate::new(folder, &files).uses()) {
            findings.push(format!("{folder}/src: {}", circle.join(" → ")));
        }
    }
    findings
}

fn is_test_file(path: &str) -> bool {
    path.ends_with("tests.rs") || path.split('/').any(|folder| folder == "tests")
}

#[cfg(test)]
mod tests {
    use super::super::file::file;
    use super::*;

    fn check_crate(files: &[(&str, &str)]) -> Vec<String> {
        let files: Vec<File> = files
            .iter()
            .map(|(path, code)| file(&format!("crates/a/src/{path}"), code))
            .collect();
        check(&files)
    }

    #[test]
    fn circle_of_siblings_is_found_through_re_exports() {
        let findings = check_crate(&[
            ("lib.rs", "mod b; mod c; pub use b::B; pub use c::C;"),
            ("b.rs", "pub struct B(crate::C);"),
            ("c.rs", "use super::B; pub struct C(B);"),
        ]);
        assert_eq!(findings, ["crates/a/src: b.rs → c.rs → b.rs"]);
    }

    #[test]
    fn facade_is_no_circle_unless_a_child_uses_its_items() {
        let b = ("b.rs", "mod c; mod d; pub use c::C;");
        let c = ("b/c.rs", "pub struct C;");
        let d = ("b/d.rs", "pub fn d() -> super::C { todo!() }");
        let lib = ("lib.rs", "pub mod b;");
        assert!(check_crate(&[lib, b, c, d]).is_empty());
        let b = ("b.rs", "mod c; mod d; pub use c::C; pub struct E;");
        let d = ("b/d.rs", "pub fn d() -> crate::b::E { todo!() }");
        assert_eq!(
            check_crate(&[lib, b, c, d]),
            ["crates/a/src: b.rs → b/d.rs → b.rs"]
        );
    }

    #[test]
    fn tests_do_not_close_a_circle() {
        let findings = check_crate(&[
            ("lib.rs", "mod b; mod c;"),
            ("b.rs", "use crate::c::C;"),
            (
                "c.rs",
                "pub struct C; #[cfg(test)] mod tests { use crate::b; }",
            ),
        ]);
        assert!(findings.is_empty(), "{findings:?}");
    }

    #[test]
    fn items_of_macros_and_globs_are_followed() {
        let findings = check_crate(&[
            ("lib.rs", "mod b; mod c; pub use b::*;"),
            ("b.rs", "define!(B); use crate::c::f;"),
            ("c.rs", "pub fn f(b: crate::b::B) {}"),
        ]);
        assert_eq!(findings, ["crates/a/src: b.rs → c.rs → b.rs"]);
        let findings = check_crate(&[
            ("lib.rs", "mod b; mod c; pub use b::*;"),
            ("b.rs", "pub struct B; use crate::c::f;"),
            ("c.rs", "pub fn f(b: crate::B) {}"),
        ]);
        assert_eq!(findings, ["crates/a/src: b.rs → c.rs → b.rs"]);
    }
}
