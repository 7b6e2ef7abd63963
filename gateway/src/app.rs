//! The gateway as a server: how it binds its ports, serves, and stops.

mod housekeeping;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::get;
use service_kit::health::{self, Phase};
use service_kit::{Clock, Db, http, migrations, tasks};
use sqlx::migrate::Migrator;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::api::operations::{OPENAPI_PATH, STREAM_PATH};
use crate::api::{audit, authorize, openapi, operations, proxy, stream};
use crate::auth::passwords::Passwords;
use crate::auth::security_log::SecurityLog;
use crate::auth::sessions::Sessions;
use crate::auth::staff_directory::StaffDirectory;
use crate::config::Config;
use crate::edge::caller_limit::CallerLimiter;
use crate::edge::cookie::SessionCookie;
use crate::edge::device_cookie::DeviceCookie;
use crate::edge::pages::{self, Pages};
use crate::edge::rate_limit::RateLimits;
use crate::edge::response_headers::{ResponseHeaders, add_headers};
use crate::edge::server;
use crate::erasure::driver::Driver;
use crate::live::feed::Feed;
use crate::live::hub::Hub;
use crate::sms::queue::SmsQueue;
use crate::sms::webhook::Webhook;
use crate::state::AppState;
use crate::upstream::client::Upstream;
use crate::upstream::descriptions::Descriptions;

/// The name of the gateway's schema.
pub const NAME: &str = "gateway";

/// The migrations of the gateway's schema.
pub fn migrations() -> Migrator {
    sqlx::migrate!()
}

/// For requests, after the drain.
const REQUESTS_TIMEOUT: Duration = Duration::from_secs(4);

/// For background tasks.
const TASKS_TIMEOUT: Duration = Duration::from_secs(4);

/// For messages that are being sent. Callers request a message again that was not sent in time.
const SMS_TIMEOUT: Duration = Duration::from_secs(2);

/// For the database connections to close.
const POOL_TIMEOUT: Duration = Duration::from_secs(1);

/// For the Kafka client to close. With its broker unreachable that takes up to 45 s, and nothing
/// depends on it.
const FEED_TIMEOUT: Duration = Duration::from_secs(1);

/// A gateway that has bound its ports.
pub struct Gateway {
    config: Config,
    state: Arc<AppState>,
    listener: TcpListener,
    admin: TcpListener,
    phase: watch::Sender<Phase>,
    /// Whether the feed follows every partition.
    following: watch::Sender<bool>,
}

impl Gateway {
    /// Binds the ports. Connects to nothing.
    ///
    /// # Errors
    /// When a port is in use, the database's URL is invalid, or the machine has no randomness.
    pub async fn bind(config: Config, clock: Arc<dyn Clock>) -> anyhow::Result<Self> {
        let listen = |address| async move {
            TcpListener::bind(address)
                .await
                .with_context(|| format!("the gateway cannot listen on {address}"))
        };
        let listener = listen(config.listen).await?;
        let admin = listen(config.admin_listen).await?;
        let db = Db::new(NAME, &config.database_url, clock)?;
        let state = Arc::new(state(&config, db)?);
        Ok(Self {
            config,
            state,
            listener,
            admin,
            phase: watch::Sender::new(Phase::Starting),
            following: watch::Sender::new(false),
        })
    }

    /// The address of `GATEWAY_LISTEN`, with the port that the system chose for port 0.
    ///
    /// # Errors
    /// When the socket has no address.
    pub fn address(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// The address of `/livez` and `/readyz`.
    ///
    /// # Errors
    /// When the socket has no address.
    pub fn admin_address(&self) -> std::io::Result<SocketAddr> {
        self.admin.local_addr()
    }

    /// Waits until the gateway serves and its stream follows every partition. `/readyz` does not
    /// wait for the stream: without Kafka, everything else works.
    pub fn ready(&self) -> impl Future<Output = ()> + Send + 'static {
        let (mut phase, mut following) = (self.phase.subscribe(), self.following.subscribe());
        async move {
            let serves = phase
                .wait_for(|phase| *phase != Phase::Starting)
                .await
                .is_ok();
            let follows = following.wait_for(|following| *following).await.is_ok();
            if !(serves && follows) {
                // It stopped before it was ready.
                std::future::pending::<()>().await;
            }
        }
    }

    /// Serves until `stop`. Then readiness fails and streams end, so that browsers use another
    /// replica; requests are served for the drain period and finished. No failure while serving
    /// ends the gateway.
    ///
    /// # Errors
    /// When the schema is older than this build.
    pub async fn run(self, stop: CancellationToken) -> anyhow::Result<()> {
        let Self {
            config,
            state,
            listener,
            admin,
            phase,
            following,
        } = self;
        let db = &state.db;
        let health = health::router(phase.subscribe(), None);
        let admin_server = tasks::spawn(axum::serve(admin, health).into_future());
        let is_migrated =
            migrations::migrate_when_available(db, &migrations(), config.migrate, &stop).await;
        if !matches!(is_migrated, Ok(true)) || !housekeeping::read_clock(db, &stop).await {
            admin_server.abort();
            return is_migrated.map(drop);
        }
        if config.trusted_proxies.is_any_peer() {
            tracing::warn!(
                "set TRUSTED_PROXY_ADDRESSES: every peer counts as a proxy, which is believed in \
                 X-Forwarded-For and may open any number of connections"
            );
        }
        let pages = config.pages.as_ref().map(Pages::new);
        if pages.is_none() {
            tracing::info!("the gateway serves no pages: PAGES_DIR is not set");
        }
        let directory = Arc::new(StaffDirectory::default());
        let feed = Feed::start(
            config.kafka.clone(),
            state.hub.clone(),
            directory.clone(),
            db.clock(),
            following,
        );
        let server_stop = CancellationToken::new();
        let server = tasks::spawn(server::serve(
            listener,
            router(state.clone(), pages, phase.subscribe()),
            config.timeouts,
            config.server,
            config.trusted_proxies,
            server_stop.clone(),
            REQUESTS_TIMEOUT,
        ));
        let tasks_stop = CancellationToken::new();
        let tasks = start_tasks(&state, directory, &tasks_stop);
        phase.send_replace(Phase::Ready);
        tracing::info!(address = %config.listen, "the gateway serves");

        stop.cancelled().await;
        phase.send_replace(Phase::Draining);
        state.streams_stop.cancel();
        tokio::time::sleep(config.drain).await;
        server_stop.cancel();
        if let Err(error) = server.await {
            tracing::error!(%error, "the server panicked");
        }
        tasks_stop.cancel();
        if timeout(TASKS_TIMEOUT, tasks.wait()).await.is_err() {
            tracing::warn!("background tasks did not finish in time");
        }
        state.sms.close(SMS_TIMEOUT).await;
        feed.stop(FEED_TIMEOUT).await;
        drop(timeout(POOL_TIMEOUT, db.pool().close()).await);
        admin_server.abort();
        tracing::info!("the gateway stopped");
        Ok(())
    }
}

/// How many times the reads of one caller may have a session cookie from one address, which many
/// signed-in persons may share.
const LOOKUPS_MULTIPLE: u32 = 10;

fn state(config: &Config, db: Db) -> anyhow::Result<AppState> {
    let upstream = Upstream::new(
        config.services.clone(),
        config.signer.clone(),
        config.timeouts,
    );
    let webhook = Webhook::new(config.sender_url.clone(), config.sender_key.clone());
    Ok(AppState {
        sessions: Sessions::new(db.clone()),
        session_cookie: SessionCookie::new(&config.public_origin),
        device_cookie: DeviceCookie::new(&config.public_origin, config.sign_in_key.clone()),
        security: SecurityLog::new(config.sign_in_key.clone()),
        public_origin: config.public_origin.clone(),
        trusted_proxies: config.trusted_proxies.clone(),
        sign_in_key: config.sign_in_key.clone(),
        customer_ids: config.customer_ids.clone(),
        limits: config.limits,
        rate_limits: RateLimits::new(db.clone(), config.sign_in_key.clone()),
        db,
        write_limiter: CallerLimiter::new("writes", config.limits.writes),
        read_limiter: CallerLimiter::new("reads", config.limits.reads),
        lookup_limiter: CallerLimiter::new(
            "session-lookups",
            config.limits.reads.times(LOOKUPS_MULTIPLE),
        ),
        sms: SmsQueue::new(webhook),
        passwords: Passwords::new(config.password_slots)?,
        descriptions: Descriptions::new(upstream.clone(), openapi::merge),
        upstream,
        hub: Arc::new(Hub::new()),
        session_watcher: Arc::default(),
        streams_stop: CancellationToken::new(),
    })
}

fn start_tasks(
    state: &Arc<AppState>,
    directory: Arc<StaffDirectory>,
    stop: &CancellationToken,
) -> TaskTracker {
    let tasks = TaskTracker::new();
    tasks.spawn(housekeeping::run(state.clone(), stop.clone()));
    tasks.spawn(housekeeping::follow_clock(state.clone(), stop.clone()));
    tasks.spawn(Driver::new(state.db.clone(), state.upstream.clone()).run(stop.clone()));
    tasks.spawn({
        let (state, stop) = (state.clone(), stop.clone());
        async move { state.session_watcher.run(&state.sessions, &stop).await }
    });
    tasks.spawn({
        let (db, stop) = (state.db.clone(), stop.clone());
        async move { directory.run(&db, &stop).await }
    });
    tasks.close();
    tasks
}

/// The public routes. Pages are outside of the layers that look up sessions and count requests.
fn router(state: Arc<AppState>, pages: Option<Pages>, phase: watch::Receiver<Phase>) -> Router {
    let response_headers = ResponseHeaders {
        phase,
        is_https: state.public_origin.is_https(),
    };
    let (operations, _) = operations::routes().split_for_parts();
    let routes = operations
        .route(STREAM_PATH, get(stream::open))
        .route(OPENAPI_PATH, get(openapi::show))
        .merge(openapi::swagger_ui())
        .fallback(proxy::forward)
        .layer(from_fn_with_state(state.clone(), audit::record::record))
        .layer(from_fn_with_state(state.clone(), authorize::authorize))
        .with_state(state);
    let routes = match pages {
        Some(pages) => routes.layer(from_fn_with_state(pages, pages::serve)),
        None => routes,
    };
    http::layers(routes).layer(from_fn_with_state(response_headers, add_headers))
}
