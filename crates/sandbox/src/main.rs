//! Runs Postgres and Kafka alone, for whoever starts the services in another way: `cargo run -p sandbox -- FOLDER`.
//!
//! Prints both addresses, then `ready`, and stops both when its stdin ends.

use std::io::{Read as _, Write as _};
use std::process::ExitCode;

use sandbox::{Options, Places, Progress, Sandbox};

fn main() -> ExitCode {
    let mut out = std::io::stdout();
    let mut run = || -> anyhow::Result<()> {
        let folder = std::env::args_os().nth(1).map_or_else(|| Places::of_this_checkout().data, Into::into);
        let mut options = Options::on_free_ports(folder)?;
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
