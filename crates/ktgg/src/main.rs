//! All of KT.GG in one process. `cargo xtask up` starts it with a Postgres and a Kafka of its own.

mod cli;
mod console;
mod serve;

use std::path::PathBuf;
use std::process;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use clap::Parser as _;
use events::Topic;
use gateway::config::Limits;
use gateway::invite_staff;
use ktgg::client::Client;
use ktgg::host::{self, Installation};
use ktgg::import::{self, Commit};
use ktgg::keys::Keys;
use ktgg::topic::{self, Record};
use ktgg::{bench, demo};
use service_kit::clock::{DatabaseClock, SystemClock};
use service_kit::config::{DatabaseUrl, Env};
use service_kit::{Db, db, telemetry};

use cli::{Accounts, Arguments, Bench, Command};
use console::print;

#[tokio::main]
#[expect(clippy::print_stderr, reason = "the error of the command line")]
async fn main() {
    let result = Box::pin(run(Arguments::parse().command)).await;
    // Not by returning: a Kafka client whose broker is down must not keep the process alive.
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
            servers,
            port,
            no_demo,
            limits,
            supervised,
        } => {
            Box::pin(serve::serve(
                &servers.installation(port, limits.into())?,
                !no_demo,
                supervised,
            ))
            .await
        }
        Command::Provision { servers, port } => {
            provision(&servers.installation(port, host::SANDBOX_LIMITS)?).await
        }
        Command::Inbox { data, port } => serve::serve_inbox(data, host::inbox_port(port)).await,
        Command::Accounts {
            command:
                Accounts::Add {
                    login,
                    name,
                    postgres,
                    data,
                    port,
                },
        } => {
            let sandbox = postgres.map(|postgres| (postgres, cli::data_folder(data)));
            add_account(&login, &name, sandbox, port).await
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
            import::run(&client, &session, &file, Commit { commit, confirm }, print).await
        }
        Command::Topic { name, kafka } => print_topic(&name, kafka).await,
        Command::Openapi => {
            print(&format!("{:#}", ktgg::openapi()));
            Ok(())
        }
        Command::Contract { root } => {
            print(&serde_json::to_string(&ktgg::contract::files(&root)?)?);
            Ok(())
        }
        Command::Bench {
            command:
                Bench::Live {
                    servers,
                    requests,
                    rate,
                },
        } => {
            let mut log = Env::from_pairs([("LOG", "warn,librdkafka=off,rdkafka=off")]);
            telemetry::Settings::read(&mut log).start()?;
            let installation = servers.installation(host::free_port()?, Limits::UNLIMITED)?;
            bench::live(&installation, requests, rate, print).await
        }
    }
}

async fn provision(installation: &Installation) -> Result<()> {
    let keys = Keys::of(&installation.data)?;
    for (name, value) in host::provision(installation, &keys).await? {
        print(&format!("export {name}='{value}'"));
    }
    Ok(())
}

async fn print_topic(name: &str, brokers: String) -> Result<()> {
    let topic = Topic::of_aggregate(name)
        .context("a topic is project, interest, consultation, salesman-match or salesman")?;
    let settings = cli::kafka(brokers)?;
    for Record { envelope, payload } in topic::read(&settings, topic).await? {
        let (name, id, version) = (envelope.type_name, envelope.aggregate_id, envelope.version);
        print(&format!("{name} {id}@{version} {payload}"));
    }
    Ok(())
}

/// Uses the Postgres and data folder of a sandbox, or else the database that the environment names.
async fn add_account(
    login: &str,
    name: &str,
    sandbox: Option<(String, PathBuf)>,
    port: u16,
) -> Result<()> {
    let mut env = Env::process();
    let (url, origin) = match sandbox {
        Some((postgres, data)) => {
            let password = Keys::existing(&data)?.database_password;
            let url = db::service_url(&postgres, gateway::NAME, &password)?;
            (Some(url), host::origin(port))
        }
        None => (
            env.secret::<DatabaseUrl>("GATEWAY_DATABASE_URL"),
            env.or("PUBLIC_ORIGIN", host::origin(port)),
        ),
    };
    if let Some(invalid) = env.invalid() {
        anyhow::bail!("{invalid}\nor name the sandbox's database with --postgres URL");
    }
    let url = url.context("there is no database URL")?;
    // The link expires by the database's clock, whatever this host's says.
    let clock = Arc::new(DatabaseClock::new(Arc::new(SystemClock)));
    let db = Db::new(gateway::NAME, &url, clock)?;
    db.read_clock().await?;
    let invited = invite_staff(&db, &origin, login, name).await?;
    print(&invited.link);
    Ok(())
}
