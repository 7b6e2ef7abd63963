//! Loads, creates and changes one interest.

use chrono::{DateTime, Utc};
use events::{Actor, CustomerId, InterestCreated, InterestId};
use service_kit::Tx;
use service_kit::forms::phone::Phone;
use service_kit::http::problem::ChangeError;
use service_kit::messaging::event_log;
use sqlx::AssertSqlSafe;
use sqlx::postgres::PgConnection;
use uuid::Uuid;

use crate::interest::{Change, Command, Interest, Refusal};
use crate::store::row::{COLUMNS, FROM, StoredInterest};
use crate::store::{rematches, served};

pub(crate) async fn load(
    connection: &mut PgConnection,
    id: InterestId,
) -> Result<Option<StoredInterest>, sqlx::Error> {
    let sql = format!("select {COLUMNS} {FROM} where interest.id = $1");
    sqlx::query_as(AssertSqlSafe(sql))
        .bind(id.0)
        .fetch_optional(connection)
        .await
}

/// Stores a new interest with its first event. If the customer already has an interest in the
/// series, stores nothing and returns the id of that interest.
pub(crate) async fn create(
    tx: &mut Tx,
    interest: &Interest,
    event: &InterestCreated,
) -> Result<Option<InterestId>, sqlx::Error> {
    let now = tx.now();
    served::upsert_customer(tx, &event.customer).await?;
    let subject = interest
        .series_id
        .map_or(interest.marked_project_id.0, |series| series.0);
    // The edition may have been marked while its series was unknown.
    let existing: Option<Uuid> = sqlx::query_scalar(
        "select id from interest
         where customer_id = $1 and (subject_id = $2 or project_id = $3)
           and merged_into is null and erased_at is null
         order by id limit 1",
    )
    .bind(interest.customer_id.0)
    .bind(subject)
    .bind(interest.marked_project_id.0)
    .fetch_optional(&mut **tx)
    .await?;
    if let Some(id) = existing {
        return Ok(Some(InterestId(id)));
    }
    sqlx::query(
        "insert into interest (id, subject_id, series_id, project_id, project_name, customer_id,
                               phone, customer_name, interested, on_since, on_version,
                               consent_role, consent_by, consent_at, version, created_at,
                               updated_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $16)",
    )
    .bind(interest.id.0)
    .bind(subject)
    .bind(interest.series_id.map(|series| series.0))
    .bind(interest.marked_project_id.0)
    .bind(
        interest
            .series_id
            .is_none()
            .then_some(&interest.project_name),
    )
    .bind(interest.customer_id.0)
    .bind(interest.phone.as_ref().map(Phone::e164))
    .bind(&interest.customer_name)
    .bind(interest.interested)
    .bind(interest.on_since)
    .bind(interest.on_version)
    .bind(interest.consent.map(|consent| consent.role.as_str()))
    .bind(interest.consent.map(|consent| consent.by))
    .bind(interest.consent.map(|consent| consent.at))
    .bind(interest.version)
    .bind(now)
    .execute(&mut **tx)
    .await?;
    event_log::append(tx, interest.version, event).await?;
    Ok(None)
}

/// Locks the customer of the interest until `tx` ends, so that no erasure runs meanwhile.
/// Returns `false` if the interest does not exist.
pub(crate) async fn lock(tx: &mut Tx, id: InterestId) -> Result<bool, sqlx::Error> {
    let customer: Option<Uuid> =
        sqlx::query_scalar("select customer_id from interest where id = $1")
            .bind(id.0)
            .fetch_optional(&mut **tx)
            .await?;
    if let Some(customer) = customer {
        served::lock_customer(tx, CustomerId(customer)).await?;
    }
    Ok(customer.is_some())
}

/// [`change_if`] without a check.
pub(crate) async fn change(
    tx: &mut Tx,
    id: InterestId,
    at: DateTime<Utc>,
    command: Command,
    actor: Actor,
) -> Result<(), ChangeError<Refusal>> {
    change_if(tx, id, at, |_| Ok(()), command, actor).await
}

/// Changes an interest in the caller's transaction: lock, check, decide, save, append the event.
///
/// `at` is the time of the cause; the latest one becomes the last activity on the interest.
pub(crate) async fn change_if(
    tx: &mut Tx,
    id: InterestId,
    at: DateTime<Utc>,
    check: impl FnOnce(&Interest) -> Result<(), ChangeError<Refusal>>,
    command: Command,
    actor: Actor,
) -> Result<(), ChangeError<Refusal>> {
    if !lock(tx, id).await? {
        return Err(ChangeError::NotFound);
    }
    sqlx::query("select 1 from interest where id = $1 for update")
        .bind(id.0)
        .execute(&mut **tx)
        .await?;
    let stored = load(tx, id).await?.ok_or(ChangeError::NotFound)?;
    let mut interest = stored.interest;
    check(&interest)?;
    let change = interest
        .handle(command, actor)
        .map_err(ChangeError::Refused)?;
    if let Some(change) = change {
        interest.apply(&change);
        save(tx, &interest, &change, at).await?;
        if let Some(event) = change.event() {
            event_log::append(tx, interest.version, event).await?;
            if !event.interested {
                rematches::remove_rematching(tx, id.0).await?;
            }
        }
        if !matches!(change, Change::Completed(_)) {
            served::recompute(tx, interest.customer_id).await?;
        }
    }
    Ok(())
}

/// Writes only what the change contains: the loaded names may be newer than the stored ones.
async fn save(
    tx: &mut Tx,
    interest: &Interest,
    change: &Change,
    at: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    let query = match change {
        Change::Completed(_) => return save_details(tx, interest).await,
        Change::Toggled { .. } => {
            save_details(tx, interest).await?;
            sqlx::query(
                "update interest set updated_at = greatest(updated_at, $2), version = $3,
                        interested = $4, on_version = $5,
                        salesman_id = case when $4 then null else salesman_id end,
                        salesman_name = case when $4 then null else salesman_name end,
                        consultant_id = case when $4 then null else consultant_id end,
                        consultant_name = case when $4 then null else consultant_name end
                 where id = $1",
            )
            .bind(interest.id.0)
            .bind(at)
            .bind(interest.version)
            .bind(interest.interested)
            .bind(interest.on_version)
        }
        Change::Assigned {
            salesman,
            consultant,
        } => sqlx::query(
            "update interest set updated_at = greatest(updated_at, $2), salesman_id = $3,
                    salesman_name = $4, consultant_id = $5, consultant_name = $6
             where id = $1",
        )
        .bind(interest.id.0)
        .bind(at)
        .bind(salesman.as_ref().map(|person| person.id.0))
        .bind(salesman.as_ref().map(|person| &person.display_name))
        .bind(consultant.as_ref().map(|person| person.id.0))
        .bind(consultant.as_ref().map(|person| &person.display_name)),
        // A merged interest is unique by its own id: the series belongs to the older one.
        Change::Merged { into, .. } => sqlx::query(
            "update interest set subject_id = id, merged_into = $2, interested = $3, version = $4
             where id = $1",
        )
        .bind(interest.id.0)
        .bind(into.0)
        .bind(interest.interested)
        .bind(interest.version),
        // The project name comes from a request and may contain anything.
        Change::Erased { at, .. } => sqlx::query(
            "update interest set updated_at = greatest(updated_at, $2), erased_at = $2,
                    version = $3, interested = $4, project_name = null, phone = null,
                    customer_name = null, consent_role = null, consent_by = null,
                    consent_at = null
             where id = $1",
        )
        .bind(interest.id.0)
        .bind(at)
        .bind(interest.version)
        .bind(interest.interested),
    };
    query.execute(&mut **tx).await?;
    Ok(())
}

async fn save_details(tx: &mut Tx, interest: &Interest) -> Result<(), sqlx::Error> {
    sqlx::query(
        "update interest set on_since = $2, customer_name = $3, consent_role = $4,
                consent_by = $5, consent_at = $6
         where id = $1",
    )
    .bind(interest.id.0)
    .bind(interest.on_since)
    .bind(&interest.customer_name)
    .bind(interest.consent.map(|consent| consent.role.as_str()))
    .bind(interest.consent.map(|consent| consent.by))
    .bind(interest.consent.map(|consent| consent.at))
    .execute(&mut **tx)
    .await?;
    Ok(())
}
