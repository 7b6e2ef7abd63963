//! Requesting a one-time code.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use service_kit::Problem;
use service_kit::forms::phone::Phone;
use service_kit::http::problem::Text;
use service_kit::http::{Field, Fields, Json, View};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::api::otp::{consent, limits};
use crate::auth::consent::VERSION;
use crate::auth::one_time_code::{self, Code, LIFETIME};
use crate::auth::security_log::{About, SecurityEvent};
use crate::edge::client_ip::ClientIp;
use crate::sms::webhook::{Message, SIGN_IN_CODE};
use crate::state::AppState;

/// In characters.
const MAX_VERSION_LENGTH: usize = 40;

/// A request for a one-time code.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RequestCode {
    /// The number to send the code to. A landline is refused.
    #[serde(default)]
    #[schema(value_type = String)]
    phone: Field<Phone>,
    /// The version that the customer agreed to, from `GET /api/auth/consent`.
    #[serde(default)]
    #[schema(value_type = String, max_length = 40)]
    consent_version: Field<String>,
}

/// The challenge of a code that is being sent.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ChallengeView {
    /// Is sent back with the code.
    challenge: Uuid,
    /// When the code expires.
    expires_at: DateTime<Utc>,
    /// When another code can be requested.
    resend_at: DateTime<Utc>,
}

/// `RequestCode`: sends a one-time code by SMS. The answer is the same for unknown numbers.
#[utoipa::path(
    post,
    path = "/api/auth/otp",
    tag = "auth",
    request_body = RequestCode,
    responses((status = ACCEPTED, description = "The code is being sent", body = ChallengeView)),
    extensions(
        ("x-command" = json!("RequestCode")),
        ("x-events" = json!([])),
        ("x-problems" = json!(["consent-outdated", "too-many-requests"])),
    ),
)]
pub(crate) async fn request(
    State(state): State<Arc<AppState>>,
    client: ClientIp,
    headers: HeaderMap,
    Json { body, .. }: Json<RequestCode>,
) -> Result<Response, Problem> {
    let mut fields = Fields::default();
    let phone = fields.phone("/phone", body.phone);
    if phone.as_ref().is_some_and(Phone::is_landline) {
        let text = Text::new(
            "유선 전화로는 인증번호를 보낼 수 없습니다. 휴대전화 번호를 적어 주세요",
            "A landline receives no text messages: enter a mobile number",
        );
        fields.refuse("/phone", "landline", text);
    }
    let version = fields.text("/consentVersion", body.consent_version, MAX_VERSION_LENGTH);
    let (Some(phone), Some(version), true) = (phone, version, fields.is_valid()) else {
        return Err(fields.problem());
    };
    if version != VERSION {
        return Err(consent::outdated());
    }
    let customer = state.customer_ids.customer_id(&phone);
    let about = About::client(client).and_customer(customer.0);
    let mut tx = state.db.begin().await?;
    let now = tx.now();
    let device = state.device_cookie.read(&headers, customer, now);
    limits::count_request(&state, &mut tx, client, customer, device)
        .await
        .map_err(state.security.limited(&about))?;
    let (code, challenge) = (Code::random(), Uuid::new_v4());
    let mac = code.mac(&state.sign_in_key, challenge);
    one_time_code::insert(&mut tx, challenge, customer, &phone, &mac).await?;
    tx.commit().await?;
    let browser = if device.is_some() { "known" } else { "new" };
    state
        .security
        .write(SecurityEvent::CodeRequested, &about, browser);
    let message = Message {
        id: Uuid::new_v4(),
        to: phone,
        text: code.message(),
        kind: SIGN_IN_CODE,
    };
    state
        .sms
        .dispatch(message, LIFETIME.to_std().unwrap_or_default());
    let view = ChallengeView {
        challenge,
        expires_at: now + LIFETIME,
        resend_at: now + state.limits.resends_per_phone.interval(),
    };
    Ok((StatusCode::ACCEPTED, View(view)).into_response())
}
