//! `cargo xtask test`: every test, against a Postgres and a Kafka that nobody else uses.

use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use sandbox::{Folder, Interrupt, Options, Places, Progress, Sandbox};

use crate::workspace::{cargo, check_tools, lines, places, status};
use crate::{say, tell};

#[derive(clap::Args)]
pub(crate) struct Test {
    /// Run only tests whose name contains one of these
    filter: Vec<String>,
    /// What follows `--` is given to every test program
    #[arg(last = true)]
    rest: Vec<String>,
}

/// The sum of all `test result:` lines.
#[derive(Default, Debug, PartialEq, Eq)]
struct Totals {
    passed: u64,
    failed: u64,
    skipped: u64,
}

pub(crate) fn run(test: &Test, interrupt: &Interrupt) -> Result<ExitCode> {
    let places = places();
    check_tools(&places, true)?;
    let progress = Progress::new(4, true);
    let sandbox = start_beside(
        "cargo xtask test",
        "test",
        &places,
        interrupt,
        &progress,
        || {
            let step = progress.step("Tests", "building");
            let built = status(
                &mut cargo(&["test", "--workspace", "--no-run"]),
                "cargo test",
                interrupt,
            )?;
            if !built.success() {
                bail!("the tests could not be built ({built})");
            }
            step.done("built");
            Ok(())
        },
    );
    let (sandbox, ()) = sandbox?;

    let mut command = cargo(&["test", "--workspace", "--no-fail-fast", "--"]);
    command.args(&test.filter).args(&test.rest);
    command
        .env("KTGG_TEST_POSTGRES", sandbox.postgres_url())
        .env("KTGG_TEST_KAFKA", sandbox.kafka());
    let mut totals = Totals::default();
    let ran = lines(&mut command, "cargo test", interrupt, |line| {
        say(line);
        totals.add(line);
    });
    // The folder goes whichever way the tests went; why they failed has been said by them.
    let removed = sandbox.remove();
    if interrupt.asked() {
        // A test that was ended could not stop a sandbox of its own.
        places.remove_abandoned(Duration::ZERO, &progress);
    }
    let success = ran?.success();
    removed?;
    if !success && totals.failed == 0 {
        tell("A test program ended before it told its result.");
    }
    if totals.ran_nothing() {
        tell("No test ran.");
    }
    say(&totals.line());
    Ok(if success && !totals.ran_nothing() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Starts a sandbox of its own on free ports while `build` runs, and gives both results.
pub(crate) fn start_beside<T: Send>(
    holder: &str,
    purpose: &str,
    places: &Places,
    interrupt: &Interrupt,
    progress: &Progress,
    build: impl FnOnce() -> Result<T> + Send,
) -> Result<(Scratch, T)> {
    let mut options = Options::on_free_ports(places.scratch_folder(purpose, progress))?;
    options.parts.clone_from(&places.parts);
    holder.clone_into(&mut options.holder);
    options.interrupt = interrupt.clone();
    thread::scope(|both| {
        let build = both.spawn(build);
        let sandbox = Scratch::start(&options, progress);
        if sandbox.is_err() && !build.is_finished() {
            // Nobody will run what is being built.
            interrupt.ask();
        }
        let outcome = build
            .join()
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        sandbox.and_then(|it| Ok((it, outcome?)))
    })
}

/// A sandbox whose folder goes with it.
pub(crate) struct Scratch {
    sandbox: Option<Sandbox>,
    options: Options,
}

impl Scratch {
    fn start(options: &Options, progress: &Progress) -> Result<Self> {
        // Made first, so that a start that fails halfway is cleaned away as well.
        let mut scratch = Self {
            sandbox: None,
            options: options.clone(),
        };
        scratch.sandbox = Some(Sandbox::start(options, progress)?);
        Ok(scratch)
    }

    pub(crate) fn data(&self) -> &std::path::Path {
        &self.options.data
    }

    pub(crate) fn folder(&self) -> Result<&Folder> {
        self.sandbox
            .as_ref()
            .map(Sandbox::folder)
            .context("the sandbox was given back")
    }

    pub(crate) fn postgres_url(&self) -> String {
        self.sandbox
            .as_ref()
            .map(Sandbox::postgres_url)
            .unwrap_or_default()
    }

    pub(crate) fn kafka(&self) -> String {
        self.sandbox
            .as_ref()
            .map(Sandbox::kafka)
            .unwrap_or_default()
    }

    pub(crate) fn remove(mut self) -> Result<()> {
        self.sandbox.take().map_or(Ok(()), Sandbox::remove)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        self.sandbox = None;
        let _ = std::fs::remove_dir_all(&self.options.data);
    }
}

impl Totals {
    fn add(&mut self, line: &str) {
        let Some(counts) = line.strip_prefix("test result: ") else {
            return;
        };
        let of = |word: &str| -> u64 {
            let mut parts = counts.split([';', '.']).map(str::trim);
            parts
                .find_map(|it| it.strip_suffix(word)?.trim().parse().ok())
                .unwrap_or(0)
        };
        self.passed += of("passed");
        self.failed += of("failed");
        self.skipped += of("ignored") + of("filtered out");
    }

    fn ran_nothing(&self) -> bool {
        self.passed + self.failed == 0
    }

    fn line(&self) -> String {
        let Self {
            passed,
            failed,
            skipped,
        } = self;
        let skipped = if *skipped > 0 {
            format!(", {skipped} skipped")
        } else {
            String::new()
        };
        format!("{passed} passed, {failed} failed{skipped}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn totals_are_the_sum_of_every_result_line_and_of_nothing_else() {
        let mut totals = Totals::default();
        totals.add("running 3 tests");
        totals.add("test a ... ok");
        totals.add("test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 2 filtered out; finished in 0.01s");
        totals.add("test result: FAILED. 3 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.25s");
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
    fn nothing_is_said_of_skipped_tests_when_there_are_none() {
        assert_eq!(
            Totals {
                passed: 4,
                failed: 0,
                skipped: 0
            }
            .line(),
            "4 passed, 0 failed"
        );
    }

    #[test]
    fn a_run_in_which_every_test_was_filtered_out_ran_nothing() {
        let mut totals = Totals::default();
        totals.add("test result: ok. 0 passed; 0 failed; 0 ignored; 0 measured; 9 filtered out; finished in 0.00s");
        assert!(totals.ran_nothing());
    }
}
