//! The work on a project: who is assigned, for which customers, and how far they are.

use std::iter::Sum;

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

/// What counts for a project: consultations about it, and interests in its series (or in one of its
/// editions, whose series was unknown), until it has ended.
///
/// `$1` is the project, `$2` its series, `$3` whether it has ended.
const SCOPE: &str = "scope as (
        select 'consultation' as kind, $1::uuid as id
        union all select 'interest', $2::uuid where not $3::boolean
        union all select 'interest', id from project where series_id = $2 and not $3
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

    fn query<T>(self, sql: &str) -> QueryAs<'static, Postgres, T, PgArguments>
    where
        T: for<'r> FromRow<'r, PgRow>,
    {
        sqlx::query_as(sqlx::AssertSqlSafe(format!("with {SCOPE}{sql}")))
            .bind(self.project.id.0)
            .bind(self.project.series_id.0)
            .bind(self.project.status == events::ProjectStatus::Ended)
    }

    /// The caller and the column that contains them in what they may see. Staff see everything.
    fn own(self, prefix: &str) -> Option<(String, Uuid)> {
        let salesman = self.salesman.map(|id| (format!("{prefix}salesman"), id));
        let consultant = || {
            self.consultant
                .map(|id| (format!("{prefix}consultant"), id))
        };
        salesman.or_else(consultant)
    }
}

/// The number of consultations by their present step.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, FromRow)]
pub(crate) struct Steps {
    pub(crate) apply: i64,
    pub(crate) approved: i64,
    pub(crate) succeeded: i64,
    pub(crate) failed: i64,
    pub(crate) cancelled: i64,
}

impl Sum for Steps {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), |sum, steps| Self {
            apply: sum.apply + steps.apply,
            approved: sum.approved + steps.approved,
            succeeded: sum.succeeded + steps.succeeded,
            failed: sum.failed + steps.failed,
            cancelled: sum.cancelled + steps.cancelled,
        })
    }
}

/// The totals, independent of the caller.
#[derive(Debug, PartialEq, Eq, FromRow)]
pub(crate) struct Progress {
    pub(crate) interested: i64,
    #[sqlx(flatten)]
    pub(crate) steps: Steps,
    pub(crate) unassigned: i64,
}

/// The kept numbers of the scope.
const COUNTED: &str = "engagement_count counted
    join scope on counted.kind = scope.kind and counted.scope_id = scope.id";

const TOTALS: &str = "
    coalesce(sum(count) filter (where step = ''), 0)::bigint as interested,
    coalesce(sum(count) filter (where step = 'apply'), 0)::bigint as apply,
    coalesce(sum(count) filter (where step = 'approved'), 0)::bigint as approved,
    coalesce(sum(count) filter (where step = 'succeeded'), 0)::bigint as succeeded,
    coalesce(sum(count) filter (where step = 'failed'), 0)::bigint as failed,
    coalesce(sum(count) filter (where step = 'cancelled'), 0)::bigint as cancelled";

const UNASSIGNED: &str = "
    coalesce(sum(count) filter (where step in ('', 'apply', 'approved')
        and salesman_id = '00000000-0000-0000-0000-000000000000'), 0)::bigint";

pub(crate) async fn progress(
    connection: &mut PgConnection,
    scope: Scope<'_>,
) -> Result<Progress, sqlx::Error> {
    scope
        .query(&format!(
            " select {TOTALS}, {UNASSIGNED} as unassigned from {COUNTED}"
        ))
        .fetch_one(connection)
        .await
}

/// A salesman, and the number of interests and consultations of theirs.
#[derive(Debug, FromRow)]
pub(crate) struct SalesmanWork {
    pub(crate) id: Uuid,
    pub(crate) display_name: String,
    #[sqlx(rename = "interested")]
    pub(crate) interests: i64,
    #[sqlx(flatten)]
    pub(crate) steps: Steps,
}

/// Per view: more than an organization of this kind has.
const MAX_SALESMEN: i64 = 500;

/// At most [`MAX_SALESMEN`] who work on the project, by name.
pub(crate) async fn salesmen(
    connection: &mut PgConnection,
    scope: Scope<'_>,
) -> Result<Vec<SalesmanWork>, sqlx::Error> {
    let own = match scope.own("") {
        Some((column, _)) => format!("and counted.{column}_id = $5"),
        None => "and $5::uuid is null".to_owned(),
    };
    let sql = format!(
        " select found.*, coalesce(
                 (select display_name from known_salesman where id = found.id),
                 (select salesman_name from scope
                  join engagement on engagement.kind = scope.kind and scope_id = scope.id
                       and assigned_salesman = found.id and counts limit 1),
                 '') as display_name
         from (
             select salesman_id as id, {TOTALS}
             from {COUNTED}
             where salesman_id <> '00000000-0000-0000-0000-000000000000' {own}
             group by salesman_id
         ) found
         order by display_name, id limit $4"
    );
    scope
        .query(&sql)
        .bind(MAX_SALESMEN)
        .bind(scope.own("").map(|(_, id)| id))
        .fetch_all(connection)
        .await
}

/// A customer of the project: the interest, the newest consultation, and who is assigned to the
/// latter, else to the former. After an erasure, the same person counts as another customer.
#[derive(Debug)]
pub(crate) struct Customer {
    pub(crate) id: CustomerId,
    /// Of the oldest interest or consultation.
    pub(crate) oldest_id: Uuid,
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
            oldest_id: row.try_get("oldest_id")?,
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

/// A position in the list of customers: since when, and the id of the oldest item. It does not name
/// the customer, because an erased one has a position, too.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CustomerPosition(pub(crate) DateTime<Utc>, pub(crate) Uuid);

impl From<&Customer> for CustomerPosition {
    fn from(customer: &Customer) -> Self {
        Self(customer.since, customer.oldest_id)
    }
}

const LAST_ID: &str = "'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid";

/// At most `limit` customers that follow `after`, the newest first.
///
/// A customer is where the oldest of their items is, so that a page reads the items in order and
/// looks up the customers of these only.
pub(crate) async fn customers(
    connection: &mut PgConnection,
    scope: Scope<'_>,
    after: Option<&CustomerPosition>,
    limit: i64,
) -> Result<Vec<Customer>, sqlx::Error> {
    let own = scope.own("assigned_");
    // Erased customers are visible to staff only.
    let visible = |item: &str| match &own {
        Some((column, _)) => {
            format!("{item}.counts and {item}.erased_at is null and {item}.{column} = $7")
        }
        None => format!("{item}.counts and $7::uuid is null"),
    };
    let same_customer = |item: &str| {
        format!(
            "{item}.customer_id = oldest.customer_id
             and {item}.erased_at is not distinct from oldest.erased_at and {}
             and ({item}.kind, {item}.scope_id) in (select kind, id from scope)",
            visible(item)
        )
    };
    let sql = format!(
        ", oldest as materialized (
             select item.* from scope cross join lateral (
                 select customer_id, erased_at, since, oldest.id from engagement oldest
                 where oldest.kind = scope.kind and oldest.scope_id = scope.id and {visible}
                   and (since, oldest.id) < (coalesce($5, 'infinity'), coalesce($6, {LAST_ID}))
                   and not exists (
                       select 1 from engagement older
                       where {older} and (older.since, older.id) < (oldest.since, oldest.id))
                 order by since desc, oldest.id desc limit $4
             ) item
             order by since desc, id desc limit $4
         )
         select oldest.customer_id, oldest.id as oldest_id, oldest.since, newest.last_four,
                oldest.erased_at,
                newest.interested,
                case newest.kind when 'consultation' then newest.id end as consultation_id,
                newest.step, newest.desired_on,
                assigned_salesman as salesman_id,
                coalesce(salesman.display_name, salesman_name) as salesman_name,
                assigned_consultant as consultant_id,
                coalesce(consultant.display_name, consultant_name) as consultant_name
         from oldest
         cross join lateral (
             select theirs.*, bool_or(theirs.kind = 'interest') over () as interested
             from engagement theirs where {theirs}
             order by theirs.kind = 'consultation' desc, theirs.id desc limit 1
         ) newest
         left join known_salesman salesman on salesman.id = assigned_salesman
         left join known_salesman consultant on consultant.id = assigned_consultant
         order by oldest.since desc, oldest.id desc",
        visible = visible("oldest"),
        older = same_customer("older"),
        theirs = same_customer("theirs"),
    );
    scope
        .query(&sql)
        .bind(limit)
        .bind(after.map(|position| position.0))
        .bind(after.map(|position| position.1))
        .bind(own.as_ref().map(|(_, id)| *id))
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
        Role::Salesman => "assigned_salesman",
        _ => "assigned_consultant",
    };
    sqlx::query_scalar(sqlx::AssertSqlSafe(format!(
        "select exists (
             select 1 from engagement where customer_id = $1 and counts and {column} = $2
               and (kind = 'interest' or step in ('apply', 'approved')))"
    )))
    .bind(customer.0)
    .bind(caller.subject)
    .fetch_one(pool)
    .await
}
