//! Outcomes of consultations by day, month and person. A trigger sums them up by day.

use chrono::NaiveDate;
use events::{PersonRole, SalesmanId};
use sqlx::PgConnection;
use uuid::Uuid;

/// Succeeded and failed consultations.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, sqlx::FromRow)]
pub(crate) struct Outcomes {
    pub(crate) succeeded: i64,
    pub(crate) failed: i64,
}

/// A person's outcomes in each month, by its first day, from that day on. Months without an outcome
/// are left out.
pub(crate) async fn by_month(
    connection: &mut PgConnection,
    salesman: SalesmanId,
    from: NaiveDate,
) -> Result<Vec<(NaiveDate, Outcomes)>, sqlx::Error> {
    let rows: Vec<(NaiveDate, i64, i64)> = sqlx::query_as(
        "select date_trunc('month', day)::date as month, sum(succeeded)::bigint,
                sum(failed)::bigint
         from outcome_day where salesman_id = $1 and day >= $2 group by month order by month",
    )
    .bind(salesman.0)
    .bind(from)
    .fetch_all(connection)
    .await?;
    let outcomes = |(month, succeeded, failed)| (month, Outcomes { succeeded, failed });
    Ok(rows.into_iter().map(outcomes).collect())
}

/// The outcomes of everybody from the first to the last day.
pub(crate) async fn total(
    connection: &mut PgConnection,
    from: NaiveDate,
    until: NaiveDate,
) -> Result<Outcomes, sqlx::Error> {
    sqlx::query_as(
        "select coalesce(sum(succeeded), 0)::bigint as succeeded,
                coalesce(sum(failed), 0)::bigint as failed
         from outcome_day where day between $1 and $2",
    )
    .bind(from)
    .bind(until)
    .fetch_one(connection)
    .await
}

/// A salesman with the outcomes of a period.
#[derive(Debug, sqlx::FromRow)]
pub(crate) struct SalesmanOutcomes {
    pub(crate) id: Uuid,
    pub(crate) display_name: String,
    pub(crate) active: bool,
    pub(crate) capacity: i32,
    pub(crate) open: i64,
    #[sqlx(flatten)]
    pub(crate) outcomes: Outcomes,
}

/// The largest number of salesmen in [`by_salesman`].
const MAX_SALESMEN: i64 = 500;

/// The active salesmen, and others with an outcome from the first to the last day: most succeeded
/// first, at most [`MAX_SALESMEN`].
pub(crate) async fn by_salesman(
    connection: &mut PgConnection,
    from: NaiveDate,
    until: NaiveDate,
) -> Result<Vec<SalesmanOutcomes>, sqlx::Error> {
    sqlx::query_as(
        "with ended as (
             select salesman_id, sum(succeeded)::bigint as succeeded, sum(failed)::bigint as failed
             from outcome_day where day between $1 and $2 group by salesman_id)
         select id, display_name, active, capacity, coalesce(workload.open, 0) as open,
                coalesce(ended.succeeded, 0) as succeeded, coalesce(ended.failed, 0) as failed
         from salesman
         left join ended on ended.salesman_id = salesman.id
         left join workload on workload.salesman_id = salesman.id
         where role = $3 and (active or ended.salesman_id is not null)
         order by succeeded desc, failed, display_name, id limit $4",
    )
    .bind(from)
    .bind(until)
    .bind(PersonRole::Salesman.as_str())
    .bind(MAX_SALESMEN)
    .fetch_all(connection)
    .await
}

/// How many people of a role can be matched, and how many cannot.
#[derive(Debug, Default, sqlx::FromRow)]
pub(crate) struct Staffing {
    pub(crate) available: i64,
    pub(crate) on_leave: i64,
    pub(crate) inactive: i64,
    pub(crate) full: i64,
}

/// The roster of a role on that day. Each person is counted once: inactive, else on leave, else
/// full, else available.
pub(crate) async fn staffing(
    connection: &mut PgConnection,
    role: PersonRole,
    today: NaiveDate,
) -> Result<Staffing, sqlx::Error> {
    sqlx::query_as(
        "select count(*) filter (where why = 'inactive') as inactive,
                count(*) filter (where why = 'on_leave') as on_leave,
                count(*) filter (where why = 'full') as full,
                count(*) filter (where why is null) as available
         from (
             select case when not active then 'inactive'
                         when $2 between leave_from and leave_until then 'on_leave'
                         when coalesce(open, 0) >= capacity then 'full' end as why
             from salesman left join workload on workload.salesman_id = salesman.id
             where role = $1
         ) person",
    )
    .bind(role.as_str())
    .bind(today)
    .fetch_one(connection)
    .await
}
