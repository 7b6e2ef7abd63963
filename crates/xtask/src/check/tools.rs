//! Installs cargo-deny and typos, in fixed versions, into `target/tools`.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result};
use sandbox::{Interrupt, Interrupted};

use crate::cargo::cargo;
use crate::checkout::root;
use crate::console::print_error;
use crate::{process, python};

/// Wheels with both programs: pip installs them in seconds. Building them takes 8 minutes on two
/// cores.
const WHEELS: &str = include_str!("requirements.txt");

/// A tool by the name of its program.
pub(super) struct Tool {
    program: &'static str,
    /// The crate to build if there is no Python.
    package: &'static str,
}

pub(super) const CARGO_DENY: Tool = Tool {
    program: "cargo-deny",
    package: "cargo-deny@0.20.2",
};

pub(super) const TYPOS: Tool = Tool {
    program: "typos",
    package: "typos-cli@1.52.0",
};

impl Tool {
    /// A command of the program, which is installed if necessary. The working directory is the
    /// root of the checkout.
    pub(super) fn command(&self, interrupt: &Interrupt) -> Result<Command> {
        let folder = root().join("target").join("tools");
        let program = match self.install_wheel(&folder, interrupt) {
            Err(error) if error.is::<Interrupted>() => return Err(error),
            Err(error) => {
                print_error(&format!("{error:#}; building {} instead", self.package));
                self.build(&folder, interrupt)?
            }
            Ok(program) => program,
        };
        let mut command = Command::new(program);
        command.current_dir(root()).stdin(Stdio::null());
        Ok(command)
    }

    fn install_wheel(&self, folder: &Path, interrupt: &Interrupt) -> Result<PathBuf> {
        let programs = python::install(&folder.join("python"), WHEELS, interrupt)?;
        Ok(programs.join(self.program))
    }

    fn build(&self, folder: &Path, interrupt: &Interrupt) -> Result<PathBuf> {
        let mut command = cargo(&["install", "--quiet", "--locked", self.package, "--root"]);
        process::run_successfully(command.arg(folder), "cargo install", interrupt)
            .with_context(|| format!("cannot install {}", self.package))?;
        Ok(folder.join("bin").join(self.program))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wheels_and_crates_have_the_same_versions() {
        for tool in [CARGO_DENY, TYPOS] {
            let version = tool.package.split('@').nth(1).unwrap_or_default();
            let pin = format!("{}=={version} ", tool.program);
            assert!(WHEELS.contains(&pin), "{pin}");
        }
    }
}
