//! The folder of the built pages.

use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// A folder whose `index.html` could be read at the start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PagesDir(PathBuf);

impl PagesDir {
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl FromStr for PagesDir {
    type Err = String;

    fn from_str(path: &str) -> Result<Self, String> {
        let path = PathBuf::from(path);
        match fs::read(path.join("index.html")) {
            Ok(_) => Ok(Self(path)),
            Err(error) => Err(format!(
                "its index.html cannot be read, so it is not the folder of the built pages: {error}"
            )),
        }
    }
}
