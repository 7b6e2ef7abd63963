//! The work on a project: who is assigned, for which customers, and how far they are.

use chrono::{DateTime, NaiveDate, Utc};
use events::{CustomerId, Step};
use serde::{Deserialize, Serialize};
use service_kit::auth::{Identity, Role};
use sqlx::postgres::{PgArguments, PgConnection, PgRow};
use sqlx::query::QueryAs;
use sqlx::{FromRow, PgPool, Postgres, Row as _};
use uuid::Uuid;

use super::columns::optional_enum_column;
use super::people::Assigned;
use crate::project::Project;

/// Every interest that counts for a project and every consultation about it, with who is assigned
/// (`engaged`), and those of them that the caller may see (`visible`).
///
/// `$1` is the project, `$2` its series, `$3` whether it has ended. An interest belongs to the
/// series, and counts for the editions that have not ended. A match that answers an event before
/// the one that last turned the interest on does not count. `$4` is the salesman and `$5` the
/// consultant who calls, who see only their own rows.
const ENGAGED: &str = "engaged as (
        select 'interest' as kind, interest.id, interest.customer_id, interest.last_four,
               interest.erased_at, null as step, null::date as desired_on, true as is_open,
               interest.since, matched.matched_at,
               matched.salesman_id, matched.salesman_name,
               matched.consultant_id, matched.consultant_name
        from known_interest interest
        left join known_match matched
             on matched.origin_kind = 'interest' and matched.origin_id = interest.id
             and (matched.origin_version >= interest.on_version
                  or matched.origin_version is null)
        where interest.interested and not $3
          and (interest.series_id = $2
               or interest.series_id is null
                  and interest.project_id in (select id from project where series_id = $2))
        union all
        select 'consultation', consultation.id, consultation.customer_id, consultation.last_four,
               consultation.erased_at, consultation.step, consultation.desired_on,
               consultation.step in ('apply', 'approved'), consultation.since, matched.matched_at,
               matched.salesman_id, matched.salesman_name,
               matched.consultant_id, matched.consultant_name
        from known_consultation consultation
        left join known_match matched
             on matched.origin_kind = 'consultation' and matched.origin_id = consultation.id
        where consultation.project_id = $1
    ),
    visible as (
        select * from engaged
        where ($4::uuid is null or salesman_id = $4) and ($5::uuid is null or consultant_id = $5)
    )";

/// The project and the caller of a view.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scope<'a> {
    project: &'a Project,
    salesman: Option<Uuid>,
    consultant: Option<Uuid>,
}

impl<'a> Scope<'a> {
    pub(crate) fn new(project: &'a Project, caller: &Identity) -> Self {
        let id_if = |role: Role| (caller.role == role).then_some(caller.subject);
        Self {
            project,
            salesman: id_if(Role::Salesman),
            consultant: id_if(Role::Consultant),
        }
    }

    fn query<T>(self, sql: &'static str) -> QueryAs<'static, Postgres, T, PgArguments>
    where
        T: for<'r> FromRow<'r, PgRow>,
    {
        sqlx::query_as(sqlx::AssertSqlSafe(format!("with {ENGAGED} {sql}")))
            .bind(self.project.id.0)
            .bind(self.project.series_id.0)
            .bind(self.project.status == events::ProjectStatus::Ended)
            .bind(self.salesman)
            .bind(self.consultant)
    }
}

/// The totals, independent of the caller.
#[derive(Debug, PartialEq, Eq, FromRow)]
pub(crate) struct Progress {
    pub(crate) interested: i64,
    pub(crate) apply: i64,
    pub(crate) approved: i64,
    pub(crate) succeeded: i64,
    pub(crate) failed: i64,
    pub(crate) cancelled: i64,
    pub(crate) unassigned: i64,
}

pub(crate) async fn progress(
    connection: &mut PgConnection,
    scope: Scope<'_>,
) -> Result<Progress, sqlx::Error> {
    scope
        .query(
            "select count(*) filter (where kind = 'interest') as interested,
                    count(*) filter (where step = 'apply') as apply,
                    count(*) filter (where step = 'approved') as approved,
                    count(*) filter (where step = 'succeeded') as succeeded,
                    count(*) filter (where step = 'failed') as failed,
                    count(*) filter (where step = 'cancelled') as cancelled,
                    count(*) filter (where is_open and salesman_id is null) as unassigned
             from engaged",
        )
        .fetch_one(connection)
        .await
}

/// A salesman, and the number of interests and consultations of theirs.
#[derive(Debug, FromRow)]
pub(crate) struct SalesmanWork {
    pub(crate) id: Uuid,
    pub(crate) display_name: String,
    pub(crate) interests: i64,
    pub(crate) open_consultations: i64,
    pub(crate) apply: i64,
    pub(crate) approved: i64,
    pub(crate) succeeded: i64,
    pub(crate) failed: i64,
    pub(crate) cancelled: i64,
}

/// Per view: more than an organization of this kind has.
const MAX_SALESMEN: i64 = 500;

/// At most [`MAX_SALESMEN`] who work on the project, by name.
pub(crate) async fn salesmen(
    connection: &mut PgConnection,
    scope: Scope<'_>,
) -> Result<Vec<SalesmanWork>, sqlx::Error> {
    scope
        .query(
            "select salesman_id as id,
                    coalesce((select display_name from known_salesman
                              where known_salesman.id = salesman_id),
                             (array_agg(salesman_name order by matched_at desc))[1])
                        as display_name,
                    count(*) filter (where kind = 'interest') as interests,
                    count(*) filter (where kind = 'consultation' and is_open)
                        as open_consultations,
                    count(*) filter (where step = 'apply') as apply,
                    count(*) filter (where step = 'approved') as approved,
                    count(*) filter (where step = 'succeeded') as succeeded,
                    count(*) filter (where step = 'failed') as failed,
                    count(*) filter (where step = 'cancelled') as cancelled
             from visible where salesman_id is not null
             group by salesman_id order by display_name, salesman_id limit $6",
        )
        .bind(MAX_SALESMEN)
        .fetch_all(connection)
        .await
}

/// A customer of the project: the interest, the newest consultation, and who is assigned to the
/// latter, else to the former. After an erasure, the same person counts as another customer.
#[derive(Debug)]
pub(crate) struct Customer {
    pub(crate) id: CustomerId,
    /// Of the newest consultation, else of the interest.
    pub(crate) newest_id: Uuid,
    pub(crate) last_four: Option<String>,
    pub(crate) erased_at: Option<DateTime<Utc>>,
    pub(crate) interested: bool,
    pub(crate) consultation: Option<(Uuid, Step, NaiveDate)>,
    pub(crate) assigned: Assigned,
    pub(crate) since: DateTime<Utc>,
}

impl FromRow<'_, PgRow> for Customer {
    fn from_row(row: &PgRow) -> Result<Self, sqlx::Error> {
        let consultation_id: Option<Uuid> = row.try_get("consultation_id")?;
        let step: Option<Step> = optional_enum_column(row, "step")?;
        let desired_on: Option<NaiveDate> = row.try_get("desired_on")?;
        Ok(Self {
            id: CustomerId(row.try_get("customer_id")?),
            newest_id: row.try_get("newest_id")?,
            last_four: row.try_get("last_four")?,
            erased_at: row.try_get("erased_at")?,
            interested: row.try_get("interested")?,
            consultation: consultation_id
                .zip(step)
                .zip(desired_on)
                .map(|((id, step), desired_on)| (id, step, desired_on)),
            assigned: Assigned::from_row(row)?,
            since: row.try_get("since")?,
        })
    }
}

/// A position in the list of customers: since when, and the newest id. It does not name the
/// customer, because an erased one has a position, too.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CustomerPosition(pub(crate) DateTime<Utc>, pub(crate) Uuid);

impl From<&Customer> for CustomerPosition {
    fn from(customer: &Customer) -> Self {
        Self(customer.since, customer.newest_id)
    }
}

/// At most `limit` customers that follow `after`, the newest first.
pub(crate) async fn customers(
    connection: &mut PgConnection,
    scope: Scope<'_>,
    after: Option<&CustomerPosition>,
    limit: i64,
) -> Result<Vec<Customer>, sqlx::Error> {
    scope
        .query(
            ", customer as (
                 select distinct on (customer_id, erased_at)
                        customer_id, id, last_four, erased_at,
                        bool_or(kind = 'interest') over theirs as interested,
                        case kind when 'consultation' then id end as consultation_id,
                        step, desired_on,
                        salesman_id, salesman_name, consultant_id, consultant_name,
                        min(since) over theirs as since
                 from visible
                 -- Erased customers are visible to staff only.
                 where erased_at is null or $4::uuid is null and $5::uuid is null
                 window theirs as (partition by customer_id, erased_at)
                 order by customer_id, erased_at, kind = 'consultation' desc, id desc
             )
             select customer_id, customer.id as newest_id, last_four, erased_at, interested,
                    consultation_id, step, desired_on,
                    salesman_id, coalesce(salesman.display_name, salesman_name) as salesman_name,
                    consultant_id,
                    coalesce(consultant.display_name, consultant_name) as consultant_name, since
             from customer
             left join known_salesman salesman on salesman.id = salesman_id
             left join known_salesman consultant on consultant.id = consultant_id
             where $6::timestamptz is null or (since, customer.id) < ($6, $7)
             order by since desc, customer.id desc limit $8",
        )
        .bind(after.map(|position| position.0))
        .bind(after.map(|position| position.1))
        .bind(limit)
        .fetch_all(connection)
        .await
}

/// Whether the caller, a salesman or consultant, is assigned to an interest or an open consultation
/// of the customer.
pub(crate) async fn is_assigned(
    pool: &PgPool,
    customer: CustomerId,
    caller: &Identity,
) -> Result<bool, sqlx::Error> {
    let column = match caller.role {
        Role::Salesman => "salesman_id",
        _ => "consultant_id",
    };
    sqlx::query_scalar(sqlx::AssertSqlSafe(format!(
        "select exists (
             select 1 from known_interest interest
             join known_match matched
                  on matched.origin_kind = 'interest' and matched.origin_id = interest.id
                  and (matched.origin_version >= interest.on_version
                  or matched.origin_version is null)
             where interest.customer_id = $1 and interest.interested and matched.{column} = $2
             union all
             select 1 from known_consultation consultation
             join known_match matched
                  on matched.origin_kind = 'consultation' and matched.origin_id = consultation.id
             where consultation.customer_id = $1 and consultation.step in ('apply', 'approved')
               and matched.{column} = $2)"
    )))
    .bind(customer.0)
    .bind(caller.subject)
    .fetch_one(pool)
    .await
}
