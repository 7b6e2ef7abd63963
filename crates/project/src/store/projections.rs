//! Projections of what other services publish: interests, consultations, matches and salesmen.

use chrono::{DateTime, Utc};
use events::{
    ConsultationCreated, ConsultationEdited, ConsultationProgressed, CustomerRef, HasPeople,
    InterestId, ProjectId, SalesmanId, SeriesId, Step,
};
use service_kit::privacy::erased_customers;
use service_kit::{Received, Tx};

/// Serializes what writes interests, consultations and matches, whose triggers write the same rows
/// of `engagement`. To be taken before any other lock.
///
/// A batch of events writes many of them, in the order of its records. Without this lock, two
/// batches of different topics would deadlock repeatedly while a backlog is consumed.
pub(crate) async fn take_batch_lock(tx: &mut Tx) -> Result<(), sqlx::Error> {
    tx.lock("engagement").await
}

/// An interest as an event describes it.
#[derive(Debug)]
pub(crate) struct PublishedInterest<'a> {
    pub(crate) id: InterestId,
    pub(crate) series_id: Option<SeriesId>,
    pub(crate) project_id: ProjectId,
    pub(crate) customer: &'a CustomerRef,
    pub(crate) interested: bool,
    pub(crate) at: DateTime<Utc>,
    pub(crate) version: i64,
}

/// Stores the present state of an interest. One from before the customer's erasure is stored as
/// erased.
pub(crate) async fn store_interest(
    tx: &mut Tx,
    interest: PublishedInterest<'_>,
) -> Result<(), sqlx::Error> {
    let customer = interest.customer;
    let is_erased =
        erased_customers::predates_erasure(tx, customer.customer_id, interest.id.0, interest.at)
            .await?;
    sqlx::query(
        "insert into known_interest as known
             (id, series_id, project_id, customer_id, last_four, interested, since, erased_at,
              on_version, created_at)
         values ($1, $2, $3, $4, $5, $6, $7,
                 case when $8 then (select at from erased_customer where customer_id = $4) end,
                 $9, $7)
         on conflict (id) do update
             set series_id = coalesce(excluded.series_id, known.series_id),
                 project_id = excluded.project_id,
                 since = case when excluded.interested and not known.interested
                              then excluded.since else known.since end,
                 on_version = case when excluded.interested and not known.interested
                                   then excluded.on_version else known.on_version end,
                 interested = excluded.interested",
    )
    .bind(interest.id.0)
    .bind(interest.series_id.map(|id| id.0))
    .bind(interest.project_id.0)
    .bind(customer.customer_id.0)
    .bind((!is_erased).then(|| customer.last_four.to_string()))
    .bind(interest.interested && !is_erased)
    .bind(interest.at)
    .bind(is_erased)
    .bind(interest.version)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Stores a new consultation. One from before the customer's erasure is stored as erased and
/// cancelled.
pub(crate) async fn store_consultation(
    tx: &mut Tx,
    received: &Received<ConsultationCreated>,
) -> Result<(), sqlx::Error> {
    let (event, at) = (&received.event, received.envelope.recorded_at);
    let (id, customer) = (event.consultation_id.0, &event.customer);
    let is_erased = erased_customers::predates_erasure(tx, customer.customer_id, id, at).await?;
    let step = if is_erased {
        Step::Cancelled
    } else {
        Step::Apply
    };
    sqlx::query(
        "insert into known_consultation
             (id, project_id, customer_id, last_four, desired_on, step, since, erased_at)
         values ($1, $2, $3, $4, $5, $6, $7,
                 case when $8 then (select at from erased_customer where customer_id = $3) end)
         on conflict (id) do nothing",
    )
    .bind(id)
    .bind(event.project_id.0)
    .bind(customer.customer_id.0)
    .bind((!is_erased).then(|| customer.last_four.to_string()))
    .bind(event.desired_on)
    .bind(step.as_str())
    .bind(at)
    .bind(is_erased)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub(crate) async fn store_desired_date(
    tx: &mut Tx,
    event: &ConsultationEdited,
) -> Result<(), sqlx::Error> {
    erased_customers::lock_shared(tx, event.customer.customer_id).await?;
    sqlx::query("update known_consultation set desired_on = $2 where id = $1")
        .bind(event.consultation_id.0)
        .bind(event.desired_on)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Stores the present step. A consultation of an erased customer never becomes open again.
pub(crate) async fn store_step(
    tx: &mut Tx,
    event: &ConsultationProgressed,
) -> Result<(), sqlx::Error> {
    erased_customers::lock_shared(tx, event.customer.customer_id).await?;
    sqlx::query(
        "update known_consultation set step = $2 where id = $1 and (erased_at is null or $3)",
    )
    .bind(event.consultation_id.0)
    .bind(event.to.as_str())
    .bind(event.to.is_closed())
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Stores who is assigned to an interest or consultation, unless a newer match is stored.
pub(crate) async fn store_match(
    tx: &mut Tx,
    received: &Received<impl HasPeople>,
) -> Result<(), sqlx::Error> {
    let people = received.event.people();
    sqlx::query(
        "insert into known_match as known
             (origin_kind, origin_id, match_id, version, matched_at,
              salesman_id, salesman_name, consultant_id, consultant_name, origin_version)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
         on conflict (origin_kind, origin_id) do update
             set match_id = excluded.match_id, version = excluded.version,
                 matched_at = excluded.matched_at, origin_version = excluded.origin_version,
                 salesman_id = excluded.salesman_id, salesman_name = excluded.salesman_name,
                 consultant_id = excluded.consultant_id,
                 consultant_name = excluded.consultant_name
             where (known.match_id, known.version) < (excluded.match_id, excluded.version)",
    )
    .bind(people.origin.kind())
    .bind(people.origin.id())
    .bind(people.match_id.0)
    .bind(received.envelope.version)
    .bind(received.envelope.recorded_at)
    .bind(people.salesman.map(|person| person.id.0))
    .bind(people.salesman.map(|person| person.display_name.as_str()))
    .bind(people.consultant.map(|person| person.id.0))
    .bind(people.consultant.map(|person| person.display_name.as_str()))
    .bind(people.origin_version)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Stores the display name of a salesman or consultant.
pub(crate) async fn store_salesman(
    tx: &mut Tx,
    id: SalesmanId,
    display_name: &str,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "insert into known_salesman (id, display_name) values ($1, $2)
         on conflict (id) do update set display_name = excluded.display_name",
    )
    .bind(id.0)
    .bind(display_name)
    .execute(&mut **tx)
    .await?;
    Ok(())
}
