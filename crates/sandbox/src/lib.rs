//! A real Postgres and a real Kafka under one data folder, without root and without anything running beforehand.
//!
//! Tests and `cargo xtask up` stand on it. It knows nothing of what is built on top: it gives an address of each part,
//! and can kill, restart and stop them. It blocks and uses threads, so that it needs no runtime; call it from
//! `spawn_blocking` where there is one.
//!
//! In reading order: [`Sandbox`] here; `folder` (who holds a data folder, what a killed predecessor left), `parts` (fetching),
//! `postgres`, `kafka`, `process` (a child and its log), `ports`, `user` (what root does), `tools`, `progress`, `interrupt`.

mod folder;
mod interrupt;
mod kafka;
mod parts;
mod ports;
mod postgres;
mod process;
mod progress;
pub mod tools;
mod user;

use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result};

pub use folder::Folder;
pub use interrupt::{Interrupt, Interrupted};
use kafka::Kafka;
use parts::Parts;
pub use parts::are_there as parts_are_there;
pub use ports::{check as check_ports, free as free_ports};
use postgres::Postgres;
pub use process::{Polite, Running, Spawn};
pub use progress::{Progress, Step};

/// How often anything that is waited for is looked at. Short against the fastest start (0.1 s), long against the look.
const POLL: Duration = Duration::from_millis(10);

/// Where things are by default for a checkout at a given path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Places {
    /// The data folder of `cargo xtask up`.
    pub data: PathBuf,
    /// What was fetched and unpacked, shared by all data folders.
    pub parts: PathBuf,
    /// Data folders that live as long as one test run are made in here.
    pub scratch: PathBuf,
}

impl Places {
    /// Inside the checkout, except for root when the user it drops to cannot reach the checkout (a home of mode 0700):
    /// then beside each other in `/var/tmp`, told apart by a hash of the checkout's path.
    pub fn of(workspace: &Path) -> Self {
        let parts = parts::folder_name();
        let target = workspace.join("target");
        match user::RunAs::nobody_if_root() {
            Ok(Some(user)) if !user.reaches(workspace) => {
                let base = format!("/var/tmp/ktgg-{}", short_hash(workspace));
                Self {
                    data: PathBuf::from(&base),
                    parts: PathBuf::from(format!("{base}-cache")).join(parts),
                    scratch: PathBuf::from(format!("{base}-scratch")),
                }
            }
            _ => Self {
                data: workspace.join(".ktgg"),
                parts: target.join(parts),
                scratch: target.join("sandbox-scratch"),
            },
        }
    }

    /// A data folder for one run, told apart by purpose and process; those that killed runs have left are removed first.
    pub fn scratch_folder(&self, purpose: &str, progress: &Progress) -> PathBuf {
        // A folder younger than this may be one that another process has made and is about to lock.
        self.remove_abandoned(Duration::from_mins(10), progress);
        self.scratch
            .join(format!("{purpose}-{}", std::process::id()))
    }

    /// Ends what still runs in scratch folders that nobody holds any more, and removes them.
    pub fn remove_abandoned(&self, older_than: Duration, progress: &Progress) {
        for entry in std::fs::read_dir(&self.scratch)
            .into_iter()
            .flatten()
            .flatten()
        {
            let age = entry
                .metadata()
                .and_then(|it| it.modified())
                .ok()
                .and_then(|it| it.elapsed().ok());
            // One that is held cannot be taken, and what cannot be removed is no obstacle.
            if age.is_some_and(|it| it >= older_than)
                && let Ok(folder) = Folder::take(
                    &entry.path(),
                    "the removal of an old run",
                    &Interrupt::default(),
                    progress,
                )
            {
                let _ = std::fs::remove_dir_all(folder.path());
            }
        }
    }

    /// The places of the checkout this crate was built in, for tests.
    pub fn of_this_checkout() -> Self {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        Self::of(here.ancestors().nth(2).unwrap_or(here))
    }
}

/// What to start, and where.
#[derive(Clone, Debug)]
pub struct Options {
    /// The data folder; made when missing. Absolute or relative to the working directory.
    pub data: PathBuf,
    /// Where the fetched parts are or will be; see [`Places::parts`].
    pub parts: PathBuf,
    /// Who starts it, for the message a second holder of the folder gets.
    pub holder: String,
    /// Postgres is started, on this port of 127.0.0.1.
    pub postgres_port: u16,
    /// Kafka is started, on this port of 127.0.0.1.
    pub kafka_port: u16,
    /// Kafka's other half, which keeps its metadata, listens here.
    pub kafka_controller_port: u16,
    /// False when another Postgres is used instead.
    pub with_postgres: bool,
    /// False when another Kafka is used instead.
    pub with_kafka: bool,
    /// Ask it, and whatever is being waited for is given up and cleaned away.
    pub interrupt: Interrupt,
}

impl Options {
    /// Both parts on ports that nobody uses, with the parts of this checkout: what a test wants.
    pub fn on_free_ports(data: impl Into<PathBuf>) -> Result<Self> {
        let [postgres_port, kafka_port, kafka_controller_port] = free_ports()?;
        Ok(Self {
            data: data.into(),
            parts: Places::of_this_checkout().parts,
            holder: String::from("a test"),
            postgres_port,
            kafka_port,
            kafka_controller_port,
            with_postgres: true,
            with_kafka: true,
            interrupt: Interrupt::default(),
        })
    }
}

/// A running Postgres and a running Kafka; dropping it stops both and leaves only the data.
#[derive(Debug)]
pub struct Sandbox {
    // Fields drop in this order: Kafka, Postgres, and the folder's lock only when both are gone.
    kafka: Option<Kafka>,
    postgres: Option<Postgres>,
    folder: Folder,
}

impl Sandbox {
    /// Takes the folder, ends what a killed predecessor left in it, and starts what the options name.
    pub fn start(options: &Options, progress: &Progress) -> Result<Self> {
        let folder = Folder::take(&options.data, &options.holder, &options.interrupt, progress)?;
        check_ports(&Self::ports(options))?;
        Self::start_in(folder, options, progress)
    }

    /// The ports these options need, each with who it is for.
    pub fn ports(options: &Options) -> Vec<(u16, &'static str)> {
        let mut ports = Vec::new();
        if options.with_postgres {
            ports.push((options.postgres_port, "Postgres"));
        }
        if options.with_kafka {
            ports.push((options.kafka_port, "Kafka"));
            ports.push((options.kafka_controller_port, "Kafka's controller"));
        }
        ports
    }

    /// Starts in a folder that was taken before; its ports are the caller's to check.
    pub fn start_in(folder: Folder, options: &Options, progress: &Progress) -> Result<Self> {
        let mut sandbox = Self {
            kafka: None,
            postgres: None,
            folder,
        };
        if !options.with_postgres && !options.with_kafka {
            return Ok(sandbox);
        }
        let parts = Parts::ensure(&options.parts, &options.interrupt, progress)?;
        sandbox.folder.check_reach(parts.path())?;
        let folder = &sandbox.folder;
        let (postgres, kafka) = thread::scope(|both| {
            let postgres = options.with_postgres.then(|| {
                both.spawn(|| Postgres::start(folder, &parts, options.postgres_port, progress))
            });
            let kafka = options.with_kafka.then(|| {
                let listen = kafka::Listen {
                    broker: options.kafka_port,
                    controller: options.kafka_controller_port,
                };
                Kafka::start(folder, &parts, listen, progress)
            });
            (postgres.map(joined), kafka)
        });
        // Both are put in place before either error is raised, so that the one that started is stopped in order.
        let postgres = postgres.transpose().map(|it| sandbox.postgres = it);
        let kafka = kafka.transpose().map(|it| sandbox.kafka = it);
        postgres.and(kafka)?;
        Ok(sandbox)
    }

    /// The data folder, absolute.
    pub fn data(&self) -> &Path {
        self.folder.path()
    }

    /// The data folder with its lock, to run one more child in it.
    pub fn folder(&self) -> &Folder {
        &self.folder
    }

    /// The superuser's URL of the database `postgres`.
    ///
    /// # Panics
    /// When the options said that another Postgres is used; the same holds for what else asks for a part that is not here.
    pub fn postgres_url(&self) -> String {
        self.the_postgres().url()
    }

    /// `127.0.0.1:port`, as a client's bootstrap servers.
    pub fn kafka(&self) -> String {
        self.the_kafka().address()
    }

    /// The postmaster's process, if it runs.
    pub fn postgres_pid(&self) -> Option<u32> {
        self.the_postgres().pid()
    }

    /// The broker's process, if it runs.
    pub fn kafka_pid(&self) -> Option<u32> {
        self.the_kafka().pid()
    }

    /// Kills the postmaster with SIGKILL, as a crash would; its backends notice and end by themselves.
    pub fn kill_postgres(&mut self) {
        self.the_postgres_mut().kill();
    }

    /// Kills Kafka with SIGKILL, as a crash would.
    pub fn kill_kafka(&mut self) {
        self.the_kafka_mut().kill();
    }

    /// Starts Postgres again on the same data and port; does nothing when it runs.
    pub fn start_postgres(&mut self) -> Result<()> {
        let Self {
            postgres, folder, ..
        } = self;
        postgres
            .as_mut()
            .context("this sandbox has no Postgres")?
            .start_again(folder)
    }

    /// Starts Kafka again on the same data and port; does nothing when it runs.
    pub fn start_kafka(&mut self) -> Result<()> {
        let Self { kafka, folder, .. } = self;
        kafka
            .as_mut()
            .context("this sandbox has no Kafka")?
            .start_again(folder)
    }

    /// Stops Postgres in an orderly way, to start it again later.
    pub fn stop_postgres(&mut self) {
        self.the_postgres_mut().stop();
    }

    /// Stops Kafka in an orderly way, to start it again later.
    pub fn stop_kafka(&mut self) {
        self.the_kafka_mut().stop();
    }

    /// What ended by itself, with the last lines of its log; `None` while all is well.
    pub fn casualty(&mut self) -> Option<String> {
        let kafka = self.kafka.as_mut().and_then(Kafka::casualty);
        kafka.or_else(|| self.postgres.as_mut().and_then(Postgres::casualty))
    }

    /// Stops Kafka, then Postgres, and gives the folder back.
    pub fn stop(self) {
        drop(self);
    }

    /// Stops both and removes the folder with all data in it.
    pub fn remove(mut self) -> Result<()> {
        self.kafka = None;
        self.postgres = None;
        let path = self.folder.path().to_owned();
        std::fs::remove_dir_all(&path).with_context(|| format!("cannot remove {}", path.display()))
    }

    fn the_postgres(&self) -> &Postgres {
        self.postgres
            .as_ref()
            .expect("this sandbox was started without Postgres")
    }

    fn the_kafka(&self) -> &Kafka {
        self.kafka
            .as_ref()
            .expect("this sandbox was started without Kafka")
    }

    fn the_postgres_mut(&mut self) -> &mut Postgres {
        self.postgres
            .as_mut()
            .expect("this sandbox was started without Postgres")
    }

    fn the_kafka_mut(&mut self) -> &mut Kafka {
        self.kafka
            .as_mut()
            .expect("this sandbox was started without Kafka")
    }
}

fn joined<T>(thread: thread::ScopedJoinHandle<'_, T>) -> T {
    thread
        .join()
        .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// Eight hexadecimal digits that stay the same for a path on every machine and build (FNV-1a).
fn short_hash(path: &Path) -> String {
    let hash = path
        .as_os_str()
        .as_encoded_bytes()
        .iter()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
        });
    format!("{:08x}", (hash ^ (hash >> 32)) & 0xffff_ffff)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_keeps_its_hash_and_another_path_gets_another() {
        assert_eq!(short_hash(Path::new("/a/b")), short_hash(Path::new("/a/b")));
        assert_ne!(short_hash(Path::new("/a/b")), short_hash(Path::new("/a/c")));
        assert_eq!(short_hash(Path::new("/a/b")).len(), 8);
    }

    #[test]
    fn only_ports_of_what_is_started_are_needed() {
        let mut options = Options::on_free_ports("x").expect("three ports are free");
        options.with_kafka = false;
        assert_eq!(
            Sandbox::ports(&options),
            [(options.postgres_port, "Postgres")]
        );
    }
}
