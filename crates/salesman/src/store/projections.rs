//! Projections of other services: assignments, outcomes and projects.
//!
//! Their events come from three topics, in any order between the topics.

use chrono::{DateTime, Utc};
use events::{
    ConsultationId, CustomerRef, Edition, Envelope, MatchedPeople, Origin, ProjectId, SalesmanId,
    Step,
};
use service_kit::Tx;
use service_kit::privacy::erased_customers;

/// Stores who is assigned and to which project, unless a later match is stored already. A person
/// who stays while the other one leaves keeps the time of the match. For an erased customer nothing
/// is stored that identifies them.
pub(crate) async fn assign(
    tx: &mut Tx,
    people: &MatchedPeople<'_>,
    envelope: &Envelope,
) -> Result<(), sqlx::Error> {
    let erased_at = erased_at(tx, (people.origin, people.customer), envelope).await?;
    sqlx::query(
        "insert into assignment (origin_kind, origin_id, customer_id, last_four, project_id,
                                 salesman_id, consultant_id, match_version, match_origin_version,
                                 matched_at, wanted, closed_at, erased_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11::timestamptz is null, $11, $11)
         on conflict (origin_kind, origin_id) do update
             set project_id = excluded.project_id, salesman_id = excluded.salesman_id,
                 consultant_id = excluded.consultant_id, match_version = excluded.match_version,
                 match_origin_version = excluded.match_origin_version,
                 matched_at = case when $12 and assignment.match_origin_version = $9
                                   then assignment.matched_at else excluded.matched_at end
             where assignment.match_version < excluded.match_version",
    )
    .bind(people.origin.kind())
    .bind(people.origin.id())
    .bind(people.customer.customer_id.0)
    .bind(stored_last_four(people.customer, erased_at))
    .bind(people.project_id.0)
    .bind(people.salesman.map(|person| person.id.0))
    .bind(people.consultant.map(|person| person.id.0))
    .bind(envelope.version)
    .bind(people.origin_version)
    .bind(envelope.recorded_at)
    .bind(erased_at)
    .bind(people.newly_assigned().is_empty() && !people.unassigned().is_empty())
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// The instant of the erasure, if the interest or consultation is older than it. The row is stored
/// as if it had been there before the erasure.
async fn erased_at(
    tx: &mut Tx,
    (origin, customer): (Origin, &CustomerRef),
    envelope: &Envelope,
) -> Result<Option<DateTime<Utc>>, sqlx::Error> {
    let (customer, recorded_at) = (customer.customer_id, envelope.recorded_at);
    if !erased_customers::predates_erasure(tx, customer, origin.id(), recorded_at).await? {
        return Ok(None);
    }
    sqlx::query_scalar("select at from erased_customer where customer_id = $1")
        .bind(customer.0)
        .fetch_optional(&mut **tx)
        .await
}

fn stored_last_four(customer: &CustomerRef, erased_at: Option<DateTime<Utc>>) -> Option<String> {
    erased_at.is_none().then(|| customer.last_four.to_string())
}

/// What an interest or a consultation determines about its assignment.
pub(crate) struct AssignmentState {
    /// Whether people are to be assigned.
    pub(crate) is_wanted: bool,
    /// The step that closed a consultation.
    pub(crate) closed_as: Option<Step>,
}

/// Stores whether the assignment is wanted. One that is wanted again is open once a match answers
/// that, whichever of the two events arrives first.
///
/// The project is stored only until a match determines it. For an erased customer the assignment
/// is never wanted.
pub(crate) async fn set_state(
    tx: &mut Tx,
    envelope: &Envelope,
    subject: (Origin, &CustomerRef),
    project_id: ProjectId,
    state: AssignmentState,
) -> Result<(), sqlx::Error> {
    let erased_at = erased_at(tx, subject, envelope).await?;
    let (origin, customer) = subject;
    sqlx::query(
        "insert into assignment (origin_kind, origin_id, customer_id, last_four, project_id, wanted,
                                 closed_as, closed_at, closed_version, state_version, erased_at)
         values ($1, $2, $3, $4, $5, $6 and $10::timestamptz is null, $7, coalesce($8, $10),
                 case when $6 then 0 else $9 end, $9, $10)
         on conflict (origin_kind, origin_id) do update
             set wanted = excluded.wanted and assignment.erased_at is null,
                 closed_as = excluded.closed_as,
                 closed_at = coalesce($8, assignment.closed_at),
                 closed_version = greatest(assignment.closed_version, excluded.closed_version),
                 state_version = excluded.state_version
             where assignment.state_version < excluded.state_version",
    )
    .bind(origin.kind())
    .bind(origin.id())
    .bind(customer.customer_id.0)
    .bind(stored_last_four(customer, erased_at))
    .bind(project_id.0)
    .bind(state.is_wanted)
    .bind(state.closed_as.map(Step::as_str))
    .bind((!state.is_wanted).then_some(envelope.recorded_at))
    .bind(envelope.version)
    .bind(erased_at)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Stores how a consultation ended, unless that is stored already.
pub(crate) async fn insert_outcome(
    tx: &mut Tx,
    consultation: ConsultationId,
    salesman: SalesmanId,
    succeeded: bool,
    ended_at: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "insert into outcome (consultation_id, salesman_id, succeeded, ended_at)
         values ($1, $2, $3, $4)
         on conflict (consultation_id) do nothing",
    )
    .bind(consultation.0)
    .bind(salesman.0)
    .bind(succeeded)
    .bind(ended_at)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Stores this version of an edition, unless a later one is stored already.
pub(crate) async fn save_project(
    tx: &mut Tx,
    id: ProjectId,
    edition: &Edition,
    version: i64,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "insert into known_project (id, series_id, name, ends_on, status, version)
         values ($1, $2, $3, $4, $5, $6)
         on conflict (id) do update
             set series_id = excluded.series_id, name = excluded.name, ends_on = excluded.ends_on,
                 status = excluded.status, version = excluded.version
             where known_project.version < excluded.version",
    )
    .bind(id.0)
    .bind(edition.series_id.0)
    .bind(&edition.name)
    .bind(edition.period.ends_on)
    .bind(edition.status.as_str())
    .bind(version)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Whether this version of an edition, or a later one, is stored.
pub(crate) async fn has_project_version(
    tx: &mut Tx,
    id: ProjectId,
    version: i64,
) -> Result<bool, sqlx::Error> {
    let sql = "select exists (select 1 from known_project where id = $1 and version >= $2)";
    sqlx::query_scalar(sql)
        .bind(id.0)
        .bind(version)
        .fetch_one(&mut **tx)
        .await
}
