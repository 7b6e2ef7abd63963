//! `cargo xtask check`: all checks of the sources. Every step runs, even after one has failed.

mod dependencies;
mod frontend;
mod outcome;
mod spelling;
mod tools;

use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Result, bail};
use clap::builder::PossibleValuesParser;
use sandbox::{Interrupt, Interrupted};

use crate::cargo::{cargo, metadata};
use crate::checkout::root;
use crate::console::{print_error, print_line};
use crate::process::{exit_code, run_successfully};
use crate::{generate, tidy};
use outcome::Outcome;

#[derive(clap::Args)]
pub(crate) struct Check {
    /// Only these steps
    #[arg(value_parser = PossibleValuesParser::new(STEPS.map(|(name, _)| name)))]
    steps: Vec<String>,
}

impl Check {
    fn includes(&self, step: &str) -> bool {
        self.steps.is_empty() || self.steps.iter().any(|name| name == step)
    }
}

type Step = (&'static str, fn(&Interrupt) -> Result<Outcome>);

/// Fast steps first.
const STEPS: [Step; 8] = [
    ("format", format),
    ("tidy", tidy),
    ("spelling", spelling::check),
    ("deny", dependencies::check),
    ("frontend", frontend::check),
    ("lints", lints),
    ("docs", docs),
    ("generated", generated),
];

pub(crate) fn run(check: &Check, interrupt: &Interrupt) -> Result<ExitCode> {
    let mut failed = Vec::new();
    let mut not_checked = Vec::new();
    for (name, step) in STEPS.iter().filter(|(name, _)| check.includes(name)) {
        let start = Instant::now();
        let result = step(interrupt);
        let seconds = start.elapsed().as_secs_f64();
        match result {
            Ok(Outcome::Passed) => print_line(&format!("{name}: ok … {seconds:.1} s")),
            Ok(Outcome::PassedWithout(part)) => {
                print_line(&format!("{name}: ok, but incomplete … {seconds:.1} s"));
                not_checked.push(part);
            }
            Ok(Outcome::Skipped(reason)) => {
                print_line(&format!("{name}: SKIPPED … {seconds:.1} s"));
                not_checked.push(format!("{name}: skipped: {reason}"));
            }
            Err(error) if error.is::<Interrupted>() => return Err(error),
            Err(error) => {
                print_error(&format!("{error:#}"));
                print_line(&format!("{name}: FAILED … {seconds:.1} s"));
                failed.push(*name);
            }
        }
    }
    for part in not_checked {
        print_line(&part);
    }
    if !failed.is_empty() {
        print_line(&format!("failed: {}", failed.join(", ")));
    }
    Ok(exit_code(failed.is_empty()))
}

fn format(interrupt: &Interrupt) -> Result<Outcome> {
    let mut command = cargo(&["fmt", "--all", "--check"]);
    run_successfully(&mut command, "cargo fmt", interrupt)?;
    Ok(Outcome::Passed)
}

fn tidy(interrupt: &Interrupt) -> Result<Outcome> {
    let files = tidy::read_files(&root())?;
    let findings = tidy::findings(&metadata(interrupt)?, &files);
    if !findings.is_empty() {
        bail!("  {}", findings.join("\n  "));
    }
    Ok(Outcome::Passed)
}

fn lints(interrupt: &Interrupt) -> Result<Outcome> {
    let mut command = cargo(&["clippy", "--workspace", "--all-targets", "--locked"]);
    command.args(["--", "-D", "warnings"]);
    run_successfully(&mut command, "cargo clippy", interrupt)?;
    Ok(Outcome::Passed)
}

fn docs(interrupt: &Interrupt) -> Result<Outcome> {
    let mut command = cargo(&[
        "doc",
        "--workspace",
        "--no-deps",
        "--document-private-items",
    ]);
    command.env("RUSTDOCFLAGS", "-D warnings");
    run_successfully(&mut command, "cargo doc", interrupt)?;
    Ok(Outcome::Passed)
}

fn generated(interrupt: &Interrupt) -> Result<Outcome> {
    Ok(match generate::check(interrupt)? {
        None => Outcome::Passed,
        Some(not_checked) => Outcome::PassedWithout(not_checked),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_arguments_all_steps_run_otherwise_the_named_ones() {
        let all = Check { steps: vec![] };
        assert!(STEPS.iter().all(|(name, _)| all.includes(name)));
        let one = Check {
            steps: vec![String::from("generated")],
        };
        let included = STEPS.iter().filter(|(name, _)| one.includes(name));
        assert_eq!(included.count(), 1);
    }
}
