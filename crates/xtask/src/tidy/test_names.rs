//! Test names are short: what, when, then.

use super::file::File;

const MAX_LENGTH: usize = 70;

pub(super) fn check(files: &[File]) -> Vec<String> {
    let mut findings = Vec::new();
    for file in files {
        for test in file.rust.iter().flat_map(|rust| &rust.test_names) {
            let length = test.name.len();
            if length > MAX_LENGTH {
                findings.push(format!(
                    "{}:{}: the name of the test has {length} characters; at most {MAX_LENGTH}",
                    file.path, test.line
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
    fn long_test_name_is_found() {
        let test = |length: usize| {
            let code = format!("#[test]\nfn {}() {{}}", "a".repeat(length));
            check(&[file("crates/project/tests/it/a.rs", &code)])
        };
        assert!(test(70).is_empty());
        assert_eq!(
            test(71),
            ["crates/project/tests/it/a.rs:2: \
              the name of the test has 71 characters; at most 70"]
        );
    }
}
