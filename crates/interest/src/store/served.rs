//! Who serves which customer, and since when nothing has happened with him: reckoned anew from interests and consultations whenever one of a
//! customer's changes, so that what is asked for is walked along an index.

use chrono::{DateTime, Utc};
use events::{CustomerId, CustomerRef};
use service_kit::Tx;
use service_kit::auth::{Identity, Role};
use sqlx::{PgPool, Postgres, QueryBuilder};
use uuid::Uuid;

/// Locks the customer until `tx` ends.
pub(super) async fn lock(tx: &mut Tx, customer: CustomerId) -> Result<(), sqlx::Error> {
    sqlx::query("select 1 from customer where id = $1 for update")
        .bind(customer.0)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Waits until nobody else goes through customers: a batch of events, the reminder, or an erasure. A batch locks as many as it has records, in
/// the order in which they come, and two that hold each other's would be ended by Postgres again and again while a backlog is taken in.
/// Requests lock one customer and need no turn.
pub(crate) async fn take_turn(tx: &mut Tx) -> Result<(), sqlx::Error> {
    sqlx::query(
        "select pg_advisory_xact_lock(hashtextextended(current_schema() || '/serving', 2))",
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Keeps of a customer what every event tells, and locks him until `tx` ends.
pub(super) async fn meet(tx: &mut Tx, customer: &CustomerRef) -> Result<(), sqlx::Error> {
    sqlx::query(
        "insert into customer (id, last_four) values ($1, $2) on conflict (id) do update set last_four = excluded.last_four",
    )
    .bind(customer.customer_id.0)
    .bind(String::from(customer.last_four))
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Reckons anew who serves a customer. Whoever calls it has locked him: otherwise it would miss what another changes at the same time.
///
/// Something happened with him when it happened on what that person serves him in, or on any consultation of his.
pub(super) async fn reckon(tx: &mut Tx, customer: CustomerId) -> Result<(), sqlx::Error> {
    sqlx::query(
        "with matter as (
             select id, true as is_interest, salesman_id, salesman_name, consultant_id, consultant_name, updated_at
             from interest where customer_id = $1 and interested and merged_into is null
             union all
             select id, false, salesman_id, salesman_name, consultant_id, consultant_name, updated_at
             from known_consultation where customer_id = $1 and is_open),
         fresh as (
             select role, person_id, max(person_name) as person_name,
                    coalesce(array_agg(id order by id) filter (where is_interest), '{}') as interests,
                    coalesce(array_agg(id order by id) filter (where not is_interest), '{}') as consultations,
                    greatest(max(updated_at), (select max(updated_at) from known_consultation where customer_id = $1))
                        as last_activity_at
             from matter cross join lateral (values ('salesman', salesman_id, salesman_name),
                                                    ('consultant', consultant_id, consultant_name))
                 as person (role, person_id, person_name)
             where person_id is not null
             group by role, person_id),
         gone as (
             delete from served where customer_id = $1 and (role, person_id) not in (select role, person_id from fresh))
         insert into served (customer_id, role, person_id, person_name, interests, consultations, last_activity_at)
         select $1, role, person_id, person_name, interests, consultations, last_activity_at from fresh
         on conflict (customer_id, role, person_id) do update
             set person_name = excluded.person_name, interests = excluded.interests, consultations = excluded.consultations,
                 last_activity_at = excluded.last_activity_at",
    )
    .bind(customer.0)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Somebody whom a salesman or a consultant serves.
#[derive(Debug, sqlx::FromRow)]
pub(crate) struct Served {
    pub(crate) customer_id: Uuid,
    pub(crate) last_four: String,
    /// Nothing unless an interest of his tells it.
    pub(crate) customer_name: Option<String>,
    /// Nothing unless he has an interest.
    pub(crate) phone: Option<String>,
    pub(crate) person_id: Uuid,
    pub(crate) person_name: String,
    pub(crate) interests: Vec<Uuid>,
    pub(crate) consultations: Vec<Uuid>,
    pub(crate) last_activity_at: DateTime<Utc>,
}

/// Where a page ends: the last row's activity, customer and person.
pub(crate) type Place = (DateTime<Utc>, Uuid, Uuid);

/// The customers with whom nothing has happened since `since`, the one left alone the longest first: a salesman's or a consultant's own, and
/// those of every salesman for staff.
pub(crate) async fn unattended(
    pool: &PgPool,
    who: &Identity,
    since: DateTime<Utc>,
    after: Option<Place>,
    fetch: i64,
) -> Result<Vec<Served>, sqlx::Error> {
    asked(who, since, after, fetch)
        .build_query_as()
        .fetch_all(pool)
        .await
}

fn asked(
    who: &Identity,
    since: DateTime<Utc>,
    after: Option<Place>,
    fetch: i64,
) -> QueryBuilder<Postgres> {
    let role = if who.role == Role::Consultant {
        "consultant"
    } else {
        "salesman"
    };
    let mut sql = QueryBuilder::new(format!(
        "select served.customer_id, customer.last_four, told.customer_name, told.phone, served.person_id,
                coalesce(known_salesman.display_name, served.person_name) as person_name, served.interests, served.consultations,
                served.last_activity_at
         from served
         join customer on customer.id = served.customer_id
         left join known_salesman on known_salesman.id = served.person_id
         left join lateral (select phone, customer_name from interest
                            where customer_id = served.customer_id and erased_at is null
                            order by (customer_name is null), id desc limit 1) told on true
         where served.role = '{role}' and served.last_activity_at <= "
    ));
    sql.push_bind(since);
    if who.role != Role::Staff {
        sql.push(" and served.person_id = ").push_bind(who.subject);
    }
    if let Some((at, customer, person)) = after {
        sql.push(" and (served.last_activity_at, served.customer_id, served.person_id) > (")
            .push_bind(at);
        sql.push(", ")
            .push_bind(customer)
            .push(", ")
            .push_bind(person)
            .push(")");
    }
    sql.push(" order by served.last_activity_at, served.customer_id, served.person_id limit ")
        .push_bind(fetch);
    sql
}
