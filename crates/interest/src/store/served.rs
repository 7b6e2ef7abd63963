//! Which salesman and consultant serve which customer, and the time of the last activity.
//!
//! The table `served` is recomputed for a customer whenever one of the customer's interests or
//! consultations changes, so that a page of unattended customers reads an index range only.

use chrono::{DateTime, Utc};
use events::{CustomerId, CustomerRef, LastFour};
use service_kit::Tx;
use service_kit::auth::{Identity, Role};
use sqlx::postgres::PgRow;
use sqlx::{FromRow, PgPool, Postgres, QueryBuilder, Row as _};
use uuid::Uuid;

use crate::store::row::ProjectState;

/// Locks the customer until `tx` ends.
pub(super) async fn lock_customer(tx: &mut Tx, customer: CustomerId) -> Result<(), sqlx::Error> {
    sqlx::query("select 1 from customer where id = $1 for update")
        .bind(customer.0)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Serializes work on many customers: batches of events, reminders, erasures.
///
/// A batch locks as many customers as it has records, in the order of the records. Without this
/// lock, two batches would deadlock repeatedly while a backlog is consumed. A request locks one
/// customer and does not need it, nor does an event of an edition whose programme has no interest:
/// an import of thousands of these would keep all others waiting.
pub(crate) async fn take_batch_lock(tx: &mut Tx) -> Result<(), sqlx::Error> {
    tx.lock("serving").await
}

/// Stores what every event says about its customer, and locks the customer until `tx` ends.
pub(super) async fn upsert_customer(
    tx: &mut Tx,
    customer: &CustomerRef,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "insert into customer (id, last_four) values ($1, $2)
         on conflict (id) do update set last_four = excluded.last_four",
    )
    .bind(customer.customer_id.0)
    .bind(String::from(customer.last_four))
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// The last four digits of the customer's number, if the customer is known.
pub(crate) async fn last_four(
    pool: &PgPool,
    customer: CustomerId,
) -> Result<Option<String>, sqlx::Error> {
    sqlx::query_scalar("select last_four from customer where id = $1")
        .bind(customer.0)
        .fetch_optional(pool)
        .await
}

/// Recomputes who serves a customer. The caller has locked the customer; otherwise a concurrent
/// change would be missed.
///
/// The last activity is the latest of the interests and open consultations in which the person
/// serves the customer, and of all consultations of the customer.
pub(super) async fn recompute(tx: &mut Tx, customer: CustomerId) -> Result<(), sqlx::Error> {
    sqlx::query(
        "with matter as (
             select id, true as is_interest, salesman_id, salesman_name, consultant_id,
                    consultant_name, updated_at
             from interest where customer_id = $1 and interested and merged_into is null
             union all
             select id, false, salesman_id, salesman_name, consultant_id, consultant_name,
                    updated_at
             from known_consultation where customer_id = $1 and is_open),
         fresh as (
             select role, person_id, max(person_name) as person_name,
                    coalesce(array_agg(id order by id) filter (where is_interest), '{}')
                        as interests,
                    coalesce(array_agg(id order by id) filter (where not is_interest), '{}')
                        as consultations,
                    greatest(max(updated_at),
                             (select max(updated_at) from known_consultation
                              where customer_id = $1)) as last_activity_at
             from matter cross join lateral
                  (values ('salesman', salesman_id, salesman_name),
                          ('consultant', consultant_id, consultant_name))
                  as person (role, person_id, person_name)
             where person_id is not null
             group by role, person_id),
         gone as (
             delete from served
             where customer_id = $1
               and (role, person_id) not in (select role, person_id from fresh))
         insert into served (customer_id, role, person_id, person_name, interests, consultations,
                             last_activity_at)
         select $1, role, person_id, person_name, interests, consultations, last_activity_at
         from fresh
         on conflict (customer_id, role, person_id) do update
             set person_name = excluded.person_name, interests = excluded.interests,
                 consultations = excluded.consultations,
                 last_activity_at = excluded.last_activity_at",
    )
    .bind(customer.0)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// A customer with the salesman or consultant who serves the customer.
#[derive(Debug)]
pub(crate) struct ServedCustomer {
    pub(crate) customer_id: Uuid,
    pub(crate) last_four: String,
    /// From an interest of the customer, if one has a name.
    pub(crate) customer_name: Option<String>,
    /// `None` if the customer has no interest.
    pub(crate) phone: Option<String>,
    pub(crate) person_id: Uuid,
    pub(crate) person_name: String,
    pub(crate) interests: Vec<Uuid>,
    pub(crate) consultations: Vec<Uuid>,
    pub(crate) last_activity_at: DateTime<Utc>,
    /// The newest of `interests`.
    pub(crate) newest_interest: Option<NewestInterest>,
}

/// An interest in a list of customers.
#[derive(Debug)]
pub(crate) struct NewestInterest {
    pub(crate) id: Uuid,
    pub(crate) project_id: Uuid,
    pub(crate) project_name: String,
    pub(crate) on_since: DateTime<Utc>,
    /// `None` while the project is unknown.
    pub(crate) project: Option<ProjectState>,
}

impl FromRow<'_, PgRow> for ServedCustomer {
    fn from_row(row: &PgRow) -> Result<Self, sqlx::Error> {
        let newest_interest = match row.try_get("interest_id")? {
            None => None,
            Some(id) => Some(NewestInterest {
                id,
                project_id: row.try_get("project_id")?,
                project_name: row.try_get("project_name")?,
                on_since: row.try_get("on_since")?,
                project: ProjectState::decode(row)?,
            }),
        };
        Ok(Self {
            customer_id: row.try_get("customer_id")?,
            last_four: row.try_get("last_four")?,
            customer_name: row.try_get("customer_name")?,
            phone: row.try_get("phone")?,
            person_id: row.try_get("person_id")?,
            person_name: row.try_get("person_name")?,
            interests: row.try_get("interests")?,
            consultations: row.try_get("consultations")?,
            last_activity_at: row.try_get("last_activity_at")?,
            newest_interest,
        })
    }
}

/// The position after a row: its last activity, customer and person.
pub(crate) type Position = (DateTime<Utc>, Uuid, Uuid);

/// Which customers, and in which order.
#[derive(Debug, Default)]
pub(crate) struct ServedFilter {
    /// Only customers of this salesman, for staff.
    pub(crate) salesman: Option<Uuid>,
    /// Only customers whose number ends with these digits.
    pub(crate) last_four: Option<LastFour>,
    /// Only customers without activity since then, longest without activity first. Without it, the
    /// latest activity comes first.
    pub(crate) inactive_since: Option<DateTime<Utc>>,
}

/// Adds the condition on the rows of `served` that the caller may see: the caller's own customers,
/// or those of every salesman for staff. As a text, so that the planner can use the index of
/// salesmen.
pub(super) fn push_visible(sql: &mut QueryBuilder<Postgres>, caller: &Identity) {
    let role = if caller.role == Role::Consultant {
        "consultant"
    } else {
        "salesman"
    };
    sql.push(format!(" where served.role = '{role}'"));
    if caller.role != Role::Staff {
        sql.push(" and served.person_id = ")
            .push_bind(caller.subject);
    }
}

/// One page of customers: the caller's own, or those of every salesman for staff.
pub(crate) async fn list(
    pool: &PgPool,
    caller: &Identity,
    filter: ServedFilter,
    after: Option<Position>,
    limit: i64,
) -> Result<Vec<ServedCustomer>, sqlx::Error> {
    let (beyond, direction) = match filter.inactive_since {
        Some(_) => (">", "asc"),
        None => ("<", "desc"),
    };
    let order = format!(
        " order by served.last_activity_at {direction}, served.customer_id {direction},
                   served.person_id {direction}"
    );
    let mut sql = QueryBuilder::new(
        "select served.customer_id, served.person_id, served.interests, served.consultations,
                served.last_activity_at, customer.last_four, named.customer_name, named.phone,
                coalesce(known_salesman.display_name, served.person_name) as person_name,
                newest.id as interest_id, newest.on_since,
                coalesce(edition.id, newest.project_id) as project_id,
                coalesce(edition.name, newest.project_name, '') as project_name,
                edition.year, edition.category, edition.agency, edition.status, edition.period
         from (select served.customer_id, person_id, person_name, interests, consultations,
                      last_activity_at
               from served",
    );
    if filter.last_four.is_some() {
        sql.push(" join customer on customer.id = served.customer_id");
    }
    push_visible(&mut sql, caller);
    if let Some(salesman) = filter.salesman {
        sql.push(" and served.person_id = ").push_bind(salesman);
    }
    if let Some(last_four) = filter.last_four {
        sql.push(" and customer.last_four = ")
            .push_bind(String::from(last_four));
    }
    if let Some(since) = filter.inactive_since {
        sql.push(" and served.last_activity_at <= ")
            .push_bind(since);
    }
    if let Some((last_activity_at, customer, person)) = after {
        sql.push(format!(
            " and (served.last_activity_at, served.customer_id, served.person_id) {beyond} ("
        ))
        .push_bind(last_activity_at)
        .push(", ")
        .push_bind(customer)
        .push(", ")
        .push_bind(person)
        .push(")");
    }
    sql.push(&order).push(" limit ").push_bind(limit).push(
        ") served
         join customer on customer.id = served.customer_id
         left join known_salesman on known_salesman.id = served.person_id
         left join lateral (select phone, customer_name from interest
                            where customer_id = served.customer_id and erased_at is null
                            order by (customer_name is null), id desc limit 1) named on true
         left join interest newest on newest.id = served.interests[cardinality(served.interests)]
         left join lateral (select * from known_project where series_id = newest.series_id
                            order by (status = 'ended'), year desc, id desc limit 1) edition
             on true",
    );
    sql.push(order);
    sql.build_query_as().fetch_all(pool).await
}
