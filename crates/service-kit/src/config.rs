//! The typed environment: read once, at start, with every wrong variable reported together.

use std::collections::HashMap;
use std::fmt;
use std::fs;
use std::net::SocketAddr;
use std::str::FromStr;
use std::time::Duration;

use crate::auth::Verifier;
use crate::forms::phone::CustomerIdKey;
use crate::messaging::kafka;

/// Gives a variable's value by its name.
type Read = Box<dyn Fn(&str) -> Option<String>>;

/// A reader of variables that collects what is wrong instead of stopping at the first.
pub struct Env {
    read: Read,
    wrong: Vec<String>,
}

impl Env {
    /// The process's own environment.
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place where the environment is read"
    )]
    pub fn process() -> Self {
        Self {
            read: Box::new(|name| std::env::var(name).ok()),
            wrong: Vec::new(),
        }
    }

    /// Variables given by a caller: tests, and the process that hosts all services at once.
    pub fn of<K: Into<String>, V: Into<String>>(pairs: impl IntoIterator<Item = (K, V)>) -> Self {
        let pairs: HashMap<String, String> = pairs
            .into_iter()
            .map(|(key, value)| (key.into(), value.into()))
            .collect();
        Self {
            read: Box::new(move |name| pairs.get(name).cloned()),
            wrong: Vec::new(),
        }
    }

    fn raw(&self, name: &str) -> Option<String> {
        (self.read)(name).filter(|value| !value.trim().is_empty())
    }

    /// A variable that must be there. `None` means that it was noted as missing or wrong.
    pub fn required<T: FromStr<Err: fmt::Display>>(&mut self, name: &str) -> Option<T> {
        match self.raw(name) {
            Some(text) => self.parsed(name, &text),
            None => self.missing(name),
        }
    }

    /// A variable that may be absent.
    pub fn or<T: FromStr<Err: fmt::Display>>(&mut self, name: &str, default: T) -> T {
        match self.raw(name) {
            Some(text) => self.parsed(name, &text).unwrap_or(default),
            None => default,
        }
    }

    /// A secret: the variable itself, or the content of the file that `NAME_FILE` names. Its value is never repeated in an error.
    pub fn secret<T: FromStr<Err: fmt::Display>>(&mut self, name: &str) -> Option<T> {
        let file_variable = format!("{name}_FILE");
        let text = match (self.raw(name), self.raw(&file_variable)) {
            (Some(_), Some(_)) => {
                self.wrong
                    .push(format!("{name} and {file_variable} are both set: set one"));
                return None;
            }
            (Some(text), None) => text,
            (None, Some(path)) => match fs::read_to_string(&path) {
                Ok(text) => text.trim().to_owned(),
                Err(error) => {
                    self.wrong
                        .push(format!("{file_variable}={path} cannot be read: {error}"));
                    return None;
                }
            },
            (None, None) => {
                self.wrong.push(format!(
                    "{name} is missing (or name a file in {file_variable})"
                ));
                return None;
            }
        };
        match text.parse() {
            Ok(value) => Some(value),
            Err(error) => {
                self.wrong.push(format!("{name} is wrong: {error}"));
                None
            }
        }
    }

    /// Notes what no single variable's type can tell.
    pub fn refuse(&mut self, why: String) {
        self.wrong.push(why);
    }

    fn missing<T>(&mut self, name: &str) -> Option<T> {
        self.wrong.push(format!("{name} is missing"));
        None
    }

    fn parsed<T: FromStr<Err: fmt::Display>>(&mut self, name: &str, text: &str) -> Option<T> {
        match text.trim().parse() {
            Ok(value) => Some(value),
            Err(error) => {
                self.wrong.push(format!("{name}={text} is wrong: {error}"));
                None
            }
        }
    }

    /// Everything that was found wrong, as one error; `None` when nothing was.
    pub fn wrong(&self) -> Option<WrongVariables> {
        (!self.wrong.is_empty()).then(|| WrongVariables(self.wrong.clone()))
    }
}

/// Every variable that is missing or wrong, in the order in which they were read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrongVariables(pub Vec<String>);

impl fmt::Display for WrongVariables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the configuration is wrong:")?;
        self.0.iter().try_for_each(|line| write!(f, "\n  {line}"))
    }
}

impl std::error::Error for WrongVariables {}

/// What a service does about its schema when it starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Migrate {
    /// Refuses to serve on a schema that is older than itself. The default, for images: there `SERVICE migrate` runs before the roll-out.
    Check,
    /// Brings the schema up to date. For the sandbox.
    Apply,
}

impl FromStr for Migrate {
    type Err = &'static str;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "check" => Ok(Self::Check),
            "apply" => Ok(Self::Apply),
            _ => Err("it is `check` or `apply`"),
        }
    }
}

/// A Postgres URL, which holds a password: it is never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct DatabaseUrl(String);

impl DatabaseUrl {
    /// The URL itself, for the driver.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

crate::redacted_debug!(DatabaseUrl);

impl FromStr for DatabaseUrl {
    type Err = &'static str;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_postgres = text.starts_with("postgres://") || text.starts_with("postgresql://");
        if is_postgres && text.parse::<sqlx::postgres::PgConnectOptions>().is_ok() {
            Ok(Self(text.to_owned()))
        } else {
            Err("it is no postgres:// URL")
        }
    }
}

/// Everything one service needs from outside. There is no `Default`: whoever starts a service knows more.
#[derive(Debug, Clone)]
pub struct Config {
    /// `NAME_DATABASE_URL`: the service's own role, whose `search_path` is the service's own schema.
    pub database_url: DatabaseUrl,
    /// `NAME_LISTEN`: where it serves.
    pub listen: SocketAddr,
    /// `NAME_ADMIN_LISTEN`: where it answers `/livez` and `/readyz`; 1000 above `listen` unless given.
    pub admin_listen: SocketAddr,
    /// `KAFKA_BROKERS`, `TOPIC_PREFIX`.
    pub kafka: kafka::Settings,
    /// `MIGRATE`.
    pub migrate: Migrate,
    /// `INTERNAL_TOKEN_PUBLIC_KEYS`: one PEM block, or two while keys are rotated.
    pub verifier: Verifier,
    /// `DRAIN_SECONDS`: how long it serves on after SIGTERM, until the load balancer has heard of it.
    pub drain: Duration,
    /// `CUSTOMER_ID_KEY`: only for services that [identify customers](crate::Service::identifies_customers) by a number that somebody typed.
    pub customer_ids: Option<CustomerIdKey>,
}

impl Config {
    /// Reads the configuration of the named service; `port` is where it listens unless told otherwise.
    pub fn read(
        env: &mut Env,
        service: &str,
        port: u16,
        identifies_customers: bool,
    ) -> Option<Self> {
        let prefix = service.replace('-', "_").to_uppercase();
        let database_url = env.secret(&format!("{prefix}_DATABASE_URL"));
        let listen = env.or(
            &format!("{prefix}_LISTEN"),
            SocketAddr::from(([127, 0, 0, 1], port)),
        );
        let admin_default =
            SocketAddr::new(listen.ip(), listen.port().saturating_add(ADMIN_OFFSET));
        let admin_listen = env.or(&format!("{prefix}_ADMIN_LISTEN"), admin_default);
        let brokers = env.required("KAFKA_BROKERS");
        let topic_prefix = env.or("TOPIC_PREFIX", kafka::DEFAULT_PREFIX.to_owned());
        let migrate = env.or("MIGRATE", Migrate::Check);
        let verifier = env.secret("INTERNAL_TOKEN_PUBLIC_KEYS");
        let drain = drain(env);
        let customer_ids = identifies_customers.then(|| env.secret("CUSTOMER_ID_KEY"));
        Some(Self {
            database_url: database_url?,
            listen,
            admin_listen,
            kafka: kafka::Settings {
                brokers: brokers?,
                topic_prefix,
            },
            migrate,
            verifier: verifier?,
            drain,
            customer_ids: match customer_ids {
                Some(key) => Some(key?),
                None => None,
            },
        })
    }
}

/// `DRAIN_SECONDS`: how long to serve on after SIGTERM.
pub fn drain(env: &mut Env) -> Duration {
    let seconds = env.or("DRAIN_SECONDS", DRAIN_SECONDS);
    if seconds > LONGEST_DRAIN_SECONDS {
        env.refuse(format!(
            "DRAIN_SECONDS={seconds} is wrong: it is at most {LONGEST_DRAIN_SECONDS}, so that stopping ends in time"
        ));
    }
    Duration::from_secs(seconds)
}

/// The admin port lies this far above the port.
pub const ADMIN_OFFSET: u16 = 1000;

/// A removed endpoint reaches every node's proxy within a few seconds; five is what Kubernetes' own examples use.
const DRAIN_SECONDS: u64 = 5;

/// Stopping takes 15 s behind the drain at most, and must end within 22.
const LONGEST_DRAIN_SECONDS: u64 = 6;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_wrong_variable_is_reported_at_once() {
        let mut env = Env::of([
            ("CONSULTATION_DATABASE_URL", "mysql://x"),
            ("CONSULTATION_LISTEN", "here"),
            ("MIGRATE", "perhaps"),
        ]);
        assert!(Config::read(&mut env, "consultation", 8083, true).is_none());
        let wrong = env.wrong().unwrap().to_string();
        for name in [
            "CONSULTATION_DATABASE_URL",
            "CONSULTATION_LISTEN=here",
            "KAFKA_BROKERS is missing",
            "MIGRATE=perhaps",
            "INTERNAL_TOKEN_PUBLIC_KEYS is missing",
            "CUSTOMER_ID_KEY is missing",
        ] {
            assert!(wrong.contains(name), "{name} is not in:\n{wrong}");
        }
    }

    #[test]
    fn a_secret_is_not_repeated_in_the_error() {
        let mut env = Env::of([("A_DATABASE_URL", "hunter2")]);
        assert_eq!(env.secret::<DatabaseUrl>("A_DATABASE_URL"), None);
        assert!(!env.wrong().unwrap().to_string().contains("hunter2"));
    }

    #[test]
    fn an_empty_variable_is_a_missing_one() {
        let mut env = Env::of([("KAFKA_BROKERS", " ")]);
        assert_eq!(env.required::<String>("KAFKA_BROKERS"), None);
    }
}
