//! The only SQL of this service: matches here, those that wait in `queue`, what callers list in `lists`, what it keeps of others in `copies`,
//! and how it forgets a customer in `erasure`.

pub(crate) mod copies;
pub(crate) mod erasure;
pub(crate) mod lists;
pub(crate) mod queue;

use chrono::{DateTime, Utc};
use events::{
    ConsultationId, CustomerId, CustomerRef, InterestId, LastFour, MatchId, Origin, PersonRef,
    ProjectId, SalesmanId, Strategy,
};
use serde::Serialize;
use serde_json::Value;
use service_kit::Tx;
use service_kit::messaging::event_log;
use sqlx::PgExecutor;
use sqlx::types::Json;
use uuid::Uuid;

use crate::salesman_match::{Change, SalesmanMatch};
use crate::strategy::{Had, Reason};

/// A match as it lies in its table, for whoever reads it: words stay as they were written, so that one of a newer build hides nothing else.
#[derive(Debug, sqlx::FromRow)]
pub(crate) struct Stored {
    /// Its id.
    pub(crate) id: Uuid,
    /// `interest` or `consultation`.
    pub(crate) origin_kind: String,
    /// What it was made for.
    pub(crate) origin_id: Uuid,
    origin_version: i64,
    /// What that is about.
    pub(crate) project_id: Uuid,
    /// Its newest name.
    pub(crate) project_name: Option<String>,
    /// Whose.
    pub(crate) customer_id: Uuid,
    /// The last four digits of his number; nothing once he was erased.
    pub(crate) last_four: Option<String>,
    brought_by: Option<Uuid>,
    salesman_id: Option<Uuid>,
    salesman_name: Option<String>,
    consultant_id: Option<Uuid>,
    consultant_name: Option<String>,
    previous_salesman_id: Option<Uuid>,
    previous_consultant_id: Option<Uuid>,
    /// How the salesman was chosen.
    pub(crate) strategy: Option<String>,
    /// Why these people.
    pub(crate) reason: Option<Value>,
    /// When it was asked for the last time.
    pub(crate) requested_at: DateTime<Utc>,
    /// When the people who are on it now came.
    pub(crate) matched_at: Option<DateTime<Utc>>,
    /// When what it was made for came to its end.
    pub(crate) closed_at: Option<DateTime<Utc>>,
    /// When its customer was forgotten.
    pub(crate) erased_at: Option<DateTime<Utc>>,
    /// How many events it has.
    pub(crate) version: i64,
}

/// A row's columns. People and projects have the newest names that were told of them, whichever came first.
const COLUMNS: &str = "it.id, origin_kind, origin_id, origin_version, project_id,
    coalesce((select name from known_project where id = it.project_id), project_name) project_name,
    customer_id, last_four, brought_by, salesman_id, consultant_id, previous_salesman_id, previous_consultant_id,
    coalesce((select display_name from known_salesman where id = it.salesman_id), salesman_name) salesman_name,
    coalesce((select display_name from known_salesman where id = it.consultant_id), consultant_name) consultant_name,
    strategy, reason, requested_at, matched_at, closed_at, erased_at, version";

/// Why these people: kept beside the match.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Reasons {
    /// Why this salesman.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) salesman: Option<Reason>,
    /// Why this consultant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) consultant: Option<Reason>,
}

impl Stored {
    /// The salesman.
    pub(crate) fn salesman(&self) -> Option<PersonRef> {
        person(self.salesman_id, self.salesman_name.as_deref())
    }

    /// The consultant.
    pub(crate) fn consultant(&self) -> Option<PersonRef> {
        person(self.consultant_id, self.consultant_name.as_deref())
    }

    /// Whose it is, unless he was erased.
    fn customer(&self) -> Result<Option<CustomerRef>, sqlx::Error> {
        let last_four = self.last_four.as_deref().map(last_four).transpose()?;
        Ok(last_four.map(|last_four| CustomerRef {
            customer_id: CustomerId(self.customer_id),
            last_four,
        }))
    }

    /// The match itself, for whoever decides on it: a word that this build does not know is decided on by a build that does.
    pub(crate) fn to_decide(&self) -> Result<SalesmanMatch, sqlx::Error> {
        let origin = match self.origin_kind.as_str() {
            "interest" => Origin::Interest(InterestId(self.origin_id)),
            "consultation" => Origin::Consultation(ConsultationId(self.origin_id)),
            _ => return Err(sqlx::Error::Decode("an unknown kind of origin".into())),
        };
        Ok(SalesmanMatch {
            id: MatchId(self.id),
            origin,
            origin_version: self.origin_version,
            project_id: ProjectId(self.project_id),
            project_name: self.project_name.clone(),
            customer: self.customer()?,
            brought_by: self.brought_by.map(SalesmanId),
            salesman: self.salesman(),
            consultant: self.consultant(),
            previous_salesman: self.previous_salesman_id.map(SalesmanId),
            previous_consultant: self.previous_consultant_id.map(SalesmanId),
            strategy: self.strategy.as_deref().map(strategy).transpose()?,
            closed: self.closed_at.is_some(),
            version: self.version,
        })
    }
}

fn person(id: Option<Uuid>, name: Option<&str>) -> Option<PersonRef> {
    Some(PersonRef {
        id: SalesmanId(id?),
        display_name: name?.to_owned(),
    })
}

fn last_four(text: &str) -> Result<LastFour, sqlx::Error> {
    LastFour::try_from(text.to_owned()).map_err(|error| sqlx::Error::Decode(Box::new(error)))
}

fn strategy(name: &str) -> Result<Strategy, sqlx::Error> {
    Strategy::from_name(name).ok_or_else(|| sqlx::Error::Decode("an unknown strategy".into()))
}

/// What a match is asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Requested<'a> {
    /// The interest or the consultation.
    pub(crate) origin: Origin,
    /// The version of the event that asks.
    pub(crate) origin_version: i64,
    /// What that is about.
    pub(crate) project_id: ProjectId,
    /// Its name, where the event told it.
    pub(crate) project_name: Option<&'a str>,
    /// Whose.
    pub(crate) customer: &'a CustomerRef,
    /// The salesman who brought the customer in.
    pub(crate) brought_by: Option<SalesmanId>,
    /// When it was asked for.
    pub(crate) at: DateTime<Utc>,
}

/// Inserts the match with nobody on it, so that everyone can see that it is being worked on. No event yet.
///
/// `false`: there is one already.
pub(crate) async fn request(tx: &mut Tx, requested: Requested<'_>) -> Result<bool, sqlx::Error> {
    let id = tx.new_id();
    let inserted = sqlx::query(
        "insert into salesman_match (id, origin_kind, origin_id, origin_version, project_id, project_name, customer_id, last_four,
                                     brought_by, requested_at, version)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 0)
         on conflict (origin_id) do nothing",
    )
    .bind(id)
    .bind(requested.origin.kind())
    .bind(requested.origin.id())
    .bind(requested.origin_version)
    .bind(requested.project_id.0)
    .bind(requested.project_name)
    .bind(requested.customer.customer_id.0)
    .bind(requested.customer.last_four.to_string())
    .bind(requested.brought_by.map(|id| id.0))
    .bind(requested.at)
    .execute(&mut **tx)
    .await?
    .rows_affected();
    Ok(inserted == 1)
}

/// One match.
pub(crate) async fn load(
    executor: impl PgExecutor<'_>,
    id: MatchId,
) -> Result<Option<Stored>, sqlx::Error> {
    sqlx::query_as(sqlx::AssertSqlSafe(format!(
        "select {COLUMNS} from salesman_match it where it.id = $1"
    )))
    .bind(id.0)
    .fetch_optional(executor)
    .await
}

/// One match, and nobody else changes it until `tx` ends.
pub(crate) async fn lock(tx: &mut Tx, id: MatchId) -> Result<Option<SalesmanMatch>, sqlx::Error> {
    sqlx::query("select 1 from salesman_match where id = $1 for update")
        .bind(id.0)
        .execute(&mut **tx)
        .await?;
    load(&mut **tx, id)
        .await?
        .map(|stored| stored.to_decide())
        .transpose()
}

/// The match of an interest or a consultation, and nobody else changes it until `tx` ends.
pub(crate) async fn lock_of(
    tx: &mut Tx,
    origin: Origin,
) -> Result<Option<SalesmanMatch>, sqlx::Error> {
    let id: Option<Uuid> =
        sqlx::query_scalar("select id from salesman_match where origin_id = $1 for update")
            .bind(origin.id())
            .fetch_optional(&mut **tx)
            .await?;
    match id {
        Some(id) => load(&mut **tx, MatchId(id))
            .await?
            .map(|stored| stored.to_decide())
            .transpose(),
        None => Ok(None),
    }
}

/// Waits until no other unit of work assigns: who is free, and who waits for him, must be read by one at a time.
pub(crate) async fn alone(tx: &mut Tx) -> Result<(), sqlx::Error> {
    sqlx::query(
        "select pg_advisory_xact_lock(hashtextextended('ktgg/salesman-match/assigning', 0))",
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Of each place, who had it on the customer's matches, the newest first.
#[derive(Debug, Default)]
pub(crate) struct History {
    /// The salesmen.
    pub(crate) salesmen: Vec<Had>,
    /// The consultants.
    pub(crate) consultants: Vec<Had>,
}

/// So many of a customer's matches are looked back on, the open ones first.
const LOOK_BACK: i64 = 50;

/// Whom a customer has, and had.
pub(crate) async fn history(tx: &mut Tx, customer: CustomerId) -> Result<History, sqlx::Error> {
    type Past = (bool, Option<Uuid>, Option<Uuid>, Option<Uuid>, Option<Uuid>);
    let past: Vec<Past> = sqlx::query_as(
        "select closed_at is null, salesman_id, consultant_id, previous_salesman_id, previous_consultant_id from (
             select * from salesman_match where customer_id = $1 and erased_at is null
             order by closed_at is null desc, requested_at desc, id desc limit $2
         ) newest
         order by requested_at desc, id desc",
    )
    .bind(customer.0)
    .bind(LOOK_BACK)
    .fetch_all(&mut **tx)
    .await?;
    let had = |is_open, now: Option<Uuid>, before: Option<Uuid>| {
        let who = SalesmanId(now.or(before)?);
        Some(Had {
            who,
            is_open: is_open && now.is_some(),
        })
    };
    let mut history = History::default();
    for (is_open, salesman, consultant, previous_salesman, previous_consultant) in past {
        history
            .salesmen
            .extend(had(is_open, salesman, previous_salesman));
        history
            .consultants
            .extend(had(is_open, consultant, previous_consultant));
    }
    Ok(history)
}

/// Saves a match after other people were put on it, and appends the event.
pub(crate) async fn save_matched(
    tx: &mut Tx,
    it: &SalesmanMatch,
    change: &Change,
    reasons: &Reasons,
) -> Result<(), sqlx::Error> {
    let now = tx.now();
    sqlx::query(
        "update salesman_match
         set salesman_id = $2, salesman_name = $3, consultant_id = $4, consultant_name = $5, strategy = $6,
             reason = coalesce(reason, '{}') || $7, matched_at = $8,
             previous_salesman_id = null, previous_consultant_id = null, version = $9
         where id = $1",
    )
    .bind(it.id.0)
    .bind(it.salesman.as_ref().map(|person| person.id.0))
    .bind(it.salesman.as_ref().map(|person| person.display_name.as_str()))
    .bind(it.consultant.as_ref().map(|person| person.id.0))
    .bind(it.consultant.as_ref().map(|person| person.display_name.as_str()))
    .bind(it.strategy.map(Strategy::as_str))
    .bind(Json(reasons))
    .bind(now)
    .bind(it.version)
    .execute(&mut **tx)
    .await?;
    match change {
        Change::Matched(event) => event_log::append(tx, it.version, &**event).await,
        Change::OpenedAgain { .. } | Change::Closed { .. } => Ok(()),
    }
}

/// Saves a match that was closed. The bell that rings for every event that is taken in wakes the assigner: there is room.
pub(crate) async fn save_closed(
    tx: &mut Tx,
    it: &SalesmanMatch,
    at: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    sqlx::query("update salesman_match set closed_at = $2, origin_version = $3 where id = $1")
        .bind(it.id.0)
        .bind(at)
        .bind(it.origin_version)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Saves a match that is open again: a request like any other, as old as the wish.
pub(crate) async fn save_opened_again(
    tx: &mut Tx,
    it: &SalesmanMatch,
    requested: Requested<'_>,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "update salesman_match
         set closed_at = null, salesman_id = null, salesman_name = null, consultant_id = null, consultant_name = null,
             previous_salesman_id = $2, previous_consultant_id = $3, strategy = null, reason = null, matched_at = null,
             requested_at = $4, origin_version = $5, project_id = $6, project_name = $7, brought_by = coalesce($8, brought_by)
         where id = $1",
    )
    .bind(it.id.0)
    .bind(it.previous_salesman.map(|id| id.0))
    .bind(it.previous_consultant.map(|id| id.0))
    .bind(requested.at)
    .bind(it.origin_version)
    .bind(requested.project_id.0)
    .bind(requested.project_name)
    .bind(requested.brought_by.map(|id| id.0))
    .execute(&mut **tx)
    .await?;
    Ok(())
}
