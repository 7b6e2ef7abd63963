//! Roles instead of pronouns: "the customer", "the caller", "they".

use super::file::File;

const BANNED: [&str; 10] = [
    "he", "him", "himself", "his", "somebody", "nobody", "whoever", "whom", "anew", "told",
];

const EXTENSIONS: [&str; 3] = ["md", "rs", "sql"];

/// Files in which a word is right.
const ALLOWED: [(&str, &str); 2] = [
    // The Unix user that the servers run as.
    ("crates/sandbox/src/run_as.rs", "nobody"),
    // This rule.
    ("crates/xtask/src/tidy/words.rs", "*"),
];

pub(super) fn check(files: &[File]) -> Vec<String> {
    let mut findings = Vec::new();
    for file in files {
        let is_checked = EXTENSIONS
            .iter()
            .any(|extension| file.has_extension(extension));
        if !is_checked {
            continue;
        }
        for (number, line) in file.lines() {
            // Parts of snake_case names are words as well.
            for word in line.split(|letter: char| !letter.is_ascii_alphabetic()) {
                if BANNED
                    .iter()
                    .any(|banned| word.eq_ignore_ascii_case(banned))
                    && !is_allowed(&file.path, word)
                {
                    findings.push(format!("{}:{number}: \"{word}\"", file.path));
                }
            }
        }
    }
    findings
}

fn is_allowed(path: &str, word: &str) -> bool {
    ALLOWED
        .iter()
        .any(|(file, allowed)| *file == path && (*allowed == "*" || *allowed == word))
}

#[cfg(test)]
mod tests {
    use super::super::file::file;
    use super::*;

    #[test]
    fn banned_words_are_found_in_prose_and_names() {
        let text = "/// What he told.\nfn nobody_is_told() {}\n// History of the theme.";
        assert_eq!(
            check(&[file("crates/project/src/a.rs", text)]),
            [
                "crates/project/src/a.rs:1: \"he\"",
                "crates/project/src/a.rs:1: \"told\"",
                "crates/project/src/a.rs:2: \"nobody\"",
                "crates/project/src/a.rs:2: \"told\"",
            ]
        );
        assert_eq!(check(&[file("README.md", "Whom?")]).len(), 1);
        assert!(check(&[file("a.json", "whom")]).is_empty());
        let allowed = file("crates/sandbox/src/run_as.rs", "// The user nobody.");
        assert!(check(&[allowed]).is_empty());
    }
}
