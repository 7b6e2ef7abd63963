//! Reading the audit log.

use std::sync::Arc;

use axum::extract::State;
use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use service_kit::Problem;
use service_kit::http::problem::{Text, invalid_query};
use service_kit::http::{Date, Page, PageQuery, Paged, Query};
use sqlx::{Postgres, QueryBuilder};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::state::AppState;

/// An entry of the audit log.
#[derive(Debug, Serialize, sqlx::FromRow, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AuditView {
    /// The entry's id.
    id: Uuid,
    /// When the request arrived.
    at: DateTime<Utc>,
    /// `staff`; the role of an account's owner who set a password with an invitation link; `system`
    /// for the command line.
    role: String,
    /// The account's id; null for the command line.
    actor: Option<Uuid>,
    /// The account's present name; null without an account.
    actor_name: Option<String>,
    /// The HTTP method, such as `PATCH`.
    method: String,
    /// The path. `…` replaces a segment that could be personal data.
    path: String,
    /// Method and path with `{id}` for each id, such as `PATCH /api/projects/{id}`.
    action: String,
    /// The first id in the path, else in `location`.
    subject: Option<Uuid>,
    /// The present name, if `subject` is an account, a salesman or a consultant.
    subject_name: Option<String>,
    /// The names of the body's fields, without their values.
    fields: Vec<String>,
    /// The answer's status; null if the request was interrupted, and may have been carried out.
    status: Option<i16>,
    /// The answer's `Location`, such as the account of an invitation. `…` replaces a segment that
    /// could be personal data.
    location: Option<String>,
    /// When the request was answered.
    answered_at: Option<DateTime<Utc>>,
}

/// How a request was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Outcome {
    /// It was carried out: a status below 400.
    Done,
    /// It was refused, or it failed: a status from 400 on.
    Refused,
}

/// The page and the filters; all of them must match.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct AuditQuery {
    /// The largest number of entries.
    #[param(minimum = 1, maximum = 100, default = 50)]
    limit: Option<u32>,
    /// `next` of the previous page.
    after: Option<String>,
    /// Only entries of this account.
    actor: Option<Uuid>,
    /// Only entries with this `action`, or with one of several.
    #[serde(default)]
    #[param(example = json!(["PATCH /api/projects/{id}"]))]
    action: Vec<String>,
    /// Only entries with this id in their path, or in the answer's `Location`.
    subject: Option<Uuid>,
    /// Only requests that were carried out, or only others.
    #[param(inline)]
    outcome: Option<Outcome>,
    /// Only entries of this day or a later one, in Seoul.
    #[param(value_type = Option<NaiveDate>)]
    from: Option<Date>,
    /// Only entries of this day or an earlier one, in Seoul.
    #[param(value_type = Option<NaiveDate>)]
    until: Option<Date>,
}

/// The audit log, newest first. It cannot be changed.
#[utoipa::path(
    get, path = "/api/audit", tag = "audit", params(AuditQuery),
    responses((status = 200, body = Paged<AuditView>, description = "A page of the audit log")),
)]
pub(crate) async fn list(
    State(state): State<Arc<AppState>>,
    Query(query): Query<AuditQuery>,
) -> Result<Paged<AuditView>, Problem> {
    let days = query.from.zip(query.until);
    if days.is_some_and(|(from, until)| until < from) {
        return Err(invalid_query(Text::new(
            "시작일(from)은 종료일(until)보다 늦을 수 없습니다",
            "from must not be later than until",
        )));
    }
    let page = PageQuery {
        limit: query.limit,
        after: query.after.clone(),
    }
    .page()?;
    let mut sql = select(&query, page);
    let entries = sql.build_query_as().fetch_all(state.db.pool()).await?;
    Ok(Paged::from_rows(entries, page, |entry: &AuditView| {
        entry.id
    }))
}

fn select(query: &AuditQuery, page: Page) -> QueryBuilder<Postgres> {
    let mut sql = QueryBuilder::new(
        "select entry.id, entry.at, entry.role, entry.actor, account.name as actor_name,
             entry.method, entry.path, entry.action,
             coalesce(entry.subject, outcome.subject) as subject,
             coalesce(person.display_name, of_account.name) as subject_name,
             entry.fields, outcome.status, outcome.location, outcome.at as answered_at
         from audit entry
             left join audit_outcome outcome on outcome.audit_id = entry.id
             left join account on account.id = entry.actor
             left join account of_account
                 on of_account.id = coalesce(entry.subject, outcome.subject)
             left join person
                 on person.id = coalesce(of_account.person_id, entry.subject, outcome.subject)
         where entry.id < ",
    );
    let until = query.until.map(|day| day.0.succ_opt().unwrap_or(day.0));
    sql.push_bind(page.before().min(first_id_of(until).unwrap_or(Uuid::max())));
    if let Some(from) = first_id_of(query.from.map(|day| day.0)) {
        sql.push(" and entry.id >= ").push_bind(from);
    }
    if let Some(actor) = query.actor {
        sql.push(" and entry.actor = ").push_bind(actor);
    }
    if !query.action.is_empty() {
        sql.push(" and entry.action = any(")
            .push_bind(query.action.clone())
            .push(")");
    }
    if let Some(subject) = query.subject {
        sql.push(" and entry.id = any(array(select id from audit where subject = ")
            .push_bind(subject)
            .push(" union all select audit_id from audit_outcome where subject = ")
            .push_bind(subject)
            .push("))");
    }
    match query.outcome {
        Some(Outcome::Done) => sql.push(" and outcome.status < 400"),
        Some(Outcome::Refused) => sql.push(" and outcome.status >= 400"),
        None => &mut sql,
    };
    sql.push(" order by entry.id desc limit ")
        .push_bind(page.fetch_limit());
    sql
}

/// The smallest id of an entry from that day on, in Seoul: ids begin with the time in milliseconds.
fn first_id_of(day: Option<NaiveDate>) -> Option<Uuid> {
    const NINE_HOURS: TimeDelta = TimeDelta::hours(9);
    let begin = day?.and_time(NaiveTime::MIN).and_utc() - NINE_HOURS;
    let millis = u64::try_from(begin.timestamp_millis()).unwrap_or_default();
    Some(Uuid::from_u64_pair(millis << 16, 0))
}
