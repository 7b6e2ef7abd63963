//! A child with a log file in a process group of its own, and what is known of processes that are nobody's child any more.

use std::fs::{self, File, OpenOptions};
use std::io::{Read as _, Seek as _, SeekFrom};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};

use crate::POLL;
use crate::interrupt::{Interrupt, kill_group};

/// A log that grew beyond this is begun anew at the next start; nobody reads so far back in a sandbox.
const LOG_LIMIT: u64 = 10 * 1024 * 1024;

/// How a program likes to be told to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Polite {
    /// SIGTERM.
    Terminate,
    /// SIGINT, which is Postgres' fast shutdown (its SIGTERM waits for every client to leave).
    Interrupt,
}

impl Polite {
    fn signal(self) -> Signal {
        match self {
            Self::Terminate => Signal::TERM,
            Self::Interrupt => Signal::INT,
        }
    }
}

/// How to run a child.
#[derive(Debug)]
pub struct Spawn<'a> {
    /// What a message calls it.
    pub name: &'static str,
    /// What it writes goes to the end of this file; `None` leaves its output as the command says.
    pub log: Option<PathBuf>,
    /// True if only its stderr goes to the log, and its stdout where the command says.
    pub keeps_stdout: bool,
    /// Where its id is kept together with `marker`, for the successor of a killed holder.
    pub pid_file: Option<PathBuf>,
    /// A part of its command line that no other process has.
    pub marker: String,
    /// How it is told to end.
    pub polite: Polite,
    /// How long it may take to end before it is killed.
    pub patience: Duration,
    /// Knows of the child while it runs.
    pub interrupt: &'a Interrupt,
}

/// A child; dropping it stops it.
#[derive(Debug)]
pub struct Running {
    name: &'static str,
    child: Child,
    ended: Option<ExitStatus>,
    log: Option<(PathBuf, u64)>,
    pid_file: Option<PathBuf>,
    polite: Polite,
    patience: Duration,
    interrupt: Interrupt,
}

impl Running {
    /// Starts it in a process group of its own, so that a terminal's Ctrl-C reaches only whoever stops things in order.
    /// It could not read from that terminal then, so its stdin is the caller's to set: empty, or a pipe.
    pub fn spawn(command: &mut Command, spawn: Spawn<'_>) -> Result<Self> {
        spawn.interrupt.check()?;
        let log = match spawn.log {
            None => None,
            Some(path) => {
                let (file, from) = open_log(&path)?;
                if !spawn.keeps_stdout {
                    command.stdout(file.try_clone()?);
                }
                command.stderr(file);
                Some((path, from))
            }
        };
        let program = command.get_program().display().to_string();
        let child = command
            .process_group(0)
            .spawn()
            .with_context(|| format!("cannot run {program} ({})", spawn.name))?;
        spawn.interrupt.add(child.id());
        let running = Self {
            name: spawn.name,
            child,
            ended: None,
            log,
            pid_file: spawn.pid_file,
            polite: spawn.polite,
            patience: spawn.patience,
            interrupt: spawn.interrupt.clone(),
        };
        if let Some(file) = &running.pid_file {
            fs::write(file, format!("{}\n{}\n", running.pid(), spawn.marker))
                .with_context(|| format!("cannot write {}", file.display()))?;
        }
        Ok(running)
    }

    /// Its process id, which is its group's id too.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Its pipes, as far as the command asked for them.
    pub fn child(&mut self) -> &mut Child {
        &mut self.child
    }

    /// How it ended, if it did.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        if self.ended.is_none()
            && let Ok(Some(status)) = self.child.try_wait()
        {
            self.reaped(status);
        }
        self.ended
    }

    /// Waits until it ends or somebody asks the interrupt.
    pub fn wait(&mut self) -> Result<ExitStatus> {
        loop {
            if let Some(status) = self.ended() {
                return Ok(status);
            }
            self.interrupt.check()?;
            thread::sleep(POLL);
        }
    }

    /// Waits until `ready` says so; fails when the child ends before, with the last lines of its log.
    pub(crate) fn wait_until(
        &mut self,
        bound: Duration,
        mut ready: impl FnMut() -> bool,
    ) -> Result<()> {
        let begun = Instant::now();
        while !ready() {
            self.interrupt.check()?;
            if let Some(status) = self.ended() {
                anyhow::bail!(
                    "{} ended while it was starting ({status}).\n{}",
                    self.name,
                    self.log_tail()
                );
            }
            if begun.elapsed() > bound {
                let bound = bound.as_secs();
                anyhow::bail!(
                    "{} did not get ready within {bound} s.\n{}",
                    self.name,
                    self.log_tail()
                );
            }
            thread::sleep(POLL);
        }
        Ok(())
    }

    /// Tells it to end, waits, and kills it when it takes too long. How it ended is returned, `None` if it had to be killed.
    pub fn stop(&mut self) -> Option<ExitStatus> {
        if let Some(status) = self.ended() {
            return Some(status);
        }
        if let Some(group) = raw(self.pid()) {
            // With it goes what it has started: cargo's compilers, for one.
            let _ = kill_process_group(group, self.polite.signal());
        }
        let begun = Instant::now();
        while begun.elapsed() < self.patience {
            if let Some(status) = self.ended() {
                return Some(status);
            }
            thread::sleep(POLL);
        }
        self.kill();
        None
    }

    /// SIGKILL to its whole group, now.
    pub fn kill(&mut self) {
        if self.ended().is_some() {
            return;
        }
        kill_group(self.pid());
        if let Ok(status) = self.child.wait() {
            self.reaped(status);
        }
    }

    /// The last lines it wrote since it was started, under a line that names the file.
    pub fn log_tail(&self) -> String {
        match &self.log {
            None => String::new(),
            Some((path, from)) => tail(path, *from, 25),
        }
    }

    fn reaped(&mut self, status: ExitStatus) {
        self.interrupt.remove(self.child.id());
        self.ended = Some(status);
        if let Some(file) = &self.pid_file {
            let _ = fs::remove_file(file);
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop();
    }
}

impl<'a> Spawn<'a> {
    /// Of a program that is run to its end and writes to a log.
    pub(crate) fn errand(name: &'static str, log: PathBuf, interrupt: &'a Interrupt) -> Self {
        Self {
            name,
            log: Some(log),
            keeps_stdout: false,
            pid_file: None,
            marker: String::new(),
            polite: Polite::Terminate,
            patience: Duration::from_secs(2),
            interrupt,
        }
    }
}

/// Runs a command to its end and gives the tail of what it wrote; it is ended early when the interrupt is asked.
pub(crate) fn run_to_end(command: &mut Command, spawn: Spawn<'_>) -> Result<(ExitStatus, String)> {
    let mut running = Running::spawn(command.stdin(Stdio::null()), spawn)?;
    let status = running.wait()?;
    Ok((status, running.log_tail()))
}

fn open_log(path: &Path) -> Result<(File, u64)> {
    let open = || -> std::io::Result<(File, u64)> {
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        if file.metadata()?.len() > LOG_LIMIT {
            file.set_len(0)?;
        }
        let from = file.metadata()?.len();
        Ok((file, from))
    };
    open().with_context(|| format!("cannot open the log {}", path.display()))
}

/// The last lines of a file after a position, under a line that names the file.
pub(crate) fn tail(path: &Path, from: u64, lines: usize) -> String {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|mut file| {
        // Far more than so many lines ever are, and never the whole of a large log.
        let near_end = file.metadata()?.len().saturating_sub(64 * 1024);
        file.seek(SeekFrom::Start(from.max(near_end)))?;
        file.read_to_end(&mut bytes)
    });
    if read.is_err() {
        return format!("(there is no log at {})", path.display());
    }
    let text = String::from_utf8_lossy(&bytes);
    let all: Vec<&str> = text.lines().filter(|it| !it.trim().is_empty()).collect();
    let last = all[all.len().saturating_sub(lines)..]
        .iter()
        .map(|it| format!("  {it}"))
        .collect::<Vec<_>>();
    if last.is_empty() {
        format!("It wrote nothing to {}.", path.display())
    } else {
        format!("The last lines of {}:\n{}", path.display(), last.join("\n"))
    }
}

/// Signals a process by its id; one that is gone is no error.
pub(crate) fn signal(pid: u32, polite: Polite) {
    if let Some(pid) = raw(pid) {
        let _ = kill_process(pid, polite.signal());
    }
}

/// Kills one process that is not our child.
pub(crate) fn kill_stranger(pid: u32) {
    if let Some(pid) = raw(pid) {
        let _ = kill_process(pid, Signal::KILL);
    }
}

fn raw(pid: u32) -> Option<Pid> {
    i32::try_from(pid).ok().and_then(Pid::from_raw)
}

/// The command line of a process, its arguments joined by spaces; `None` when it is gone, has ended and waits for its parent, or
/// was started within the last few milliseconds.
pub(crate) fn command_line(pid: u32) -> Option<String> {
    if Path::new("/proc/self/cmdline").exists() {
        return from_proc(pid);
    }
    let output = Command::new("ps")
        .args(["-ww", "-o", "command=", "-p", &pid.to_string()])
        .output()
        .ok()?;
    let line = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    (!line.is_empty()).then_some(line)
}

/// Every process whose command line contains the text.
pub(crate) fn with_command_line(text: &str) -> Vec<u32> {
    if Path::new("/proc/self/cmdline").exists() {
        let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
        return entries
            .filter_map(|it| it.file_name().to_str()?.parse().ok())
            .filter(|pid| from_proc(*pid).is_some_and(|line| line.contains(text)))
            .collect();
    }
    let Ok(output) = Command::new("ps")
        .args(["-axww", "-o", "pid=,command="])
        .output()
    else {
        return Vec::new();
    };
    let listing = String::from_utf8_lossy(&output.stdout).into_owned();
    let lines = listing.lines().filter(|it| it.contains(text));
    lines
        .filter_map(|it| it.trim().split(' ').next()?.parse().ok())
        .collect()
}

fn from_proc(pid: u32) -> Option<String> {
    let bytes = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
    let line = String::from_utf8_lossy(&bytes)
        .replace('\0', " ")
        .trim()
        .to_owned();
    (!line.is_empty()).then_some(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spawn(polite: Polite, interrupt: &Interrupt) -> Spawn<'_> {
        Spawn {
            name: "a sleeper",
            log: None,
            keeps_stdout: false,
            pid_file: None,
            marker: String::new(),
            polite,
            patience: Duration::from_millis(200),
            interrupt,
        }
    }

    #[test]
    fn a_child_that_ignores_the_polite_signal_is_killed() {
        let interrupt = Interrupt::default();
        let mut command = Command::new("sh");
        command
            .args(["-c", "trap '' TERM; echo up; while :; do sleep 0.05; done"])
            .stdout(Stdio::piped());
        let mut running =
            Running::spawn(&mut command, spawn(Polite::Terminate, &interrupt)).expect("sh runs");
        let mut up = [0; 3];
        let stdout = running
            .child()
            .stdout
            .as_mut()
            .expect("its output is piped");
        stdout
            .read_exact(&mut up)
            .expect("it says that the trap is set");
        assert_eq!(running.stop(), None);
        assert!(running.ended().is_some());
    }

    #[test]
    fn whoever_waits_gives_up_when_asked_and_the_child_goes_with_it() {
        let interrupt = Interrupt::default();
        let mut running = Running::spawn(
            Command::new("sleep").arg("600"),
            spawn(Polite::Terminate, &interrupt),
        )
        .expect("sleep runs");
        let pid = running.pid();
        interrupt.ask();
        assert!(running.wait().is_err());
        drop(running);
        assert_eq!(command_line(pid), None);
    }

    #[test]
    fn a_process_is_found_by_its_command_line() {
        let interrupt = Interrupt::default();
        let running = Running::spawn(
            Command::new("sleep").arg("617.25"),
            spawn(Polite::Terminate, &interrupt),
        );
        let running = running.expect("sleep runs");
        // The system lets us go on a few milliseconds before the new program's arguments can be read.
        let begun = Instant::now();
        while with_command_line("sleep 617.25") != [running.pid()] {
            assert!(begun.elapsed() < Duration::from_secs(10), "it is not found");
            thread::sleep(POLL);
        }
        assert!(command_line(running.pid()).is_some_and(|it| it.contains("617.25")));
    }

    #[test]
    fn a_tail_is_the_last_lines_after_the_position_it_was_given() {
        let file = std::env::temp_dir().join(format!("sandbox-tail-{}", std::process::id()));
        fs::write(&file, "old\none\n\ntwo\nthree\n").expect("the file is written");
        assert!(tail(&file, 4, 2).ends_with(":\n  two\n  three"));
        assert!(!tail(&file, 4, 9).contains("old"));
        fs::remove_file(&file).expect("the file is removed");
    }
}
