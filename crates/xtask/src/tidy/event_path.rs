//! The first migration of each service is the kit's event path, unchanged.

use super::file::File;
use super::services::SERVICES;

const KIT: &str = "crates/service-kit/sql/event_path.sql";

pub(super) fn check(files: &[File]) -> Vec<String> {
    let text_of = |path: &str| {
        let file = files.iter().find(|file| file.path == path);
        file.map(|file| &file.text)
    };
    SERVICES
        .iter()
        .map(|service| format!("crates/{service}/migrations/0001_event_path.sql"))
        .filter(|path| text_of(path).is_none() || text_of(path) != text_of(KIT))
        .map(|path| format!("{path} differs from {KIT}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::file::file;
    use super::*;

    #[test]
    fn missing_or_different_first_migration_is_found() {
        let migration = |service: &&str, text: &str| {
            let path = format!("crates/{service}/migrations/0001_event_path.sql");
            file(&path, text)
        };
        let mut files: Vec<File> = SERVICES
            .iter()
            .map(|service| migration(service, "a"))
            .collect();
        files.push(file(KIT, "a"));
        assert!(check(&files).is_empty());
        files[1].text.push('b');
        files.remove(0);
        assert_eq!(check(&files).len(), 2);
    }
}
