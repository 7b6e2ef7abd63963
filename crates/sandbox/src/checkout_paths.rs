//! The default folders of a checkout.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::data_folder::DataFolder;
use crate::downloads;
use crate::interrupt::Interrupt;
use crate::progress::Progress;
use crate::run_as::RunAs;
use crate::short_hash::short_hash;

/// A younger scratch folder may belong to a process that is about to lock it.
const MIN_ABANDONED_AGE: Duration = Duration::from_mins(10);

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckoutPaths {
    /// The data folder of `cargo xtask up`.
    pub data: PathBuf,
    /// The downloaded and unpacked servers, shared by all data folders.
    pub downloads: PathBuf,
    /// Contains the data folders of single test runs.
    pub scratch: PathBuf,
}

impl CheckoutPaths {
    /// The folders lie inside the checkout. For root they lie in `/var/tmp` if the unprivileged
    /// user that the servers run as cannot enter the checkout (a home directory of mode 0700);
    /// their names then contain a hash of the checkout's path.
    pub fn of(workspace: &Path) -> Self {
        let downloads = downloads::folder_name();
        let target = workspace.join("target");
        match RunAs::unprivileged_if_root() {
            Ok(Some(user)) if !user.can_access(workspace) => {
                let hash = short_hash(workspace.as_os_str().as_encoded_bytes());
                let base = format!("/var/tmp/ktgg-{hash}");
                Self {
                    data: PathBuf::from(&base),
                    downloads: PathBuf::from(format!("{base}-cache")).join(downloads),
                    scratch: PathBuf::from(format!("{base}-scratch")),
                }
            }
            _ => Self {
                data: workspace.join(".ktgg"),
                downloads: target.join(downloads),
                scratch: target.join("sandbox-scratch"),
            },
        }
    }

    /// The paths of the checkout in which this crate was built.
    pub fn of_this_checkout() -> Self {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        Self::of(here.ancestors().nth(2).unwrap_or(here))
    }

    /// The data folder of one run, named after its purpose and this process. Removes the folders
    /// of killed runs.
    pub fn scratch_folder(&self, purpose: &str, progress: &Progress) -> PathBuf {
        self.remove_abandoned(MIN_ABANDONED_AGE, progress);
        let name = format!("{purpose}-{}", std::process::id());
        self.scratch.join(name)
    }

    /// Removes the scratch folders that no process holds, and stops what still runs in them.
    pub fn remove_abandoned(&self, min_age: Duration, progress: &Progress) {
        for entry in fs::read_dir(&self.scratch).into_iter().flatten().flatten() {
            let age = entry
                .metadata()
                .and_then(|metadata| metadata.modified())
                .ok()
                .and_then(|modified| modified.elapsed().ok());
            // A folder that is held cannot be acquired; a folder that cannot be removed is skipped.
            if age.is_some_and(|age| age >= min_age)
                && let Ok(folder) = DataFolder::acquire(
                    &entry.path(),
                    "the removal of an old run",
                    &Interrupt::default(),
                    progress,
                )
            {
                let _ = fs::remove_dir_all(folder.path());
            }
        }
    }
}
