//! Installing and running schemathesis.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result};
use sandbox::Interrupt;
use serde_json::Value;

use super::report::{RoleReport, failures};
use super::system::System;
use crate::process::run_with_lines;
use crate::python;

pub(super) const VERSION: &str = "4.32.5";
/// Generates the examples: another version generates others for the same seed.
const HYPOTHESIS_VERSION: &str = "6.170.17";

/// Replaces generated ids by real ones.
const HOOKS: &str = include_str!("hooks.py");

const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,\
                      response_schema_conformance,response_headers_conformance";

/// The stream does not end.
const EXCLUDED: [&str; 1] = ["/api/stream"];

/// Also excluded for signed-in roles.
const EXCLUDED_IF_SIGNED_IN: [&str; 6] = [
    // They end the session of all other requests.
    "/api/auth/sign-out",
    "/api/auth/sign-out-everywhere",
    // Erases the customer of the session.
    "/api/me",
    // Independent of the caller, and wrong passwords delay every request of this address.
    "/api/auth/sign-in",
    // Independent of the caller, and each request sends a message.
    "/api/auth/otp",
    // Independent of the caller, and each request counts as a guess.
    "/api/auth/otp/verify",
];

/// Installs schemathesis and returns the folder of the programs of its Python environment.
pub(super) fn install(data: &Path, interrupt: &Interrupt) -> Result<PathBuf> {
    let requirements = format!("schemathesis=={VERSION}\nhypothesis=={HYPOTHESIS_VERSION}\n");
    python::install(&data.join("schemathesis"), &requirements, interrupt).with_context(|| {
        format!("cannot install schemathesis {VERSION}; it needs Python 3.10 and the network")
    })
}

pub(super) struct Schemathesis {
    program: PathBuf,
    /// Contains the hooks and the results.
    folder: PathBuf,
    examples: u32,
    seed: u32,
}

impl Schemathesis {
    pub(super) fn new(programs: &Path, folder: PathBuf, examples: u32, seed: u32) -> Result<Self> {
        fs::write(folder.join("hooks.py"), HOOKS)?;
        Ok(Self {
            program: programs.join("schemathesis"),
            folder,
            examples,
            seed,
        })
    }

    /// Sends requests in one role to all operations.
    pub(super) fn run_as(
        &self,
        role: &'static str,
        system: &System,
        interrupt: &Interrupt,
    ) -> Result<RoleReport> {
        let result = self.folder.join(format!("{role}.json"));
        let mut command = self.command(system)?;
        let mut excluded = EXCLUDED.to_vec();
        let cookie = system.cookie(role)?;
        if !cookie.is_empty() {
            command.args(["--header", &format!("Cookie: {cookie}")]);
            excluded.extend(EXCLUDED_IF_SIGNED_IN);
        }
        for path in excluded {
            command.args(["--exclude-path", path]);
        }
        command
            .env("FUZZ_ROLE", role)
            .env("FUZZ_RESULT", &result)
            .env("FUZZ_COOKIE", &cookie);
        let mut output = String::new();
        let status = run_with_lines(&mut command, "schemathesis", interrupt, |line| {
            output.push_str(line);
            output.push('\n');
        })?;
        let result = fs::read_to_string(result).ok();
        let result: Value = result
            .and_then(|text| serde_json::from_str(&text).ok())
            .unwrap_or_default();
        let requests = result["requests"].as_u64().unwrap_or_default();
        let success = status.success() && requests > 0;
        Ok(RoleReport {
            role,
            requests,
            failures: (!success).then(|| failures(&output).to_owned()),
        })
    }

    /// The command without what depends on the role.
    fn command(&self, system: &System) -> Result<Command> {
        let mut command = Command::new(&self.program);
        command
            .current_dir(&self.folder)
            .stdin(Stdio::null())
            .arg("run")
            .arg(format!("{}/api/openapi.json", system.base_url))
            .args(["--checks", CHECKS, "--header", "Ktgg-Csrf: 1"])
            .args(["--max-examples", &self.examples.to_string()])
            .args(["--seed", &self.seed.to_string()])
            // Shrinking a failure takes longer than finding it.
            .args(["--no-shrink", "--continue-on-failure", "--warnings", "off"])
            .env("PYTHONPATH", &self.folder)
            .env("SCHEMATHESIS_HOOKS", "hooks")
            .env("NO_COLOR", "1")
            .env("FUZZ_BASE", &system.base_url)
            .env("FUZZ_STAFF", system.cookie("staff")?)
            .env("FUZZ_KEEP", system.ids_to_keep());
        Ok(command)
    }
}
