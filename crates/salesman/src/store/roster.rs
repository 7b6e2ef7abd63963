//! Salesmen and consultants: load, insert and update one.

use chrono::NaiveDate;
use events::{Actor, Leave, PersonRole, Profile, SalesmanId, SalesmanRegistered, WrittenRegions};
use service_kit::Tx;
use service_kit::http::IfMatch;
use service_kit::http::problem::ChangeError;
use service_kit::messaging::event_log;
use sqlx::postgres::{PgArguments, PgConnection, PgRow};
use sqlx::query::Query;
use sqlx::types::Json;
use sqlx::{AssertSqlSafe, FromRow, Postgres, Row as _};

use crate::salesman::{Refusal, Salesman, UpdateSalesman};

/// A person with the counts that other services' events lead to.
#[derive(Debug)]
pub(crate) struct RosterEntry {
    pub(crate) salesman: Salesman,
    /// Succeeded consultations.
    pub(crate) succeeded: i64,
    /// Failed consultations.
    pub(crate) failed: i64,
    /// Open interests and consultations.
    pub(crate) open: i64,
}

impl FromRow<'_, PgRow> for RosterEntry {
    fn from_row(row: &PgRow) -> Result<Self, sqlx::Error> {
        let number = |column: &str| -> Result<u32, sqlx::Error> {
            Ok(u32::try_from(row.try_get::<i32, _>(column)?).unwrap_or_default())
        };
        let phone: &str = row.try_get("phone")?;
        let role: &str = row.try_get("role")?;
        let leave_from: Option<NaiveDate> = row.try_get("leave_from")?;
        let leave_until: Option<NaiveDate> = row.try_get("leave_until")?;
        let hand_over: bool = row.try_get("hand_over")?;
        let profile = Profile {
            display_name: row.try_get("display_name")?,
            role: if role == PersonRole::Consultant.as_str() {
                PersonRole::Consultant
            } else {
                PersonRole::Salesman
            },
            regions: WrittenRegions {
                regions: row.try_get::<Json<_>, _>("regions")?.0,
                region_names: row
                    .try_get::<Option<Json<_>>, _>("region_names")?
                    .map(|names| names.0),
            }
            .into(),
            categories: row.try_get::<Json<_>, _>("categories")?.0,
            capacity: number("capacity")?,
            weight: number("weight")?,
            active: row.try_get("active")?,
            leave: leave_from.zip(leave_until).map(|(from, until)| Leave {
                from,
                until,
                hand_over,
            }),
        };
        let salesman = Salesman {
            id: SalesmanId(row.try_get("id")?),
            name: row.try_get("name")?,
            phone: phone
                .parse()
                .map_err(|error| sqlx::Error::Decode(Box::new(error)))?,
            profile,
            version: row.try_get("version")?,
        };
        Ok(Self {
            salesman,
            succeeded: row.try_get("succeeded")?,
            failed: row.try_get("failed")?,
            open: row.try_get("open")?,
        })
    }
}

/// The columns of a [`RosterEntry`], to be selected from [`TABLES`].
pub(super) const COLUMNS: &str = "
    id, name, display_name, phone, role, regions, region_names, categories, capacity, weight,
    active, leave_from, leave_until, hand_over, version,
    coalesce(succeeded, 0) as succeeded, coalesce(failed, 0) as failed, coalesce(open, 0) as open";

/// Triggers keep the numbers.
pub(super) const TABLES: &str = "salesman left join workload on workload.salesman_id = salesman.id";

pub(crate) async fn load(
    connection: &mut PgConnection,
    id: SalesmanId,
) -> Result<Option<RosterEntry>, sqlx::Error> {
    let sql = format!("select {COLUMNS} from {TABLES} where id = $1");
    sqlx::query_as(AssertSqlSafe(sql))
        .bind(id.0)
        .fetch_optional(connection)
        .await
}

/// Stores a new person with the first event. `false`: the phone number is already registered.
pub(crate) async fn insert(
    tx: &mut Tx,
    salesman: &Salesman,
    event: &SalesmanRegistered,
) -> Result<bool, sqlx::Error> {
    if is_phone_taken(tx, salesman).await? {
        return Ok(false);
    }
    let now = tx.now();
    let sql = "
        insert into salesman (id, name, display_name, phone, role, regions, categories, capacity,
                              weight, active, leave_from, leave_until, version, region_names,
                              hand_over, created_at)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)";
    bind_columns(sql, salesman)
        .bind(now)
        .execute(&mut **tx)
        .await?;
    event_log::append(tx, salesman.version, event).await?;
    Ok(true)
}

/// Whether another person has the number. Until the end of the transaction no other one can take
/// it: the unique index is never violated, because Postgres would write the number to its log.
async fn is_phone_taken(tx: &mut Tx, salesman: &Salesman) -> Result<bool, sqlx::Error> {
    let phone = salesman.phone.e164();
    tx.lock(&format!("salesman-phone/{phone}")).await?;
    // A separate statement: it must see what was committed while the first one waited.
    sqlx::query_scalar("select exists (select 1 from salesman where phone = $1 and id <> $2)")
        .bind(phone)
        .bind(salesman.id.0)
        .fetch_one(&mut **tx)
        .await
}

/// Changes a person in the caller's transaction: locks the row, decides, stores the new state, and
/// appends the event.
pub(crate) async fn change(
    tx: &mut Tx,
    id: SalesmanId,
    if_match: IfMatch,
    update: UpdateSalesman,
    actor: Actor,
) -> Result<RosterEntry, ChangeError<Refusal>> {
    sqlx::query("select 1 from salesman where id = $1 for update")
        .bind(id.0)
        .execute(&mut **tx)
        .await?;
    let mut entry = load(tx, id).await?.ok_or(ChangeError::NotFound)?;
    let salesman = &mut entry.salesman;
    let current = salesman.version;
    if !if_match.allows(current) {
        return Err(ChangeError::Stale { current });
    }
    if let Some(change) = salesman
        .handle(update, actor)
        .map_err(ChangeError::Refused)?
    {
        let before = salesman.phone.clone();
        salesman.apply(&change);
        if salesman.phone != before && is_phone_taken(tx, salesman).await? {
            return Err(ChangeError::Refused(Refusal::PhoneTaken));
        }
        save(tx, salesman).await?;
        event_log::append(tx, salesman.version, &change.event).await?;
    }
    Ok(entry)
}

async fn save(tx: &mut Tx, salesman: &Salesman) -> Result<(), sqlx::Error> {
    let sql = "
        update salesman
        set name = $2, display_name = $3, phone = $4, role = $5, regions = $6, categories = $7,
            capacity = $8, weight = $9, active = $10, leave_from = $11, leave_until = $12,
            version = $13, region_names = $14, hand_over = $15
        where id = $1";
    bind_columns(sql, salesman).execute(&mut **tx).await?;
    Ok(())
}

/// Binds the stored columns of a person as `$1` to `$15`.
fn bind_columns<'a>(sql: &'static str, salesman: &'a Salesman) -> Query<'a, Postgres, PgArguments> {
    let profile = &salesman.profile;
    let regions = WrittenRegions::from(&*profile.regions);
    // Capacity and weight are far below this limit.
    let number = |number| i32::try_from(number).unwrap_or(i32::MAX);
    sqlx::query(sql)
        .bind(salesman.id.0)
        .bind(&salesman.name)
        .bind(&profile.display_name)
        .bind(salesman.phone.e164())
        .bind(profile.role.as_str())
        .bind(Json(regions.regions))
        .bind(Json(&profile.categories))
        .bind(number(profile.capacity))
        .bind(number(profile.weight))
        .bind(profile.active)
        .bind(profile.leave.map(|leave| leave.from))
        .bind(profile.leave.map(|leave| leave.until))
        .bind(salesman.version)
        .bind(regions.region_names.map(Json))
        .bind(profile.leave.is_some_and(|leave| leave.hand_over))
}
