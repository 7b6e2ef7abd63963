//! A service as a value: building it does no I/O. [`Bound`](crate::Bound) runs it.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use axum::http::{HeaderValue, header};
use axum::{Router, middleware};
use events::{Event, TypeName};
use serde_json::Value;
use sqlx::migrate::Migrator;
use tokio_util::sync::CancellationToken;
use utoipa_axum::router::OpenApiRouter;

use crate::auth::caller::{TokenCheck, identify};
use crate::auth::token::Verifier;
use crate::config::{Config, Env};
use crate::db::Db;
use crate::forms::phone::CustomerIdKey;
use crate::http::permissions::{self, Permission};
use crate::http::problem::Problem;
use crate::http::{self, Timeouts, describe, read_your_writes};
use crate::messaging::intake::Intake;
use crate::messaging::policy::{Policies, Policy};

/// The state of handlers and background tasks.
#[derive(Debug, Clone)]
pub struct Context {
    /// The service's database.
    pub db: Db,
    customer_ids: Option<CustomerIdKey>,
    numbers: BTreeMap<&'static str, u32>,
}

impl Context {
    pub(crate) fn new(
        db: Db,
        customer_ids: Option<CustomerIdKey>,
        numbers: BTreeMap<&'static str, u32>,
    ) -> Self {
        Self {
            db,
            customer_ids,
            numbers,
        }
    }

    /// A [number](Service::number) of the service.
    ///
    /// # Errors
    /// 500 for one that the service does not declare.
    pub fn number(&self, name: &str) -> Result<u32, Problem> {
        let number = self.numbers.get(name).copied();
        number.ok_or_else(|| Problem::internal("the service does not declare this number"))
    }

    /// The key for customer ids.
    ///
    /// # Errors
    /// 500 in a service that does not [identify customers](Service::identifies_customers).
    pub fn customer_ids(&self) -> Result<&CustomerIdKey, Problem> {
        self.customer_ids
            .as_ref()
            .ok_or_else(|| Problem::internal("the service has no CUSTOMER_ID_KEY"))
    }
}

type TaskFuture = Pin<Box<dyn Future<Output = ()> + Send>>;
type Task = Box<dyn FnOnce(Context, CancellationToken) -> TaskFuture + Send>;

/// The definition of a service.
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
    timeouts: Vec<(&'static str, Duration)>,
    identifies_customers: bool,
    numbers: BTreeMap<&'static str, u32>,
    deduplicates: bool,
}

impl Service {
    /// A service without routes and policies yet, with its default port.
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
            timeouts: Vec::new(),
            identifies_customers: false,
            numbers: BTreeMap::new(),
            deduplicates: true,
        }
    }

    /// The name: of the crate, the topic, the consumer group and, with underscores, the schema.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Sets the routes.
    #[must_use]
    pub fn routes(mut self, routes: fn() -> OpenApiRouter<Context>) -> Self {
        self.routes = routes;
        self
    }

    /// Sets the permission table. A route without a row is refused to all callers.
    #[must_use]
    pub fn permissions(mut self, permissions: &'static [Permission]) -> Self {
        self.permissions = permissions;
        self
    }

    /// Adds a policy for the event `E`.
    #[must_use]
    pub fn whenever<E: Event, P: for<'a> Policy<'a, E>>(mut self, policy: P) -> Self {
        self.policies.add::<E, P>(policy);
        self
    }

    /// Adds a background task, which runs until the token is cancelled.
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

    /// Sets the examples of the schemas: a JSON object by schema name.
    #[must_use]
    pub fn examples(mut self, examples: &'static str) -> Self {
        self.examples = examples;
        self
    }

    /// Sets the examples of the service's own problems, which operations refer to in `x-problems`.
    #[must_use]
    pub fn problems(mut self, problems: fn() -> Vec<Problem>) -> Self {
        self.problems = problems;
        self
    }

    /// Sets the timeout of requests to this path, for a large body.
    #[must_use]
    pub fn request_timeout(mut self, path: &'static str, timeout: Duration) -> Self {
        self.timeouts.push((path, timeout));
        self
    }

    /// The service computes customer ids from phone numbers, and needs `CUSTOMER_ID_KEY`.
    #[must_use]
    pub fn identifies_customers(mut self) -> Self {
        self.identifies_customers = true;
        self
    }

    /// The service reads this number from the environment, with that default.
    #[must_use]
    pub fn number(mut self, name: &'static str, default: u32) -> Self {
        self.numbers.insert(name, default);
        self
    }

    /// Consumes without inbox and progress: the negative control of the kill test.
    #[cfg(feature = "testing")]
    #[must_use]
    pub fn without_deduplication(mut self) -> Self {
        self.deduplicates = false;
        self
    }

    /// The description of the routes (`OpenAPI` 3.1), with problems and examples.
    pub fn description(&self) -> Value {
        describe::complete(
            (self.routes)().into_openapi(),
            self.examples,
            &(self.problems)(),
            self.permissions,
        )
    }

    /// The event types and function names of the policies.
    pub fn policies(&self) -> &[(TypeName, &'static str)] {
        self.policies.names()
    }

    /// Whether the service needs [`Config::customer_ids`].
    pub fn needs_customer_ids(&self) -> bool {
        self.identifies_customers
    }

    /// The numbers with their defaults.
    pub fn numbers(&self) -> &BTreeMap<&'static str, u32> {
        &self.numbers
    }

    /// Reads the configuration.
    pub fn config(&self, env: &mut Env) -> Option<Config> {
        let (port, numbers) = (self.port, &self.numbers);
        Config::read(env, self.name, port, self.identifies_customers, numbers)
    }

    /// The migrations.
    pub fn migrations(&self) -> &Migrator {
        &self.migrations
    }

    /// The routes and `/openapi.json`, with all layers.
    pub(crate) fn router(&self, context: Context, verifier: Verifier) -> Router {
        let (routes, _) = (self.routes)().split_for_parts();
        let description = self.description().to_string();
        let check = TokenCheck {
            verifier,
            service: self.name,
        };
        let json = [(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/json"),
        )];
        let routes = routes
            .layer(middleware::from_fn_with_state(
                read_your_writes::Reader::new(context.db.clone(), self.policies.topics()),
                read_your_writes::wait,
            ))
            .layer(middleware::from_fn_with_state(
                self.permissions,
                permissions::authorize,
            ))
            .route(
                "/openapi.json",
                axum::routing::get(|| async { (json, description) }),
            )
            .layer(middleware::from_fn_with_state(check, identify))
            .layer(middleware::from_fn_with_state(
                Timeouts(self.timeouts.clone().into()),
                http::limit_time,
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
