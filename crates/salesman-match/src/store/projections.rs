//! Projections of salesmen, consultants and projects, and the roster.
//!
//! An event overwrites its row only if its version is newer: replaying a topic from the beginning
//! never takes the roster back to an earlier state.

use chrono::NaiveDate;
use events::{Edition, Leave, PersonRef, PersonRole, Profile, ProjectId, Region, SalesmanId};
use service_kit::Tx;
use sqlx::postgres::PgRow;
use sqlx::{AssertSqlSafe, FromRow, PgPool, Row as _};
use uuid::Uuid;

use super::row::decode_role;
use crate::strategy::Candidate;

/// Stores the profile of a salesman or consultant. Regions, categories and weight are for future
/// strategies.
pub(crate) async fn upsert_salesman(
    tx: &mut Tx,
    id: SalesmanId,
    profile: &Profile,
    version: i64,
) -> Result<(), sqlx::Error> {
    let categories = profile.categories.iter().map(|category| category.as_str());
    sqlx::query(
        "insert into known_salesman (id, display_name, role, regions, categories, capacity, weight,
                                     active, leave_from, leave_until, version, hand_over)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
         on conflict (id) do update
             set display_name = excluded.display_name, role = excluded.role,
                 regions = excluded.regions, categories = excluded.categories,
                 capacity = excluded.capacity, weight = excluded.weight,
                 active = excluded.active, leave_from = excluded.leave_from,
                 leave_until = excluded.leave_until, version = excluded.version,
                 hand_over = excluded.hand_over
             where known_salesman.version < excluded.version",
    )
    .bind(id.0)
    .bind(&profile.display_name)
    .bind(profile.role.as_str())
    .bind(region_names(&profile.regions))
    .bind(categories.collect::<Vec<_>>())
    .bind(i32::try_from(profile.capacity).unwrap_or(i32::MAX))
    .bind(i32::try_from(profile.weight).unwrap_or(i32::MAX))
    .bind(profile.active)
    .bind(profile.leave.map(|leave| leave.from))
    .bind(profile.leave.map(|leave| leave.until))
    .bind(version)
    .bind(profile.leave.is_some_and(|leave| leave.hand_over))
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Stores the name of a project. Category and regions are for future strategies.
pub(crate) async fn upsert_project(
    tx: &mut Tx,
    id: ProjectId,
    edition: &Edition,
    version: i64,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "insert into known_project (id, name, category, regions, version)
         values ($1, $2, $3, $4, $5)
         on conflict (id) do update
             set name = excluded.name, category = excluded.category, regions = excluded.regions,
                 version = excluded.version
             where known_project.version < excluded.version",
    )
    .bind(id.0)
    .bind(&edition.name)
    .bind(edition.category.as_str())
    .bind(region_names(&edition.regions))
    .bind(version)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

fn region_names(regions: &[Region]) -> Vec<&'static str> {
    regions.iter().map(|region| region.as_str()).collect()
}

#[derive(Debug, sqlx::FromRow)]
struct CandidateRow {
    id: Uuid,
    display_name: String,
    role: String,
    capacity: i32,
    active: bool,
    leave_from: Option<NaiveDate>,
    leave_until: Option<NaiveDate>,
    hand_over: bool,
    open: i64,
}

/// The columns of a [`CandidateRow`], to be selected from [`CANDIDATES`].
const COLUMNS: &str = "person.id, display_name, role, capacity, active, leave_from, leave_until,
    hand_over, coalesce(open, 0) open";

/// Triggers keep the number of open matches.
const CANDIDATES: &str = "known_salesman person left join workload on workload.person = person.id";

impl From<CandidateRow> for Candidate {
    fn from(row: CandidateRow) -> Self {
        let leave = row.leave_from.zip(row.leave_until);
        Self {
            person: PersonRef {
                id: SalesmanId(row.id),
                display_name: row.display_name,
            },
            role: decode_role(&row.role),
            capacity: i64::from(row.capacity),
            open: row.open,
            active: row.active,
            leave: leave.map(|(from, until)| Leave {
                from,
                until,
                hand_over: row.hand_over,
            }),
        }
    }
}

/// All active salesmen and consultants, with the number of their open matches.
pub(crate) async fn roster(tx: &mut Tx) -> Result<Vec<Candidate>, sqlx::Error> {
    candidates(tx, "active").await
}

/// The people who may have to hand over: the inactive ones, and those with such a leave.
pub(crate) async fn may_hand_over(tx: &mut Tx) -> Result<Vec<Candidate>, sqlx::Error> {
    candidates(tx, "not active or hand_over").await
}

async fn candidates(tx: &mut Tx, condition: &str) -> Result<Vec<Candidate>, sqlx::Error> {
    let sql = format!("select {COLUMNS} from {CANDIDATES} where {condition}");
    let rows: Vec<CandidateRow> = sqlx::query_as(AssertSqlSafe(sql))
        .fetch_all(&mut **tx)
        .await?;
    Ok(rows.into_iter().map(Candidate::from).collect())
}

/// One salesman or consultant, with the number of their open matches.
pub(crate) async fn candidate(
    tx: &mut Tx,
    id: SalesmanId,
) -> Result<Option<Candidate>, sqlx::Error> {
    let sql = format!("select {COLUMNS} from {CANDIDATES} where person.id = $1");
    let row: Option<CandidateRow> = sqlx::query_as(AssertSqlSafe(sql))
        .bind(id.0)
        .fetch_optional(&mut **tx)
        .await?;
    Ok(row.map(Candidate::from))
}

/// A salesman or consultant as staff choose one.
#[derive(Debug)]
pub(crate) struct RosterEntry {
    pub(crate) candidate: Candidate,
    /// Names of regions; empty for the whole country.
    pub(crate) regions: Vec<String>,
    /// Names of categories.
    pub(crate) categories: Vec<String>,
}

impl FromRow<'_, PgRow> for RosterEntry {
    fn from_row(row: &PgRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            candidate: CandidateRow::from_row(row)?.into(),
            regions: row.try_get("regions")?,
            categories: row.try_get("categories")?,
        })
    }
}

/// The largest number of people that staff choose from.
const MAX_PEOPLE: i64 = 500;

/// The people with this role or with any, active ones first, most free capacity first: at most
/// [`MAX_PEOPLE`].
pub(crate) async fn people(
    pool: &PgPool,
    role: Option<PersonRole>,
) -> Result<Vec<RosterEntry>, sqlx::Error> {
    let sql = format!(
        "select {COLUMNS}, regions, categories from {CANDIDATES} where ($1::text is null or role = $1)
         order by not active, coalesce(open, 0) - capacity, display_name, person.id limit $2"
    );
    sqlx::query_as(AssertSqlSafe(sql))
        .bind(role.map(PersonRole::as_str))
        .bind(MAX_PEOPLE)
        .fetch_all(pool)
        .await
}
