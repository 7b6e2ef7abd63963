//! Pure files: no I/O, no clock, no randomness, nothing asynchronous. Time and ids are arguments.

use super::file::File;

/// Globs of the pure files. `*` matches a part of a file or folder name. A glob that matches no
/// file is a finding, so that a renamed file does not leave the list.
const PURE: [&str; 1] = ["crates/project/src/project.rs"];

/// Paths, or consecutive segments of one, that a pure file does not use.
const IMPURE: [&[&str]; 20] = [
    &["axum"],
    &["rdkafka"],
    &["reqwest"],
    &["sqlx"],
    &["tokio"],
    &["rand"],
    &["std", "env"],
    &["std", "fs"],
    &["std", "net"],
    &["std", "process"],
    &["std", "thread"],
    &["Utc", "now"],
    &["Local", "now"],
    &["SystemTime"],
    &["Instant"],
    &["now_v7"],
    &["new_v4"],
    &["new_id"],
    &["async"],
    &["await"],
];

pub(super) fn check(files: &[File]) -> Vec<String> {
    check_pure(&PURE, files)
}

fn check_pure(pure: &[&str], files: &[File]) -> Vec<String> {
    let mut findings = Vec::new();
    for glob in pure {
        let mut matches = files
            .iter()
            .filter(|file| matches_glob(glob, &file.path))
            .peekable();
        if matches.peek().is_none() {
            findings.push(format!("{glob}: no such file, but tidy/purity.rs names it"));
        }
        for file in matches {
            for path in file.code_paths() {
                for impure in IMPURE {
                    let uses = path
                        .segments
                        .windows(impure.len())
                        .any(|part| part == impure);
                    if uses {
                        findings.push(format!(
                            "{}:{}: `{}` in a pure file",
                            file.path,
                            path.line,
                            impure.join("::")
                        ));
                    }
                }
            }
        }
    }
    findings
}

fn matches_glob(glob: &str, path: &str) -> bool {
    match glob.split_once('*') {
        None => glob == path,
        Some((prefix, rest)) => path.strip_prefix(prefix).is_some_and(|path| {
            let name_end = path.find('/').unwrap_or(path.len());
            (0..=name_end).any(|end| path.is_char_boundary(end) && matches_glob(rest, &path[end..]))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::super::file::file;
    use super::*;

    #[test]
    fn pure_file_that_reads_the_clock_is_found_but_not_its_tests() {
        let pure = ["crates/a/src/*.rs"];
        let good = "#[cfg(test)]\nmod tests { fn a() { Uuid::new_v4(); } }";
        let good = file("crates/a/src/b.rs", good);
        assert!(check_pure(&pure, &[good]).is_empty());
        let bad = file("crates/a/src/b.rs", "fn a() {\n    chrono::Utc::now()\n}");
        assert_eq!(
            check_pure(&pure, &[bad]),
            ["crates/a/src/b.rs:2: `Utc::now` in a pure file"]
        );
        let other = file("crates/a/src/c/b.rs", "async fn a() {}");
        assert_eq!(
            check_pure(&pure, &[other]),
            ["crates/a/src/*.rs: no such file, but tidy/purity.rs names it"]
        );
    }

    #[test]
    fn imports_and_keywords_are_found() {
        let code = "use std::{fs, fmt};\nasync fn a() { b().await }\nfn c(at: SystemTime) {}";
        let findings = check_pure(&["a.rs"], &[file("a.rs", code)]);
        let found: Vec<&str> = findings
            .iter()
            .filter_map(|finding| finding.split('`').nth(1))
            .collect();
        assert_eq!(found, ["std::fs", "async", "await", "SystemTime"]);
    }
}
