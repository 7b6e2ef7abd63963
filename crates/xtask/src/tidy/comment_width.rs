//! Comments are as narrow as code: rustfmt does not wrap them.

use super::file::File;

const MAX_COLUMNS: usize = 100;

/// What begins a comment, by the extension of the file.
const COMMENT_MARKERS: [(&str, &str); 6] = [
    ("rs", "//"),
    ("sql", "--"),
    ("toml", "#"),
    ("py", "#"),
    ("yml", "#"),
    ("yaml", "#"),
];

pub(super) fn check(files: &[File]) -> Vec<String> {
    let mut findings = Vec::new();
    for file in files {
        for (extension, marker) in COMMENT_MARKERS {
            if !file.has_extension(extension) {
                continue;
            }
            for (number, line) in file.lines() {
                let columns = line.chars().count();
                if columns > MAX_COLUMNS && line.trim_start().starts_with(marker) {
                    findings.push(format!(
                        "{}:{number}: a comment of {columns} columns; at most {MAX_COLUMNS}",
                        file.path
                    ));
                }
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
    fn wide_comment_is_found_but_not_wide_code() {
        let letters = "가".repeat(98);
        let code = format!("    //! {letters}\n//{letters}\nconst A: &str = \"{letters}\";");
        assert_eq!(
            check(&[file("a.rs", &code)]),
            ["a.rs:1: a comment of 106 columns; at most 100"]
        );
        let sql = format!("--  {letters}");
        assert_eq!(check(&[file("a.sql", &sql)]).len(), 1);
    }
}
