//! The front end: `npm run check`, and the sizes of the built pages.

use std::fmt::Write as _;

use anyhow::{Result, bail};
use sandbox::{Interrupt, Progress, tools};

use super::outcome::Outcome;
use crate::console::print_error;
use crate::{frontend, process};

pub(super) fn check(interrupt: &Interrupt) -> Result<Outcome> {
    if let Some(message) = tools::missing_message(&frontend::missing_tools()) {
        return Ok(Outcome::Skipped(message));
    }
    frontend::install(interrupt)?;
    run("check", "npm run check", interrupt)?;
    frontend::build(Progress::silent().step("Pages", "building"), interrupt)?;
    run("budget", "npm run budget", interrupt)?;
    Ok(Outcome::Passed)
}

/// Shows the output only of a script that fails.
fn run(script: &str, name: &'static str, interrupt: &Interrupt) -> Result<()> {
    let mut output = String::new();
    let mut command = frontend::npm(&["run", script]);
    let status = process::run_with_lines(&mut command, name, interrupt, |line| {
        let _ = writeln!(output, "{line}");
    })?;
    if !status.success() {
        let (part, output) = last_script(script, &output);
        print_error(output.trim());
        bail!("`npm run {part}` failed ({status})");
    }
    Ok(())
}

/// The name of the script that npm started last, and its output. The script `check` runs others in
/// turn and ends with the first that fails.
fn last_script<'a>(script: &'a str, output: &'a str) -> (&'a str, &'a str) {
    // npm prints "> PACKAGE@VERSION SCRIPT", then "> COMMAND".
    let mut last = (script, output);
    let mut start = 0;
    for line in output.split_inclusive('\n') {
        start += line.len();
        let words: Vec<&str> = line.split_whitespace().collect();
        match words[..] {
            [">", package, name] if package.contains('@') => last.0 = name,
            [">", ..] => last.1 = &output[start..],
            _ => {}
        }
    }
    last
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failed_script_is_the_last_that_npm_started() {
        let output = "\n> pages@0.0.0 check\n> npm run lint && npm run types\n\n\
                      \n> pages@0.0.0 lint\n> eslint .\n\n\
                      \n> pages@0.0.0 types\n> vue-tsc --build\n\nsrc/a.ts: wrong\n";
        let (name, output) = last_script("check", output);
        assert_eq!(name, "types");
        assert_eq!(output, "\nsrc/a.ts: wrong\n");
    }

    #[test]
    fn output_without_scripts_is_of_the_script_itself() {
        assert_eq!(
            last_script("budget", "npm error\n"),
            ("budget", "npm error\n")
        );
    }
}
