//! Spelling: typos with `.typos.toml`.

use anyhow::Result;
use sandbox::Interrupt;

use super::outcome::Outcome;
use super::tools::TYPOS;
use crate::process;

pub(super) fn check(interrupt: &Interrupt) -> Result<Outcome> {
    match TYPOS.command(interrupt) {
        Ok(mut command) => {
            process::run_successfully(&mut command, "typos", interrupt)?;
            Ok(Outcome::Passed)
        }
        Err(error) => Outcome::skipped(error),
    }
}
