//! A service that holds its ports: how it serves, and how it stops.

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

impl Service {
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
}

/// Parts of stopping, in their order; together with the longest drain they stay below [`shutdown::HARD_DEADLINE`].
const FINISH_REQUESTS: Duration = Duration::from_secs(4);

const FINISH_CONSUMING: Duration = Duration::from_secs(6);

const FINISH_RELAYING: Duration = Duration::from_secs(4);

const CLOSE_POOL: Duration = Duration::from_secs(1);

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
        working.spawn(retention::prune(db.clone(), consuming.clone()));
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
