//! Downloads Postgres and Kafka with Maven, once for all data folders of a checkout.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

use anyhow::{Context as _, Result, bail};

use crate::child_process::{POLL_INTERVAL, SpawnOptions, run_to_end};
use crate::interrupt::Interrupt;
use crate::progress::Progress;

pub(crate) const KAFKA_VERSION: &str = "4.3.1";
/// The version of the Maven artifact.
const POSTGRES_VERSION: &str = "17.5.0";
/// Followed by a process id, the extension of a folder that is not complete yet.
const INCOMPLETE: &str = "incomplete-";
const POM: &str = include_str!("downloads.pom.xml");

/// The folder with Kafka's jars and an unpacked Postgres.
#[derive(Clone, Debug)]
pub(crate) struct Downloads {
    path: PathBuf,
}

/// Contains the versions, so that a new version is downloaded beside the old one.
pub(crate) fn folder_name() -> String {
    format!("sandbox-downloads-{KAFKA_VERSION}-{POSTGRES_VERSION}")
}

/// Whether the downloads exist, so that neither Maven nor the network is needed. The folder gets
/// its name when it is complete.
pub fn exist(path: &Path) -> bool {
    path.is_dir()
}

impl Downloads {
    /// Downloads both servers if they are missing.
    pub(crate) fn ensure(path: &Path, interrupt: &Interrupt, progress: &Progress) -> Result<Self> {
        let step = progress.step("Downloads", "checking");
        if exist(path) {
            step.finish("complete");
            return Self::at(path);
        }
        let parent = path.parent().context("the downloads have no parent")?;
        fs::create_dir_all(parent)
            .with_context(|| format!("cannot create {}", parent.display()))?;
        step.update("waiting for another process that downloads");
        let _lock = lock(path, interrupt)?;
        if exist(path) {
            step.finish("downloaded by another process");
            return Self::at(path);
        }
        remove_incomplete(parent);
        let incomplete = path.with_added_extension(format!("{INCOMPLETE}{}", std::process::id()));
        fs::create_dir(&incomplete)
            .with_context(|| format!("cannot create {}", incomplete.display()))?;
        step.update(&format!(
            "downloading Kafka {KAFKA_VERSION} and Postgres {POSTGRES_VERSION}, about 60 MB"
        ));
        run_maven(&incomplete, interrupt)?;
        step.update("unpacking Postgres");
        unpack_postgres(&incomplete, interrupt)?;
        fs::rename(&incomplete, path)
            .with_context(|| format!("cannot move the downloads to {}", path.display()))?;
        step.finish("complete");
        Self::at(path)
    }

    fn at(path: &Path) -> Result<Self> {
        let path = path
            .canonicalize()
            .with_context(|| format!("cannot find {}", path.display()))?;
        Ok(Self { path })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn postgres_program(&self, name: &str) -> PathBuf {
        self.path.join("postgres").join("bin").join(name)
    }

    /// All jars of Kafka, sorted: a class archive is valid only for exactly the same class path.
    pub(crate) fn kafka_class_path(&self) -> Result<String> {
        let folder = self.path.join("kafka");
        let jars =
            fs::read_dir(&folder).with_context(|| format!("cannot list {}", folder.display()))?;
        let mut jars: Vec<String> = jars
            .flatten()
            .map(|entry| entry.path())
            .filter(|path| path.extension().is_some_and(|extension| extension == "jar"))
            .map(|path| path.display().to_string())
            .collect();
        jars.sort();
        Ok(jars.join(":"))
    }
}

/// Waits for the lock of the downloads; closing the file releases it.
fn lock(path: &Path, interrupt: &Interrupt) -> Result<File> {
    let lock = OpenOptions::new()
        .create(true)
        .append(true)
        .open(path.with_added_extension("lock"))
        .context("cannot open the lock of the downloads")?;
    loop {
        match lock.try_lock() {
            Ok(()) => return Ok(lock),
            Err(TryLockError::WouldBlock) => interrupt.check()?,
            Err(TryLockError::Error(error)) => {
                return Err(error).context("cannot lock the downloads");
            }
        }
        thread::sleep(POLL_INTERVAL);
    }
}

/// Removes what killed downloads have left; no other process downloads while this one has the
/// lock. Names contain process ids because the Maven of a killed process may still be writing.
fn remove_incomplete(parent: &Path) {
    let prefix = format!("{}.{INCOMPLETE}", folder_name());
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with(&prefix) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

fn run_maven(folder: &Path, interrupt: &Interrupt) -> Result<()> {
    let pom = folder.join("pom.xml");
    fs::write(&pom, POM)?;
    let platform = maven_platform(std::env::consts::OS, std::env::consts::ARCH)?;
    let mut maven = Command::new("mvn");
    maven
        .current_dir(folder)
        .args(["-B", "-q", "-Dstyle.color=never", "-f"])
        .arg(&pom)
        .args([
            format!("-Dkafka={KAFKA_VERSION}"),
            format!("-Dpostgres={POSTGRES_VERSION}"),
            format!("-Dplatform={platform}"),
        ])
        .arg(format!("-Dinto={}", folder.display()))
        .arg("package");
    run_in(folder, &mut maven, "mvn", interrupt).context(
        "Maven could not download Kafka and Postgres. Only this step needs the network. \
         Configure a proxy or a mirror in Maven's settings (~/.m2/settings.xml) and try again",
    )
}

fn unpack_postgres(folder: &Path, interrupt: &Interrupt) -> Result<()> {
    let archives = folder.join("archive");
    let archive = fs::read_dir(&archives)?
        .flatten()
        .map(|entry| entry.path())
        .find(|path| path.extension().is_some_and(|extension| extension == "txz"))
        .context("Maven downloaded a Postgres without an archive in it")?;
    let postgres = folder.join("postgres");
    fs::create_dir(&postgres)?;
    let mut tar = Command::new("tar");
    // `o`: the files belong to the user who unpacks them, even if that is root.
    tar.arg("-xJof").arg(&archive).arg("-C").arg(&postgres);
    run_in(folder, &mut tar, "tar", interrupt)?;
    // Whatever the umask is, the user that runs the servers must be able to read them.
    let mut chmod = Command::new("chmod");
    chmod.args(["-R", "a+rX"]).arg(folder);
    run_in(folder, &mut chmod, "chmod", interrupt)?;
    fs::remove_dir_all(&archives)?;
    let _ = fs::remove_dir_all(folder.join("target"));
    Ok(())
}

/// Runs a program to its end, with a log in the folder.
fn run_in(
    folder: &Path,
    command: &mut Command,
    name: &'static str,
    interrupt: &Interrupt,
) -> Result<()> {
    let log = folder.join(format!("{name}.log"));
    let (status, log) = run_to_end(command, SpawnOptions::short_lived(name, log, interrupt))?;
    if !status.success() {
        bail!("{name} failed ({status}).\n{log}");
    }
    Ok(())
}

/// The platform in the name of the Maven artifact of Postgres.
fn maven_platform(os: &str, arch: &str) -> Result<&'static str> {
    Ok(match (os, arch) {
        ("linux", "x86_64") => "linux-amd64",
        ("linux", "aarch64") => "linux-arm64v8",
        ("macos", "x86_64") => "darwin-amd64",
        ("macos", "aarch64") => "darwin-arm64v8",
        _ => bail!(
            "there is no packaged Postgres for {os} on {arch}; use your own Postgres and Kafka \
             with `--postgres` and `--kafka`"
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn supported_platforms_have_an_artifact_others_a_hint() {
        let platform = |os, arch| maven_platform(os, arch).ok();
        assert_eq!(platform("linux", "x86_64"), Some("linux-amd64"));
        assert_eq!(platform("linux", "aarch64"), Some("linux-arm64v8"));
        assert_eq!(platform("macos", "x86_64"), Some("darwin-amd64"));
        assert_eq!(platform("macos", "aarch64"), Some("darwin-arm64v8"));
        let message = maven_platform("freebsd", "x86_64")
            .expect_err("it is not supported")
            .to_string();
        assert!(message.contains("--postgres"), "{message}");
    }

    #[test]
    fn pom_uses_every_property_that_is_passed_to_it() {
        for variable in ["${kafka}", "${postgres}", "${platform}", "${into}"] {
            assert!(POM.contains(variable), "{variable}");
        }
    }
}
