//! A service with open ports: how it serves, and how it stops.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, header};
use axum::middleware::{self, Next};
use axum::response::Response;
use events::Topic;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::config::Config;
use crate::health::{self, Phase};
use crate::messaging::{consumer, relay};
use crate::service::{Context, Service};
use crate::tasks::{finish, spawn};
use crate::{Db, migrations, retention};

/// A service whose ports are open.
#[derive(Debug)]
pub struct Bound {
    service: Service,
    config: Config,
    db: Db,
    listener: TcpListener,
    admin: TcpListener,
    assigned_partitions: watch::Sender<usize>,
    phase: watch::Sender<Phase>,
}

impl Service {
    /// Opens its ports, and prepares everything else without connecting.
    ///
    /// # Errors
    /// When a port is in use.
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
            assigned_partitions: watch::Sender::new(0),
            phase: watch::Sender::new(Phase::Starting),
        })
    }
}

/// Timeouts of the steps of a stop, in order. With the longest drain, their sum is below
/// [`HARD_DEADLINE`](crate::process::HARD_DEADLINE).
const REQUESTS_TIMEOUT: Duration = Duration::from_secs(4);

const CONSUMER_TIMEOUT: Duration = Duration::from_secs(6);

const RELAY_TIMEOUT: Duration = Duration::from_secs(4);

const POOL_TIMEOUT: Duration = Duration::from_secs(1);

impl Bound {
    /// Resolves when the service serves and its consumer has all partitions of its topics assigned,
    /// which is only so with a single replica. Never resolves when the service ends before that.
    pub fn ready(&self) -> impl Future<Output = ()> + Send + 'static {
        let mut phase = self.phase.subscribe();
        let mut assigned = self.assigned_partitions.subscribe();
        let partitions = self.service.policies.topics().len()
            * usize::try_from(Topic::PARTITIONS).unwrap_or_default();
        async move {
            let serves = phase
                .wait_for(|phase| *phase != Phase::Starting)
                .await
                .is_ok();
            let consumes = assigned
                .wait_for(|assigned| *assigned >= partitions)
                .await
                .is_ok();
            if !(serves && consumes) {
                std::future::pending::<()>().await;
            }
        }
    }

    /// Runs until `stop`. Then it serves on for the drain period, finishes requests, then the
    /// consumer's transaction, then the relay.
    ///
    /// # Errors
    /// When waiting does not help: an outdated schema, a fatal Kafka error, invalid topics.
    pub async fn run(self, stop: CancellationToken) -> anyhow::Result<()> {
        let Self {
            service,
            config,
            db,
            listener,
            admin,
            assigned_partitions,
            phase,
        } = self;
        let name = service.name;
        let [serving, consuming, relaying] = std::array::from_fn(|_| CancellationToken::new());
        let admin_router = health::router(phase.subscribe(), Some(db.clone()));
        let admin_server = spawn(axum::serve(admin, admin_router).into_future());

        let migrated =
            migrations::migrate_when_available(&db, &service.migrations, config.migrate, &stop)
                .await;
        if !matches!(migrated, Ok(true)) {
            admin_server.abort();
            return migrated.map(drop);
        }
        phase.send_replace(Phase::Ready);
        tracing::info!(service = name, address = %config.listen, "serving");

        let (ids, numbers) = (config.customer_ids.clone(), config.numbers.clone());
        let context = Context::new(db.clone(), ids, numbers);
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
            let task = task(context.clone(), consuming.clone());
            working.spawn(async {
                task.await;
                anyhow::Ok(())
            });
        }
        working.spawn(retention::prune(db.clone(), consuming.clone()));
        working.spawn(consumer::run(
            Arc::new(service.into_intake(db.clone())),
            config.kafka.clone(),
            assigned_partitions,
            consuming.clone(),
        ));

        let failure = tokio::select! {
            failure = wait_for_failure(&mut working, &stop) => failure,
            ended = &mut server => Some(anyhow::anyhow!("the server has ended: {ended:?}")),
            ended = &mut relay => Some(anyhow::anyhow!("the relay has ended: {ended:?}")),
        };
        phase.send_replace(Phase::Draining);
        if failure.is_none() {
            tokio::time::sleep(config.drain).await;
        }
        serving.cancel();
        if !server.is_finished() {
            finish("requests", REQUESTS_TIMEOUT, server).await;
        }
        consuming.cancel();
        finish("consuming", CONSUMER_TIMEOUT, async {
            while working.join_next().await.is_some() {}
        })
        .await;
        relaying.cancel();
        if !relay.is_finished() {
            finish("relaying", RELAY_TIMEOUT, relay).await;
        }
        finish("closing the pool", POOL_TIMEOUT, db.pool().close()).await;
        admin_server.abort();
        tracing::info!(service = name, "stopped");
        failure.map_or(Ok(()), |error| Err(error.context(name)))
    }
}

/// Waits for `stop`, or for the first failure of a part.
async fn wait_for_failure(
    working: &mut JoinSet<anyhow::Result<()>>,
    stop: &CancellationToken,
) -> Option<anyhow::Error> {
    loop {
        tokio::select! {
            () = stop.cancelled() => return None,
            Some(ended) = working.join_next() => match ended {
                // A consumer without topics ends at once.
                Ok(Ok(())) => {}
                Ok(Err(error)) => return Some(error),
                Err(panicked) => return Some(panicked.into()),
            },
        }
    }
}

/// Clients with a pooled connection do not notice a removed endpoint: they must open another.
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
