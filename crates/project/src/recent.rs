//! Answers that are computed once for everyone who asks within a few seconds.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::OnceCell;

/// The greatest age of an answer.
const MAX_AGE: TimeDelta = TimeDelta::seconds(5);

/// The greatest number of answers, so that callers who vary the question take no more memory.
const MAX_ANSWERS: usize = 64;

/// Answers by question. Of callers with the same question, one computes the answer and the others
/// wait for it. An error is no answer: the next caller computes.
#[derive(Debug)]
pub(crate) struct Recent<K, V> {
    answers: Mutex<HashMap<K, Answer<V>>>,
}

#[derive(Debug)]
struct Answer<V> {
    /// Before it was computed.
    asked_at: DateTime<Utc>,
    value: Arc<OnceCell<Arc<V>>>,
}

impl<K: Eq + Hash + Clone, V> Recent<K, V> {
    pub(crate) fn new() -> Self {
        Self {
            answers: Mutex::default(),
        }
    }

    /// The answer and the instant from which on it may be outdated.
    pub(crate) async fn get<E>(
        &self,
        question: K,
        now: DateTime<Utc>,
        compute: impl Future<Output = Result<V, E>>,
    ) -> Result<(DateTime<Utc>, Arc<V>), E> {
        let (asked_at, value) = self.answer(question, now);
        let compute = async { compute.await.map(Arc::new) };
        let value = value.get_or_try_init(|| compute).await?;
        Ok((asked_at, value.clone()))
    }

    fn answer(&self, question: K, now: DateTime<Utc>) -> (DateTime<Utc>, Arc<OnceCell<Arc<V>>>) {
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        answers.retain(|_, answer| (now - answer.asked_at).abs() < MAX_AGE);
        if answers.len() >= MAX_ANSWERS && !answers.contains_key(&question) {
            let oldest = answers.iter().min_by_key(|(_, answer)| answer.asked_at);
            if let Some(oldest) = oldest.map(|(question, _)| question.clone()) {
                answers.remove(&oldest);
            }
        }
        let answer = answers.entry(question).or_insert_with(|| Answer {
            asked_at: now,
            value: Arc::default(),
        });
        (answer.asked_at, answer.value.clone())
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 0).unwrap()
    }

    #[tokio::test]
    async fn answer_is_computed_again_once_it_is_too_old() {
        let recent = Recent::new();
        let count = Cell::new(0);
        let next = async || {
            count.set(count.get() + 1);
            Ok::<i32, ()>(count.get())
        };
        for (question, seconds, asked, value) in [
            ("a", 100, 100, 1),
            ("a", 104, 100, 1),
            ("b", 104, 104, 2),
            ("a", 105, 105, 3),
            // A clock that was set back.
            ("a", 90, 90, 4),
        ] {
            let found = recent.get(question, at(seconds), next()).await.unwrap();
            assert_eq!((found.0, *found.1), (at(asked), value));
        }
    }

    #[tokio::test]
    async fn callers_at_the_same_time_share_one_computation() {
        let recent = Recent::new();
        let count = Cell::new(0);
        let compute = async || {
            tokio::task::yield_now().await;
            count.set(count.get() + 1);
            Ok::<i32, ()>(7)
        };
        let (first, second) = tokio::join!(
            recent.get("a", at(1), compute()),
            recent.get("a", at(1), compute()),
        );
        assert_eq!(
            (*first.unwrap().1, *second.unwrap().1, count.get()),
            (7, 7, 1)
        );
    }

    #[tokio::test]
    async fn error_is_not_kept_and_the_number_of_answers_is_bounded() {
        let recent = Recent::new();
        let failed = recent.get(0, at(1), async { Err::<i32, &str>("no") });
        assert_eq!(failed.await.unwrap_err(), "no");
        for question in 0..200 {
            let value = async { Ok::<i32, &str>(question) };
            let found = recent.get(question, at(1), value).await.unwrap();
            assert_eq!(*found.1, question);
        }
        assert_eq!(recent.answers.lock().unwrap().len(), MAX_ANSWERS);
    }
}
