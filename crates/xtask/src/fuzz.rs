//! `cargo xtask fuzz`: schemathesis generates requests from the API description, valid and invalid
//! ones, and checks each answer against it.
//!
//! A temporary Postgres, Kafka and `ktgg` with demo data answer. Each role sends requests in turn,
//! two roles at a time. Failures are server errors, and answers whose status, content type, headers
//! or body are not described.

mod report;
mod schemathesis;
mod system;

use std::panic::resume_unwind;
use std::path::Path;
use std::process::ExitCode;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;
use std::{fs, thread};

use anyhow::Result;
use sandbox::{Interrupt, Progress};

use crate::cargo::build_ktgg;
use crate::checkout::{paths, require_tools};
use crate::console::{print_error, print_line};
use crate::process;
use crate::python::PYTHON;
use crate::scratch::start_while_building;
use report::RoleReport;
use schemathesis::Schemathesis;
use system::{ROLES, System};

/// The number of cores of a small machine: one client waits while the other is answered.
const CONCURRENT_ROLES: usize = 2;

#[derive(clap::Args)]
pub(crate) struct Fuzz {
    /// Generated requests per operation and role, besides those at the limits of each field
    #[arg(long, value_name = "N", default_value_t = 10)]
    examples: u32,
    /// The same seed generates the same requests
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u32,
    /// Only these roles: anonymous, customer, salesman, consultant, staff
    #[arg(long, value_name = "ROLE", value_parser = ROLES)]
    role: Vec<String>,
}

pub(crate) fn run(fuzz: &Fuzz, interrupt: &Interrupt) -> Result<ExitCode> {
    let paths = paths();
    let python = (!PYTHON.is_installed()).then_some(PYTHON);
    require_tools(&paths, true, python.into_iter().collect())?;
    let progress = Progress::new(6, true);
    let build = || {
        let step = progress.step("schemathesis", "installing");
        let programs = schemathesis::install(&paths.data, interrupt)?;
        step.finish(schemathesis::VERSION);
        let step = progress.step("KT.GG", "building");
        let program = build_ktgg(false, interrupt)?;
        step.finish("built");
        Ok((program, programs))
    };
    let (scratch, (program, programs)) =
        start_while_building("fuzz", &paths, interrupt, &progress, build)?;
    let step = progress.step("KT.GG", "starting");
    let system = System::start(&program, &programs, &scratch, interrupt)?;
    step.finish("ready, with demo data");
    let success = fuzz.run_roles(&system, &programs, scratch.data(), interrupt);
    drop(system);
    let removed = scratch.remove();
    let success = success?;
    removed?;
    Ok(process::exit_code(success))
}

impl Fuzz {
    /// Returns whether no role found a failure.
    fn run_roles(
        &self,
        system: &System,
        programs: &Path,
        scratch: &Path,
        interrupt: &Interrupt,
    ) -> Result<bool> {
        let folder = scratch.join("fuzz");
        fs::create_dir_all(&folder)?;
        let schemathesis = Schemathesis::new(programs, folder, self.examples, self.seed)?;
        print_line(&format!(
            "{} generated requests per operation and role, seed {}",
            self.examples, self.seed
        ));
        let is_selected =
            |role: &&str| self.role.is_empty() || self.role.iter().any(|name| name == role);
        let queue = Mutex::new(ROLES.into_iter().filter(is_selected));
        let start = Instant::now();
        let work = || -> Result<Vec<RoleReport>> {
            let mut reports = Vec::new();
            loop {
                let next = queue.lock().unwrap_or_else(PoisonError::into_inner).next();
                let Some(role) = next else {
                    return Ok(reports);
                };
                let report = schemathesis.run_as(role, system, interrupt)?;
                let seconds = start.elapsed().as_secs_f64();
                print_line(&format!("{} … {seconds:.0} s", report.summary()));
                reports.push(report);
            }
        };
        let reports = thread::scope(|scope| {
            let threads: Vec<_> = (0..CONCURRENT_ROLES).map(|_| scope.spawn(work)).collect();
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap_or_else(|panic| resume_unwind(panic)))
                .collect::<Result<Vec<_>>>()
        });
        system.check()?;
        let mut reports = reports?.concat();
        reports.sort_by_key(|report| ROLES.iter().position(|role| *role == report.role));
        for report in &reports {
            if let Some(failures) = &report.failures {
                print_error(&format!("\nAs {}:\n{failures}", report.role));
            }
        }
        print_line(&report::total(&reports));
        Ok(reports.iter().all(|report| report.failures.is_none()))
    }
}
