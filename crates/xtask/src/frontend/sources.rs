//! Whether the packages and the built pages are those of the sources.

use std::fs;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

/// What the build reads: files and folders of the front end.
const SOURCES: [&str; 7] = [
    "index.html",
    "package-lock.json",
    "package.json",
    "public",
    "scripts",
    "src",
    "vite.config.ts",
];

/// A hash of the paths and contents of all sources.
pub(super) fn fingerprint(folder: &Path) -> Result<String> {
    let mut files = Vec::new();
    for source in SOURCES {
        list(&folder.join(source), &mut files)?;
    }
    files.sort();
    let mut hasher = DefaultHasher::new();
    for file in files {
        file.strip_prefix(folder).unwrap_or(&file).hash(&mut hasher);
        let content = fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?;
        content.hash(&mut hasher);
    }
    Ok(format!("{:016x}", hasher.finish()))
}

/// Whether the pages were built from sources with this fingerprint.
pub(super) fn is_built(folder: &Path, fingerprint: &str) -> bool {
    let is_complete = folder.join("dist").join("index.html").is_file();
    is_complete && fs::read_to_string(record(folder)).is_ok_and(|built| built == fingerprint)
}

/// Called before a build, so that one that is killed is repeated.
pub(super) fn forget_build(folder: &Path) -> Result<()> {
    let record = record(folder);
    if record.exists() {
        fs::remove_file(&record).with_context(|| format!("cannot remove {}", record.display()))?;
    }
    Ok(())
}

/// Called after a build.
pub(super) fn record_build(folder: &Path, fingerprint: &str) -> Result<()> {
    let record = record(folder);
    if let Some(parent) = record.parent() {
        fs::create_dir_all(parent)?;
    }
    fs::write(&record, fingerprint).with_context(|| format!("cannot write {}", record.display()))
}

/// Whether npm has installed packages since package-lock.json was written. npm writes its own copy
/// of that file last.
pub(super) fn is_installed(folder: &Path) -> bool {
    let written = |name: &str| {
        let metadata = fs::metadata(folder.join(name));
        metadata.and_then(|metadata| metadata.modified())
    };
    match (
        written("package-lock.json"),
        written("node_modules/.package-lock.json"),
    ) {
        (Ok(required), Ok(installed)) => installed >= required,
        _ => false,
    }
}

/// In a folder that `npm ci` removes: pages are built again with new packages.
fn record(folder: &Path) -> PathBuf {
    folder.join("node_modules/.cache/ktgg-built")
}

/// Adds the file, or all files below the folder. A source that does not exist adds nothing.
fn list(path: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    if path.is_file() {
        files.push(path.to_owned());
    } else if path.is_dir() {
        let entries =
            fs::read_dir(path).with_context(|| format!("cannot list {}", path.display()))?;
        for entry in entries {
            list(&entry?.path(), files)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::*;

    /// A front end of a test. Dropping it removes its folder.
    struct Frontend(PathBuf);

    impl Frontend {
        fn new(name: &str) -> Self {
            let name = format!("xtask-{name}-{}", std::process::id());
            let frontend = Self(std::env::temp_dir().join(name));
            frontend.write("index.html", "<div>");
            frontend.write("src/main.ts", "start()");
            frontend
        }

        fn write(&self, name: &str, text: &str) {
            let path = self.0.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }

        fn fingerprint(&self) -> String {
            fingerprint(&self.0).unwrap()
        }
    }

    impl Drop for Frontend {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn fingerprint_changes_with_sources_only() {
        let frontend = Frontend::new("fingerprint");
        let before = frontend.fingerprint();
        frontend.write("dist/index.html", "<div>");
        frontend.write("e2e/story.spec.ts", "test()");
        assert_eq!(frontend.fingerprint(), before);
        frontend.write("src/main.ts", "stop()");
        let changed = frontend.fingerprint();
        assert_ne!(changed, before);
        frontend.write("src/pages/home.vue", "");
        assert_ne!(frontend.fingerprint(), changed);
    }

    #[test]
    fn pages_are_built_until_sources_or_output_change() {
        let frontend = Frontend::new("built");
        let folder = &frontend.0;
        let fingerprint = frontend.fingerprint();
        assert!(!is_built(folder, &fingerprint));
        frontend.write("dist/index.html", "<div>");
        record_build(folder, &fingerprint).unwrap();
        assert!(is_built(folder, &fingerprint));
        assert!(!is_built(folder, "another"));
        fs::remove_dir_all(folder.join("dist")).unwrap();
        assert!(!is_built(folder, &fingerprint));
        frontend.write("dist/index.html", "<div>");
        forget_build(folder).unwrap();
        assert!(!is_built(folder, &fingerprint));
    }

    #[test]
    fn packages_older_than_the_lock_file_are_installed_again() {
        let frontend = Frontend::new("installed");
        let folder = &frontend.0;
        frontend.write("package-lock.json", "{}");
        assert!(!is_installed(folder));
        frontend.write("node_modules/.package-lock.json", "{}");
        assert!(is_installed(folder));
        let lock_file = fs::File::options()
            .write(true)
            .open(folder.join("package-lock.json"))
            .unwrap();
        let later = SystemTime::now() + Duration::from_secs(5);
        lock_file.set_modified(later).unwrap();
        assert!(!is_installed(folder));
    }
}
