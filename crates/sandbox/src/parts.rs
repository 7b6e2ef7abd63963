//! Fetching Postgres and Kafka by Maven, once for all data folders of a checkout.

use std::fs::{self, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

use anyhow::{Context as _, Result, bail};

use crate::POLL;
use crate::interrupt::Interrupt;
use crate::process::{Spawn, run_to_end};
use crate::progress::Progress;

/// The broker's version, also part of the folder's name.
pub(crate) const KAFKA: &str = "4.3.1";
/// The database's version as its packagers count it.
const POSTGRES: &str = "17.5.0";
/// Ends the name of a folder that is being filled.
const HALF: &str = "half-";
const POM: &str = include_str!("parts.pom.xml");

/// What was fetched: jars of Kafka, and an unpacked Postgres.
#[derive(Clone, Debug)]
pub(crate) struct Parts {
    path: PathBuf,
}

/// A name that changes with every version in it, so that a new version is fetched beside the old one.
pub(crate) fn folder_name() -> String {
    format!("sandbox-parts-{KAFKA}-{POSTGRES}")
}

/// Whether all is there already, so that no Maven and no network is needed.
pub fn are_there(path: &Path) -> bool {
    path.is_dir()
}

impl Parts {
    /// Fetches what is missing. A folder by this name is always whole: it is filled under another name and moved into place.
    pub(crate) fn ensure(path: &Path, interrupt: &Interrupt, progress: &Progress) -> Result<Self> {
        let step = progress.step("Parts", "looking");
        if are_there(path) {
            step.done("there already");
            return Self::at(path);
        }
        let parent = path
            .parent()
            .context("the folder of the parts has a parent")?;
        fs::create_dir_all(parent).with_context(|| format!("cannot make {}", parent.display()))?;
        let lock = path.with_added_extension("lock");
        let lock = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&lock)
            .context("cannot open the lock of the parts")?;
        step.doing("waiting for another fetch");
        loop {
            match lock.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) => interrupt.check()?,
                Err(TryLockError::Error(error)) => {
                    return Err(error).context("cannot lock the parts");
                }
            }
            thread::sleep(POLL);
        }
        if are_there(path) {
            step.done("fetched by another process");
            return Self::at(path);
        }
        remove_halves(parent);
        let half = path.with_added_extension(format!("{HALF}{}", std::process::id()));
        fs::create_dir(&half).with_context(|| format!("cannot make {}", half.display()))?;
        step.doing(&format!(
            "fetching Kafka {KAFKA} and Postgres {POSTGRES}, about 60 MB, once"
        ));
        fetch(&half, interrupt)?;
        step.doing("unpacking Postgres");
        unpack(&half, interrupt)?;
        fs::rename(&half, path)
            .with_context(|| format!("cannot move the parts to {}", path.display()))?;
        step.done("fetched");
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

    /// A program of Postgres.
    pub(crate) fn postgres(&self, program: &str) -> PathBuf {
        self.path.join("postgres").join("bin").join(program)
    }

    /// Every jar of Kafka, in an order that is always the same: a class archive is only valid for the very same path.
    pub(crate) fn class_path(&self) -> Result<String> {
        let folder = self.path.join("kafka");
        let jars =
            fs::read_dir(&folder).with_context(|| format!("cannot list {}", folder.display()))?;
        let mut jars: Vec<PathBuf> = jars
            .flatten()
            .map(|it| it.path())
            .filter(|it| it.extension().is_some_and(|it| it == "jar"))
            .collect();
        jars.sort();
        let jars: Vec<String> = jars.iter().map(|it| it.display().to_string()).collect();
        Ok(jars.join(":"))
    }
}

/// A fetch that was killed leaves its half behind; under the lock nobody uses it. Each has a name of its own all the same,
/// because the Maven of a killed fetch may still be writing to it.
fn remove_halves(parent: &Path) {
    let begin = format!("{}.{HALF}", folder_name());
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with(&begin) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

fn fetch(into: &Path, interrupt: &Interrupt) -> Result<()> {
    let pom = into.join("pom.xml");
    fs::write(&pom, POM)?;
    let platform = platform(std::env::consts::OS, std::env::consts::ARCH)?;
    let mut maven = Command::new("mvn");
    maven
        .current_dir(into)
        .args(["-B", "-q", "-Dstyle.color=never", "-f"])
        .arg(&pom)
        .args([
            format!("-Dkafka={KAFKA}"),
            format!("-Dpostgres={POSTGRES}"),
            format!("-Dplatform={platform}"),
        ])
        .arg(format!("-Dinto={}", into.display()))
        .arg("package");
    let (status, said) = run_to_end(
        &mut maven,
        Spawn::errand("Maven", into.join("maven.log"), interrupt),
    )?;
    if status.success() {
        return Ok(());
    }
    bail!(
        "Maven could not fetch Kafka and Postgres ({status}). This is the only step that needs the network. Behind a proxy \
         or with a mirror of your own, set them up in Maven's settings (~/.m2/settings.xml) and try again; what was fetched \
         already is kept.\n{said}"
    )
}

fn unpack(into: &Path, interrupt: &Interrupt) -> Result<()> {
    let archives = into.join("archive");
    let archive = fs::read_dir(&archives)?
        .flatten()
        .map(|it| it.path())
        .find(|it| it.extension().is_some_and(|it| it == "txz"));
    let archive = archive.context("Maven fetched a Postgres without an archive in it")?;
    let postgres = into.join("postgres");
    fs::create_dir(&postgres)?;
    let mut tar = Command::new("tar");
    // Of an archive unpacked by root, the owner shall be root and not whoever packed it.
    tar.args(["-xJof"]).arg(&archive).arg("-C").arg(&postgres);
    let (status, said) = run_to_end(
        &mut tar,
        Spawn::errand("tar", into.join("tar.log"), interrupt),
    )?;
    if !status.success() {
        bail!(
            "tar could not unpack {} ({status}).\n{said}",
            archive.display()
        );
    }
    // Whatever the umask says: who runs it may not be who fetched it.
    let mut chmod = Command::new("chmod");
    chmod.args(["-R", "a+rX"]).arg(into);
    let (status, said) = run_to_end(
        &mut chmod,
        Spawn::errand("chmod", into.join("chmod.log"), interrupt),
    )?;
    if !status.success() {
        bail!(
            "chmod could not open {} for reading ({status}).\n{said}",
            into.display()
        );
    }
    fs::remove_dir_all(&archives)?;
    let _ = fs::remove_dir_all(into.join("target"));
    Ok(())
}

/// How the packagers of Postgres call a platform.
fn platform(os: &str, arch: &str) -> Result<&'static str> {
    Ok(match (os, arch) {
        ("linux", "x86_64") => "linux-amd64",
        ("linux", "aarch64") => "linux-arm64v8",
        ("macos", "x86_64") => "darwin-amd64",
        ("macos", "aarch64") => "darwin-arm64v8",
        _ => bail!(
            "there is no packaged Postgres for {os} on {arch}; use a Postgres and a Kafka of your own with `--postgres` and `--kafka`"
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_supported_platform_has_a_package_and_another_gets_a_way_out() {
        assert_eq!(platform("linux", "x86_64").ok(), Some("linux-amd64"));
        assert_eq!(platform("linux", "aarch64").ok(), Some("linux-arm64v8"));
        assert_eq!(platform("macos", "x86_64").ok(), Some("darwin-amd64"));
        assert_eq!(platform("macos", "aarch64").ok(), Some("darwin-arm64v8"));
        let message = platform("freebsd", "x86_64")
            .expect_err("there is none")
            .to_string();
        assert!(message.contains("--postgres"), "{message}");
    }

    #[test]
    fn the_pom_takes_every_version_that_is_given_to_it() {
        for variable in ["${kafka}", "${postgres}", "${platform}", "${into}"] {
            assert!(POM.contains(variable), "{variable}");
        }
    }
}
