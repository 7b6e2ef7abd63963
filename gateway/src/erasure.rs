//! A customer is forgotten: each service does so when it is asked, and this asks until each has.
//!
//! Any replica does it. Whoever claims a row puts it off for as long as he may need, so that another goes on where he left if he dies; each
//! answer is kept as it comes. Every service is asked twice: what had begun before the sign-ins ended may still have written something behind
//! its first answer.

use std::sync::Arc;
use std::time::Duration;

use axum::http::{Method, StatusCode};
use chrono::{DateTime, TimeDelta, Utc};
use events::CustomerId;
use futures_util::future::join_all;
use rand::RngExt as _;
use service_kit::auth::{Identity, Role};
use service_kit::problem::Text;
use service_kit::{Problem, Tx};
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::routes::Service;
use crate::{Door, asking, codes, consent};

/// How often it looks for something to do. A request to be forgotten rings by itself; what is due again is found by this.
const LOOK: Duration = Duration::from_millis(500);

/// The way from one attempt to the next: it doubles from the first to the last.
const FIRST_PAUSE: TimeDelta = TimeDelta::seconds(1);
const LONGEST_PAUSE: TimeDelta = TimeDelta::minutes(5);

/// Services accept a token for so long behind its end: clocks differ.
const LEEWAY: TimeDelta = TimeDelta::seconds(5);

/// A claimed row is put off by what an answer may take and this much more, for what is written about it.
const SLACK: Duration = Duration::from_secs(5);

/// The second time those that keep copies of what is his are asked first, and those that own it last: each forgets what is older than its own
/// answer. What a colleague enters for his number in between is then erased where it is owned, and never looks old to a copy while it is new
/// to its owner.
const COPIES: [Service; 3] = [Service::Project, Service::Salesman, Service::SalesmanMatch];
const OWNERS: [Service; 2] = [Service::Interest, Service::Consultation];

/// 409: whoever signs in now would be half forgotten.
pub(crate) fn in_progress() -> Problem {
    let title = Text::new(
        "개인정보를 삭제하고 있습니다. 삭제가 끝난 뒤에 다시 로그인해 주세요",
        "What is kept of this number is being erased: sign in again when that is done",
    );
    Problem::conflict("erasure-in-progress", title)
}

/// Asks for the customer to be forgotten; asked again before that is done, it is the same wish.
pub(crate) async fn request(tx: &mut Tx, customer: CustomerId) -> Result<(), sqlx::Error> {
    hold(tx, customer).await?;
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
    tx.ring_on_commit();
    Ok(())
}

/// Lets nobody else begin to forget this customer, or sign him in, until `tx` ends: whoever is signed in behind the wish was signed in before
/// it, and is signed out with the others.
pub(crate) async fn hold(tx: &mut Tx, customer: CustomerId) -> Result<(), sqlx::Error> {
    sqlx::query("select pg_advisory_xact_lock(hashtextextended('gateway/customer/' || $1::text, 0))")
        .bind(customer.0)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Whether the customer is being forgotten just now.
pub(crate) async fn is_unfinished(tx: &mut Tx, customer: CustomerId) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar("select exists (select from erasure where customer_id = $1 and finished_at is null)")
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
    attempts: i32,
}

/// Forgets whoever is to be forgotten, until told to stop.
pub(crate) async fn run(door: Arc<Door>, stop: CancellationToken) {
    let mut committed = door.db.committed();
    let mut looks = tokio::time::interval(LOOK);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            Ok(()) = committed.changed() => {}
            _ = looks.tick() => {}
        }
        loop {
            // What is claimed is finished when told to stop: it takes no longer than a request.
            match turn(&door).await {
                Ok(true) if !stop.is_cancelled() => {}
                Ok(_) => break,
                Err(error) => {
                    tracing::debug!(%error, "nobody can be forgotten just now");
                    break;
                }
            }
        }
    }
}

/// Claims one and goes on with it; `false` when nothing is due.
async fn turn(door: &Door) -> Result<bool, sqlx::Error> {
    let now = door.db.now();
    let lease = door.upstream.patience.answer + SLACK;
    let until = Instant::now() + lease;
    let claimed: Option<Claimed> = sqlx::query_as(
        "update erasure set next_try_at = $2, attempts = attempts + 1
         where id = (select id from erasure where finished_at is null and next_try_at <= $1
                     order by next_try_at limit 1 for update skip locked)
         returning id, customer_id, requested_at, round, done, attempts",
    )
    .bind(now)
    .bind(now + span(lease))
    .fetch_optional(door.db.pool())
    .await?;
    let Some(claimed) = claimed else { return Ok(false) };
    go_on(door, &claimed, until).await?;
    Ok(true)
}

async fn go_on(door: &Door, claimed: &Claimed, until: Instant) -> Result<(), sqlx::Error> {
    let customer = Identity { role: Role::Customer, subject: claimed.customer_id, phone: None };
    // Whoever wrote the wish down may have died before this.
    door.sessions.end_all(Role::Customer, customer.subject).await?;
    let stages: &[&[Service]] = if claimed.round == 1 { &[&Service::ALL] } else { &[&COPIES, &OWNERS] };
    for services in stages {
        let left = services.iter().filter(|it| claimed.done.iter().all(|done| done != it.name()));
        let answers = join_all(left.map(async |service| ask(door, claimed, &customer, *service, until).await)).await;
        let are_done = answers.into_iter().collect::<Result<Vec<bool>, sqlx::Error>>()?.into_iter().all(|it| it);
        if !are_done {
            return put_off(door, claimed).await;
        }
    }
    if claimed.round == 1 {
        let settled = claimed.requested_at + span(door.upstream.patience.answer) + LEEWAY;
        sqlx::query("update erasure set round = 2, done = '{}', attempts = 0, next_try_at = $2 where id = $1 and round = 1")
            .bind(claimed.id)
            .bind(settled.max(door.db.now()))
            .execute(door.db.pool())
            .await?;
        return Ok(());
    }
    finish(door, claimed).await
}

/// Asks one service, and keeps that it has done it. `false`: not this time.
///
/// `until` is when the claim ends. A process that was frozen may thaw when the customer has been forgotten by another, and has come back:
/// it asks nobody any more.
async fn ask(door: &Door, claimed: &Claimed, customer: &Identity, service: Service, until: Instant) -> Result<bool, sqlx::Error> {
    if Instant::now() >= until {
        return Ok(false);
    }
    match asking::ask(door, service, Method::DELETE, "/me", customer).await {
        Ok(answer) if answer.status == StatusCode::NO_CONTENT => {
            sqlx::query("update erasure set done = array_append(done, $3) where id = $1 and round = $2 and $3 <> all (done)")
                .bind(claimed.id)
                .bind(claimed.round)
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

async fn put_off(door: &Door, claimed: &Claimed) -> Result<(), sqlx::Error> {
    sqlx::query("update erasure set next_try_at = $3 where id = $1 and round = $2")
        .bind(claimed.id)
        .bind(claimed.round)
        .bind(door.db.now() + pause(claimed.attempts))
        .execute(door.db.pool())
        .await?;
    Ok(())
}

async fn finish(door: &Door, claimed: &Claimed) -> Result<(), sqlx::Error> {
    let customer = CustomerId(claimed.customer_id);
    let mut tx = door.db.begin().await?;
    consent::withdraw(&mut tx, customer).await?;
    codes::forget(&mut tx, customer).await?;
    let now = tx.now();
    sqlx::query("update erasure set finished_at = $2 where id = $1 and finished_at is null")
        .bind(claimed.id)
        .bind(now)
        .execute(&mut *tx)
        .await?;
    tx.commit().await?;
    tracing::info!(erasure.id = %claimed.id, "a customer is forgotten");
    Ok(())
}

/// How long to wait after so many attempts, shortened by up to a half by chance.
fn pause(attempts: i32) -> TimeDelta {
    let doubled = u32::try_from(attempts.saturating_sub(1)).ok().and_then(|times| 2_i32.checked_pow(times));
    let longest =
        doubled.and_then(|times| FIRST_PAUSE.checked_mul(times)).map_or(LONGEST_PAUSE, |pause| pause.min(LONGEST_PAUSE));
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
