//! `cargo xtask check tidy`: the rules of this repository that no compiler checks.
//!
//! A rule is a function from files to findings, so a test of a rule is a text with a finding.

mod circles;
mod comment_width;
mod decisions;
mod dependencies;
mod event_path;
mod file;
mod file_length;
mod module_names;
mod purity;
mod rust;
mod seed;
mod services;
mod statics;
mod test_names;
mod words;

use serde_json::Value;

pub(crate) use file::{File, read_files};

/// The findings of all rules.
pub(crate) fn findings(metadata: &Value, files: &[File]) -> Vec<String> {
    [
        dependencies::check(metadata),
        event_path::check(files),
        module_names::check(files),
        purity::check(files),
        statics::check(files),
        decisions::check(files),
        seed::check(files),
        circles::check(files),
        file_length::check(files),
        words::check(files),
        test_names::check(files),
        comment_width::check(files),
    ]
    .concat()
}
