//! The driver works on erasure jobs, several at a time.
//!
//! Every service is asked in two rounds: a request that began before the customer was signed out
//! may have stored something after a service's first confirmation.

use std::time::Duration;

use axum::http::{Method, StatusCode};
use chrono::TimeDelta;
use futures_util::future::join_all;
use rand::RngExt as _;
use service_kit::Db;
use service_kit::auth::{Identity, Role};
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use crate::auth::sessions;
use crate::config::Service;
use crate::erasure::store::{self, Job};
use crate::upstream::client::Upstream;

/// Finds postponed jobs. A new job wakes the driver.
const POLL_INTERVAL: Duration = Duration::from_millis(500);

/// The backoff doubles from the first to the last.
const FIRST_BACKOFF: TimeDelta = TimeDelta::seconds(1);
const MAX_BACKOFF: TimeDelta = TimeDelta::minutes(5);

/// For a request that its service receives late.
const DELIVERY_MARGIN: TimeDelta = TimeDelta::seconds(5);

/// The part of a lease for the writes after the responses.
const LEASE_MARGIN: Duration = Duration::from_secs(5);

/// So that a job with a slow service does not delay the others.
const MAX_CONCURRENT_JOBS: usize = 8;

/// The stages of a round: the services of a stage are asked concurrently.
type Stages = &'static [&'static [Service]];

const FIRST_ROUND: Stages = &[&Service::ALL];

/// Services with projections of the customer's data before those that own it: each erases what is
/// older than its own confirmation. What staff enter for the same number in between is then erased
/// at its owner, and is never older than a projection's tombstone while it is newer than its
/// owner's.
const SECOND_ROUND: Stages = &[
    &[Service::Project, Service::Salesman, Service::SalesmanMatch],
    &[Service::Interest, Service::Consultation],
];

#[derive(Clone)]
pub(crate) struct Driver {
    db: Db,
    upstream: Upstream,
}

impl Driver {
    pub(crate) fn new(db: Db, upstream: Upstream) -> Self {
        Self { db, upstream }
    }

    /// Works until `stop`, and finishes the attempts that have begun.
    pub(crate) async fn run(self, stop: CancellationToken) {
        let mut committed = self.db.committed();
        let mut poll = tokio::time::interval(POLL_INTERVAL);
        poll.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut attempts = JoinSet::new();
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                Some(ended) = attempts.join_next() => log_failure(ended),
                Ok(()) = committed.changed() => {}
                _ = poll.tick() => {}
            }
            while attempts.len() < MAX_CONCURRENT_JOBS && !stop.is_cancelled() {
                match self.claim().await {
                    Ok(Some((job, lease_end))) => {
                        let driver = self.clone();
                        attempts.spawn(async move { driver.attempt(&job, lease_end).await });
                    }
                    Ok(None) => break,
                    Err(error) => {
                        tracing::debug!(%error, "claiming an erasure job failed");
                        break;
                    }
                }
            }
        }
        while let Some(ended) = attempts.join_next().await {
            log_failure(ended);
        }
    }

    /// Claims a job. Returns it with the end of its lease.
    async fn claim(&self) -> Result<Option<(Job, Instant)>, sqlx::Error> {
        let (started, now) = (Instant::now(), self.db.now());
        let lease = |stages: Stages| {
            let stages = u32::try_from(stages.len()).unwrap_or(u32::MAX);
            self.upstream.timeouts.response.saturating_mul(stages) + LEASE_MARGIN
        };
        let leases = [lease(FIRST_ROUND), lease(SECOND_ROUND)];
        let job = store::claim(&self.db, now, leases.map(to_delta)).await?;
        Ok(job.map(|job| {
            let lease_end = started + lease(stages(&job));
            (job, lease_end)
        }))
    }

    async fn attempt(&self, job: &Job, lease_end: Instant) -> Result<(), sqlx::Error> {
        // The request has ended the sessions, but when it was committed is unknown: before this.
        sessions::end_all(self.db.pool(), Role::Customer, job.customer_id).await?;
        let signed_out_at = self.db.now().max(job.requested_at);
        for services in stages(job) {
            let is_left = |service: &Service| !job.done.iter().any(|done| done == service.as_str());
            let asked = services.iter().copied().filter(is_left);
            let results = join_all(asked.map(|service| self.erase(job, service, lease_end))).await;
            let mut is_confirmed = true;
            for result in results {
                is_confirmed &= result?;
            }
            if !is_confirmed {
                let next_attempt = self.db.now() + backoff(job.attempts);
                return store::postpone(&self.db, job, next_attempt).await;
            }
        }
        if job.round == 1 {
            let last_request = signed_out_at + to_delta(self.upstream.timeouts.response);
            let start = (last_request + DELIVERY_MARGIN).max(self.db.now());
            return store::start_second_round(&self.db, job, start).await;
        }
        if store::finish(&self.db, job).await? {
            tracing::info!(erasure.id = %job.id, "a customer is erased");
        } else {
            tracing::info!(erasure.id = %job.id, "another gateway has claimed this erasure job");
        }
        Ok(())
    }

    /// Asks one service. Returns whether it has confirmed.
    ///
    /// No service is asked that could respond after the lease: by then another gateway may have
    /// finished the job, and the customer may have signed in again.
    async fn erase(
        &self,
        job: &Job,
        service: Service,
        lease_end: Instant,
    ) -> Result<bool, sqlx::Error> {
        let (id, name) = (job.id, service.as_str());
        let deadline = Instant::now() + self.upstream.timeouts.response;
        if deadline > lease_end {
            tracing::warn!(erasure.id = %id, service = name, "too late to ask a service");
            return Ok(false);
        }
        let customer = Identity {
            role: Role::Customer,
            subject: job.customer_id,
            phone: None,
        };
        let response = self
            .upstream
            .request_as(&customer, service, Method::DELETE, "/me", deadline)
            .await;
        match response {
            Ok(response) if response.status() == StatusCode::NO_CONTENT => {
                store::record_done(&self.db, job, service).await?;
                return Ok(true);
            }
            Ok(response) => {
                let status = response.status();
                tracing::warn!(erasure.id = %id, service = name, %status, "erasure was refused");
            }
            Err(_) => {
                tracing::warn!(erasure.id = %id, service = name, "erasure was not answered");
            }
        }
        Ok(false)
    }
}

fn stages(job: &Job) -> Stages {
    if job.round == 1 {
        FIRST_ROUND
    } else {
        SECOND_ROUND
    }
}

/// After any failure the lease ends, and the next claim continues the job.
fn log_failure(ended: Result<Result<(), sqlx::Error>, JoinError>) {
    match ended {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(%error, "an erasure attempt failed"),
        Err(error) => tracing::error!(%error, "an erasure attempt panicked"),
    }
}

/// The wait after so many attempts, shortened by up to a half at random.
fn backoff(attempts: i32) -> TimeDelta {
    // Nine doublings already exceed the maximum.
    let doublings = attempts.clamp(1, 10) - 1;
    let max = (FIRST_BACKOFF * (1 << doublings)).min(MAX_BACKOFF);
    max / 2 + max / 2 * rand::rng().random_range(0..=100) / 100
}

fn to_delta(duration: Duration) -> TimeDelta {
    TimeDelta::from_std(duration).unwrap_or(MAX_BACKOFF)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_backoff_doubles_up_to_five_minutes() {
        for (attempts, seconds) in [(1, 1), (2, 2), (5, 16), (9, 256), (10, 300), (1000, 300)] {
            let (backoff, max) = (backoff(attempts), TimeDelta::seconds(seconds));
            assert!(
                backoff <= max && backoff >= max / 2,
                "{attempts}: {backoff}"
            );
        }
    }
}
