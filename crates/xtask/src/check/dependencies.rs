//! Dependencies: cargo-deny with `deny.toml`.

use std::fs::{self, File};
use std::process::{Command, Stdio};

use anyhow::Result;
use sandbox::Interrupt;

use super::outcome::Outcome;
use super::tools::CARGO_DENY;
use crate::checkout::root;
use crate::process;

/// The checks that need no network.
const OFFLINE_CHECKS: [&str; 3] = ["bans", "licenses", "sources"];

pub(super) fn check(interrupt: &Interrupt) -> Result<Outcome> {
    let mut fetch = match CARGO_DENY.command(interrupt) {
        Ok(command) => command,
        Err(error) => return Outcome::skipped(error),
    };
    let fetch_error = fetch_advisories(&mut fetch, interrupt)?;
    let mut check = CARGO_DENY.command(interrupt)?;
    check.args(["--locked", "check"]).args(OFFLINE_CHECKS);
    if fetch_error.is_none() {
        check.arg("advisories");
    }
    process::run_successfully(&mut check, "cargo-deny", interrupt)?;
    Ok(fetch_error.map_or(Outcome::Passed, |error| {
        Outcome::PassedWithout(format!(
            "advisories: not checked: the database cannot be fetched ({error})"
        ))
    }))
}

/// Fetches the advisory database. Returns the last line of the error if that fails.
fn fetch_advisories(command: &mut Command, interrupt: &Interrupt) -> Result<Option<String>> {
    let log = root().join("target").join("tools").join("advisories.log");
    command
        .args(["fetch", "db"])
        .env("GIT_TERMINAL_PROMPT", "0")
        .stdout(Stdio::null())
        .stderr(File::create(&log)?);
    let status = process::run(command, "cargo-deny", interrupt)?;
    if status.success() {
        return Ok(None);
    }
    let log = fs::read_to_string(&log)?;
    let line = log.lines().rfind(|line| !line.trim().is_empty());
    Ok(Some(line.unwrap_or_default().trim().to_owned()))
}
