//! `cargo xtask fuzz`: schemathesis makes calls out of the description, allowed and not, and holds every answer against it.
//!
//! A Postgres, a Kafka and a `ktgg` of its own, with demo data. Each role asks in turn, two at a time. What it must not find: a server error, and an
//! answer whose status, content type, headers or body the description does not know.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use sandbox::{Interrupt, Progress, Running, check_ports, free_ports, tools};
use serde_json::{Value, json};

use crate::test::{Scratch, start_beside};
use crate::up::{INBOX_OFFSET, service_ports, start};
use crate::workspace::{build_ktgg, check_tools, lines, places, status};
use crate::{say, tell};

/// What pip fetches; another version is another folder.
const SCHEMATHESIS: &str = "4.32.5";
/// It makes the examples: with another version the same seed gives others.
const HYPOTHESIS: &str = "6.170.17";

/// Teaches schemathesis which ids are real.
const HOOKS: &str = include_str!("fuzz/hooks.py");

/// Signs everybody in.
const SIGN_IN: &str = include_str!("fuzz/sign_in.py");

const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance,\
    response_headers_conformance";

/// Everybody who can ask.
const ROLES: [&str; 5] = ["nobody", "customer", "salesman", "consultant", "staff"];

/// What nobody is asked for: why.
const NEVER: [(&str, &str); 1] = [("/api/stream", "it has no end")];

/// What somebody who is signed in is not asked for besides, and nobody is: why.
const NOT_SIGNED_IN: [(&str, &str); 6] = [
    (
        "/api/auth/sign-out",
        "it ends the session that the other calls are made by",
    ),
    (
        "/api/auth/sign-out-everywhere",
        "it ends the session that the other calls are made by",
    ),
    ("/api/me", "it erases the customer who asks"),
    (
        "/api/auth/sign-in",
        "who asks makes no difference, and wrong passwords make everybody at this address wait",
    ),
    (
        "/api/auth/otp",
        "who asks makes no difference, and each call sends a message",
    ),
    (
        "/api/auth/otp/verify",
        "who asks makes no difference, and each call is a guess",
    ),
];

/// As many as there are cores on a small machine: one asks while the other is answered.
const AT_ONCE: usize = 2;

/// From the start of `ktgg` until its demo data is there.
const READY_WITHIN: Duration = Duration::from_mins(2);

const PYTHON: tools::Tool = tools::Tool {
    programs: &["python3"],
    purpose: "runs schemathesis; with its module venv",
    debian: "python3-venv",
    brew: "brew install python",
};

#[derive(clap::Args)]
pub(crate) struct Fuzz {
    /// Calls for each operation and role that are made up, besides those at the edges of what is described
    #[arg(long, value_name = "N", default_value_t = 10)]
    examples: u32,
    /// The same seed makes up the same calls
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u32,
    /// Only as these: nobody, customer, salesman, consultant, staff
    #[arg(long, value_name = "ROLE", value_parser = ROLES)]
    role: Vec<String>,
}

pub(crate) fn run(fuzz: &Fuzz, interrupt: &Interrupt) -> Result<ExitCode> {
    let places = places();
    check_tools(&places, true)?;
    if !PYTHON.is_there() {
        bail!(tools::message(&[PYTHON]).unwrap_or_default());
    }
    let progress = Progress::new(6, true);
    let (sandbox, (program, schemathesis)) = start_beside(
        "cargo xtask fuzz",
        "fuzz",
        &places,
        interrupt,
        &progress,
        || {
            let step = progress.step("schemathesis", "installing");
            let schemathesis = install(&places.data, interrupt)?;
            step.done(SCHEMATHESIS);
            let step = progress.step("KT.GG", "building");
            let program = build_ktgg(false, interrupt)?;
            step.done("built");
            Ok((program, schemathesis))
        },
    )?;
    let step = progress.step("KT.GG", "starting");
    let system = System::start(&program, &schemathesis, &sandbox, interrupt)?;
    step.done("ready, with demo data");
    let ran = all_roles(fuzz, &system, &schemathesis, sandbox.data(), interrupt);
    drop(system);
    let removed = sandbox.remove();
    let code = ran?;
    removed?;
    Ok(code)
}

/// Schemathesis in a folder of its own; fetched once.
fn install(data: &Path, interrupt: &Interrupt) -> Result<PathBuf> {
    let folder = data.join(format!("schemathesis-{SCHEMATHESIS}"));
    let program = folder.join("bin/schemathesis");
    // Written last: what was broken off is begun anew.
    let whole = folder.join("whole");
    if whole.is_file() {
        return Ok(program);
    }
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(data).with_context(|| format!("cannot make {}", data.display()))?;
    let mut venv = Command::new("python3");
    venv.args(["-m", "venv"]).arg(&folder).stdin(Stdio::null());
    if !status(&mut venv, "python3 -m venv", interrupt)?.success() {
        bail!("`python3 -m venv` failed. On Debian or Ubuntu: apt-get install python3-venv");
    }
    let mut pip = Command::new(folder.join("bin/python"));
    pip.args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
    ]);
    pip.arg(format!("schemathesis=={SCHEMATHESIS}"))
        .arg(format!("hypothesis=={HYPOTHESIS}"))
        .stdin(Stdio::null());
    if !status(&mut pip, "pip install", interrupt)?.success() {
        bail!(
            "pip could not install schemathesis {SCHEMATHESIS}; it wants Python 3.10 or later, and a way to where packages come from"
        );
    }
    fs::write(whole, "")?;
    Ok(program)
}

/// A running `ktgg`; dropping it stops it.
struct System {
    ktgg: Mutex<Running>,
    base: String,
    /// What [`SIGN_IN`] says.
    signed_in: Value,
}

impl System {
    fn start(
        program: &Path,
        schemathesis: &Path,
        sandbox: &Scratch,
        interrupt: &Interrupt,
    ) -> Result<Self> {
        let port = free_port()?;
        let mut command = Command::new(program);
        command
            .arg("serve")
            .arg("--data")
            .arg(sandbox.data())
            .args(["--supervised", "--no-limits"]);
        command.args([
            "--postgres",
            &sandbox.postgres_url(),
            "--kafka",
            &sandbox.kafka(),
            "--port",
            &port.to_string(),
        ]);
        let (mut ktgg, lines) = start(&mut command, sandbox.folder()?, interrupt)?;
        let people = people(&mut ktgg, &lines, interrupt)?;
        // What it says later is of no interest, but somebody has to read it.
        thread::spawn(move || while lines.recv().is_ok() {});
        let base = format!("http://127.0.0.1:{port}");
        let signed_in = sign_in(schemathesis, &base, port + INBOX_OFFSET, &people)?;
        Ok(Self {
            ktgg: Mutex::new(ktgg),
            base,
            signed_in,
        })
    }

    /// The cookie by which this role is signed in; nothing for nobody.
    fn cookie(&self, role: &str) -> Result<String> {
        if role == "nobody" {
            return Ok(String::new());
        }
        let session = self.signed_in["sessions"][role].as_str();
        Ok(format!(
            "ktgg={}",
            session.with_context(|| format!("the demo data has nobody who is {role}"))?
        ))
    }

    /// Why it ended, if it did.
    fn check(&self) -> Result<()> {
        let mut ktgg = self
            .ktgg
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        match ktgg.ended() {
            Some(status) => bail!("KT.GG ended by itself ({status}).\n{}", ktgg.log_tail()),
            None => Ok(()),
        }
    }
}

/// A port for the gateway around which all the others are free too.
fn free_port() -> Result<u16> {
    const ATTEMPTS: usize = 50;
    for _ in 0..ATTEMPTS {
        let [port] = free_ports()?;
        // The admin ports lie a thousand above.
        if port < u16::MAX - 1000
            && check_ports(
                &service_ports(port)
                    .iter()
                    .map(|it| (it.0, &*it.1))
                    .collect::<Vec<_>>(),
            )
            .is_ok()
        {
            return Ok(port);
        }
    }
    bail!("no free range of ports was found")
}

/// Signs in as one of each role, by what the demo says of how; gives what [`SIGN_IN`] says.
fn sign_in(
    schemathesis: &Path,
    base: &str,
    inbox: u16,
    people: &BTreeMap<String, Vec<String>>,
) -> Result<Value> {
    let python = schemathesis.with_file_name("python");
    let mut command = Command::new(python);
    command
        .args(["-c", SIGN_IN, base, &format!("http://127.0.0.1:{inbox}")])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let mut signing_in = command.spawn().context("cannot start python")?;
    if let Some(mut stdin) = signing_in.stdin.take() {
        stdin.write_all(json!(people).to_string().as_bytes())?;
    }
    let output = signing_in.wait_with_output()?;
    if !output.status.success() {
        bail!("nobody could be signed in ({})", output.status);
    }
    serde_json::from_slice(&output.stdout).context("signing in said something else")
}

/// Waits until it is ready; on the way there it says how to sign in as whom.
fn people(
    ktgg: &mut Running,
    lines: &Receiver<String>,
    interrupt: &Interrupt,
) -> Result<BTreeMap<String, Vec<String>>> {
    let (begun, mut people) = (Instant::now(), BTreeMap::new());
    loop {
        match lines.recv_timeout(Duration::from_millis(50)) {
            Ok(line) if line == "ready" => return Ok(people),
            Ok(line) => {
                if let Some((role, words)) = person(&line) {
                    people.entry(role).or_insert(words);
                }
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => thread::sleep(Duration::from_millis(50)),
        }
        interrupt.check()?;
        if let Some(status) = ktgg.ended() {
            bail!("KT.GG ended by itself ({status}).\n{}", ktgg.log_tail());
        }
        if begun.elapsed() > READY_WITHIN {
            bail!("KT.GG was not ready in time.\n{}", ktgg.log_tail());
        }
    }
}

/// Role, and login with password or number, of a line such as `김하늘  salesman  haneul  PASSWORD`.
fn person(line: &str) -> Option<(String, Vec<String>)> {
    let words: Vec<&str> = line.split_whitespace().collect();
    // What a line begins with is a name, or no person.
    let at = words
        .iter()
        .skip(1)
        .position(|word| *word != "nobody" && ROLES.contains(word))?
        + 1;
    let who: Vec<String> = words[at + 1..]
        .iter()
        .map(|word| (*word).to_owned())
        .collect();
    (1..=2)
        .contains(&who.len())
        .then(|| (words[at].to_owned(), who))
}

/// What came of one role.
struct Outcome {
    role: &'static str,
    calls: u64,
    /// All that schemathesis said, where it found something.
    found: Option<String>,
}

fn all_roles(
    fuzz: &Fuzz,
    system: &System,
    schemathesis: &Path,
    scratch: &Path,
    interrupt: &Interrupt,
) -> Result<ExitCode> {
    let folder = scratch.join("fuzz");
    fs::create_dir_all(&folder)?;
    fs::write(folder.join("hooks.py"), HOOKS)?;
    say(&format!(
        "{} calls made up for each operation and role, seed {}",
        fuzz.examples, fuzz.seed
    ));
    let wanted = |role: &&str| fuzz.role.is_empty() || fuzz.role.iter().any(|it| it == role);
    let waiting = Mutex::new(
        ROLES
            .into_iter()
            .filter(wanted)
            .collect::<Vec<_>>()
            .into_iter(),
    );
    let begun = Instant::now();
    let work = || -> Result<Vec<Outcome>> {
        let mut outcomes = Vec::new();
        loop {
            let next = waiting
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner)
                .next();
            let Some(role) = next else {
                return Ok(outcomes);
            };
            let outcome = ask_as(role, fuzz, system, schemathesis, &folder, interrupt)?;
            let verdict = if outcome.found.is_some() {
                "FOUND SOMETHING"
            } else {
                "fine"
            };
            say(&format!(
                "{role}: {} calls, {verdict} … {:.0} s",
                outcome.calls,
                begun.elapsed().as_secs_f64()
            ));
            outcomes.push(outcome);
        }
    };
    let outcomes = thread::scope(|asking| {
        let threads: Vec<_> = (0..AT_ONCE).map(|_| asking.spawn(work)).collect();
        let joined = threads.into_iter().map(|it| {
            it.join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        });
        joined.collect::<Result<Vec<_>>>()
    });
    system.check()?;
    let mut outcomes: Vec<Outcome> = outcomes?.into_iter().flatten().collect();
    outcomes.sort_by_key(|outcome| ROLES.iter().position(|role| *role == outcome.role));
    for outcome in &outcomes {
        if let Some(found) = &outcome.found {
            tell(&format!("\nAs {}:\n{found}", outcome.role));
        }
    }
    say(&closing(&outcomes));
    let fine = outcomes.iter().all(|outcome| outcome.found.is_none());
    Ok(if fine {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn ask_as(
    role: &'static str,
    fuzz: &Fuzz,
    system: &System,
    schemathesis: &Path,
    folder: &Path,
    interrupt: &Interrupt,
) -> Result<Outcome> {
    let tally = folder.join(format!("{role}.json"));
    let mut command = Command::new(schemathesis);
    command.args([
        "run",
        &format!("{}/api/openapi.json", system.base),
        "--checks",
        CHECKS,
    ]);
    let cookie = system.cookie(role)?;
    let besides = NOT_SIGNED_IN.iter().take_while(|_| !cookie.is_empty());
    for (path, _) in NEVER.iter().chain(besides) {
        command.args(["--exclude-path", path]);
    }
    command.args(["--header", "Ktgg-Csrf: 1"]);
    if !cookie.is_empty() {
        command.args(["--header", &format!("Cookie: {cookie}")]);
    }
    command.args([
        "--max-examples",
        &fuzz.examples.to_string(),
        "--seed",
        &fuzz.seed.to_string(),
    ]);
    // What it found is shown as it was found; making it smaller would take longer than finding it.
    command.args(["--no-shrink", "--continue-on-failure", "--warnings", "off"]);
    command
        .current_dir(folder)
        .env("PYTHONPATH", folder)
        .env("SCHEMATHESIS_HOOKS", "hooks")
        .env("NO_COLOR", "1");
    command
        .env("FUZZ_BASE", &system.base)
        .env("FUZZ_ROLE", role)
        .env("FUZZ_TALLY", &tally);
    command
        .env("FUZZ_COOKIE", &cookie)
        .env("FUZZ_STAFF", system.cookie("staff")?);
    command.env("FUZZ_KEEP", system.signed_in["keep"].to_string());
    let mut said = String::new();
    let status = lines(
        command.stdin(Stdio::null()),
        "schemathesis",
        interrupt,
        |line| {
            said.push_str(line);
            said.push('\n');
        },
    )?;
    let tally: Value = fs::read_to_string(tally)
        .ok()
        .and_then(|text| serde_json::from_str(&text).ok())
        .unwrap_or_default();
    let calls = tally["calls"].as_u64().unwrap_or_default();
    let fine = status.success() && calls > 0;
    Ok(Outcome {
        role,
        calls,
        found: (!fine).then(|| findings(&said).to_owned()),
    })
}

/// What schemathesis says from its first finding on, each with the line for curl that shows it again.
fn findings(said: &str) -> &str {
    ["= FAILURES =", "= ERRORS ="]
        .iter()
        .filter_map(|title| said.find(title))
        .min()
        .map_or(said, |at| &said[at..])
}

/// The last line: how much was asked, and what that showed.
fn closing(outcomes: &[Outcome]) -> String {
    let calls: Vec<String> = outcomes
        .iter()
        .map(|outcome| format!("{} {}", outcome.role, outcome.calls))
        .collect();
    let calls = calls.join(", ");
    let finders: Vec<&str> = outcomes
        .iter()
        .filter(|outcome| outcome.found.is_some())
        .map(|outcome| outcome.role)
        .collect();
    if finders.is_empty() {
        format!("calls: {calls}; no 500, and nothing outside of the description")
    } else {
        format!("calls: {calls}; found something as {}", finders.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_to_sign_in_is_read_from_the_greeting() {
        let read =
            |line: &str| person(line).map(|(role, words)| format!("{role}: {}", words.join(" ")));
        assert_eq!(
            read("  김하늘          salesman    haneul         pass-word").as_deref(),
            Some("salesman: haneul pass-word")
        );
        assert_eq!(
            read("  관리자          staff       staff          pass-word").as_deref(),
            Some("staff: staff pass-word")
        );
        assert_eq!(
            read("  고객 하나       customer    010-1234-5678").as_deref(),
            Some("customer: 010-1234-5678")
        );
        assert_eq!(
            read("  salesman        http://127.0.0.1:8086   admin 9086"),
            None
        );
        assert_eq!(read("  Kafka           127.0.0.1:8091"), None);
    }

    #[test]
    fn what_was_found_begins_with_the_first_finding() {
        assert_eq!(findings("a\n== FAILURES ==\nb"), "= FAILURES ==\nb");
        assert_eq!(findings("cannot start"), "cannot start");
    }

    #[test]
    fn the_last_line_tells_how_much_was_asked_and_what_that_showed() {
        let outcome = |role, found: Option<&str>| Outcome {
            role,
            calls: 7,
            found: found.map(str::to_owned),
        };
        assert_eq!(
            closing(&[outcome("nobody", None), outcome("staff", None)]),
            "calls: nobody 7, staff 7; no 500, and nothing outside of the description"
        );
        assert_eq!(
            closing(&[outcome("nobody", None), outcome("staff", Some("x"))]),
            "calls: nobody 7, staff 7; found something as staff"
        );
    }
}
