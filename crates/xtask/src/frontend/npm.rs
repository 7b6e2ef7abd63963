//! npm's commands in the folder of the front end.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::checkout::root;

pub(super) fn folder() -> PathBuf {
    root().join("frontend")
}

/// For the logs and reports of npm's commands.
pub(super) fn output_folder() -> PathBuf {
    root().join("target").join("frontend")
}

pub(crate) fn npm(arguments: &[&str]) -> Command {
    let mut command = Command::new("npm");
    command
        .current_dir(folder())
        .args(arguments)
        .env("NO_UPDATE_NOTIFIER", "1")
        .stdin(Stdio::null());
    command
}
