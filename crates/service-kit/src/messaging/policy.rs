//! Policies: functions that react to events, "whenever X, do Y", in the transaction that consumes
//! the event.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;

use events::{Envelope, Event, Topic, TypeName};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::forms::text;
use crate::{Tx, db};

/// A consumed event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received<E> {
    /// The event's metadata.
    pub envelope: Envelope,
    /// The event's payload.
    pub event: E,
}

/// Why a policy failed.
#[derive(Debug)]
pub enum PolicyError {
    /// Temporary: the batch is tried again, without limit.
    Retry(anyhow::Error),
    /// Permanent: the record is parked, with the later records of its aggregate.
    Park(String),
}

impl From<sqlx::Error> for PolicyError {
    fn from(error: sqlx::Error) -> Self {
        if db::is_transient(&error) {
            Self::Retry(error.into())
        } else {
            Self::Park(error.to_string())
        }
    }
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Retry(error) => write!(f, "{error:#}"),
            Self::Park(detail) => f.write_str(detail),
        }
    }
}

/// An `async fn(&mut Tx, &Received<E>) -> Result<(), PolicyError>`.
pub trait Policy<'a, E>: Send + Sync + 'static {
    /// The future that the function returns.
    type Output: Future<Output = Result<(), PolicyError>> + Send + 'a;
    /// Calls the function.
    fn react(&self, tx: &'a mut Tx, received: &'a Received<E>) -> Self::Output;
}

impl<'a, E, F, R> Policy<'a, E> for F
where
    E: 'a,
    F: Fn(&'a mut Tx, &'a Received<E>) -> R + Send + Sync + 'static,
    R: Future<Output = Result<(), PolicyError>> + Send + 'a,
{
    type Output = R;
    fn react(&self, tx: &'a mut Tx, received: &'a Received<E>) -> R {
        self(tx, received)
    }
}

/// Decodes a payload with [clean](text::clean) texts: services before this one published names as
/// they were typed.
///
/// # Errors
/// When the payload is another event's.
pub fn decode<E: DeserializeOwned>(payload: &[u8]) -> Result<E, serde_json::Error> {
    let json = std::str::from_utf8(payload).unwrap_or_default();
    if json.is_ascii() || text::clean(json) == json.trim() {
        return serde_json::from_slice(payload);
    }
    let mut event = serde_json::from_slice(payload)?;
    clean_texts(&mut event);
    serde_json::from_value(event)
}

fn clean_texts(value: &mut Value) {
    match value {
        Value::String(text) => *text = text::clean(text),
        Value::Array(values) => values.iter_mut().for_each(clean_texts),
        Value::Object(fields) => fields.values_mut().for_each(clean_texts),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Contains the position of the error, not the payload, because it is logged.
fn unreadable(type_name: TypeName, error: &serde_json::Error) -> PolicyError {
    let (line, column) = (error.line(), error.column());
    PolicyError::Park(format!(
        "the payload is not a {type_name}: {:?} at {line}:{column}",
        error.classify()
    ))
}

type ReactionFuture<'a> = Pin<Box<dyn Future<Output = Result<(), PolicyError>> + Send + 'a>>;
type Reaction =
    Box<dyn for<'a> Fn(&'a mut Tx, &'a Envelope, &'a [u8]) -> ReactionFuture<'a> + Send + Sync>;

/// The policies of a service by event type.
#[derive(Default)]
pub(crate) struct Policies {
    reactions: BTreeMap<TypeName, Vec<Reaction>>,
    topics: Vec<Topic>,
    names: Vec<(TypeName, &'static str)>,
}

impl Policies {
    pub(crate) fn add<E: Event, P: for<'a> Policy<'a, E>>(&mut self, policy: P) {
        self.names.push((E::TYPE, function_name::<P>()));
        let policy = std::sync::Arc::new(policy);
        let reaction: Reaction = Box::new(move |tx, envelope, payload| {
            let policy = policy.clone();
            Box::pin(async move {
                let event = decode(payload).map_err(|error| unreadable(E::TYPE, &error))?;
                let received = Received {
                    envelope: envelope.clone(),
                    event,
                };
                policy.react(tx, &received).await
            })
        });
        self.reactions.entry(E::TYPE).or_default().push(reaction);
        if !self.topics.contains(&E::TOPIC) {
            self.topics.push(E::TOPIC);
        }
    }

    /// Event types and function names.
    pub(crate) fn names(&self) -> &[(TypeName, &'static str)] {
        &self.names
    }

    /// The topics of these policies.
    pub(crate) fn topics(&self) -> &[Topic] {
        &self.topics
    }

    /// Runs the policies for the event, if any.
    pub(crate) async fn react(
        &self,
        tx: &mut Tx,
        envelope: &Envelope,
        payload: &[u8],
    ) -> Result<(), PolicyError> {
        for reaction in self
            .reactions
            .get(envelope.type_name.as_str())
            .into_iter()
            .flatten()
        {
            reaction(tx, envelope, payload).await?;
        }
        Ok(())
    }
}

/// The name of a policy's function, without its path.
fn function_name<P>() -> &'static str {
    let path = std::any::type_name::<P>();
    let path = path.split('<').next().unwrap_or(path);
    path.rsplit("::").next().unwrap_or(path)
}

impl fmt::Debug for Policies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.reactions.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn names_of_older_events_are_cleaned_and_other_payloads_unchanged() {
        let typed = json!({
            "name": "\u{1112}\u{1161}\u{11AB}\u{200B}빛",
            "people": [{ "displayName": "김\u{202E}하늘\u{2028}" }],
            "year": 2026,
        });
        let clean = json!({
            "name": "한빛", "people": [{ "displayName": "김하늘" }], "year": 2026,
        });
        for (payload, event) in [(&typed, &clean), (&clean, &clean)] {
            let decoded: Value = decode(payload.to_string().as_bytes()).unwrap();
            assert_eq!(decoded, *event);
        }
        assert!(decode::<Value>(b"{\xFF}").is_err());
    }
}
