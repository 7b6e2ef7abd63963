//! The only SQL of this service.

use chrono::{DateTime, NaiveDate, Utc};
use events::{Actor, ConsultationId, CustomerId, PersonRef, ProjectCreated, ProjectId, SalesmanId, Step};
use service_kit::auth::{Identity, Role};
use service_kit::http::Page;
use service_kit::problem::ChangeError;
use service_kit::{Tx, event_log};
use sqlx::PgPool;
use sqlx::postgres::PgConnection;
use uuid::Uuid;

use crate::consultation::{Change, Command, Consultation, Refusal};

/// A consultation as it lies in its table.
#[derive(Debug, sqlx::FromRow)]
struct Row {
    id: Uuid,
    project_id: Uuid,
    project_name: String,
    customer_id: Uuid,
    phone: String,
    customer_name: Option<String>,
    desired_on: NaiveDate,
    memo: String,
    step: String,
    reason: Option<String>,
    salesman_id: Option<Uuid>,
    salesman_name: Option<String>,
    consultant_id: Option<Uuid>,
    consultant_name: Option<String>,
    version: i64,
    created_at: DateTime<Utc>,
}

/// A consultation, and when it was requested.
#[derive(Debug)]
pub(crate) struct Stored {
    pub(crate) it: Consultation,
    pub(crate) created_at: DateTime<Utc>,
}

impl TryFrom<Row> for Stored {
    type Error = sqlx::Error;

    fn try_from(row: Row) -> Result<Self, sqlx::Error> {
        let person = |id: Option<Uuid>, name: Option<String>| Some(PersonRef { id: SalesmanId(id?), display_name: name? });
        let step = Step::ALL.into_iter().find(|step| step.as_str() == row.step);
        let it = Consultation {
            id: ConsultationId(row.id),
            project_id: ProjectId(row.project_id),
            project_name: row.project_name,
            customer_id: CustomerId(row.customer_id),
            phone: row.phone.parse().map_err(|error| sqlx::Error::Decode(Box::new(error)))?,
            customer_name: row.customer_name,
            desired_on: row.desired_on,
            memo: row.memo,
            step: step.ok_or_else(|| sqlx::Error::Decode("an unknown step".into()))?,
            reason: row.reason,
            salesman: person(row.salesman_id, row.salesman_name),
            consultant: person(row.consultant_id, row.consultant_name),
            version: row.version,
        };
        Ok(Self { it, created_at: row.created_at })
    }
}

const COLUMNS: &str = "id, project_id, project_name, customer_id, phone, customer_name, desired_on, memo, step, reason,
    salesman_id, salesman_name, consultant_id, consultant_name, version, created_at";

/// One consultation.
pub(crate) async fn load(connection: &mut PgConnection, id: ConsultationId) -> Result<Option<Stored>, sqlx::Error> {
    let row: Option<Row> = sqlx::query_as(sqlx::AssertSqlSafe(format!("select {COLUMNS} from consultation where id = $1")))
        .bind(id.0)
        .fetch_optional(connection)
        .await?;
    row.map(Stored::try_from).transpose()
}

/// The consultations somebody may see, newest first.
pub(crate) async fn list(pool: &PgPool, who: &Identity, page: Page) -> Result<Vec<Stored>, sqlx::Error> {
    let mine = match who.role {
        Role::Customer => "customer_id = $1",
        Role::Salesman => "salesman_id = $1",
        Role::Consultant => "consultant_id = $1",
        Role::Staff => "$1 is not null",
    };
    let sql =
        format!("select {COLUMNS} from consultation where {mine} and ($2::uuid is null or id < $2) order by id desc limit $3");
    let rows: Vec<Row> =
        sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(who.subject).bind(page.after).bind(page.fetch()).fetch_all(pool).await?;
    rows.into_iter().map(Stored::try_from).collect()
}

/// Stores a new consultation with its first event.
pub(crate) async fn create(tx: &mut Tx, it: &Consultation, event: &events::ConsultationCreated) -> Result<(), sqlx::Error> {
    let now = tx.now();
    sqlx::query(
        "insert into consultation (id, project_id, project_name, customer_id, phone, customer_name, desired_on, memo, step, version,
                                   created_at, updated_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $11)",
    )
    .bind(it.id.0)
    .bind(it.project_id.0)
    .bind(&it.project_name)
    .bind(it.customer_id.0)
    .bind(it.phone.e164())
    .bind(&it.customer_name)
    .bind(it.desired_on)
    .bind(&it.memo)
    .bind(it.step.as_str())
    .bind(it.version)
    .bind(now)
    .execute(&mut **tx)
    .await?;
    event_log::append(tx, it.version, event).await
}

/// The one way to change a consultation: lock, decide, save, and append the event, in the caller's transaction.
pub(crate) async fn change(
    tx: &mut Tx,
    id: ConsultationId,
    may: impl FnOnce(&Consultation) -> Result<(), ChangeError<Refusal>>,
    command: Command,
    actor: Actor,
) -> Result<Consultation, ChangeError<Refusal>> {
    sqlx::query("select 1 from consultation where id = $1 for update").bind(id.0).execute(&mut **tx).await?;
    let mut it = load(tx, id).await?.ok_or(ChangeError::NotFound)?.it;
    may(&it)?;
    if let Some(change) = it.handle(command, actor).map_err(ChangeError::Refused)? {
        it.apply(&change);
        save(tx, &it).await?;
        match &change {
            Change::Edited { event, .. } => event_log::append(tx, it.version, event).await?,
            Change::Progressed { event, .. } => event_log::append(tx, it.version, event).await?,
            Change::SalesmanStored { .. } => {}
        }
    }
    Ok(it)
}

async fn save(tx: &mut Tx, it: &Consultation) -> Result<(), sqlx::Error> {
    let now = tx.now();
    sqlx::query(
        "update consultation set desired_on = $2, memo = $3, step = $4, reason = $5, salesman_id = $6, salesman_name = $7,
                consultant_id = $8, consultant_name = $9, version = $10, updated_at = $11
         where id = $1",
    )
    .bind(it.id.0)
    .bind(it.desired_on)
    .bind(&it.memo)
    .bind(it.step.as_str())
    .bind(&it.reason)
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

/// The name of a project, if this service has heard of it.
pub(crate) async fn project_name(tx: &mut Tx, id: ProjectId) -> Result<Option<String>, sqlx::Error> {
    sqlx::query_scalar("select name from known_project where id = $1").bind(id.0).fetch_optional(&mut **tx).await
}

/// Keeps what this service shows of a project.
pub(crate) async fn keep_project(tx: &mut Tx, project: &ProjectCreated) -> Result<(), sqlx::Error> {
    sqlx::query(
        "insert into known_project (id, name, status) values ($1, $2, $3)
         on conflict (id) do update set name = excluded.name, status = excluded.status",
    )
    .bind(project.project_id.0)
    .bind(&project.edition.name)
    .bind(project.edition.status.as_str())
    .execute(&mut **tx)
    .await?;
    // What was asked for by a name that the page sent gets the real one.
    sqlx::query("update consultation set project_name = $2 where project_id = $1 and project_name <> $2")
        .bind(project.project_id.0)
        .bind(&project.edition.name)
        .execute(&mut **tx)
        .await?;
    Ok(())
}
