//! A data folder: one holder at a time, and nothing of a killed holder is left running.

use std::fs::{self, File, OpenOptions, Permissions, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, bail};

use crate::interrupt::Interrupt;
use crate::process::{self, Polite, Spawn};
use crate::progress::Progress;
use crate::user::RunAs;
use crate::{POLL, short_hash};

/// How long a leftover may take to end before it is killed.
const PATIENCE: Duration = Duration::from_secs(10);

/// A data folder that is ours until this is dropped.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    run_as: Option<RunAs>,
    interrupt: Interrupt,
    // Held for its lock, which ends with it.
    _lock: File,
}

impl Folder {
    /// Makes the folder when missing, takes it, and ends what a killed holder left running in it.
    pub fn take(
        path: &Path,
        holder: &str,
        interrupt: &Interrupt,
        progress: &Progress,
    ) -> Result<Self> {
        let made_here = make(path)?;
        let path = path
            .canonicalize()
            .with_context(|| format!("cannot find {}", path.display()))?;
        let lock = lock(&path, holder)?;
        if made_here || path.starts_with("/var/tmp") {
            check_owner(&path)?;
        }
        let run_as = RunAs::for_data(&[path.join("postgres"), path.join("kafka")])?;
        let folder = Self {
            path,
            run_as,
            interrupt: interrupt.clone(),
            _lock: lock,
        };
        folder.check_reach(&folder.path)?;
        for inner in ["log", "run"] {
            make(&folder.path.join(inner))?;
        }
        folder.end_leftovers(progress);
        Ok(folder)
    }

    /// Absolute, without links.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where a part writes its log.
    pub fn log(&self, name: &str) -> PathBuf {
        self.path.join("log").join(format!("{name}.log"))
    }

    /// Where a child's id is kept. Who is named here with a marker is ended by the next holder if this one is killed.
    pub fn pid_file(&self, name: &str) -> PathBuf {
        self.path.join("run").join(format!("{name}.pid"))
    }

    /// What is asked while waiting.
    pub fn interrupt(&self) -> &Interrupt {
        &self.interrupt
    }

    /// Fails when the user that children run as cannot get to the path, and says where it ends.
    pub(crate) fn check_reach(&self, path: &Path) -> Result<()> {
        let Some(blocked) = self.run_as.and_then(|it| it.blocked_at(path)) else {
            return Ok(());
        };
        bail!(
            "Postgres refuses to run as root, so it runs as an unprivileged user here, and that user cannot enter {}, \
             which leads to {}. Give another folder with `--data` (one in /var/tmp will do), or open that one with \
             `chmod o+x`.",
            blocked.display(),
            path.display()
        )
    }

    /// A command that runs as the unprivileged user where that is needed, in a directory that user can enter.
    pub(crate) fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.path);
        if let Some(user) = self.run_as {
            user.apply(&mut command);
        }
        command
    }

    /// A folder inside that belongs to whoever the children run as, and to nobody else.
    pub(crate) fn private(&self, name: &str) -> Result<PathBuf> {
        let path = self.path.join(name);
        if !path.exists() {
            fs::DirBuilder::new()
                .mode(0o700)
                .create(&path)
                .with_context(|| format!("cannot make {}", path.display()))?;
            if let Some(user) = self.run_as {
                user.own(&path)?;
            }
        }
        Ok(path)
    }

    /// Runs a program to its end, writing to the log of `part`, and gives the tail of what it wrote. `on` is a path in its
    /// command line; by it a successor recognises the program if we are killed before it is done.
    pub(crate) fn run_to_end(
        &self,
        command: &mut Command,
        name: &'static str,
        part: &str,
        on: &Path,
    ) -> Result<(ExitStatus, String)> {
        let mut spawn = Spawn::errand(name, self.log(part), &self.interrupt);
        spawn.pid_file = Some(self.pid_file(&format!("making-{part}")));
        spawn.marker = on.display().to_string();
        process::run_to_end(command, spawn)
    }

    /// A short name for this folder that Postgres shows in the title of each of its processes.
    pub(crate) fn tag(&self) -> String {
        format!("ktgg-{}", short_hash(&self.path))
    }

    /// Postgres' own children outlive a killed postmaster for a moment, and its successor refuses to start beside them.
    pub(crate) fn end_orphans_of_postgres(&self) -> usize {
        let title = format!("postgres: {}", self.tag());
        // One that was forked just before the kill still has the postmaster's command line.
        let untitled = format!(
            "/postgres -D {} ",
            self.path.join("postgres").join("data").display()
        );
        let orphans_now = || {
            [
                process::with_command_line(&title),
                process::with_command_line(&untitled),
            ]
            .concat()
        };
        let found = orphans_now().len();
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            let orphans = orphans_now();
            if orphans.is_empty() {
                break;
            }
            // An idle one ends by itself within milliseconds; one that computes does not look.
            if begun.elapsed() > Duration::from_secs(2) {
                orphans.into_iter().for_each(process::kill_stranger);
            }
            thread::sleep(POLL);
        }
        found
    }

    fn end_leftovers(&self, progress: &Progress) {
        let leftovers = self.leftovers();
        for (name, pid, _) in &leftovers {
            progress.say(&format!(
                "The last holder of {} was killed; ending its {name} ({pid}).",
                self.path.display()
            ));
        }
        // What stands on the others ends first: Postgres and Kafka last, whatever else runs here before.
        for (name, pid, marker) in &leftovers {
            process::signal(
                *pid,
                if name == "postgres" {
                    Polite::Interrupt
                } else {
                    Polite::Terminate
                },
            );
            let begun = Instant::now();
            while is_ours(*pid, marker) {
                if begun.elapsed() > PATIENCE {
                    process::kill_stranger(*pid);
                }
                thread::sleep(POLL);
            }
        }
        if self.end_orphans_of_postgres() > 0 && leftovers.iter().all(|it| it.0 != "postgres") {
            progress.say(&format!(
                "Processes of a killed Postgres of {} have ended.",
                self.path.display()
            ));
        }
        for file in fs::read_dir(self.path.join("run"))
            .into_iter()
            .flatten()
            .flatten()
        {
            let _ = fs::remove_file(file.path());
        }
    }

    /// Name, id and marker of what still runs according to the pid files, in the order in which it should end.
    fn leftovers(&self) -> Vec<(String, u32, String)> {
        let mut found = Vec::new();
        for file in fs::read_dir(self.path.join("run"))
            .into_iter()
            .flatten()
            .flatten()
        {
            let path = file.path();
            let name = path
                .file_stem()
                .map(|it| it.to_string_lossy().into_owned())
                .unwrap_or_default();
            let text = fs::read_to_string(&path).unwrap_or_default();
            if let Some((pid, marker)) = parse_pid_file(&text)
                && is_ours(pid, &marker)
            {
                found.push((name, pid, marker));
            }
        }
        found.sort_by_key(|(name, ..)| match name.as_str() {
            "postgres" => 2,
            "kafka" => 1,
            _ => 0,
        });
        found
    }
}

/// An id alone says little: it may be somebody else's by now.
fn is_ours(pid: u32, marker: &str) -> bool {
    process::command_line(pid).is_some_and(|it| it.contains(marker))
}

/// A marker that is empty would fit every process.
fn parse_pid_file(text: &str) -> Option<(u32, String)> {
    let (pid, marker) = text.split_once('\n')?;
    let marker = marker.trim_end();
    if marker.is_empty() {
        None
    } else {
        Some((pid.parse().ok()?, marker.to_owned()))
    }
}

/// True if it was missing. Whatever the umask says, others may pass through: the children may be others.
fn make(path: &Path) -> Result<bool> {
    if path.is_dir() {
        return Ok(false);
    }
    let make = || -> std::io::Result<()> {
        fs::create_dir_all(path)?;
        fs::set_permissions(path, Permissions::from_mode(0o755))
    };
    make().with_context(|| format!("cannot make the folder {}", path.display()))?;
    Ok(true)
}

/// In a folder that everybody can write to, somebody else may have made ours before us.
fn check_owner(path: &Path) -> Result<()> {
    let owner = fs::metadata(path)?.uid();
    let me = rustix::process::geteuid().as_raw();
    if owner != me && me == 0 {
        bail!(
            "{} belongs to another user ({owner}); give another folder with `--data`",
            path.display()
        );
    }
    Ok(())
}

fn lock(path: &Path, holder: &str) -> Result<File> {
    let path_of_lock = path.join("lock");
    let mut file =
        OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path_of_lock).with_context(|| {
            format!("cannot open {}; was the folder made by another user? Give another one with `--data`", path_of_lock.display())
        })?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut text = String::new();
            let _ = file.read_to_string(&mut text);
            bail!(
                "{} is held {}. End that first, or give another folder with `--data`.",
                path.display(),
                describe(&text, now())
            );
        }
        Err(TryLockError::Error(error)) => {
            return Err(error).with_context(|| format!("cannot lock {}", path_of_lock.display()));
        }
    }
    file.set_len(0)?;
    file.rewind()?;
    write!(file, "{}\n{}\n{holder}\n", std::process::id(), now())?;
    Ok(file)
}

/// Turns the text of a lock file into "by process 12 (cargo xtask up), for 3 min".
fn describe(text: &str, now: u64) -> String {
    let mut lines = text.lines();
    let (Some(pid), Some(since), Some(holder)) = (lines.next(), lines.next(), lines.next()) else {
        return String::from("by another process");
    };
    let seconds = now.saturating_sub(since.parse().unwrap_or(now));
    let length = match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        _ => format!("{} h", seconds / 3_600),
    };
    format!("by process {pid} ({holder}), for {length}")
}

fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |it| it.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_holder_is_described_by_its_process_its_purpose_and_how_long() {
        assert_eq!(
            describe("12\n1000\ncargo xtask up\n", 1_185),
            "by process 12 (cargo xtask up), for 3 min"
        );
        assert_eq!(
            describe("12\n1000\nx\n", 1_005),
            "by process 12 (x), for 5 s"
        );
        assert_eq!(
            describe("12\n1000\nx\n", 90_000),
            "by process 12 (x), for 24 h"
        );
        assert_eq!(describe("", 5), "by another process");
    }

    #[test]
    fn a_pid_file_without_a_marker_is_nobodys() {
        assert_eq!(
            parse_pid_file("7\n/data/postgres\n"),
            Some((7, String::from("/data/postgres")))
        );
        assert_eq!(parse_pid_file("7\n\n"), None);
        assert_eq!(parse_pid_file("7"), None);
        assert_eq!(parse_pid_file("x\ny\n"), None);
    }

    #[test]
    fn a_process_id_that_is_somebody_elses_by_now_is_not_ours() {
        assert!(!is_ours(
            std::process::id(),
            "no command line has this text"
        ));
    }
}
