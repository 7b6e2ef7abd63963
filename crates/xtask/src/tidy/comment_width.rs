//! Comments are as narrow as code: neither rustfmt nor Prettier wraps them.

use super::file::File;

const MAX_COLUMNS: usize = 100;

/// What begins a line of a comment, by the extension of the file.
const COMMENT_MARKERS: [(&str, &[&str]); 10] = [
    ("css", &["/*"]),
    ("mjs", &["//", "/*", "* "]),
    ("py", &["#"]),
    ("rs", &["//"]),
    ("sql", &["--"]),
    ("toml", &["#"]),
    ("ts", &["//", "/*", "* "]),
    ("vue", &["//", "/*", "* ", "<!--"]),
    ("yaml", &["#"]),
    ("yml", &["#"]),
];

/// Written from doc comments, which are checked.
const GENERATED: &str = "frontend/src/api/schema.d.ts";

pub(super) fn check(files: &[File]) -> Vec<String> {
    let mut findings = Vec::new();
    for file in files {
        for (extension, markers) in COMMENT_MARKERS {
            if !file.has_extension(extension) || file.path == GENERATED {
                continue;
            }
            for (number, line) in file.lines() {
                let columns = line.chars().count();
                let is_comment = || {
                    let line = line.trim_start();
                    markers.iter().any(|marker| line.starts_with(marker))
                };
                if columns > MAX_COLUMNS && is_comment() {
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
        let typescript = format!("/**\n * {letters}\n */\nconst a = '{letters}';");
        assert_eq!(check(&[file("a.ts", &typescript)]).len(), 1);
        assert!(check(&[file(GENERATED, &typescript)]).is_empty());
    }
}
