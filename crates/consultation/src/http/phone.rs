//! 「전화 보기」: the whole phone number, for those who have to call. Each disclosure is recorded.

use axum::extract::State;
use events::ConsultationId;
use serde::Serialize;
use service_kit::auth::Identity;
use service_kit::http::{IdempotencyKey, Json, NoStore, Path, View};
use service_kit::privacy::disclosure::{ShowPhone, StoredPhone};
use service_kit::{Context, Problem};
use utoipa::ToSchema;

use super::access::can_see;
use crate::store;

/// The phone number of a customer.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PhoneView {
    /// The whole number in E.164.
    phone: String,
}

/// `ShowPhone`: shows the customer's whole phone number, to the assigned salesman and consultant
/// and to staff. The caller, the time and the reason are recorded.
#[utoipa::path(
    post, path = "/consultations/{id}/phone", tag = "consultation", request_body = ShowPhone,
    params(("id" = Uuid, Path), IdempotencyKey),
    responses((status = 200, body = PhoneView, description = "The number; must not be stored")),
    extensions(("x-command" = json!("ShowPhone")), ("x-events" = json!([]))),
)]
pub(super) async fn phone(
    State(context): State<Context>,
    caller: Identity,
    Path(id): Path<ConsultationId>,
    Json {
        body,
        idempotency_key,
    }: Json<ShowPhone>,
) -> Result<NoStore<View<PhoneView>>, Problem> {
    let why = body.read()?;
    let mut tx = context.db.begin().await?;
    let consultation = store::load_shared(&mut tx, id)
        .await?
        .map(|stored| stored.consultation)
        .filter(|consultation| can_see(&caller, consultation))
        .ok_or_else(Problem::not_found)?;
    let stored = StoredPhone {
        aggregate: "consultation",
        id: consultation.id.0,
        customer: consultation.customer_id,
        phone: consultation.phone.as_ref(),
    };
    let phone = stored
        .disclose(tx, &caller, why, idempotency_key.as_ref())
        .await?;
    Ok(NoStore(View(PhoneView { phone })))
}
