//! The Java that runs Kafka's programs.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::data_folder::DataFolder;
use crate::downloads::Downloads;
use crate::short_hash::short_hash;
use crate::tools;

#[derive(Debug)]
pub(super) struct Java {
    pub(super) program: PathBuf,
    /// A class data sharing archive, mapped into memory: the broker is ready after 0.7 s instead
    /// of 1.7 s. It exists after the first orderly stop.
    pub(super) archive: PathBuf,
    class_path: String,
}

impl Java {
    pub(super) fn find(downloads: &Downloads) -> Result<Self> {
        let program = tools::java().context("`java` is missing; Kafka needs a JDK 17 or later")?;
        let version = tools::java_version(&program).context("`java -version` fails")?;
        // An archive works only with the build of Java that wrote it.
        let archive = format!("classes-{}.jsa", short_hash(version.as_bytes()));
        Ok(Self {
            program,
            archive: downloads.path().join(archive),
            class_path: downloads.kafka_class_path()?,
        })
    }

    /// Optimised for memory and start time: a sandbox has a few hundred events per second.
    pub(super) fn command(&self, folder: &DataFolder) -> Command {
        let mut command = folder.command(&self.program);
        command
            // Options that the environment sets for other Java programs.
            .env_remove("JAVA_TOOL_OPTIONS")
            .env_remove("JDK_JAVA_OPTIONS")
            .args(["-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"])
            // A broker without memory drops some requests; an exit is noticed.
            .args(["-XX:+ExitOnOutOfMemoryError", "-Djava.awt.headless=true"])
            .args([
                "-Dorg.slf4j.simpleLogger.showDateTime=true",
                "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSSXXX",
                // At level `info` this class logs four hundred settings at every start.
                "-Dorg.slf4j.simpleLogger.log.org.apache.kafka.common.config=warn",
            ])
            .arg("-cp")
            .arg(&self.class_path);
        command
    }
}
