//! How many projects each choice of the list's filters would show.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use chrono::{DateTime, NaiveDate, Utc};
use events::{Category, Phase, ProjectStatus, Region};
use serde::Serialize;
use service_kit::auth::{Identity, Role};
use service_kit::clock::seoul_date;
use service_kit::http::describe::{CategoryName, PhaseName, RegionName, StatusName};
use service_kit::http::{Query, View};
use service_kit::{Context, Problem};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::filters::FilterQuery;
use crate::facets::{self, Facets, Group};
use crate::hangul::SearchTerm;
use crate::recent::Recent;
use crate::search::TARGET_KINDS;
use crate::store::facets as store;

/// The groups of a search on a day, without the other filters: a change of these needs no other
/// reading.
type RecentGroups = Recent<(NaiveDate, Vec<SearchTerm>, Vec<String>), Vec<Group>>;

pub(super) fn routes() -> OpenApiRouter<Context> {
    OpenApiRouter::new()
        .routes(routes!(show))
        .layer(Extension(Arc::new(RecentGroups::new())))
}

/// The numbers of projects. Each is the length of the list with that choice.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct FacetsView {
    /// Changes until then are counted. At most 5 seconds ago; for staff, now.
    counted_at: DateTime<Utc>,
    /// With all filters.
    total: i64,
    /// With all filters but `phase` and `overdue`.
    scopes: ScopesView,
    /// With all filters but `phase` and `overdue`.
    phases: Vec<PhaseCountView>,
    /// With all filters but `status` and `overdue`.
    statuses: Vec<StatusCountView>,
    /// With all filters but `category`.
    categories: Vec<CategoryCountView>,
    /// With all filters but `region`: 전국, then the 시도 of today.
    regions: Vec<RegionCountView>,
    /// With all filters but `target`. Those that no project has are left out.
    targets: Vec<TargetCountView>,
    /// With all filters: the groups of the list by deadline.
    deadlines: DeadlinesView,
    /// With all filters but `status`, `phase` and `overdue`.
    overdue: OverdueView,
}

/// What can be applied for now, later, and all.
#[derive(Debug, Serialize, ToSchema)]
struct ScopesView {
    /// `open`, `closing`, `always` and `until_budget`.
    open: i64,
    upcoming: i64,
    all: i64,
}

/// How many projects have a phase.
#[derive(Debug, Serialize, ToSchema)]
struct PhaseCountView {
    #[schema(value_type = PhaseName)]
    value: Phase,
    count: i64,
}

/// How many projects have a status.
#[derive(Debug, Serialize, ToSchema)]
struct StatusCountView {
    #[schema(value_type = StatusName)]
    value: ProjectStatus,
    count: i64,
}

/// How many projects are of a category.
#[derive(Debug, Serialize, ToSchema)]
struct CategoryCountView {
    #[schema(value_type = CategoryName)]
    value: Category,
    count: i64,
}

/// How many projects apply in a region.
#[derive(Debug, Serialize, ToSchema)]
struct RegionCountView {
    #[schema(value_type = RegionName)]
    value: Region,
    /// With nationwide ones, as the filter shows them.
    count: i64,
    /// Those that apply in some regions only, this among them. Of 전국, the nationwide ones.
    own: i64,
}

/// How many projects are for a kind of target (지원대상).
#[derive(Debug, Serialize, ToSchema)]
struct TargetCountView {
    /// A value of the filter `target`.
    value: &'static str,
    count: i64,
}

/// The groups of the list in the order `deadline`. Weeks are from Monday to Sunday in Seoul.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct DeadlinesView {
    /// Today to Sunday.
    this_week: i64,
    next_week: i64,
    later: i64,
    /// The deadline has passed, or the edition was ended.
    past: i64,
    /// Without a last day.
    undated: i64,
}

/// Ongoing projects whose deadline has passed: what `end-overdue` would end.
#[derive(Debug, Serialize, ToSchema)]
struct OverdueView {
    count: i64,
    /// The deadline that passed first; null without any.
    since: Option<NaiveDate>,
}

impl FacetsView {
    fn new(facets: &Facets, counted_at: DateTime<Utc>) -> Self {
        let phases = Phase::ALL.into_iter().zip(facets.phases);
        let of_phases = |is_counted: fn(Phase) -> bool| {
            let counted = phases.clone().filter(|(phase, _)| is_counted(*phase));
            counted.map(|(_, count)| count).sum()
        };
        let [this_week, next_week, later, past, undated] = facets.due;
        let statuses = ProjectStatus::ALL.into_iter().zip(facets.statuses);
        let categories = Category::ALL.into_iter().zip(facets.categories);
        let targets = TARGET_KINDS.into_iter().zip(facets.targets);
        Self {
            counted_at,
            total: facets.total,
            scopes: ScopesView {
                open: of_phases(Phase::is_open),
                upcoming: of_phases(|phase| phase == Phase::Upcoming),
                all: of_phases(|_| true),
            },
            phases: phases
                .clone()
                .map(|(value, count)| PhaseCountView { value, count })
                .collect(),
            statuses: statuses
                .map(|(value, count)| StatusCountView { value, count })
                .collect(),
            categories: categories
                .map(|(value, count)| CategoryCountView { value, count })
                .collect(),
            regions: facets
                .regions
                .iter()
                .map(|counted| RegionCountView {
                    value: counted.region,
                    count: counted.count,
                    own: counted.own,
                })
                .collect(),
            targets: targets
                .filter(|(_, count)| *count > 0)
                .map(|(value, count)| TargetCountView { value, count })
                .collect(),
            deadlines: DeadlinesView {
                this_week,
                next_week,
                later,
                past,
                undated,
            },
            overdue: OverdueView {
                count: facets.overdue,
                since: facets.overdue_since,
            },
        }
    }
}

/// How many projects each choice of the list's filters would show.
///
/// The choices of one filter are counted with all other filters, but without itself. The answer may
/// be 5 seconds old; that of staff is not.
#[utoipa::path(
    get, path = "/projects/facets", tag = "project", params(FilterQuery),
    responses((status = 200, body = FacetsView)),
)]
async fn show(
    State(context): State<Context>,
    Extension(recent): Extension<Arc<RecentGroups>>,
    caller: Option<Extension<Identity>>,
    Query(filter): Query<FilterQuery>,
) -> Result<View<FacetsView>, Problem> {
    let filter = filter.read()?;
    let now = context.db.now();
    let today = seoul_date(now);
    let texts = facets::texts_of_targets(&filter);
    let read = async {
        let mut tx = context.db.begin_public_read().await?;
        store::groups(&mut tx, &filter.terms, texts, today).await
    };
    let (counted_at, groups) = if caller.is_some_and(|caller| caller.role == Role::Staff) {
        (now, Arc::new(read.await?))
    } else {
        let question = (today, filter.terms.clone(), texts.to_vec());
        recent.get(question, now, Box::pin(read)).await?
    };
    let facets = facets::count(&groups, &filter, today);
    Ok(View(FacetsView::new(&facets, counted_at)))
}
