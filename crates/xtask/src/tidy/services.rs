//! The service crates.

use super::file::File;

pub(super) const SERVICES: [&str; 5] = [
    "project",
    "interest",
    "consultation",
    "salesman-match",
    "salesman",
];

/// Whether the file is a Rust file of a service's `src/`.
pub(super) fn is_service_source(file: &File) -> bool {
    let Some((folder, path)) = file.split_crate() else {
        return false;
    };
    let is_service = folder
        .strip_prefix("crates/")
        .is_some_and(|name| SERVICES.contains(&name));
    is_service && path.starts_with("src/") && file.rust.is_some()
}
