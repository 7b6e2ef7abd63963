//! Stops the processes that a killed holder of a data folder left running.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use std::{fs, thread};

use crate::child_process::POLL_INTERVAL;
use crate::process_table::{self, StopSignal};
use crate::progress::Progress;

/// After this a leftover process is killed.
const STOP_TIMEOUT: Duration = Duration::from_secs(10);

/// An idle Postgres backend notices within milliseconds that its postmaster was killed. One that
/// computes does not check, and is killed after this time.
const BACKEND_EXIT_TIMEOUT: Duration = Duration::from_secs(2);

/// A process of a pid file that still runs.
#[derive(Debug)]
struct Leftover {
    name: String,
    pid: u32,
    marker: String,
}

/// Stops them in order: Postgres last, Kafka before it, everything that uses them first.
pub(super) fn stop_all(folder: &Path, cluster_name: &str, progress: &Progress) {
    let pid_files = pid_files(folder);
    let mut leftovers: Vec<Leftover> = pid_files.iter().filter_map(|file| find(file)).collect();
    leftovers.sort_by_key(|leftover| match leftover.name.as_str() {
        "postgres" => 2,
        "kafka" => 1,
        _ => 0,
    });
    for Leftover { name, pid, .. } in &leftovers {
        progress.print(&format!(
            "The previous holder of {} was killed; stopping its {name} (process {pid}).",
            folder.display()
        ));
    }
    let has_postgres = leftovers.iter().any(|leftover| leftover.name == "postgres");
    for leftover in leftovers {
        leftover.stop();
    }
    if stop_postgres_orphans(folder, cluster_name) > 0 && !has_postgres {
        progress.print(&format!(
            "Stopped the remaining processes of a killed Postgres of {}.",
            folder.display()
        ));
    }
    for file in pid_files {
        let _ = fs::remove_file(file);
    }
}

/// Stops the backends of a killed postmaster and returns their number: Postgres does not start
/// beside them.
pub(super) fn stop_postgres_orphans(folder: &Path, cluster_name: &str) -> usize {
    let title = format!("postgres: {cluster_name}");
    // A backend forked just before the kill still has the postmaster's command line.
    let data = folder.join("postgres").join("data");
    let untitled = format!("/postgres -D {} ", data.display());
    let find_orphans = || {
        [
            process_table::find_by_command_line(&title),
            process_table::find_by_command_line(&untitled),
        ]
        .concat()
    };
    let count = find_orphans().len();
    let start = Instant::now();
    while start.elapsed() < STOP_TIMEOUT {
        let orphans = find_orphans();
        if orphans.is_empty() {
            break;
        }
        if start.elapsed() > BACKEND_EXIT_TIMEOUT {
            orphans.into_iter().for_each(process_table::kill);
        }
        thread::sleep(POLL_INTERVAL);
    }
    count
}

impl Leftover {
    fn stop(&self) {
        let signal = if self.name == "postgres" {
            StopSignal::Interrupt
        } else {
            StopSignal::Terminate
        };
        process_table::stop(self.pid, signal);
        let start = Instant::now();
        while has_marker(self.pid, &self.marker) {
            if start.elapsed() > STOP_TIMEOUT {
                process_table::kill(self.pid);
            }
            thread::sleep(POLL_INTERVAL);
        }
    }
}

fn pid_files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder.join("run")).into_iter().flatten();
    entries.flatten().map(|entry| entry.path()).collect()
}

fn find(pid_file: &Path) -> Option<Leftover> {
    let (pid, marker) = parse_pid_file(&fs::read_to_string(pid_file).ok()?)?;
    has_marker(pid, &marker).then(|| Leftover {
        name: pid_file
            .file_stem()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default(),
        pid,
        marker,
    })
}

/// The id alone does not identify a process: the system reuses ids.
fn has_marker(pid: u32, marker: &str) -> bool {
    process_table::command_line(pid).is_some_and(|line| line.contains(marker))
}

/// The process id and the marker. Every process would match an empty marker, so it is an error.
fn parse_pid_file(text: &str) -> Option<(u32, String)> {
    let (pid, marker) = text.split_once('\n')?;
    let marker = marker.trim_end();
    if marker.is_empty() {
        return None;
    }
    Some((pid.parse().ok()?, marker.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pid_file_without_a_marker_is_ignored() {
        assert_eq!(
            parse_pid_file("7\n/data/postgres\n"),
            Some((7, String::from("/data/postgres")))
        );
        assert_eq!(parse_pid_file("7\n\n"), None);
        assert_eq!(parse_pid_file("7"), None);
        assert_eq!(parse_pid_file("x\ny\n"), None);
    }

    #[test]
    fn process_without_the_marker_is_not_a_leftover() {
        let own_pid = std::process::id();
        assert!(!has_marker(own_pid, "no command line contains this text"));
    }
}
