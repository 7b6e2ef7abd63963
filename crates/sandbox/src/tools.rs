//! What must be on PATH, and which package brings it.

use std::env;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// A program that has to be there.
#[derive(Clone, Copy, Debug)]
pub struct Tool {
    /// One of these on PATH is enough.
    pub programs: &'static [&'static str],
    /// What it is needed for.
    pub purpose: &'static str,
    /// The Debian package that brings it.
    pub debian: &'static str,
    /// The Homebrew formula that brings it, or what else to do on macOS.
    pub brew: &'static str,
}

/// Maven, needed only while parts are missing.
pub const MAVEN: Tool = Tool {
    programs: &["mvn"],
    purpose: "fetches Postgres and Kafka, once",
    debian: "maven",
    brew: "brew install maven",
};

/// tar, needed only while parts are missing.
pub const TAR: Tool = Tool {
    programs: &["tar"],
    purpose: "unpacks Postgres, once",
    debian: "tar",
    brew: "it comes with macOS",
};

/// xz, which GNU tar calls; the tar of macOS needs none.
pub const XZ: Tool = Tool {
    programs: &["xz"],
    purpose: "unpacks Postgres, once",
    debian: "xz-utils",
    brew: "brew install xz",
};

/// Java is looked at more closely than by its name; see [`java_is_recent`].
pub const JAVA: Tool = Tool {
    programs: &["java"],
    purpose: "runs Kafka; a JDK 17 or later",
    debian: "default-jdk-headless",
    brew: "brew install openjdk",
};

/// What of the sandbox's own needs is missing.
pub fn missing(parts_are_there: bool) -> Vec<Tool> {
    let mut needed = Vec::new();
    if !parts_are_there {
        needed.extend([MAVEN, TAR]);
        if cfg!(target_os = "linux") {
            needed.push(XZ);
        }
    }
    needed.retain(|it| !it.is_there());
    if !java_is_recent() {
        needed.insert(0, JAVA);
    }
    needed
}

/// One message for all that is missing; `None` when nothing is.
pub fn message(missing: &[Tool]) -> Option<String> {
    if missing.is_empty() {
        return None;
    }
    let mut text = String::from("Missing on this machine:\n");
    for tool in missing {
        let name = tool.programs.join(" or ");
        let _ = writeln!(
            text,
            "  {name:<12} {}. Debian: {}. macOS: {}.",
            tool.purpose, tool.debian, tool.brew
        );
    }
    let mut packages: Vec<&str> = missing.iter().map(|it| it.debian).collect();
    // One package brings several of them; they come from lists in which those stand side by side.
    packages.dedup();
    let _ = write!(
        text,
        "On Debian or Ubuntu: apt-get install {}",
        packages.join(" ")
    );
    Some(text)
}

impl Tool {
    /// Whether one of its programs is on PATH.
    pub fn is_there(&self) -> bool {
        self.programs.iter().any(|it| on_path(it).is_some())
    }
}

/// The Java to use: `JAVA_HOME`'s when that is set, as Maven does, otherwise the one on PATH.
pub fn java() -> Option<PathBuf> {
    let home = env::var_os("JAVA_HOME")
        .map(|it| PathBuf::from(it).join("bin").join("java"))
        .filter(|it| it.is_file());
    home.or_else(|| on_path("java"))
}

/// Whether there is a Java that is recent enough for Kafka 4.
pub fn java_is_recent() -> bool {
    let major = java()
        .and_then(|it| java_version(&it))
        .and_then(|it| major(&it));
    major.is_some_and(|it| it >= 17)
}

/// What `java -version` says; `None` if it fails, as the placeholder of a macOS without Java does.
pub(crate) fn java_version(java: &PathBuf) -> Option<String> {
    let output = Command::new(java)
        .arg("-version")
        .stdin(Stdio::null())
        .output()
        .ok()?;
    output
        .status
        .success()
        .then(|| String::from_utf8_lossy(&output.stderr).into_owned())
}

fn major(version: &str) -> Option<u32> {
    let quoted = version.split('"').nth(1)?;
    let mut numbers = quoted.split(['.', '-', '+', '_']).map(str::parse::<u32>);
    match numbers.next()?.ok()? {
        // Java 8 still called itself 1.8.
        1 => numbers.next()?.ok(),
        major => Some(major),
    }
}

fn on_path(program: &str) -> Option<PathBuf> {
    env::split_paths(&env::var_os("PATH")?)
        .map(|it| it.join(program))
        .find(|it| it.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_major_version_is_read_from_old_and_new_javas() {
        assert_eq!(
            major("openjdk version \"17.0.15\" 2025-04-15\nOpenJDK Runtime"),
            Some(17)
        );
        assert_eq!(major("java version \"1.8.0_392\""), Some(8));
        assert_eq!(major("openjdk version \"25-ea\" 2025-09-16"), Some(25));
        assert_eq!(major("The operation couldn't be completed."), None);
    }

    #[test]
    fn one_message_names_everything_that_is_missing_with_its_package() {
        let message = message(&[MAVEN, XZ, XZ]).expect("something is missing");
        assert!(
            message.contains("mvn") && message.contains("brew install maven"),
            "{message}"
        );
        assert!(
            message.ends_with("apt-get install maven xz-utils"),
            "{message}"
        );
        assert_eq!(super::message(&[]), None);
    }
}
