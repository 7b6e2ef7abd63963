//! `ktgg serve` and `ktgg inbox`.

use std::io::Read as _;
use std::net::IpAddr;
use std::path::PathBuf;
use std::process;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use hyper::Uri;
use ktgg::demo::{self, Person};
use ktgg::host::{self, Installation};
use ktgg::keys::Keys;
use ktgg::{inbox, services};
use service_kit::auth::Role;
use service_kit::clock::SystemClock;
use service_kit::config::{ADMIN_OFFSET, Env};
use service_kit::{Service, telemetry};
use tokio_util::sync::CancellationToken;

use crate::cli;
use crate::console::print;

/// Runs everything until SIGTERM; loads the demo once all parts are ready.
pub(crate) async fn serve(
    installation: &Installation,
    with_demo: bool,
    supervised: bool,
) -> Result<()> {
    start_logging()?;
    let stop = service_kit::process::on_signal()?;
    if supervised {
        stop_when_stdin_ends(stop.clone());
    }
    anyhow::ensure!(
        !with_demo || is_on_loopback(&installation.postgres),
        "the demo's password is public, so the demo is only loaded into a Postgres on this \
         machine: add --no-demo"
    );
    let keys = Keys::of(&installation.data)?;
    let inbox = inbox::listen(host::inbox_port(installation.port)).await?;
    let hosted = host::bind(installation, &keys, services().into()).await?;
    let ready = hosted.ready();
    let greeting = async {
        ready.await;
        let people = if with_demo {
            demo::load(installation, &keys)
                .await
                .context("cannot load the demo data")?;
            demo::people()
        } else {
            Vec::new()
        };
        greet(installation, &people);
        anyhow::Ok(())
    };
    // The end of one part, for whatever reason, stops the other.
    let hosted = async {
        let ended = hosted.run(stop.clone()).await;
        stop.cancel();
        ended
    };
    let inbox = async {
        let ended = inbox::serve(
            inbox,
            keys.sender.clone(),
            Arc::new(SystemClock),
            stop.clone(),
        )
        .await;
        stop.cancel();
        ended
    };
    let running = async {
        let (hosted, inbox) = tokio::join!(hosted, inbox);
        hosted.and(inbox)
    };
    tokio::pin!(running);
    tokio::select! {
        ended = &mut running => return ended,
        greeted = greeting => greeted?,
    }
    running.await
}

/// Runs the inbox alone until SIGTERM.
pub(crate) async fn serve_inbox(data: Option<PathBuf>, port: u16) -> Result<()> {
    start_logging()?;
    let stop = service_kit::process::on_signal()?;
    let keys = Keys::existing(&cli::data_folder(data))?;
    let listener = inbox::listen(port).await?;
    print(&format!("  inbox           http://localhost:{port}"));
    inbox::serve(listener, keys.sender, Arc::new(SystemClock), stop).await
}

fn start_logging() -> Result<()> {
    let mut env = Env::process();
    let telemetry = telemetry::Settings::read(&mut env);
    match env.invalid() {
        Some(invalid) => Err(invalid.into()),
        None => telemetry.start(),
    }
}

/// Whether the URL's host is loopback. A host given as a query parameter does not count.
fn is_on_loopback(postgres: &str) -> bool {
    let Ok(url) = postgres.parse::<Uri>() else {
        return false;
    };
    let host = url.host().unwrap_or_default().trim_matches(['[', ']']);
    let is_loopback = host == "localhost"
        || host
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback());
    is_loopback && !url.query().unwrap_or_default().contains("host")
}

/// A killed supervisor closes the pipe: this process must not outlive it.
fn stop_when_stdin_ends(stop: CancellationToken) {
    // A thread: reading standard input blocks, and cannot be interrupted.
    std::thread::spawn(move || {
        let mut buffer = [0; 64];
        while matches!(std::io::stdin().read(&mut buffer), Ok(count) if count > 0) {}
        stop.cancel();
        std::thread::sleep(service_kit::process::HARD_DEADLINE);
        process::exit(0);
    });
}

/// The pages, and where each role begins.
const PAGES: [(&str, &str); 4] = [
    ("pages", "/"),
    ("customers", "/customer"),
    ("staff", "/staff"),
    ("salesmen", "/salesman"),
];

/// Prints every address and the demo sign-ins; the last line is `ready`.
fn greet(installation: &Installation, people: &[Person]) {
    let port = installation.port;
    let postgres = without_password(&installation.postgres);
    let data = installation.data.display();
    let inbox = host::inbox_port(port);
    if installation.pages.is_some() {
        print("");
        for (name, path) in PAGES {
            print(&format!("  {name:<15} http://localhost:{port}{path}"));
        }
    }
    print(&format!(
        "
  gateway         http://localhost:{port}/api
  description     http://localhost:{port}/docs
  inbox           http://localhost:{inbox}   receives one-time codes"
    ));
    for name in services().iter().map(Service::name) {
        if let Some(port) = host::port_of(port, name) {
            let admin = port + ADMIN_OFFSET;
            print(&format!(
                "  {name:<15} http://127.0.0.1:{port}   admin {admin}"
            ));
        }
    }
    let kafka = &installation.kafka.brokers;
    print(&format!(
        "  Postgres        {postgres}
  Kafka           {kafka}
  data and logs   {data}
"
    ));
    if people.is_empty() {
        print(&format!(
            "  only customers can sign in yet; create the first member of staff with
  cargo run -q -p ktgg -- accounts add LOGIN --name NAME --postgres {postgres} \
             --data {data} --port {port}"
        ));
    } else {
        print("  sign in with    login and password; customers with number and code");
        for person in people {
            print(&sign_in_line(person));
        }
        let (login, password) = (demo::STAFF.0, demo::PASSWORD);
        print(&format!(
            "
  curl -c jar -b jar -H 'Ktgg-Csrf: 1' -H 'Content-Type: application/json' \\
    -d '{{\"login\":\"{login}\",\"password\":\"{password}\"}}' \
             http://localhost:{port}/api/auth/sign-in"
        ));
    }
    print("\nready");
}

/// Name, role, login and password; a customer's number instead of the last two.
fn sign_in_line(Person { name, role, login }: &Person) -> String {
    let password = if *role == Role::Customer {
        ""
    } else {
        demo::PASSWORD
    };
    let line = format!(
        "  {} {:<11} {login:<13}  {password}",
        pad(name, 15),
        role.as_str()
    );
    line.trim_end().to_owned()
}

/// The URL without its password.
fn without_password(url: &str) -> String {
    let parts = url
        .split_once("://")
        .and_then(|(scheme, rest)| Some((scheme, rest.rsplit_once('@')?)));
    match parts {
        Some((scheme, (credentials, host))) => {
            let user = credentials.split(':').next().unwrap_or_default();
            format!("{scheme}://{user}@{host}")
        }
        None => url.to_owned(),
    }
}

/// Hangul takes two columns of a terminal.
fn pad(name: &str, width: usize) -> String {
    let columns: usize = name
        .chars()
        .map(|letter| if letter.is_ascii() { 1 } else { 2 })
        .sum();
    format!("{name}{}", " ".repeat(width.saturating_sub(columns)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_demo_is_loaded_on_loopback_only() {
        for local in [
            "postgres://postgres@127.0.0.1:7700/postgres",
            "postgres://me:secret@localhost/x",
            "postgres://postgres@[::1]:5432/x",
        ] {
            assert!(is_on_loopback(local), "{local}");
        }
        for remote in [
            "postgres://postgres@db:5432/ktgg",
            "postgres://10.0.0.7/x",
            "postgres://localhost/x?host=10.0.0.7",
            "postgres:///x",
            "x",
        ] {
            assert!(!is_on_loopback(remote), "{remote}");
        }
    }
}
