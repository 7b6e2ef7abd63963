//! Files that a program writes and that are committed all the same, because people and other programs read them.
//!
//! `ktgg contract` knows all of them; one run of it gives every text.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;
use std::{fs, io};

use anyhow::{Context as _, Result, bail};
use sandbox::Interrupt;

use crate::say;
use crate::workspace::{cargo, lines, root};

/// What is generated today, by its path in the checkout.
type Files = BTreeMap<String, String>;

/// A folder in which nothing else is kept: what is not generated any more has to go.
const WHOLLY_GENERATED: &str = "docs/events";

/// Writes them all, and removes what is none of them any more.
pub(crate) fn run(interrupt: &Interrupt) -> Result<ExitCode> {
    let files = generated(interrupt)?;
    let root = root();
    for (name, text) in &files {
        let path = root.join(name);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        if fs::read_to_string(&path).ok().as_ref() != Some(text) {
            fs::write(&path, text).with_context(|| format!("cannot write {name}"))?;
            say(&format!("wrote {name}"));
        }
    }
    for name in left_over(&root, &files)? {
        fs::remove_file(root.join(&name)).with_context(|| format!("cannot remove {name}"))?;
        say(&format!("removed {name}"));
    }
    say(&format!("{} generated files are fresh", files.len()));
    Ok(ExitCode::SUCCESS)
}

/// Fails when what is committed is not what would be written now.
pub(crate) fn check(interrupt: &Interrupt) -> Result<()> {
    let stale = stale(&root(), &generated(interrupt)?)?;
    if !stale.is_empty() {
        bail!(
            "not what would be generated now: {}; run `cargo xtask generate`",
            stale.join(", ")
        );
    }
    Ok(())
}

fn generated(interrupt: &Interrupt) -> Result<Files> {
    let mut command = cargo(&["run", "--quiet", "--package", "ktgg", "--", "contract"]);
    let mut text = String::new();
    let status = lines(command.arg(root()), "ktgg contract", interrupt, |line| {
        text.push_str(line);
    })?;
    if !status.success() {
        bail!("`ktgg contract` failed ({status})");
    }
    serde_json::from_str(&text).context("`ktgg contract` printed no JSON")
}

/// Every file that is missing, different, or left over.
fn stale(root: &Path, files: &Files) -> Result<Vec<String>> {
    let differs = |(name, text): &(&String, &String)| {
        fs::read_to_string(root.join(name)).ok().as_ref() != Some(*text)
    };
    let mut stale: Vec<String> = files
        .iter()
        .filter(differs)
        .map(|(name, _)| name.clone())
        .collect();
    stale.extend(left_over(root, files)?);
    Ok(stale)
}

fn left_over(root: &Path, files: &Files) -> Result<Vec<String>> {
    let entries = match fs::read_dir(root.join(WHOLLY_GENERATED)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.with_context(|| format!("cannot list {WHOLLY_GENERATED}"))?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let name = format!(
            "{WHOLLY_GENERATED}/{}",
            entry?.file_name().to_string_lossy()
        );
        if !files.contains_key(&name) {
            found.push(name);
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_missing_different_or_left_over_is_stale() {
        let root = std::env::temp_dir().join(format!("xtask-generate-{}", std::process::id()));
        let files = Files::from(
            ["docs/a.json", "docs/b.json", "docs/events/c.json"]
                .map(|name| (name.to_owned(), "{}\n".to_owned())),
        );
        assert_eq!(stale(&root, &files).unwrap().len(), 3);
        fs::create_dir_all(root.join(WHOLLY_GENERATED)).unwrap();
        for (name, text) in [
            ("docs/a.json", "{}\n"),
            ("docs/b.json", "{ }\n"),
            ("docs/events/c.json", "{}\n"),
            ("docs/events/old.json", ""),
        ] {
            fs::write(root.join(name), text).unwrap();
        }
        let found = stale(&root, &files);
        fs::remove_dir_all(&root).unwrap();
        assert_eq!(found.unwrap(), ["docs/b.json", "docs/events/old.json"]);
    }
}
