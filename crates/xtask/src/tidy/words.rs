//! Roles instead of pronouns: "the customer", "the caller", "they".

use super::file::File;

/// One word per line.
const BANNED: &str = include_str!("words.txt");

const EXTENSIONS: [&str; 7] = ["css", "md", "mjs", "rs", "sql", "ts", "vue"];

/// Files in which one of the words is right.
const ALLOWED: [&str; 4] = [
    // The Unix user that the servers run as.
    "crates/sandbox/src/run_as.rs",
    // Names in statements of an applied migration, and its test.
    "crates/consultation/migrations/0003_follow_up.sql",
    "crates/consultation/migrations/0006_name_keys.sql",
    "crates/consultation/tests/it/migrations.rs",
];

pub(super) fn check(files: &[File]) -> Vec<String> {
    let mut findings = Vec::new();
    for file in files {
        let is_checked = EXTENSIONS
            .iter()
            .any(|extension| file.has_extension(extension));
        if !is_checked || ALLOWED.contains(&&*file.path) {
            continue;
        }
        for (number, line) in file.lines() {
            // Parts of snake_case names are words as well.
            for word in line.split(|letter: char| !letter.is_ascii_alphabetic()) {
                if BANNED
                    .lines()
                    .any(|banned| word.eq_ignore_ascii_case(banned))
                {
                    findings.push(format!("{}:{number}: \"{word}\"", file.path));
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
    fn banned_words_are_found_in_prose_and_names() {
        let words: Vec<&str> = BANNED.lines().collect();
        let [first, second] = [words[0], words[1]];
        let text = format!("/// What {first} did.\nfn {second}_is_here() {{}}\n// In a theme.");
        assert_eq!(
            check(&[file("crates/project/src/a.rs", &text)]),
            [
                format!("crates/project/src/a.rs:1: \"{first}\""),
                format!("crates/project/src/a.rs:2: \"{second}\""),
            ]
        );
        assert_eq!(check(&[file("README.md", &first.to_uppercase())]).len(), 1);
        let page = format!("<p>{first}님</p>");
        assert_eq!(check(&[file("frontend/src/a.vue", &page)]).len(), 1);
        assert!(check(&[file("a.json", first)]).is_empty());
        assert!(check(&[file(ALLOWED[0], &format!("// {first}"))]).is_empty());
    }
}
