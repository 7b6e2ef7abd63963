//! The programs that must be installed, and the packages that contain them.

use std::env;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

#[derive(Clone, Copy, Debug)]
pub struct Tool {
    /// Alternatives: one of them must be in PATH.
    pub programs: &'static [&'static str],
    pub purpose: &'static str,
    /// The Debian package that contains it.
    pub debian: &'static str,
    /// How to install it on macOS.
    pub brew: &'static str,
}

/// Needed only until Postgres and Kafka are downloaded, like [`TAR`] and [`XZ`].
pub const MAVEN: Tool = Tool {
    programs: &["mvn"],
    purpose: "downloads Postgres and Kafka, once",
    debian: "maven",
    brew: "brew install maven",
};

pub const TAR: Tool = Tool {
    programs: &["tar"],
    purpose: "unpacks Postgres, once",
    debian: "tar",
    brew: "part of macOS",
};

/// Called by GNU tar; the tar of macOS does not need it.
pub const XZ: Tool = Tool {
    programs: &["xz"],
    purpose: "unpacks Postgres, once",
    debian: "xz-utils",
    brew: "brew install xz",
};

/// Must have a minimum version, too; `missing` checks it.
pub const JAVA: Tool = Tool {
    programs: &["java"],
    purpose: "runs Kafka; JDK 17 or later",
    debian: "default-jdk-headless",
    brew: "brew install openjdk",
};

/// The missing tools of the sandbox.
pub fn missing(downloads_exist: bool) -> Vec<Tool> {
    let mut needed = Vec::new();
    if !downloads_exist {
        needed.extend([MAVEN, TAR]);
        if cfg!(target_os = "linux") {
            needed.push(XZ);
        }
    }
    needed.retain(|tool| !tool.is_installed());
    if !java_is_recent() {
        needed.insert(0, JAVA);
    }
    needed
}

/// One message about all missing tools; `None` if there are none.
pub fn missing_message(missing: &[Tool]) -> Option<String> {
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
    let mut packages: Vec<&str> = missing.iter().map(|tool| tool.debian).collect();
    // Tools of the same package are next to each other.
    packages.dedup();
    let _ = write!(
        text,
        "On Debian or Ubuntu: apt-get install {}",
        packages.join(" ")
    );
    Some(text)
}

impl Tool {
    pub fn is_installed(&self) -> bool {
        self.programs
            .iter()
            .any(|program| find_in_path(program).is_some())
    }
}

/// The Java of `JAVA_HOME` if that is set (Maven uses it as well), otherwise the one in PATH.
pub fn java() -> Option<PathBuf> {
    let home = env::var_os("JAVA_HOME")
        .map(|home| PathBuf::from(home).join("bin").join("java"))
        .filter(|java| java.is_file());
    home.or_else(|| find_in_path("java"))
}

/// Whether there is a Java that can run Kafka 4.
fn java_is_recent() -> bool {
    java()
        .and_then(|java| java_version(&java))
        .and_then(|version| major_version(&version))
        .is_some_and(|major| major >= 17)
}

/// The output of `java -version`. `None` if it fails, like the placeholder on a Mac without Java.
pub(crate) fn java_version(java: &Path) -> Option<String> {
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

fn major_version(version: &str) -> Option<u32> {
    let quoted = version.split('"').nth(1)?;
    let mut numbers = quoted.split(['.', '-', '+', '_']).map(str::parse::<u32>);
    match numbers.next()?.ok()? {
        // The version of Java 8 is 1.8.
        1 => numbers.next()?.ok(),
        major => Some(major),
    }
}

fn find_in_path(program: &str) -> Option<PathBuf> {
    env::split_paths(&env::var_os("PATH")?)
        .map(|folder| folder.join(program))
        .find(|path| path.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn major_version_is_read_from_old_and_new_javas() {
        assert_eq!(
            major_version("openjdk version \"17.0.15\" 2025-04-15\nOpenJDK Runtime"),
            Some(17)
        );
        assert_eq!(major_version("java version \"1.8.0_392\""), Some(8));
        assert_eq!(
            major_version("openjdk version \"25-ea\" 2025-09-16"),
            Some(25)
        );
        assert_eq!(major_version("The operation couldn't be completed."), None);
    }

    #[test]
    fn missing_tools_are_listed_with_their_packages() {
        let message = missing_message(&[MAVEN, XZ, XZ]).expect("tools are missing");
        assert!(
            message.contains("mvn") && message.contains("brew install maven"),
            "{message}"
        );
        assert!(
            message.ends_with("apt-get install maven xz-utils"),
            "{message}"
        );
        assert_eq!(missing_message(&[]), None);
    }
}
