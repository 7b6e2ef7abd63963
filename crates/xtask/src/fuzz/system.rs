//! A running `ktgg` with one session per role.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use sandbox::{Interrupt, check_ports, free_ports};
use serde_json::{Value, json};

use crate::ktgg::{self, ADMIN_OFFSET, INBOX_OFFSET, Ktgg};
use crate::scratch::Scratch;

pub(super) const ROLES: [&str; 5] = ["anonymous", "customer", "salesman", "consultant", "staff"];

/// Signs in once per role.
const SIGN_IN: &str = include_str!("sign_in.py");

/// From the start of `ktgg` until its demo data is loaded.
const READY_TIMEOUT: Duration = Duration::from_mins(2);

/// Login and password by role, or the phone number of a customer.
type Credentials = BTreeMap<String, Vec<String>>;

/// Dropping it stops `ktgg`.
pub(super) struct System {
    ktgg: Mutex<Ktgg>,
    pub(super) base_url: String,
    /// The output of [`SIGN_IN`].
    signed_in: Value,
}

impl System {
    pub(super) fn start(
        program: &Path,
        python_programs: &Path,
        scratch: &Scratch,
        interrupt: &Interrupt,
    ) -> Result<Self> {
        let port = free_gateway_port()?;
        let (postgres, kafka) = (scratch.postgres_url()?, scratch.kafka_address()?);
        let mut command = ktgg::serve(program, scratch.data(), &postgres, &kafka, port);
        command.arg("--no-limits");
        let mut ktgg = Ktgg::start(&mut command, scratch.folder()?, interrupt)?;
        let credentials = wait_until_ready(&mut ktgg, interrupt)?;
        let base_url = format!("http://127.0.0.1:{port}");
        let inbox_url = format!("http://127.0.0.1:{}", port + INBOX_OFFSET);
        let python = python_programs.join("python");
        let signed_in = sign_in(&python, &base_url, &inbox_url, &credentials)?;
        Ok(Self {
            ktgg: Mutex::new(ktgg),
            base_url,
            signed_in,
        })
    }

    /// The session cookie of a role; empty for `anonymous`.
    pub(super) fn cookie(&self, role: &str) -> Result<String> {
        if role == "anonymous" {
            return Ok(String::new());
        }
        let session = self.signed_in["sessions"][role].as_str();
        let session = session.with_context(|| format!("the demo data has no {role}"))?;
        Ok(format!("ktgg={session}"))
    }

    /// Accounts and people that must not be closed, as a JSON array of ids.
    pub(super) fn ids_to_keep(&self) -> String {
        self.signed_in["keep"].to_string()
    }

    /// Fails if `ktgg` has exited.
    pub(super) fn check(&self) -> Result<()> {
        let mut ktgg = self.ktgg.lock().unwrap_or_else(PoisonError::into_inner);
        match ktgg.process().unexpected_exit() {
            Some(report) => bail!(report),
            None => Ok(()),
        }
    }
}

/// A port of the gateway for which all other ports of `ktgg` are free, too.
fn free_gateway_port() -> Result<u16> {
    const MAX_ATTEMPTS: usize = 50;
    for _ in 0..MAX_ATTEMPTS {
        let [port] = free_ports()?;
        if port < u16::MAX - ADMIN_OFFSET {
            let ports = ktgg::ports(port);
            let ports: Vec<(u16, &str)> =
                ports.iter().map(|(port, name)| (*port, &**name)).collect();
            if check_ports(&ports).is_ok() {
                return Ok(port);
            }
        }
    }
    bail!("no free range of ports was found")
}

/// Signs in as one of each role and returns the output of [`SIGN_IN`].
fn sign_in(
    python: &Path,
    base_url: &str,
    inbox_url: &str,
    credentials: &Credentials,
) -> Result<Value> {
    let mut command = Command::new(python);
    command
        .args(["-c", SIGN_IN, base_url, inbox_url])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let mut child = command.spawn().context("cannot start python")?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(json!(credentials).to_string().as_bytes())?;
    }
    let output = child.wait_with_output()?;
    if !output.status.success() {
        bail!("signing in failed ({})", output.status);
    }
    serde_json::from_slice(&output.stdout).context("the output of sign_in.py is not JSON")
}

/// Waits until `ktgg` prints `ready`, and reads the credentials that it prints before that.
fn wait_until_ready(ktgg: &mut Ktgg, interrupt: &Interrupt) -> Result<Credentials> {
    let start = Instant::now();
    let mut credentials = Credentials::new();
    loop {
        if let Some(line) = ktgg.next_line() {
            if line == "ready" {
                return Ok(credentials);
            }
            if let Some((role, words)) = parse_credentials(&line) {
                credentials.entry(role).or_insert(words);
            }
        }
        interrupt.check()?;
        if let Some(report) = ktgg.process().unexpected_exit() {
            bail!(report);
        }
        if start.elapsed() > READY_TIMEOUT {
            let log = ktgg.process().log_tail();
            let seconds = READY_TIMEOUT.as_secs();
            bail!("KT.GG was not ready within {seconds} s.\n{log}");
        }
    }
}

/// Reads a line such as `김하늘  salesman  haneul  PASSWORD`: the role, and login and password or
/// a phone number.
fn parse_credentials(line: &str) -> Option<(String, Vec<String>)> {
    let words: Vec<&str> = line.split_whitespace().collect();
    // The line begins with a name; a line that begins with a role is about a service.
    let is_role = |word: &&str| *word != "anonymous" && ROLES.contains(word);
    let role = words.iter().skip(1).position(is_role)? + 1;
    let credentials: Vec<String> = words[role + 1..]
        .iter()
        .map(|word| (*word).to_owned())
        .collect();
    matches!(credentials.len(), 1 | 2).then(|| (words[role].to_owned(), credentials))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_read_from_the_output_of_ktgg() {
        let parsed = |line: &str| {
            parse_credentials(line).map(|(role, words)| format!("{role}: {}", words.join(" ")))
        };
        assert_eq!(
            parsed("  김하늘          salesman    haneul         pass-word").as_deref(),
            Some("salesman: haneul pass-word")
        );
        assert_eq!(
            parsed("  관리자          staff       staff          pass-word").as_deref(),
            Some("staff: staff pass-word")
        );
        assert_eq!(
            parsed("  고객 하나       customer    010-1234-5678").as_deref(),
            Some("customer: 010-1234-5678")
        );
        assert_eq!(
            parsed("  salesman        http://127.0.0.1:8086   admin 9086"),
            None
        );
        assert_eq!(parsed("  Kafka           127.0.0.1:8091"), None);
    }
}
