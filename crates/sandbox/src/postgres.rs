//! Postgres as a child process.

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Result, bail};

use crate::child_process::{ChildProcess, SpawnOptions};
use crate::data_folder::DataFolder;
use crate::downloads::Downloads;
use crate::process_table::StopSignal;
use crate::progress::Progress;
use crate::secure::Secure;

/// Includes recovery after a crash.
const START_TIMEOUT: Duration = Duration::from_mins(1);
/// A fast shutdown writes a checkpoint, which takes longer only if the disk hangs.
const STOP_TIMEOUT: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub(crate) struct Postgres {
    program: PathBuf,
    data: PathBuf,
    port: u16,
    /// In addition to [`settings`].
    secure: Vec<(&'static str, String)>,
    process: Option<ChildProcess>,
}

impl Postgres {
    pub(crate) fn start(
        folder: &DataFolder,
        downloads: &Downloads,
        port: u16,
        secure: Option<&Secure>,
        progress: &Progress,
    ) -> Result<Self> {
        let step = progress.step("Postgres 17.5", "starting");
        let data = folder.create_private("postgres")?.join("data");
        if !data.join("PG_VERSION").exists() || !data.join("sandbox-complete").exists() {
            step.update("running initdb");
            run_initdb(folder, downloads, &data)?;
            step.update("starting");
        }
        let secure = secure.map(|secure| secure.postgres_settings(folder));
        let mut postgres = Self {
            program: downloads.postgres_program("postgres"),
            data,
            port,
            secure: secure.transpose()?.unwrap_or_default(),
            process: None,
        };
        postgres.restart(folder)?;
        step.finish(&format!("ready on 127.0.0.1:{port}"));
        Ok(postgres)
    }

    /// Starts Postgres unless it runs, and waits until it accepts clients.
    pub(crate) fn restart(&mut self, folder: &DataFolder) -> Result<()> {
        if let Some(process) = &mut self.process
            && process.exit_status().is_none()
        {
            return Ok(());
        }
        self.process = None;
        folder.stop_postgres_orphans();
        // No Postgres of this locked folder runs, but the id in this file may be in use again.
        let _ = fs::remove_file(self.data.join("postmaster.pid"));
        let mut command = folder.command(&self.program);
        command.arg("-D").arg(&self.data).stdin(Stdio::null());
        let settings = settings(self.port, &folder.cluster_name());
        for (setting, value) in settings.iter().chain(&self.secure) {
            command.arg("-c").arg(format!("{setting}={value}"));
        }
        let options = SpawnOptions {
            name: "Postgres",
            log: Some(folder.log("postgres")),
            log_stderr_only: false,
            pid_file: Some(folder.pid_file("postgres")),
            marker: self.data.display().to_string(),
            stop_signal: StopSignal::Interrupt,
            stop_timeout: STOP_TIMEOUT,
            interrupt: folder.interrupt(),
        };
        let mut process = ChildProcess::spawn(&mut command, options)?;
        let port = self.port;
        process.wait_until(START_TIMEOUT, || accepts_clients(port).unwrap_or(false))?;
        self.process = Some(process);
        Ok(())
    }

    pub(crate) fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }

    pub(crate) fn pid(&self) -> Option<u32> {
        self.process.as_ref().map(ChildProcess::pid)
    }

    pub(crate) fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill();
        }
    }

    pub(crate) fn stop(&mut self) {
        self.process = None;
    }

    pub(crate) fn unexpected_exit(&mut self) -> Option<String> {
        self.process.as_mut()?.unexpected_exit()
    }
}

/// Passed on the command line, so that a folder of an older build gets the current settings.
fn settings(port: u16, cluster_name: &str) -> [(&'static str, String); 9] {
    [
        ("listen_addresses", String::from("127.0.0.1")),
        ("port", port.to_string()),
        // No socket file: its path has a maximum length, and TCP is enough.
        ("unix_socket_directories", String::new()),
        // In the title of each process; the next holder finds the processes of a killed one by it.
        ("cluster_name", cluster_name.to_owned()),
        // Each test has its own pools.
        ("max_connections", String::from("300")),
        ("shared_buffers", String::from("128MB")),
        ("max_wal_size", String::from("512MB")),
        ("timezone", String::from("UTC")),
        ("log_timezone", String::from("UTC")),
    ]
}

fn run_initdb(folder: &DataFolder, downloads: &Downloads, data: &Path) -> Result<()> {
    // An initdb that was killed leaves an incomplete folder without data.
    if data.exists() {
        fs::remove_dir_all(data)?;
    }
    let mut initdb = folder.command(&downloads.postgres_program("initdb"));
    initdb
        .arg("-D")
        .arg(data)
        .args(["-U", "postgres", "--auth=trust", "--encoding=UTF8"])
        // A machine that crashes now runs it again, so nothing has to be on disk.
        .args(["--locale=C.UTF-8", "--no-sync"]);
    let (status, log) = folder.run_to_end(&mut initdb, "initdb", "postgres", data)?;
    if !status.success() {
        let data = data.display();
        bail!("initdb could not create {data} ({status}).\n{log}");
    }
    fs::write(data.join("sandbox-complete"), "initdb finished here.\n")?;
    Ok(())
}

/// Whether Postgres accepts a client. It listens before its recovery has finished.
fn accepts_clients(port: u16) -> io::Result<bool> {
    let address = (Ipv4Addr::LOCALHOST, port).into();
    let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(1))?;
    stream.set_read_timeout(Some(Duration::from_secs(2)))?;
    stream.write_all(&startup_message())?;
    let mut kind = [0];
    stream.read_exact(&mut kind)?;
    let terminate = b"X\0\0\0\x04";
    let _ = stream.write_all(terminate);
    // `R` is an authentication request, `E` an error such as "the database system is starting up".
    Ok(kind == *b"R")
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
    fn startup_message_begins_with_its_length() {
        let message = startup_message();
        assert_eq!(usize::from(message[3]), message.len());
        assert_eq!(message[4..8], [0, 3, 0, 0]);
    }

    #[test]
    fn postgres_listens_on_loopback_only() {
        let settings = settings(5_432, "x");
        assert!(settings.contains(&("listen_addresses", String::from("127.0.0.1"))));
        assert!(settings.contains(&("unix_socket_directories", String::new())));
    }
}
