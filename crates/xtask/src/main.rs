//! `cargo xtask …`: the commands of this workspace.
//!
//! One file per command: `up`, `dev`, `test`, `check` (with `tidy`), `generate`, `import`, `bench`
//! and `fuzz`. They share `checkout`, `cargo`, `process`, `python`, `frontend` (the pages), `ktgg`
//! (the running product), `scratch` (a temporary sandbox), `counts` and `console`.

mod bench;
mod cargo;
mod check;
mod checkout;
mod console;
mod counts;
mod dev;
mod frontend;
mod fuzz;
mod generate;
mod import;
mod ktgg;
mod process;
mod python;
mod scratch;
mod test;
mod tidy;
mod up;

use std::process::ExitCode;
use std::thread;
use std::time::Instant;

use anyhow::{Context as _, Result};
use clap::Parser;
use sandbox::{Interrupt, Interrupted};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

#[derive(Parser)]
#[command(name = "cargo xtask", about = "The commands of this workspace")]
enum Command {
    /// Start KT.GG with its own Postgres and Kafka, and run it until Ctrl-C
    Up(up::Up),
    /// Show changes to the pages at once, on the API of a running `up`
    Dev(dev::Dev),
    /// Run all tests with a temporary Postgres and Kafka
    Test(test::Test),
    /// Check the sources: format, lints, docs, repository rules, dependencies, spelling, front end
    Check(check::Check),
    /// Write the generated files
    Generate,
    /// Show the plan for a file of programmes in the running KT.GG; --commit imports it
    Import(import::Import),
    /// Measure with a temporary Postgres and Kafka
    #[command(subcommand)]
    Bench(bench::Bench),
    /// Send valid and invalid requests to every operation of the API, in every role
    Fuzz(fuzz::Fuzz),
}

fn main() -> ExitCode {
    let start = Instant::now();
    let command = Command::parse();
    let interrupt = Interrupt::default();
    let result = handle_signals(&interrupt).and_then(|()| match command {
        Command::Up(up) => up::run(&up, start, &interrupt),
        Command::Dev(dev) => dev::run(&dev, &interrupt),
        Command::Test(test) => test::run(&test, &interrupt),
        Command::Check(check) => check::run(&check, &interrupt),
        Command::Generate => generate::run(&interrupt),
        Command::Import(import) => import::run(&import, &interrupt),
        Command::Bench(bench) => bench::run(&bench, &interrupt),
        Command::Fuzz(fuzz) => fuzz::run(&fuzz, &interrupt),
    });
    match result {
        Ok(code) => code,
        // `up` ends by a signal and handles this itself; other commands have not finished.
        Err(error) if error.is::<Interrupted>() => ExitCode::from(130),
        Err(error) => {
            console::print_error(&format!("\n{error:#}"));
            ExitCode::FAILURE
        }
    }
}

/// The first signal requests an orderly stop, the second one kills.
fn handle_signals(interrupt: &Interrupt) -> Result<()> {
    let mut signals =
        Signals::new([SIGINT, SIGTERM, SIGHUP]).context("cannot install signal handlers")?;
    let interrupt = interrupt.clone();
    thread::spawn(move || {
        for _ in &mut signals {
            if interrupt.is_requested() {
                interrupt.kill_children();
                std::process::exit(130);
            }
            interrupt.request();
            console::print_error("\nStopping. Press Ctrl-C again to kill everything.");
        }
    });
    Ok(())
}
