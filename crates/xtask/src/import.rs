//! `cargo xtask import`: sends a file of programmes to the running KT.GG, through its API.

use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};

use anyhow::Result;
use sandbox::Interrupt;

use crate::cargo::build_ktgg;
use crate::checkout::{paths, require_tools};
use crate::process;

#[derive(clap::Args)]
pub(crate) struct Import {
    /// CSV of the public data portal, or a JSON answer of 기업마당 or K-Startup
    file: PathBuf,
    /// The login of a staff member, with the password in `KTGG_PASSWORD`; by default the demo's
    #[arg(long)]
    login: Option<String>,
    /// The gateway's port
    #[arg(long, value_name = "N")]
    port: Option<u16>,
    /// Import the programmes instead of only showing the plan
    #[arg(long)]
    commit: bool,
    /// Also import rows that look like the announcement of an expected edition
    #[arg(long, requires = "commit")]
    confirm: bool,
}

pub(crate) fn run(import: &Import, interrupt: &Interrupt) -> Result<ExitCode> {
    require_tools(&paths(), false, Vec::new())?;
    let mut command = Command::new(build_ktgg(false, interrupt)?);
    command.arg("import").arg(&import.file).stdin(Stdio::null());
    if let Some(login) = &import.login {
        command.args(["--login", login]);
    }
    if let Some(port) = import.port {
        command.args(["--port", &port.to_string()]);
    }
    command
        .args(import.commit.then_some("--commit"))
        .args(import.confirm.then_some("--confirm"));
    let status = process::run(&mut command, "ktgg import", interrupt)?;
    Ok(process::exit_code(status.success()))
}
