//! Runs Postgres and Kafka alone, for whoever starts the services in another way: `cargo run -p sandbox -- FOLDER [PORT]`.
//!
//! With a port, Postgres listens there and Kafka on the next one; without, both are on free ports.
//! Prints both addresses, then `ready`, and stops both when its stdin ends.

use std::io::{Read as _, Write as _};
use std::process::ExitCode;

use anyhow::Context as _;
use sandbox::{Options, Places, Progress, Sandbox};

fn main() -> ExitCode {
    let mut out = std::io::stdout();
    let mut run = || -> anyhow::Result<()> {
        let folder = std::env::args_os().nth(1).map_or_else(|| Places::of_this_checkout().data, Into::into);
        let mut options = Options::on_free_ports(folder)?;
        if let Some(port) = std::env::args().nth(2) {
            let port: u16 = port.parse().context("the port is no number below 65534")?;
            options.postgres_port = port;
            options.kafka_port = port.checked_add(1).context("the port is too high")?;
            options.kafka_controller_port = port.checked_add(2).context("the port is too high")?;
        }
        options.holder = String::from("cargo run -p sandbox");
        let sandbox = Sandbox::start(&options, &Progress::new(3, false))?;
        writeln!(out, "{}\n{}\nready", sandbox.postgres_url(), sandbox.kafka())?;
        std::io::stdin().read_to_end(&mut Vec::new())?;
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
