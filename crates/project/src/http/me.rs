//! What the gateway requests for a customer: their data, and its erasure.

use axum::extract::State;
use axum::http::StatusCode;
use chrono::{DateTime, NaiveDate, Utc};
use events::{CustomerId, Step};
use serde::Serialize;
use service_kit::auth::Identity;
use service_kit::forms::on_behalf_of::PersonView;
use service_kit::http::describe::StepName;
use service_kit::http::{NoStore, View};
use service_kit::privacy::{erased_customers, erasure};
use service_kit::{Context, Problem};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::store::erasure::{self as store, CustomerConsultation, CustomerInterest};
use crate::store::projections;

pub(super) fn routes() -> OpenApiRouter<Context> {
    OpenApiRouter::new()
        .routes(routes!(data))
        .routes(routes!(erase))
}

/// This service's projections of a customer's data, used for the view of a project and the visit
/// card.
#[derive(Debug, Serialize, ToSchema)]
struct KeptCopiesDataView {
    /// Oldest first.
    interests: Vec<InterestView>,
    /// Oldest first.
    consultations: Vec<ConsultationView>,
}

/// An interest in a customer's data.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = HeldInterest)]
struct InterestView {
    id: Uuid,
    /// Null if the interest service did not know the programme yet.
    series_id: Option<Uuid>,
    project_id: Uuid,
    /// Null if there is no such project.
    project_name: Option<String>,
    /// The last digits of the phone number.
    last_four: Option<String>,
    /// On or off.
    interested: bool,
    /// When it was last turned on.
    since: DateTime<Utc>,
    /// Null until matched.
    salesman: Option<PersonView>,
    consultant: Option<PersonView>,
}

/// A consultation in a customer's data.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = HeldConsultation)]
struct ConsultationView {
    id: Uuid,
    project_id: Uuid,
    /// Null if there is no such project.
    project_name: Option<String>,
    /// The last digits of the phone number.
    last_four: Option<String>,
    #[schema(value_type = StepName)]
    step: Step,
    /// The day that the customer wishes for, in Seoul.
    desired_date: NaiveDate,
    /// When the customer applied for it.
    since: DateTime<Utc>,
    /// Null until matched.
    salesman: Option<PersonView>,
    consultant: Option<PersonView>,
}

impl From<CustomerInterest> for InterestView {
    fn from(interest: CustomerInterest) -> Self {
        Self {
            id: interest.id,
            series_id: interest.series_id,
            project_id: interest.project_id,
            project_name: interest.project_name,
            last_four: interest.last_four,
            interested: interest.interested,
            since: interest.since,
            salesman: interest.assigned.salesman.map(PersonView::from),
            consultant: interest.assigned.consultant.map(PersonView::from),
        }
    }
}

impl From<CustomerConsultation> for ConsultationView {
    fn from(consultation: CustomerConsultation) -> Self {
        Self {
            id: consultation.id,
            project_id: consultation.project_id,
            project_name: consultation.project_name,
            last_four: consultation.last_four,
            step: consultation.step,
            desired_date: consultation.desired_on,
            since: consultation.since,
            salesman: consultation.assigned.salesman.map(PersonView::from),
            consultant: consultation.assigned.consultant.map(PersonView::from),
        }
    }
}

/// The data of the caller in this service.
#[utoipa::path(
    get, path = "/me/data", tag = "project",
    responses((
        status = 200, body = KeptCopiesDataView,
        description = "Without data that was erased before",
        headers(("Cache-Control" = String, description = "`no-store`")),
    )),
    extensions(("x-internal" = json!(true))),
)]
async fn data(
    State(context): State<Context>,
    caller: Identity,
) -> Result<NoStore<View<KeptCopiesDataView>>, Problem> {
    let customer = CustomerId(caller.subject);
    let interests = store::interests(context.db.pool(), customer).await?;
    let consultations = store::consultations(context.db.pool(), customer).await?;
    Ok(NoStore(View(KeptCopiesDataView {
        interests: interests.into_iter().map(InterestView::from).collect(),
        consultations: consultations
            .into_iter()
            .map(ConsultationView::from)
            .collect(),
    })))
}

/// `EraseCustomer`: erase the caller. Interests and consultations stay with their ids and are
/// counted, visible to staff only; none of them is open. Repeating it has no further effect.
#[utoipa::path(
    delete, path = "/me", tag = "project",
    responses((status = 204, description = "No data here identifies the caller any more")),
    extensions(
        ("x-internal" = json!(true)),
        ("x-command" = json!("EraseCustomer")),
        ("x-events" = json!([])),
    ),
)]
async fn erase(State(context): State<Context>, caller: Identity) -> Result<StatusCode, Problem> {
    let customer = CustomerId(caller.subject);
    let mut tx = context.db.begin().await?;
    projections::take_batch_lock(&mut tx).await?;
    erased_customers::record(&mut tx, customer).await?;
    store::erase(&mut tx, customer).await?;
    erasure::erase(&mut tx, customer, caller.phone.as_ref()).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}
