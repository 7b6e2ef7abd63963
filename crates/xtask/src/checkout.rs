//! The checkout and the tools that it needs.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, bail};
use sandbox::CheckoutPaths;
use sandbox::tools::{self, Tool};

/// librdkafka is C and is built with the services.
const BUILD_TOOLS: [Tool; 3] = [
    Tool {
        programs: &["cc", "gcc", "clang"],
        purpose: "compiles the Kafka client",
        debian: "build-essential",
        brew: "xcode-select --install",
    },
    Tool {
        programs: &["c++", "g++", "clang++"],
        purpose: "compiles the Kafka client",
        debian: "build-essential",
        brew: "xcode-select --install",
    },
    Tool {
        programs: &["make", "gmake"],
        purpose: "builds the Kafka client",
        debian: "build-essential",
        brew: "xcode-select --install",
    },
];

/// Looked for by [`has_openssl`].
const OPENSSL: Tool = Tool {
    programs: &["libssl"],
    purpose: "gives the Kafka client TLS",
    debian: "libssl-dev pkg-config",
    brew: "brew install openssl@3",
};

/// Where the build looks for OpenSSL's headers.
fn has_openssl() -> bool {
    const HOMEBREW: [&str; 2] = ["/opt/homebrew/opt/openssl@3", "/usr/local/opt/openssl@3"];
    let pkg_config = || {
        Command::new("pkg-config")
            .args(["--exists", "openssl"])
            .status()
            .is_ok_and(|status| status.success())
    };
    env::var_os("OPENSSL_DIR").is_some()
        || HOMEBREW.iter().any(|folder| Path::new(folder).is_dir())
        || pkg_config()
}

/// The checkout in which `cargo xtask` was called, otherwise the one in which it was built.
pub(crate) fn root() -> PathBuf {
    let manifest_dir = env::var_os("CARGO_MANIFEST_DIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    let root = manifest_dir.ancestors().nth(2).map(Path::to_owned);
    root.unwrap_or(manifest_dir)
}

pub(crate) fn paths() -> CheckoutPaths {
    CheckoutPaths::of(&root())
}

/// Fails with one message about all missing tools: those of the build, those of Postgres and Kafka
/// if `with_sandbox`, and those that the caller misses besides.
pub(crate) fn require_tools(
    paths: &CheckoutPaths,
    with_sandbox: bool,
    missing_besides: Vec<Tool>,
) -> Result<()> {
    let mut missing: Vec<Tool> = BUILD_TOOLS
        .into_iter()
        .filter(|tool| !tool.is_installed())
        .collect();
    if !has_openssl() {
        missing.push(OPENSSL);
    }
    if with_sandbox {
        let downloads_exist = sandbox::downloads_exist(&paths.downloads);
        missing.extend(tools::missing(downloads_exist));
    }
    missing.extend(missing_besides);
    match tools::missing_message(&missing) {
        Some(message) => bail!(message),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_is_the_folder_of_the_workspace() {
        assert!(root().join("crates").join("xtask").is_dir());
    }
}
