//! Request bodies.

use axum::body::Body;
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, StatusCode, header};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use serde::de::DeserializeOwned;
use sha2::{Digest as _, Sha256};

use crate::http::idempotency::{self, IdempotencyKey};
use crate::http::problem::{FieldProblem, Problem, Text};
use crate::http::repeated_keys::repeated_key;

/// More than the largest JSON request. Imports have their own limit.
pub const BODY_LIMIT: usize = 256 * 1024;

/// A JSON body, with its idempotency key.
#[derive(Debug)]
pub struct Json<T> {
    /// The body.
    pub body: T,
    /// When the request has the header `Idempotency-Key`.
    pub idempotency_key: Option<IdempotencyKey>,
}

/// Whether the body's `Content-Type` is JSON, with or without parameters.
pub fn is_json(headers: &HeaderMap) -> bool {
    let content_type = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok()?.split(';').next());
    content_type.is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"))
}

/// Refuses a compressed body: it is not decoded, and would not be read as JSON.
///
/// # Errors
/// 415, naming the first encoding other than `identity`.
pub fn refuse_encoded(headers: &HeaderMap) -> Result<(), Problem> {
    let encodings = headers.get_all(header::CONTENT_ENCODING);
    let is_encoded = |name: &&str| !name.is_empty() && !name.eq_ignore_ascii_case("identity");
    for value in encodings {
        let names = value.to_str().unwrap_or("?").split(',').map(str::trim);
        if let Some(name) = names.into_iter().find(is_encoded) {
            return Err(wrong_content_encoding(name));
        }
    }
    Ok(())
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        if !is_json(request.headers()) {
            return Err(wrong_content_type());
        }
        let key = idempotency::key(request.headers())?;
        let path = request.uri().path().to_owned();
        refuse_encoded(request.headers())?;
        let bytes = read_body(request.into_body(), BODY_LIMIT).await?;
        let body = parse(&bytes)?;
        // The path is part of the hash: the same body for another resource is another write.
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

/// Reads the body up to the limit.
///
/// # Errors
/// 413 for a larger body, 400 for an incomplete one.
pub async fn read_body(mut body: Body, limit: usize) -> Result<Bytes, Problem> {
    let mut bytes = BytesMut::new();
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame.map_err(|_| incomplete_body())?.into_data() {
            bytes.extend_from_slice(&data);
        }
        if bytes.len() > limit {
            return Err(too_large(limit));
        }
    }
    Ok(bytes.freeze())
}

/// 413, with the limit.
pub fn too_large(limit: usize) -> Problem {
    Problem::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        "too-large",
        Text::new(
            "본문이 너무 큽니다. 줄여서 보내 주세요",
            "The body is too large",
        ),
    )
    .with("limitBytes", limit)
}

/// The body as an object. Invalid fields are reported later; here, the whole body has the wrong
/// shape.
fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let repeated = repeated_key(bytes).map_err(|error| not_json(error.line(), error.column()))?;
    if let Some(pointer) = repeated {
        let message = Text::new("같은 항목은 한 번만 보내 주세요", "Duplicate key");
        return Err(wrong_field(pointer, "repeated", message));
    }
    let wrong_shape = || {
        let message = Text::new("JSON 객체여야 합니다", "The body must be a JSON object");
        wrong_field(String::new(), "wrong-type", message)
    };
    // Serde would also read an array as a struct, by the order of the fields.
    if bytes.trim_ascii_start().first() != Some(&b'{') {
        return Err(wrong_shape());
    }
    serde_json::from_slice(bytes).map_err(|_| wrong_shape())
}

fn wrong_field(pointer: String, code: &'static str, message: Text) -> Problem {
    Problem::wrong_fields(vec![FieldProblem {
        pointer,
        code,
        message,
    }])
}

/// 415.
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

/// 415, with the encoding.
pub(crate) fn wrong_content_encoding(encoding: &str) -> Problem {
    let title = Text::new(
        "압축하지 않은 JSON으로 보내 주세요",
        "Send JSON without Content-Encoding",
    );
    Problem::new(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "wrong-content-encoding",
        title,
    )
    .with("contentEncoding", encoding)
}

/// 400, with the position of the first invalid character.
pub(crate) fn not_json(line: usize, column: usize) -> Problem {
    let title = Text::new(
        "올바른 JSON으로 보내 주세요",
        "Not valid JSON from this position on",
    );
    let position = format!("{line}:{column}");
    Problem::new(StatusCode::BAD_REQUEST, "not-json", title)
        .detail(Text::new(format!("{position} 위치"), position))
}

/// 400: the connection ended before the body.
pub fn incomplete_body() -> Problem {
    let title = Text::new(
        "본문을 끝까지 받지 못했습니다. 다시 보내 주세요",
        "The body is incomplete",
    );
    Problem::new(StatusCode::BAD_REQUEST, "unreadable-body", title)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
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

    /// The problem for a request with this body.
    async fn problem(body: &'static str) -> String {
        let request = Request::builder()
            .header(header::CONTENT_TYPE, "application/json")
            .body(Body::from(body))
            .unwrap();
        let problem = Json::<Person>::from_request(request, &())
            .await
            .unwrap_err();
        let bytes = problem
            .render(Language::English)
            .into_body()
            .collect()
            .await
            .unwrap()
            .to_bytes();
        String::from_utf8(bytes.to_vec()).unwrap()
    }

    #[test]
    fn content_encoding_is_named_unless_it_is_identity() {
        for (values, named) in [
            (&[][..], None),
            (&["identity"][..], None),
            (&["Identity, ", ""][..], None),
            (&["gzip"][..], Some("gzip")),
            (&["identity, br"][..], Some("br")),
            (&["identity", "zstd"][..], Some("zstd")),
            (&["\u{E9}"][..], Some("?")),
        ] {
            let mut headers = HeaderMap::new();
            for value in values {
                let value = HeaderValue::from_bytes(value.as_bytes()).unwrap();
                headers.append(header::CONTENT_ENCODING, value);
            }
            let refused = refuse_encoded(&headers).err();
            let document = refused.map(|problem| problem.document(Language::English));
            assert_eq!(
                document
                    .map(|document| (document.status, document.more["contentEncoding"].clone())),
                named.map(|name| (415, name.into())),
                "{values:?}"
            );
        }
    }

    #[tokio::test]
    async fn duplicate_key_is_named_at_every_depth() {
        for (body, pointer) in [
            (r#"{"name": "a", "name": "b"}"#, "/name"),
            (r#"{"name": {"first": "a", "first": "b"}}"#, "/name/first"),
            (r#"{"unknown": [{"a": 1, "a": 1}]}"#, "/unknown/0/a"),
        ] {
            let expected = format!(r#""pointer":"{pointer}","code":"repeated""#);
            assert!(problem(body).await.contains(&expected), "{body}");
        }
        assert!(problem("[]").await.contains("must be a JSON object"));
        assert!(problem("{").await.contains("not-json"));
    }
}
