//! Running programs to their end.

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Command, ExitCode, ExitStatus, Stdio};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use sandbox::{ChildProcess, Interrupt, SpawnOptions, StopSignal};

/// For a child that receives signals only through this process.
fn options<'a>(name: &'static str, interrupt: &'a Interrupt) -> SpawnOptions<'a> {
    SpawnOptions {
        name,
        log: None,
        log_stderr_only: true,
        pid_file: None,
        marker: String::new(),
        stop_signal: StopSignal::Terminate,
        stop_timeout: Duration::from_secs(5),
        interrupt,
    }
}

fn spawn(command: &mut Command, name: &'static str, interrupt: &Interrupt) -> Result<ChildProcess> {
    ChildProcess::spawn(command, options(name, interrupt))
}

pub(crate) fn run(
    command: &mut Command,
    name: &'static str,
    interrupt: &Interrupt,
) -> Result<ExitStatus> {
    spawn(command, name, interrupt)?.wait()
}

/// Runs a program; fails if the program does.
pub(crate) fn run_successfully(
    command: &mut Command,
    name: &'static str,
    interrupt: &Interrupt,
) -> Result<()> {
    let status = run(command, name, interrupt)?;
    if !status.success() {
        bail!("{name} failed ({status})");
    }
    Ok(())
}

/// Runs a program whose output goes to a log; fails with its last lines if the program does.
pub(crate) fn run_with_log(
    command: &mut Command,
    name: &'static str,
    log: PathBuf,
    interrupt: &Interrupt,
) -> Result<()> {
    let mut options = options(name, interrupt);
    options.log = Some(log);
    options.log_stderr_only = false;
    let mut process = ChildProcess::spawn(command, options)?;
    let status = process.wait()?;
    if !status.success() {
        bail!("{name} failed ({status}).\n{}", process.log_tail());
    }
    Ok(())
}

/// Runs a program and calls `on_line` for each line of its stdout.
pub(crate) fn run_with_lines(
    command: &mut Command,
    name: &'static str,
    interrupt: &Interrupt,
    mut on_line: impl FnMut(&str) + Send,
) -> Result<ExitStatus> {
    let mut process = spawn(command.stdout(Stdio::piped()), name, interrupt)?;
    let stdout = process.child().stdout.take().context("stdout is piped")?;
    thread::scope(|scope| {
        scope.spawn(move || {
            let mut stdout = BufReader::new(stdout);
            let mut bytes = Vec::new();
            // A test may print invalid UTF-8, so `lines` would stop too early.
            while stdout
                .read_until(b'\n', &mut bytes)
                .is_ok_and(|length| length > 0)
            {
                on_line(String::from_utf8_lossy(&bytes).trim_end_matches(['\r', '\n']));
                bytes.clear();
            }
        });
        let status = process.wait();
        if status.is_err() {
            // The reader ends with the pipe, so the writer has to stop first.
            process.stop();
        }
        status
    })
}

/// Runs a program and returns its stdout; fails if the program does.
pub(crate) fn read_stdout(
    command: &mut Command,
    name: &'static str,
    interrupt: &Interrupt,
) -> Result<String> {
    let mut stdout = String::new();
    let status = run_with_lines(command, name, interrupt, |line| {
        stdout.push_str(line);
        stdout.push('\n');
    })?;
    if !status.success() {
        bail!("{name} failed ({status})");
    }
    Ok(stdout)
}

pub(crate) fn exit_code(success: bool) -> ExitCode {
    if success {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
