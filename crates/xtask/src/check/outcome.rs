//! The result of a step that did not fail.

use anyhow::{Error, Result};
use sandbox::Interrupted;

pub(super) enum Outcome {
    Passed,
    /// Passed, but a part was not checked; with the reason.
    PassedWithout(String),
    /// Not run; with the reason.
    Skipped(String),
}

impl Outcome {
    /// Skips a step whose tool cannot be installed.
    pub(super) fn skipped(error: Error) -> Result<Self> {
        if error.is::<Interrupted>() {
            return Err(error);
        }
        Ok(Self::Skipped(format!("{error:#}")))
    }
}
