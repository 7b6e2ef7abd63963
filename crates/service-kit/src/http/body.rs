//! Request bodies.

use std::time::Duration;

use axum::body::Body;
use axum::extract::{FromRequest, Request};
use axum::http::{StatusCode, header};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use serde::de::{DeserializeOwned, IgnoredAny};
use sha2::{Digest as _, Sha256};

use crate::http::idempotency::{self, IdempotencyKey};
use crate::http::problem::{FieldProblem, Problem, Text};

/// Large enough for the longest memo in the longest request, small enough to be read at once. Imports have a limit of their own.
pub const BODY_LIMIT: usize = 256 * 1024;

/// A JSON body, with what is needed to answer a retried write the same way again.
#[derive(Debug)]
pub struct Json<T> {
    /// The body.
    pub body: T,
    /// `Idempotency-Key` and the hash of path and body, where the caller sent a key.
    pub idempotency_key: Option<IdempotencyKey>,
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let is_json = request
            .headers()
            .get(header::CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.split(';').next())
            .is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"));
        if !is_json {
            return Err(wrong_content_type());
        }
        let key = idempotency::key(request.headers())?;
        let path = request.uri().path().to_owned();
        let bytes = read_body(request.into_body(), BODY_LIMIT).await?;
        // Fields report their own faults; what is left is a body of another shape altogether.
        let wrong_shape = || {
            Problem::wrong_fields(vec![FieldProblem {
                pointer: String::new(),
                code: "wrong-type",
                message: Text::new("JSON 객체여야 합니다", "The body must be a JSON object"),
            }])
        };
        let refused = |error: serde_json::Error| {
            if error.is_data() {
                repeated_key(&error).unwrap_or_else(wrong_shape)
            } else {
                not_json(error.line(), error.column())
            }
        };
        // Serde would read an array as a struct, field by field in the order of their declaration, which is nobody's business.
        if bytes.trim_ascii_start().first() != Some(&b'{') {
            return Err(serde_json::from_slice::<IgnoredAny>(&bytes)
                .map_or_else(refused, |_| wrong_shape()));
        }
        let body = serde_json::from_slice(&bytes).map_err(refused)?;
        // The path too: the same words to another thing are another write.
        let idempotency_key = key.map(|key| IdempotencyKey {
            key,
            body_hash: Sha256::new()
                .chain_update(path)
                .chain_update([0])
                .chain_update(&bytes)
                .finalize()
                .to_vec(),
        });
        Ok(Self {
            body,
            idempotency_key,
        })
    }
}

/// Of a body that is too large, this much is still read and thrown away, for as long as [`LINGER`]: whoever closes on a caller that is still
/// sending breaks the connection before the answer is read.
const READ_ON: usize = 16 * 1024 * 1024;

const LINGER: Duration = Duration::from_secs(5);

/// The whole body, if it is no larger than the limit.
///
/// # Errors
/// 413 for a larger one, 400 for one that did not arrive whole.
pub async fn read_body(mut body: Body, limit: usize) -> Result<Bytes, Problem> {
    let mut bytes = BytesMut::new();
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame.map_err(|_| incomplete_body())?.into_data() {
            bytes.extend_from_slice(&data);
        }
        if bytes.len() > limit {
            drain_body(body).await;
            return Err(too_large(limit));
        }
    }
    Ok(bytes.freeze())
}

/// Reads the rest of a body that is refused, within bounds, so that the caller reads why.
pub async fn drain_body(mut body: Body) {
    let rest = async {
        let mut read = 0;
        while let Some(Ok(frame)) = body.frame().await {
            read += frame.data_ref().map_or(0, Bytes::len);
            if read > READ_ON {
                return;
            }
        }
    };
    drop(tokio::time::timeout(LINGER, rest).await);
}

/// 413, with the limit told.
pub fn too_large(limit: usize) -> Problem {
    Problem::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        "too-large",
        Text::new("본문이 너무 큽니다", "The body is too large"),
    )
    .with("limitBytes", limit)
}

/// 422, if what is wrong is that a field stands there twice: which of the two was meant, nobody can tell.
fn repeated_key(error: &serde_json::Error) -> Option<Problem> {
    // Serde derives the text; there is no other sign.
    let text = error.to_string();
    let name = text.strip_prefix("duplicate field `")?.split('`').next()?;
    Some(Problem::wrong_fields(vec![FieldProblem {
        pointer: format!("/{name}"),
        code: "repeated",
        message: Text::new("같은 항목이 두 번 있습니다", "This field is there twice"),
    }]))
}

/// 415: the body is said to be something else.
pub(crate) fn wrong_content_type() -> Problem {
    let title = Text::new(
        "JSON으로 보내 주세요",
        "Send JSON (Content-Type: application/json)",
    );
    Problem::new(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "wrong-content-type",
        title,
    )
}

/// 400: the body ends to be JSON there.
pub(crate) fn not_json(line: usize, column: usize) -> Problem {
    let at = format!("{line}:{column}");
    Problem::new(
        StatusCode::BAD_REQUEST,
        "not-json",
        Text::new("JSON을 읽을 수 없습니다", "The body is not JSON"),
    )
    .detail(Text::new(format!("{at} 위치"), format!("at {at}")))
}

/// 400: the caller went away, or broke off.
pub fn incomplete_body() -> Problem {
    let title = Text::new(
        "본문을 끝까지 받지 못했습니다",
        "The body did not arrive whole",
    );
    Problem::new(StatusCode::BAD_REQUEST, "unreadable-body", title)
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;
    use crate::http::fields::Field;
    use crate::http::problem::Language;

    #[derive(Debug, Deserialize)]
    struct Person {
        #[serde(default)]
        #[expect(dead_code, reason = "only its reading is tested")]
        name: Field<String>,
    }

    /// The problem of a request with this body.
    async fn refused(body: &'static str) -> String {
        let request = Request::builder()
            .header(header::CONTENT_TYPE, "application/json")
            .body(Body::from(body))
            .unwrap();
        let refused = Json::<Person>::from_request(request, &())
            .await
            .unwrap_err();
        let bytes = refused
            .render(Language::English)
            .into_body()
            .collect()
            .await
            .unwrap()
            .to_bytes();
        String::from_utf8(bytes.to_vec()).unwrap()
    }

    #[tokio::test]
    async fn a_field_that_is_there_twice_is_named() {
        assert!(
            refused(r#"{"name": "a", "name": "b"}"#)
                .await
                .contains(r#""pointer":"/name","code":"repeated""#)
        );
        assert!(refused("[]").await.contains("must be a JSON object"));
        assert!(refused("{").await.contains("not-json"));
    }
}
