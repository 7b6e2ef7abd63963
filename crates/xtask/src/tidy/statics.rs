//! Services have no global state, so that several can run in one process.

use super::file::File;
use super::services::is_service_source;

const GLOBAL_STATE: [&str; 4] = ["static", "OnceLock", "LazyLock", "thread_local"];

pub(super) fn check(files: &[File]) -> Vec<String> {
    let mut findings = Vec::new();
    for file in files.iter().filter(|file| is_service_source(file)) {
        for path in file.code_paths() {
            for word in &path.segments {
                if GLOBAL_STATE.contains(&&**word) {
                    findings.push(format!(
                        "{}:{}: `{word}`; a service has no global state",
                        file.path, path.line
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
    fn static_in_a_service_is_found_but_not_a_lifetime_or_comment() {
        let bad = file(
            "crates/project/src/store.rs",
            "fn a() {}\nstatic SEEN: u8 = 0;\n",
        );
        assert_eq!(
            check(&[bad]),
            ["crates/project/src/store.rs:2: `static`; a service has no global state"]
        );
        let good = file(
            "crates/project/src/store.rs",
            "// static\nconst A: &'static str = \"static\";\n/* OnceLock */",
        );
        assert!(check(&[good]).is_empty());
        let kit = file("crates/service-kit/src/a.rs", "static A: u8 = 0;");
        assert!(check(&[kit]).is_empty());
        let lazy = file(
            "crates/project/src/http.rs",
            "use std::sync::{LazyLock, OnceLock};\nthread_local! {}",
        );
        assert_eq!(check(&[lazy]).len(), 3);
    }
}
