//! A child in its own process group, with a log file and a pid file.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use rustix::process::kill_process_group;

use crate::interrupt::{Interrupt, kill_group};
use crate::process_table::{StopSignal, to_pid};

/// How often a condition is checked while waiting. The fastest start takes 100 ms.
pub(crate) const POLL_INTERVAL: Duration = Duration::from_millis(10);

/// A larger log is emptied at the next start.
const MAX_LOG_BYTES: u64 = 10 * 1024 * 1024;

/// Lines of the log in an error.
const LOG_TAIL_LINES: usize = 25;

#[derive(Debug)]
pub struct SpawnOptions<'a> {
    /// The name in messages.
    pub name: &'static str,
    /// The file that the output is appended to; `None` leaves the output as the command says.
    pub log: Option<PathBuf>,
    /// True if only stderr goes to the log, and stdout stays as the command says.
    pub log_stderr_only: bool,
    /// Holds the process id and `marker`, so that the next holder of the data folder can stop the
    /// child if this process is killed.
    pub pid_file: Option<PathBuf>,
    /// A part of the command line that no other process has.
    pub marker: String,
    pub stop_signal: StopSignal,
    /// The time from the stop signal until SIGKILL.
    pub stop_timeout: Duration,
    /// Knows the child while it runs.
    pub interrupt: &'a Interrupt,
}

impl<'a> SpawnOptions<'a> {
    /// For a program that runs to its end and writes to a log.
    pub(crate) fn short_lived(name: &'static str, log: PathBuf, interrupt: &'a Interrupt) -> Self {
        Self {
            name,
            log: Some(log),
            log_stderr_only: false,
            pid_file: None,
            marker: String::new(),
            stop_signal: StopSignal::Terminate,
            stop_timeout: Duration::from_secs(2),
            interrupt,
        }
    }
}

/// A child process. Dropping it stops it.
#[derive(Debug)]
pub struct ChildProcess {
    name: &'static str,
    child: Child,
    exit_status: Option<ExitStatus>,
    log: Option<Log>,
    pid_file: Option<PathBuf>,
    stop_signal: StopSignal,
    stop_timeout: Duration,
    interrupt: Interrupt,
}

#[derive(Debug)]
struct Log {
    path: PathBuf,
    /// The length of the file when the child started.
    start: u64,
}

impl ChildProcess {
    /// Starts the child in its own process group, so that Ctrl-C in a terminal reaches only this
    /// process, which stops its children in order. Such a child cannot read from the terminal:
    /// the caller sets its stdin, to nothing or to a pipe.
    pub fn spawn(command: &mut Command, options: SpawnOptions<'_>) -> Result<Self> {
        options.interrupt.check()?;
        let log = match options.log {
            None => None,
            Some(path) => {
                let (file, start) = open_log(&path)
                    .with_context(|| format!("cannot open the log {}", path.display()))?;
                if !options.log_stderr_only {
                    command.stdout(file.try_clone()?);
                }
                command.stderr(file);
                Some(Log { path, start })
            }
        };
        let program = command.get_program().display().to_string();
        let child = command
            .process_group(0)
            .spawn()
            .with_context(|| format!("cannot run {program} ({})", options.name))?;
        options.interrupt.add(child.id());
        let process = Self {
            name: options.name,
            child,
            exit_status: None,
            log,
            pid_file: options.pid_file,
            stop_signal: options.stop_signal,
            stop_timeout: options.stop_timeout,
            interrupt: options.interrupt.clone(),
        };
        if let Some(file) = &process.pid_file {
            fs::write(file, format!("{}\n{}\n", process.pid(), options.marker))
                .with_context(|| format!("cannot write {}", file.display()))?;
        }
        Ok(process)
    }

    /// The process id, which is also the id of its process group.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The underlying child, for the pipes that the command asked for.
    pub fn child(&mut self) -> &mut Child {
        &mut self.child
    }

    /// The exit status; `None` while it runs.
    pub fn exit_status(&mut self) -> Option<ExitStatus> {
        if self.exit_status.is_none()
            && let Ok(Some(status)) = self.child.try_wait()
        {
            self.reaped(status);
        }
        self.exit_status
    }

    /// A message with the last lines of the log if the child has exited.
    pub fn unexpected_exit(&mut self) -> Option<String> {
        let status = self.exit_status()?;
        let (name, log) = (self.name, self.log_tail());
        Some(format!("{name} exited unexpectedly ({status}).\n{log}"))
    }

    /// Waits for the exit; fails when the interrupt is requested.
    pub fn wait(&mut self) -> Result<ExitStatus> {
        loop {
            if let Some(status) = self.exit_status() {
                return Ok(status);
            }
            self.interrupt.check()?;
            thread::sleep(POLL_INTERVAL);
        }
    }

    /// Waits for `is_ready`. If the child exits first or the timeout passes, the error contains
    /// the last lines of its log.
    pub(crate) fn wait_until(
        &mut self,
        timeout: Duration,
        mut is_ready: impl FnMut() -> bool,
    ) -> Result<()> {
        let start = Instant::now();
        while !is_ready() {
            self.interrupt.check()?;
            if let Some(status) = self.exit_status() {
                let (name, log) = (self.name, self.log_tail());
                bail!("{name} exited while it was starting ({status}).\n{log}");
            }
            if start.elapsed() > timeout {
                let (name, log, seconds) = (self.name, self.log_tail(), timeout.as_secs());
                bail!("{name} was not ready within {seconds} s.\n{log}");
            }
            thread::sleep(POLL_INTERVAL);
        }
        Ok(())
    }

    /// Sends the stop signal, and SIGKILL after the timeout. `None` means that it was killed.
    pub fn stop(&mut self) -> Option<ExitStatus> {
        if let Some(status) = self.exit_status() {
            return Some(status);
        }
        if let Some(group) = to_pid(self.pid()) {
            // The group contains what the child has started, such as cargo's compilers.
            let _ = kill_process_group(group, self.stop_signal.signal());
        }
        let start = Instant::now();
        while start.elapsed() < self.stop_timeout {
            if let Some(status) = self.exit_status() {
                return Some(status);
            }
            thread::sleep(POLL_INTERVAL);
        }
        self.kill();
        None
    }

    /// Sends SIGKILL to the process group.
    pub fn kill(&mut self) {
        if self.exit_status().is_some() {
            return;
        }
        kill_group(self.pid());
        if let Ok(status) = self.child.wait() {
            self.reaped(status);
        }
    }

    /// The last lines that the child wrote to its log, below a line with the name of the file.
    pub fn log_tail(&self) -> String {
        let log = self.log.as_ref();
        log.map_or_else(String::new, |log| {
            tail(&log.path, log.start, LOG_TAIL_LINES)
        })
    }

    fn reaped(&mut self, status: ExitStatus) {
        self.interrupt.remove(self.child.id());
        self.exit_status = Some(status);
        if let Some(file) = &self.pid_file {
            let _ = fs::remove_file(file);
        }
    }
}

impl Drop for ChildProcess {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Runs a command to its end and returns the last lines of its log. An interrupt stops it.
pub(crate) fn run_to_end(
    command: &mut Command,
    options: SpawnOptions<'_>,
) -> Result<(ExitStatus, String)> {
    let mut process = ChildProcess::spawn(command.stdin(Stdio::null()), options)?;
    let status = process.wait()?;
    Ok((status, process.log_tail()))
}

/// The file and its length.
fn open_log(path: &Path) -> io::Result<(File, u64)> {
    let file = OpenOptions::new().create(true).append(true).open(path)?;
    if file.metadata()?.len() > MAX_LOG_BYTES {
        file.set_len(0)?;
    }
    let length = file.metadata()?.len();
    Ok((file, length))
}

fn tail(path: &Path, start: u64, max_lines: usize) -> String {
    // Enough for the lines of an error; a large log is not read completely.
    const MAX_BYTES: u64 = 64 * 1024;
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|mut file| {
        let near_end = file.metadata()?.len().saturating_sub(MAX_BYTES);
        file.seek(SeekFrom::Start(start.max(near_end)))?;
        file.read_to_end(&mut bytes)
    });
    let path = path.display();
    if read.is_err() {
        return format!("(there is no log at {path})");
    }
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<&str> = text
        .lines()
        .filter(|line| !line.trim().is_empty())
        .collect();
    let last = &lines[lines.len().saturating_sub(max_lines)..];
    if last.is_empty() {
        format!("It wrote nothing to {path}.")
    } else {
        format!("The last lines of {path}:\n  {}", last.join("\n  "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process_table::{command_line, find_by_command_line};

    fn options(interrupt: &Interrupt) -> SpawnOptions<'_> {
        SpawnOptions {
            name: "a sleeper",
            log: None,
            log_stderr_only: false,
            pid_file: None,
            marker: String::new(),
            stop_signal: StopSignal::Terminate,
            stop_timeout: Duration::from_millis(200),
            interrupt,
        }
    }

    #[test]
    fn child_that_ignores_the_stop_signal_is_killed() {
        let interrupt = Interrupt::default();
        let mut command = Command::new("sh");
        command
            .args(["-c", "trap '' TERM; echo up; while :; do sleep 0.05; done"])
            .stdout(Stdio::piped());
        let mut process =
            ChildProcess::spawn(&mut command, options(&interrupt)).expect("sh starts");
        let mut up = [0; 3];
        let stdout = process.child().stdout.as_mut().expect("stdout is piped");
        stdout.read_exact(&mut up).expect("the trap is set");
        assert_eq!(process.stop(), None);
        assert!(process.exit_status().is_some());
    }

    #[test]
    fn interrupt_ends_the_wait_and_dropping_ends_the_child() {
        let interrupt = Interrupt::default();
        let mut process =
            ChildProcess::spawn(Command::new("sleep").arg("600"), options(&interrupt))
                .expect("sleep starts");
        let pid = process.pid();
        interrupt.request();
        assert!(process.wait().is_err());
        drop(process);
        assert_eq!(command_line(pid), None);
    }

    #[test]
    fn process_is_found_by_its_command_line() {
        let interrupt = Interrupt::default();
        let process = ChildProcess::spawn(Command::new("sleep").arg("617.25"), options(&interrupt))
            .expect("sleep starts");
        // The arguments can be read only a few milliseconds after the spawn.
        let start = Instant::now();
        while find_by_command_line("sleep 617.25") != [process.pid()] {
            let elapsed = start.elapsed();
            assert!(elapsed < Duration::from_secs(10), "it is not found");
            thread::sleep(POLL_INTERVAL);
        }
        assert!(command_line(process.pid()).is_some_and(|line| line.contains("617.25")));
    }

    #[test]
    fn tail_contains_only_the_last_lines_after_the_start() {
        let file = std::env::temp_dir().join(format!("sandbox-tail-{}", std::process::id()));
        fs::write(&file, "old\none\n\ntwo\nthree\n").expect("the file is written");
        assert!(tail(&file, 4, 2).ends_with(":\n  two\n  three"));
        assert!(!tail(&file, 4, 9).contains("old"));
        fs::remove_file(&file).expect("the file is removed");
    }
}
