//! Both servers in one data folder.

use std::panic::resume_unwind;
use std::path::Path;
use std::{fs, thread};

use anyhow::{Context as _, Result};

use crate::data_folder::DataFolder;
use crate::downloads::Downloads;
use crate::kafka::{Kafka, KafkaPorts};
use crate::options::Options;
use crate::ports;
use crate::postgres::Postgres;
use crate::progress::Progress;

const NO_POSTGRES: &str = "this sandbox was started without Postgres";
const NO_KAFKA: &str = "this sandbox was started without Kafka";

/// A running Postgres and a running Kafka. Dropping it stops both and keeps their data.
///
/// A method about a server panics if [`Options`] left that server out.
#[derive(Debug)]
pub struct Sandbox {
    // Fields drop in this order: the folder's lock is released after both servers have stopped.
    kafka: Option<Kafka>,
    postgres: Option<Postgres>,
    folder: DataFolder,
}

impl Sandbox {
    /// Acquires the folder, stops what a killed holder left running in it, and starts the servers.
    pub fn start(options: &Options, progress: &Progress) -> Result<Self> {
        let Options {
            data,
            holder,
            interrupt,
            ..
        } = options;
        let folder = DataFolder::acquire(data, holder, interrupt, progress)?;
        ports::check(&options.ports())?;
        Self::start_in(folder, options, progress)
    }

    /// Starts the servers in an acquired folder. The caller has checked the ports.
    pub fn start_in(folder: DataFolder, options: &Options, progress: &Progress) -> Result<Self> {
        let mut sandbox = Self {
            kafka: None,
            postgres: None,
            folder,
        };
        if !options.with_postgres && !options.with_kafka {
            return Ok(sandbox);
        }
        let downloads = Downloads::ensure(&options.downloads, &options.interrupt, progress)?;
        sandbox.folder.check_access(downloads.path())?;
        let (folder, secure) = (&sandbox.folder, options.secure.as_ref());
        let (postgres, kafka) = thread::scope(|scope| {
            let postgres = options.with_postgres.then(|| {
                scope.spawn(|| {
                    Postgres::start(folder, &downloads, options.postgres_port, secure, progress)
                })
            });
            let kafka = options.with_kafka.then(|| {
                let ports = KafkaPorts {
                    broker: options.kafka_port,
                    controller: options.kafka_controller_port,
                };
                Kafka::start(folder, &downloads, ports, secure, progress)
            });
            let postgres =
                postgres.map(|thread| thread.join().unwrap_or_else(|panic| resume_unwind(panic)));
            (postgres, kafka)
        });
        // Both are stored before an error is returned, so that the one that started is stopped.
        let postgres = postgres.transpose().map(|server| sandbox.postgres = server);
        let kafka = kafka.transpose().map(|server| sandbox.kafka = server);
        postgres.and(kafka)?;
        Ok(sandbox)
    }

    /// The absolute path of the data folder.
    pub fn data(&self) -> &Path {
        self.folder.path()
    }

    /// The locked data folder, for another child process in it.
    pub fn folder(&self) -> &DataFolder {
        &self.folder
    }

    /// The URL of the database `postgres` for the superuser.
    pub fn postgres_url(&self) -> String {
        self.postgres.as_ref().expect(NO_POSTGRES).url()
    }

    /// `127.0.0.1:port`, the bootstrap servers of a client.
    pub fn kafka_address(&self) -> String {
        self.kafka.as_ref().expect(NO_KAFKA).address()
    }

    /// The process id of the postmaster; `None` while Postgres is stopped.
    pub fn postgres_pid(&self) -> Option<u32> {
        self.postgres.as_ref().expect(NO_POSTGRES).pid()
    }

    /// The process id of the broker; `None` while Kafka is stopped.
    pub fn kafka_pid(&self) -> Option<u32> {
        self.kafka.as_ref().expect(NO_KAFKA).pid()
    }

    /// Kills the postmaster with SIGKILL. Its backends notice that and end by themselves.
    pub fn kill_postgres(&mut self) {
        self.postgres.as_mut().expect(NO_POSTGRES).kill();
    }

    /// Kills Kafka with SIGKILL.
    pub fn kill_kafka(&mut self) {
        self.kafka.as_mut().expect(NO_KAFKA).kill();
    }

    /// Starts Postgres again on the same data and port, unless it runs.
    pub fn start_postgres(&mut self) -> Result<()> {
        let postgres = self.postgres.as_mut().context(NO_POSTGRES)?;
        postgres.restart(&self.folder)
    }

    /// Starts Kafka again on the same data and port, unless it runs.
    pub fn start_kafka(&mut self) -> Result<()> {
        let kafka = self.kafka.as_mut().context(NO_KAFKA)?;
        kafka.restart(&self.folder)
    }

    /// Shuts Postgres down; [`Self::start_postgres`] starts it again.
    pub fn stop_postgres(&mut self) {
        self.postgres.as_mut().expect(NO_POSTGRES).stop();
    }

    /// Shuts Kafka down; [`Self::start_kafka`] starts it again.
    pub fn stop_kafka(&mut self) {
        self.kafka.as_mut().expect(NO_KAFKA).stop();
    }

    /// Which server exited by itself, with the last lines of its log.
    pub fn unexpected_exit(&mut self) -> Option<String> {
        let kafka = self.kafka.as_mut().and_then(Kafka::unexpected_exit);
        kafka.or_else(|| self.postgres.as_mut()?.unexpected_exit())
    }

    /// Stops Kafka, then Postgres, and releases the folder.
    pub fn stop(self) {
        drop(self);
    }

    /// Stops both servers and removes the folder with their data.
    pub fn remove(mut self) -> Result<()> {
        self.kafka = None;
        self.postgres = None;
        let path = self.folder.path();
        fs::remove_dir_all(path).with_context(|| format!("cannot remove {}", path.display()))
    }
}
