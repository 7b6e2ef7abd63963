//! What callers can do with salesmen and consultants: here they are read; `commands` changes them, `notifications` is for the people
//! themselves, `card` for their customers, and `me` for the gateway, which asks for one.

mod card;
mod commands;
mod me;
mod notifications;

use axum::extract::State;
use axum::http::StatusCode;
use chrono::{DateTime, NaiveDate, Utc};
use events::{Category, Leave, PersonRole, Region, SalesmanId};
use serde::{Deserialize, Serialize};
use service_kit::auth::{Identity, Staff};
use service_kit::clock::seoul_date;
use service_kit::http::describe::{CategoryName, PersonRoleName, RegionName, StepName};
use service_kit::http::problem::Text;
use service_kit::http::problem::invalid_query;
use service_kit::http::{PageQuery, Paged, Path, Query, Versioned};
use service_kit::{Context, Problem};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::notification::LinkKind;
use crate::salesman::Refusal;
use crate::store::assignments::{self, Assignment};
use crate::store::{self, Counted, Wanted};

/// The longest name of a person, in characters.
const LONGEST_NAME: usize = 100;

pub(crate) fn routes() -> OpenApiRouter<Context> {
    OpenApiRouter::new()
        .routes(routes!(commands::register, list))
        .routes(routes!(show, commands::update))
        .routes(routes!(me))
        .routes(routes!(card::show))
        .routes(routes!(notifications::list))
        .routes(routes!(notifications::read))
        .routes(routes!(me::data))
        .routes(routes!(me::erase))
}

/// One example of each problem that only this service has.
pub(crate) fn problems() -> Vec<Problem> {
    vec![Refusal::PhoneTaken.into()]
}

/// A salesman or consultant as staff and he himself see him.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SalesmanView {
    /// Who.
    id: Uuid,
    /// His full name.
    name: String,
    /// The name customers see.
    display_name: String,
    /// His number, in E.164.
    phone: String,
    /// 영업대표 or 컨설턴트; for good.
    #[schema(value_type = PersonRoleName)]
    role: PersonRole,
    /// Where he works; nowhere in particular means everywhere.
    #[schema(value_type = Vec<RegionName>)]
    regions: Vec<Region>,
    /// What he knows.
    #[schema(value_type = Vec<CategoryName>)]
    categories: Vec<Category>,
    /// How many open matches he can hold.
    capacity: u32,
    /// His share of the turns, for strategies that weigh.
    weight: u32,
    /// Whether he can be chosen at all.
    active: bool,
    /// When he is away; null while no leave is entered.
    leave: Option<LeaveView>,
    /// Whether he is away today, in Seoul.
    on_leave: bool,
    /// Consultations that succeeded with him.
    success_count: i64,
    /// Consultations that failed with him.
    failure_count: i64,
    /// Open interests and consultations that he is on.
    open_count: i64,
    /// The share of those that succeeded among those that ended either way, 0 to 1; null before the first.
    #[schema(minimum = 0, maximum = 1)]
    success_rate: Option<f64>,
    /// Also the `ETag`. The counts change without it.
    version: i64,
}

/// Days off (휴가), in Seoul, both ends included.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LeaveView {
    /// The first day.
    from: NaiveDate,
    /// The last day: at most a year after the first.
    until: NaiveDate,
}

impl SalesmanView {
    fn on(today: NaiveDate, Counted { it, numbers }: Counted) -> Self {
        Self {
            id: it.id.0,
            phone: it.phone.e164().to_owned(),
            name: it.name,
            display_name: it.display_name,
            role: it.role,
            regions: it.regions,
            categories: it.categories,
            capacity: it.capacity,
            weight: it.weight,
            active: it.active,
            on_leave: it.leave.is_some_and(|leave| leave.covers(today)),
            leave: it
                .leave
                .map(|Leave { from, until }| LeaveView { from, until }),
            success_count: numbers.succeeded,
            failure_count: numbers.failed,
            open_count: numbers.open,
            success_rate: rate(numbers.succeeded, numbers.failed),
            version: it.version,
        }
    }
}

/// Four digits are more than a page shows.
fn rate(succeeded: i64, failed: i64) -> Option<f64> {
    const DIGITS: f64 = 10_000.0;
    let number = |count: i64| u32::try_from(count).map(f64::from).ok();
    let (succeeded, ended) = (number(succeeded)?, number(succeeded.checked_add(failed)?)?);
    (ended > 0.0).then(|| (succeeded / ended * DIGITS).round() / DIGITS)
}

fn shown(status: StatusCode, now: DateTime<Utc>, counted: Counted) -> Versioned<SalesmanView> {
    let location = (status == StatusCode::CREATED).then(|| format!("/salesmen/{}", counted.it.id));
    Versioned {
        status,
        location,
        version: counted.it.version,
        view: SalesmanView::on(seoul_date(now), counted),
    }
}

/// `?limit&after&role&active&q` of the roster.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct RosterQuery {
    /// How many at most: 1 to 100, 50 unless given.
    #[param(minimum = 1, maximum = 100, default = 50)]
    limit: Option<u32>,
    /// Where the page before this one ended: the `next` of its answer.
    after: Option<String>,
    /// Only these.
    #[param(inline, value_type = Option<PersonRoleName>)]
    role: Option<PersonRole>,
    /// Only those who can be chosen, or only those who cannot.
    active: Option<bool>,
    /// Part of the full name or of the name customers see.
    #[param(max_length = 100)]
    q: Option<String>,
}

/// Everybody, newest first: with counts of success, failure and what is open.
#[utoipa::path(
    get, path = "/salesmen", tag = "salesman", params(RosterQuery),
    responses((status = 200, body = Paged<SalesmanView>, description = "A page of the roster")),
)]
async fn list(
    State(context): State<Context>,
    _: Staff,
    Query(query): Query<RosterQuery>,
) -> Result<Paged<SalesmanView>, Problem> {
    let RosterQuery {
        limit,
        after,
        role,
        active,
        q,
    } = query;
    let page = PageQuery { limit, after }.page()?;
    let name = q.map(|q| q.trim().to_owned()).filter(|q| !q.is_empty());
    if name.as_ref().is_some_and(|name| {
        name.chars().count() > LONGEST_NAME || name.chars().any(char::is_control)
    }) {
        return Err(invalid_query(Text::new(
            format!("q는 {LONGEST_NAME}자 이하의 이름입니다"),
            format!("q is a name of at most {LONGEST_NAME} characters"),
        )));
    }
    let people = store::list(context.db.pool(), &Wanted { role, active, name }, page).await?;
    let today = seoul_date(context.db.now());
    let views = people
        .into_iter()
        .map(|counted| SalesmanView::on(today, counted))
        .collect();
    Ok(Paged::from_rows(views, page, |view: &SalesmanView| view.id))
}

/// A salesman or consultant with the newest of what he is on, and of what he was on.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SalesmanDetail {
    #[serde(flatten)]
    person: SalesmanView,
    /// The newest 50 that are open; `openCount` tells how many there are.
    open_assignments: Vec<AssignmentView>,
    /// The newest 50 that are closed.
    closed_assignments: Vec<AssignmentView>,
}

/// An interest or a consultation that somebody is on.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AssignmentView {
    /// `interest` or `consultation`.
    #[schema(value_type = LinkKind)]
    kind: String,
    /// Which.
    id: Uuid,
    /// Whose; nobody's, once he was erased.
    customer_id: Option<Uuid>,
    /// The last four digits of that customer's number; null once he was erased.
    last_four: Option<String>,
    /// What it is about.
    project_id: Uuid,
    /// Null while the project is not known.
    project_name: Option<String>,
    /// When the people who are on it now came to it.
    matched_at: Option<DateTime<Utc>>,
    /// The step that closed a consultation.
    #[schema(value_type = Option<StepName>)]
    step: Option<String>,
    /// When it was closed, or its customer turned it off.
    closed_at: Option<DateTime<Utc>>,
    /// When its customer was erased (삭제됨).
    #[serde(skip_serializing_if = "Option::is_none")]
    erased_at: Option<DateTime<Utc>>,
}

impl From<Assignment> for AssignmentView {
    fn from(row: Assignment) -> Self {
        Self {
            kind: row.origin_kind,
            id: row.origin_id,
            customer_id: row.erased_at.is_none().then_some(row.customer_id),
            last_four: row.last_four,
            project_id: row.project_id,
            project_name: row.project_name,
            matched_at: row.matched_at,
            step: row.closed_as,
            closed_at: row.closed_at,
            erased_at: row.erased_at,
        }
    }
}

/// One of them, with the newest of what he is on and was on.
#[utoipa::path(
    get, path = "/salesmen/{id}", tag = "salesman", params(("id" = Uuid, Path, description = "Whom")),
    responses((status = 200, body = SalesmanDetail, description = "What is known of him, and what he does")),
)]
async fn show(
    State(context): State<Context>,
    _: Staff,
    Path(id): Path<SalesmanId>,
) -> Result<Versioned<SalesmanDetail>, Problem> {
    let mut connection = context.db.pool().acquire().await?;
    let counted = store::load(&mut connection, id)
        .await?
        .ok_or_else(Problem::not_found)?;
    let open = assignments::newest(&mut connection, id, true).await?;
    let closed = assignments::newest(&mut connection, id, false).await?;
    let view = SalesmanDetail {
        open_assignments: open.into_iter().map(AssignmentView::from).collect(),
        closed_assignments: closed.into_iter().map(AssignmentView::from).collect(),
        person: SalesmanView::on(seoul_date(context.db.now()), counted),
    };
    Ok(Versioned {
        status: StatusCode::OK,
        location: None,
        version: view.person.version,
        view,
    })
}

/// A salesman or consultant himself, with his numbers.
#[utoipa::path(
    get, path = "/salesmen/me", tag = "salesman",
    responses((status = 200, body = SalesmanView, description = "The caller")),
)]
async fn me(
    State(context): State<Context>,
    who: Identity,
) -> Result<Versioned<SalesmanView>, Problem> {
    let mut connection = context.db.pool().acquire().await?;
    let counted = store::load(&mut connection, SalesmanId(who.subject))
        .await?
        .ok_or_else(Problem::not_found)?;
    Ok(shown(StatusCode::OK, context.db.now(), counted))
}
