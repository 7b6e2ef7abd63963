//! A service is a value: building it does no I/O; the kit binds it and runs it, alone or beside others.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::process;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, header};
use axum::middleware::{self, Next};
use axum::response::Response;
use events::{Event, Topic, TypeName};
use serde_json::Value;
use sqlx::migrate::{MigrateError, Migrator};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;
use utoipa_axum::router::OpenApiRouter;

use crate::auth::{self, Gate, Verifier};
use crate::clock::{Clock, SystemClock};
use crate::config::{Config, Env, Migrate};
use crate::consumer::{self, Intake};
use crate::health::{self, Phase};
use crate::permissions::{self, Permission};
use crate::phone::CustomerIdKey;
use crate::policy::{Policies, Policy};
use crate::{
    Db, Problem, after, db, describe, disclosure, http, idempotency, relay, shutdown, telemetry,
};

/// What a handler and a background task get.
#[derive(Debug, Clone)]
pub struct Context {
    /// The service's database.
    pub db: Db,
    customer_ids: Option<CustomerIdKey>,
}

impl Context {
    pub(crate) fn new(db: Db, customer_ids: Option<CustomerIdKey>) -> Self {
        Self { db, customer_ids }
    }

    /// Makes customer ids of numbers that somebody typed.
    ///
    /// # Errors
    /// 500 in a service that did not say that it [identifies customers](Service::identifies_customers).
    pub fn customer_ids(&self) -> Result<&CustomerIdKey, Problem> {
        self.customer_ids
            .as_ref()
            .ok_or_else(|| Problem::internal("this service has no CUSTOMER_ID_KEY"))
    }
}

type Running = Pin<Box<dyn Future<Output = ()> + Send>>;
type Task = Box<dyn FnOnce(Context, CancellationToken) -> Running + Send>;

/// Everything a process needs to host one service.
pub struct Service {
    name: &'static str,
    port: u16,
    migrations: Migrator,
    routes: fn() -> OpenApiRouter<Context>,
    permissions: &'static [Permission],
    policies: Policies,
    tasks: Vec<Task>,
    problems: fn() -> Vec<Problem>,
    slow: Vec<(&'static str, Duration)>,
    identifies_customers: bool,
    deduplicates: bool,
}

impl Service {
    /// A service that does nothing yet. `port` is where it listens unless told otherwise.
    pub fn new(name: &'static str, port: u16, migrations: Migrator) -> Self {
        Self {
            name,
            port,
            migrations,
            routes: OpenApiRouter::new,
            permissions: &[],
            policies: Policies::default(),
            tasks: Vec::new(),
            problems: Vec::new,
            slow: Vec::new(),
            identifies_customers: false,
            deduplicates: true,
        }
    }

    /// Its name: crate, topic, consumer group and, with an underscore, schema.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// What it serves.
    #[must_use]
    pub fn routes(mut self, routes: fn() -> OpenApiRouter<Context>) -> Self {
        self.routes = routes;
        self
    }

    /// Who may call which of its routes: a route without a row is refused to everybody.
    #[must_use]
    pub fn permissions(mut self, permissions: &'static [Permission]) -> Self {
        self.permissions = permissions;
        self
    }

    /// What it does whenever an `E` happens.
    #[must_use]
    pub fn whenever<E: Event, P: for<'a> Policy<'a, E>>(mut self, policy: P) -> Self {
        self.policies.add::<E, P>(policy);
        self
    }

    /// What it does besides, until the token is cancelled.
    #[must_use]
    pub fn task<F, R>(mut self, task: F) -> Self
    where
        F: FnOnce(Context, CancellationToken) -> R + Send + 'static,
        R: Future<Output = ()> + Send + 'static,
    {
        self.tasks
            .push(Box::new(|context, stop| Box::pin(task(context, stop))));
        self
    }

    /// One example of each problem of its own: what its operations name in `x-problems` is described with these.
    #[must_use]
    pub fn problems(mut self, problems: fn() -> Vec<Problem>) -> Self {
        self.problems = problems;
        self
    }

    /// Requests to this path may take longer than others: it takes in a large body.
    #[must_use]
    pub fn slow(mut self, path: &'static str, bound: Duration) -> Self {
        self.slow.push((path, bound));
        self
    }

    /// It makes customer ids of numbers that somebody typed, and needs the key for it.
    #[must_use]
    pub fn identifies_customers(mut self) -> Self {
        self.identifies_customers = true;
        self
    }

    /// Takes every record in as if it were new: no inbox, no progress. Only for the negative control that shows that the kill test can fail.
    #[cfg(feature = "testing")]
    #[must_use]
    pub fn without_deduplication(mut self) -> Self {
        self.deduplicates = false;
        self
    }

    /// The description of its routes (`OpenAPI` 3.1), with every problem and an example of everything.
    pub fn description(&self) -> Value {
        describe::complete(
            (self.routes)().into_openapi(),
            &(self.problems)(),
            self.permissions,
        )
    }

    /// Its policies: which function reacts to which type of event.
    pub fn policies(&self) -> &[(TypeName, &'static str)] {
        self.policies.names()
    }

    /// Whether it needs [`Config::customer_ids`].
    pub fn needs_customer_ids(&self) -> bool {
        self.identifies_customers
    }

    /// Its configuration from the environment.
    pub fn config(&self, env: &mut Env) -> Option<Config> {
        Config::read(env, self.name, self.port, self.identifies_customers)
    }

    /// Its migrations.
    pub fn migrations(&self) -> &Migrator {
        &self.migrations
    }

    /// Takes its ports, and builds everything else without opening it.
    ///
    /// # Errors
    /// When a port is taken.
    pub async fn bind(self, config: Config, clock: Arc<dyn Clock>) -> anyhow::Result<Bound> {
        let listen = |address| async move {
            TcpListener::bind(address)
                .await
                .with_context(|| format!("{} cannot listen on {address}", self.name))
        };
        let listener = listen(config.listen).await?;
        let admin = listen(config.admin_listen).await?;
        let db = Db::new(self.name, &config.database_url, clock)?;
        Ok(Bound {
            service: self,
            config,
            db,
            listener,
            admin,
            held: watch::Sender::new(0),
            phase: watch::Sender::new(Phase::Starting),
        })
    }

    /// Routes with every layer around them, and the description's path beside them.
    pub(crate) fn router(&self, context: Context, verifier: Verifier) -> Router {
        let (routes, _) = (self.routes)().split_for_parts();
        let description = self.description().to_string();
        let gate = Gate {
            verifier,
            service: self.name,
        };
        let json = [(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/json"),
        )];
        let routes = routes
            .layer(middleware::from_fn_with_state(
                self.permissions,
                permissions::admit,
            ))
            .route(
                "/openapi.json",
                axum::routing::get(|| async { (json, description) }),
            )
            .layer(middleware::from_fn(disclosure::refuse_head))
            .layer(middleware::from_fn_with_state(
                after::Reader::new(context.db.clone(), self.policies.topics()),
                after::wait,
            ))
            .layer(middleware::from_fn_with_state(gate, auth::identify))
            .layer(middleware::from_fn_with_state(
                http::Bounds(self.slow.clone().into()),
                http::bounded,
            ))
            .with_state(context);
        http::layers(routes)
    }

    pub(crate) fn into_intake(self, db: Db) -> Intake {
        Intake::new(db, self.policies, self.deduplicates)
    }
}

impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Service")
            .field("name", &self.name)
            .field("policies", &self.policies)
            .finish_non_exhaustive()
    }
}

/// A service that holds its ports.
#[derive(Debug)]
pub struct Bound {
    service: Service,
    config: Config,
    db: Db,
    listener: TcpListener,
    admin: TcpListener,
    held: watch::Sender<usize>,
    phase: watch::Sender<Phase>,
}

/// Parts of stopping, in their order; together with the longest drain they stay below [`shutdown::HARD_DEADLINE`].
const FINISH_REQUESTS: Duration = Duration::from_secs(4);
const FINISH_CONSUMING: Duration = Duration::from_secs(6);
const FINISH_RELAYING: Duration = Duration::from_secs(4);
const CLOSE_POOL: Duration = Duration::from_secs(1);

/// How long a database that is away at the start is waited for between two looks.
const LOOK: Duration = Duration::from_millis(300);

impl Bound {
    /// Tells when this service serves and its consumer holds its partitions; with one replica of it, those are all of them.
    pub fn ready(&self) -> impl Future<Output = ()> + Send + 'static {
        let (mut phase, mut held) = (self.phase.subscribe(), self.held.subscribe());
        let partitions = self.service.policies.topics().len()
            * usize::try_from(Topic::PARTITIONS).unwrap_or_default();
        async move {
            let serves = phase
                .wait_for(|phase| *phase != Phase::Starting)
                .await
                .is_ok();
            let holds = held.wait_for(|held| *held >= partitions).await.is_ok();
            if !(serves && holds) {
                // It ended before it was ready: then it never will be.
                std::future::pending::<()>().await;
            }
        }
    }

    /// Runs until told to stop, then drains: serve on for a little while, finish requests, then the consumer's transaction, then the relay.
    ///
    /// # Errors
    /// On what no waiting can mend: a schema that is older than this build, a fatal Kafka error, topics that are not as they must be.
    pub async fn run(self, stop: CancellationToken) -> anyhow::Result<()> {
        let Self {
            service,
            config,
            db,
            listener,
            admin,
            held,
            phase,
        } = self;
        let name = service.name;
        let (serving, consuming, relaying) = (
            CancellationToken::new(),
            CancellationToken::new(),
            CancellationToken::new(),
        );
        let admin_router = health::router(db.clone(), phase.subscribe());
        let admin_server = spawn(axum::serve(admin, admin_router).into_future());

        let migrated = migrate(&db, &service.migrations, config.migrate, &stop).await;
        if !matches!(migrated, Ok(true)) {
            admin_server.abort();
            return migrated.map(drop);
        }
        phase.send_replace(Phase::Ready);
        tracing::info!(service = name, address = %config.listen, "serving");

        let context = Context::new(db.clone(), config.customer_ids.clone());
        let router = service
            .router(context.clone(), config.verifier.clone())
            .layer(middleware::from_fn_with_state(
                phase.subscribe(),
                close_while_draining,
            ));
        let stopped = serving.clone().cancelled_owned();
        let mut server = spawn(
            axum::serve(listener, router)
                .with_graceful_shutdown(stopped)
                .into_future(),
        );

        let mut relay = spawn(relay::run(
            db.clone(),
            config.kafka.clone(),
            relaying.clone(),
        ));
        let mut working = JoinSet::new();
        let mut service = service;
        for task in std::mem::take(&mut service.tasks) {
            working.spawn({
                let (context, consuming) = (context.clone(), consuming.clone());
                async move {
                    task(context, consuming).await;
                    anyhow::Ok(())
                }
            });
        }
        working.spawn(forget_old(db.clone(), consuming.clone()));
        let intake = Arc::new(service.into_intake(db.clone()));
        working.spawn(consumer::run(
            intake,
            config.kafka.clone(),
            held,
            consuming.clone(),
        ));

        let failure = tokio::select! {
            failure = wait_for_failure(&mut working, &stop) => failure,
            ended = &mut server => Some(anyhow::anyhow!("the server ended by itself: {ended:?}")),
            ended = &mut relay => Some(anyhow::anyhow!("the relay ended by itself: {ended:?}")),
        };
        phase.send_replace(Phase::Draining);
        if failure.is_none() {
            tokio::time::sleep(config.drain).await;
        }
        serving.cancel();
        if !server.is_finished() {
            finish("requests", FINISH_REQUESTS, server).await;
        }
        consuming.cancel();
        finish("consuming", FINISH_CONSUMING, async {
            while working.join_next().await.is_some() {}
        })
        .await;
        relaying.cancel();
        if !relay.is_finished() {
            finish("relaying", FINISH_RELAYING, relay).await;
        }
        finish("closing the pool", CLOSE_POOL, db.pool().close()).await;
        admin_server.abort();
        tracing::info!(service = name, "stopped");
        failure.map_or(Ok(()), |error| Err(error.context(name)))
    }
}

/// Waits until told to stop, or until a part fails.
async fn wait_for_failure(
    working: &mut JoinSet<anyhow::Result<()>>,
    stop: &CancellationToken,
) -> Option<anyhow::Error> {
    loop {
        tokio::select! {
            () = stop.cancelled() => return None,
            Some(ended) = working.join_next() => match ended {
                // A consumer without topics has nothing to do.
                Ok(Ok(())) => {}
                Ok(Err(error)) => return Some(error),
                Err(panicked) => return Some(panicked.into()),
            },
        }
    }
}

async fn finish<F: IntoFuture>(what: &str, bound: Duration, future: F) {
    if tokio::time::timeout(bound, future).await.is_err() {
        tracing::warn!(what, "did not finish in time");
    }
}

/// Brings a schema up to date, or checks that it is, as soon as the database is there. `false`: told to stop before that.
///
/// # Errors
/// On what no waiting can mend: a schema that is older than this build, a broken migration, a wrong password.
pub async fn migrate(
    db: &Db,
    migrations: &Migrator,
    how: Migrate,
    stop: &CancellationToken,
) -> anyhow::Result<bool> {
    loop {
        let result = tokio::select! {
            () = stop.cancelled() => return Ok(false),
            result = db.migrate(migrations, how) => result,
        };
        match result {
            Ok(()) => return Ok(true),
            Err(error) if is_away(&error) => {
                tracing::info!(
                    service = db.service(),
                    error = format!("{error:#}"),
                    "waiting for the database"
                );
            }
            Err(error) => return Err(error),
        }
        tokio::select! {
            () = stop.cancelled() => return Ok(false),
            () = tokio::time::sleep(LOOK) => {}
        }
    }
}

/// Whether the database is away, or another replica migrates it just now; a wrong password or a broken migration is not that.
fn is_away(error: &anyhow::Error) -> bool {
    let cause = match error.downcast_ref::<MigrateError>() {
        Some(MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _)) => {
            Some(error)
        }
        _ => error.downcast_ref::<sqlx::Error>(),
    };
    match cause {
        // 57P0x: the server starts up or shuts down; 55: a lock was not to be had; 53: too many connections; 40: a serialization failure.
        Some(sqlx::Error::Database(database)) => database.code().is_some_and(|code| {
            ["57P0", "55", "53", "40"]
                .iter()
                .any(|class| code.starts_with(class))
        }),
        Some(error) => db::is_transient(error),
        None => false,
    }
}

/// Clients with a pooled connection do not hear of a removed endpoint; this tells them to open another.
async fn close_while_draining(
    State(phase): State<watch::Receiver<Phase>>,
    request: Request,
    next: Next,
) -> Response {
    let mut response = next.run(request).await;
    if *phase.borrow() == Phase::Draining {
        response
            .headers_mut()
            .insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// Inbox rows older than this are pruned; progress still drops what comes again later.
const INBOX_DAYS: i64 = 7;

/// Prunes what need not be remembered, every hour.
async fn forget_old(db: Db, stop: CancellationToken) -> anyhow::Result<()> {
    let mut hours = tokio::time::interval(Duration::from_hours(1));
    loop {
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            _ = hours.tick() => {}
        }
        let pruned = async {
            let now = db.now();
            sqlx::query("delete from inbox where received_at < $1")
                .bind(now - chrono::TimeDelta::days(INBOX_DAYS))
                .execute(db.pool())
                .await?;
            sqlx::query("delete from idempotency_key where created_at < $1")
                .bind(now - idempotency::REMEMBERED)
                .execute(db.pool())
                .await
        };
        if let Err(error) = pruned.await {
            tracing::debug!(service = db.service(), %error, "nothing was pruned this time");
        }
    }
}

/// Runs a task beside the caller. Whoever calls it waits for it when the process stops.
#[expect(
    clippy::disallowed_methods,
    reason = "this is the one place that spawns"
)]
pub fn spawn<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future<Output: Send> + Send + 'static,
{
    tokio::spawn(future)
}

/// Runs bound services until told to stop; the first that fails ends all of them.
///
/// # Errors
/// The first failure.
pub async fn host(services: Vec<Bound>, stop: &CancellationToken) -> anyhow::Result<()> {
    let mut running = JoinSet::new();
    for service in services {
        running.spawn(service.run(stop.clone()));
    }
    let mut failure = None;
    while let Some(ended) = running.join_next().await {
        if let Err(error) = ended.map_err(anyhow::Error::from).flatten() {
            failure.get_or_insert(error);
            stop.cancel();
        }
    }
    failure.map_or(Ok(()), Err)
}

/// The whole life of a process that hosts one service from its environment. `SERVICE migrate` brings its schema up to date instead.
///
/// Exit code 64 (`EX_USAGE`) for a wrong configuration, 1 for a failure, 0 for a stop that was asked for. It ends the process itself: a Kafka
/// client whose broker is away must not keep it alive.
pub async fn run(service: Service) {
    let mut env = Env::process();
    let telemetry = telemetry::Settings::read(&mut env);
    let config = service.config(&mut env);
    let (Some(config), None) = (config, env.wrong()) else {
        exit_wrong(&env.wrong().map_or_else(
            || anyhow::anyhow!("the configuration is wrong"),
            anyhow::Error::from,
        ));
    };
    if let Err(error) = telemetry.start() {
        exit_wrong(&error);
    }
    let result = match std::env::args().nth(1).as_deref() {
        None => alone(service, config).await,
        Some("migrate") => migrate_only(&service, &config).await,
        Some(other) => exit_wrong(&anyhow::anyhow!(
            "{other} is no sub-command: there is only `migrate`"
        )),
    };
    process::exit(match result {
        Ok(()) => 0,
        Err(error) => {
            tracing::error!(error = format!("{error:#}"), "failed");
            1
        }
    });
}

async fn alone(service: Service, config: Config) -> anyhow::Result<()> {
    let stop = shutdown::on_signal()?;
    let bound = service.bind(config, Arc::new(SystemClock)).await?;
    host(vec![bound], &stop).await
}

async fn migrate_only(service: &Service, config: &Config) -> anyhow::Result<()> {
    Db::new(service.name, &config.database_url, Arc::new(SystemClock))?
        .migrate(&service.migrations, Migrate::Apply)
        .await
}

#[expect(clippy::print_stderr, reason = "logging may be what could not start")]
fn exit_wrong(error: &anyhow::Error) -> ! {
    const EX_USAGE: i32 = 64;
    eprintln!("{error:#}");
    process::exit(EX_USAGE);
}
