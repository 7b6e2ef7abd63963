//! The text files of the checkout.

use std::panic::resume_unwind;
use std::path::Path;
use std::{fs, thread};

use anyhow::{Context as _, Result};

use super::rust::{Path as RustPath, RustFile};

/// Folders of built, downloaded or local files.
const IGNORED_FOLDERS: [&str; 7] = [
    ".git",
    ".ktgg",
    "dist",
    "node_modules",
    "playwright-report",
    "target",
    "test-results",
];

/// A file with its path relative to the root of the checkout.
pub(crate) struct File {
    pub(super) path: String,
    pub(super) text: String,
    /// The parsed code of a `.rs` file.
    pub(super) rust: Option<RustFile>,
}

impl File {
    /// Fails if Rust code cannot be parsed.
    pub(super) fn new(path: String, text: String) -> Result<Self> {
        let rust = if has_extension(&path, "rs") {
            Some(RustFile::parse(&text).with_context(|| format!("cannot parse {path}"))?)
        } else {
            None
        };
        Ok(Self { path, text, rust })
    }

    pub(super) fn has_extension(&self, extension: &str) -> bool {
        has_extension(&self.path, extension)
    }

    /// All paths in the code, without tests; none if it is not Rust.
    pub(super) fn code_paths(&self) -> impl Iterator<Item = &RustPath> {
        self.rust.iter().flat_map(RustFile::paths)
    }

    /// The lines with their numbers, which begin at 1.
    pub(super) fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        (1..).zip(self.text.lines())
    }

    /// `crates/project` for a file of the crate `project`, and its path inside the crate.
    pub(super) fn split_crate(&self) -> Option<(&str, &str)> {
        let rest = self.path.strip_prefix("crates/");
        let crate_folder_length = match rest {
            Some(rest) => "crates/".len() + rest.find('/')?,
            None => self.path.find('/')?,
        };
        let (folder, path) = self.path.split_at(crate_folder_length);
        Some((folder, &path[1..]))
    }
}

fn has_extension(path: &str, extension: &str) -> bool {
    let actual = Path::new(path).extension();
    actual.is_some_and(|actual| actual == extension)
}

/// Reads all text files, sorted by path.
pub(crate) fn read_files(root: &Path) -> Result<Vec<File>> {
    let mut texts = Vec::new();
    read_folder(root, root, &mut texts)?;
    texts.sort();
    parse_all(texts)
}

/// Parsing takes a few seconds, so each core parses a part.
fn parse_all(texts: Vec<(String, String)>) -> Result<Vec<File>> {
    let cores = thread::available_parallelism()?.get();
    let chunk_length = texts.len().div_ceil(cores).max(1);
    let mut texts = texts.into_iter();
    thread::scope(|scope| {
        let threads: Vec<_> = (0..cores)
            .map(|_| {
                let chunk: Vec<_> = texts.by_ref().take(chunk_length).collect();
                scope.spawn(move || {
                    let files = chunk.into_iter().map(|(path, text)| File::new(path, text));
                    files.collect::<Result<Vec<File>>>()
                })
            })
            .collect();
        let mut files = Vec::new();
        for thread in threads {
            let parsed = thread.join().unwrap_or_else(|panic| resume_unwind(panic));
            files.extend(parsed?);
        }
        Ok(files)
    })
}

/// Adds path and text of each text file.
fn read_folder(root: &Path, folder: &Path, texts: &mut Vec<(String, String)>) -> Result<()> {
    let entries =
        fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?;
    for entry in entries {
        let entry = entry?;
        let kind = entry.file_type()?;
        let path = entry.path();
        let is_ignored = || {
            IGNORED_FOLDERS
                .iter()
                .any(|name| entry.file_name() == *name)
        };
        if kind.is_dir() && !is_ignored() {
            read_folder(root, &path, texts)?;
        } else if kind.is_file()
            // Binary files are not UTF-8.
            && let Ok(text) = fs::read_to_string(&path)
        {
            let path = path.strip_prefix(root).unwrap_or(&path);
            texts.push((path.to_string_lossy().into_owned(), text));
        }
    }
    Ok(())
}

/// A file of a test.
#[cfg(test)]
pub(super) fn file(path: &str, text: &str) -> File {
    File::new(path.to_owned(), text.to_owned()).expect("the code can be parsed")
}
