//! Reading matches: the list, the queue, and single matches.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Datelike as _};
use events::MatchId;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use service_kit::auth::{Identity, Role};
use service_kit::http::page::{NextPage, decode_cursor, fetch_limit, parse_limit};
use service_kit::http::problem::{Text, invalid_query};
use service_kit::http::{PageQuery, Paged, Path, Query, Versioned, View};
use service_kit::{Context, Problem};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::views::MatchView;
use crate::store::list::{self as store, Filter};
use crate::store::queue::{self, QueuePosition};

/// Filters and the page.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct MatchQuery {
    /// The interest or consultation of the match.
    #[param(example = "0193a5d0-8f00-7c3b-9d21-6f0a4e2b7c18")]
    origin: Option<Uuid>,
    /// Only matches with this salesman or consultant. With `open`, staff also get their number.
    #[param(example = "0193a5d0-8c5e-7b64-9a3f-5f2c1b7e4d01")]
    salesman: Option<Uuid>,
    /// Only open matches, or with `false` only closed ones. `?open` means `true`.
    #[serde(default, deserialize_with = "flag")]
    #[param(value_type = Option<bool>)]
    open: Option<bool>,
    /// Only the queue, oldest first: open matches without a salesman or a consultant.
    /// `?unassigned` means `true`.
    #[serde(default, deserialize_with = "flag")]
    #[param(value_type = Option<bool>)]
    unassigned: Option<bool>,
    /// The maximum number of matches: 1 to 100, by default 50.
    #[param(minimum = 1, maximum = 100, default = 50)]
    limit: Option<u32>,
    /// The `next` of the page before.
    after: Option<String>,
}

/// A flag of a query string: `?name` alone means `true`.
fn flag<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<bool>, D::Error> {
    match String::deserialize(deserializer)?.as_str() {
        "" | "true" => Ok(Some(true)),
        "false" => Ok(Some(false)),
        _ => Err(D::Error::custom("expected `true` or `false`")),
    }
}

/// A page of matches.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct MatchPage {
    items: Vec<MatchView>,
    /// The `after` of the next page; absent on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
    /// How many open matches the person has, on all pages. Only for staff who list the open
    /// matches of a person, and without another filter.
    #[serde(skip_serializing_if = "Option::is_none")]
    total: Option<i64>,
}

impl IntoResponse for MatchPage {
    fn into_response(self) -> Response {
        (self.next.clone().map(NextPage), View(self)).into_response()
    }
}

/// List the matches that the caller may see: newest first, or the queue, oldest first.
///
/// `?salesman=ID&open` is what a person would hand over by becoming inactive, or by a leave with
/// `handOver`: show it before you change the person.
#[utoipa::path(
    get, path = "/salesman-matches", tag = "salesman-match", params(MatchQuery),
    responses((
        status = 200, body = MatchPage,
        description = "Customers see the people; the people themselves also see why they were \
                       chosen; staff see everything",
    )),
)]
pub(super) async fn list(
    State(context): State<Context>,
    caller: Identity,
    Query(query): Query<MatchQuery>,
) -> Result<MatchPage, Problem> {
    let filter = Filter {
        origin: query.origin,
        person: query.salesman,
        open: query.open,
    };
    let pool = context.db.pool();
    let Paged { items, next } = if query.unassigned == Some(true) {
        let limit = parse_limit(query.limit)?;
        let after = query.after.as_deref().map(queue_position).transpose()?;
        let rows = queue::list(pool, &caller, filter, after, fetch_limit(limit)).await?;
        Paged::from_rows_by(rows, limit, |row| (row.requested_at, row.id))
    } else {
        let (limit, after) = (query.limit, query.after);
        let page = PageQuery { limit, after }.page()?;
        let rows = store::list(pool, &caller, filter, page).await?;
        Paged::from_rows(rows, page, |row| row.id)
    };
    let total = match (filter, caller.role) {
        (
            Filter {
                origin: None,
                person: Some(person),
                open: Some(true),
            },
            Role::Staff,
        ) if query.unassigned != Some(true) => Some(store::count_open(pool, person).await?),
        _ => None,
    };
    let views = items.into_iter().map(|row| MatchView::new(row, &caller));
    Ok(MatchPage {
        items: views.collect(),
        next,
        total,
    })
}

/// The last year of a queue position: Postgres cannot read every later one.
const MAX_YEAR: i32 = 9999;

/// Decodes a cursor of the queue.
fn queue_position(cursor: &str) -> Result<QueuePosition, Problem> {
    let position: QueuePosition = decode_cursor(cursor)?;
    if position.0 < DateTime::UNIX_EPOCH || position.0.year() > MAX_YEAR {
        return Err(invalid_query(Text::new(
            "after는 이전 응답의 next 값이어야 합니다",
            "after must be the `next` of an earlier answer",
        )));
    }
    Ok(position)
}

/// Show one match, with the reasons for its people.
#[utoipa::path(
    get, path = "/salesman-matches/{id}", tag = "salesman-match", params(("id" = Uuid, Path)),
    responses((
        status = 200, body = MatchView,
        description = "Salesmen and consultants see only themselves among the candidates",
    )),
)]
pub(super) async fn show(
    State(context): State<Context>,
    caller: Identity,
    Path(id): Path<MatchId>,
) -> Result<Versioned<MatchView>, Problem> {
    let row = store::find(context.db.pool(), &caller, id).await?;
    let row = row.ok_or_else(Problem::not_found)?;
    Ok(MatchView::new(row, &caller).versioned())
}
