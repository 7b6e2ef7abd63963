//! What is kept of one customer, and forgetting it.

use chrono::{DateTime, NaiveDate, Utc};
use events::{CustomerId, PersonRef, SalesmanId, Step};
use service_kit::Tx;
use sqlx::PgPool;
use uuid::Uuid;

use super::word;

/// Who is on something.
#[derive(Debug, sqlx::FromRow)]
pub(crate) struct People {
    salesman_id: Option<Uuid>,
    salesman_name: Option<String>,
    consultant_id: Option<Uuid>,
    consultant_name: Option<String>,
}

impl People {
    /// The salesman.
    pub(crate) fn salesman(&self) -> Option<PersonRef> {
        person(self.salesman_id, self.salesman_name.as_deref())
    }

    /// The consultant.
    pub(crate) fn consultant(&self) -> Option<PersonRef> {
        person(self.consultant_id, self.consultant_name.as_deref())
    }
}

fn person(id: Option<Uuid>, name: Option<&str>) -> Option<PersonRef> {
    Some(PersonRef {
        id: SalesmanId(id?),
        display_name: name?.to_owned(),
    })
}

/// An interest that is kept of a customer.
#[derive(Debug, sqlx::FromRow)]
pub(crate) struct HeldInterest {
    pub(crate) id: Uuid,
    pub(crate) series_id: Option<Uuid>,
    pub(crate) project_id: Uuid,
    pub(crate) project_name: Option<String>,
    pub(crate) last_four: Option<String>,
    pub(crate) interested: bool,
    pub(crate) since: DateTime<Utc>,
    #[sqlx(flatten)]
    pub(crate) people: People,
}

/// A consultation that is kept of a customer.
#[derive(Debug)]
pub(crate) struct HeldConsultation {
    pub(crate) id: Uuid,
    pub(crate) project_id: Uuid,
    pub(crate) project_name: Option<String>,
    pub(crate) last_four: Option<String>,
    pub(crate) step: Step,
    pub(crate) desired_on: NaiveDate,
    pub(crate) since: DateTime<Utc>,
    pub(crate) people: People,
}

#[derive(sqlx::FromRow)]
struct ConsultationRow {
    id: Uuid,
    project_id: Uuid,
    project_name: Option<String>,
    last_four: Option<String>,
    step: String,
    desired_on: NaiveDate,
    since: DateTime<Utc>,
    #[sqlx(flatten)]
    people: People,
}

/// What both kinds have in common: the project's name, and who is on it by his newest name.
const COMMON: &str = "it.id, it.project_id, (select name from project where id = it.project_id) as project_name, it.last_four, it.since,
    salesman_id, coalesce((select display_name from known_salesman where id = salesman_id), salesman_name) as salesman_name,
    consultant_id, coalesce((select display_name from known_salesman where id = consultant_id), consultant_name) as consultant_name";

/// The interests of the customer, oldest first. As in the view of a project, a match of the time before one was turned on is no match.
pub(crate) async fn interests(
    pool: &PgPool,
    customer: CustomerId,
) -> Result<Vec<HeldInterest>, sqlx::Error> {
    let sql = format!(
        "select {COMMON}, it.series_id, it.interested from known_interest it
         left join known_match matched on matched.origin_kind = 'interest' and matched.origin_id = it.id
              and matched.matched_at > it.since - interval '5 seconds'
         where it.customer_id = $1 and it.erased_at is null order by it.id"
    );
    sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(customer.0)
        .fetch_all(pool)
        .await
}

/// The consultations of the customer, oldest first.
pub(crate) async fn consultations(
    pool: &PgPool,
    customer: CustomerId,
) -> Result<Vec<HeldConsultation>, sqlx::Error> {
    let sql = format!(
        "select {COMMON}, it.step, it.desired_on from known_consultation it
         left join known_match matched on matched.origin_kind = 'consultation' and matched.origin_id = it.id
         where it.customer_id = $1 and it.erased_at is null order by it.id"
    );
    let rows: Vec<ConsultationRow> = sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(customer.0)
        .fetch_all(pool)
        .await?;
    rows.into_iter()
        .map(|row| {
            Ok(HeldConsultation {
                id: row.id,
                project_id: row.project_id,
                project_name: row.project_name,
                last_four: row.last_four,
                step: word::<Step>(row.step)?,
                desired_on: row.desired_on,
                since: row.since,
                people: row.people,
            })
        })
        .collect()
}

/// Takes out of what is kept of the customer what says who he is, and leaves nothing of it on or open.
pub(crate) async fn erase(tx: &mut Tx, customer: CustomerId) -> Result<(), sqlx::Error> {
    let now = tx.now();
    for sql in [
        "update known_interest set last_four = null, interested = false, erased_at = $2 where customer_id = $1 and erased_at is null",
        "update known_consultation
         set last_four = null, step = case when step in ('apply', 'approved') then 'cancelled' else step end, erased_at = $2
         where customer_id = $1 and erased_at is null",
    ] {
        sqlx::query(sql).bind(customer.0).bind(now).execute(&mut **tx).await?;
    }
    Ok(())
}
