//! `cargo xtask test`: all tests, with a temporary Postgres and Kafka.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, Result};
use sandbox::{Interrupt, Progress};

use crate::cargo::cargo;
use crate::checkout::{paths, require_tools};
use crate::console::{print_error, print_line};
use crate::process::{exit_code, run_successfully, run_with_lines};
use crate::scratch::start_while_building;

#[derive(clap::Args)]
pub(crate) struct Test {
    /// Run only tests whose name contains one of these
    filter: Vec<String>,
    /// Arguments of the test programs, after `--`
    #[arg(last = true)]
    rest: Vec<String>,
}

/// The sums of all `test result:` lines.
#[derive(Default, Debug, PartialEq, Eq)]
struct Totals {
    passed: u64,
    failed: u64,
    skipped: u64,
}

pub(crate) fn run(test: &Test, interrupt: &Interrupt) -> Result<ExitCode> {
    let paths = paths();
    require_tools(&paths, true)?;
    let progress = Progress::new(4, true);
    let build = || {
        let step = progress.step("Tests", "building");
        let mut command = cargo(&["test", "--workspace", "--no-run"]);
        run_successfully(&mut command, "cargo test", interrupt)
            .context("the tests could not be built")?;
        step.finish("built");
        Ok(())
    };
    let (scratch, ()) = start_while_building("test", &paths, interrupt, &progress, build)?;

    let mut command = cargo(&["test", "--workspace", "--no-fail-fast", "--"]);
    command
        .args(&test.filter)
        .args(&test.rest)
        .env("KTGG_TEST_POSTGRES", scratch.postgres_url()?)
        .env("KTGG_TEST_KAFKA", scratch.kafka_address()?);
    let mut totals = Totals::default();
    let status = run_with_lines(&mut command, "cargo test", interrupt, |line| {
        print_line(line);
        totals.add(line);
    });
    let removed = scratch.remove();
    if interrupt.is_requested() {
        // A test that was killed could not stop its own sandbox.
        paths.remove_abandoned(Duration::ZERO, &progress);
    }
    let success = status?.success();
    removed?;
    if !success && totals.failed == 0 {
        print_error("A test program exited before it printed its result.");
    }
    if totals.ran_nothing() {
        print_error("No test ran.");
    }
    print_line(&totals.line());
    Ok(exit_code(success && !totals.ran_nothing()))
}

impl Totals {
    fn add(&mut self, line: &str) {
        let Some(counts) = line.strip_prefix("test result: ") else {
            return;
        };
        let count = |label: &str| -> u64 {
            let mut parts = counts.split([';', '.']).map(str::trim);
            parts
                .find_map(|part| part.strip_suffix(label)?.trim().parse().ok())
                .unwrap_or(0)
        };
        self.passed += count("passed");
        self.failed += count("failed");
        self.skipped += count("ignored") + count("filtered out");
    }

    fn ran_nothing(&self) -> bool {
        self.passed + self.failed == 0
    }

    fn line(&self) -> String {
        let skipped = if self.skipped > 0 {
            format!(", {} skipped", self.skipped)
        } else {
            String::new()
        };
        format!("{} passed, {} failed{skipped}", self.passed, self.failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn totals_are_the_sums_of_result_lines_only() {
        let mut totals = Totals::default();
        totals.add("running 3 tests");
        totals.add("test a ... ok");
        totals.add(
            "test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 2 filtered out; \
             finished in 0.01s",
        );
        totals.add(
            "test result: FAILED. 3 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; \
             finished in 1.25s",
        );
        assert_eq!(
            totals,
            Totals {
                passed: 15,
                failed: 2,
                skipped: 3
            }
        );
        assert_eq!(totals.line(), "15 passed, 2 failed, 3 skipped");
    }

    #[test]
    fn line_without_skipped_tests_has_two_counts() {
        let totals = Totals {
            passed: 4,
            failed: 0,
            skipped: 0,
        };
        assert_eq!(totals.line(), "4 passed, 0 failed");
    }

    #[test]
    fn run_with_only_filtered_tests_ran_nothing() {
        let mut totals = Totals::default();
        totals.add(
            "test result: ok. 0 passed; 0 failed; 0 ignored; 0 measured; 9 filtered out; \
             finished in 0.00s",
        );
        assert!(totals.ran_nothing());
    }
}
