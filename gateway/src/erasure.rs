//! A customer is forgotten: each service does so when it is asked, and this asks until each has.
//!
//! Any replica does it, several at once. Whoever claims a row puts it off for as long as he may need, so that another goes on where he left if
//! he dies, and writes nothing down when another has claimed it since. Every service is asked twice: what had begun before the sign-ins ended
//! may still have written something behind its first answer. The first time each answer is kept as it comes.

use std::sync::Arc;
use std::time::Duration;

use axum::http::{Method, StatusCode};
use chrono::{DateTime, TimeDelta, Utc};
use events::CustomerId;
use futures_util::future::join_all;
use rand::RngExt as _;
use service_kit::auth::{Identity, Role};
use service_kit::http::problem::Text;
use service_kit::{Problem, Tx};
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::auth::consent;
use crate::auth::one_time_code;
use crate::auth::sessions;
use crate::state::AppState;
use crate::upstream::customer_request;
use crate::upstream::routes::Service;

/// How often it looks for something to do. A request to be forgotten rings by itself; what is due again is found by this.
const LOOK: Duration = Duration::from_millis(500);

/// The way from one attempt to the next: it doubles from the first to the last.
const FIRST_PAUSE: TimeDelta = TimeDelta::seconds(1);
const LONGEST_PAUSE: TimeDelta = TimeDelta::minutes(5);

/// Services accept a token for so long behind its end: clocks differ.
const LEEWAY: TimeDelta = TimeDelta::seconds(5);

/// A claimed row is put off by what the answers may take and this much more, for what is written about it.
const SLACK: Duration = Duration::from_secs(5);

/// So many are forgotten at once by one gateway: one whom a service is slow to forget keeps nobody else waiting.
const AT_ONCE: usize = 8;

/// The first time all services are asked together.
const FIRST: &[&[Service]] = &[&Service::ALL];

/// The second time those that keep copies of what is his are asked first, and those that own it last: each forgets what is older than its own
/// answer. What a colleague enters for his number in between is then erased where it is owned, and never looks old to a copy while it is new
/// to its owner.
const SECOND: &[&[Service]] = &[
    &[Service::Project, Service::Salesman, Service::SalesmanMatch],
    &[Service::Interest, Service::Consultation],
];

/// 409: whoever signs in now would be half forgotten.
pub(crate) fn in_progress() -> Problem {
    let title = Text::new(
        "개인정보를 삭제하고 있습니다. 삭제가 끝난 뒤에 다시 로그인해 주세요",
        "What is kept of this number is being erased: sign in again when that is done",
    );
    Problem::conflict("erasure-in-progress", title)
}

/// Asks for the customer to be forgotten, and signs him out everywhere; asked again before that is done, it is the same wish.
pub(crate) async fn request(tx: &mut Tx, customer: CustomerId) -> Result<(), sqlx::Error> {
    hold(tx, customer).await?;
    sessions::end_of_customer(tx, customer).await?;
    let (id, now) = (tx.new_id(), tx.now());
    sqlx::query(
        "insert into erasure (id, customer_id, requested_at, next_try_at) values ($1, $2, $3, $3)
         on conflict (customer_id) where finished_at is null do nothing",
    )
    .bind(id)
    .bind(customer.0)
    .bind(now)
    .execute(&mut **tx)
    .await?;
    tx.notify_on_commit();
    Ok(())
}

/// Lets nobody else begin to forget this customer, or sign him in, until `tx` ends: whoever was signed in before the wish is signed out with
/// it, and nobody is signed in behind it.
pub(crate) async fn hold(tx: &mut Tx, customer: CustomerId) -> Result<(), sqlx::Error> {
    sqlx::query(
        "select pg_advisory_xact_lock(hashtextextended('gateway/customer/' || $1::text, 0))",
    )
    .bind(customer.0)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Whether the customer is being forgotten just now.
pub(crate) async fn is_unfinished(tx: &mut Tx, customer: CustomerId) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar(
        "select exists (select from erasure where customer_id = $1 and finished_at is null)",
    )
    .bind(customer.0)
    .fetch_one(&mut **tx)
    .await
}

/// One customer who is to be forgotten, claimed.
#[derive(sqlx::FromRow)]
struct Claimed {
    id: Uuid,
    customer_id: Uuid,
    requested_at: DateTime<Utc>,
    round: i16,
    done: Vec<String>,
    /// Counted by each claim: with the round it tells this one from every other.
    attempts: i32,
}

impl Claimed {
    /// Who is asked, one after the other.
    fn stages(&self) -> &'static [&'static [Service]] {
        if self.round == 1 { FIRST } else { SECOND }
    }
}

/// Forgets whoever is to be forgotten, until told to stop.
pub(crate) async fn run(door: Arc<AppState>, stop: CancellationToken) {
    let mut committed = door.db.committed();
    let mut looks = tokio::time::interval(LOOK);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut claims = JoinSet::new();
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            Some(ended) = claims.join_next() => note(ended),
            Ok(()) = committed.changed() => {}
            _ = looks.tick() => {}
        }
        while claims.len() < AT_ONCE && !stop.is_cancelled() {
            match claim(&door).await {
                Ok(Some((claimed, until))) => {
                    let door = door.clone();
                    claims.spawn(async move { go_on(&door, &claimed, until).await });
                }
                Ok(None) => break,
                Err(error) => {
                    tracing::debug!(%error, "nobody can be forgotten just now");
                    break;
                }
            }
        }
    }
    // What is claimed is finished when told to stop, as a request is.
    while let Some(ended) = claims.join_next().await {
        note(ended);
    }
}

/// Whatever went wrong, the claim runs out, and the next one goes on.
fn note(ended: Result<Result<(), sqlx::Error>, JoinError>) {
    match ended {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(%error, "a customer cannot be forgotten just now"),
        Err(panicked) => tracing::error!(error = %panicked, "forgetting a customer ended early"),
    }
}

/// Claims one; until when he is ours.
///
/// The second time everybody is asked in one go, however often it takes: what a colleague entered before an owner forgets leaves nothing in the
/// copies.
async fn claim(door: &AppState) -> Result<Option<(Claimed, Instant)>, sqlx::Error> {
    let (began, now) = (Instant::now(), door.db.now());
    let lease = |stages: &[&[Service]]| {
        door.upstream
            .patience
            .answer
            .saturating_mul(stages.len().try_into().unwrap_or(u32::MAX))
            + SLACK
    };
    let claimed: Option<Claimed> = sqlx::query_as(
        "update erasure set next_try_at = case round when 1 then $2 else $3 end, attempts = attempts + 1,
             done = case round when 1 then done else '{}' end
         where id = (select id from erasure where finished_at is null and next_try_at <= $1
                     order by next_try_at limit 1 for update skip locked)
         returning id, customer_id, requested_at, round, done, attempts",
    )
    .bind(now)
    .bind(now + span(lease(FIRST)))
    .bind(now + span(lease(SECOND)))
    .fetch_optional(door.db.pool())
    .await?;
    Ok(claimed.map(|claimed| {
        let until = began + lease(claimed.stages());
        (claimed, until)
    }))
}

async fn go_on(door: &AppState, claimed: &Claimed, until: Instant) -> Result<(), sqlx::Error> {
    let customer = Identity {
        role: Role::Customer,
        subject: claimed.customer_id,
        phone: None,
    };
    // The wish has ended them. When it was committed nobody knows, but it was before this.
    door.sessions
        .end_all(Role::Customer, customer.subject)
        .await?;
    let signed_out_at = door.db.now().max(claimed.requested_at);
    for services in claimed.stages() {
        let left = services
            .iter()
            .filter(|it| claimed.done.iter().all(|done| done != it.name()));
        let answers = join_all(
            left.map(async |service| ask(door, claimed, &customer, *service, until).await),
        )
        .await;
        let are_done = answers
            .into_iter()
            .collect::<Result<Vec<bool>, sqlx::Error>>()?
            .into_iter()
            .all(|it| it);
        if !are_done {
            return put_off(door, claimed).await;
        }
    }
    if claimed.round == 1 {
        let settled = signed_out_at + span(door.upstream.patience.answer) + LEEWAY;
        sqlx::query(
            "update erasure set round = 2, done = '{}', attempts = 0, next_try_at = $3 where id = $1 and round = 1 and attempts = $2",
        )
        .bind(claimed.id)
        .bind(claimed.attempts)
        .bind(settled.max(door.db.now()))
        .execute(door.db.pool())
        .await?;
        return Ok(());
    }
    finish(door, claimed).await
}

/// Asks one service, and keeps that it has done it. `false`: not this time.
///
/// `until` is when the claim ends. Nobody is asked who might answer later: the customer may have been forgotten by another gateway by then, and
/// have come back.
async fn ask(
    door: &AppState,
    claimed: &Claimed,
    customer: &Identity,
    service: Service,
    until: Instant,
) -> Result<bool, sqlx::Error> {
    let deadline = Instant::now() + door.upstream.patience.answer;
    if deadline > until {
        tracing::warn!(erasure.id = %claimed.id, service = service.name(), "too late to ask a service to forget a customer this time");
        return Ok(false);
    }
    match customer_request::ask(door, service, Method::DELETE, "/me", customer, deadline).await {
        Ok(answer) if answer.status == StatusCode::NO_CONTENT => {
            sqlx::query(
                "update erasure set done = array_append(done, $4) where id = $1 and round = $2 and attempts = $3 and $4 <> all (done)",
            )
            .bind(claimed.id)
            .bind(claimed.round)
            .bind(claimed.attempts)
            .bind(service.name())
            .execute(door.db.pool())
            .await?;
            return Ok(true);
        }
        Ok(answer) => {
            tracing::warn!(erasure.id = %claimed.id, service = service.name(), status = %answer.status, "a service did not forget a customer");
        }
        Err(_) => {
            tracing::warn!(erasure.id = %claimed.id, service = service.name(), "a service cannot be asked to forget a customer");
        }
    }
    Ok(false)
}

async fn put_off(door: &AppState, claimed: &Claimed) -> Result<(), sqlx::Error> {
    sqlx::query(
        "update erasure set next_try_at = $4 where id = $1 and round = $2 and attempts = $3",
    )
    .bind(claimed.id)
    .bind(claimed.round)
    .bind(claimed.attempts)
    .bind(door.db.now() + pause(claimed.attempts))
    .execute(door.db.pool())
    .await?;
    Ok(())
}

async fn finish(door: &AppState, claimed: &Claimed) -> Result<(), sqlx::Error> {
    let customer = CustomerId(claimed.customer_id);
    let mut tx = door.db.begin().await?;
    let now = tx.now();
    let finished =
        sqlx::query("update erasure set finished_at = $4 where id = $1 and round = $2 and attempts = $3 and finished_at is null")
            .bind(claimed.id)
            .bind(claimed.round)
            .bind(claimed.attempts)
            .bind(now)
            .execute(&mut *tx)
            .await?;
    if finished.rows_affected() == 0 {
        // What is kept now may be of a customer who has come back.
        tracing::info!(erasure.id = %claimed.id, "another gateway goes on forgetting a customer");
        return Ok(());
    }
    consent::withdraw(&mut tx, customer).await?;
    one_time_code::forget(&mut tx, customer).await?;
    tx.commit().await?;
    tracing::info!(erasure.id = %claimed.id, "a customer is forgotten");
    Ok(())
}

/// How long to wait after so many attempts, shortened by up to a half by chance.
fn pause(attempts: i32) -> TimeDelta {
    let doubled = u32::try_from(attempts.saturating_sub(1))
        .ok()
        .and_then(|times| 2_i32.checked_pow(times));
    let longest = doubled
        .and_then(|times| FIRST_PAUSE.checked_mul(times))
        .map_or(LONGEST_PAUSE, |pause| pause.min(LONGEST_PAUSE));
    longest / 2 + longest / 2 * rand::rng().random_range(0..=100) / 100
}

fn span(duration: Duration) -> TimeDelta {
    TimeDelta::from_std(duration).unwrap_or(LONGEST_PAUSE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pause_doubles_up_to_five_minutes() {
        for (attempts, seconds) in [(1, 1), (2, 2), (5, 16), (9, 256), (10, 300), (1000, 300)] {
            let (pause, whole) = (pause(attempts), TimeDelta::seconds(seconds));
            assert!(pause <= whole && pause >= whole / 2, "{attempts}: {pause}");
        }
    }
}
