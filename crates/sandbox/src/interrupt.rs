//! How a signal reaches code that waits, and which processes a second signal has to kill.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Result;
use rustix::process::{Pid, Signal, kill_process_group};

/// Shared by whoever hears the signal and whatever waits. Clones are the same one.
#[derive(Clone, Default, Debug)]
pub struct Interrupt(Arc<State>);

#[derive(Default, Debug)]
struct State {
    asked: AtomicBool,
    groups: Mutex<BTreeSet<u32>>,
}

/// The error of whatever was given up because of an [`Interrupt`]; not a failure.
#[derive(Debug)]
pub struct Interrupted;

impl fmt::Display for Interrupted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("stopped on request")
    }
}

impl std::error::Error for Interrupted {}

impl Interrupt {
    /// Asks whatever waits to give up and clean away.
    pub fn ask(&self) {
        self.0.asked.store(true, Ordering::SeqCst);
    }

    /// Whether somebody asked.
    pub fn asked(&self) -> bool {
        self.0.asked.load(Ordering::SeqCst)
    }

    /// Fails with [`Interrupted`] once somebody asked.
    pub fn check(&self) -> Result<()> {
        if self.asked() {
            Err(Interrupted.into())
        } else {
            Ok(())
        }
    }

    /// Kills the process group of every child that runs now, without waiting for anything.
    pub fn kill_everything(&self) {
        for group in self.groups().iter() {
            kill_group(*group);
        }
    }

    pub(crate) fn add(&self, group: u32) {
        self.groups().insert(group);
    }

    /// Called with the child reaped or about to be by the caller, so that its id is never signalled as somebody else's.
    pub(crate) fn remove(&self, group: u32) {
        self.groups().remove(&group);
    }

    fn groups(&self) -> MutexGuard<'_, BTreeSet<u32>> {
        self.0.groups.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Every child leads a group of its own, so that what it started goes with it.
pub(crate) fn kill_group(group: u32) {
    if let Some(group) = i32::try_from(group).ok().and_then(Pid::from_raw) {
        // It may have ended in the meantime.
        let _ = kill_process_group(group, Signal::KILL);
    }
}
