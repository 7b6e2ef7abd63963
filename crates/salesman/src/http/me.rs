//! What the gateway asks for a customer: everything that is kept of him, and to forget it.

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use chrono::{DateTime, Utc};
use events::CustomerId;
use serde::Serialize;
use service_kit::auth::Identity;
use service_kit::forms::on_behalf_of::PersonView;
use service_kit::http::View;
use service_kit::http::describe::StepName;
use service_kit::privacy::erased_customers;
use service_kit::privacy::erasure;
use service_kit::{Context, Problem};
use utoipa::ToSchema;
use uuid::Uuid;

use super::notifications::LinkView;
use crate::notification::{Details, Kind, LinkKind};
use crate::store::erasure::{self as store, Held, HeldNews};

/// Everything that this service keeps of a customer.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AssignmentDataView {
    /// Who is on his interests and consultations, and was when they were closed.
    assignments: Vec<AssignedView>,
    /// What those people were told of him, oldest first.
    notifications: Vec<ToldView>,
}

/// An interest or a consultation as its customer gets it to take away.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AssignedView {
    /// `interest` or `consultation`.
    #[schema(value_type = LinkKind)]
    kind: String,
    /// Which.
    id: Uuid,
    /// The last four digits of his number.
    last_four: Option<String>,
    /// What it is about.
    project_id: Uuid,
    /// Null while the project is not known.
    project_name: Option<String>,
    /// Nobody until matched.
    salesman: Option<PersonView>,
    /// Nobody until matched.
    consultant: Option<PersonView>,
    /// When these people came.
    matched_at: Option<DateTime<Utc>>,
    /// The step that closed a consultation.
    #[schema(value_type = Option<StepName>)]
    step: Option<String>,
    /// When it was closed, or turned off.
    closed_at: Option<DateTime<Utc>>,
}

/// Something that somebody was told of the customer.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ToldView {
    /// What it is about.
    #[schema(value_type = Kind)]
    kind: String,
    /// Where it leads.
    link: LinkView,
    /// The programme, where it was named.
    project_name: Option<String>,
    /// What else was told.
    details: Details,
    /// When it happened.
    created_at: DateTime<Utc>,
}

impl From<Held> for AssignedView {
    fn from(row: Held) -> Self {
        Self {
            salesman: person(row.salesman_id, row.salesman_name),
            consultant: person(row.consultant_id, row.consultant_name),
            kind: row.origin_kind,
            id: row.origin_id,
            last_four: row.last_four,
            project_id: row.project_id,
            project_name: row.project_name,
            matched_at: row.matched_at,
            step: row.closed_as,
            closed_at: row.closed_at,
        }
    }
}

/// Somebody by the name he is shown by; the id alone says nothing of who it is to whoever is not registered here.
fn person(id: Option<Uuid>, name: Option<String>) -> Option<PersonView> {
    Some(PersonView {
        id: id?,
        display_name: name?,
    })
}

impl From<HeldNews> for ToldView {
    fn from(row: HeldNews) -> Self {
        let link = LinkView::new(row.link_kind, row.link_id);
        Self {
            kind: row.kind,
            link,
            project_name: row.project_name,
            details: row.details.0,
            created_at: row.created_at,
        }
    }
}

/// Everything that this service keeps of the caller.
#[utoipa::path(
    get, path = "/me/data", tag = "salesman",
    responses((
        status = 200, body = AssignmentDataView, description = "Without what was erased before",
        headers(("Cache-Control" = String, description = "`no-store`")),
    )),
    extensions(("x-internal" = json!(true))),
)]
pub(super) async fn data(
    State(context): State<Context>,
    who: Identity,
) -> Result<impl IntoResponse, Problem> {
    let customer = CustomerId(who.subject);
    let assignments = store::held(context.db.pool(), customer).await?;
    let notifications = store::held_news(context.db.pool(), customer).await?;
    let view = AssignmentDataView {
        assignments: assignments.into_iter().map(AssignedView::from).collect(),
        notifications: notifications.into_iter().map(ToldView::from).collect(),
    };
    Ok(([(header::CACHE_CONTROL, "no-store")], View(view)))
}

/// `EraseCustomer`: forget the caller. What people were on stays with its ids and its counts, for staff alone; what they were told of him is
/// gone. Saying it again is fine.
#[utoipa::path(
    delete, path = "/me", tag = "salesman",
    responses((status = 204, description = "Nothing here says any more who he is, or nothing ever did")),
    extensions(("x-internal" = json!(true)), ("x-command" = json!("EraseCustomer")), ("x-events" = json!([]))),
)]
pub(super) async fn erase(
    State(context): State<Context>,
    who: Identity,
) -> Result<StatusCode, Problem> {
    let customer = CustomerId(who.subject);
    let mut tx = context.db.begin().await?;
    erased_customers::record(&mut tx, customer).await?;
    store::erase(&mut tx, customer).await?;
    erasure::erase(&mut tx, customer, who.phone.as_ref()).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}
