//! Kafka as one node that is both broker and controller, ready when it answers a client.

use std::fmt::Write as _;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use crate::folder::Folder;
use crate::parts::{KAFKA, Parts};
use crate::process::{Polite, Running, Spawn};
use crate::progress::Progress;
use crate::tools;

/// Reading every partition again after a crash included.
const START_BOUND: Duration = Duration::from_secs(90);
/// An orderly stop takes 0.4 s; writing the class archive takes 2 s more, on a busy machine several times that.
const STOP_BOUND: Duration = Duration::from_secs(20);

#[derive(Clone, Copy, Debug)]
pub(crate) struct Listen {
    pub(crate) broker: u16,
    pub(crate) controller: u16,
}

#[derive(Debug)]
pub(crate) struct Kafka {
    java: Java,
    home: PathBuf,
    port: u16,
    running: Option<Running>,
    /// An archive of classes that this run will leave when it stops, to be put among the parts.
    archive_to_come: Option<PathBuf>,
}

/// How every program of Kafka is run.
#[derive(Debug)]
struct Java {
    program: PathBuf,
    class_path: String,
    /// Loaded classes in the form this very Java maps into memory: 0.7 s instead of 1.7 s to a ready broker.
    archive: PathBuf,
}

impl Kafka {
    pub(crate) fn start(
        folder: &Folder,
        parts: &Parts,
        listen: Listen,
        progress: &Progress,
    ) -> Result<Self> {
        let step = progress.step(&format!("Kafka {KAFKA}"), "starting");
        let java = Java::new(parts)?;
        folder.check_reach(&java.program)?;
        let home = folder.private("kafka")?;
        // Outside of what Kafka may write to, and written at each start, since ports and settings may differ from the last time.
        let properties = folder.path().join("kafka.properties");
        let data = home.join("data");
        fs::write(&properties, self::properties(listen, &data))
            .context("cannot write Kafka's settings")?;
        if !data.join("meta.properties").exists() {
            step.doing("making its folder");
            format(folder, &java, &properties)?;
            step.doing("starting");
        }
        let mut kafka = Self {
            java,
            home,
            port: listen.broker,
            running: None,
            archive_to_come: None,
        };
        kafka.start_again(folder)?;
        step.done(&format!("ready on 127.0.0.1:{}", listen.broker));
        Ok(kafka)
    }

    pub(crate) fn start_again(&mut self, folder: &Folder) -> Result<()> {
        if let Some(running) = &mut self.running
            && running.ended().is_none()
        {
            return Ok(());
        }
        self.stop();
        let properties = folder.path().join("kafka.properties");
        let mut command = self.java.command(folder);
        if self.java.archive.exists() {
            command.arg(format!(
                "-XX:SharedArchiveFile={}",
                self.java.archive.display()
            ));
        } else {
            let to_come = self.home.join("classes.jsa");
            command.arg(format!("-XX:ArchiveClassesAtExit={}", to_come.display()));
            // Its warnings name hundreds of classes that cannot be archived, and matter to nobody.
            command.arg("-Xlog:cds=off").arg("-Xlog:cds+dynamic=off");
            self.archive_to_come = Some(to_come);
        }
        command.arg("kafka.Kafka").arg(&properties);
        let spawn = Spawn {
            name: "Kafka",
            log: Some(folder.log("kafka")),
            keeps_stdout: false,
            pid_file: Some(folder.pid_file("kafka")),
            marker: properties.display().to_string(),
            polite: Polite::Terminate,
            patience: STOP_BOUND,
            interrupt: folder.interrupt(),
        };
        let mut running = Running::spawn(command.stdin(Stdio::null()), spawn)?;
        let port = self.port;
        running.wait_until(START_BOUND, || answers(port))?;
        self.running = Some(running);
        Ok(())
    }

    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    pub(crate) fn pid(&self) -> Option<u32> {
        self.running.as_ref().map(Running::pid)
    }

    pub(crate) fn kill(&mut self) {
        if let Some(mut running) = self.running.take() {
            running.kill();
        }
        self.archive_to_come = None;
    }

    pub(crate) fn stop(&mut self) {
        let orderly = self
            .running
            .take()
            .is_some_and(|mut it| it.stop().is_some());
        if let Some(archive) = self.archive_to_come.take()
            && orderly
        {
            // It only saves a second at the next start, so nothing depends on it. Copied and then renamed, because the data
            // folder may be on another disk, and nobody may see half of it.
            let half = self
                .java
                .archive
                .with_added_extension(std::process::id().to_string());
            let _ = fs::copy(&archive, &half).and_then(|_| fs::rename(&half, &self.java.archive));
            let _ = fs::remove_file(&half);
            let _ = fs::remove_file(&archive);
        }
    }

    pub(crate) fn casualty(&mut self) -> Option<String> {
        let running = self.running.as_mut()?;
        let status = running.ended()?;
        Some(format!(
            "Kafka ended by itself ({status}).\n{}",
            running.log_tail()
        ))
    }
}

impl Drop for Kafka {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Java {
    fn new(parts: &Parts) -> Result<Self> {
        let program = tools::java().context("there is no `java`; Kafka needs a JDK 17 or later")?;
        let version = tools::java_version(&program).context("`java -version` does not answer")?;
        // An archive is good for the build of Java that wrote it, and for no other.
        let archive = parts.path().join(format!(
            "classes-{}.jsa",
            crate::short_hash(Path::new(&version))
        ));
        Ok(Self {
            program,
            class_path: parts.class_path()?,
            archive,
        })
    }

    /// Small, quick to start and quiet: a sandbox has a few hundred events a second, not a data centre's.
    fn command(&self, folder: &Folder) -> Command {
        let mut command = folder.command(&self.program);
        command
            .args([
                "-Xmx256m",
                "-XX:+UseSerialGC",
                "-XX:TieredStopAtLevel=1",
                "-Djava.awt.headless=true",
            ])
            // A broker without memory answers some and drops others; better it ends and is seen to end.
            .arg("-XX:+ExitOnOutOfMemoryError")
            // What the environment wants of other Javas does not concern this one.
            .env_remove("JAVA_TOOL_OPTIONS")
            .env_remove("JDK_JAVA_OPTIONS")
            .args([
                "-Dorg.slf4j.simpleLogger.showDateTime=true",
                "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSSXXX",
                // At its usual level this one lists four hundred settings at every start.
                "-Dorg.slf4j.simpleLogger.log.org.apache.kafka.common.config=warn",
            ])
            .arg("-cp")
            .arg(&self.class_path);
        command
    }
}

fn properties(listen: Listen, data: &Path) -> String {
    let Listen { broker, controller } = listen;
    let settings = [
        ("process.roles", String::from("broker,controller")),
        ("node.id", String::from("1")),
        // A voter named here is not written into the metadata, so that the next start may use another port.
        (
            "controller.quorum.voters",
            format!("1@127.0.0.1:{controller}"),
        ),
        (
            "listeners",
            format!("PLAINTEXT://127.0.0.1:{broker},CONTROLLER://127.0.0.1:{controller}"),
        ),
        (
            "advertised.listeners",
            format!("PLAINTEXT://127.0.0.1:{broker}"),
        ),
        ("controller.listener.names", String::from("CONTROLLER")),
        ("inter.broker.listener.name", String::from("PLAINTEXT")),
        (
            "listener.security.protocol.map",
            String::from("PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT"),
        ),
        ("log.dirs", escaped(data)),
    ];
    let mut text = String::from("# Written anew at each start.\n");
    for (name, value) in &settings {
        let _ = writeln!(text, "{name}={value}");
    }
    text.push_str(FIXED);
    text
}

/// The settings that are the same everywhere.
const FIXED: &str = "\
auto.create.topics.enable=false
log.retention.ms=-1
# There is one node, so one copy of everything.
default.replication.factor=1
offsets.topic.replication.factor=1
offsets.topic.num.partitions=3
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=3
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
share.coordinator.state.topic.num.partitions=3
# A group of one need not wait for others.
group.initial.rebalance.delay.ms=0
# Each partition's index is set aside in full: 10 MB twice by default, for hundreds of partitions.
log.index.size.max.bytes=131072
log.segment.bytes=67108864
# The cleaner's map is half of this process' memory by default.
log.cleaner.dedupe.buffer.size=8388608
# A broker killed with -9 may register again only when its old session is over: 9 s by default.
broker.session.timeout.ms=2000
broker.heartbeat.interval.ms=400
num.network.threads=2
num.io.threads=4
background.threads=4
";

/// In a properties file a backslash begins an escape.
fn escaped(path: &Path) -> String {
    path.display().to_string().replace('\\', "\\\\")
}

fn format(folder: &Folder, java: &Java, properties: &Path) -> Result<()> {
    let mut command = java.command(folder);
    if java.archive.exists() {
        command.arg(format!("-XX:SharedArchiveFile={}", java.archive.display()));
    }
    // A format that was killed halfway left a folder without its meta.properties, which is no obstacle.
    command
        .arg("kafka.tools.StorageTool")
        .args(["format", "--ignore-formatted", "-t", &cluster_id()?, "-c"])
        .arg(properties);
    let (status, said) =
        folder.run_to_end(&mut command, "Kafka's StorageTool", "kafka", properties)?;
    if !status.success() {
        bail!("Kafka could not make its folder ({status}).\n{said}");
    }
    Ok(())
}

/// Sixteen random bytes in base64url. A new folder is a new cluster, and whoever remembers the old one can tell.
fn cluster_id() -> Result<String> {
    let mut bytes = [0; 16];
    fs::File::open("/dev/urandom")
        .and_then(|mut it| it.read_exact(&mut bytes))
        .context("cannot read /dev/urandom")?;
    Ok(id_of(bytes))
}

/// An id that begins with a dash would be read as an option: with its first bit off it begins with a letter.
fn id_of(mut bytes: [u8; 16]) -> String {
    bytes[0] &= 0x7f;
    base64url(bytes)
}

fn base64url(bytes: [u8; 16]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let number = u128::from_be_bytes(bytes);
    // 128 bits are 21 digits of six bits and one of two, which stands at the upper end of its six.
    let digit = |at: u32| {
        if at < 21 {
            (number >> (122 - 6 * at)) & 63
        } else {
            (number << 4) & 63
        }
    };
    (0..22)
        .filter_map(|at| usize::try_from(digit(at)).ok())
        .map(|it| char::from(DIGITS[it]))
        .collect()
}

/// Whether the broker answers "which versions do you speak?"; it lets nobody ask before it has registered.
fn answers(port: u16) -> bool {
    let ask = || -> std::io::Result<bool> {
        let mut stream = TcpStream::connect_timeout(
            &(Ipv4Addr::LOCALHOST, port).into(),
            Duration::from_secs(1),
        )?;
        stream.set_read_timeout(Some(Duration::from_secs(2)))?;
        stream.write_all(&api_versions_request())?;
        let mut answer = [0; 10];
        stream.read_exact(&mut answer)?;
        // Four bytes of length, four of the number we gave, two of error.
        Ok(answer[4..8] == CORRELATION.to_be_bytes() && answer[8..] == [0, 0])
    };
    ask().unwrap_or(false)
}

const CORRELATION: i32 = 7;

/// Request 18 in version 0, with a number of ours and the name of a client.
fn api_versions_request() -> Vec<u8> {
    let client = b"sandbox";
    let mut body = Vec::new();
    body.extend(18_i16.to_be_bytes());
    body.extend(0_i16.to_be_bytes());
    body.extend(CORRELATION.to_be_bytes());
    body.extend(i16::try_from(client.len()).unwrap_or(0).to_be_bytes());
    body.extend(client);
    let length = i32::try_from(body.len()).unwrap_or(0);
    [length.to_be_bytes().to_vec(), body].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cluster_id_is_base64url_of_sixteen_bytes() {
        assert_eq!(base64url([0; 16]), "AAAAAAAAAAAAAAAAAAAAAA");
        assert_eq!(base64url([255; 16]), "_____________________w");
        let counting = std::array::from_fn(|it| u8::try_from(it).unwrap_or(0));
        assert_eq!(base64url(counting), "AAECAwQFBgcICQoLDA0ODw");
    }

    #[test]
    fn no_cluster_id_can_be_taken_for_an_option() {
        for first in 0..=u8::MAX {
            let mut bytes = [0xff; 16];
            bytes[0] = first;
            assert!(
                id_of(bytes).starts_with(|letter: char| letter.is_ascii_alphabetic()),
                "{first}"
            );
        }
    }

    #[test]
    fn the_request_that_tells_readiness_counts_its_length() {
        let request = api_versions_request();
        assert_eq!(usize::from(request[3]), request.len() - 4);
    }

    #[test]
    fn kafka_listens_to_this_machine_only_and_both_ports_are_in_its_settings() {
        let text = properties(
            Listen {
                broker: 8091,
                controller: 8092,
            },
            Path::new("/x/data"),
        );
        assert!(
            text.contains("listeners=PLAINTEXT://127.0.0.1:8091,CONTROLLER://127.0.0.1:8092\n"),
            "{text}"
        );
        assert!(
            text.contains("controller.quorum.voters=1@127.0.0.1:8092\n"),
            "{text}"
        );
        assert!(text.contains("auto.create.topics.enable=false\n"), "{text}");
        assert!(!text.contains("0.0.0.0"), "{text}");
    }
}
