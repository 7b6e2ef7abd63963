//! The pages: their packages, their build, and npm's commands.

mod node;
mod npm;
mod reports;
mod sources;
mod suites;

use std::fs::{self, File, TryLockError};
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result};
use sandbox::{Interrupt, Step};

use crate::process::run_with_log;

pub(crate) use node::missing_tools;
pub(crate) use npm::npm;
use npm::{folder, output_folder};
pub(crate) use suites::run as test;

const LOCK_POLL_INTERVAL: Duration = Duration::from_millis(100);

/// The folder that the gateway serves.
pub(crate) fn dist() -> PathBuf {
    folder().join("dist")
}

/// Installs the packages unless they are those of package-lock.json.
pub(crate) fn install(interrupt: &Interrupt) -> Result<()> {
    let _lock = lock(interrupt)?;
    install_locked(interrupt)
}

/// Builds the pages unless nothing has changed since their last build.
pub(crate) fn build(step: Step, interrupt: &Interrupt) -> Result<()> {
    let _lock = lock(interrupt)?;
    install_locked(interrupt)?;
    let folder = folder();
    let fingerprint = sources::fingerprint(&folder)?;
    if sources::is_built(&folder, &fingerprint) {
        step.finish("not changed");
        return Ok(());
    }
    step.update("building");
    sources::forget_build(&folder)?;
    run_logged(&["run", "build"], "npm run build", interrupt)?;
    sources::record_build(&folder, &fingerprint)?;
    step.finish("built");
    Ok(())
}

fn install_locked(interrupt: &Interrupt) -> Result<()> {
    if sources::is_installed(&folder()) {
        return Ok(());
    }
    run_logged(&["ci", "--no-audit", "--no-fund"], "npm ci", interrupt)
}

/// Fails with the last lines of the output.
fn run_logged(arguments: &[&str], name: &'static str, interrupt: &Interrupt) -> Result<()> {
    let log = output_folder().join("npm.log");
    run_with_log(&mut npm(arguments), name, log, interrupt)
}

/// One process at a time installs and builds, because both replace whole folders.
fn lock(interrupt: &Interrupt) -> Result<File> {
    let folder = output_folder();
    fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
    let file = File::create(folder.join("lock"))?;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) => interrupt.check()?,
            Err(TryLockError::Error(error)) => return Err(error.into()),
        }
        thread::sleep(LOCK_POLL_INTERVAL);
    }
}
