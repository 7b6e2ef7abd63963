//! Reading the audit log.

use std::sync::Arc;

use axum::extract::State;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use service_kit::Problem;
use service_kit::http::{PageQuery, Paged, Query};
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

/// `?limit&after&actor`.
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
    let page = PageQuery {
        limit: query.limit,
        after: query.after,
    }
    .page()?;
    let entries = sqlx::query_as(
        "select entry.id, entry.at, entry.role, entry.actor, account.name as actor_name,
             entry.method, entry.path, entry.fields, outcome.status, outcome.location,
             outcome.at as answered_at
         from audit entry
             left join audit_outcome outcome on outcome.audit_id = entry.id
             left join account on account.id = entry.actor
         where ($1::uuid is null or entry.actor = $1) and ($2::uuid is null or entry.id < $2)
         order by entry.id desc limit $3",
    )
    .bind(query.actor)
    .bind(page.after)
    .bind(page.fetch_limit())
    .fetch_all(state.db.pool())
    .await?;
    Ok(Paged::from_rows(entries, page, |entry: &AuditView| {
        entry.id
    }))
}
