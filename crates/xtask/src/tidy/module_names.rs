//! Module names that say nothing about the content.

use super::file::File;

const MEANINGLESS: [&str; 5] = ["utils", "common", "helpers", "models", "types"];

pub(super) fn check(files: &[File]) -> Vec<String> {
    let mut findings = Vec::new();
    for file in files {
        let Some(rust) = &file.rust else { continue };
        for name in MEANINGLESS {
            if file.path.ends_with(&format!("/{name}.rs"))
                || file.path.contains(&format!("/{name}/"))
                || rust.declared_modules.iter().any(|module| module == name)
            {
                findings.push(format!(
                    "{}: a module named `{name}` does not say what it contains",
                    file.path
                ));
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::super::file::file;
    use super::*;

    #[test]
    fn meaningless_names_of_files_folders_and_modules_are_found() {
        let findings = check(&[
            file("crates/project/src/utils.rs", ""),
            file("crates/project/src/models/a.rs", ""),
            file("crates/project/src/lib.rs", "pub mod helpers;"),
            file("crates/project/src/store.rs", "mod common_ground;"),
        ]);
        assert_eq!(findings.len(), 3, "{findings:?}");
    }
}
