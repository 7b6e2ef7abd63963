//! Which salesman and consultant serve which customer, and the time of the last activity.
//!
//! The table `served` is recomputed for a customer whenever one of the customer's interests or
//! consultations changes, so that a page of unattended customers reads an index range only.

use chrono::{DateTime, Utc};
use events::{CustomerId, CustomerRef};
use service_kit::Tx;
use service_kit::auth::{Identity, Role};
use sqlx::{PgPool, QueryBuilder};
use uuid::Uuid;

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
/// customer and does not need it.
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
#[derive(Debug, sqlx::FromRow)]
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
}

/// The position after a row: its last activity, customer and person.
pub(crate) type Position = (DateTime<Utc>, Uuid, Uuid);

/// Customers without activity since `since`, longest without activity first: the caller's own
/// customers, or those of every salesman for staff.
pub(crate) async fn unattended(
    pool: &PgPool,
    caller: &Identity,
    since: DateTime<Utc>,
    after: Option<Position>,
    limit: i64,
) -> Result<Vec<ServedCustomer>, sqlx::Error> {
    let role = if caller.role == Role::Consultant {
        "consultant"
    } else {
        "salesman"
    };
    let mut sql = QueryBuilder::new(format!(
        "select served.customer_id, customer.last_four, named.customer_name, named.phone,
                served.person_id,
                coalesce(known_salesman.display_name, served.person_name) as person_name,
                served.interests, served.consultations, served.last_activity_at
         from served
         join customer on customer.id = served.customer_id
         left join known_salesman on known_salesman.id = served.person_id
         left join lateral (select phone, customer_name from interest
                            where customer_id = served.customer_id and erased_at is null
                            order by (customer_name is null), id desc limit 1) named on true
         where served.role = '{role}' and served.last_activity_at <= "
    ));
    sql.push_bind(since);
    if caller.role != Role::Staff {
        sql.push(" and served.person_id = ")
            .push_bind(caller.subject);
    }
    if let Some((last_activity_at, customer, person)) = after {
        sql.push(" and (served.last_activity_at, served.customer_id, served.person_id) > (")
            .push_bind(last_activity_at)
            .push(", ")
            .push_bind(customer)
            .push(", ")
            .push_bind(person)
            .push(")");
    }
    sql.push(" order by served.last_activity_at, served.customer_id, served.person_id limit ")
        .push_bind(limit);
    sql.build_query_as().fetch_all(pool).await
}
