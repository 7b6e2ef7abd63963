//! Where the checkout is, and running cargo in it.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::Duration;
use std::{env, thread};

use anyhow::{Context as _, Result, bail};
use sandbox::{Interrupt, Places, Polite, Running, Spawn, tools};
use serde_json::Value;

/// librdkafka is C, and built along with the services.
const BUILD_TOOLS: [tools::Tool; 3] = [
    tools::Tool {
        programs: &["cc", "gcc", "clang"],
        purpose: "compiles the Kafka client",
        debian: "build-essential",
        brew: "xcode-select --install",
    },
    tools::Tool {
        programs: &["c++", "g++", "clang++"],
        purpose: "compiles the Kafka client",
        debian: "build-essential",
        brew: "xcode-select --install",
    },
    tools::Tool {
        programs: &["make", "gmake"],
        purpose: "builds the Kafka client",
        debian: "build-essential",
        brew: "xcode-select --install",
    },
];

/// The checkout that `cargo xtask` was called in, or else the one it was built in.
pub(crate) fn root() -> PathBuf {
    let here = env::var_os("CARGO_MANIFEST_DIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    here.ancestors()
        .nth(2)
        .map_or_else(|| here.clone(), Path::to_owned)
}

pub(crate) fn places() -> Places {
    Places::of(&root())
}

/// One message for everything that is missing to build and, if `sandbox` is wanted, to run Postgres and Kafka.
pub(crate) fn check_tools(places: &Places, with_sandbox: bool) -> Result<()> {
    let mut missing: Vec<tools::Tool> = BUILD_TOOLS
        .into_iter()
        .filter(|it| !it.is_there())
        .collect();
    if with_sandbox {
        missing.extend(tools::missing(sandbox::parts_are_there(&places.parts)));
    }
    match tools::message(&missing) {
        Some(message) => bail!(message),
        None => Ok(()),
    }
}

/// Cargo in this checkout, without what the cargo that runs us has told us about ourselves: build scripts would take it for
/// news and build again.
pub(crate) fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command
        .current_dir(root())
        .args(arguments)
        .stdin(Stdio::null());
    for (name, _) in env::vars_os() {
        let said_of_us = ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_"];
        if name
            .to_str()
            .is_some_and(|it| said_of_us.iter().any(|prefix| it.starts_with(prefix)))
        {
            command.env_remove(name);
        }
    }
    command
}

/// Runs it as a child that a signal reaches only through us.
pub(crate) fn spawn(
    command: &mut Command,
    name: &'static str,
    interrupt: &Interrupt,
) -> Result<Running> {
    let spawn = Spawn {
        name,
        log: None,
        keeps_stdout: true,
        pid_file: None,
        marker: String::new(),
        polite: Polite::Terminate,
        patience: Duration::from_secs(5),
        interrupt,
    };
    Running::spawn(command, spawn)
}

/// Runs it to its end.
pub(crate) fn status(
    command: &mut Command,
    name: &'static str,
    interrupt: &Interrupt,
) -> Result<ExitStatus> {
    spawn(command, name, interrupt)?.wait()
}

/// Runs it to its end, giving each line of its stdout to `line` as it comes.
pub(crate) fn lines(
    command: &mut Command,
    name: &'static str,
    interrupt: &Interrupt,
    mut line: impl FnMut(&str) + Send,
) -> Result<ExitStatus> {
    let mut running = spawn(command.stdout(Stdio::piped()), name, interrupt)?;
    let stdout = running
        .child()
        .stdout
        .take()
        .context("its stdout is piped")?;
    thread::scope(|reading| {
        reading.spawn(move || {
            let mut stdout = BufReader::new(stdout);
            let mut bytes = Vec::new();
            // A test may print what is no text.
            while stdout
                .read_until(b'\n', &mut bytes)
                .is_ok_and(|read| read > 0)
            {
                line(String::from_utf8_lossy(&bytes).trim_end_matches(['\r', '\n']));
                bytes.clear();
            }
        });
        let status = running.wait();
        if status.is_err() {
            // The reader waits for the end of the pipe, so whoever writes to it has to go first.
            running.stop();
        }
        status
    })
}

/// Builds `ktgg` and tells where it is; cargo shows its own progress on stderr.
pub(crate) fn build_ktgg(release: bool, interrupt: &Interrupt) -> Result<PathBuf> {
    let mut command = cargo(&[
        "build",
        "--package",
        "ktgg",
        "--bin",
        "ktgg",
        "--message-format=json-render-diagnostics",
    ]);
    if release {
        command.arg("--release");
    }
    let mut found = None;
    let status = lines(&mut command, "cargo build", interrupt, |line| {
        if let Some(path) = executable(line, "ktgg") {
            found = Some(path);
        }
    })?;
    if !status.success() {
        bail!("cargo build failed ({status})");
    }
    found.context("cargo build told of no executable by the name of ktgg")
}

/// The program that a message of cargo's says it has made, if it has this name.
fn executable(message: &str, name: &str) -> Option<PathBuf> {
    let message: Value = serde_json::from_str(message).ok()?;
    let is_it = message["reason"] == "compiler-artifact" && message["target"]["name"] == name;
    if is_it {
        message["executable"].as_str().map(PathBuf::from)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_executable_is_taken_from_the_message_about_the_binary_and_not_about_the_library() {
        let binary =
            r#"{"reason":"compiler-artifact","target":{"name":"ktgg"},"executable":"/t/ktgg"}"#;
        let library =
            r#"{"reason":"compiler-artifact","target":{"name":"ktgg"},"executable":null}"#;
        let other =
            r#"{"reason":"compiler-artifact","target":{"name":"xtask"},"executable":"/t/xtask"}"#;
        assert_eq!(executable(binary, "ktgg"), Some(PathBuf::from("/t/ktgg")));
        assert_eq!(executable(library, "ktgg"), None);
        assert_eq!(executable(other, "ktgg"), None);
        assert_eq!(executable("no json", "ktgg"), None);
    }

    #[test]
    fn the_root_is_the_folder_with_the_workspace_in_it() {
        assert!(root().join("crates").join("xtask").is_dir());
    }
}
