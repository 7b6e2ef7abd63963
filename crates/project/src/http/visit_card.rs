//! The visit card: programmes that a salesman can talk about with a customer.

use axum::extract::State;
use axum::http::HeaderMap;
use chrono::NaiveDate;
use events::{Category, CustomerId, Phase, Region};
use serde::{Deserialize, Serialize};
use service_kit::auth::{Identity, Role};
use service_kit::clock::seoul_date;
use service_kit::http::describe::{CategoryName, PhaseName, RegionName};
use service_kit::http::problem::{Language, Text, invalid_query};
use service_kit::http::{Query, View};
use service_kit::{Context, Problem};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::query::search_text;
use super::views::ProjectView;
use crate::store::{visit_card, work};
use crate::visit_card::{Programme, Shared, Traits, pitch_lines};

pub(super) fn routes() -> OpenApiRouter<Context> {
    OpenApiRouter::new().routes(routes!(show))
}

/// Either a customer, or criteria that the salesman picks.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct CardQuery {
    /// A customer with an assignment to the caller.
    #[param(value_type = Option<Uuid>)]
    customer: Option<CustomerId>,
    /// 시도. Programmes of what it replaced or what replaced it count, too, and nationwide ones.
    #[param(value_type = Option<RegionName>)]
    region: Option<Region>,
    /// 분야.
    #[param(value_type = Option<CategoryName>)]
    category: Option<Category>,
    /// 지원대상, one or a few words.
    #[param(value_type = Option<String>, max_length = 100, example = "소상공인")]
    target: Option<String>,
}

/// Programmes that a salesman can talk about.
#[derive(Debug, Serialize, ToSchema)]
struct VisitCardView {
    /// At most 20: those with the most in common first, then by deadline.
    items: Vec<ProgrammeView>,
}

/// A programme to talk about.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ProgrammeView {
    project: ProjectView,
    /// The last day of the application period, if there is one.
    #[schema(example = "2026-12-11")]
    deadline: Option<NaiveDate>,
    /// What people see today.
    #[schema(value_type = PhaseName)]
    phase: Phase,
    /// What it has in common with the customer's marks, or with the picks.
    shared: Vec<Shared>,
    /// Whether the customer marked this programme.
    #[schema(example = false)]
    marked: bool,
    /// A line to say aloud, in the caller's language: at most three of the facts that are known of
    /// the programme, of which one is until when it is open. Lines of one card begin differently.
    #[schema(
        example = "부산에서만 하는 사업입니다. 신청 마감이 3일 남았고, 관심 두신 「2026년 수출바우처」와 같은 기술 분야입니다."
    )]
    say: String,
}

/// Programmes that a salesman can talk about with a customer: open now, or within 30 days.
#[utoipa::path(
    get, path = "/projects/visit-card", tag = "project", params(CardQuery),
    responses((status = 200, body = VisitCardView)),
    extensions(("x-problems" = json!(["not-found"]))),
)]
async fn show(
    State(context): State<Context>,
    caller: Identity,
    Query(query): Query<CardQuery>,
    headers: HeaderMap,
) -> Result<View<VisitCardView>, Problem> {
    let pool = context.db.pool();
    let target = search_text("target", "지원대상은", query.target)?;
    let has_picks = query.region.is_some() || query.category.is_some() || target.is_some();
    let (traits, marks) = match query.customer {
        Some(_) if has_picks => {
            let ko = "customer는 다른 조건과 함께 쓸 수 없습니다";
            let en = "customer cannot be combined with other conditions";
            return Err(invalid_query(Text::new(ko, en)));
        }
        Some(customer) => {
            let is_allowed =
                caller.role == Role::Staff || work::is_assigned(pool, customer, &caller).await?;
            if !is_allowed {
                return Err(Problem::not_found());
            }
            let marks = visit_card::marks(pool, customer).await?;
            (Traits::of_marks(&marks), marks)
        }
        None if has_picks => {
            let traits = Traits::picked(query.category, query.region, target.as_deref());
            (traits, Vec::new())
        }
        None => {
            let ko = "customer, 또는 region, category, target 중 하나는 있어야 합니다";
            let en = "customer, or one of region, category and target, is required";
            return Err(invalid_query(Text::new(ko, en)));
        }
    };
    let today = seoul_date(context.db.now());
    let language = Language::of(&headers);
    let found = visit_card::programmes(pool, &traits, today).await?;
    let series: Vec<Uuid> = found
        .iter()
        .map(|stored| stored.project.series_id.0)
        .collect();
    let editions = visit_card::opened_editions(pool, &series).await?;
    let programmes: Vec<Programme<'_>> = found
        .iter()
        .map(|stored| Programme {
            project: &stored.project,
            earlier: editions
                .get(&stored.project.series_id.0)
                .map_or(&[], Vec::as_slice),
        })
        .collect();
    let lines = pitch_lines(&programmes, &traits, &marks, today, language);
    let items = found.into_iter().zip(lines).map(|(stored, say)| {
        let project = &stored.project;
        ProgrammeView {
            deadline: project.details.period.ends_on,
            phase: project.phase(today),
            shared: traits.shared_with(project),
            marked: marks
                .iter()
                .any(|mark| mark.series_id == project.series_id.0),
            say,
            project: ProjectView::new(stored, today),
        }
    });
    Ok(View(VisitCardView {
        items: items.collect(),
    }))
}
