//! Processes that are not children of this one: found by command line, signalled by id.

use std::fs;
use std::path::Path;
use std::process::Command;

use rustix::process::{Pid, Signal, kill_process};

/// The signal that a program shuts down on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopSignal {
    /// SIGTERM.
    Terminate,
    /// SIGINT, Postgres' fast shutdown. Its SIGTERM waits until all clients have disconnected.
    Interrupt,
}

impl StopSignal {
    pub(crate) fn signal(self) -> Signal {
        match self {
            Self::Terminate => Signal::TERM,
            Self::Interrupt => Signal::INT,
        }
    }
}

/// Asks a process to stop. Does nothing if it has ended.
pub(crate) fn stop(pid: u32, signal: StopSignal) {
    if let Some(pid) = to_pid(pid) {
        let _ = kill_process(pid, signal.signal());
    }
}

/// Sends SIGKILL to a process. Does nothing if it has ended.
pub(crate) fn kill(pid: u32) {
    if let Some(pid) = to_pid(pid) {
        let _ = kill_process(pid, Signal::KILL);
    }
}

pub(crate) fn to_pid(pid: u32) -> Option<Pid> {
    i32::try_from(pid).ok().and_then(Pid::from_raw)
}

/// The arguments of a process, joined by spaces. `None` if it has ended (a zombie included), or
/// started within the last few milliseconds.
pub(crate) fn command_line(pid: u32) -> Option<String> {
    if has_proc() {
        return command_line_in_proc(pid);
    }
    let output = Command::new("ps")
        .args(["-ww", "-o", "command=", "-p", &pid.to_string()])
        .output()
        .ok()?;
    let line = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    (!line.is_empty()).then_some(line)
}

/// The ids of all processes whose command line contains the text.
pub(crate) fn find_by_command_line(text: &str) -> Vec<u32> {
    if has_proc() {
        let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
        return entries
            .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
            .filter(|pid| command_line_in_proc(*pid).is_some_and(|line| line.contains(text)))
            .collect();
    }
    let Ok(output) = Command::new("ps")
        .args(["-axww", "-o", "pid=,command="])
        .output()
    else {
        return Vec::new();
    };
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter(|line| line.contains(text))
        .filter_map(|line| line.trim().split(' ').next()?.parse().ok())
        .collect()
}

fn has_proc() -> bool {
    Path::new("/proc/self/cmdline").exists()
}

fn command_line_in_proc(pid: u32) -> Option<String> {
    let bytes = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
    let line = String::from_utf8_lossy(&bytes).replace('\0', " ");
    let line = line.trim();
    (!line.is_empty()).then(|| line.to_owned())
}
