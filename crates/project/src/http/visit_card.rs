//! The visit card: what a salesman can talk about.

use axum::extract::State;
use axum::http::HeaderMap;
use chrono::NaiveDate;
use events::{Category, CustomerId, Phase, Region};
use serde::{Deserialize, Serialize};
use service_kit::auth::{Identity, Role};
use service_kit::clock::seoul_date;
use service_kit::http::describe::{CategoryName, PhaseName, RegionName};
use service_kit::http::problem::invalid_query;
use service_kit::http::problem::{Language, Text};
use service_kit::http::{Query, View};
use service_kit::{Context, Problem};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::ProjectView;
use super::list::{filled, sought};
use crate::store::{view, visit_card};
use crate::visit_card::{Shared, Traits, say};

pub(super) fn routes() -> OpenApiRouter<Context> {
    OpenApiRouter::new().routes(routes!(show))
}

/// For whom: a customer by id, or anyone by what the salesman picks. Not both.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct CardQuery {
    /// A customer who is matched with the caller.
    #[serde(default, deserialize_with = "filled")]
    #[param(value_type = Option<Uuid>)]
    customer: Option<CustomerId>,
    /// 시도.
    #[serde(default, deserialize_with = "filled")]
    #[param(value_type = Option<RegionName>)]
    region: Option<Region>,
    /// 분야.
    #[serde(default, deserialize_with = "filled")]
    #[param(value_type = Option<CategoryName>)]
    category: Option<Category>,
    /// 지원대상, in a word or a few.
    #[serde(default, deserialize_with = "filled")]
    #[param(value_type = Option<String>, max_length = 100, example = "소상공인")]
    target: Option<String>,
}

/// What a salesman can talk about.
#[derive(Debug, Serialize, ToSchema)]
struct VisitCardView {
    /// At most 20, those that share the most first, and the soonest deadline among those.
    items: Vec<ProgrammeView>,
}

/// A programme to talk about.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ProgrammeView {
    project: ProjectView,
    /// The last day that one can apply, where there is one.
    #[schema(example = "2026-12-11")]
    deadline: Option<NaiveDate>,
    /// What people see of it today.
    #[schema(value_type = PhaseName)]
    phase: Phase,
    /// What it has in common with what the customer marked, or with what was picked.
    #[schema(value_type = Vec<SharedName>)]
    shared: Vec<Shared>,
    /// Whether the customer marked this very programme.
    #[schema(example = false)]
    marked: bool,
    /// One line to begin with, in the caller's language.
    #[schema(
        example = "「2026년 스마트상점 기술보급사업」 신청 마감이 3일 남았습니다. 관심 두신 「2026년 수출바우처」와 같은 기술 분야예요."
    )]
    say: String,
}

/// 분야, 지원대상, 지역.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
#[expect(dead_code, reason = "only the description uses it")]
enum SharedName {
    Category,
    Target,
    Region,
}

/// What a salesman can talk about with a customer of his, or with anyone: programmes that are open, or will be within 30 days.
#[utoipa::path(
    get, path = "/projects/visit-card", tag = "project", params(CardQuery),
    responses((status = 200, body = VisitCardView)),
    extensions(("x-problems" = json!(["not-found"]))),
)]
async fn show(
    State(context): State<Context>,
    who: Identity,
    Query(query): Query<CardQuery>,
    headers: HeaderMap,
) -> Result<View<VisitCardView>, Problem> {
    let pool = context.db.pool();
    let target = sought("target", "지원대상은", query.target)?;
    let picks = query.region.is_some() || query.category.is_some() || target.is_some();
    let (traits, marks) = match query.customer {
        Some(_) if picks => {
            let ko = "customer는 다른 조건과 함께 쓸 수 없습니다";
            return Err(invalid_query(Text::new(
                ko,
                "customer goes with no other condition",
            )));
        }
        Some(customer) => {
            if who.role != Role::Staff && !view::is_on(pool, customer, &who).await? {
                return Err(Problem::not_found());
            }
            let marks = visit_card::marks(pool, customer).await?;
            (Traits::of(&marks), marks)
        }
        None if picks => (
            Traits::picked(query.category, query.region, target.as_deref()),
            Vec::new(),
        ),
        None => {
            let ko = "customer, 또는 region, category, target 중 하나는 있어야 합니다";
            return Err(invalid_query(Text::new(
                ko,
                "Say customer, or one of region, category and target",
            )));
        }
    };
    let today = seoul_date(context.db.now());
    let language = Language::of(&headers);
    let programmes = visit_card::programmes(pool, &traits, today).await?;
    let items = programmes.into_iter().map(|stored| ProgrammeView {
        deadline: stored.it.period.ends_on,
        phase: stored.it.phase(today),
        shared: traits.shared_with(&stored.it),
        marked: marks
            .iter()
            .any(|mark| mark.series_id == stored.it.series_id.0),
        say: say(&stored.it, &traits, &marks, today, language),
        project: ProjectView::on(stored, today),
    });
    Ok(View(VisitCardView {
        items: items.collect(),
    }))
}
