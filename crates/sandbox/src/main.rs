//! Runs Postgres and Kafka alone, for whoever starts the services in another way: `cargo run -p sandbox -- FOLDER [PORT]`.
//!
//! With a port, Postgres listens there and Kafka on the next one; without, both are on free ports.
//! Prints both addresses, then `ready`, and stops both when its stdin ends or a signal comes.

use std::io::{Read as _, Write as _};
use std::process::ExitCode;
use std::sync::mpsc;
use std::thread;

use anyhow::Context as _;
use sandbox::{Options, Places, Progress, Sandbox};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

/// Waits for a signal, or for the end of stdin: whoever started it and was killed can send no signal.
fn wait() -> anyhow::Result<()> {
    let (ends, end) = mpsc::channel();
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP])?;
    let by_signal = ends.clone();
    thread::spawn(move || signals.forever().next().map(|_| by_signal.send(())));
    thread::spawn(move || {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        ends.send(())
    });
    end.recv()?;
    Ok(())
}

fn main() -> ExitCode {
    let mut out = std::io::stdout();
    let mut run = || -> anyhow::Result<()> {
        let folder = std::env::args_os()
            .nth(1)
            .map_or_else(|| Places::of_this_checkout().data, Into::into);
        let mut options = Options::on_free_ports(folder)?;
        if let Some(port) = std::env::args().nth(2) {
            let port: u16 = port.parse().context("the port is no number below 65534")?;
            options.postgres_port = port;
            options.kafka_port = port.checked_add(1).context("the port is too high")?;
            options.kafka_controller_port = port.checked_add(2).context("the port is too high")?;
        }
        options.holder = String::from("cargo run -p sandbox");
        let sandbox = Sandbox::start(&options, &Progress::new(3, false))?;
        writeln!(
            out,
            "{}\n{}\nready",
            sandbox.postgres_url(),
            sandbox.kafka()
        )?;
        wait()?;
        sandbox.stop();
        Ok(())
    };
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "{error:#}");
            ExitCode::FAILURE
        }
    }
}
