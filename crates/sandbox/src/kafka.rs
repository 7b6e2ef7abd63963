//! Kafka as a child process: one node that is broker and controller.

mod api_versions;
mod config;
mod java;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use crate::child_process::{ChildProcess, SpawnOptions};
use crate::data_folder::DataFolder;
use crate::downloads::{Downloads, KAFKA_VERSION};
use crate::process_table::StopSignal;
use crate::progress::Progress;
use crate::secure::Secure;
pub(crate) use config::{KafkaPorts, escape_path};
use java::Java;

/// Includes reading all partitions after a crash.
const START_TIMEOUT: Duration = Duration::from_secs(90);
/// A stop takes 0.4 s, and 2 s more to write the class archive; several times that under load.
const STOP_TIMEOUT: Duration = Duration::from_secs(20);

#[derive(Debug)]
pub(crate) struct Kafka {
    java: Java,
    home: PathBuf,
    port: u16,
    process: Option<ChildProcess>,
    /// The class archive that the running process writes when it stops.
    new_archive: Option<PathBuf>,
}

impl Kafka {
    pub(crate) fn start(
        folder: &DataFolder,
        downloads: &Downloads,
        ports: KafkaPorts,
        secure: Option<&Secure>,
        progress: &Progress,
    ) -> Result<Self> {
        let step = progress.step(&format!("Kafka {KAFKA_VERSION}"), "starting");
        let java = Java::find(downloads)?;
        folder.check_access(&java.program)?;
        let home = folder.create_private("kafka")?;
        // Rewritten at each start, since the ports may differ; Kafka itself cannot write to it.
        let properties = properties_file(folder);
        let data = home.join("data");
        let mut text = config::properties(ports, &data);
        if let Some(secure) = secure {
            let ports = (ports.broker, ports.controller);
            text.push_str(&secure.kafka_properties(folder, ports)?);
        }
        fs::write(&properties, text).context("cannot write Kafka's properties file")?;
        if !data.join("meta.properties").exists() {
            step.update("formatting its storage");
            let users = secure.map(Secure::scram_options).unwrap_or_default();
            format_storage(folder, &java, &properties, &users)?;
            step.update("starting");
        }
        let mut kafka = Self {
            java,
            home,
            port: ports.broker,
            process: None,
            new_archive: None,
        };
        kafka.restart(folder)?;
        step.finish(&format!("ready on 127.0.0.1:{}", ports.broker));
        Ok(kafka)
    }

    /// Starts Kafka unless it runs, and waits until it answers clients.
    pub(crate) fn restart(&mut self, folder: &DataFolder) -> Result<()> {
        if let Some(process) = &mut self.process
            && process.exit_status().is_none()
        {
            return Ok(());
        }
        self.stop();
        let properties = properties_file(folder);
        let mut command = self.java.command(folder);
        let archive = &self.java.archive;
        if archive.exists() {
            command.arg(format!("-XX:SharedArchiveFile={}", archive.display()));
        } else {
            let archive = self.home.join("classes.jsa");
            command
                .arg(format!("-XX:ArchiveClassesAtExit={}", archive.display()))
                // Hides warnings about hundreds of classes that cannot be archived.
                .args(["-Xlog:cds=off", "-Xlog:cds+dynamic=off"]);
            self.new_archive = Some(archive);
        }
        command
            .arg("kafka.Kafka")
            .arg(&properties)
            .stdin(Stdio::null());
        let options = SpawnOptions {
            name: "Kafka",
            log: Some(folder.log("kafka")),
            log_stderr_only: false,
            pid_file: Some(folder.pid_file("kafka")),
            marker: properties.display().to_string(),
            stop_signal: StopSignal::Terminate,
            stop_timeout: STOP_TIMEOUT,
            interrupt: folder.interrupt(),
        };
        let mut process = ChildProcess::spawn(&mut command, options)?;
        let port = self.port;
        process.wait_until(START_TIMEOUT, || {
            api_versions::answers(port).unwrap_or(false)
        })?;
        self.process = Some(process);
        Ok(())
    }

    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    pub(crate) fn pid(&self) -> Option<u32> {
        self.process.as_ref().map(ChildProcess::pid)
    }

    pub(crate) fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill();
        }
        self.new_archive = None;
    }

    pub(crate) fn stop(&mut self) {
        let process = self.process.take();
        let stopped = process.is_some_and(|mut process| process.stop().is_some());
        if let Some(new_archive) = self.new_archive.take()
            && stopped
        {
            // Copied and then renamed, so that no process sees an incomplete archive: the data
            // folder may be on another disk. Errors are ignored, since it only saves time.
            let archive = &self.java.archive;
            let incomplete = archive.with_added_extension(std::process::id().to_string());
            let _ =
                fs::copy(&new_archive, &incomplete).and_then(|_| fs::rename(&incomplete, archive));
            let _ = fs::remove_file(&incomplete);
            let _ = fs::remove_file(&new_archive);
        }
    }

    pub(crate) fn unexpected_exit(&mut self) -> Option<String> {
        self.process.as_mut()?.unexpected_exit()
    }
}

impl Drop for Kafka {
    fn drop(&mut self) {
        self.stop();
    }
}

fn properties_file(folder: &DataFolder) -> PathBuf {
    folder.path().join("kafka.properties")
}

fn format_storage(
    folder: &DataFolder,
    java: &Java,
    properties: &Path,
    users: &[String],
) -> Result<()> {
    let mut command = java.command(folder);
    if java.archive.exists() {
        command.arg(format!("-XX:SharedArchiveFile={}", java.archive.display()));
    }
    // A format that was killed leaves a folder without meta.properties, which can be formatted.
    command
        .args(["kafka.tools.StorageTool", "format", "--ignore-formatted"])
        .args(["-t", &config::random_cluster_id()?, "-c"])
        .arg(properties)
        .args(users);
    let name = "Kafka's StorageTool";
    let (status, log) = folder.run_to_end(&mut command, name, "kafka", properties)?;
    if !status.success() {
        bail!("Kafka could not format its storage ({status}).\n{log}");
    }
    Ok(())
}
