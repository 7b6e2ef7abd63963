//! Cancels waiting code after a signal, and knows the children to kill after a second one.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Result;
use rustix::process::{Pid, Signal, kill_process_group};

/// Shared by the signal handler and everything that waits. Clones share the same state.
#[derive(Clone, Default, Debug)]
pub struct Interrupt(Arc<State>);

#[derive(Default, Debug)]
struct State {
    requested: AtomicBool,
    process_groups: Mutex<BTreeSet<u32>>,
}

/// The error of work that an [`Interrupt`] cancelled.
#[derive(Debug)]
pub struct Interrupted;

impl fmt::Display for Interrupted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("stopped on request")
    }
}

impl std::error::Error for Interrupted {}

impl Interrupt {
    /// Cancels everything that waits.
    pub fn request(&self) {
        self.0.requested.store(true, Ordering::SeqCst);
    }

    pub fn is_requested(&self) -> bool {
        self.0.requested.load(Ordering::SeqCst)
    }

    /// Fails with [`Interrupted`] after [`Self::request`].
    pub fn check(&self) -> Result<()> {
        if self.is_requested() {
            Err(Interrupted.into())
        } else {
            Ok(())
        }
    }

    /// Kills the process groups of all running children, without waiting for their end.
    pub fn kill_children(&self) {
        for group in self.process_groups().iter() {
            kill_group(*group);
        }
    }

    pub(crate) fn add(&self, group: u32) {
        self.process_groups().insert(group);
    }

    /// Called when the child is reaped: its id may belong to another process afterwards.
    pub(crate) fn remove(&self, group: u32) {
        self.process_groups().remove(&group);
    }

    fn process_groups(&self) -> MutexGuard<'_, BTreeSet<u32>> {
        let groups = self.0.process_groups.lock();
        groups.unwrap_or_else(PoisonError::into_inner)
    }
}

/// Kills a child with everything that it started: each child leads its own process group.
pub(crate) fn kill_group(group: u32) {
    if let Some(group) = i32::try_from(group).ok().and_then(Pid::from_raw) {
        // Fails if the group has ended in the meantime.
        let _ = kill_process_group(group, Signal::KILL);
    }
}
