//! The tests that docs/seed.md names, as in ``crate · `name` ``, exist.

use super::file::File;

pub(super) fn check(files: &[File]) -> Vec<String> {
    let Some(seed) = files.iter().find(|file| file.path == "docs/seed.md") else {
        return Vec::new();
    };
    let mut findings = Vec::new();
    for (number, line) in seed.lines() {
        for (crate_name, test) in named_tests(line) {
            let folders = [format!("crates/{crate_name}/"), format!("{crate_name}/")];
            let declaration = format!("fn {test}(");
            let exists = files.iter().any(|file| {
                folders.iter().any(|folder| file.path.starts_with(folder))
                    && file.text.contains(&declaration)
            });
            if !exists {
                findings.push(format!(
                    "{}:{number}: {crate_name} has no test `{test}`",
                    seed.path
                ));
            }
        }
    }
    findings
}

/// Crate and name of each test in a line.
fn named_tests(line: &str) -> impl Iterator<Item = (&str, &str)> {
    line.match_indices(" · `").map(|(index, separator)| {
        let (before, after) = (&line[..index], &line[index + separator.len()..]);
        let is_delimiter = |letter: char| letter.is_whitespace() || "|(:,".contains(letter);
        let crate_name = before.rsplit(is_delimiter).next().unwrap_or_default();
        let test = after.split('`').next().unwrap_or_default();
        (crate_name, test)
    })
}

#[cfg(test)]
mod tests {
    use super::super::file::file;
    use super::*;

    #[test]
    fn named_test_that_its_crate_does_not_have_is_found() {
        let test = || file("crates/project/tests/it/a.rs", "async fn it_is_so() {}");
        let seed = file(
            "docs/seed.md",
            "| 문장. | Shown: project · `it_is_so`, [x](y) |",
        );
        assert!(check(&[test(), seed]).is_empty());
        let seed = file(
            "docs/seed.md",
            "| 문장. | project · `it_is_so`, interest · `it_is_so`. project · `it_is_not` |",
        );
        assert_eq!(
            check(&[test(), seed]),
            [
                "docs/seed.md:1: interest has no test `it_is_so`",
                "docs/seed.md:1: project has no test `it_is_not`"
            ]
        );
    }
}
