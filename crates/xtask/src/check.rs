//! `cargo xtask check`: everything asked of the sources. All steps run, so that one push shows all there is to mend.

use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context as _, Result, bail};
use sandbox::{Interrupt, Interrupted};

use crate::workspace::{cargo, lines, root, status};
use crate::{generate, say, tell, tidy};

#[derive(clap::Args)]
pub(crate) struct Check {
    /// Only these steps, by the first word of their names
    #[arg(value_parser = ["format", "tidy", "lints", "docs", "generated"])]
    steps: Vec<String>,
}

impl Check {
    fn wants(&self, step: &str) -> bool {
        self.steps.is_empty()
            || self
                .steps
                .iter()
                .any(|it| step.split(' ').next() == Some(it))
    }
}

type Step = (&'static str, fn(&Interrupt) -> Result<()>);

/// The quick ones first.
const STEPS: &[Step] = &[
    ("format", format),
    ("tidy", tidy),
    ("lints", lints),
    ("docs", docs),
    ("generated files", generate::check),
];

pub(crate) fn run(check: &Check, interrupt: &Interrupt) -> Result<ExitCode> {
    let mut failed = Vec::new();
    for (name, step) in STEPS.iter().filter(|it| check.wants(it.0)) {
        let begun = Instant::now();
        let result = step(interrupt);
        let seconds = begun.elapsed().as_secs_f64();
        match result {
            Ok(()) => say(&format!("{name}: fine … {seconds:.1} s")),
            Err(error) if error.is::<Interrupted>() => return Err(error),
            Err(error) => {
                tell(&format!("{error:#}"));
                say(&format!("{name}: FAILED … {seconds:.1} s"));
                failed.push(*name);
            }
        }
    }
    if failed.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    say(&format!("failed: {}", failed.join(", ")));
    Ok(ExitCode::FAILURE)
}

fn format(interrupt: &Interrupt) -> Result<()> {
    succeeds(
        &mut cargo(&["fmt", "--all", "--check"]),
        "cargo fmt",
        interrupt,
    )
}

fn lints(interrupt: &Interrupt) -> Result<()> {
    let arguments = [
        "clippy",
        "--workspace",
        "--all-targets",
        "--locked",
        "--",
        "-D",
        "warnings",
    ];
    succeeds(&mut cargo(&arguments), "cargo clippy", interrupt)
}

fn docs(interrupt: &Interrupt) -> Result<()> {
    let mut command = cargo(&[
        "doc",
        "--workspace",
        "--no-deps",
        "--document-private-items",
    ]);
    succeeds(
        command.env("RUSTDOCFLAGS", "-D warnings"),
        "cargo doc",
        interrupt,
    )
}

fn tidy(interrupt: &Interrupt) -> Result<()> {
    let mut metadata = String::new();
    let mut command = cargo(&["metadata", "--format-version", "1", "--no-deps"]);
    let status = lines(&mut command, "cargo metadata", interrupt, |line| {
        metadata.push_str(line);
    })?;
    if !status.success() {
        bail!("cargo metadata failed ({status})");
    }
    let metadata = serde_json::from_str(&metadata).context("cargo metadata wrote no JSON")?;
    let findings = tidy::findings(&metadata, &tidy::read(&root())?);
    if findings.is_empty() {
        Ok(())
    } else {
        bail!("  {}", findings.join("\n  "))
    }
}

fn succeeds(
    command: &mut std::process::Command,
    name: &'static str,
    interrupt: &Interrupt,
) -> Result<()> {
    let status = status(command, name, interrupt)?;
    if status.success() {
        Ok(())
    } else {
        bail!("{name} failed ({status})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_name_every_step_is_wanted_and_with_one_only_that() {
        let all = Check { steps: vec![] };
        assert!(STEPS.iter().all(|it| all.wants(it.0)));
        let one = Check {
            steps: vec![String::from("generated")],
        };
        assert_eq!(STEPS.iter().filter(|it| one.wants(it.0)).count(), 1);
    }
}
