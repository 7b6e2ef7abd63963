//! `cargo xtask up`: Postgres, Kafka and `ktgg`, until a signal arrives.

use std::convert::Infallible;
use std::net::{SocketAddr, TcpStream, ToSocketAddrs as _};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use sandbox::{
    CheckoutPaths, DataFolder, Interrupt, Interrupted, Options, Progress, Sandbox, check_ports,
};

use crate::cargo::build_ktgg;
use crate::checkout::{paths, require_tools};
use crate::console::{print_error, print_line};
use crate::frontend;
use crate::ktgg::{self, Ktgg};
use crate::scratch::in_parallel;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

#[derive(clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "options of a command line")]
pub(crate) struct Up {
    /// The folder of Postgres, Kafka and the logs; by default `.ktgg` in the checkout
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// The gateway's port; all other ports are near it
    #[arg(
        long,
        value_name = "N",
        default_value_t = 8088,
        value_parser = clap::value_parser!(u16).range(1030..=64535),
    )]
    port: u16,
    /// Use this Kafka instead of starting one
    #[arg(long, value_name = "HOST:PORT")]
    kafka: Option<String>,
    /// Use this Postgres instead of starting one; its role must be able to create databases and
    /// roles
    #[arg(long, value_name = "URL")]
    postgres: Option<String>,
    /// Do not load the demo data
    #[arg(long)]
    no_demo: bool,
    /// Keep all rate limits on. Otherwise those per address and per phone number are off, because
    /// all callers of a sandbox share them
    #[arg(long)]
    limits: bool,
    /// Do not build and serve the pages; Node and npm are not needed then
    #[arg(long)]
    no_pages: bool,
    /// Build with optimisation
    #[arg(long)]
    release: bool,
}

pub(crate) fn run(up: &Up, start: Instant, interrupt: &Interrupt) -> Result<ExitCode> {
    match run_until_error(up, start, interrupt) {
        // Everything that was started has been dropped, and stopped by that.
        Err(error) if error.is::<Interrupted>() => {
            print_error("Stopped.");
            Ok(ExitCode::SUCCESS)
        }
        Err(error) => Err(error),
    }
}

/// A signal ends it with [`Interrupted`].
fn run_until_error(up: &Up, start: Instant, interrupt: &Interrupt) -> Result<Infallible> {
    let paths = paths();
    let options = up.sandbox_options(&paths, interrupt);
    let servers = usize::from(options.with_postgres) + usize::from(options.with_kafka);
    let with_pages = !up.no_pages;
    let missing_for_pages = if with_pages {
        frontend::missing_tools()
    } else {
        Vec::new()
    };
    require_tools(&paths, servers > 0, missing_for_pages)?;
    // Besides the servers: their downloads, the pages, the build, and `ktgg`.
    let steps = servers + usize::from(servers > 0) + usize::from(with_pages) + 2;
    let progress = Progress::new(steps, true);
    let folder = DataFolder::acquire(&options.data, &options.holder, interrupt, &progress)?;
    let data = folder.path().to_owned();
    let service_ports = ktgg::ports(up.port);
    let mut ports = options.ports();
    ports.extend(service_ports.iter().map(|(port, name)| (*port, &**name)));
    check_ports(&ports)?;
    if let Some(kafka) = &up.kafka {
        check_kafka(kafka)?;
    }

    let build = || {
        let step = progress.step("KT.GG", "building");
        let program = build_ktgg(up.release, interrupt)?;
        step.finish("built");
        Ok(program)
    };
    let build_pages = || {
        if with_pages {
            frontend::build(progress.step("Pages", "installing packages"), interrupt)
        } else {
            Ok(())
        }
    };
    let ((mut sandbox, ()), program) = in_parallel(interrupt, build, || {
        in_parallel(interrupt, build_pages, || {
            Sandbox::start_in(folder, &options, &progress)
        })
    })?;

    let postgres = up.postgres.clone();
    let postgres = postgres.unwrap_or_else(|| sandbox.postgres_url());
    let kafka = up.kafka.clone();
    let kafka = kafka.unwrap_or_else(|| sandbox.kafka_address());
    let mut step = Some(progress.step("KT.GG", "starting"));
    let mut command = ktgg::serve(&program, &data, &postgres, &kafka, up.port);
    command.args(up.options_of_ktgg());
    if with_pages {
        command.env("PAGES_DIR", frontend::dist());
    }
    let mut ktgg = Ktgg::start(&mut command, sandbox.folder(), interrupt)?;
    loop {
        if let Some(line) = ktgg.next_line() {
            let is_ready = line == "ready";
            if is_ready && let Some(step) = step.take() {
                step.finish("ready");
            }
            print_line(&line);
            if is_ready {
                print_line(&format!("ready in {:.1} s", start.elapsed().as_secs_f64()));
            }
            continue;
        }
        interrupt.check()?;
        if let Some(report) = ktgg.process().unexpected_exit() {
            bail!(report);
        }
        restart_servers(&mut sandbox, &options)?;
    }
}

impl Up {
    fn options_of_ktgg(&self) -> impl Iterator<Item = &'static str> {
        let options = [(self.no_demo, "--no-demo"), (self.limits, "--limits")];
        options
            .into_iter()
            .filter_map(|(is_given, option)| is_given.then_some(option))
    }

    fn sandbox_options(&self, paths: &CheckoutPaths, interrupt: &Interrupt) -> Options {
        Options {
            data: self.data.clone().unwrap_or_else(|| paths.data.clone()),
            downloads: paths.downloads.clone(),
            holder: String::from("cargo xtask up"),
            postgres_port: self.port + 2,
            kafka_port: self.port + 3,
            kafka_controller_port: self.port + 4,
            with_postgres: self.postgres.is_none(),
            with_kafka: self.kafka.is_none(),
            secure: None,
            interrupt: interrupt.clone(),
        }
    }
}

/// Starts the servers that have exited.
fn restart_servers(sandbox: &mut Sandbox, options: &Options) -> Result<()> {
    if let Some(report) = sandbox.unexpected_exit() {
        print_error(&format!("{report}\nStarting it again."));
        if options.with_postgres {
            sandbox.start_postgres()?;
        }
        if options.with_kafka {
            sandbox.start_kafka()?;
        }
    }
    Ok(())
}

/// Fails before the build if the first of the brokers does not accept connections.
fn check_kafka(brokers: &str) -> Result<()> {
    let first = brokers.split(',').next().unwrap_or(brokers);
    let mut addresses = first
        .to_socket_addrs()
        .with_context(|| format!("`--kafka {brokers}` is not HOST:PORT"))?;
    let accepts =
        |address: SocketAddr| TcpStream::connect_timeout(&address, CONNECT_TIMEOUT).is_ok();
    if !addresses.any(accepts) {
        bail!("no Kafka accepts connections at `--kafka {brokers}`");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use clap::{Args as _, Command, FromArgMatches as _};

    use super::*;

    fn options_of_ktgg(arguments: &[&str]) -> Vec<&'static str> {
        let command = Up::augment_args(Command::new("up"));
        let matches = command.get_matches_from(["up"].iter().chain(arguments));
        Up::from_arg_matches(&matches)
            .unwrap()
            .options_of_ktgg()
            .collect()
    }

    #[test]
    fn options_about_demo_and_limits_reach_ktgg() {
        assert!(options_of_ktgg(&[]).is_empty());
        assert_eq!(options_of_ktgg(&["--limits"]), ["--limits"]);
        assert_eq!(
            options_of_ktgg(&["--limits", "--no-demo"]),
            ["--no-demo", "--limits"]
        );
    }
}
