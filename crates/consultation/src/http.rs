//! What callers can do with consultations: reading them here, everything else in the modules below.

mod changing;
mod creating;
mod me;
mod notes;
mod phone;
mod views;

use axum::extract::State;
use axum::http::StatusCode;
use chrono::NaiveDate;
use events::{ConsultationId, Step};
use serde::Deserialize;
use service_kit::auth::{Identity, Role};
use service_kit::clock::seoul_date;
use service_kit::forms::project_ref;
use service_kit::http::describe::StepName;
use service_kit::http::page::{decode_cursor, parse_limit};
use service_kit::http::problem::Text;
use service_kit::http::problem::invalid_query;
use service_kit::http::{PageQuery, Paged, Path, Query, Versioned};
use service_kit::{Context, Problem};
use sqlx::postgres::PgConnection;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::consultation::{Consultation, Refusal};
use crate::store::listing::{self, Filter, Place};
use crate::store::{self, Stored};
use views::{ConsultationView, WholeConsultationView};

pub(crate) fn routes() -> OpenApiRouter<Context> {
    OpenApiRouter::new()
        .routes(routes!(creating::create, list))
        .routes(routes!(show, changing::edit))
        .routes(routes!(changing::progress))
        .routes(routes!(notes::add))
        .routes(routes!(phone::phone))
        .routes(routes!(me::data))
        .routes(routes!(me::disclosures))
        .routes(routes!(me::erase))
}

/// One of each of this service's own problems.
pub(crate) fn problems() -> Vec<Problem> {
    vec![
        Refusal::Closed(Step::Cancelled).into(),
        Refusal::NotEditable(Step::Approved).into(),
        Refusal::NoSuchWay {
            from: Step::Apply,
            to: Step::Succeeded,
        }
        .into(),
        Refusal::NobodyOnIt.into(),
        Refusal::Erased.into(),
        project_ref::ambiguous_example(),
    ]
}

/// Whether somebody may know that the consultation exists. Another person's is 404, not 403, and one that was erased is nobody's: staff see
/// that it was there.
fn sees(who: &Identity, it: &Consultation) -> bool {
    match who.role {
        Role::Customer | Role::Salesman | Role::Consultant if it.is_erased() => false,
        Role::Customer => it.customer_id.0 == who.subject,
        Role::Salesman => who.is(it.salesman.as_ref()),
        Role::Consultant => who.is(it.consultant.as_ref()),
        Role::Staff => true,
    }
}

/// Whether somebody in that role moves the consultations that he sees to that step. A customer takes his own back, a consultant moves none.
fn moves_to(role: Role, to: Step) -> bool {
    match role {
        Role::Customer => to == Step::Cancelled,
        Role::Consultant => false,
        Role::Salesman | Role::Staff => true,
    }
}

/// The consultation, if there is one that he sees.
async fn seen_by(
    connection: &mut PgConnection,
    who: &Identity,
    id: ConsultationId,
) -> Result<Stored, Problem> {
    let stored = store::load(connection, id)
        .await?
        .filter(|stored| sees(who, &stored.it));
    stored.ok_or_else(Problem::not_found)
}

/// The answer that shows one consultation whole.
async fn shown(
    connection: &mut PgConnection,
    who: &Identity,
    today: NaiveDate,
    status: StatusCode,
    stored: Stored,
) -> Result<Versioned<WholeConsultationView>, Problem> {
    let (location, version) = (location(status, &stored), stored.it.version);
    let view = WholeConsultationView::of(connection, stored, who, today).await?;
    Ok(Versioned {
        status,
        location,
        version,
        view,
    })
}

/// The answer to whoever entered it and does not see it.
async fn shown_as_requested(
    connection: &mut PgConnection,
    who: &Identity,
    today: NaiveDate,
    status: StatusCode,
    stored: Stored,
) -> Result<Versioned<WholeConsultationView>, Problem> {
    let (location, version) = (location(status, &stored), stored.it.version);
    let view = WholeConsultationView::as_requested(connection, stored, who, today).await?;
    Ok(Versioned {
        status,
        location,
        version,
        view,
    })
}

/// Where it is, when it was just created.
fn location(status: StatusCode, stored: &Stored) -> Option<String> {
    (status == StatusCode::CREATED).then(|| format!("/consultations/{}", stored.it.id))
}

/// In which order a list is.
#[derive(Debug, Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Sort {
    /// The newest first.
    #[default]
    Newest,
    /// By desired date: the days to come, soonest first, and then those that have passed, latest first.
    Desired,
}

/// Which of the consultations, in which order, and where to go on.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ListQuery {
    /// Only those at this step.
    #[param(value_type = Option<StepName>, inline)]
    step: Option<Step>,
    /// Only those about this project.
    project: Option<Uuid>,
    /// Only this customer's, and none that was erased. Not for customers, who are shown their own anyway.
    customer: Option<Uuid>,
    /// Only those for this day or a later one.
    from: Option<NaiveDate>,
    /// Only those for this day or an earlier one.
    until: Option<NaiveDate>,
    /// The order: `newest` unless given.
    #[param(inline)]
    #[serde(default)]
    sort: Sort,
    /// How many at most: 1 to 100, 50 unless given.
    #[param(minimum = 1, maximum = 100, default = 50)]
    limit: Option<u32>,
    /// Where the page before this one ended: the `next` of its answer.
    after: Option<String>,
}

/// The consultations the caller may see: a customer's own, a salesman's or consultant's assigned ones, all for staff.
#[utoipa::path(
    get, path = "/consultations", tag = "consultation", params(ListQuery),
    responses((status = 200, body = Paged<ConsultationView>, description = "One page of them")),
)]
async fn list(
    State(context): State<Context>,
    who: Identity,
    Query(query): Query<ListQuery>,
) -> Result<Paged<ConsultationView>, Problem> {
    if who.role == Role::Customer && query.customer.is_some() {
        return Err(invalid_query(Text::new(
            "고객은 본인의 상담만 조회할 수 있습니다",
            "Customers are shown their own consultations only: leave customer out",
        )));
    }
    if query
        .from
        .zip(query.until)
        .is_some_and(|(from, until)| until < from)
    {
        return Err(invalid_query(Text::new(
            "시작일(from)은 종료일(until)보다 늦을 수 없습니다",
            "from must not be later than until",
        )));
    }
    let filter = Filter {
        step: query.step,
        project: query.project,
        customer: query.customer,
        from: query.from,
        until: query.until,
    };
    let today = seoul_date(context.db.now());
    let view = |stored| ConsultationView::of(stored, &who, today);
    let mut connection = context.db.pool().acquire().await?;
    match query.sort {
        Sort::Newest => {
            let page = PageQuery {
                limit: query.limit,
                after: query.after,
            }
            .page()?;
            let stored = listing::newest(
                &mut connection,
                &who,
                &filter,
                page.after,
                page.fetch_limit(),
            )
            .await?;
            Ok(Paged::from_rows(
                stored.into_iter().map(view).collect(),
                page,
                |view: &ConsultationView| view.id,
            ))
        }
        Sort::Desired => {
            let limit = parse_limit(query.limit)?;
            let after: Option<Place> = query.after.as_deref().map(decode_cursor).transpose()?;
            let order_of = after.map_or(today, |place| place.today);
            let fetch = i64::try_from(limit).unwrap_or(100) + 1;
            let stored =
                listing::by_desired_date(&mut connection, &who, &filter, order_of, after, fetch)
                    .await?;
            let place_of = |view: &ConsultationView| Place {
                today: order_of,
                desired_on: view.desired_date,
                id: view.id,
            };
            Ok(Paged::from_rows_by(
                stored.into_iter().map(view).collect(),
                limit,
                place_of,
            ))
        }
    }
}

/// One consultation, with everything that happened to it; a customer's own without the notes of colleagues.
#[utoipa::path(
    get, path = "/consultations/{id}", tag = "consultation", params(("id" = Uuid, Path)),
    responses((status = 200, body = WholeConsultationView, description = "The consultation")),
)]
async fn show(
    State(context): State<Context>,
    who: Identity,
    Path(id): Path<ConsultationId>,
) -> Result<Versioned<WholeConsultationView>, Problem> {
    let mut connection = context.db.pool().acquire().await?;
    let stored = seen_by(&mut connection, &who, id).await?;
    shown(
        &mut connection,
        &who,
        seoul_date(context.db.now()),
        StatusCode::OK,
        stored,
    )
    .await
}
