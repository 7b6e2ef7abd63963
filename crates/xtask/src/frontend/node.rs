//! Node and npm.

use std::process::{Command, Stdio};

use sandbox::tools::Tool;

/// The oldest Node that Vite runs on: major and minor version.
const MIN_VERSION: (u32, u32) = (20, 19);

/// Must have [`MIN_VERSION`], too.
const NODE: Tool = Tool {
    programs: &["node"],
    purpose: "builds the pages (`up --no-pages` needs none); 20.19 or later, as in Debian 13 or \
              from nodejs.org",
    debian: "nodejs",
    brew: "brew install node",
};

const NPM: Tool = Tool {
    programs: &["npm"],
    purpose: "installs what the pages are built with",
    debian: "npm",
    brew: "brew install node",
};

/// What the front end needs and this machine lacks.
pub(crate) fn missing_tools() -> Vec<Tool> {
    let mut missing = Vec::new();
    if !node_version().is_some_and(|version| is_recent(&version)) {
        missing.push(NODE);
    }
    if !NPM.is_installed() {
        missing.push(NPM);
    }
    missing
}

fn node_version() -> Option<String> {
    let output = Command::new("node")
        .arg("--version")
        .stdin(Stdio::null())
        .output()
        .ok()?;
    String::from_utf8(output.stdout).ok()
}

/// Whether a version such as `v20.19.2` is at least [`MIN_VERSION`].
fn is_recent(version: &str) -> bool {
    let mut numbers = version
        .trim()
        .trim_start_matches('v')
        .split('.')
        .map_while(|number| number.parse().ok());
    let version = numbers.next().zip(numbers.next());
    version.is_some_and(|version: (u32, u32)| version >= MIN_VERSION)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn node_is_recent_from_20_19_on() {
        assert!(is_recent("v20.19.0\n"));
        assert!(is_recent("v24.1.0\n"));
        assert!(!is_recent("v20.18.3\n"));
        assert!(!is_recent("v18.20.4\n"));
        assert!(!is_recent("node: not found"));
        assert!(!is_recent(""));
    }
}
