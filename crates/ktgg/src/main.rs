//! All of KT.GG in one process. `cargo xtask up` starts it over a Postgres and a Kafka of its own.

use std::io::Read as _;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use clap::{Parser, Subcommand};
use events::Topic;
use gateway::api::accounts::invite_staff;
use gateway::config::Limits;
use hyper::Uri;
use ktgg::client::Client;
use ktgg::demo::{self, Person};
use ktgg::host::{self, Place};
use ktgg::import::{self, Commit};
use ktgg::keys::Keys;
use ktgg::topic::{self, Record};
use ktgg::{bench, inbox, services};
use service_kit::auth::Role;
use service_kit::clock::SystemClock;
use service_kit::config::{DatabaseUrl, Env};
use service_kit::messaging::kafka;
use service_kit::{Db, db, telemetry};
use tokio_util::sync::CancellationToken;

#[derive(Parser)]
#[command(
    name = "ktgg",
    about = "All of KT.GG in one process",
    arg_required_else_help = true
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the five services and the gateway until told to stop
    Serve {
        #[command(flatten)]
        at: At,
        /// The gateway's port; the services' lie below it
        #[arg(long, default_value_t = host::DEFAULT_PORT)]
        port: u16,
        /// Load no demo data
        #[arg(long)]
        no_demo: bool,
        /// Let nobody come up against a limit: for measurements and tests
        #[arg(long)]
        no_limits: bool,
        /// Stop when standard input ends
        #[arg(long)]
        supervised: bool,
    },
    /// Make roles, schemas and topics where they are missing, and print the variables that each service alone wants
    Provision {
        #[command(flatten)]
        at: At,
        /// The gateway's port; the services' lie below it
        #[arg(long, default_value_t = host::DEFAULT_PORT)]
        port: u16,
    },
    /// Run the inbox, where codes arrive, beside services that run alone, until told to stop
    Inbox {
        /// Where the keys are kept; the data folder of `cargo xtask up` unless given
        #[arg(long)]
        data: Option<PathBuf>,
        /// The gateway's port; the inbox's is the next
        #[arg(long, default_value_t = host::DEFAULT_PORT)]
        port: u16,
    },
    /// Those who sign in by login and password
    Accounts {
        #[command(subcommand)]
        what: Accounts,
    },
    /// Plan the import of a file of programmes, and carry it out with --commit
    Import {
        /// CSV of the public data portal, or an answer of 기업마당 or K-Startup in JSON
        file: PathBuf,
        /// Of a member of staff, whose password is in `KTGG_PASSWORD`; without either, the demo's
        #[arg(long, default_value = demo::STAFF.0)]
        login: String,
        /// The gateway's port
        #[arg(long, default_value_t = host::DEFAULT_PORT)]
        port: u16,
        /// Carry the plan out
        #[arg(long)]
        commit: bool,
        /// Carry out as well what is taken for the announcement of an expected edition
        #[arg(long, requires = "commit")]
        confirm: bool,
    },
    /// Print the events that are on a domain topic: type, aggregate, version, and what each tells
    Topic {
        /// project, interest, consultation, salesman-match or salesman
        name: String,
        /// HOST:PORT
        #[arg(long, default_value = "127.0.0.1:8091")]
        kafka: String,
    },
    /// Print the description of all routes as JSON
    Openapi,
    /// Print every file of the contract as one JSON object: its path, and its text
    Contract {
        /// The checkout
        root: PathBuf,
    },
    /// Print measured figures
    Bench {
        #[command(subcommand)]
        what: Bench,
    },
}

#[derive(Subcommand)]
enum Accounts {
    /// Make a member of staff, and print the link by which the password is set, once; another link for one there is
    ///
    /// The database is the one of `GATEWAY_DATABASE_URL`, the link leads to `PUBLIC_ORIGIN`, as for the gateway itself; with --postgres both
    /// are those of `cargo xtask up`.
    Add {
        /// What he will type
        login: String,
        /// What he is called
        #[arg(long)]
        name: String,
        /// The URL of a role that may create roles and schemas, as `cargo xtask up` prints it
        #[arg(long)]
        postgres: Option<String>,
        /// Where the keys are kept; the data folder of `cargo xtask up` unless given
        #[arg(long, requires = "postgres")]
        data: Option<PathBuf>,
        /// The gateway's port
        #[arg(long, default_value_t = host::DEFAULT_PORT)]
        port: u16,
    },
}

#[derive(Subcommand)]
enum Bench {
    /// How long it takes from a request until the browser concerned is told of it
    Live {
        #[command(flatten)]
        at: At,
        /// How many requests
        #[arg(long, default_value_t = 1000)]
        requests: u32,
        /// How many of them a second
        #[arg(long, default_value_t = 50)]
        rate: u32,
    },
}

/// What it stands on.
#[derive(clap::Args)]
struct At {
    /// Where the keys are kept; the data folder of `cargo xtask up` unless given
    #[arg(long)]
    data: Option<PathBuf>,
    /// The URL of a role that may create roles and schemas
    #[arg(long)]
    postgres: String,
    /// HOST:PORT
    #[arg(long)]
    kafka: String,
}

impl At {
    fn place(&self, port: u16, limits: Limits) -> Place {
        let kafka = kafka::Settings {
            brokers: self.kafka.clone(),
            topic_prefix: kafka::DEFAULT_PREFIX.to_owned(),
        };
        Place {
            data: data_folder(self.data.clone()),
            postgres: self.postgres.clone(),
            kafka,
            port,
            limits,
        }
    }
}

/// The folder, or the one that `cargo xtask up` uses in this checkout.
fn data_folder(given: Option<PathBuf>) -> PathBuf {
    given.unwrap_or_else(|| sandbox::Places::of_this_checkout().data)
}

#[tokio::main]
#[expect(
    clippy::print_stderr,
    reason = "this is where a person reads why it failed"
)]
async fn main() {
    let result = run(Arguments::parse().command).await;
    // Not by returning: a Kafka client whose broker is away must not keep the process alive.
    process::exit(match result {
        Ok(()) => 0,
        Err(error) => {
            eprintln!("{error:#}");
            1
        }
    });
}

async fn run(command: Command) -> Result<()> {
    match command {
        Command::Serve {
            at,
            port,
            no_demo,
            no_limits,
            supervised,
        } => {
            let limits = if no_limits {
                Limits::GENEROUS
            } else {
                host::SANDBOX_LIMITS
            };
            serve(&at.place(port, limits), !no_demo, supervised).await
        }
        Command::Provision { at, port } => provision(&at.place(port, host::SANDBOX_LIMITS)).await,
        Command::Inbox { data, port } => serve_inbox(data, host::inbox_port(port)).await,
        Command::Accounts {
            what:
                Accounts::Add {
                    login,
                    name,
                    postgres,
                    data,
                    port,
                },
        } => {
            let place = postgres.map(|postgres| (postgres, data_folder(data)));
            add_account(&login, &name, place, port).await
        }
        Command::Import {
            file,
            login,
            port,
            commit,
            confirm,
        } => {
            let client = Client::new(format!("http://127.0.0.1:{port}"));
            let password = Env::process().or("KTGG_PASSWORD", demo::PASSWORD.to_owned());
            let session = client
                .sign_in(&login, &password)
                .await
                .with_context(|| format!("cannot sign in as {login}"))?;
            import::run(&client, &session, &file, Commit { commit, confirm }, say).await
        }
        Command::Topic { name, kafka } => print_topic(&name, kafka).await,
        Command::Openapi => {
            say(&format!("{:#}", ktgg::openapi()));
            Ok(())
        }
        Command::Contract { root } => {
            say(&serde_json::to_string(&ktgg::contract::files(&root)?)?);
            Ok(())
        }
        Command::Bench {
            what: Bench::Live { at, requests, rate },
        } => {
            telemetry::Settings::read(&mut Env::of([("LOG", "warn,librdkafka=off,rdkafka=off")]))
                .start()?;
            bench::live(
                &at.place(host::free_port()?, Limits::GENEROUS),
                requests,
                rate,
                say,
            )
            .await
        }
    }
}

async fn serve(place: &Place, with_demo: bool, supervised: bool) -> Result<()> {
    let mut env = Env::process();
    let telemetry = telemetry::Settings::read(&mut env);
    if let Some(wrong) = env.wrong() {
        return Err(wrong.into());
    }
    telemetry.start()?;
    let stop = service_kit::process::on_signal()?;
    if supervised {
        stop_when_stdin_ends(stop.clone());
    }
    anyhow::ensure!(
        !with_demo || is_on_this_machine(&place.postgres),
        "the demo's people have a password that anybody can read, so it is loaded into a Postgres of this machine only: add --no-demo"
    );
    let keys = Keys::of(&place.data)?;
    let inbox = inbox::listen(host::inbox_port(place.port)).await?;
    let hosted = host::bind(place, &keys, services().into()).await?;
    let ready = hosted.ready();
    let greeting = async {
        ready.await;
        if with_demo {
            demo::load(place, &keys)
                .await
                .context("cannot load the demo data")?;
        }
        greet(
            place,
            &if with_demo {
                demo::people()
            } else {
                Vec::new()
            },
        );
        anyhow::Ok(())
    };
    let running = async {
        // Whichever ends, for whatever reason, ends the other.
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

async fn serve_inbox(data: Option<PathBuf>, port: u16) -> Result<()> {
    let mut env = Env::process();
    let telemetry = telemetry::Settings::read(&mut env);
    if let Some(wrong) = env.wrong() {
        return Err(wrong.into());
    }
    telemetry.start()?;
    let stop = service_kit::process::on_signal()?;
    let keys = sandbox_keys(&data_folder(data))?;
    let listener = inbox::listen(port).await?;
    say(&format!("  inbox           http://localhost:{port}"));
    inbox::serve(listener, keys.sender, Arc::new(SystemClock), stop).await
}

/// Whether the server of this URL can be reached from here only. One that is named otherwise than in the URL's own place counts as elsewhere.
fn is_on_this_machine(postgres: &str) -> bool {
    let Ok(url) = postgres.parse::<Uri>() else {
        return false;
    };
    let host = url
        .host()
        .unwrap_or_default()
        .trim_start_matches('[')
        .trim_end_matches(']');
    let is_loopback = host == "localhost"
        || host
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback());
    is_loopback && !url.query().unwrap_or_default().contains("host")
}

/// A supervisor that was killed closes the pipe: this process must not outlive it.
fn stop_when_stdin_ends(stop: CancellationToken) {
    // A thread: reading standard input blocks, and nothing can interrupt it.
    std::thread::spawn(move || {
        let mut sink = [0; 64];
        while matches!(std::io::stdin().read(&mut sink), Ok(count) if count > 0) {}
        stop.cancel();
        std::thread::sleep(service_kit::process::HARD_DEADLINE);
        process::exit(0);
    });
}

/// Where everything is, and who can be tried; the last line is `ready`.
fn greet(place: &Place, people: &[Person]) {
    let port = place.port;
    say("");
    say(&format!("  gateway         http://localhost:{port}/api"));
    say(&format!("  description     http://localhost:{port}/docs"));
    say(&format!(
        "  inbox           http://localhost:{}   where codes arrive",
        host::inbox_port(port)
    ));
    for name in services().iter().map(service_kit::Service::name) {
        if let Some(port) = host::port_of(port, name) {
            say(&format!(
                "  {name:<15} http://127.0.0.1:{port}   admin {}",
                port + service_kit::config::ADMIN_OFFSET
            ));
        }
    }
    say(&format!(
        "  Postgres        {}",
        without_password(&place.postgres)
    ));
    say(&format!("  Kafka           {}", place.kafka.brokers));
    say(&format!("  data and logs   {}", place.data.display()));
    say("");
    if people.is_empty() {
        say("  nobody can sign in yet but customers; the first member of staff:");
        say(&format!(
            "  cargo run -q -p ktgg -- accounts add LOGIN --name NAME --postgres {} --data {} --port {port}",
            without_password(&place.postgres),
            place.data.display()
        ));
    } else {
        say("  sign in as      with login and password, customers with number and code");
        for person in people {
            say(&sign_in(person));
        }
        let (login, password) = (demo::STAFF.0, demo::PASSWORD);
        say("");
        say("  curl -c jar -b jar -H 'Ktgg-Csrf: 1' -H 'Content-Type: application/json' \\");
        say(&format!(
            "    -d '{{\"login\":\"{login}\",\"password\":\"{password}\"}}' http://localhost:{port}/api/auth/sign-in"
        ));
    }
    say("");
    say("ready");
}

/// Name, role, login and password; a customer's number instead of the last two.
fn sign_in(person: &Person) -> String {
    let Person { name, role, who } = person;
    let password = if *role == Role::Customer {
        String::new()
    } else {
        format!("  {}", demo::PASSWORD)
    };
    format!(
        "  {} {:<11} {who:<13}{password}",
        pad(name, 15),
        role.as_str()
    )
    .trim_end()
    .to_owned()
}

/// A URL as it may be shown.
fn without_password(url: &str) -> String {
    match url
        .split_once("://")
        .and_then(|(scheme, rest)| Some((scheme, rest.rsplit_once('@')?)))
    {
        Some((scheme, (who, place))) => format!(
            "{scheme}://{}@{place}",
            who.split(':').next().unwrap_or_default()
        ),
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

async fn provision(place: &Place) -> Result<()> {
    let keys = Keys::of(&place.data)?;
    for (name, value) in host::provision(place, &keys, &services()).await? {
        say(&format!("export {name}='{value}'"));
    }
    Ok(())
}

async fn print_topic(name: &str, brokers: String) -> Result<()> {
    let topic = Topic::of_aggregate(name)
        .context("a topic is project, interest, consultation, salesman-match or salesman")?;
    let settings = kafka::Settings {
        brokers,
        topic_prefix: kafka::DEFAULT_PREFIX.to_owned(),
    };
    for Record { envelope, payload } in topic::read(&settings, topic).await? {
        say(&format!(
            "{} {}@{} {payload}",
            envelope.type_name, envelope.aggregate_id, envelope.version
        ));
    }
    Ok(())
}

/// The keys of a data folder that was set up before.
fn sandbox_keys(data: &Path) -> Result<Keys> {
    anyhow::ensure!(
        data.join("keys").is_dir(),
        "{} holds no keys: start `cargo xtask up` first, or name its folder with --data",
        data.display()
    );
    Keys::of(data)
}

/// `place` is the Postgres and the data folder of a sandbox; without one, the environment says where the database is.
async fn add_account(
    login: &str,
    name: &str,
    place: Option<(String, PathBuf)>,
    port: u16,
) -> Result<()> {
    let mut env = Env::process();
    let (url, origin) = match place {
        Some((postgres, data)) => {
            let password = sandbox_keys(&data)?.database_password;
            (
                Some(db::service_url(&postgres, gateway::NAME, &password)?),
                host::origin(port),
            )
        }
        None => (
            env.secret::<DatabaseUrl>("GATEWAY_DATABASE_URL"),
            env.or("PUBLIC_ORIGIN", host::origin(port)),
        ),
    };
    let wrong = env.wrong();
    let Some(url) = url.filter(|_| wrong.is_none()) else {
        let wrong = wrong.map(|wrong| wrong.to_string()).unwrap_or_default();
        anyhow::bail!("{wrong}\nor name the sandbox's database with --postgres URL");
    };
    let db = Db::new(gateway::NAME, &url, Arc::new(SystemClock))?;
    let invited = invite_staff(&db, &origin, login, name).await?;
    say(&invited.link);
    Ok(())
}

/// For people and pipes; a reader who has left is no failure.
fn say(line: &str) {
    use std::io::Write as _;
    let mut out = std::io::stdout().lock();
    drop(writeln!(out, "{line}").and_then(|()| out.flush()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_demo_is_for_a_postgres_of_this_machine() {
        for here in [
            "postgres://postgres@127.0.0.1:7700/postgres",
            "postgres://me:secret@localhost/x",
            "postgres://postgres@[::1]:5432/x",
        ] {
            assert!(is_on_this_machine(here), "{here}");
        }
        for elsewhere in [
            "postgres://postgres@db:5432/ktgg",
            "postgres://10.0.0.7/x",
            "postgres://localhost/x?host=10.0.0.7",
            "postgres:///x",
            "x",
        ] {
            assert!(!is_on_this_machine(elsewhere), "{elsewhere}");
        }
    }
}
