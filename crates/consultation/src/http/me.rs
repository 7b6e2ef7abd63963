//! What the gateway asks for a customer: everything that is kept of him, who saw his number, and to forget it.

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use events::CustomerId;
use serde::Serialize;
use service_kit::auth::{Identity, Role};
use service_kit::clock::seoul_date;
use service_kit::http::View;
use service_kit::http::describe::RoleName;
use service_kit::{Context, Problem};
use utoipa::ToSchema;
use uuid::Uuid;

use super::views::WholeConsultationView;
use crate::store::disclosures::{self, Disclosure};
use crate::store::erasure;

/// Everything that this service keeps of a customer, but what colleagues noted for each other: no customer is shown that.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ConsultationData)]
pub(crate) struct CustomerData {
    /// His number, where anything of his is kept: the same with all of it.
    phone: Option<String>,
    /// What he asked for, or was asked for him, oldest first, each with all that happened to it.
    consultations: Vec<WholeConsultationView>,
    /// Who saw his whole number, newest first.
    disclosures: Vec<DisclosureView>,
}

/// Who saw a customer's whole number.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ConsultationDisclosures)]
pub(crate) struct Disclosures {
    /// Every time, newest first.
    items: Vec<DisclosureView>,
}

/// That somebody saw the whole number.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ConsultationDisclosure)]
struct DisclosureView {
    /// When.
    at: DateTime<Utc>,
    /// What whoever saw it is.
    #[schema(value_type = RoleName)]
    viewer_role: Role,
    /// Who saw it; null in `GET /me/data` where it was a member of staff.
    viewer_id: Option<Uuid>,
    /// What he said he needed it for.
    why: Option<String>,
    /// Where it stood.
    about: AboutView,
}

/// Where a number stood.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ConsultationDisclosureAbout)]
struct AboutView {
    /// `consultation`.
    kind: &'static str,
    /// Which.
    id: Uuid,
}

impl From<Disclosure> for DisclosureView {
    fn from(disclosure: Disclosure) -> Self {
        let Disclosure {
            at,
            role,
            viewer_id,
            why,
            consultation_id,
        } = disclosure;
        Self {
            at,
            viewer_role: role,
            viewer_id: Some(viewer_id),
            why,
            about: AboutView {
                kind: "consultation",
                id: consultation_id,
            },
        }
    }
}

impl DisclosureView {
    /// As its customer takes it away: which member of staff it was is no customer's business.
    fn taken_away(disclosure: Disclosure) -> Self {
        let is_hidden = disclosure.role == Role::Staff;
        let view = Self::from(disclosure);
        Self {
            viewer_id: view.viewer_id.filter(|_| !is_hidden),
            ..view
        }
    }
}

/// Everything that this service keeps of the caller.
#[utoipa::path(
    get, path = "/me/data", tag = "consultation",
    responses((status = 200, body = CustomerData, description = "Without what was erased before; not to be stored")),
    extensions(("x-internal" = json!(true))),
)]
pub(super) async fn data(
    State(context): State<Context>,
    who: Identity,
) -> Result<Response, Problem> {
    let customer = CustomerId(who.subject);
    let mut connection = context.db.pool().acquire().await?;
    let kept = erasure::kept(&mut connection, customer).await?;
    let phone = kept
        .iter()
        .find_map(|stored| stored.it.phone.as_ref())
        .map(|phone| phone.e164().to_owned());
    let consultations =
        WholeConsultationView::all(&mut connection, kept, &who, seoul_date(context.db.now()))
            .await?;
    let disclosures = disclosures::of_customer(&mut connection, customer)
        .await?
        .into_iter()
        .map(DisclosureView::taken_away)
        .collect();
    Ok((
        [(header::CACHE_CONTROL, "no-store")],
        View(CustomerData {
            phone,
            consultations,
            disclosures,
        }),
    )
        .into_response())
}

/// Who saw the caller's whole number, when and why.
///
/// It tells of everybody who it was, of staff too: the gateway, which alone asks for it, puts names to the ids, and decides there what of it
/// the customer is shown.
#[utoipa::path(
    get, path = "/me/disclosures", tag = "consultation",
    responses((status = 200, body = Disclosures, description = "Newest first; none of before an erasure")),
    extensions(("x-internal" = json!(true))),
)]
pub(super) async fn disclosures(
    State(context): State<Context>,
    who: Identity,
) -> Result<View<Disclosures>, Problem> {
    let mut connection = context.db.pool().acquire().await?;
    let disclosures = disclosures::of_customer(&mut connection, CustomerId(who.subject)).await?;
    Ok(View(Disclosures {
        items: disclosures.into_iter().map(DisclosureView::from).collect(),
    }))
}

/// `EraseCustomer`: forget the caller. What is open is cancelled; what he asked for stays with its ids, for staff alone. Saying it again is fine.
#[utoipa::path(
    delete, path = "/me", tag = "consultation",
    responses((status = 204, description = "Nothing here says any more who he is or what was said, or nothing ever did")),
    extensions(
        ("x-internal" = json!(true)),
        ("x-command" = json!("EraseCustomer")),
        ("x-events" = json!(["ConsultationProgressed"])),
    ),
)]
pub(super) async fn erase(
    State(context): State<Context>,
    who: Identity,
) -> Result<StatusCode, Problem> {
    let customer = CustomerId(who.subject);
    // Portion by portion: whoever has very many is forgotten as well, and what is done is done if this is broken off.
    loop {
        let mut tx = context.db.begin().await?;
        let forgotten = erasure::erase(&mut tx, customer).await?;
        let phone = who.phone.as_ref().or(forgotten.phone.as_ref());
        service_kit::privacy::erasure::erase(&mut tx, customer, phone).await?;
        tx.commit().await?;
        if !forgotten.has_more {
            return Ok(StatusCode::NO_CONTENT);
        }
    }
}
