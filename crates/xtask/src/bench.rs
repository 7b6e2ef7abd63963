//! `cargo xtask bench`: figures from an optimised build, on a Postgres and a Kafka of its own.

use std::process::{Command, ExitCode, Stdio};

use anyhow::Result;
use sandbox::{Interrupt, Progress};

use crate::test::start_beside;
use crate::workspace::{build_ktgg, check_tools, places, status};

#[derive(clap::Subcommand)]
pub(crate) enum Bench {
    /// How long it takes from a request until the browsers concerned are told of it
    Live(Live),
}

#[derive(clap::Args)]
pub(crate) struct Live {
    /// How many requests
    #[arg(long, default_value_t = 1000)]
    requests: u32,
    /// How many of them a second
    #[arg(long, default_value_t = 50)]
    rate: u32,
}

pub(crate) fn run(bench: &Bench, interrupt: &Interrupt) -> Result<ExitCode> {
    let Bench::Live(live) = bench;
    let places = places();
    check_tools(&places, true)?;
    let progress = Progress::new(4, true);
    let (sandbox, program) = start_beside(
        "cargo xtask bench",
        "bench",
        &places,
        interrupt,
        &progress,
        || {
            let step = progress.step("KT.GG", "building with optimisation");
            let program = build_ktgg(true, interrupt)?;
            step.done("built with optimisation");
            Ok(program)
        },
    )?;
    let mut command = Command::new(program);
    command.args([
        "bench",
        "live",
        "--postgres",
        &sandbox.postgres_url(),
        "--kafka",
        &sandbox.kafka(),
    ]);
    command.arg("--data").arg(sandbox.data());
    command.args([
        "--requests",
        &live.requests.to_string(),
        "--rate",
        &live.rate.to_string(),
    ]);
    let ran = status(command.stdin(Stdio::null()), "ktgg bench", interrupt);
    let removed = sandbox.remove();
    let success = ran?.success();
    removed?;
    Ok(if success {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
