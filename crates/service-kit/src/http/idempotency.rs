//! A write that is sent again gives the same answer again: one row in the business transaction, kept for a day.
//!
//! The row holds the id of what was created, not the answer: the answer is rendered again, so that it shows what is there now.

use std::time::Duration;

use axum::http::{HeaderMap, StatusCode};
use chrono::TimeDelta;
use tokio::time::Instant;
use utoipa::IntoParams;
use utoipa::openapi::path::{Parameter, ParameterIn};
use utoipa::openapi::schema::SchemaType;
use utoipa::openapi::{Object, Required, Type};
use uuid::Uuid;

use crate::Tx;
use crate::http::extract::header_parameter;
use crate::http::problem::{Problem, Text};

/// What a caller sends so that a write can be sent again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey {
    /// `Idempotency-Key`.
    pub key: String,
    /// SHA-256 of the path and the body.
    pub body_hash: Vec<u8>,
}

/// `params(IdempotencyKey)` describes the header.
impl IntoParams for IdempotencyKey {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let description = "Repeating the request with the same key has no further effect";
        let schema = Object::with_type(SchemaType::from_iter([Type::String, Type::Null]));
        vec![header_parameter(
            "Idempotency-Key",
            Required::False,
            schema,
            description,
        )]
    }
}

/// `Idempotency-Key`, where the caller sent one: for bodies that are no JSON, of which [`Json`](crate::http::Json) takes it by itself.
///
/// # Errors
/// 400 for one that cannot be kept.
pub fn key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let Some(value) = headers.get("idempotency-key") else {
        return Ok(None);
    };
    match value.to_str() {
        Ok(key) if (1..=255).contains(&key.len()) => Ok(Some(key.to_owned())),
        _ => Err(wrong_key()),
    }
}

/// 400: a key that is none.
pub(crate) fn wrong_key() -> Problem {
    let title = Text::new(
        "Idempotency-Key는 255자 이하의 ASCII여야 합니다",
        "Idempotency-Key is 1 to 255 ASCII characters",
    );
    Problem::new(StatusCode::BAD_REQUEST, "wrong-idempotency-key", title)
}

/// How long a key is remembered.
pub const KEY_RETENTION: TimeDelta = TimeDelta::hours(24);

/// How long the same write is waited for before it counts as in flight. A write that was refused holds its key for a moment longer than its
/// caller waits for the answer, because a transaction that is dropped is rolled back behind it: whoever mends it and sends it again at once
/// must not be told that it is in flight.
const PATIENCE: Duration = Duration::from_millis(200);
const LOOK: Duration = Duration::from_millis(5);

/// What was created when this write was sent before; `None` when it is new, or has no key.
///
/// # Errors
/// 409 while the same key is in flight, 422 when it was used with another body.
pub async fn find(
    tx: &mut Tx,
    principal: Uuid,
    idempotency_key: Option<&IdempotencyKey>,
) -> Result<Option<(StatusCode, Uuid)>, Problem> {
    let Some(idempotency_key) = idempotency_key else {
        return Ok(None);
    };
    let asked = Instant::now();
    loop {
        let ours: bool = sqlx::query_scalar(
            "select pg_try_advisory_xact_lock(hashtextextended(current_schema() || '/' || $1::text || '/' || $2, 1))",
        )
        .bind(principal)
        .bind(&idempotency_key.key)
        .fetch_one(&mut **tx)
        .await?;
        if ours {
            break;
        }
        if asked.elapsed() > PATIENCE {
            return Err(in_flight());
        }
        tokio::time::sleep(LOOK).await;
    }
    let since = tx.now() - KEY_RETENTION;
    let found: Option<(Vec<u8>, i16, Uuid)> = sqlx::query_as(
        "select body_hash, status, resource from idempotency_key where principal = $1 and key = $2 and created_at > $3",
    )
    .bind(principal)
    .bind(&idempotency_key.key)
    .bind(since)
    .fetch_optional(&mut **tx)
    .await?;
    match found {
        Some((hash, _, _)) if hash != idempotency_key.body_hash => Err(reused()),
        Some((_, status, resource)) => {
            let status = u16::try_from(status)
                .ok()
                .and_then(|code| StatusCode::from_u16(code).ok());
            Ok(Some((status.unwrap_or(StatusCode::OK), resource)))
        }
        None => Ok(None),
    }
}

/// 409: the first of the two has not been answered yet.
pub(crate) fn in_flight() -> Problem {
    Problem::conflict(
        "write-in-flight",
        Text::new(
            "같은 요청을 처리하고 있습니다",
            "The same write is being carried out",
        ),
    )
}

/// 422: the key says that it is the same write, and the body that it is not.
pub(crate) fn reused() -> Problem {
    let title = Text::new(
        "같은 Idempotency-Key를 다른 내용에 사용했습니다",
        "The Idempotency-Key was used with another body",
    );
    Problem::new(
        StatusCode::UNPROCESSABLE_ENTITY,
        "idempotency-key-reused",
        title,
    )
}

/// Remembers what this write created.
///
/// # Errors
/// When the statement fails.
pub async fn store(
    tx: &mut Tx,
    principal: Uuid,
    idempotency_key: Option<&IdempotencyKey>,
    status: StatusCode,
    resource: Uuid,
) -> Result<(), sqlx::Error> {
    let Some(idempotency_key) = idempotency_key else {
        return Ok(());
    };
    let now = tx.now();
    sqlx::query(
        "insert into idempotency_key (principal, key, body_hash, status, resource, created_at)
         values ($1, $2, $3, $4, $5, $6)
         on conflict (principal, key) do update
             set body_hash = excluded.body_hash, status = excluded.status, resource = excluded.resource, created_at = excluded.created_at",
    )
    .bind(principal)
    .bind(&idempotency_key.key)
    .bind(&idempotency_key.body_hash)
    .bind(i16::try_from(status.as_u16()).unwrap_or(200))
    .bind(resource)
    .bind(now)
    .execute(&mut **tx)
    .await?;
    Ok(())
}
