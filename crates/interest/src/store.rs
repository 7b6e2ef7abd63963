//! The only SQL of this service: interests here, what is kept of other services in [`copies`], two interests in one series in [`merging`],
//! what customers are told in [`notifications`], who serves whom in [`served`], who saw whose number in [`disclosures`]; what is kept of one
//! customer in [`kept`], and how he is forgotten in [`erasure`].
//!
//! Whoever changes something of a customer locks the customer before any other row of his ([`served::lock`]): so nobody who holds one of them
//! waits for another.

pub(crate) mod copies;
pub(crate) mod disclosures;
pub(crate) mod erasure;
pub(crate) mod kept;
mod merging;
pub(crate) mod notifications;
pub(crate) mod served;

use chrono::{DateTime, Utc};
use events::{
    Actor, Category, CustomerId, InterestCreated, InterestId, Period, PersonRef, ProjectId,
    ProjectStatus, SalesmanId, SeriesId,
};
use serde::de::DeserializeOwned;
use service_kit::Tx;
use service_kit::auth::{Identity, Role};
use service_kit::forms::phone::{NotAPhone, Phone};
use service_kit::http::Page;
use service_kit::http::problem::ChangeError;
use service_kit::messaging::event_log;
use sqlx::postgres::PgConnection;
use sqlx::types::Json;
use sqlx::{PgPool, Postgres, QueryBuilder};
use uuid::Uuid;

use crate::interest::{Change, Command, Consent, Interest, Refusal};

/// An interest as it lies in its table, with the edition and the names that are shown with it.
#[derive(Debug, sqlx::FromRow)]
struct Row {
    id: Uuid,
    series_id: Option<Uuid>,
    marked_project_id: Uuid,
    project_id: Uuid,
    project_name: String,
    customer_id: Uuid,
    phone: Option<String>,
    customer_name: Option<String>,
    interested: bool,
    on_since: DateTime<Utc>,
    on_version: i64,
    salesman_id: Option<Uuid>,
    salesman_name: Option<String>,
    consultant_id: Option<Uuid>,
    consultant_name: Option<String>,
    consent_role: Option<String>,
    consent_by: Option<Uuid>,
    consent_at: Option<DateTime<Utc>>,
    merged_into: Option<Uuid>,
    erased_at: Option<DateTime<Utc>>,
    version: i64,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    year: Option<i32>,
    category: Option<String>,
    agency: Option<String>,
    status: Option<String>,
    period: Option<Json<Period>>,
}

/// Which columns make a [`Row`] of [`FROM`].
const COLUMNS: &str =
    "it.id, it.series_id, it.project_id as marked_project_id, coalesce(edition.id, it.project_id) as project_id,
    coalesce(edition.name, it.project_name, '') as project_name, it.customer_id, it.phone, it.customer_name, it.interested, it.on_since,
    it.on_version, it.salesman_id, coalesce(salesman.display_name, it.salesman_name) as salesman_name,
    it.consultant_id, coalesce(consultant.display_name, it.consultant_name) as consultant_name,
    it.consent_role, it.consent_by, it.consent_at, it.merged_into, it.erased_at, it.version, it.created_at,
    it.updated_at, edition.year, edition.category, edition.agency, edition.status, edition.period";

/// An interest shows the newest edition of its series that has not ended, or the newest of all, and the newest names that are known.
const FROM: &str = "from interest it
    left join lateral (select * from known_project where series_id = it.series_id
                       order by (status = 'ended'), year desc, id desc limit 1) edition on true
    left join known_salesman salesman on salesman.id = it.salesman_id
    left join known_salesman consultant on consultant.id = it.consultant_id";

/// How a project stands, as far as this service has heard.
#[derive(Debug, Clone)]
pub(crate) struct Standing {
    pub(crate) year: i32,
    pub(crate) category: Category,
    pub(crate) agency: String,
    pub(crate) status: ProjectStatus,
    pub(crate) period: Period,
}

/// An interest, when it was marked, when something last happened on it, and how its project stands.
#[derive(Debug)]
pub(crate) struct Stored {
    pub(crate) it: Interest,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) updated_at: DateTime<Utc>,
    /// Nothing while this service has not heard of the project.
    pub(crate) standing: Option<Standing>,
}

/// A word of the contract, as it is spelled in an event.
fn word<T: DeserializeOwned>(text: String) -> Result<T, sqlx::Error> {
    serde_json::from_value(text.into()).map_err(|error| sqlx::Error::Decode(Box::new(error)))
}

impl TryFrom<Row> for Stored {
    type Error = sqlx::Error;

    fn try_from(row: Row) -> Result<Self, sqlx::Error> {
        let person = |id: Option<Uuid>, name: Option<String>| {
            Some(PersonRef {
                id: SalesmanId(id?),
                display_name: name?,
            })
        };
        let consent = match (row.consent_role, row.consent_by, row.consent_at) {
            (Some(role), Some(by), Some(at)) => Some(Consent {
                role: word::<Role>(role)?,
                by,
                at,
            }),
            _ => None,
        };
        let standing = match (row.year, row.category, row.agency, row.status, row.period) {
            (Some(year), Some(category), Some(agency), Some(status), Some(Json(period))) => {
                Some(Standing {
                    year,
                    category: word(category)?,
                    agency,
                    status: word(status)?,
                    period,
                })
            }
            _ => None,
        };
        let it = Interest {
            id: InterestId(row.id),
            series_id: row.series_id.map(SeriesId),
            marked_project_id: ProjectId(row.marked_project_id),
            project_id: ProjectId(row.project_id),
            project_name: row.project_name,
            customer_id: CustomerId(row.customer_id),
            phone: row
                .phone
                .map(|phone| phone.parse())
                .transpose()
                .map_err(|error: NotAPhone| sqlx::Error::Decode(error.into()))?,
            customer_name: row.customer_name,
            interested: row.interested,
            on_since: row.on_since,
            on_version: row.on_version,
            salesman: person(row.salesman_id, row.salesman_name),
            consultant: person(row.consultant_id, row.consultant_name),
            consent,
            merged_into: row.merged_into.map(InterestId),
            erased_at: row.erased_at,
            version: row.version,
        };
        Ok(Self {
            it,
            created_at: row.created_at,
            updated_at: row.updated_at,
            standing,
        })
    }
}

/// One interest.
pub(crate) async fn load(
    connection: &mut PgConnection,
    id: InterestId,
) -> Result<Option<Stored>, sqlx::Error> {
    let sql = format!("select {COLUMNS} {FROM} where it.id = $1");
    let row: Option<Row> = sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(id.0)
        .fetch_optional(connection)
        .await?;
    row.map(Stored::try_from).transpose()
}

/// Which interests are asked for, among those that somebody may see.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Wanted {
    /// Those in the series of this edition.
    pub(crate) project: Option<ProjectId>,
    /// Those in this series.
    pub(crate) series: Option<SeriesId>,
    /// Those of this customer.
    pub(crate) customer: Option<CustomerId>,
    /// Those that are on, or off.
    pub(crate) interested: Option<bool>,
}

/// Restricts to what somebody may see: a customer to his own, a salesman or consultant to those he is on. Of what was erased only staff know.
fn restrict(sql: &mut QueryBuilder<Postgres>, who: &Identity) {
    let mine = match who.role {
        Role::Customer => " and it.erased_at is null and it.customer_id = ",
        Role::Salesman => " and it.erased_at is null and it.salesman_id = ",
        Role::Consultant => " and it.erased_at is null and it.consultant_id = ",
        Role::Staff => return,
    };
    sql.push(mine).push_bind(who.subject);
}

/// The interests somebody may see, newest first. One that was merged is not among them: the older one stands for it.
pub(crate) async fn list(
    pool: &PgPool,
    who: &Identity,
    wanted: Wanted,
    page: Page,
) -> Result<Vec<Stored>, sqlx::Error> {
    let mut sql = QueryBuilder::new(format!(
        "select {COLUMNS} {FROM} where it.merged_into is null"
    ));
    restrict(&mut sql, who);
    if let Some(project) = wanted.project {
        sql.push(" and (it.series_id = (select series_id from known_project where id = ")
            .push_bind(project.0);
        sql.push(") or it.series_id is null and it.project_id = ")
            .push_bind(project.0)
            .push(")");
    }
    if let Some(series) = wanted.series {
        sql.push(" and it.series_id = ").push_bind(series.0);
    }
    if let Some(customer) = wanted.customer {
        // What was erased is nobody's, whoever it was that comes again.
        sql.push(" and it.erased_at is null and it.customer_id = ")
            .push_bind(customer.0);
    }
    if let Some(interested) = wanted.interested {
        sql.push(" and it.interested = ").push_bind(interested);
    }
    if let Some(after) = page.after {
        sql.push(" and it.id < ").push_bind(after);
    }
    sql.push(" order by it.id desc limit ")
        .push_bind(page.fetch_limit());
    let rows: Vec<Row> = sql.build_query_as().fetch_all(pool).await?;
    rows.into_iter().map(Stored::try_from).collect()
}

/// Stores a new interest with its first event, or gives the id of the one that this customer has in the series already.
pub(crate) async fn create(
    tx: &mut Tx,
    it: &Interest,
    event: &InterestCreated,
) -> Result<Option<InterestId>, sqlx::Error> {
    let now = tx.now();
    served::meet(tx, &event.customer).await?;
    let subject = it
        .series_id
        .map_or(it.marked_project_id.0, |series| series.0);
    // The edition may have been marked while its series was not known yet.
    let marked: Option<Uuid> = sqlx::query_scalar(
        "select id from interest
         where customer_id = $1 and (subject_id = $2 or project_id = $3) and merged_into is null and erased_at is null
         order by id limit 1",
    )
    .bind(it.customer_id.0)
    .bind(subject)
    .bind(it.marked_project_id.0)
    .fetch_optional(&mut **tx)
    .await?;
    if let Some(id) = marked {
        return Ok(Some(InterestId(id)));
    }
    sqlx::query(
        "insert into interest (id, subject_id, series_id, project_id, project_name, customer_id, phone, customer_name, interested,
                               on_since, on_version, consent_role, consent_by, consent_at, version, created_at, updated_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $16)",
    )
    .bind(it.id.0)
    .bind(subject)
    .bind(it.series_id.map(|series| series.0))
    .bind(it.marked_project_id.0)
    .bind(it.series_id.is_none().then_some(&it.project_name))
    .bind(it.customer_id.0)
    .bind(it.phone.as_ref().map(Phone::e164))
    .bind(&it.customer_name)
    .bind(it.interested)
    .bind(it.on_since)
    .bind(it.on_version)
    .bind(it.consent.map(|consent| consent.role.as_str()))
    .bind(it.consent.map(|consent| consent.by))
    .bind(it.consent.map(|consent| consent.at))
    .bind(it.version)
    .bind(now)
    .execute(&mut **tx)
    .await?;
    event_log::append(tx, it.version, event).await?;
    Ok(None)
}

/// Locks the customer whose interest it is, until `tx` ends: he is not erased meanwhile. `false` if there is no such interest.
pub(crate) async fn lock(tx: &mut Tx, id: InterestId) -> Result<bool, sqlx::Error> {
    let customer: Option<Uuid> =
        sqlx::query_scalar("select customer_id from interest where id = $1")
            .bind(id.0)
            .fetch_optional(&mut **tx)
            .await?;
    if let Some(customer) = customer {
        served::lock(tx, CustomerId(customer)).await?;
    }
    Ok(customer.is_some())
}

/// The one way to change an interest: lock, decide, save, and append the event, in the caller's transaction. `at` is when whatever causes it
/// happened: the latest of them is when something last happened on the interest.
pub(crate) async fn change(
    tx: &mut Tx,
    id: InterestId,
    at: DateTime<Utc>,
    may: impl FnOnce(&Interest) -> Result<(), ChangeError<Refusal>>,
    command: Command,
    actor: Actor,
) -> Result<(), ChangeError<Refusal>> {
    if !lock(tx, id).await? {
        return Err(ChangeError::NotFound);
    }
    sqlx::query("select 1 from interest where id = $1 for update")
        .bind(id.0)
        .execute(&mut **tx)
        .await?;
    let mut it = load(tx, id).await?.ok_or(ChangeError::NotFound)?.it;
    may(&it)?;
    if let Some(change) = it.handle(command, actor).map_err(ChangeError::Refused)? {
        it.apply(&change);
        save(tx, &it, &change, at).await?;
        if let Some(event) = change.event() {
            event_log::append(tx, it.version, event).await?;
        }
        if !matches!(change, Change::Completed { .. }) {
            served::reckon(tx, it.customer_id).await?;
        }
    }
    Ok(())
}

/// Writes what the change changed and nothing else: the names that were loaded may be newer than those that the match told.
async fn save(
    tx: &mut Tx,
    it: &Interest,
    change: &Change,
    at: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    let query = match change {
        Change::Turned { .. } => sqlx::query(
            "update interest set updated_at = greatest(updated_at, $2), version = $3, interested = $4, on_version = $5,
                    salesman_id = case when $4 then null else salesman_id end,
                    salesman_name = case when $4 then null else salesman_name end,
                    consultant_id = case when $4 then null else consultant_id end,
                    consultant_name = case when $4 then null else consultant_name end
             where id = $1",
        )
        .bind(it.id.0)
        .bind(at)
        .bind(it.version)
        .bind(it.interested)
        .bind(it.on_version),
        Change::Completed { .. } => return save_completed(tx, it).await,
        Change::SalesmanStored { salesman, consultant } => sqlx::query(
            "update interest set updated_at = greatest(updated_at, $2), salesman_id = $3, salesman_name = $4,
                    consultant_id = $5, consultant_name = $6
             where id = $1",
        )
        .bind(it.id.0)
        .bind(at)
        .bind(salesman.id.0)
        .bind(salesman.display_name.as_str())
        .bind(consultant.as_ref().map(|person| person.id.0))
        .bind(consultant.as_ref().map(|person| person.display_name.as_str())),
        // Its own id frees the series for the older one.
        Change::Merged { into, .. } => {
            sqlx::query("update interest set subject_id = id, merged_into = $2, interested = $3, version = $4 where id = $1")
                .bind(it.id.0)
                .bind(into.0)
                .bind(it.interested)
                .bind(it.version)
        }
        // The name that a page sent of its project may say anything.
        Change::Erased { at, .. } => sqlx::query(
            "update interest set updated_at = greatest(updated_at, $2), erased_at = $2, version = $3, interested = $4,
                    project_name = null, phone = null, customer_name = null, consent_role = null, consent_by = null, consent_at = null
             where id = $1",
        )
        .bind(it.id.0)
        .bind(at)
        .bind(it.version)
        .bind(it.interested),
    };
    query.execute(&mut **tx).await?;
    if matches!(change, Change::Turned { .. }) {
        save_completed(tx, it).await
    } else {
        Ok(())
    }
}

async fn save_completed(tx: &mut Tx, it: &Interest) -> Result<(), sqlx::Error> {
    sqlx::query(
        "update interest set on_since = $2, customer_name = $3, consent_role = $4, consent_by = $5, consent_at = $6 where id = $1",
    )
    .bind(it.id.0)
    .bind(it.on_since)
    .bind(&it.customer_name)
    .bind(it.consent.map(|consent| consent.role.as_str()))
    .bind(it.consent.map(|consent| consent.by))
    .bind(it.consent.map(|consent| consent.at))
    .execute(&mut **tx)
    .await?;
    Ok(())
}
