//! Runs only Postgres and Kafka: `cargo run -p sandbox -- FOLDER [PORT]`.
//!
//! With a port, Postgres listens there and Kafka on the next one; without, both use free ports.
//! Prints both addresses, then `ready`. Stops both when its stdin ends or a signal arrives.
//!
//! A line `stop`, `kill` or `start`, followed by `postgres` or `kafka`, does that to the server.
//! The answer is `done` after the line, or `failed` with the error.

use std::io::{BufRead as _, Write as _};
use std::process::ExitCode;
use std::sync::mpsc::{self, Receiver};
use std::{env, io, thread};

use anyhow::{Context as _, Result, bail};
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
    let mut sandbox = Sandbox::start(&options, &Progress::new(3, false))?;
    let (postgres, kafka) = (sandbox.postgres_url(), sandbox.kafka_address());
    writeln!(io::stdout(), "{postgres}\n{kafka}\nready")?;
    for line in commands()? {
        let answer = match carry_out(&mut sandbox, &line) {
            Ok(()) => format!("done {line}"),
            Err(error) => format!("failed {line}: {error:#}"),
        };
        writeln!(io::stdout(), "{answer}")?;
    }
    sandbox.stop();
    Ok(())
}

fn carry_out(sandbox: &mut Sandbox, line: &str) -> Result<()> {
    match line {
        "stop postgres" => sandbox.stop_postgres(),
        "kill postgres" => sandbox.kill_postgres(),
        "start postgres" => return sandbox.start_postgres(),
        "stop kafka" => sandbox.stop_kafka(),
        "kill kafka" => sandbox.kill_kafka(),
        "start kafka" => return sandbox.start_kafka(),
        _ => bail!("it is not stop, kill or start with postgres or kafka"),
    }
    Ok(())
}

/// The lines of stdin until it ends or a signal arrives: a parent that is killed closes the pipe.
fn commands() -> Result<impl Iterator<Item = String>> {
    let (sender, receiver): (_, Receiver<Option<String>>) = mpsc::channel();
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP])?;
    let end = sender.clone();
    thread::spawn(move || signals.forever().next().map(|_| end.send(None)));
    thread::spawn(move || {
        for line in io::stdin().lock().lines().map_while(Result::ok) {
            let _ = sender.send(Some(line));
        }
        sender.send(None)
    });
    Ok(receiver.into_iter().map_while(|line| line))
}
