//! Reading assignments: who is assigned to which interest or consultation.

use chrono::{DateTime, Utc};
use events::{Edition, ProjectId, SalesmanId};
use serde::Serialize;
use service_kit::Tx;
use service_kit::http::describe::StepName;
use sqlx::{AssertSqlSafe, PgConnection};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::notification::{LinkKind, Recipients};

/// The people who serve the series of an edition now, each with the number of customers concerned.
///
/// The edition and its predecessor belong to the series even if this service has not consumed
/// their events yet.
pub(crate) async fn people_serving(
    tx: &mut Tx,
    id: ProjectId,
    edition: &Edition,
    recipients: Recipients,
) -> Result<Vec<(SalesmanId, i64)>, sqlx::Error> {
    // As an array, so that only these editions are read; joined by `or`, all assignments were.
    let rows: Vec<(Uuid, i64)> = sqlx::query_as(
        "select person, count(distinct customer_id)
         from assignment
         cross join lateral (values (salesman_id), (consultant_id)) assigned (person)
         where open and person is not null
           and project_id = any(array(select id from known_project where series_id = $3
                                      union select $1 union select $2))
           and ($4 or project_id <> $1)
         group by person order by person",
    )
    .bind(id.0)
    .bind(edition.predecessor.map(|id| id.0))
    .bind(edition.series_id.0)
    .bind(recipients == Recipients::Series)
    .fetch_all(&mut **tx)
    .await?;
    Ok(rows
        .into_iter()
        .map(|(person, customers)| (SalesmanId(person), customers))
        .collect())
}

/// An interest or a consultation that a person is or was assigned to.
#[derive(Debug, Serialize, ToSchema, sqlx::FromRow)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AssignmentView {
    /// `interest` or `consultation`.
    #[schema(value_type = LinkKind)]
    kind: String,
    id: Uuid,
    /// Null once the customer is erased.
    customer_id: Option<Uuid>,
    /// The last four digits of the customer's phone number; null once the customer is erased.
    last_four: Option<String>,
    project_id: Uuid,
    /// Null while the project is unknown here.
    project_name: Option<String>,
    /// When the people who are assigned now were matched.
    matched_at: Option<DateTime<Utc>>,
    /// The step that closed a consultation.
    #[schema(value_type = Option<StepName>)]
    step: Option<String>,
    /// When it was closed, or turned off by the customer.
    closed_at: Option<DateTime<Utc>>,
    /// When the customer was erased (삭제됨).
    #[serde(skip_serializing_if = "Option::is_none")]
    erased_at: Option<DateTime<Utc>>,
}

/// The maximum number of open and of closed assignments beside a person. Older ones are in the
/// lists of the interest and consultation services.
const MAX_ASSIGNMENTS: i64 = 50;

/// The newest open or closed assignments of a person.
pub(crate) async fn newest(
    connection: &mut PgConnection,
    person: SalesmanId,
    open: bool,
) -> Result<Vec<AssignmentView>, sqlx::Error> {
    sqlx::query_as(AssertSqlSafe(newest_sql(open)))
        .bind(person.0)
        .bind(MAX_ASSIGNMENTS)
        .fetch_all(connection)
        .await
}

/// Merges the person's assignments as salesman and as consultant, each read from its own index in
/// order and no further than the limit.
fn newest_sql(open: bool) -> String {
    // Part of the text, so that the planner can use the partial index.
    let open = if open { "open" } else { "not open" };
    format!(
        "select origin_kind as kind, origin_id as id,
                case when erased_at is null then customer_id end as customer_id, last_four,
                project_id, known_project.name as project_name, matched_at, closed_as as step,
                case when not open then closed_at end as closed_at, erased_at
         from (
             (select * from assignment where salesman_id = $1 and {open}
              order by origin_id desc, origin_kind limit $2)
             union all
             (select * from assignment
              where consultant_id = $1 and salesman_id is distinct from $1 and {open}
              order by origin_id desc, origin_kind limit $2)
         ) newest left join known_project on known_project.id = project_id
         order by origin_id desc, origin_kind limit $2"
    )
}

/// Whether the person is assigned to anything of the customer that is open, or was closed after
/// this instant. Replaced people are not, and neither is anybody after the customer's erasure.
pub(crate) async fn is_assigned_to_customer(
    connection: &mut PgConnection,
    person: SalesmanId,
    customer: Uuid,
    closed_after: DateTime<Utc>,
) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar(
        "select exists (select 1 from assignment
                        where customer_id = $1 and erased_at is null
                          and (salesman_id = $2 or consultant_id = $2)
                          and (open or closed_at > $3))",
    )
    .bind(customer)
    .bind(person.0)
    .bind(closed_after)
    .fetch_one(connection)
    .await
}
