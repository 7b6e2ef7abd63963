//! The unit tests of the front end, and its stories in a browser.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result};
use sandbox::Interrupt;
use serde_json::Value;

use super::npm::{npm, output_folder};
use super::reports;
use crate::console::print_error;
use crate::counts::Counts;
use crate::process;

/// Runs the unit tests, then the stories with the programs in `programs` (`ktgg`, `gateway` and
/// `sandbox`) and a data folder that the stories create. Returns the sums, and whether both runs
/// were successful: a file that cannot be loaded fails a run without a failed test.
pub(crate) fn run(programs: &Path, data: &Path, interrupt: &Interrupt) -> Result<(Counts, bool)> {
    let report = output_folder().join("unit.json");
    let mut unit = npm(&["test", "--", "--reporter=default", "--reporter=json"]);
    unit.arg("--allowOnly=false");
    unit.arg(format!("--outputFile.json={}", report.display()));
    let unit = run_one(&mut unit, "npm test", &report, reports::vitest, interrupt)?;

    let report = output_folder().join("e2e.json");
    let mut e2e = npm(&["run", "e2e", "--", "--reporter=list,json", "--forbid-only"]);
    e2e.env("PLAYWRIGHT_JSON_OUTPUT_FILE", &report)
        .env("KTGG_PROGRAMS", programs)
        .env("KTGG_E2E_DATA", data);
    let count = reports::playwright;
    let e2e = run_one(&mut e2e, "npm run e2e", &report, count, interrupt)?;

    let mut counts = unit.0;
    counts += e2e.0;
    Ok((counts, unit.1 && e2e.1))
}

/// A run without a report counts as no tests, and as a failure.
fn run_one(
    command: &mut Command,
    name: &'static str,
    report: &Path,
    count: fn(&Value) -> Option<Counts>,
    interrupt: &Interrupt,
) -> Result<(Counts, bool)> {
    // Not the report of an earlier run.
    let _ = fs::remove_file(report);
    let status = process::run(command, name, interrupt)?;
    match read(report, count) {
        Ok(counts) => {
            if !status.success() && counts.failed == 0 {
                print_error(&format!("{name} failed outside of a test ({status})"));
            }
            Ok((counts, status.success()))
        }
        Err(error) => {
            print_error(&format!(
                "{name} ended without a report ({status}): {error:#}"
            ));
            Ok((Counts::default(), false))
        }
    }
}

fn read(report: &Path, count: fn(&Value) -> Option<Counts>) -> Result<Counts> {
    let text =
        fs::read_to_string(report).with_context(|| format!("cannot read {}", report.display()))?;
    count(&serde_json::from_str(&text)?).context("it contains no counts")
}
