//! No source file is too long: it would contain several subjects.

use super::file::File;

const MAX_LINES: usize = 450;

pub(super) fn check(files: &[File]) -> Vec<String> {
    let mut findings = Vec::new();
    for file in files.iter().filter(|file| file.rust.is_some()) {
        let is_source = matches!(file.split_crate(), Some((_, path)) if path.starts_with("src/"));
        let lines = file.text.lines().count();
        if is_source && lines > MAX_LINES {
            findings.push(format!("{}: {lines} lines; at most {MAX_LINES}", file.path));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::super::file::file;
    use super::*;

    #[test]
    fn long_source_file_is_found_but_not_a_long_test() {
        let long = "\n".repeat(451);
        let findings = check(&[
            file("gateway/src/hub.rs", &long),
            file("gateway/src/queue.rs", &long[1..]),
            file("gateway/tests/it/hub.rs", &long),
        ]);
        assert_eq!(findings, ["gateway/src/hub.rs: 451 lines; at most 450"]);
    }
}
