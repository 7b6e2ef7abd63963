//! A service is a value: building it does no I/O. [`Bound`](crate::Bound) runs it, alone or beside others.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use axum::Router;
use axum::http::{HeaderValue, header};
use axum::middleware;
use events::{Event, TypeName};
use serde_json::Value;
use sqlx::migrate::Migrator;
use tokio_util::sync::CancellationToken;
use utoipa_axum::router::OpenApiRouter;

use crate::auth::{self, Gate, Verifier};
use crate::config::{Config, Env};
use crate::db::Db;
use crate::forms::phone::CustomerIdKey;
use crate::http::permissions::{self, Permission};
use crate::http::problem::Problem;
use crate::http::{self, describe, read_your_writes};
use crate::messaging::intake::Intake;
use crate::messaging::policy::{Policies, Policy};
use crate::privacy::disclosure;

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
    pub(crate) name: &'static str,
    port: u16,
    pub(crate) migrations: Migrator,
    routes: fn() -> OpenApiRouter<Context>,
    permissions: &'static [Permission],
    pub(crate) policies: Policies,
    pub(crate) tasks: Vec<Task>,
    examples: &'static str,
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
            examples: "{}",
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

    /// An example of each of its schemas: a JSON object by schema name.
    #[must_use]
    pub fn examples(mut self, examples: &'static str) -> Self {
        self.examples = examples;
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
            self.examples,
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
                permissions::authorize,
            ))
            .route(
                "/openapi.json",
                axum::routing::get(|| async { (json, description) }),
            )
            .layer(middleware::from_fn(disclosure::refuse_head))
            .layer(middleware::from_fn_with_state(
                read_your_writes::Reader::new(context.db.clone(), self.policies.topics()),
                read_your_writes::wait,
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
