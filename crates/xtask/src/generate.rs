//! Files that a program writes and that are committed all the same, because people and other programs read them.

use std::fs;
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use sandbox::Interrupt;

use crate::say;
use crate::workspace::{cargo, lines, root};

/// One of them: where it is, and what makes its text.
struct Generated {
    path: &'static str,
    text: fn(&Interrupt) -> Result<String>,
}

/// All of them; a new one is one more line here.
const ALL: &[Generated] = &[Generated { path: "docs/openapi.json", text: openapi }];

/// Writes them all.
pub(crate) fn run(interrupt: &Interrupt) -> Result<ExitCode> {
    for it in ALL {
        let text = (it.text)(interrupt)?;
        let path = root().join(it.path);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(&path, text).with_context(|| format!("cannot write {}", it.path))?;
        say(&format!("wrote {}", it.path));
    }
    Ok(ExitCode::SUCCESS)
}

/// Fails when what is committed is not what would be written now.
pub(crate) fn check(interrupt: &Interrupt) -> Result<()> {
    let mut stale = Vec::new();
    for it in ALL {
        let committed = fs::read_to_string(root().join(it.path)).unwrap_or_default();
        if (it.text)(interrupt)? != committed {
            stale.push(it.path);
        }
    }
    if !stale.is_empty() {
        bail!("not what would be generated now: {}; run `cargo xtask generate`", stale.join(", "));
    }
    Ok(())
}

fn openapi(interrupt: &Interrupt) -> Result<String> {
    let mut text = String::new();
    let mut command = cargo(&["run", "--quiet", "--package", "ktgg", "--", "openapi"]);
    let status = lines(&mut command, "ktgg openapi", interrupt, |line| {
        text.push_str(line);
        text.push('\n');
    })?;
    if !status.success() {
        bail!("`ktgg openapi` failed ({status})");
    }
    Ok(text)
}
