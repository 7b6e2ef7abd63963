//! Postgres as a direct child: made once by `initdb`, ready when it answers a client.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Result, bail};

use crate::folder::Folder;
use crate::parts::Parts;
use crate::process::{Polite, Running, Spawn};
use crate::progress::Progress;

/// Recovery after a crash included.
const START_BOUND: Duration = Duration::from_mins(1);
/// A fast shutdown writes a checkpoint; more than this means that the disk hangs.
const STOP_BOUND: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub(crate) struct Postgres {
    program: PathBuf,
    data: PathBuf,
    port: u16,
    running: Option<Running>,
}

impl Postgres {
    pub(crate) fn start(
        folder: &Folder,
        parts: &Parts,
        port: u16,
        progress: &Progress,
    ) -> Result<Self> {
        let step = progress.step("Postgres 17.5", "starting");
        let data = folder.private("postgres")?.join("data");
        if !data.join("PG_VERSION").exists() || !data.join("sandbox-complete").exists() {
            step.doing("making its folder");
            init(folder, parts, &data)?;
            step.doing("starting");
        }
        let mut postgres = Self {
            program: parts.postgres("postgres"),
            data,
            port,
            running: None,
        };
        postgres.start_again(folder)?;
        step.done(&format!("ready on 127.0.0.1:{port}"));
        Ok(postgres)
    }

    pub(crate) fn start_again(&mut self, folder: &Folder) -> Result<()> {
        if let Some(running) = &mut self.running
            && running.ended().is_none()
        {
            return Ok(());
        }
        self.running = None;
        folder.end_orphans_of_postgres();
        // The folder is locked and nothing of it runs, so what this file says is past; by chance its id may be in use again.
        let _ = fs::remove_file(self.data.join("postmaster.pid"));
        let mut command = folder.command(&self.program);
        command.arg("-D").arg(&self.data);
        for (setting, value) in settings(self.port, &folder.tag()) {
            command.arg("-c").arg(format!("{setting}={value}"));
        }
        let spawn = Spawn {
            name: "Postgres",
            log: Some(folder.log("postgres")),
            keeps_stdout: false,
            pid_file: Some(folder.pid_file("postgres")),
            marker: self.data.display().to_string(),
            polite: Polite::Interrupt,
            patience: STOP_BOUND,
            interrupt: folder.interrupt(),
        };
        let mut running = Running::spawn(command.stdin(Stdio::null()), spawn)?;
        let port = self.port;
        running.wait_until(START_BOUND, || answers(port))?;
        self.running = Some(running);
        Ok(())
    }

    pub(crate) fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }

    pub(crate) fn pid(&self) -> Option<u32> {
        self.running.as_ref().map(Running::pid)
    }

    pub(crate) fn kill(&mut self) {
        if let Some(mut running) = self.running.take() {
            running.kill();
        }
    }

    pub(crate) fn stop(&mut self) {
        self.running = None;
    }

    pub(crate) fn casualty(&mut self) -> Option<String> {
        let running = self.running.as_mut()?;
        let status = running.ended()?;
        Some(format!(
            "Postgres ended by itself ({status}).\n{}",
            running.log_tail()
        ))
    }
}

/// Given on the command line, so that a folder made by an older build runs with today's settings.
fn settings(port: u16, tag: &str) -> Vec<(&'static str, String)> {
    let owned = |it: &str| it.to_owned();
    vec![
        ("listen_addresses", owned("127.0.0.1")),
        ("port", port.to_string()),
        // No socket file: its path would have to be short, and nobody needs a second door.
        ("unix_socket_directories", owned("")),
        // Shown in the title of each process, by which a successor recognises what a killed one left.
        ("cluster_name", owned(tag)),
        // Every test makes pools of its own.
        ("max_connections", owned("300")),
        ("shared_buffers", owned("128MB")),
        ("max_wal_size", owned("512MB")),
        ("timezone", owned("UTC")),
        ("log_timezone", owned("UTC")),
    ]
}

fn init(folder: &Folder, parts: &Parts, data: &Path) -> Result<()> {
    // What is here was begun by an initdb that did not live to its end, and holds nothing.
    if data.exists() {
        fs::remove_dir_all(data)?;
    }
    let mut initdb = folder.command(&parts.postgres("initdb"));
    initdb
        .arg("-D")
        .arg(data)
        .args([
            "-U",
            "postgres",
            "--auth=trust",
            "--encoding=UTF8",
            "--locale=C.UTF-8",
        ])
        // A crash of the machine while this runs only means to run it again.
        .arg("--no-sync");
    let (status, said) = folder.run_to_end(&mut initdb, "initdb", "postgres", data)?;
    if !status.success() {
        bail!(
            "initdb could not make {} ({status}).\n{said}",
            data.display()
        );
    }
    fs::write(
        data.join("sandbox-complete"),
        "initdb lived to its end here.\n",
    )?;
    Ok(())
}

/// Whether Postgres lets a client in; an open port alone may still be recovering.
fn answers(port: u16) -> bool {
    let ask = || -> std::io::Result<bool> {
        let mut stream = TcpStream::connect_timeout(
            &(Ipv4Addr::LOCALHOST, port).into(),
            Duration::from_secs(1),
        )?;
        stream.set_read_timeout(Some(Duration::from_secs(2)))?;
        stream.write_all(&startup_message())?;
        let mut kind = [0];
        stream.read_exact(&mut kind)?;
        let _ = stream.write_all(b"X\0\0\0\x04");
        // `R` asks for a password or says that none is needed; `E` is an error, also "the database system is starting up".
        Ok(kind == *b"R")
    };
    ask().unwrap_or(false)
}

/// Protocol 3.0: the length, the version, and pairs of names and values.
fn startup_message() -> Vec<u8> {
    let mut body = 196_608_u32.to_be_bytes().to_vec();
    body.extend(b"user\0postgres\0database\0postgres\0\0");
    let length = u32::try_from(body.len() + 4).unwrap_or(0);
    [length.to_be_bytes().to_vec(), body].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_message_to_postgres_counts_its_own_length() {
        let message = startup_message();
        assert_eq!(usize::from(message[3]), message.len());
        assert_eq!(message[4..8], [0, 3, 0, 0]);
    }

    #[test]
    fn postgres_listens_to_this_machine_only() {
        let settings = settings(5_432, "x");
        assert!(settings.contains(&("listen_addresses", String::from("127.0.0.1"))));
        assert!(settings.contains(&("unix_socket_directories", String::new())));
    }
}
