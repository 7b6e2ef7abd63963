//! ARCHITECTURE.md links every decision record.

use super::file::File;

pub(super) fn check(files: &[File]) -> Vec<String> {
    let architecture = files.iter().find(|file| file.path == "ARCHITECTURE.md");
    let architecture = architecture.map_or("", |file| &file.text);
    files
        .iter()
        .filter(|file| file.path.starts_with("docs/adr/") && file.has_extension("md"))
        .filter(|file| !architecture.contains(&file.path))
        .map(|file| format!("{} is not linked from ARCHITECTURE.md", file.path))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::file::file;
    use super::*;

    #[test]
    fn decision_without_a_link_is_found() {
        let decision = || file("docs/adr/0001-a.md", "");
        assert_eq!(
            check(&[decision()]),
            ["docs/adr/0001-a.md is not linked from ARCHITECTURE.md"]
        );
        let architecture = file("ARCHITECTURE.md", "[a](docs/adr/0001-a.md)");
        assert!(check(&[decision(), architecture]).is_empty());
    }
}
