//! Pure files: no I/O, no clock, no randomness, nothing asynchronous. Time and ids are arguments.

use super::file::File;

/// Globs of the pure files. `*` matches a part of a file or folder name, and files of tests are
/// skipped. A glob that matches no file is a finding, so that a renamed file stays in the list.
const PURE: [&str; 41] = [
    "crates/consultation/src/consultation.rs",
    "crates/consultation/src/holidays.rs",
    "crates/consultation/src/known_project.rs",
    "crates/consultation/src/names.rs",
    "crates/consultation/src/timeline.rs",
    "crates/consultation/src/timeline_order.rs",
    "crates/events/src/*.rs",
    "crates/interest/src/interest.rs",
    "crates/interest/src/interest/*.rs",
    "crates/project/src/facets.rs",
    "crates/project/src/filter.rs",
    "crates/project/src/hangul.rs",
    "crates/project/src/import.rs",
    "crates/project/src/import/*.rs",
    "crates/project/src/import/csv/*.rs",
    "crates/project/src/import/workbook/*.rs",
    "crates/project/src/letters.rs",
    "crates/project/src/period.rs",
    "crates/project/src/period/*.rs",
    "crates/project/src/project.rs",
    "crates/project/src/project/*.rs",
    "crates/project/src/regions.rs",
    "crates/project/src/search.rs",
    "crates/project/src/series.rs",
    "crates/project/src/series/*.rs",
    "crates/project/src/visit_card.rs",
    "crates/project/src/visit_card/*.rs",
    "crates/salesman/src/notification.rs",
    "crates/salesman/src/salesman.rs",
    "crates/salesman-match/src/salesman_match.rs",
    "crates/salesman-match/src/strategy.rs",
    "crates/service-kit/src/forms/phone.rs",
    "crates/service-kit/src/forms/text.rs",
    "crates/service-kit/src/http/date.rs",
    "crates/service-kit/src/http/fields.rs",
    "crates/service-kit/src/http/repeated_keys.rs",
    "crates/service-kit/src/messaging/sequencing.rs",
    "gateway/src/api/audit/redact.rs",
    "gateway/src/live/audience.rs",
    "gateway/src/live/cursor.rs",
    "gateway/src/live/versions.rs",
];

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
            .filter(|file| matches_glob(glob, &file.path) && !file.path.ends_with("/tests.rs"))
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
