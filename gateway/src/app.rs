//! The gateway as a server: it binds its ports, serves, and stops.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::middleware;
use axum::routing::get;
use service_kit::{Clock, Db, http, migrations, tasks};
use sqlx::migrate::Migrator;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::api::proxy::{self, Upstream};
use crate::api::{accounts, audit, authorize, operations, stream};
use crate::auth::passwords::Passwords;
use crate::auth::sessions::{Cookies, Sessions};
use crate::auth::{one_time_code, staff_directory};
use crate::config::Config;
use crate::edge::rate_limit::{self, Writers};
use crate::edge::response_headers::{self, Answers};
use crate::edge::server;
use crate::erasure;
use crate::live::feed::{self, Feed};
use crate::live::hub::Hub;
use crate::openapi::{self, Descriptions};
use crate::sms::{Post, Webhook};
use crate::state::AppState;
use crate::upstream::routes;
use crate::upstream::tokens::Tokens;

/// Where the gateway is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// It holds its ports, and does not serve yet.
    Starting,
    /// It serves.
    Ready,
    /// It was told to stop, and serves on for a little while.
    Draining,
}

/// A gateway that holds its ports.
pub struct Gateway {
    config: Config,
    door: Arc<AppState>,
    listener: TcpListener,
    admin: TcpListener,
    phase: watch::Sender<Phase>,
    following: watch::Sender<bool>,
}

/// How long requests may take to finish after the drain.
const FINISH_REQUESTS: Duration = Duration::from_secs(4);

/// How long what runs in the background may take to finish.
const FINISH_BACKGROUND: Duration = Duration::from_secs(4);

/// How long messages that are being handed over may take. What has not left by then is asked for again by whoever waits for it.
const FINISH_SENDING: Duration = Duration::from_secs(2);

/// How long connections to the database may take to close.
const CLOSE_POOL: Duration = Duration::from_secs(1);

/// How long the Kafka client is waited for. With its broker away it may take 45 s to close, and nothing depends on its goodbye.
const CLOSE_FEED: Duration = Duration::from_secs(1);

impl Gateway {
    /// Takes its ports, and builds everything else without opening it.
    ///
    /// # Errors
    /// When a port is taken, the database's URL cannot be read, or the machine has no randomness.
    pub async fn bind(config: Config, clock: Arc<dyn Clock>) -> anyhow::Result<Self> {
        let listen = |address| async move {
            TcpListener::bind(address)
                .await
                .with_context(|| format!("the gateway cannot listen on {address}"))
        };
        let listener = listen(config.listen).await?;
        let admin = listen(config.admin_listen).await?;
        let upstream = Upstream::new(config.services.clone(), config.patience);
        let db = Db::new(NAME, &config.database_url, clock)?;
        let door = AppState {
            sessions: Sessions::new(db.clone()),
            db,
            cookies: Cookies::new(&config.public_origin),
            origin: config.public_origin.clone(),
            trusted_proxies: config.trusted_proxies,
            sign_in_key: config.sign_in_key.clone(),
            customer_ids: config.customer_ids.clone(),
            limits: config.limits,
            writers: Writers::new(config.limits.writes),
            post: Post::new(Arc::new(Webhook::new(
                config.sender_url.clone(),
                config.sender_key.clone(),
            ))),
            passwords: Passwords::new()?,
            people: Arc::default(),
            tokens: Tokens::new(config.signer.clone()),
            descriptions: Descriptions::new(upstream.clone()),
            upstream,
            hub: Arc::new(Hub::new(feed::start_of_coverage())),
            onlookers: Arc::default(),
            streams_end: CancellationToken::new(),
        };
        Ok(Self {
            config,
            door: Arc::new(door),
            listener,
            admin,
            phase: watch::Sender::new(Phase::Starting),
            following: watch::Sender::new(false),
        })
    }

    /// Where it listens: tells the port when the configuration left the choice to the machine.
    ///
    /// # Errors
    /// When the socket does not know.
    pub fn address(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Where it answers `/livez` and `/readyz`.
    ///
    /// # Errors
    /// When the socket does not know.
    pub fn admin_address(&self) -> std::io::Result<SocketAddr> {
        self.admin.local_addr()
    }

    /// Tells when it serves and its stream follows every partition. `/readyz` waits for the former alone: while Kafka is away, everything
    /// but the stream works.
    pub fn ready(&self) -> impl Future<Output = ()> + Send + 'static {
        let (mut phase, mut following) = (self.phase.subscribe(), self.following.subscribe());
        async move {
            let serves = phase
                .wait_for(|phase| *phase != Phase::Starting)
                .await
                .is_ok();
            let follows = following.wait_for(|following| *following).await.is_ok();
            if !(serves && follows) {
                // It ended before it was ready: then it never will be.
                std::future::pending::<()>().await;
            }
        }
    }

    /// Runs until told to stop. Then: readiness fails and streams end at once, so that browsers go elsewhere; it serves on for the drain,
    /// finishes requests, and leaves. Nothing that fails once it serves ends it.
    ///
    /// # Errors
    /// When its schema is older than this build.
    pub async fn run(self, stop: CancellationToken) -> anyhow::Result<()> {
        let Self {
            config,
            door,
            listener,
            admin,
            phase,
            following,
        } = self;
        let admin_server =
            tasks::spawn(axum::serve(admin, health(phase.subscribe())).into_future());
        let migrated =
            migrations::migrate_when_available(&door.db, &migrations(), config.migrate, &stop)
                .await;
        if !matches!(migrated, Ok(true)) {
            admin_server.abort();
            return migrated.map(drop);
        }
        let feed = Feed::start(
            config.kafka.clone(),
            door.hub.clone(),
            door.people.clone(),
            following,
        );
        let closing = CancellationToken::new();
        let router = router(door.clone(), phase.subscribe());
        let server = tasks::spawn(server::serve(
            listener,
            router,
            config.patience,
            config.room,
            closing.clone(),
            FINISH_REQUESTS,
        ));
        let ending = CancellationToken::new();
        let background = TaskTracker::new();
        background.spawn(tidy(door.clone(), ending.clone()));
        background.spawn({
            let (door, ending) = (door.clone(), ending.clone());
            async move { door.onlookers.run(&door.sessions, &ending).await }
        });
        background.spawn(erasure::run(door.clone(), ending.clone()));
        background.spawn(staff_directory::write_down(door.clone(), ending.clone()));
        background.close();
        phase.send_replace(Phase::Ready);
        tracing::info!(address = %config.listen, "the gateway serves");

        stop.cancelled().await;
        phase.send_replace(Phase::Draining);
        door.streams_end.cancel();
        tokio::time::sleep(config.drain).await;
        closing.cancel();
        if let Err(panicked) = server.await {
            tracing::error!(error = %panicked, "the server ended early");
        }
        ending.cancel();
        if tokio::time::timeout(FINISH_BACKGROUND, background.wait())
            .await
            .is_err()
        {
            tracing::warn!("what runs in the background did not finish in time");
        }
        door.post.close(FINISH_SENDING).await;
        feed.stop(CLOSE_FEED).await;
        drop(tokio::time::timeout(CLOSE_POOL, door.db.pool().close()).await);
        admin_server.abort();
        tracing::info!("the gateway stopped");
        Ok(())
    }
}

/// The gateway's name among the services: of its schema, its role and its variables.
pub const NAME: &str = "gateway";

/// What its schema is made by.
pub fn migrations() -> Migrator {
    sqlx::migrate!()
}

/// How often it looks for what need not be kept any more.
const TIDY: Duration = Duration::from_mins(1);

/// Drops what has ended by itself, for as long as the gateway runs.
async fn tidy(door: Arc<AppState>, ending: CancellationToken) {
    loop {
        tokio::select! {
            () = ending.cancelled() => return,
            () = tokio::time::sleep(TIDY) => {}
        }
        door.writers.prune();
        // Each by itself: what cannot be dropped leaves nothing else lying, least of all numbers.
        for (what, pruned) in [
            ("codes", one_time_code::prune(&door.db).await),
            ("sessions", door.sessions.prune().await),
            ("delays", accounts::prune(&door.db).await),
            ("limits", rate_limit::prune(&door.db).await),
        ] {
            if let Err(error) = pruned {
                tracing::warn!(%error, what, "what has ended cannot be dropped just now");
            }
        }
    }
}

/// Everything a browser can reach.
fn router(door: Arc<AppState>, phase: watch::Receiver<Phase>) -> Router {
    let answers = Answers {
        phase,
        is_https: door.origin.is_https(),
    };
    let (own, _) = operations::routes().split_for_parts();
    let routes = own
        .route(routes::STREAM, get(stream::open))
        .route(routes::DESCRIPTION, get(openapi::describe))
        .merge(openapi::page())
        .fallback(proxy::forward)
        .layer(middleware::from_fn_with_state(
            door.clone(),
            audit::write_down,
        ))
        .layer(middleware::from_fn_with_state(
            door.clone(),
            authorize::authorize,
        ))
        .with_state(door);
    http::layers(routes).layer(middleware::from_fn_with_state(
        answers,
        response_headers::around,
    ))
}

/// `/livez` and `/readyz`, on a port of their own that no browser reaches.
///
/// Readiness asks for nothing but this process: services that are down are told apart request by request, and while Kafka is away all
/// replicas would be unready together.
fn health(phase: watch::Receiver<Phase>) -> Router {
    let readyz = get(|State(phase): State<watch::Receiver<Phase>>| async move {
        match *phase.borrow() {
            Phase::Starting => (StatusCode::SERVICE_UNAVAILABLE, "starting"),
            Phase::Ready => (StatusCode::OK, "ready"),
            Phase::Draining => (StatusCode::SERVICE_UNAVAILABLE, "draining"),
        }
    });
    Router::new()
        .route("/livez", get(|| async { "ok" }))
        .route("/readyz", readyz)
        .with_state(phase)
}
