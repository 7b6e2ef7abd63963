//! The running product: `ktgg serve` as a child process.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result};
use sandbox::{ChildProcess, DataFolder, Interrupt, SpawnOptions, StopSignal};

/// The most that `ktgg` needs from SIGTERM to its end.
const STOP_TIMEOUT: Duration = Duration::from_secs(25);

const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// The inbox listens on the gateway's port plus this.
pub(crate) const INBOX_OFFSET: u16 = 1;

/// An admin server listens on its service's port plus this.
pub(crate) const ADMIN_OFFSET: u16 = 1000;

/// All ports of `ktgg`, each with the name of its server.
pub(crate) fn ports(gateway: u16) -> Vec<(u16, String)> {
    let services = [
        (gateway, "the gateway"),
        (gateway - 6, "interest"),
        (gateway - 5, "consultation"),
        (gateway - 4, "project"),
        (gateway - 3, "salesman-match"),
        (gateway - 2, "salesman"),
    ];
    let mut ports = vec![(gateway + INBOX_OFFSET, String::from("the inbox"))];
    for (port, name) in services {
        ports.push((port, name.to_owned()));
        ports.push((port + ADMIN_OFFSET, format!("the admin port of {name}")));
    }
    ports
}

/// `ktgg serve` with the arguments that every caller needs.
pub(crate) fn serve(
    program: &Path,
    data: &Path,
    postgres: &str,
    kafka: &str,
    port: u16,
) -> Command {
    let mut command = Command::new(program);
    command
        .arg("serve")
        .arg("--data")
        .arg(data)
        .args(["--postgres", postgres, "--kafka", kafka])
        .args(["--port", &port.to_string()])
        // Stops when its stdin ends, so that it does not survive a killed parent.
        .arg("--supervised");
    command
}

/// A running `ktgg`. Dropping it stops it.
pub(crate) struct Ktgg {
    process: ChildProcess,
    stdout: Receiver<String>,
}

impl Ktgg {
    /// Starts `ktgg` with its log in the data folder.
    pub(crate) fn start(
        command: &mut Command,
        folder: &DataFolder,
        interrupt: &Interrupt,
    ) -> Result<Self> {
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let options = SpawnOptions {
            name: "KT.GG",
            log: Some(folder.log("ktgg")),
            log_stderr_only: true,
            pid_file: Some(folder.pid_file("ktgg")),
            marker: format!("serve --data {}", folder.path().display()),
            stop_signal: StopSignal::Terminate,
            stop_timeout: STOP_TIMEOUT,
            interrupt,
        };
        let mut process = ChildProcess::spawn(command, options)?;
        let stdout = process.child().stdout.take().context("stdout is piped")?;
        let (sender, receiver) = mpsc::channel();
        thread::spawn(move || {
            // Reads to the end even if nothing receives the lines: a full pipe would block `ktgg`.
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
        Ok(Self {
            process,
            stdout: receiver,
        })
    }

    /// The next line of its stdout; `None` if there is none within [`POLL_INTERVAL`].
    pub(crate) fn next_line(&self) -> Option<String> {
        match self.stdout.recv_timeout(POLL_INTERVAL) {
            Ok(line) => Some(line),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => {
                // It is about to exit.
                thread::sleep(POLL_INTERVAL);
                None
            }
        }
    }

    pub(crate) fn process(&mut self) -> &mut ChildProcess {
        &mut self.process
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_around_the_default_are_those_of_the_documentation() {
        let ports = ports(8088);
        let port_of = |name: &str| ports.iter().find(|port| port.1 == name).map(|port| port.0);
        assert_eq!(port_of("the gateway"), Some(8088));
        assert_eq!(port_of("interest"), Some(8082));
        assert_eq!(port_of("consultation"), Some(8083));
        assert_eq!(port_of("project"), Some(8084));
        assert_eq!(port_of("salesman-match"), Some(8085));
        assert_eq!(port_of("salesman"), Some(8086));
        assert_eq!(port_of("the inbox"), Some(8089));
        assert_eq!(port_of("the admin port of the gateway"), Some(9088));
        assert_eq!(port_of("the admin port of interest"), Some(9082));
    }
}
