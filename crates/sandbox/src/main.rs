//! Runs only Postgres and Kafka: `cargo run -p sandbox -- FOLDER [PORT]`.
//!
//! With a port, Postgres listens there and Kafka on the next one; without, both use free ports.
//! Prints both addresses, then `ready`. Stops both when its stdin ends or a signal arrives.

use std::io::{Read as _, Write as _};
use std::process::ExitCode;
use std::sync::mpsc;
use std::{env, io, thread};

use anyhow::{Context as _, Result};
use sandbox::{CheckoutPaths, Options, Progress, Sandbox};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let folder = env::args_os()
        .nth(1)
        .map_or_else(|| CheckoutPaths::of_this_checkout().data, Into::into);
    let mut options = Options::on_free_ports(folder)?;
    if let Some(port) = env::args().nth(2) {
        let port: u16 = port
            .parse()
            .context("the port is not a number below 65534")?;
        options.postgres_port = port;
        options.kafka_port = port.checked_add(1).context("the port is too high")?;
        options.kafka_controller_port = port.checked_add(2).context("the port is too high")?;
    }
    options.holder = String::from("cargo run -p sandbox");
    let sandbox = Sandbox::start(&options, &Progress::new(3, false))?;
    let (postgres, kafka) = (sandbox.postgres_url(), sandbox.kafka_address());
    writeln!(io::stdout(), "{postgres}\n{kafka}\nready")?;
    wait_for_end()?;
    sandbox.stop();
    Ok(())
}

/// Waits for a signal or for the end of stdin: a parent that is killed closes the pipe.
fn wait_for_end() -> Result<()> {
    let (sender, receiver) = mpsc::channel();
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP])?;
    let signal_sender = sender.clone();
    thread::spawn(move || signals.forever().next().map(|_| signal_sender.send(())));
    thread::spawn(move || {
        let _ = io::stdin().read_to_end(&mut Vec::new());
        sender.send(())
    });
    receiver.recv()?;
    Ok(())
}
