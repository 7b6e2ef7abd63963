//! `cargo xtask generate`: writes the generated files, which are committed.
//!
//! `ktgg contract` prints all of them as one JSON object, except the types of the front end, which
//! npm writes from the description of the API.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;
use std::{fs, io};

use anyhow::{Context as _, Result, bail};
use sandbox::{Interrupt, tools};

use crate::cargo::cargo;
use crate::checkout::root;
use crate::console::print_line;
use crate::frontend;
use crate::process::{read_stdout, run_successfully};

/// Texts by path in the checkout.
type Files = BTreeMap<String, String>;

/// All files in this folder are generated; others are removed.
const GENERATED_FOLDER: &str = "docs/events";

/// The types of the front end.
const TYPES: &str = "frontend/src/api/schema.d.ts";

/// Writes all generated files and removes obsolete ones.
pub(crate) fn run(interrupt: &Interrupt) -> Result<ExitCode> {
    let files = generate(interrupt)?;
    let root = root();
    for (name, text) in &files {
        let path = root.join(name);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        if !has_text(&path, text) {
            fs::write(&path, text).with_context(|| format!("cannot write {name}"))?;
            print_line(&format!("wrote {name}"));
        }
    }
    for name in obsolete(&root, &files)? {
        fs::remove_file(root.join(&name)).with_context(|| format!("cannot remove {name}"))?;
        print_line(&format!("removed {name}"));
    }
    if let Some(message) = tools::missing_message(&frontend::missing_tools()) {
        bail!("{TYPES} was not written.\n{message}");
    }
    frontend::install(interrupt)?;
    let mut types = frontend::npm(&["run", "--silent", "generate"]);
    run_successfully(&mut types, "npm run generate", interrupt)?;
    let count = files.len() + 1;
    print_line(&format!("{count} generated files are up to date"));
    Ok(ExitCode::SUCCESS)
}

/// Fails if a committed file differs from the generated one. Returns what could not be checked.
pub(crate) fn check(interrupt: &Interrupt) -> Result<Option<String>> {
    let stale = stale(&root(), &generate(interrupt)?)?;
    if !stale.is_empty() {
        let names = stale.join(", ");
        bail!("not up to date: {names}; run `cargo xtask generate`");
    }
    if let Some(message) = tools::missing_message(&frontend::missing_tools()) {
        return Ok(Some(format!("{TYPES}: not checked: {message}")));
    }
    frontend::install(interrupt)?;
    let mut types = frontend::npm(&["run", "--silent", "api:check"]);
    run_successfully(&mut types, "npm run api:check", interrupt)
        .with_context(|| format!("not up to date: {TYPES}; run `cargo xtask generate`"))?;
    Ok(None)
}

fn generate(interrupt: &Interrupt) -> Result<Files> {
    let mut command = cargo(&["run", "--quiet", "--package", "ktgg", "--", "contract"]);
    let text = read_stdout(command.arg(root()), "ktgg contract", interrupt)?;
    serde_json::from_str(&text).context("the output of `ktgg contract` is not JSON")
}

/// The files that are missing, different or obsolete.
fn stale(root: &Path, files: &Files) -> Result<Vec<String>> {
    let mut stale: Vec<String> = files
        .iter()
        .filter(|(name, text)| !has_text(&root.join(name), text))
        .map(|(name, _)| name.clone())
        .collect();
    stale.extend(obsolete(root, files)?);
    Ok(stale)
}

fn has_text(path: &Path, text: &str) -> bool {
    fs::read_to_string(path).is_ok_and(|current| current == text)
}

/// The files in [`GENERATED_FOLDER`] that are not generated any more.
fn obsolete(root: &Path, files: &Files) -> Result<Vec<String>> {
    let entries = match fs::read_dir(root.join(GENERATED_FOLDER)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.with_context(|| format!("cannot list {GENERATED_FOLDER}"))?,
    };
    let mut names = Vec::new();
    for entry in entries {
        let file = entry?.file_name();
        names.push(format!("{GENERATED_FOLDER}/{}", file.to_string_lossy()));
    }
    names.retain(|name| !files.contains_key(name));
    names.sort();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_different_and_obsolete_files_are_stale() {
        let root = std::env::temp_dir().join(format!("xtask-generate-{}", std::process::id()));
        let files = Files::from(
            ["docs/a.json", "docs/b.json", "docs/events/c.json"]
                .map(|name| (name.to_owned(), "{}\n".to_owned())),
        );
        assert_eq!(stale(&root, &files).unwrap().len(), 3);
        fs::create_dir_all(root.join(GENERATED_FOLDER)).unwrap();
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
