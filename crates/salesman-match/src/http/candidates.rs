//! Who can be put on a match by hand, and why the others cannot.

use axum::extract::State;
use chrono::NaiveDate;
use events::{Leave, PersonRole};
use serde::{Deserialize, Serialize};
use service_kit::auth::Staff;
use service_kit::clock::seoul_date;
use service_kit::http::describe::{CategoryName, PersonRoleName, RegionName};
use service_kit::http::{Query, View};
use service_kit::{Context, Problem};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::store::projections::{self, RosterEntry};
use crate::strategy::Unavailable;

/// Which role to fill.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct CandidateQuery {
    /// Only salesmen, or only consultants.
    #[param(inline, value_type = Option<PersonRoleName>)]
    role: Option<PersonRole>,
}

/// A salesman or consultant, and whether staff can put the person on a match now.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = MatchCandidate)]
pub(super) struct PersonOnRosterView {
    id: Uuid,
    display_name: String,
    /// 영업대표 or 컨설턴트.
    #[schema(value_type = PersonRoleName)]
    role: PersonRole,
    /// Empty: the whole country.
    #[schema(value_type = Vec<RegionName>)]
    regions: Vec<String>,
    /// The fields of expertise.
    #[schema(value_type = Vec<CategoryName>)]
    categories: Vec<String>,
    /// The number of open matches.
    open: i64,
    /// The maximum number of open matches.
    capacity: i64,
    /// Null if the person can be put on a match.
    obstacle: Option<ObstacleView>,
}

/// Why a person cannot be put on a match: `PATCH /salesman-matches/{id}` refuses it with the same
/// code.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = MatchObstacle)]
pub(super) struct ObstacleView {
    why: Obstacle,
    /// The last day of the leave, in Seoul; null for another reason.
    until: Option<NaiveDate>,
}

/// 배정 받기를 꺼 둠, 휴가, 꽉 참.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
#[schema(as = MatchObstacleCode)]
enum Obstacle {
    Inactive,
    OnLeave,
    AtCapacity,
}

/// The roster.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = MatchCandidates)]
pub(super) struct RosterView {
    /// Those who can be matched first, most free capacity first; at most 500 people.
    #[schema(max_items = 500)]
    items: Vec<PersonOnRosterView>,
}

impl From<Unavailable> for ObstacleView {
    fn from(unavailable: Unavailable) -> Self {
        let (why, until) = match unavailable {
            Unavailable::Inactive => (Obstacle::Inactive, None),
            Unavailable::OnLeave(Leave { until, .. }) => (Obstacle::OnLeave, Some(until)),
            Unavailable::AtCapacity => (Obstacle::AtCapacity, None),
        };
        Self { why, until }
    }
}

impl PersonOnRosterView {
    fn new(entry: RosterEntry, today: NaiveDate) -> Self {
        let candidate = entry.candidate;
        Self {
            obstacle: candidate.unavailable(today).map(ObstacleView::from),
            id: candidate.person.id.0,
            role: candidate.role,
            display_name: candidate.person.display_name,
            regions: entry.regions,
            categories: entry.categories,
            open: candidate.open,
            capacity: candidate.capacity,
        }
    }
}

/// The salesmen and consultants as the assigner sees them: who can be put on a match by hand, and
/// why the others cannot.
#[utoipa::path(
    get, path = "/salesman-matches/candidates", tag = "salesman-match", params(CandidateQuery),
    responses((status = 200, body = RosterView, description = "The people")),
)]
pub(super) async fn list(
    State(context): State<Context>,
    _: Staff,
    Query(query): Query<CandidateQuery>,
) -> Result<View<RosterView>, Problem> {
    let today = seoul_date(context.db.now());
    let people = projections::people(context.db.pool(), query.role).await?;
    let mut items: Vec<PersonOnRosterView> = people
        .into_iter()
        .map(|entry| PersonOnRosterView::new(entry, today))
        .collect();
    items.sort_by_key(|person| (person.obstacle.is_some(), person.open - person.capacity));
    Ok(View(RosterView { items }))
}
