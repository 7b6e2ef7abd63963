//! `cargo xtask bench`: measures an optimised build with a temporary Postgres and Kafka.

use std::process::{Command, ExitCode, Stdio};

use anyhow::Result;
use sandbox::{Interrupt, Progress};

use crate::cargo::build_ktgg;
use crate::checkout::{paths, require_tools};
use crate::process;
use crate::scratch::start_while_building;

#[derive(clap::Subcommand)]
pub(crate) enum Bench {
    /// The time from a request until the browsers concerned receive the change
    Live(Live),
}

#[derive(clap::Args)]
pub(crate) struct Live {
    /// Number of requests
    #[arg(long, default_value_t = 1000)]
    requests: u32,
    /// Requests per second
    #[arg(long, default_value_t = 50)]
    rate: u32,
}

pub(crate) fn run(bench: &Bench, interrupt: &Interrupt) -> Result<ExitCode> {
    let Bench::Live(live) = bench;
    let paths = paths();
    require_tools(&paths, true, Vec::new())?;
    let progress = Progress::new(4, true);
    let build = || {
        let step = progress.step("KT.GG", "building with optimisation");
        let program = build_ktgg(true, interrupt)?;
        step.finish("built with optimisation");
        Ok(program)
    };
    let (scratch, program) = start_while_building("bench", &paths, interrupt, &progress, build)?;
    let mut command = Command::new(program);
    command
        .args(["bench", "live"])
        .args(["--postgres", &scratch.postgres_url()?])
        .args(["--kafka", &scratch.kafka_address()?])
        .arg("--data")
        .arg(scratch.data())
        .args(["--requests", &live.requests.to_string()])
        .args(["--rate", &live.rate.to_string()])
        .stdin(Stdio::null());
    let status = process::run(&mut command, "ktgg bench", interrupt);
    let removed = scratch.remove();
    let success = status?.success();
    removed?;
    Ok(process::exit_code(success))
}
