//! `cargo xtask up`: Postgres, Kafka and `ktgg`, until a signal comes.

use std::io::{BufRead as _, BufReader};
use std::net::{SocketAddr, ToSocketAddrs as _};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use sandbox::{
    Folder, Interrupt, Interrupted, Options, Polite, Progress, Running, Sandbox, Spawn, check_ports,
};

use crate::workspace::{build_ktgg, check_tools, places};
use crate::{say, tell};

/// What `ktgg` promises to need at most, from SIGTERM to its end.
const KTGG_STOPS_WITHIN: Duration = Duration::from_secs(25);

#[derive(clap::Args)]
pub(crate) struct Up {
    /// Where Postgres, Kafka and the logs live; `.ktgg` in the checkout by default
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// The gateway's port; all other ports lie around it
    #[arg(long, value_name = "N", default_value_t = 8088, value_parser = clap::value_parser!(u16).range(1030..=64535))]
    port: u16,
    /// Use this Kafka instead of starting one
    #[arg(long, value_name = "HOST:PORT")]
    kafka: Option<String>,
    /// Use this Postgres instead of starting one; the URL of a role that may create databases and roles
    #[arg(long, value_name = "URL")]
    postgres: Option<String>,
    /// Load no demo data
    #[arg(long)]
    no_demo: bool,
    /// Build with optimisation
    #[arg(long)]
    release: bool,
}

pub(crate) fn run(up: &Up, begun: Instant, interrupt: &Interrupt) -> Result<ExitCode> {
    match start_and_watch(up, begun, interrupt) {
        // By now whatever was started has been stopped, in order, as it was dropped.
        Err(error) if error.is::<Interrupted>() => {
            tell("Stopped.");
            Ok(ExitCode::SUCCESS)
        }
        Err(error) => Err(error),
        Ok(ended) => match ended {},
    }
}

/// It only ends by an error: a signal is one too.
enum Never {}

fn start_and_watch(up: &Up, begun: Instant, interrupt: &Interrupt) -> Result<Never> {
    let places = places();
    let options = Options {
        data: up.data.clone().unwrap_or_else(|| places.data.clone()),
        parts: places.parts.clone(),
        holder: String::from("cargo xtask up"),
        postgres_port: up.port + 2,
        kafka_port: up.port + 3,
        kafka_controller_port: up.port + 4,
        with_postgres: up.postgres.is_none(),
        with_kafka: up.kafka.is_none(),
        interrupt: interrupt.clone(),
    };
    let of_sandbox = Sandbox::ports(&options);
    check_tools(&places, !of_sandbox.is_empty())?;
    let steps = usize::from(!of_sandbox.is_empty())
        + usize::from(options.with_postgres)
        + usize::from(options.with_kafka);
    let progress = Progress::new(steps + 2, true);
    let folder = Folder::take(&options.data, &options.holder, interrupt, &progress)?;
    let data = folder.path().to_owned();
    let of_services = service_ports(up.port);
    let ports: Vec<(u16, &str)> = of_services
        .iter()
        .map(|it| (it.0, &*it.1))
        .chain(of_sandbox)
        .collect();
    check_ports(&ports)?;
    reach_what_is_given(up)?;

    let (mut sandbox, program) = thread::scope(|both| {
        let build = both.spawn(|| {
            let step = progress.step("KT.GG", "building");
            let program = build_ktgg(up.release, interrupt)?;
            step.done("built");
            anyhow::Ok(program)
        });
        let sandbox = Sandbox::start_in(folder, &options, &progress);
        if sandbox.is_err() && !build.is_finished() {
            // Nobody will run what is being built.
            interrupt.ask();
        }
        let program = build
            .join()
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        sandbox.and_then(|it| Ok((it, program?)))
    })?;

    let postgres = up
        .postgres
        .clone()
        .unwrap_or_else(|| sandbox.postgres_url());
    let kafka = up.kafka.clone().unwrap_or_else(|| sandbox.kafka());
    let step = progress.step("KT.GG", "starting");
    let mut command = serve(&program, up, &data, &postgres, &kafka);
    let (mut ktgg, lines) = start(&mut command, sandbox.folder(), interrupt)?;
    let mut step = Some(step);
    loop {
        match lines.recv_timeout(Duration::from_millis(50)) {
            Ok(line) => {
                if line == "ready" {
                    if let Some(step) = step.take() {
                        step.done("ready");
                    }
                    say("ready");
                    say(&format!("ready in {:.1} s", begun.elapsed().as_secs_f64()));
                } else {
                    say(&line);
                }
                continue;
            }
            Err(RecvTimeoutError::Timeout) => {}
            // Its stdout is closed; if it has not ended by now, it is about to.
            Err(RecvTimeoutError::Disconnected) => thread::sleep(Duration::from_millis(50)),
        }
        interrupt.check()?;
        if let Some(status) = ktgg.ended() {
            bail!("KT.GG ended by itself ({status}).\n{}", ktgg.log_tail());
        }
        if let Some(casualty) = sandbox.casualty() {
            tell(&format!("{casualty}\nStarting it again."));
            if up.postgres.is_none() {
                sandbox.start_postgres()?;
            }
            if up.kafka.is_none() {
                sandbox.start_kafka()?;
            }
        }
    }
}

/// The port of the inbox lies so far above the gateway's.
pub(crate) const INBOX_OFFSET: u16 = 1;

/// The ports around the gateway's: each service has one, and an admin port a thousand higher; the inbox has one.
pub(crate) fn service_ports(gateway: u16) -> Vec<(u16, String)> {
    let services = [
        (gateway, "the gateway"),
        (gateway - 6, "interest"),
        (gateway - 5, "consultation"),
        (gateway - 4, "project"),
        (gateway - 3, "salesman-match"),
        (gateway - 2, "salesman"),
    ];
    let admin = services
        .iter()
        .map(|(port, name)| (port + 1000, format!("the admin port of {name}")));
    let inbox = (gateway + INBOX_OFFSET, String::from("the inbox"));
    services
        .iter()
        .map(|(port, name)| (*port, String::from(*name)))
        .chain(admin)
        .chain([inbox])
        .collect()
}

/// A Kafka that does not answer is better told of now than after a build.
fn reach_what_is_given(up: &Up) -> Result<()> {
    if let Some(kafka) = &up.kafka {
        // A list of brokers is fine; the first one tells enough.
        let first = kafka.split(',').next().unwrap_or(kafka);
        let addresses: Vec<SocketAddr> = first
            .to_socket_addrs()
            .with_context(|| format!("`--kafka {kafka}` is no HOST:PORT"))?
            .collect();
        let answers = |it: &SocketAddr| {
            std::net::TcpStream::connect_timeout(it, Duration::from_secs(3)).is_ok()
        };
        if !addresses.iter().any(answers) {
            bail!("nobody answers at `--kafka {kafka}`");
        }
    }
    Ok(())
}

fn serve(program: &Path, up: &Up, data: &Path, postgres: &str, kafka: &str) -> Command {
    let mut command = Command::new(program);
    command.arg("serve").arg("--data").arg(data);
    command.args([
        "--postgres",
        postgres,
        "--kafka",
        kafka,
        "--port",
        &up.port.to_string(),
    ]);
    if up.no_demo {
        command.arg("--no-demo");
    }
    // It stops when its stdin ends, so that it does not outlive us even if we are killed.
    command.arg("--supervised");
    command
}

/// Its stdout is for people and comes line by line; its log goes to a file.
pub(crate) fn start(
    command: &mut Command,
    folder: &Folder,
    interrupt: &Interrupt,
) -> Result<(Running, Receiver<String>)> {
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let spawn = Spawn {
        name: "KT.GG",
        log: Some(folder.log("ktgg")),
        keeps_stdout: true,
        pid_file: Some(folder.pid_file("ktgg")),
        marker: format!("serve --data {}", folder.path().display()),
        polite: Polite::Terminate,
        patience: KTGG_STOPS_WITHIN,
        interrupt,
    };
    let mut ktgg = Running::spawn(command, spawn)?;
    let stdout = ktgg.child().stdout.take().context("its stdout is piped")?;
    let (send, lines) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            // What it still says while stopping is read, so that it does not wait for a reader, and not shown.
            let _ = send.send(line);
        }
    });
    Ok((ktgg, lines))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ports_around_the_default_are_those_everybody_knows() {
        let ports = service_ports(8088);
        let of = |name: &str| ports.iter().find(|it| it.1 == name).map(|it| it.0);
        assert_eq!(of("the gateway"), Some(8088));
        assert_eq!(of("interest"), Some(8082));
        assert_eq!(of("consultation"), Some(8083));
        assert_eq!(of("project"), Some(8084));
        assert_eq!(of("salesman-match"), Some(8085));
        assert_eq!(of("salesman"), Some(8086));
        assert_eq!(of("the inbox"), Some(8089));
        assert_eq!(of("the admin port of the gateway"), Some(9088));
        assert_eq!(of("the admin port of interest"), Some(9082));
    }
}
