//! The only SQL of this service.

use std::convert::Infallible;

use chrono::{DateTime, Utc};
use events::{Actor, CustomerId, InterestCreated, InterestId, PersonRef, ProjectCreated, ProjectId, SalesmanId, SeriesId};
use service_kit::auth::{Identity, Role};
use service_kit::http::Page;
use service_kit::problem::ChangeError;
use service_kit::{Tx, event_log};
use sqlx::PgPool;
use sqlx::postgres::PgConnection;
use uuid::Uuid;

use crate::interest::{Change, Command, Interest};

/// An interest as it lies in its table.
#[derive(Debug, sqlx::FromRow)]
struct Row {
    id: Uuid,
    series_id: Option<Uuid>,
    project_id: Uuid,
    project_name: String,
    customer_id: Uuid,
    phone: String,
    customer_name: Option<String>,
    interested: bool,
    salesman_id: Option<Uuid>,
    salesman_name: Option<String>,
    consultant_id: Option<Uuid>,
    consultant_name: Option<String>,
    version: i64,
    created_at: DateTime<Utc>,
}

/// An interest, and when it was marked.
#[derive(Debug)]
pub(crate) struct Stored {
    pub(crate) it: Interest,
    pub(crate) created_at: DateTime<Utc>,
}

impl TryFrom<Row> for Stored {
    type Error = sqlx::Error;

    fn try_from(row: Row) -> Result<Self, sqlx::Error> {
        let person = |id: Option<Uuid>, name: Option<String>| Some(PersonRef { id: SalesmanId(id?), display_name: name? });
        let it = Interest {
            id: InterestId(row.id),
            series_id: row.series_id.map(SeriesId),
            project_id: ProjectId(row.project_id),
            project_name: row.project_name,
            customer_id: CustomerId(row.customer_id),
            phone: row.phone.parse().map_err(|error| sqlx::Error::Decode(Box::new(error)))?,
            customer_name: row.customer_name,
            interested: row.interested,
            salesman: person(row.salesman_id, row.salesman_name),
            consultant: person(row.consultant_id, row.consultant_name),
            version: row.version,
        };
        Ok(Self { it, created_at: row.created_at })
    }
}

const COLUMNS: &str = "id, series_id, project_id, project_name, customer_id, phone, customer_name, interested,
    salesman_id, salesman_name, consultant_id, consultant_name, version, created_at";

/// One interest.
pub(crate) async fn load(connection: &mut PgConnection, id: InterestId) -> Result<Option<Stored>, sqlx::Error> {
    let row: Option<Row> = sqlx::query_as(sqlx::AssertSqlSafe(format!("select {COLUMNS} from interest where id = $1")))
        .bind(id.0)
        .fetch_optional(connection)
        .await?;
    row.map(Stored::try_from).transpose()
}

/// The interests somebody may see, newest first.
pub(crate) async fn list(pool: &PgPool, who: &Identity, page: Page) -> Result<Vec<Stored>, sqlx::Error> {
    let mine = match who.role {
        Role::Customer => "customer_id = $1",
        Role::Salesman => "salesman_id = $1",
        Role::Consultant => "consultant_id = $1",
        Role::Staff => "$1 is not null",
    };
    let sql = format!("select {COLUMNS} from interest where {mine} and ($2::uuid is null or id < $2) order by id desc limit $3");
    let rows: Vec<Row> =
        sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(who.subject).bind(page.after).bind(page.fetch()).fetch_all(pool).await?;
    rows.into_iter().map(Stored::try_from).collect()
}

/// Stores a new interest with its first event, or gives the id of the one that this customer has in the series already.
pub(crate) async fn create(tx: &mut Tx, it: &Interest, event: &InterestCreated) -> Result<Option<InterestId>, sqlx::Error> {
    let now = tx.now();
    let subject = it.series_id.map_or(it.project_id.0, |series| series.0);
    // The edition may have been marked while its series was not known yet.
    let marked: Option<Uuid> = sqlx::query_scalar(
        "select id from interest where customer_id = $1 and (subject_id = $2 or project_id = $3) order by id limit 1",
    )
    .bind(it.customer_id.0)
    .bind(subject)
    .bind(it.project_id.0)
    .fetch_optional(&mut **tx)
    .await?;
    if let Some(id) = marked {
        return Ok(Some(InterestId(id)));
    }
    let inserted = sqlx::query(
        "insert into interest (id, subject_id, series_id, project_id, project_name, customer_id, phone, customer_name, interested, version,
                               created_at, updated_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $11)
         on conflict (customer_id, subject_id) do nothing",
    )
    .bind(it.id.0)
    .bind(subject)
    .bind(it.series_id.map(|series| series.0))
    .bind(it.project_id.0)
    .bind(&it.project_name)
    .bind(it.customer_id.0)
    .bind(it.phone.e164())
    .bind(&it.customer_name)
    .bind(it.interested)
    .bind(it.version)
    .bind(now)
    .execute(&mut **tx)
    .await?
    .rows_affected();
    if inserted == 0 {
        let id: Uuid = sqlx::query_scalar("select id from interest where customer_id = $1 and subject_id = $2")
            .bind(it.customer_id.0)
            .bind(subject)
            .fetch_one(&mut **tx)
            .await?;
        return Ok(Some(InterestId(id)));
    }
    event_log::append(tx, it.version, event).await?;
    Ok(None)
}

/// The one way to change an interest: lock, decide, save, and append the event, in the caller's transaction.
pub(crate) async fn change(
    tx: &mut Tx,
    id: InterestId,
    may: impl FnOnce(&Interest) -> Result<(), ChangeError<Infallible>>,
    command: Command,
    actor: Actor,
) -> Result<Interest, ChangeError<Infallible>> {
    sqlx::query("select 1 from interest where id = $1 for update").bind(id.0).execute(&mut **tx).await?;
    let mut it = load(tx, id).await?.ok_or(ChangeError::NotFound)?.it;
    may(&it)?;
    if let Some(change) = it.handle(command, actor) {
        it.apply(&change);
        save(tx, &it).await?;
        if let Change::Turned(event) = &change {
            event_log::append(tx, it.version, event).await?;
        }
    }
    Ok(it)
}

async fn save(tx: &mut Tx, it: &Interest) -> Result<(), sqlx::Error> {
    let now = tx.now();
    sqlx::query(
        "update interest set interested = $2, salesman_id = $3, salesman_name = $4, consultant_id = $5, consultant_name = $6, version = $7,
                updated_at = $8
         where id = $1",
    )
    .bind(it.id.0)
    .bind(it.interested)
    .bind(it.salesman.as_ref().map(|person| person.id.0))
    .bind(it.salesman.as_ref().map(|person| person.display_name.as_str()))
    .bind(it.consultant.as_ref().map(|person| person.id.0))
    .bind(it.consultant.as_ref().map(|person| person.display_name.as_str()))
    .bind(it.version)
    .bind(now)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// The name and the series of a project, if this service has heard of it.
pub(crate) async fn known_project(tx: &mut Tx, id: ProjectId) -> Result<Option<(String, SeriesId)>, sqlx::Error> {
    let found: Option<(String, Uuid)> =
        sqlx::query_as("select name, series_id from known_project where id = $1").bind(id.0).fetch_optional(&mut **tx).await?;
    Ok(found.map(|(name, series)| (name, SeriesId(series))))
}

/// Keeps what this service shows of a project.
pub(crate) async fn keep_project(tx: &mut Tx, project: &ProjectCreated) -> Result<(), sqlx::Error> {
    sqlx::query(
        "insert into known_project (id, series_id, name, status) values ($1, $2, $3, $4)
         on conflict (id) do update set series_id = excluded.series_id, name = excluded.name, status = excluded.status",
    )
    .bind(project.project_id.0)
    .bind(project.edition.series_id.0)
    .bind(&project.edition.name)
    .bind(project.edition.status.as_str())
    .execute(&mut **tx)
    .await?;
    // What was marked by a name that the page sent gets the real one, and its series, unless the customer has an interest in that already.
    sqlx::query(
        "update interest set project_name = $3, series_id = $2, subject_id = $2
         where project_id = $1 and series_id is null
           and not exists (select 1 from interest other where other.customer_id = interest.customer_id and other.subject_id = $2)",
    )
    .bind(project.project_id.0)
    .bind(project.edition.series_id.0)
    .bind(&project.edition.name)
    .execute(&mut **tx)
    .await?;
    Ok(())
}
