//! Running cargo in the checkout.

use std::env;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result};
use sandbox::Interrupt;
use serde_json::Value;

use crate::checkout::root;
use crate::process::read_stdout;

/// Variables that the outer cargo has set for xtask. Build scripts of other crates would see them
/// change and run again.
const PACKAGE_VARIABLES: [&str; 3] = ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_"];

pub(crate) fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command
        .current_dir(root())
        .args(arguments)
        .stdin(Stdio::null());
    for (name, _) in env::vars_os() {
        let name = name.to_string_lossy();
        if PACKAGE_VARIABLES
            .iter()
            .any(|prefix| name.starts_with(prefix))
        {
            command.env_remove(&*name);
        }
    }
    command
}

/// The package metadata of the workspace.
pub(crate) fn metadata(interrupt: &Interrupt) -> Result<Value> {
    let mut command = cargo(&["metadata", "--format-version", "1", "--no-deps"]);
    let metadata = read_stdout(&mut command, "cargo metadata", interrupt)?;
    serde_json::from_str(&metadata).context("the output of cargo metadata is not JSON")
}

/// Builds `ktgg` and returns the path of the executable. Cargo shows its progress on stderr.
pub(crate) fn build_ktgg(release: bool, interrupt: &Interrupt) -> Result<PathBuf> {
    let mut command = cargo(&["build", "--package", "ktgg", "--bin", "ktgg"]);
    command
        .arg("--message-format=json-render-diagnostics")
        .args(release.then_some("--release"));
    let messages = read_stdout(&mut command, "cargo build", interrupt)?;
    find_ktgg(&messages)
}

/// Builds all tests and returns the path of `ktgg`. The programs of the other packages with
/// integration tests are built beside it.
pub(crate) fn build_tests(interrupt: &Interrupt) -> Result<PathBuf> {
    let mut command = cargo(&["test", "--workspace", "--no-run"]);
    command.arg("--message-format=json-render-diagnostics");
    let messages = read_stdout(&mut command, "cargo test", interrupt)
        .context("the tests could not be built")?;
    find_ktgg(&messages)
}

fn find_ktgg(messages: &str) -> Result<PathBuf> {
    messages
        .lines()
        .rev()
        .find_map(|message| executable(message, "ktgg"))
        .context("cargo reported no executable named ktgg")
}

/// The program of this name in one of cargo's JSON messages. A test program may have its name, too.
fn executable(message: &str, name: &str) -> Option<PathBuf> {
    let message: Value = serde_json::from_str(message).ok()?;
    if message["reason"] != "compiler-artifact"
        || message["target"]["name"] != name
        || message["profile"]["test"] != false
    {
        return None;
    }
    message["executable"].as_str().map(PathBuf::from)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn executable_is_found_in_the_message_about_the_binary_only() {
        let message = |name: &str, test: bool, executable: Option<&str>| {
            let message = json!({
                "reason": "compiler-artifact",
                "target": { "name": name },
                "profile": { "test": test },
                "executable": executable,
            });
            message.to_string()
        };
        let binary = message("ktgg", false, Some("/t/ktgg"));
        assert_eq!(executable(&binary, "ktgg"), Some(PathBuf::from("/t/ktgg")));
        let library = message("ktgg", false, None);
        assert_eq!(executable(&library, "ktgg"), None);
        let test = message("ktgg", true, Some("/t/deps/ktgg-1"));
        assert_eq!(executable(&test, "ktgg"), None);
        let other = message("xtask", false, Some("/t/xtask"));
        assert_eq!(executable(&other, "ktgg"), None);
        assert_eq!(executable("no json", "ktgg"), None);
    }
}
