//! Internal routes that the gateway calls for a customer: data export, disclosures, erasure.

use axum::extract::State;
use axum::http::StatusCode;
use events::CustomerId;
use serde::Serialize;
use service_kit::auth::{Identity, Role};
use service_kit::http::{NoStore, View};
use service_kit::privacy::disclosure;
use service_kit::{Context, Problem, disclosure_views};
use utoipa::ToSchema;

use crate::http::views::{ConsultationExport, InterestExport};
use crate::store::notifications::{self, Notification};
use crate::store::{erasure, list, projections, served};

disclosure_views!("interest": InterestDisclosures, InterestDisclosure, InterestDisclosureAbout);

/// All data of a customer in this service.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct InterestData {
    /// The whole number, if the customer has an interest.
    phone: Option<String>,
    /// The last four digits of the number, if an event named the customer.
    last_four: Option<String>,
    /// Oldest first, including merged ones.
    interests: Vec<InterestExport>,
    /// Oldest first.
    consultations: Vec<ConsultationExport>,
    /// Oldest first.
    notifications: Vec<Notification>,
    /// Who was shown the whole number, newest first.
    disclosures: Vec<InterestDisclosure>,
}

/// All data of the caller in this service.
#[utoipa::path(
    get, path = "/me/data", tag = "interest",
    responses((
        status = 200, body = InterestData, description = "Without data that was erased before",
        headers(("Cache-Control" = String, description = "`no-store`")),
    )),
    extensions(("x-internal" = json!(true))),
)]
pub(crate) async fn data(
    State(context): State<Context>,
    caller: Identity,
) -> Result<NoStore<View<InterestData>>, Problem> {
    let (pool, customer) = (context.db.pool(), CustomerId(caller.subject));
    let interests: Vec<InterestExport> = list::of_customer(pool, customer)
        .await?
        .into_iter()
        .map(InterestExport::from)
        .collect();
    let consultations = projections::consultations_of(pool, customer).await?;
    let disclosures = disclosure::of_customer(pool, "interest", customer).await?;
    Ok(NoStore(View(InterestData {
        phone: interests.iter().find_map(|interest| interest.phone.clone()),
        last_four: served::last_four(pool, customer).await?,
        interests,
        consultations: consultations
            .into_iter()
            .map(ConsultationExport::from)
            .collect(),
        notifications: notifications::all(pool, customer).await?,
        disclosures: disclosures
            .into_iter()
            .map(|row| row.visible_to(Role::Customer).into())
            .collect(),
    })))
}

/// Who was shown the caller's whole phone number here, when and why, newest first.
///
/// The answer contains the ids of staff too. Only the gateway calls this route: it adds names and
/// decides what the customer sees.
#[utoipa::path(
    get, path = "/me/disclosures", tag = "interest",
    responses((
        status = 200, body = InterestDisclosures,
        description = "Without disclosures from before an erasure",
    )),
    extensions(("x-internal" = json!(true))),
)]
pub(crate) async fn disclosures(
    State(context): State<Context>,
    caller: Identity,
) -> Result<View<InterestDisclosures>, Problem> {
    let customer = CustomerId(caller.subject);
    let rows = disclosure::of_customer(context.db.pool(), "interest", customer).await?;
    Ok(View(rows.into()))
}

/// `EraseCustomer`: erase the caller. Interests are turned off and keep their ids, visible to
/// staff only. Repeating it is safe.
#[utoipa::path(
    delete, path = "/me", tag = "interest",
    responses((
        status = 204,
        description = "This service has no personal data of the caller (any more)",
    )),
    extensions(
        ("x-internal" = json!(true)),
        ("x-command" = json!("EraseCustomer")),
        ("x-events" = json!(["InterestUpdated"])),
    ),
)]
pub(crate) async fn erase(
    State(context): State<Context>,
    caller: Identity,
) -> Result<StatusCode, Problem> {
    let mut tx = context.db.begin().await?;
    erasure::erase(&mut tx, CustomerId(caller.subject), caller.phone.as_ref()).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}
