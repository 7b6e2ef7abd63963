//! 「전화 보기」: shows the customer's whole phone number, and records the disclosure.

use axum::extract::State;
use events::InterestId;
use serde::Serialize;
use service_kit::auth::Identity;
use service_kit::http::{IdempotencyKey, Json, NoStore, Path, View};
use service_kit::privacy::disclosure::{ShowPhone, StoredPhone};
use service_kit::{Context, Problem};
use utoipa::ToSchema;

use crate::http::access::can_call;
use crate::store::interests;

/// A customer's phone number.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = InterestPhone)]
pub(crate) struct PhoneView {
    /// In E.164.
    phone: String,
}

/// `ShowPhone`: shows the customer's whole phone number, to the assigned salesman and consultant
/// while the interest is on, and to staff. Each disclosure is recorded.
#[utoipa::path(
    post, path = "/interests/{id}/phone", tag = "interest", request_body = ShowPhone,
    params(("id" = Uuid, Path), IdempotencyKey),
    responses((
        status = 200, body = PhoneView,
        headers(("Cache-Control" = String, description = "`no-store`")),
    )),
    extensions(("x-command" = json!("ShowPhone")), ("x-events" = json!([]))),
)]
pub(crate) async fn phone(
    State(context): State<Context>,
    caller: Identity,
    Path(id): Path<InterestId>,
    Json {
        body,
        idempotency_key,
    }: Json<ShowPhone>,
) -> Result<NoStore<View<PhoneView>>, Problem> {
    let why = body.read()?;
    let mut tx = context.db.begin().await?;
    // A disclosure that is recorded during an erasure would remain after it.
    interests::lock(&mut tx, id).await?;
    let interest = interests::load(&mut tx, id)
        .await?
        .map(|stored| stored.interest)
        .filter(|interest| can_call(&caller, interest))
        .ok_or_else(Problem::not_found)?;
    let stored = StoredPhone {
        aggregate: "interest",
        id: interest.id.0,
        customer: interest.customer_id,
        phone: interest.phone.as_ref(),
    };
    let phone = stored
        .disclose(tx, &caller, why, idempotency_key.as_ref())
        .await?;
    Ok(NoStore(View(PhoneView { phone })))
}
