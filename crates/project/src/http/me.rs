//! What the gateway asks for a customer: everything that is kept of him, and to forget it.

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use chrono::{DateTime, NaiveDate, Utc};
use events::{CustomerId, Step};
use serde::Serialize;
use service_kit::auth::Identity;
use service_kit::forms::on_behalf_of::PersonView;
use service_kit::http::View;
use service_kit::http::describe::StepName;
use service_kit::privacy::erased_customers;
use service_kit::privacy::erasure;
use service_kit::{Context, Problem};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::store::erasure::{self as store, HeldConsultation, HeldInterest};

pub(super) fn routes() -> OpenApiRouter<Context> {
    OpenApiRouter::new()
        .routes(routes!(data))
        .routes(routes!(erase))
}

/// Everything that this service keeps of a customer: copies of what others tell, for the view of a project and for the visit card.
#[derive(Debug, Serialize, ToSchema)]
struct KeptCopiesDataView {
    /// His interests, oldest first.
    interests: Vec<InterestView>,
    /// His consultations, oldest first.
    consultations: Vec<ConsultationView>,
}

/// An interest as its customer gets it to take away.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = HeldInterest)]
struct InterestView {
    id: Uuid,
    /// Null while the programme was not known where he marked it.
    series_id: Option<Uuid>,
    project_id: Uuid,
    /// Null where there is no such project.
    project_name: Option<String>,
    /// Of his number.
    last_four: Option<String>,
    /// On or off.
    interested: bool,
    /// When it was last turned on.
    since: DateTime<Utc>,
    /// Nobody until matched.
    salesman: Option<PersonView>,
    consultant: Option<PersonView>,
}

/// A consultation as its customer gets it to take away.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = HeldConsultation)]
struct ConsultationView {
    id: Uuid,
    project_id: Uuid,
    /// Null where there is no such project.
    project_name: Option<String>,
    /// Of his number.
    last_four: Option<String>,
    #[schema(value_type = StepName)]
    step: Step,
    /// The day he wishes for, in Seoul.
    desired_date: NaiveDate,
    /// When it was asked for.
    since: DateTime<Utc>,
    /// Nobody until matched.
    salesman: Option<PersonView>,
    consultant: Option<PersonView>,
}

impl From<HeldInterest> for InterestView {
    fn from(it: HeldInterest) -> Self {
        Self {
            id: it.id,
            series_id: it.series_id,
            project_id: it.project_id,
            project_name: it.project_name,
            last_four: it.last_four,
            interested: it.interested,
            since: it.since,
            salesman: it.people.salesman().map(PersonView::from),
            consultant: it.people.consultant().map(PersonView::from),
        }
    }
}

impl From<HeldConsultation> for ConsultationView {
    fn from(it: HeldConsultation) -> Self {
        Self {
            id: it.id,
            project_id: it.project_id,
            project_name: it.project_name,
            last_four: it.last_four,
            step: it.step,
            desired_date: it.desired_on,
            since: it.since,
            salesman: it.people.salesman().map(PersonView::from),
            consultant: it.people.consultant().map(PersonView::from),
        }
    }
}

/// Everything that this service keeps of the caller.
#[utoipa::path(
    get, path = "/me/data", tag = "project",
    responses((
        status = 200, body = KeptCopiesDataView, description = "Without what was erased before",
        headers(("Cache-Control" = String, description = "`no-store`")),
    )),
    extensions(("x-internal" = json!(true))),
)]
async fn data(State(context): State<Context>, who: Identity) -> Result<impl IntoResponse, Problem> {
    let customer = CustomerId(who.subject);
    let interests = store::interests(context.db.pool(), customer).await?;
    let consultations = store::consultations(context.db.pool(), customer).await?;
    let view = KeptCopiesDataView {
        interests: interests.into_iter().map(InterestView::from).collect(),
        consultations: consultations
            .into_iter()
            .map(ConsultationView::from)
            .collect(),
    };
    Ok(([(header::CACHE_CONTROL, "no-store")], View(view)))
}

/// `EraseCustomer`: forget the caller. His interests and consultations stay with their ids and are counted, for staff alone; none of them is
/// open. Saying it again is fine.
#[utoipa::path(
    delete, path = "/me", tag = "project",
    responses((status = 204, description = "Nothing here says any more who he is, or nothing ever did")),
    extensions(("x-internal" = json!(true)), ("x-command" = json!("EraseCustomer")), ("x-events" = json!([]))),
)]
async fn erase(State(context): State<Context>, who: Identity) -> Result<StatusCode, Problem> {
    let customer = CustomerId(who.subject);
    let mut tx = context.db.begin().await?;
    erased_customers::record(&mut tx, customer).await?;
    store::erase(&mut tx, customer).await?;
    erasure::erase(&mut tx, customer, who.phone.as_ref()).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}
