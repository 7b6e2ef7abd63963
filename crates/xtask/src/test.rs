//! `cargo xtask test`: all tests, with a temporary Postgres and Kafka.

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Result, bail};
use sandbox::{CheckoutPaths, Interrupt, Interrupted, Progress, tools};

use crate::cargo::{build_tests, cargo};
use crate::checkout::{paths, require_tools};
use crate::console::{print_error, print_line};
use crate::counts::Counts;
use crate::frontend;
use crate::process::{exit_code, run_with_lines};
use crate::scratch::{Scratch, in_parallel, start_while_building};

#[derive(clap::Args)]
pub(crate) struct Test {
    /// Run only Rust tests whose name contains one of these, and not those of the front end
    filter: Vec<String>,
    /// Arguments of the Rust test programs, after `--`; without the tests of the front end
    #[arg(last = true)]
    rest: Vec<String>,
}

impl Test {
    fn includes_frontend(&self) -> bool {
        self.filter.is_empty() && self.rest.is_empty()
    }
}

pub(crate) fn run(test: &Test, interrupt: &Interrupt) -> Result<ExitCode> {
    let paths = paths();
    require_tools(&paths, true, Vec::new())?;
    let progress = Progress::new(4 + usize::from(test.includes_frontend()), true);
    let build_pages = || {
        // A result inside: the Rust tests run even if the pages cannot be built.
        Ok(test
            .includes_frontend()
            .then(|| build_pages(&progress, interrupt)))
    };
    let build_tests = || {
        let step = progress.step("Tests", "building");
        let ktgg = build_tests(interrupt)?;
        step.finish("built");
        Ok(ktgg)
    };
    let build = || in_parallel(interrupt, build_pages, build_tests);
    let (scratch, (ktgg, pages)) =
        start_while_building("test", &paths, interrupt, &progress, build)?;

    let rust = run_rust_tests(test, &scratch, interrupt);
    let removed = scratch.remove();
    if interrupt.is_requested() {
        // A test that was killed could not stop its own sandbox.
        paths.remove_abandoned(Duration::ZERO, &progress);
    }
    let (mut total, mut success) = rust?;
    removed?;
    if !success && total.failed == 0 {
        print_error("A test program exited before it printed its result.");
    }

    if let Some(pages) = pages {
        match pages.and_then(|()| run_frontend_tests(&ktgg, &paths, &progress, interrupt)) {
            Ok((counts, succeeded)) => {
                print_line(&format!("frontend: {}", counts.line()));
                total += counts;
                success &= succeeded;
            }
            Err(error) if error.is::<Interrupted>() => return Err(error),
            Err(error) => {
                print_error(&format!("The front end was not tested.\n{error:#}"));
                success = false;
            }
        }
    }
    if total.ran_nothing() {
        print_error("No test ran.");
    }
    print_line(&total.line());
    Ok(exit_code(success && !total.ran_nothing()))
}

/// Fails if Node is missing, too.
fn build_pages(progress: &Progress, interrupt: &Interrupt) -> Result<()> {
    if let Some(message) = tools::missing_message(&frontend::missing_tools()) {
        bail!(message);
    }
    let step = progress.step("Pages", "installing packages");
    frontend::build(step, interrupt)
}

/// Returns the sums of all test programs, and whether all of them were successful.
fn run_rust_tests(test: &Test, scratch: &Scratch, interrupt: &Interrupt) -> Result<(Counts, bool)> {
    let mut command = cargo(&["test", "--workspace", "--no-fail-fast", "--"]);
    command
        .args(&test.filter)
        .args(&test.rest)
        .env("KTGG_TEST_POSTGRES", scratch.postgres_url()?)
        .env("KTGG_TEST_KAFKA", scratch.kafka_address()?);
    let mut total = Counts::default();
    let status = run_with_lines(&mut command, "cargo test", interrupt, |line| {
        print_line(line);
        total += parse_result(line).unwrap_or_default();
    })?;
    Ok((total, status.success()))
}

/// The stories start the programs that were built with the Rust tests, in a data folder of their
/// own: they stop and kill servers.
fn run_frontend_tests(
    ktgg: &Path,
    paths: &CheckoutPaths,
    progress: &Progress,
    interrupt: &Interrupt,
) -> Result<(Counts, bool)> {
    let programs = ktgg.parent().unwrap_or(ktgg);
    let data = paths.scratch_folder("e2e", progress);
    let result = frontend::test(programs, &data, interrupt);
    if data.exists() {
        // The stories were killed, and could not stop their servers.
        paths.remove_abandoned(Duration::ZERO, progress);
    }
    result
}

/// The counts of a line `test result: …`; `None` for another line.
fn parse_result(line: &str) -> Option<Counts> {
    let counts = line.strip_prefix("test result: ")?;
    let count = |label: &str| -> u64 {
        let mut parts = counts.split([';', '.']).map(str::trim);
        parts
            .find_map(|part| part.strip_suffix(label)?.trim().parse().ok())
            .unwrap_or(0)
    };
    Some(Counts {
        passed: count("passed"),
        failed: count("failed"),
        skipped: count("ignored") + count("filtered out"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn result_lines_are_counted_and_others_are_not() {
        let counts = |line: &str| parse_result(line).map(|counts| counts.line());
        assert_eq!(counts("running 3 tests"), None);
        assert_eq!(counts("test a ... ok"), None);
        let line = "test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 2 filtered out; \
                    finished in 0.01s";
        assert_eq!(
            counts(line).as_deref(),
            Some("12 passed, 0 failed, 3 skipped")
        );
        let line = "test result: FAILED. 3 passed; 2 failed; 0 ignored; 0 measured; 0 filtered \
                    out; finished in 1.25s";
        assert_eq!(counts(line).as_deref(), Some("3 passed, 2 failed"));
    }

    #[test]
    fn tests_of_the_front_end_run_without_a_filter_only() {
        let test = |filter: &[&str], rest: &[&str]| Test {
            filter: filter.iter().map(ToString::to_string).collect(),
            rest: rest.iter().map(ToString::to_string).collect(),
        };
        assert!(test(&[], &[]).includes_frontend());
        assert!(!test(&["erasure"], &[]).includes_frontend());
        assert!(!test(&[], &["--ignored"]).includes_frontend());
    }
}
