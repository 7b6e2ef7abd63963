//! What the gateway requests on behalf of a customer: all stored data, the disclosures, erasure.

use axum::extract::State;
use axum::http::StatusCode;
use events::CustomerId;
use serde::Serialize;
use service_kit::auth::{Identity, Role};
use service_kit::clock::seoul_date;
use service_kit::http::{NoStore, View};
use service_kit::privacy::disclosure;
use service_kit::{Context, Problem, privacy};
use utoipa::ToSchema;

use super::views::WholeConsultationView;
use crate::store::{Detail, erasure};

service_kit::disclosure_views!(
    "consultation": ConsultationDisclosures, ConsultationDisclosure, ConsultationDisclosureAbout
);

/// All data of a customer in this service, except notes.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ConsultationData {
    /// `null` if no consultation is stored.
    phone: Option<String>,
    /// Oldest first, each with its complete timeline.
    consultations: Vec<WholeConsultationView>,
    /// Disclosures of the whole number, newest first.
    disclosures: Vec<ConsultationDisclosure>,
}

/// All data of the caller in this service.
#[utoipa::path(
    get, path = "/me/data", tag = "consultation",
    responses((
        status = 200, body = ConsultationData,
        description = "Without what was erased before; must not be stored",
    )),
    extensions(("x-internal" = json!(true))),
)]
pub(super) async fn data(
    State(context): State<Context>,
    caller: Identity,
) -> Result<NoStore<View<ConsultationData>>, Problem> {
    let customer = CustomerId(caller.subject);
    let today = seoul_date(context.db.now());
    let mut connection = context.db.pool().acquire().await?;
    let stored = erasure::of_customer(&mut connection, customer).await?;
    let phone = stored
        .iter()
        .find_map(|stored| stored.consultation.phone.as_ref())
        .map(|phone| phone.e164().to_owned());
    let details = Detail::load_all(&mut connection, stored).await?;
    let consultations = details
        .into_iter()
        .map(|detail| WholeConsultationView::new(detail, &caller, today))
        .collect();
    let disclosures = disclosure::of_customer(&mut *connection, "consultation", customer)
        .await?
        .into_iter()
        .map(|disclosure| disclosure.visible_to(Role::Customer).into())
        .collect();
    Ok(NoStore(View(ConsultationData {
        phone,
        consultations,
        disclosures,
    })))
}

/// Disclosures of the caller's whole phone number.
///
/// Only the gateway calls this. It gets the ids of all viewers, also of staff, and decides what
/// the customer sees.
#[utoipa::path(
    get, path = "/me/disclosures", tag = "consultation",
    responses((
        status = 200, body = ConsultationDisclosures,
        description = "Newest first; none from before an erasure",
    )),
    extensions(("x-internal" = json!(true))),
)]
pub(super) async fn disclosures(
    State(context): State<Context>,
    caller: Identity,
) -> Result<View<ConsultationDisclosures>, Problem> {
    let customer = CustomerId(caller.subject);
    let disclosures = disclosure::of_customer(context.db.pool(), "consultation", customer).await?;
    Ok(View(disclosures.into()))
}

/// `EraseCustomer`: cancel the caller's open consultations and remove the personal data from all
/// of them. The ids stay, visible for staff only. Can be repeated.
#[utoipa::path(
    delete, path = "/me", tag = "consultation",
    responses((
        status = 204,
        description = "No personal data of the caller is stored here, now or since before",
    )),
    extensions(
        ("x-internal" = json!(true)),
        ("x-command" = json!("EraseCustomer")),
        ("x-events" = json!(["ConsultationProgressed"])),
    ),
)]
pub(super) async fn erase(
    State(context): State<Context>,
    caller: Identity,
) -> Result<StatusCode, Problem> {
    let customer = CustomerId(caller.subject);
    // One transaction for each batch: an interrupted erasure keeps the batches that are done.
    loop {
        let mut tx = context.db.begin().await?;
        let batch = erasure::erase(&mut tx, customer).await?;
        let phone = caller.phone.as_ref().or(batch.phone.as_ref());
        privacy::erasure::erase(&mut tx, customer, phone).await?;
        tx.commit().await?;
        if !batch.has_more {
            return Ok(StatusCode::NO_CONTENT);
        }
    }
}
