//! Customers sign in: a one-time code goes to a telephone and comes back.
//!
//! Whoever asks for one learns nothing of the number: a customer is whoever can read what is sent there, known before or not. A guess is
//! counted before it is judged, by a statement that takes at most five, so that no number of guesses at once gets more.

use std::fmt;
use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, TimeDelta, Utc};
use events::CustomerId;
use rand::RngExt as _;
use serde::{Deserialize, Serialize};
use service_kit::auth::{Identity, Role};
use service_kit::forms::phone::Phone;
use service_kit::http::problem::Text;
use service_kit::http::{Field, Fields, Json, View};
use service_kit::{Db, Problem, Tx};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::api::session::{SignedInView, signed_in};
use crate::auth::consent;
use crate::auth::sessions::{self, Brought};
use crate::edge::client_ip::Address;
use crate::edge::rate_limit::{self, LimitKey, SignInKey};
use crate::erasure;
use crate::sms::{Message, SIGN_IN_CODE};
use crate::state::AppState;

/// How long a code is good for.
const LIFE: TimeDelta = TimeDelta::minutes(3);

/// How many guesses at one code are judged.
const GUESSES: i16 = 5;

/// How many digits it has.
const DIGITS: usize = 6;

/// No version of the consent is longer than this, in characters.
const LONGEST_VERSION: usize = 40;

/// What the key is used for here.
const PURPOSE: &str = "one-time-code";

/// Asks for a code.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RequestCode {
    /// Where the code goes.
    #[serde(default)]
    #[schema(value_type = String)]
    phone: Field<Phone>,
    /// Which text the customer agreed to: the `version` of `GET /api/auth/consent`.
    #[serde(default)]
    #[schema(value_type = String, max_length = 40)]
    consent_version: Field<String>,
}

/// A code is on its way.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ChallengeView {
    /// Comes back with the code.
    challenge: Uuid,
    /// Until when the code is good.
    expires_at: DateTime<Utc>,
    /// When the next one may be asked for.
    resend_at: DateTime<Utc>,
}

/// Answers with the code that came.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct VerifyCode {
    /// What the request for the code was answered with.
    #[serde(default)]
    #[schema(value_type = Uuid)]
    challenge: Field<Uuid>,
    /// Six digits.
    #[serde(default)]
    #[schema(value_type = String, pattern = "^[0-9]{6}$")]
    code: Field<Code>,
}

/// A one-time code. Its `Debug` is `***`.
#[derive(Clone, Deserialize)]
#[serde(try_from = "String")]
struct Code(String);

impl Code {
    /// One of a million, each as likely as any other.
    fn random() -> Self {
        Self(format!(
            "{:0DIGITS$}",
            rand::rng().random_range(0..1_000_000)
        ))
    }

    /// What is read on the telephone. A relay counts two bytes for each Hangul letter, and beyond 90 bytes it is no SMS any more.
    fn text(&self) -> String {
        format!(
            "[KT.GG] 인증번호 {} (3분 안에 입력, 타인에게 알리지 마세요)",
            self.0
        )
    }

    /// What is kept of it: nothing that could be tried out without the key, and nothing that another challenge could be answered with.
    fn mac(&self, key: &SignInKey, challenge: Uuid) -> Vec<u8> {
        key.mac(PURPOSE, &[challenge.as_bytes(), self.0.as_bytes()])
    }

    fn is_behind(&self, key: &SignInKey, challenge: Uuid, mac: &[u8]) -> bool {
        key.verifies(PURPOSE, &[challenge.as_bytes(), self.0.as_bytes()], mac)
    }
}

impl TryFrom<String> for Code {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        // As people copy it.
        let text = text.trim();
        let is_code = text.len() == DIGITS && text.bytes().all(|byte| byte.is_ascii_digit());
        if is_code {
            Ok(Self(text.to_owned()))
        } else {
            Err("a code is six digits")
        }
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// `RequestCode`: sends a one-time code to a telephone. The answer is the same whether or not the number is known.
#[utoipa::path(
    post,
    path = "/api/auth/otp",
    tag = "auth",
    request_body = RequestCode,
    responses((status = ACCEPTED, description = "It is on its way", body = ChallengeView)),
    extensions(
        ("x-command" = json!("RequestCode")),
        ("x-events" = json!([])),
        ("x-problems" = json!(["consent-outdated", "too-many-requests"])),
    ),
)]
pub(crate) async fn request(
    State(door): State<Arc<AppState>>,
    from: Address,
    Json { body, .. }: Json<RequestCode>,
) -> Result<Response, Problem> {
    let mut fields = Fields::default();
    let phone = fields.required("/phone", body.phone);
    let agreed = fields.text("/consentVersion", body.consent_version, LONGEST_VERSION);
    let (Some(phone), Some(agreed)) = (phone, agreed) else {
        return Err(fields.problem());
    };
    if agreed != consent::VERSION {
        return Err(consent::outdated());
    }
    let (key, limits) = (&door.sign_in_key, &door.limits);
    // Whoever asks too often from one address uses up nothing of anybody's number.
    rate_limit::take(
        &door.db,
        &LimitKey::of_address(key, "codes-per-address", from.0),
        limits.codes_per_address,
    )
    .await?;
    rate_limit::take(
        &door.db,
        &LimitKey::of(key, "resends-per-phone", phone.e164()),
        limits.resends_per_phone,
    )
    .await?;
    rate_limit::take(
        &door.db,
        &LimitKey::of(key, "codes-per-phone", phone.e164()),
        limits.codes_per_phone,
    )
    .await?;
    rate_limit::take(
        &door.db,
        &LimitKey::of(key, "codes-per-phone-daily", phone.e164()),
        limits.codes_per_phone_daily,
    )
    .await?;

    let (code, challenge, now) = (Code::random(), Uuid::new_v4(), door.db.now());
    let view = ChallengeView {
        challenge,
        expires_at: now + LIFE,
        resend_at: now + limits.resends_per_phone.interval(),
    };
    let kept = Kept {
        challenge,
        customer_id: door.customer_ids.customer_id(&phone),
        phone: &phone,
        code_mac: code.mac(key, challenge),
    };
    keep(&door.db, &kept, now).await?;
    let text = code.text();
    let message = Message {
        id: Uuid::new_v4(),
        to: phone,
        text,
        kind: SIGN_IN_CODE,
    };
    door.post
        .dispatch(message, LIFE.to_std().unwrap_or_default());
    Ok((StatusCode::ACCEPTED, View(view)).into_response())
}

/// `VerifyCode`: signs a customer in with the code that came, and records that he agreed.
#[utoipa::path(
    post,
    path = "/api/auth/otp/verify",
    tag = "auth",
    request_body = VerifyCode,
    responses((status = OK, description = "Signed in: the cookie says so", body = SignedInView)),
    extensions(
        ("x-command" = json!("VerifyCode")),
        ("x-events" = json!([])),
        ("x-problems" = json!(["wrong-code", "code-expired", "erasure-in-progress", "too-many-requests"])),
    ),
)]
pub(crate) async fn verify(
    State(door): State<Arc<AppState>>,
    from: Address,
    brought: Brought,
    Json { body, .. }: Json<VerifyCode>,
) -> Result<Response, Problem> {
    let mut fields = Fields::default();
    let challenge = fields.required("/challenge", body.challenge);
    let code = fields.required("/code", body.code);
    let (Some(challenge), Some(code)) = (challenge, code) else {
        return Err(fields.problem());
    };
    let key = &door.sign_in_key;
    rate_limit::take(
        &door.db,
        &LimitKey::of_address(key, "guesses-per-address", from.0),
        door.limits.guesses_per_address,
    )
    .await?;
    // Counted, and written down, before it is judged.
    let judged = judge(&door.db, challenge).await?.ok_or_else(expired)?;
    if !code.is_behind(key, challenge, &judged.code_mac) {
        return Err(wrong(GUESSES - judged.guesses));
    }
    let customer = CustomerId(judged.customer_id);
    let phone = judged.phone.parse().map_err(Problem::internal)?;
    let mut tx = door.db.begin().await?;
    // From here on nobody begins to forget this customer before he is signed in, who would then be signed out with the others. Nor does he
    // sign in by another code meanwhile.
    erasure::hold(&mut tx, customer).await?;
    if !spend(&mut tx, challenge, customer).await? {
        return Err(expired());
    }
    if erasure::is_unfinished(&mut tx, customer).await? {
        // The code is spent all the same.
        tx.commit().await?;
        return Err(erasure::in_progress());
    }
    consent::give(&mut tx, customer, &judged.consent_version).await?;
    let identity = Identity {
        role: Role::Customer,
        subject: customer.0,
        phone: Some(phone),
    };
    let begun = sessions::begin(&mut tx, &brought, &identity, None).await?;
    tx.commit().await?;
    let view = SignedInView::new(&identity, begun.expires_at, None, None);
    Ok(signed_in(&door, &begun, view))
}

pub(crate) fn routes() -> OpenApiRouter<Arc<AppState>> {
    OpenApiRouter::new()
        .routes(routes!(consent::show))
        .routes(routes!(request))
        .routes(routes!(verify))
}

/// One example of each problem that only these routes have.
pub(crate) fn problems() -> Vec<Problem> {
    vec![
        wrong(4),
        expired(),
        consent::outdated(),
        erasure::in_progress(),
    ]
}

/// 422: not this code, and how many guesses are left.
fn wrong(left: i16) -> Problem {
    let title = Text::new("인증번호가 맞지 않습니다", "That is not the code");
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "wrong-code", title).with("left", left)
}

/// 422: no code can answer this challenge: there is none, its time is over, its guesses are spent, or it was used.
fn expired() -> Problem {
    let title = Text::new(
        "인증번호를 더 이상 쓸 수 없습니다. 새로 받아 주세요",
        "The code cannot be used any more: ask for a new one",
    );
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "code-expired", title)
}

/// A code as it is kept: without itself.
struct Kept<'a> {
    challenge: Uuid,
    customer_id: CustomerId,
    phone: &'a Phone,
    code_mac: Vec<u8>,
}

async fn keep(db: &Db, kept: &Kept<'_>, now: DateTime<Utc>) -> Result<(), sqlx::Error> {
    sqlx::query(
        "insert into one_time_code (challenge, customer_id, phone, code_mac, consent_version, created_at, expires_at)
         values ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(kept.challenge)
    .bind(kept.customer_id.0)
    .bind(kept.phone.e164())
    .bind(&kept.code_mac)
    .bind(consent::VERSION)
    .bind(now)
    .bind(now + LIFE)
    .execute(db.pool())
    .await?;
    Ok(())
}

/// What a guess is judged by, once it is counted.
#[derive(sqlx::FromRow)]
struct Judged {
    customer_id: Uuid,
    phone: String,
    code_mac: Vec<u8>,
    consent_version: String,
    /// How many guesses were judged, this one included.
    guesses: i16,
}

/// Counts a guess, if there is still one to judge. The row's lock lets one guess after the other through, however many come at once.
async fn judge(db: &Db, challenge: Uuid) -> Result<Option<Judged>, sqlx::Error> {
    sqlx::query_as(
        "update one_time_code set judged = judged + 1
         where challenge = $1 and judged < $2 and used_at is null and expires_at > $3
         returning customer_id, phone, code_mac, consent_version, judged as guesses",
    )
    .bind(challenge)
    .bind(GUESSES)
    .bind(db.now())
    .fetch_optional(db.pool())
    .await
}

/// Uses the code, once, and every other that the customer was sent: he is in, and whoever guesses at those is not he. `false`: somebody was faster.
async fn spend(tx: &mut Tx, challenge: Uuid, customer: CustomerId) -> Result<bool, sqlx::Error> {
    let now = tx.now();
    let spent: Vec<Uuid> = sqlx::query_scalar(
        "update one_time_code set used_at = $3
         where customer_id = $2 and used_at is null
             and exists (select from one_time_code it where it.challenge = $1 and it.used_at is null)
         returning challenge",
    )
    .bind(challenge)
    .bind(customer.0)
    .bind(now)
    .fetch_all(&mut **tx)
    .await?;
    Ok(spent.contains(&challenge))
}

/// Drops the codes that were sent to a customer.
pub(crate) async fn forget(tx: &mut Tx, customer: CustomerId) -> Result<(), sqlx::Error> {
    sqlx::query("delete from one_time_code where customer_id = $1")
        .bind(customer.0)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Drops codes whose time is over, and with them the numbers they went to.
pub(crate) async fn prune(db: &Db) -> Result<(), sqlx::Error> {
    sqlx::query("delete from one_time_code where expires_at <= $1")
        .bind(db.now())
        .execute(db.pool())
        .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_six_digits_and_not_printed() {
        for _ in 0..1000 {
            let code = Code::random();
            assert!(
                code.0.len() == DIGITS && code.0.bytes().all(|byte| byte.is_ascii_digit()),
                "{}",
                code.0
            );
        }
        assert_eq!(format!("{:?}", Code::random()), "***");
        assert_eq!(Code::try_from(" 012345 ".to_owned()).unwrap().0, "012345");
        for text in ["", "12345", "1234567", "12345x", "１２３４５６", "-12345"] {
            assert!(Code::try_from(text.to_owned()).is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_sent_fits_into_one_short_message() {
        let bytes: usize = Code::random()
            .text()
            .chars()
            .map(|letter| if letter.is_ascii() { 1 } else { 2 })
            .sum();
        assert!(bytes <= 90, "{bytes}");
    }

    #[test]
    fn every_code_is_as_likely_as_any_other() {
        let mut first_digits = [0_u32; 10];
        for _ in 0..20_000 {
            let code = Code::random();
            first_digits[usize::from(code.0.as_bytes()[0] - b'0')] += 1;
        }
        // 2,000 each, give or take seven standard deviations.
        assert!(
            first_digits
                .iter()
                .all(|count| (1_700..2_300).contains(count)),
            "{first_digits:?}"
        );
    }

    #[test]
    fn a_code_answers_its_own_challenge_under_its_own_key() {
        let (key, other): (SignInKey, SignInKey) = (
            "k".repeat(32).parse().unwrap(),
            "o".repeat(32).parse().unwrap(),
        );
        let (challenge, code) = (Uuid::new_v4(), Code::random());
        let mac = code.mac(&key, challenge);
        assert!(code.is_behind(&key, challenge, &mac));
        assert!(!code.is_behind(&key, Uuid::new_v4(), &mac));
        assert!(!code.is_behind(&other, challenge, &mac));
    }
}
