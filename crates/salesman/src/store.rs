//! The only SQL of this service: here the roster, below what other services' events leave.

pub(crate) mod assignments;
pub(crate) mod erasure;
pub(crate) mod notifications;

use chrono::NaiveDate;
use events::{Actor, Category, Leave, PersonRole, Region, SalesmanId, SalesmanRegistered};
use service_kit::Tx;
use service_kit::http::problem::ChangeError;
use service_kit::http::{IfMatch, Page};
use service_kit::messaging::event_log;
use sqlx::postgres::PgConnection;
use sqlx::types::Json;
use sqlx::{AssertSqlSafe, PgPool};
use uuid::Uuid;

use crate::salesman::{Refusal, Salesman, UpdateSalesman};

/// A person as he lies in his table, with his numbers from theirs.
#[derive(Debug, sqlx::FromRow)]
struct Row {
    id: Uuid,
    name: String,
    display_name: String,
    phone: String,
    role: String,
    regions: Json<Vec<Region>>,
    categories: Json<Vec<Category>>,
    capacity: i32,
    weight: i32,
    active: bool,
    leave_from: Option<NaiveDate>,
    leave_until: Option<NaiveDate>,
    version: i64,
    succeeded: i64,
    failed: i64,
    open: i64,
}

/// What events have told of somebody's work.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Numbers {
    /// Consultations that succeeded with him.
    pub(crate) succeeded: i64,
    /// Consultations that failed with him.
    pub(crate) failed: i64,
    /// Interests and consultations that he is on and that are open.
    pub(crate) open: i64,
}

/// Somebody with his numbers.
#[derive(Debug)]
pub(crate) struct Counted {
    pub(crate) it: Salesman,
    pub(crate) numbers: Numbers,
}

impl TryFrom<Row> for Counted {
    type Error = sqlx::Error;

    fn try_from(row: Row) -> Result<Self, sqlx::Error> {
        let leave = row
            .leave_from
            .zip(row.leave_until)
            .map(|(from, until)| Leave { from, until });
        let it = Salesman {
            id: SalesmanId(row.id),
            name: row.name,
            display_name: row.display_name,
            phone: row
                .phone
                .parse()
                .map_err(|error| sqlx::Error::Decode(Box::new(error)))?,
            role: if row.role == PersonRole::Consultant.as_str() {
                PersonRole::Consultant
            } else {
                PersonRole::Salesman
            },
            regions: row.regions.0,
            categories: row.categories.0,
            capacity: u32::try_from(row.capacity).unwrap_or_default(),
            weight: u32::try_from(row.weight).unwrap_or_default(),
            active: row.active,
            leave,
            version: row.version,
        };
        Ok(Self {
            it,
            numbers: Numbers {
                succeeded: row.succeeded,
                failed: row.failed,
                open: row.open,
            },
        })
    }
}

/// A person's own columns, and his numbers as they are counted.
const COLUMNS: &str =
    "id, name, display_name, phone, role, regions, categories, capacity, weight, active, leave_from, leave_until, version,
    (select count(*) from outcome where outcome.salesman_id = salesman.id and succeeded) as succeeded,
    (select count(*) from outcome where outcome.salesman_id = salesman.id and not succeeded) as failed,
    (select count(*) from assignment it where it.open and it.salesman_id = salesman.id)
    + (select count(*) from assignment it
       where it.open and it.consultant_id = salesman.id and it.salesman_id is distinct from salesman.id) as open";

/// Stores a new person with his first event. `false`: somebody has that number already.
pub(crate) async fn register(
    tx: &mut Tx,
    it: &Salesman,
    event: &SalesmanRegistered,
) -> Result<bool, sqlx::Error> {
    let now = tx.now();
    let inserted = sqlx::query(
        "insert into salesman (id, name, display_name, phone, role, regions, categories, capacity, weight, active, leave_from,
                               leave_until, version, created_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
         on conflict (phone) do nothing",
    )
    .bind(it.id.0)
    .bind(&it.name)
    .bind(&it.display_name)
    .bind(it.phone.e164())
    .bind(it.role.as_str())
    .bind(Json(&it.regions))
    .bind(Json(&it.categories))
    .bind(stored(it.capacity))
    .bind(stored(it.weight))
    .bind(it.active)
    .bind(it.leave.map(|leave| leave.from))
    .bind(it.leave.map(|leave| leave.until))
    .bind(it.version)
    .bind(now)
    .execute(&mut **tx)
    .await?
    .rows_affected();
    if inserted == 1 {
        event_log::append(tx, it.version, event).await?;
    }
    Ok(inserted == 1)
}

/// The aggregate's numbers are far smaller than this.
fn stored(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

/// One person.
pub(crate) async fn load(
    connection: &mut PgConnection,
    id: SalesmanId,
) -> Result<Option<Counted>, sqlx::Error> {
    let sql = format!("select {COLUMNS} from salesman where id = $1");
    let row: Option<Row> = sqlx::query_as(AssertSqlSafe(sql))
        .bind(id.0)
        .fetch_optional(connection)
        .await?;
    row.map(Counted::try_from).transpose()
}

/// The one way to change a person: lock, decide, save, and append the event, in the caller's transaction.
pub(crate) async fn change(
    tx: &mut Tx,
    id: SalesmanId,
    if_match: IfMatch,
    update: UpdateSalesman,
    actor: Actor,
) -> Result<Counted, ChangeError<Refusal>> {
    sqlx::query("select 1 from salesman where id = $1 for update")
        .bind(id.0)
        .execute(&mut **tx)
        .await?;
    let Counted { mut it, numbers } = load(tx, id).await?.ok_or(ChangeError::NotFound)?;
    if !if_match.allows(it.version) {
        return Err(ChangeError::Stale {
            current: it.version,
        });
    }
    if let Some(change) = it.handle(update, actor).map_err(ChangeError::Refused)? {
        it.apply(&change);
        save(tx, &it).await.map_err(|error| {
            if is_taken(&error) {
                ChangeError::Refused(Refusal::PhoneTaken)
            } else {
                error.into()
            }
        })?;
        event_log::append(tx, it.version, &change.event).await?;
    }
    Ok(Counted { it, numbers })
}

/// Whether it failed because somebody has that number already: the only thing about a person that is unique besides his id.
fn is_taken(error: &sqlx::Error) -> bool {
    error
        .as_database_error()
        .is_some_and(sqlx::error::DatabaseError::is_unique_violation)
}

async fn save(tx: &mut Tx, it: &Salesman) -> Result<(), sqlx::Error> {
    sqlx::query(
        "update salesman set name = $2, display_name = $3, phone = $4, regions = $5, categories = $6, capacity = $7, weight = $8,
                active = $9, leave_from = $10, leave_until = $11, version = $12
         where id = $1",
    )
    .bind(it.id.0)
    .bind(&it.name)
    .bind(&it.display_name)
    .bind(it.phone.e164())
    .bind(Json(&it.regions))
    .bind(Json(&it.categories))
    .bind(stored(it.capacity))
    .bind(stored(it.weight))
    .bind(it.active)
    .bind(it.leave.map(|leave| leave.from))
    .bind(it.leave.map(|leave| leave.until))
    .bind(it.version)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Whom a list is asked for; what is `None` is not asked about.
#[derive(Debug, Clone, Default)]
pub(crate) struct Wanted {
    pub(crate) role: Option<PersonRole>,
    pub(crate) active: Option<bool>,
    /// Part of either name.
    pub(crate) name: Option<String>,
}

/// Everybody who is wanted, newest first.
pub(crate) async fn list(
    pool: &PgPool,
    wanted: &Wanted,
    page: Page,
) -> Result<Vec<Counted>, sqlx::Error> {
    let sql = format!(
        "select {COLUMNS} from salesman
         where ($1::uuid is null or id < $1) and ($2::text is null or role = $2) and ($3::boolean is null or active = $3)
           and ($4::text is null or strpos(lower(name), lower($4)) > 0 or strpos(lower(display_name), lower($4)) > 0)
         order by id desc limit $5"
    );
    let rows: Vec<Row> = sqlx::query_as(AssertSqlSafe(sql))
        .bind(page.after)
        .bind(wanted.role.map(PersonRole::as_str))
        .bind(wanted.active)
        .bind(wanted.name.as_deref())
        .bind(page.fetch_limit())
        .fetch_all(pool)
        .await?;
    rows.into_iter().map(Counted::try_from).collect()
}
