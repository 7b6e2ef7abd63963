//! Signing in with a one-time code.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use events::CustomerId;
use serde::Deserialize;
use service_kit::Problem;
use service_kit::auth::{Identity, Role};
use service_kit::http::problem::Text;
use service_kit::http::{Field, Fields, Json};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::api::otp::limits;
use crate::api::session::{SignedInView, signed_in, with_cookie};
use crate::auth::consent;
use crate::auth::one_time_code::{self, Challenge, Code, MAX_GUESSES};
use crate::auth::security_log::{About, SecurityEvent};
use crate::auth::sessions::{self, PresentedSession};
use crate::edge::client_ip::ClientIp;
use crate::edge::device_cookie::Device;
use crate::erasure::store as erasure;
use crate::state::AppState;

/// A one-time code and its challenge.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct VerifyCode {
    /// From the answer to the request for the code.
    #[serde(default)]
    #[schema(value_type = Uuid)]
    challenge: Field<Uuid>,
    /// Six digits.
    #[serde(default)]
    #[schema(value_type = String, pattern = "^[0-9]{6}$")]
    code: Field<Code>,
}

/// `VerifyCode`: signs a customer in with a one-time code, and records the consent.
#[utoipa::path(
    post,
    path = "/api/auth/otp/verify",
    tag = "auth",
    request_body = VerifyCode,
    responses((
        status = OK,
        description = "Signed in. The session is in the cookie",
        body = SignedInView,
    )),
    extensions(
        ("x-command" = json!("VerifyCode")),
        ("x-events" = json!([])),
        ("x-problems" = json!([
            "wrong-code", "code-expired", "erasure-in-progress", "too-many-requests",
        ])),
    ),
)]
pub(crate) async fn verify(
    State(state): State<Arc<AppState>>,
    client: ClientIp,
    presented: PresentedSession,
    headers: HeaderMap,
    Json { body, .. }: Json<VerifyCode>,
) -> Result<Response, Problem> {
    let mut fields = Fields::default();
    let id = fields.required("/challenge", body.challenge);
    let how = Text::new(
        "인증번호 여섯 자리를 숫자로 적어 주세요",
        "Write the six digits of the code",
    );
    fields.explain("/code", &body.code, how);
    let code = fields.required("/code", body.code);
    let (Some(id), Some(code)) = (id, code) else {
        return Err(fields.problem());
    };
    let guess = Guess {
        client,
        headers: &headers,
        id,
        code,
    };
    let (challenge, device) = judge(&state, guess).await?;
    let customer = CustomerId(challenge.customer_id);
    let about = About::client(client).and_customer(customer.0);
    let failed = |reason| {
        state
            .security
            .write(SecurityEvent::SignInFailed, &about, reason);
    };
    let phone = challenge.phone.parse().map_err(Problem::internal)?;
    let mut tx = state.db.begin().await?;
    // No erasure request in between would end this session, and no other code is used meanwhile.
    erasure::lock_customer(&mut tx, customer).await?;
    if !one_time_code::use_up(&mut tx, id, customer).await? {
        failed("code-used");
        return Err(expired());
    }
    limits::forget_failures(&state, &mut tx, customer, device).await?;
    if erasure::is_unfinished(&mut tx, customer).await? {
        // Commits that the code is used.
        tx.commit().await?;
        failed("erasure");
        return Err(erasure_in_progress());
    }
    consent::record(&mut tx, customer, &challenge.consent_version).await?;
    let identity = Identity {
        role: Role::Customer,
        subject: customer.0,
        phone: Some(phone),
    };
    let session = sessions::begin(&mut tx, &presented, &identity, None).await?;
    tx.commit().await?;
    let view = SignedInView::new(&identity, session.expires_at, None, None);
    let response = signed_in(&state, &session, &about, view);
    let cookie = state.device_cookie.set(device, customer, state.db.now());
    Ok(with_cookie(response, &cookie))
}

struct Guess<'a> {
    client: ClientIp,
    headers: &'a HeaderMap,
    /// The challenge.
    id: Uuid,
    code: Code,
}

/// The challenge of the right code, and the browser if it is a known one.
///
/// A guess is counted before it is compared: for its challenge, its client and its number. One that
/// has to wait is not compared, and counts for none of them.
async fn judge(state: &AppState, guess: Guess<'_>) -> Result<(Challenge, Option<Device>), Problem> {
    let Guess {
        client,
        headers,
        id,
        code,
    } = guess;
    let mut tx = state.db.begin().await?;
    let challenge = one_time_code::count_guess(&mut tx, id).await?;
    let customer = challenge
        .as_ref()
        .map(|challenge| CustomerId(challenge.customer_id));
    let device =
        customer.and_then(|customer| state.device_cookie.read(headers, customer, tx.now()));
    let about = customer.map_or_else(
        || About::client(client),
        |customer| About::client(client).and_customer(customer.0),
    );
    let limited = state.security.limited(&about);
    limits::count_guess(state, &mut tx, client, device)
        .await
        .map_err(&limited)?;
    if let Some(customer) = customer {
        limits::count_failure(state, &mut tx, customer, device)
            .await
            .map_err(&limited)?;
    }
    tx.commit().await?;
    let failed = |reason| {
        state
            .security
            .write(SecurityEvent::SignInFailed, &about, reason);
    };
    let Some(challenge) = challenge else {
        failed("code-expired");
        return Err(expired());
    };
    if !code.matches(&state.sign_in_key, id, &challenge.code_mac) {
        failed("wrong-code");
        return Err(match MAX_GUESSES - challenge.guesses {
            // The next guess would be answered so, too: the caller knows now what to do.
            ..=0 => expired().detail(no_guesses_left()),
            left => wrong_code(left),
        });
    }
    Ok((challenge, device))
}

/// 422 with the number of guesses left, at least one.
pub(super) fn wrong_code(left: i16) -> Problem {
    let title = Text::new("인증번호가 맞지 않습니다", "The code is wrong");
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "wrong-code", title).with("left", left)
}

/// 422: the challenge is unknown, expired or used, or has no guesses left.
pub(super) fn expired() -> Problem {
    let title = Text::new(
        "인증번호를 더 이상 쓸 수 없습니다. 새로 받아 주세요",
        "This code cannot be used any more: request a new one",
    );
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "code-expired", title)
}

fn no_guesses_left() -> Text {
    Text::new(
        format!("인증번호가 {MAX_GUESSES}번 맞지 않았습니다"),
        format!("The code was wrong {MAX_GUESSES} times"),
    )
}

/// 409: a new session would begin with half of the customer's data.
pub(super) fn erasure_in_progress() -> Problem {
    let title = Text::new(
        "개인정보를 삭제하고 있습니다. 삭제가 끝난 뒤에 다시 로그인해 주세요",
        "The data of this number is being erased: sign in again later",
    );
    Problem::conflict("erasure-in-progress", title)
}
