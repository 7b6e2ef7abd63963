//! What this service keeps of salesmen, consultants and projects: upserts of all that their newest event tells. One that is older changes
//! nothing, so that nobody is on the roster as he once was while a topic is read again from its beginning.

use chrono::NaiveDate;
use events::{Leave, PersonRef, PersonRole, ProjectId, Region, SalesmanId};
use service_kit::Tx;
use uuid::Uuid;

use crate::strategy::Candidate;

/// Keeps what the assigner needs of a salesman or consultant, and what a later strategy can go by.
pub(crate) async fn keep_salesman(
    tx: &mut Tx,
    id: SalesmanId,
    profile: &events::Profile,
    version: i64,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "insert into known_salesman (id, display_name, role, regions, categories, capacity, weight, active, leave_from, leave_until,
                                     version)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
         on conflict (id) do update
             set display_name = excluded.display_name, role = excluded.role, regions = excluded.regions,
                 categories = excluded.categories, capacity = excluded.capacity, weight = excluded.weight,
                 active = excluded.active, leave_from = excluded.leave_from, leave_until = excluded.leave_until,
                 version = excluded.version
             where known_salesman.version < excluded.version",
    )
    .bind(id.0)
    .bind(&profile.display_name)
    .bind(profile.role.as_str())
    .bind(region_names(&profile.regions))
    .bind(profile.categories.iter().map(|category| category.as_str()).collect::<Vec<_>>())
    .bind(i32::try_from(profile.capacity).unwrap_or(i32::MAX))
    .bind(i32::try_from(profile.weight).unwrap_or(i32::MAX))
    .bind(profile.active)
    .bind(profile.leave.map(|leave| leave.from))
    .bind(profile.leave.map(|leave| leave.until))
    .bind(version)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Keeps what matches show of a project, and what a later strategy can go by.
pub(crate) async fn keep_project(
    tx: &mut Tx,
    id: ProjectId,
    edition: &events::Edition,
    version: i64,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "insert into known_project (id, name, category, regions, version) values ($1, $2, $3, $4, $5)
         on conflict (id) do update
             set name = excluded.name, category = excluded.category, regions = excluded.regions, version = excluded.version
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

/// Everybody who could be chosen, with what they hold now.
#[derive(Debug)]
pub(crate) struct Roster {
    /// The salesmen.
    pub(crate) salesmen: Vec<Candidate>,
    /// The consultants.
    pub(crate) consultants: Vec<Candidate>,
}

impl Roster {
    /// Whether any of these could be chosen on that day.
    pub(crate) fn has_any(candidates: &[Candidate], today: NaiveDate) -> bool {
        candidates
            .iter()
            .any(|candidate| candidate.is_eligible(today))
    }

    /// One more open match for the chosen.
    pub(crate) fn count(candidates: &mut [Candidate], chosen: Option<&PersonRef>) {
        for candidate in candidates
            .iter_mut()
            .filter(|candidate| Some(&candidate.person) == chosen)
        {
            candidate.open += 1;
        }
    }
}

/// Somebody as the roster has him.
#[derive(Debug, sqlx::FromRow)]
struct Row {
    id: Uuid,
    display_name: String,
    role: String,
    capacity: i32,
    active: bool,
    leave_from: Option<NaiveDate>,
    leave_until: Option<NaiveDate>,
    open: i64,
}

const PEOPLE: &str = "select person.id, display_name, role, capacity, active, leave_from, leave_until,
        (select count(*) from salesman_match where salesman_id = person.id and closed_at is null)
        + (select count(*) from salesman_match where consultant_id = person.id and closed_at is null) open
     from known_salesman person";

impl From<Row> for (PersonRole, Candidate) {
    fn from(row: Row) -> Self {
        let role = if row.role == PersonRole::Consultant.as_str() {
            PersonRole::Consultant
        } else {
            PersonRole::Salesman
        };
        let candidate = Candidate {
            person: PersonRef {
                id: SalesmanId(row.id),
                display_name: row.display_name,
            },
            capacity: i64::from(row.capacity),
            open: row.open,
            active: row.active,
            leave: row
                .leave_from
                .zip(row.leave_until)
                .map(|(from, until)| Leave { from, until }),
        };
        (role, candidate)
    }
}

/// Reads the roster. Who is not active cannot be chosen, and is left out.
pub(crate) async fn roster(tx: &mut Tx) -> Result<Roster, sqlx::Error> {
    let people: Vec<Row> = sqlx::query_as(sqlx::AssertSqlSafe(format!("{PEOPLE} where active")))
        .fetch_all(&mut **tx)
        .await?;
    let (mut salesmen, mut consultants) = (Vec::new(), Vec::new());
    for person in people {
        match person.into() {
            (PersonRole::Salesman, candidate) => salesmen.push(candidate),
            (PersonRole::Consultant, candidate) => consultants.push(candidate),
        }
    }
    Ok(Roster {
        salesmen,
        consultants,
    })
}

/// One person, with what he holds now, if this service has heard of him.
pub(crate) async fn candidate(
    tx: &mut Tx,
    id: SalesmanId,
) -> Result<Option<(PersonRole, Candidate)>, sqlx::Error> {
    let person: Option<Row> = sqlx::query_as(sqlx::AssertSqlSafe(format!(
        "{PEOPLE} where person.id = $1"
    )))
    .bind(id.0)
    .fetch_optional(&mut **tx)
    .await?;
    Ok(person.map(Row::into))
}
