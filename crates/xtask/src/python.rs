//! Python packages in a virtual environment.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result};
use sandbox::Interrupt;
use sandbox::tools::Tool;

use crate::process::run_successfully;

pub(crate) const PYTHON: Tool = Tool {
    programs: &["python3"],
    purpose: "runs schemathesis; with its module venv",
    debian: "python3-venv",
    brew: "brew install python",
};

/// Installs the requirements into the folder, unless they are installed there, and returns the
/// folder of their programs.
pub(crate) fn install(folder: &Path, requirements: &str, interrupt: &Interrupt) -> Result<PathBuf> {
    let programs = folder.join("bin");
    // Written after everything else, so that an installation that was killed is repeated.
    let installed = folder.join("installed.txt");
    if fs::read_to_string(&installed).is_ok_and(|text| text == requirements) {
        return Ok(programs);
    }
    let _ = fs::remove_dir_all(folder);
    fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    let mut venv = Command::new("python3");
    venv.args(["-m", "venv"]).arg(folder).stdin(Stdio::null());
    run_successfully(&mut venv, "python3 -m venv", interrupt).context(
        "cannot create a Python environment (Debian, Ubuntu: apt-get install python3-venv)",
    )?;
    let requirements_file = folder.join("requirements.txt");
    fs::write(&requirements_file, requirements)?;
    let mut pip = Command::new(programs.join("python"));
    pip.args(["-m", "pip", "install", "--quiet"])
        .args(["--disable-pip-version-check", "--requirement"])
        .arg(&requirements_file)
        .stdin(Stdio::null());
    run_successfully(&mut pip, "pip install", interrupt)?;
    fs::rename(&requirements_file, &installed)?;
    Ok(programs)
}
