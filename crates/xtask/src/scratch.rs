//! A temporary sandbox for one run of a command.

use std::panic::resume_unwind;
use std::path::Path;
use std::{fs, thread};

use anyhow::{Context as _, Result};
use sandbox::{CheckoutPaths, DataFolder, Interrupt, Options, Progress, Sandbox};

/// A sandbox whose folder is removed when this is dropped.
pub(crate) struct Scratch {
    sandbox: Option<Sandbox>,
    options: Options,
}

impl Scratch {
    fn start(options: &Options, progress: &Progress) -> Result<Self> {
        // Created first, so that a start that fails is cleaned up as well.
        let mut scratch = Self {
            sandbox: None,
            options: options.clone(),
        };
        scratch.sandbox = Some(Sandbox::start(options, progress)?);
        Ok(scratch)
    }

    fn sandbox(&self) -> Result<&Sandbox> {
        self.sandbox.as_ref().context("the sandbox was removed")
    }

    pub(crate) fn data(&self) -> &Path {
        &self.options.data
    }

    pub(crate) fn folder(&self) -> Result<&DataFolder> {
        self.sandbox().map(Sandbox::folder)
    }

    pub(crate) fn postgres_url(&self) -> Result<String> {
        self.sandbox().map(Sandbox::postgres_url)
    }

    pub(crate) fn kafka_address(&self) -> Result<String> {
        self.sandbox().map(Sandbox::kafka_address)
    }

    pub(crate) fn remove(mut self) -> Result<()> {
        self.sandbox.take().map_or(Ok(()), Sandbox::remove)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        self.sandbox = None;
        let _ = fs::remove_dir_all(&self.options.data);
    }
}

/// Starts a temporary sandbox on free ports while `build` runs.
pub(crate) fn start_while_building<T: Send>(
    name: &str,
    paths: &CheckoutPaths,
    interrupt: &Interrupt,
    progress: &Progress,
    build: impl FnOnce() -> Result<T> + Send,
) -> Result<(Scratch, T)> {
    let mut options = Options::on_free_ports(paths.scratch_folder(name, progress))?;
    options.downloads.clone_from(&paths.downloads);
    options.holder = format!("cargo xtask {name}");
    options.interrupt = interrupt.clone();
    in_parallel(interrupt, build, || Scratch::start(&options, progress))
}

/// Runs both at the same time, and cancels the build if the start fails.
pub(crate) fn in_parallel<S, T: Send>(
    interrupt: &Interrupt,
    build: impl FnOnce() -> Result<T> + Send,
    start: impl FnOnce() -> Result<S>,
) -> Result<(S, T)> {
    thread::scope(|scope| {
        let build = scope.spawn(build);
        let started = start();
        if started.is_err() && !build.is_finished() {
            interrupt.request();
        }
        let built = build.join().unwrap_or_else(|panic| resume_unwind(panic));
        Ok((started?, built?))
    })
}
