//! A data folder: one holder at a time, and no processes of a killed holder.

mod leftovers;
mod lock;

use std::fs::{self, DirBuilder, File, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};

use anyhow::{Context as _, Result, bail};

use crate::child_process::{SpawnOptions, run_to_end};
use crate::interrupt::Interrupt;
use crate::progress::Progress;
use crate::run_as::RunAs;
use crate::short_hash::short_hash;

/// A data folder that no other process can acquire until this is dropped.
#[derive(Debug)]
pub struct DataFolder {
    path: PathBuf,
    run_as: Option<RunAs>,
    interrupt: Interrupt,
    // Closing the file releases the lock.
    _lock: File,
}

impl DataFolder {
    /// Creates the folder if it is missing, locks it, and stops what a killed holder left running.
    pub fn acquire(
        path: &Path,
        holder: &str,
        interrupt: &Interrupt,
        progress: &Progress,
    ) -> Result<Self> {
        let created = create(path)?;
        let path = path
            .canonicalize()
            .with_context(|| format!("cannot find {}", path.display()))?;
        let lock = lock::lock(&path, holder)?;
        if created || path.starts_with("/var/tmp") {
            check_owner(&path)?;
        }
        let run_as = RunAs::for_data(&[path.join("postgres"), path.join("kafka")])?;
        let folder = Self {
            path,
            run_as,
            interrupt: interrupt.clone(),
            _lock: lock,
        };
        folder.check_access(&folder.path)?;
        for name in ["log", "run"] {
            create(&folder.path.join(name))?;
        }
        leftovers::stop_all(&folder.path, &folder.cluster_name(), progress);
        Ok(folder)
    }

    /// Absolute and without symbolic links.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The log file of a process.
    pub fn log(&self, name: &str) -> PathBuf {
        self.path.join("log").join(format!("{name}.log"))
    }

    /// The pid file of a process. If this process is killed, the next holder of the folder stops
    /// the processes that have one.
    pub fn pid_file(&self, name: &str) -> PathBuf {
        self.path.join("run").join(format!("{name}.pid"))
    }

    pub(crate) fn interrupt(&self) -> &Interrupt {
        &self.interrupt
    }

    /// Fails if the user that the servers run as cannot access the path.
    pub(crate) fn check_access(&self, path: &Path) -> Result<()> {
        let user = self.run_as;
        let Some(inaccessible) = user.and_then(|user| user.first_inaccessible(path)) else {
            return Ok(());
        };
        bail!(
            "Postgres does not run as root, so it runs as an unprivileged user, and that user \
             cannot enter {} on the way to {}. Choose another folder with `--data` (for example \
             in /var/tmp), or give access with `chmod o+x`.",
            inaccessible.display(),
            path.display()
        )
    }

    /// A command that runs as the unprivileged user if necessary, inside the data folder.
    pub(crate) fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.path);
        if let Some(user) = self.run_as {
            user.apply(&mut command);
        }
        command
    }

    /// Creates a folder that only the user of the servers can access.
    pub(crate) fn create_private(&self, name: &str) -> Result<PathBuf> {
        let path = self.path.join(name);
        if !path.exists() {
            DirBuilder::new()
                .mode(0o700)
                .create(&path)
                .with_context(|| format!("cannot create {}", path.display()))?;
            if let Some(user) = self.run_as {
                user.make_owner(&path)?;
            }
        }
        Ok(path)
    }

    /// Writes a file that only the user of the servers can read.
    pub(crate) fn write_private(&self, path: &Path, text: &str) -> Result<()> {
        let write = || -> io::Result<()> {
            fs::write(path, text)?;
            fs::set_permissions(path, Permissions::from_mode(0o600))
        };
        write().with_context(|| format!("cannot write {}", path.display()))?;
        self.run_as.map_or(Ok(()), |user| user.make_owner(path))
    }

    /// Runs a program to its end and returns the last lines of its log, the log of `server`. The
    /// command line contains `marker`, a path: the next holder finds the program by it.
    pub(crate) fn run_to_end(
        &self,
        command: &mut Command,
        name: &'static str,
        server: &str,
        marker: &Path,
    ) -> Result<(ExitStatus, String)> {
        let mut options = SpawnOptions::short_lived(name, self.log(server), &self.interrupt);
        options.pid_file = Some(self.pid_file(&format!("setup-{server}")));
        options.marker = marker.display().to_string();
        run_to_end(command, options)
    }

    /// The `cluster_name` of this folder's Postgres, which each of its processes has in its title.
    pub(crate) fn cluster_name(&self) -> String {
        let hash = short_hash(self.path.as_os_str().as_encoded_bytes());
        format!("ktgg-{hash}")
    }

    /// Stops the backends of a killed postmaster: Postgres does not start beside them.
    pub(crate) fn stop_postgres_orphans(&self) {
        leftovers::stop_postgres_orphans(&self.path, &self.cluster_name());
    }
}

/// Creates a folder that every user can enter, whatever the umask is: the servers may run as
/// another user. Returns true if it was missing.
fn create(path: &Path) -> Result<bool> {
    if path.is_dir() {
        return Ok(false);
    }
    let create = || -> io::Result<()> {
        fs::create_dir_all(path)?;
        fs::set_permissions(path, Permissions::from_mode(0o755))
    };
    create().with_context(|| format!("cannot create the folder {}", path.display()))?;
    Ok(true)
}

/// Fails if another user owns root's folder: in a world-writable parent it may be a trap.
fn check_owner(path: &Path) -> Result<()> {
    let owner = fs::metadata(path)?.uid();
    if owner != 0 && rustix::process::geteuid().is_root() {
        bail!(
            "{} belongs to another user ({owner}). Choose another folder with `--data`",
            path.display()
        );
    }
    Ok(())
}
