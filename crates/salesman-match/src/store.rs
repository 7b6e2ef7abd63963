//! The only SQL of this service.

use chrono::{DateTime, Utc};
use events::{
    ConsultationId, CustomerId, CustomerRef, InterestId, LastFour, MatchId, Origin, PersonRef, ProjectId, SalesmanId,
    SalesmanMatched, SalesmanRegistered,
};
use serde::Serialize;
use serde_json::Value;
use service_kit::auth::{Identity, Role};
use service_kit::http::Page;
use service_kit::{Tx, event_log};
use sqlx::PgPool;
use sqlx::types::Json;
use uuid::Uuid;

use crate::salesman_match::SalesmanMatch;
use crate::strategy::{Candidate, Reason};

/// How many matches one unit of work of the assigner fills at most.
const BATCH: i64 = 100;

/// A match as it lies in its table.
#[derive(Debug, sqlx::FromRow)]
struct Row {
    id: Uuid,
    origin_kind: String,
    origin_id: Uuid,
    project_id: Uuid,
    project_name: Option<String>,
    customer_id: Uuid,
    last_four: String,
    salesman_id: Option<Uuid>,
    salesman_name: Option<String>,
    consultant_id: Option<Uuid>,
    consultant_name: Option<String>,
    strategy: Option<String>,
    reason: Option<Value>,
    requested_at: DateTime<Utc>,
    matched_at: Option<DateTime<Utc>>,
    closed_at: Option<DateTime<Utc>>,
    version: i64,
}

/// A match, and what only its readers need.
#[derive(Debug)]
pub(crate) struct Stored {
    pub(crate) it: SalesmanMatch,
    pub(crate) strategy: Option<String>,
    pub(crate) reason: Option<Value>,
    pub(crate) requested_at: DateTime<Utc>,
    pub(crate) matched_at: Option<DateTime<Utc>>,
    pub(crate) closed_at: Option<DateTime<Utc>>,
}

impl TryFrom<Row> for Stored {
    type Error = sqlx::Error;

    fn try_from(row: Row) -> Result<Self, sqlx::Error> {
        let person = |id: Option<Uuid>, name: Option<String>| Some(PersonRef { id: SalesmanId(id?), display_name: name? });
        let origin = match row.origin_kind.as_str() {
            "interest" => Origin::Interest(InterestId(row.origin_id)),
            _ => Origin::Consultation(ConsultationId(row.origin_id)),
        };
        let last_four = LastFour::try_from(row.last_four).map_err(|error| sqlx::Error::Decode(Box::new(error)))?;
        let it = SalesmanMatch {
            id: MatchId(row.id),
            origin,
            project_id: ProjectId(row.project_id),
            project_name: row.project_name,
            customer: CustomerRef { customer_id: CustomerId(row.customer_id), last_four },
            salesman: person(row.salesman_id, row.salesman_name),
            consultant: person(row.consultant_id, row.consultant_name),
            closed: row.closed_at.is_some(),
            version: row.version,
        };
        Ok(Self {
            it,
            strategy: row.strategy,
            reason: row.reason,
            requested_at: row.requested_at,
            matched_at: row.matched_at,
            closed_at: row.closed_at,
        })
    }
}

const COLUMNS: &str = "id, origin_kind, origin_id, project_id, project_name, customer_id, last_four, salesman_id, salesman_name,
    consultant_id, consultant_name, strategy, reason, requested_at, matched_at, closed_at, version";

/// What a match is asked for.
#[derive(Debug)]
pub(crate) struct Requested<'a> {
    pub(crate) origin: Origin,
    pub(crate) project_id: ProjectId,
    pub(crate) project_name: Option<&'a str>,
    pub(crate) customer: &'a CustomerRef,
}

/// Inserts the match with nobody on it, so that everyone can see that it is being worked on. No event yet.
pub(crate) async fn request(tx: &mut Tx, requested: Requested<'_>, at: DateTime<Utc>) -> Result<(), sqlx::Error> {
    let id = tx.new_id();
    sqlx::query(
        "insert into salesman_match (id, origin_kind, origin_id, project_id, project_name, customer_id, last_four, requested_at, version)
         values ($1, $2, $3, $4, $5, $6, $7, $8, 0)
         on conflict (origin_id) do nothing",
    )
    .bind(id)
    .bind(requested.origin.kind())
    .bind(requested.origin.id())
    .bind(requested.project_id.0)
    .bind(requested.project_name)
    .bind(requested.customer.customer_id.0)
    .bind(requested.customer.last_four.to_string())
    .bind(at)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Everybody who could be chosen, with what they hold now.
#[derive(Debug)]
pub(crate) struct Roster {
    pub(crate) salesmen: Vec<Candidate>,
    pub(crate) consultants: Vec<Candidate>,
}

impl Roster {
    pub(crate) fn has_salesman(&self) -> bool {
        self.salesmen.iter().any(Candidate::is_eligible)
    }

    pub(crate) fn has_consultant(&self) -> bool {
        self.consultants.iter().any(Candidate::is_eligible)
    }

    /// One more open match for the chosen.
    pub(crate) fn count(candidates: &mut [Candidate], chosen: Option<&PersonRef>) {
        for candidate in candidates.iter_mut().filter(|candidate| Some(&candidate.person) == chosen) {
            candidate.open += 1;
        }
    }
}

/// Reads the roster.
pub(crate) async fn roster(tx: &mut Tx) -> Result<Roster, sqlx::Error> {
    let people: Vec<(Uuid, String, String, i32, bool, i64)> = sqlx::query_as(
        "select person.id, display_name, role, capacity, active,
                case role when 'salesman'
                     then (select count(*) from salesman_match where salesman_id = person.id and closed_at is null)
                     else (select count(*) from salesman_match where consultant_id = person.id and closed_at is null)
                end
         from known_salesman person
         where active",
    )
    .fetch_all(&mut **tx)
    .await?;
    let (mut salesmen, mut consultants) = (Vec::new(), Vec::new());
    for (id, display_name, role, capacity, active, open) in people {
        let person = PersonRef { id: SalesmanId(id), display_name };
        let candidate = Candidate { person, capacity: i64::from(capacity), open, active };
        if role == "consultant" { consultants.push(candidate) } else { salesmen.push(candidate) }
    }
    Ok(Roster { salesmen, consultants })
}

/// Waits until no other unit of work assigns: who is free, and who waits for him, must be read by one at a time.
pub(crate) async fn alone(tx: &mut Tx) -> Result<(), sqlx::Error> {
    sqlx::query("select pg_advisory_xact_lock(hashtextextended('ktgg/salesman-match/assigning', 0))").execute(&mut **tx).await?;
    Ok(())
}

/// Locks the oldest open matches with a place that somebody could fill.
///
/// A match that lacks only a consultant does not stand in the way of those that lack a salesman while no consultant is free.
pub(crate) async fn lock_waiting(
    tx: &mut Tx,
    has_salesman: bool,
    has_consultant: bool,
) -> Result<Vec<SalesmanMatch>, sqlx::Error> {
    let rows: Vec<Row> = sqlx::query_as(sqlx::AssertSqlSafe(format!(
        "select {COLUMNS} from salesman_match
         where closed_at is null and (salesman_id is null or consultant_id is null)
           and ((salesman_id is null and $1) or (salesman_id is not null and consultant_id is null and $2))
         order by requested_at, id limit $3 for update"
    )))
    .bind(has_salesman)
    .bind(has_consultant)
    .bind(BATCH)
    .fetch_all(&mut **tx)
    .await?;
    rows.into_iter().map(|row| Stored::try_from(row).map(|stored| stored.it)).collect()
}

/// Why these people: kept beside the match.
#[derive(Debug, Serialize)]
pub(crate) struct Reasons<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) salesman: Option<&'a Reason>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) consultant: Option<&'a Reason>,
}

/// Saves a match after an event was applied to it, and appends the event.
pub(crate) async fn save_matched(
    tx: &mut Tx,
    it: &SalesmanMatch,
    event: &SalesmanMatched,
    reason: &Reasons<'_>,
) -> Result<(), sqlx::Error> {
    let now = tx.now();
    sqlx::query(
        "update salesman_match
         set salesman_id = $2, salesman_name = $3, consultant_id = $4, consultant_name = $5, strategy = $6,
             reason = coalesce(reason, '{}') || $7, matched_at = coalesce(matched_at, $8), version = $9
         where id = $1",
    )
    .bind(it.id.0)
    .bind(event.salesman.id.0)
    .bind(&event.salesman.display_name)
    .bind(event.consultant.as_ref().map(|person| person.id.0))
    .bind(event.consultant.as_ref().map(|person| person.display_name.as_str()))
    .bind(event.strategy.as_str())
    .bind(Json(reason))
    .bind(now)
    .bind(it.version)
    .execute(&mut **tx)
    .await?;
    event_log::append(tx, it.version, event).await
}

/// Keeps what the assigner needs of a salesman or consultant.
pub(crate) async fn keep_salesman(tx: &mut Tx, person: &SalesmanRegistered) -> Result<(), sqlx::Error> {
    sqlx::query(
        "insert into known_salesman (id, display_name, role, capacity, active) values ($1, $2, $3, $4, $5)
         on conflict (id) do update
             set display_name = excluded.display_name, role = excluded.role, capacity = excluded.capacity, active = excluded.active",
    )
    .bind(person.salesman_id.0)
    .bind(&person.profile.display_name)
    .bind(person.profile.role.as_str())
    .bind(i32::try_from(person.profile.capacity).unwrap_or(i32::MAX))
    .bind(person.profile.active)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Which matches a reader asks for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Filter {
    pub(crate) origin: Option<Uuid>,
    pub(crate) unassigned: bool,
}

/// The matches somebody may see, newest first.
pub(crate) async fn list(pool: &PgPool, who: &Identity, filter: Filter, page: Page) -> Result<Vec<Stored>, sqlx::Error> {
    let mine = match who.role {
        Role::Customer => "customer_id = $1",
        Role::Salesman => "salesman_id = $1",
        Role::Consultant => "consultant_id = $1",
        Role::Staff => "$1 is not null",
    };
    let sql = format!(
        "select {COLUMNS} from salesman_match
         where {mine} and ($2::uuid is null or origin_id = $2) and (not $3 or (salesman_id is null and closed_at is null))
           and ($4::uuid is null or id < $4)
         order by id desc limit $5"
    );
    let rows: Vec<Row> = sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(who.subject)
        .bind(filter.origin)
        .bind(filter.unassigned)
        .bind(page.after)
        .bind(page.fetch())
        .fetch_all(pool)
        .await?;
    rows.into_iter().map(Stored::try_from).collect()
}

/// One match.
pub(crate) async fn load(pool: &PgPool, id: MatchId) -> Result<Option<Stored>, sqlx::Error> {
    let row: Option<Row> = sqlx::query_as(sqlx::AssertSqlSafe(format!("select {COLUMNS} from salesman_match where id = $1")))
        .bind(id.0)
        .fetch_optional(pool)
        .await?;
    row.map(Stored::try_from).transpose()
}
