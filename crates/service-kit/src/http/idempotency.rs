//! Idempotent writes: repeating a request with the same key has no further effect.
//!
//! The transaction of the write stores a row with the key and the id of the resource, for a day.
//! The answer is rendered again from the resource, and so shows its current state.

use std::time::Duration;

use axum::http::{HeaderMap, StatusCode};
use chrono::TimeDelta;
use tokio::time::Instant;
use utoipa::IntoParams;
use uuid::Uuid;

use crate::Tx;
use crate::http::problem::{Problem, Text};

/// `Idempotency-Key`, with a hash of the request. `params(IdempotencyKey)` describes the header.
#[derive(Debug, Clone, PartialEq, Eq, IntoParams)]
#[into_params(parameter_in = Header)]
pub struct IdempotencyKey {
    /// Repeating the request with the same key has no further effect.
    #[param(rename = "Idempotency-Key", value_type = Option<String>)]
    pub key: String,
    /// SHA-256 of the path and the body.
    #[param(ignore)]
    pub body_hash: Vec<u8>,
}

/// The value of `Idempotency-Key`. [`Json`](crate::http::Json) reads it by itself; this is for
/// other bodies.
///
/// # Errors
/// 400 for an invalid key.
pub fn key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let Some(value) = headers.get("idempotency-key") else {
        return Ok(None);
    };
    match value.to_str() {
        Ok(key) if (1..=255).contains(&key.len()) => Ok(Some(key.to_owned())),
        _ => Err(wrong_key()),
    }
}

/// 400.
pub(crate) fn wrong_key() -> Problem {
    let title = Text::new(
        "Idempotency-Key는 255자 이하의 ASCII로 보내 주세요",
        "Idempotency-Key must be 1 to 255 ASCII characters",
    );
    Problem::new(StatusCode::BAD_REQUEST, "wrong-idempotency-key", title)
}

/// How long a key is stored.
pub const KEY_RETENTION: TimeDelta = TimeDelta::hours(24);

/// How long the same write may take before this one is refused as in flight. A refused write holds
/// its key until its transaction is rolled back, which is shortly after its answer: a client that
/// sends a corrected request at once must not be refused.
const LOCK_TIMEOUT: Duration = Duration::from_millis(200);
const POLL_INTERVAL: Duration = Duration::from_millis(5);

/// Status and resource of an earlier request with this key; `None` when there is none, or no key.
///
/// # Errors
/// 409 while an earlier request is in flight, 422 when its body was another one.
pub async fn find(
    tx: &mut Tx,
    principal: Uuid,
    idempotency_key: Option<&IdempotencyKey>,
) -> Result<Option<(StatusCode, Uuid)>, Problem> {
    let Some(idempotency_key) = idempotency_key else {
        return Ok(None);
    };
    let started = Instant::now();
    loop {
        let is_locked: bool = sqlx::query_scalar(
            "select pg_try_advisory_xact_lock(
                 hashtextextended(current_schema() || '/' || $1::text || '/' || $2, 1))",
        )
        .bind(principal)
        .bind(&idempotency_key.key)
        .fetch_one(&mut **tx)
        .await?;
        if is_locked {
            break;
        }
        if started.elapsed() > LOCK_TIMEOUT {
            return Err(in_flight());
        }
        tokio::time::sleep(POLL_INTERVAL).await;
    }
    let since = tx.now() - KEY_RETENTION;
    let found: Option<(Vec<u8>, i16, Uuid)> = sqlx::query_as(
        "select body_hash, status, resource from idempotency_key
         where principal = $1 and key = $2 and created_at > $3",
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

/// 409: the first request is not answered yet.
pub(crate) fn in_flight() -> Problem {
    Problem::conflict(
        "write-in-flight",
        Text::new(
            "같은 요청을 처리하고 있습니다. 잠시 기다려 주세요",
            "The same request is in progress",
        ),
    )
}

/// 422: the same key with another body.
pub(crate) fn reused() -> Problem {
    let title = Text::new(
        "다른 내용에 사용한 Idempotency-Key입니다. 새 키로 보내 주세요",
        "This Idempotency-Key was used with another body",
    );
    Problem::new(
        StatusCode::UNPROCESSABLE_ENTITY,
        "idempotency-key-reused",
        title,
    )
}

/// Stores the result of a write; nothing without a key.
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
             set body_hash = excluded.body_hash, status = excluded.status,
                 resource = excluded.resource, created_at = excluded.created_at",
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
