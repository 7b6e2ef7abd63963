//! Slots for work that takes a core. Few requests wait for one.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use service_kit::Problem;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Requests that may wait for each slot: what one slot finishes within about a second.
const QUEUE_PER_SLOT: usize = 16;

/// How long a request waits for a slot of a busy machine.
const TIMEOUT: Duration = Duration::from_secs(5);

pub(super) struct Slots {
    free: Arc<Semaphore>,
    /// One for each request that has a slot or waits for one.
    places: Arc<Semaphore>,
    timeout: Duration,
}

impl Slots {
    pub(super) fn new(slots: usize) -> Self {
        Self {
            free: Arc::new(Semaphore::new(slots)),
            places: Arc::new(Semaphore::new(slots * (1 + QUEUE_PER_SLOT))),
            timeout: TIMEOUT,
        }
    }

    /// Waits for a slot.
    ///
    /// # Errors
    /// 503, at once when too many requests are waiting, or when none is free in time.
    pub(super) async fn take(&self) -> Result<Taken, Problem> {
        let place = self.places.clone().try_acquire_owned();
        let place = place.map_err(|_| busy("too many passwords wait to be hashed"))?;
        let slot = tokio::time::timeout(self.timeout, self.free.clone().acquire_owned())
            .await
            .map_err(busy)?
            .map_err(Problem::internal)?;
        Ok(Taken(Arc::new((slot, place))))
    }
}

fn busy(cause: impl fmt::Display) -> Problem {
    Problem::unavailable(cause).because("password-hashing")
}

/// A slot. Work that a cancelled request has started keeps it until the work ends.
pub(super) struct Taken(Arc<(OwnedSemaphorePermit, OwnedSemaphorePermit)>);

impl Taken {
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Problem> {
        let permits = self.0.clone();
        let work = move || {
            let result = work();
            drop(permits);
            result
        };
        tokio::task::spawn_blocking(work)
            .await
            .map_err(Problem::internal)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use futures_util::future::join_all;
    use service_kit::http::problem::Language;

    use super::*;

    #[tokio::test]
    async fn a_full_queue_is_503_with_retry_after_at_once() {
        let slots = Slots::new(1);
        let taken = slots.take().await.unwrap();
        let started = Instant::now();
        let waiting = join_all((0..QUEUE_PER_SLOT).map(|_| slots.take()));
        let refused = async {
            // `join` polls the others first, so that they wait already.
            let refused = slots.take().await.err().unwrap();
            let elapsed = started.elapsed();
            drop(taken);
            (refused, elapsed)
        };
        let one_after_the_other = async {
            for waited in waiting.await {
                drop(waited);
            }
        };
        let (_, (refused, elapsed)) = tokio::join!(
            tokio::time::timeout(TIMEOUT / 2, one_after_the_other),
            refused
        );
        let response = refused.render(Language::Korean);
        assert_eq!(response.status().as_u16(), 503);
        assert_eq!(response.headers()["retry-after"], "1");
        assert!(elapsed < Duration::from_millis(500), "{elapsed:?}");
    }

    #[tokio::test]
    async fn without_a_free_slot_in_time_it_is_503() {
        let slots = Slots {
            timeout: Duration::from_millis(10),
            ..Slots::new(1)
        };
        let taken = slots.take().await.unwrap();
        let refused = slots.take().await.err().unwrap();
        assert_eq!(refused.status().as_u16(), 503);
        drop(taken);
        assert!(slots.take().await.is_ok());
    }
}
