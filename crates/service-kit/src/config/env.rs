//! Environment variables.

use std::collections::HashMap;
use std::str::FromStr;
use std::{fmt, fs};

/// Returns the value of a variable.
type Read = Box<dyn Fn(&str) -> Option<String>>;

/// Reads environment variables, and collects the errors instead of stopping at the first.
pub struct Env {
    read: Read,
    errors: Vec<String>,
}

impl Env {
    /// The environment of the process.
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place where the environment is read"
    )]
    pub fn process() -> Self {
        Self {
            read: Box::new(|name| std::env::var(name).ok()),
            errors: Vec::new(),
        }
    }

    /// The given variables: for tests, and for the process that hosts all services.
    pub fn from_pairs<K: Into<String>, V: Into<String>>(
        pairs: impl IntoIterator<Item = (K, V)>,
    ) -> Self {
        let pairs: HashMap<String, String> = pairs
            .into_iter()
            .map(|(key, value)| (key.into(), value.into()))
            .collect();
        Self {
            read: Box::new(move |name| pairs.get(name).cloned()),
            errors: Vec::new(),
        }
    }

    fn raw(&self, name: &str) -> Option<String> {
        (self.read)(name).filter(|value| !value.trim().is_empty())
    }

    /// Whether the variable, or the one that names its file, has a value.
    pub fn is_set(&self, name: &str) -> bool {
        self.raw(name).is_some() || self.raw(&format!("{name}_FILE")).is_some()
    }

    /// A required variable; `None` when it is missing or invalid.
    pub fn required<T: FromStr<Err: fmt::Display>>(&mut self, name: &str) -> Option<T> {
        match self.raw(name) {
            Some(text) => self.parsed(name, &text),
            None => self.error(format!("{name} is missing")),
        }
    }

    /// An optional variable.
    pub fn or<T: FromStr<Err: fmt::Display>>(&mut self, name: &str, default: T) -> T {
        match self.raw(name) {
            Some(text) => self.parsed(name, &text).unwrap_or(default),
            None => default,
        }
    }

    /// A required secret: the variable, or the content of the file that `NAME_FILE` names. Errors
    /// do not repeat its value.
    pub fn secret<T: FromStr<Err: fmt::Display>>(&mut self, name: &str) -> Option<T> {
        let file_variable = format!("{name}_FILE");
        let text = match (self.raw(name), self.raw(&file_variable)) {
            (Some(_), Some(_)) => {
                return self.error(format!("{name} and {file_variable} are both set: set one"));
            }
            (Some(text), None) => text,
            (None, Some(path)) => match fs::read_to_string(&path) {
                Ok(text) => text.trim().to_owned(),
                Err(error) => {
                    return self.error(format!("{file_variable}={path} cannot be read: {error}"));
                }
            },
            (None, None) => {
                return self.error(format!(
                    "{name} is missing (or name a file in {file_variable})"
                ));
            }
        };
        match text.parse() {
            Ok(value) => Some(value),
            Err(error) => self.error(format!("{name} is invalid: {error}")),
        }
    }

    /// Adds an error that concerns more than the format of one variable.
    pub fn refuse(&mut self, error: String) {
        self.errors.push(error);
    }

    fn error<T>(&mut self, error: String) -> Option<T> {
        self.errors.push(error);
        None
    }

    fn parsed<T: FromStr<Err: fmt::Display>>(&mut self, name: &str, text: &str) -> Option<T> {
        match text.trim().parse() {
            Ok(value) => Some(value),
            Err(error) => self.error(format!("{name}={text} is invalid: {error}")),
        }
    }

    /// All errors so far; `None` when there are none.
    pub fn invalid(&self) -> Option<InvalidVariables> {
        (!self.errors.is_empty()).then(|| InvalidVariables(self.errors.clone()))
    }
}

/// The missing and invalid variables, in the order in which they were read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidVariables(pub Vec<String>);

impl fmt::Display for InvalidVariables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "invalid configuration:")?;
        self.0.iter().try_for_each(|line| write!(f, "\n  {line}"))
    }
}

impl std::error::Error for InvalidVariables {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::DatabaseUrl;

    #[test]
    fn errors_do_not_contain_the_secret() {
        let mut env = Env::from_pairs([("A_DATABASE_URL", "hunter2")]);
        assert_eq!(env.secret::<DatabaseUrl>("A_DATABASE_URL"), None);
        assert!(!env.invalid().unwrap().to_string().contains("hunter2"));
    }

    #[test]
    fn empty_variable_counts_as_missing() {
        let mut env = Env::from_pairs([("KAFKA_BROKERS", " ")]);
        assert_eq!(env.required::<String>("KAFKA_BROKERS"), None);
    }
}
