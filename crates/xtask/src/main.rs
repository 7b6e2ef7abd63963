//! `cargo xtask …`: what one does with this workspace, and all that CI calls.
//!
//! One file per command: `up`, `test`, `check` (with `tidy` and `generate`), `import`, `bench`, `fuzz`; `workspace` knows where the
//! checkout is and runs cargo in it.

mod bench;
mod check;
mod fuzz;
mod generate;
mod import;
mod test;
mod tidy;
mod up;
mod workspace;

use std::io::Write as _;
use std::process::ExitCode;
use std::time::Instant;
use std::{io, process, thread};

use anyhow::{Context as _, Result};
use clap::Parser;
use sandbox::{Interrupt, Interrupted};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

#[derive(Parser)]
#[command(name = "cargo xtask", about = "What one does with this workspace")]
enum Command {
    /// Start all of KT.GG, with a Postgres and a Kafka of its own, and run until Ctrl-C
    Up(up::Up),
    /// Run every test against a Postgres and a Kafka started for it
    Test(test::Test),
    /// Everything CI asks of the sources: format, lints, docs, tidiness, freshness of generated files
    Check(check::Check),
    /// Write the generated files that are committed
    Generate,
    /// Plan the import of a file of programmes into what `cargo xtask up` runs, and carry it out with --commit
    Import(import::Import),
    /// Measure, against a Postgres and a Kafka started for it
    #[command(subcommand)]
    Bench(bench::Bench),
    /// Call every operation of the description with what it allows and what it does not, as everybody in turn
    Fuzz(fuzz::Fuzz),
}

fn main() -> ExitCode {
    let begun = Instant::now();
    let command = Command::parse();
    let interrupt = Interrupt::default();
    let ran = listen(&interrupt).and_then(|()| match command {
        Command::Up(up) => up::run(&up, begun, &interrupt),
        Command::Test(test) => test::run(&test, &interrupt),
        Command::Check(check) => check::run(&check, &interrupt),
        Command::Generate => generate::run(&interrupt),
        Command::Import(import) => import::run(&import, &interrupt),
        Command::Bench(bench) => bench::run(&bench, &interrupt),
        Command::Fuzz(fuzz) => fuzz::run(&fuzz, &interrupt),
    });
    match ran {
        Ok(code) => code,
        // Only of `up` is being stopped the expected end; another command has not done what it was asked for.
        Err(error) if error.is::<Interrupted>() => ExitCode::from(130),
        Err(error) => {
            tell(&format!("\n{error:#}"));
            ExitCode::FAILURE
        }
    }
}

/// The first signal asks for an orderly end, the second makes one.
fn listen(interrupt: &Interrupt) -> Result<()> {
    let mut signals =
        Signals::new([SIGINT, SIGTERM, SIGHUP]).context("cannot listen to signals")?;
    let interrupt = interrupt.clone();
    thread::spawn(move || {
        for _ in &mut signals {
            if interrupt.asked() {
                interrupt.kill_everything();
                process::exit(130);
            }
            interrupt.ask();
            tell("\nStopping; once more kills at once.");
        }
    });
    Ok(())
}

/// A line on stdout. A reader that has gone away is no reason to leave things running.
fn say(line: &str) {
    let mut out = io::stdout().lock();
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

/// A line on stderr.
fn tell(line: &str) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}
