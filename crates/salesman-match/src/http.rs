//! What callers can see of matches.

use axum::extract::State;
use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use events::MatchId;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use service_kit::auth::{Identity, Role, Staff};
use service_kit::http::{PageQuery, Paged, Path, Query, Versioned};
use service_kit::people::PersonView;
use service_kit::problem::ProblemDocument;
use service_kit::{Context, Problem};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::store::{self, Filter, Stored};

pub(crate) fn routes() -> OpenApiRouter<Context> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(show))
}

/// A match as its reader may see it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MatchView {
    id: Uuid,
    origin: OriginView,
    project_id: Uuid,
    /// Absent while the project is not known.
    project_name: Option<String>,
    customer_id: Uuid,
    /// Nobody until matched (배정 중).
    salesman: Option<PersonView>,
    consultant: Option<PersonView>,
    /// How the salesman was chosen; not for customers.
    #[serde(skip_serializing_if = "Option::is_none")]
    strategy: Option<String>,
    /// The candidates and why this one; for staff.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<Value>,
    requested_at: DateTime<Utc>,
    matched_at: Option<DateTime<Utc>>,
    closed_at: Option<DateTime<Utc>>,
    version: i64,
}

/// What a match was made for.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OriginView {
    /// `interest` or `consultation`.
    #[schema(example = "consultation")]
    kind: &'static str,
    id: Uuid,
}

impl MatchView {
    fn for_reader(stored: Stored, role: Role) -> Self {
        let Stored { it, strategy, reason, requested_at, matched_at, closed_at } = stored;
        Self {
            id: it.id.0,
            origin: OriginView { kind: it.origin.kind(), id: it.origin.id() },
            project_id: it.project_id.0,
            project_name: it.project_name,
            customer_id: it.customer.customer_id.0,
            salesman: it.salesman.map(PersonView::from),
            consultant: it.consultant.map(PersonView::from),
            strategy: strategy.filter(|_| role != Role::Customer),
            reason: reason.filter(|_| role == Role::Staff),
            requested_at,
            matched_at,
            closed_at,
            version: it.version,
        }
    }
}

/// Which matches.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct MatchQuery {
    /// The interest or the consultation it was made for.
    origin: Option<Uuid>,
    /// Only the queue: open matches with nobody on them. `?unassigned` is enough.
    #[serde(default, deserialize_with = "flag")]
    unassigned: bool,
    /// How many at most: 1 to 100, 50 unless given.
    #[param(minimum = 1, maximum = 100, default = 50)]
    limit: Option<u32>,
    /// Where the page before this one ended: the `next` of its answer.
    after: Option<String>,
}

/// A flag of a query string: `?name` alone means yes.
fn flag<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    match String::deserialize(deserializer)?.as_str() {
        "" | "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(D::Error::custom("it is `true` or `false`")),
    }
}

/// The matches the caller may see, newest first.
#[utoipa::path(
    get, path = "/salesman-matches", tag = "salesman-match", params(MatchQuery),
    responses(
        (status = 200, body = Paged<MatchView>),
        (status = "4XX", body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
async fn list(
    State(context): State<Context>,
    who: Identity,
    Query(query): Query<MatchQuery>,
) -> Result<Paged<MatchView>, Problem> {
    let page = PageQuery { limit: query.limit, after: query.after }.page()?;
    let filter = Filter { origin: query.origin, unassigned: query.unassigned };
    let stored = store::list(context.db.pool(), &who, filter, page).await?;
    let views = stored.into_iter().map(|stored| MatchView::for_reader(stored, who.role)).collect();
    Ok(Paged::cut(views, page, |view: &MatchView| view.id))
}

/// One match, with why these people.
#[utoipa::path(
    get, path = "/salesman-matches/{id}", tag = "salesman-match", params(("id" = Uuid, Path)),
    responses(
        (status = 200, body = MatchView),
        (status = "4XX", body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
async fn show(State(context): State<Context>, _: Staff, Path(id): Path<MatchId>) -> Result<Versioned<MatchView>, Problem> {
    let stored = store::load(context.db.pool(), id).await?.ok_or_else(Problem::not_found)?;
    let version = stored.it.version;
    Ok(Versioned { status: StatusCode::OK, location: None, version, view: MatchView::for_reader(stored, Role::Staff) })
}
