//! All of KT.GG in one process. `cargo xtask up` starts it over a Postgres and a Kafka of its own.

use std::io::Read as _;
use std::path::PathBuf;
use std::process;

use anyhow::{Context as _, Result};
use clap::{Parser, Subcommand};
use events::{SalesmanId, Topic};
use ktgg::client::Client;
use ktgg::demo::{self, Person};
use ktgg::host::{self, Place};
use ktgg::import::{self, Commit};
use ktgg::keys::{self, Keys};
use ktgg::topic::{self, Record};
use ktgg::{bench, services};
use service_kit::auth::Role;
use service_kit::config::Env;
use service_kit::{kafka, shutdown, telemetry};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

#[derive(Parser)]
#[command(name = "ktgg", about = "All of KT.GG in one process", arg_required_else_help = true)]
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
    /// Mint a bearer that a sandbox gateway accepts for ten minutes
    Token {
        /// customer, staff, salesman or consultant
        role: Role,
        /// A customer's phone number, or a salesman's or consultant's id
        who: Option<String>,
        /// The data folder of `cargo xtask up`
        #[arg(long)]
        data: Option<PathBuf>,
    },
    /// Plan the import of a file of programmes, and carry it out with --commit
    Import {
        /// CSV of the public data portal, or an answer of 기업마당 or K-Startup in JSON
        file: PathBuf,
        /// The data folder of `cargo xtask up`
        #[arg(long)]
        data: Option<PathBuf>,
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
    fn place(&self, port: u16) -> Place {
        let kafka = kafka::Settings { brokers: self.kafka.clone(), topic_prefix: kafka::DEFAULT_PREFIX.to_owned() };
        Place { data: data_folder(self.data.clone()), postgres: self.postgres.clone(), kafka, port }
    }
}

/// The folder, or the one that `cargo xtask up` uses in this checkout.
fn data_folder(given: Option<PathBuf>) -> PathBuf {
    given.unwrap_or_else(|| sandbox::Places::of_this_checkout().data)
}

#[tokio::main]
#[expect(clippy::print_stderr, reason = "this is where a person reads why it failed")]
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
        Command::Serve { at, port, no_demo, supervised } => serve(&at.place(port), !no_demo, supervised).await,
        Command::Provision { at, port } => provision(&at.place(port)).await,
        Command::Token { role, who, data } => token(role, who, data),
        Command::Import { file, data, port, commit, confirm } => {
            let client = Client::new(format!("http://127.0.0.1:{port}"));
            let how = Commit { commit, confirm };
            import::run(&client, &sandbox_keys(data)?, &file, how, say).await
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
        Command::Bench { what: Bench::Live { at, requests, rate } } => {
            telemetry::Settings::read(&mut Env::of([("LOG", "warn,librdkafka=off,rdkafka=off")])).start()?;
            bench::live(&at.place(host::free_port()?), requests, rate, say).await
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
    let stop = shutdown::on_signal()?;
    if supervised {
        stop_when_stdin_ends(stop.clone());
    }
    let keys = Keys::of(&place.data)?;
    let hosted = host::bind(place, &keys, services().into()).await?;
    let ready = hosted.ready();
    let greeting = async {
        ready.await;
        let client = Client::new(format!("http://127.0.0.1:{}", place.port));
        let people = if with_demo {
            demo::load(&client, &keys, &place.data).await.context("cannot load the demo data")?
        } else {
            Vec::new()
        };
        greet(place, &people);
        anyhow::Ok(())
    };
    let running = hosted.run(stop.clone());
    tokio::pin!(running);
    tokio::select! {
        ended = &mut running => return ended,
        greeted = greeting => greeted?,
    }
    running.await
}

/// A supervisor that was killed closes the pipe: this process must not outlive it.
fn stop_when_stdin_ends(stop: CancellationToken) {
    // A thread: reading standard input blocks, and nothing can interrupt it.
    std::thread::spawn(move || {
        let mut sink = [0; 64];
        while matches!(std::io::stdin().read(&mut sink), Ok(count) if count > 0) {}
        stop.cancel();
        std::thread::sleep(shutdown::HARD_DEADLINE);
        process::exit(0);
    });
}

/// Where everything is, and who can be tried; the last line is `ready`.
fn greet(place: &Place, people: &[Person]) {
    let port = place.port;
    say("");
    say(&format!("  gateway         http://127.0.0.1:{port}/api"));
    say(&format!("  description     http://127.0.0.1:{port}/docs"));
    for name in services().iter().map(service_kit::Service::name) {
        if let Some(port) = host::port_of(port, name) {
            say(&format!("  {name:<15} http://127.0.0.1:{port}   admin {}", port + service_kit::config::ADMIN_OFFSET));
        }
    }
    say(&format!("  Postgres        {}", without_password(&place.postgres)));
    say(&format!("  Kafka           {}", place.kafka.brokers));
    say(&format!("  data and logs   {}", place.data.display()));
    if !people.is_empty() {
        say("");
        say("  try it as       a bearer for ten minutes");
        for person in people {
            let name = pad(&person.name, 15);
            say(&format!("  {name} cargo run -q -p ktgg -- token {} --data {}", person.token, place.data.display()));
        }
    }
    say("");
    say("ready");
}

/// A URL as it may be shown.
fn without_password(url: &str) -> String {
    match url.split_once("://").and_then(|(scheme, rest)| Some((scheme, rest.rsplit_once('@')?))) {
        Some((scheme, (who, place))) => format!("{scheme}://{}@{place}", who.split(':').next().unwrap_or_default()),
        None => url.to_owned(),
    }
}

/// Hangul takes two columns of a terminal.
fn pad(name: &str, width: usize) -> String {
    let columns: usize = name.chars().map(|letter| if letter.is_ascii() { 1 } else { 2 }).sum();
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
    let topic = Topic::of_aggregate(name).context("a topic is project, interest, consultation, salesman-match or salesman")?;
    let settings = kafka::Settings { brokers, topic_prefix: kafka::DEFAULT_PREFIX.to_owned() };
    for Record { envelope, payload } in topic::read(&settings, topic).await? {
        say(&format!("{} {}@{} {payload}", envelope.type_name, envelope.aggregate_id, envelope.version));
    }
    Ok(())
}

/// The keys of a data folder that was set up before.
fn sandbox_keys(data: Option<PathBuf>) -> Result<Keys> {
    let data = data_folder(data);
    anyhow::ensure!(
        data.join("keys").is_dir(),
        "{} holds no keys: start `cargo xtask up` first, or name its folder with --data",
        data.display()
    );
    Keys::of(&data)
}

fn token(role: Role, who: Option<String>, data: Option<PathBuf>) -> Result<()> {
    let keys = sandbox_keys(data)?;
    let id = || -> Result<SalesmanId> {
        let id: Uuid = who.as_deref().context("say whose: `ktgg token salesman ID`")?.parse().context("that is no id")?;
        Ok(SalesmanId(id))
    };
    let identity = match role {
        Role::Staff => keys::staff(),
        Role::Salesman => keys::salesman(id()?),
        Role::Consultant => keys::consultant(id()?),
        Role::Customer => {
            let phone = who.context("say whose: `ktgg token customer 010-1234-5678`")?;
            keys.customer(&phone.parse().map_err(anyhow::Error::msg)?)
        }
    };
    say(&keys.bearer(&identity)?);
    Ok(())
}

/// For people and pipes; a reader who has left is no failure.
fn say(line: &str) {
    use std::io::Write as _;
    let mut out = std::io::stdout().lock();
    drop(writeln!(out, "{line}").and_then(|()| out.flush()));
}
