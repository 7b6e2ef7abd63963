//! `cargo xtask import`: a file of programmes into what `cargo xtask up` runs, through the same door that staff use.

use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};

use anyhow::Result;
use sandbox::Interrupt;

use crate::workspace::{build_ktgg, check_tools, places, status};

#[derive(clap::Args)]
pub(crate) struct Import {
    /// CSV of the public data portal, or an answer of 기업마당 or K-Startup in JSON
    file: PathBuf,
    /// Of a member of staff, whose password is in `KTGG_PASSWORD`; without either, the demo's
    #[arg(long)]
    login: Option<String>,
    /// The gateway's port
    #[arg(long, value_name = "N")]
    port: Option<u16>,
    /// Carry the plan out
    #[arg(long)]
    commit: bool,
    /// Carry out as well what is taken for the announcement of an expected edition
    #[arg(long, requires = "commit")]
    confirm: bool,
}

pub(crate) fn run(import: &Import, interrupt: &Interrupt) -> Result<ExitCode> {
    let places = places();
    check_tools(&places, false)?;
    let mut command = Command::new(build_ktgg(false, interrupt)?);
    command.arg("import").arg(&import.file);
    if let Some(login) = &import.login {
        command.args(["--login", login]);
    }
    if let Some(port) = import.port {
        command.args(["--port", &port.to_string()]);
    }
    command
        .args(import.commit.then_some("--commit"))
        .args(import.confirm.then_some("--confirm"));
    let success = status(command.stdin(Stdio::null()), "ktgg import", interrupt)?.success();
    Ok(if success {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
