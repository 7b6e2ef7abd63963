//! Extractors whose rejections are problems.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use serde::de::DeserializeOwned;
use utoipa::IntoParams;
use utoipa::openapi::path::{Parameter, ParameterIn};
use utoipa::openapi::{Object, Required, Type};

use crate::http::fields::MAX_EXPLANATION_LENGTH;
use crate::http::problem::{Problem, Text, invalid_query};

/// An id in the path. One that is no id names nothing: 404.
#[derive(Debug, Clone, Copy)]
pub struct Path<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        axum::extract::Path::from_request_parts(parts, state)
            .await
            .map(|path| Self(path.0))
            .map_err(|_| Problem::not_found())
    }
}

/// The query string.
#[derive(Debug, Clone)]
pub struct Query<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let query = axum::extract::Query::from_request_parts(parts, state).await;
        query
            .map(|query| Self(query.0))
            .map_err(|rejection| unreadable_query(&rejection.body_text()))
    }
}

/// 422 for a query string that cannot be read, with the reader's own words in English.
fn unreadable_query(told: &str) -> Problem {
    let why = told
        .strip_prefix("Failed to deserialize query string: ")
        .unwrap_or(told);
    // Serde begins with the parameter, or quotes it; there is no other sign.
    let is_name = |name: &&str| {
        !name.is_empty()
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    let quoted = |start: &str| why.split_once(start)?.1.split('`').next();
    let ko = if let Some(name) = quoted("missing field `") {
        format!("조회 조건 {name} 값이 필요합니다")
    } else if let Some(name) = quoted("duplicate field `") {
        format!("조회 조건 {name} 값은 하나만 보내 주세요")
    } else if let Some(name) = why.split_once(": ").map(|(name, _)| name).filter(is_name) {
        format!("조회 조건 {name} 값을 읽을 수 없습니다")
    } else {
        "조회 조건을 읽을 수 없습니다".to_owned()
    };
    // It may quote what was sent.
    let why: String = why.chars().take(MAX_EXPLANATION_LENGTH).collect();
    invalid_query(Text::new(ko, why))
}

/// The version a caller means to change. Absent: 428.
#[derive(Debug, Clone, Copy)]
pub struct IfMatch(pub Option<i64>);

impl<S: Send + Sync> FromRequestParts<S> for IfMatch {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let Some(value) = parts.headers.get(header::IF_MATCH) else {
            return Err(if_match_required());
        };
        let text = value.to_str().unwrap_or_default().trim();
        if text == "*" {
            return Ok(Self(None));
        }
        // A tag that no version of ours can have matches nothing: 0 is the version of what has no event yet.
        let version = text
            .strip_prefix('"')
            .and_then(|text| text.strip_suffix('"'))
            .and_then(|text| text.parse().ok());
        Ok(Self(Some(version.unwrap_or(-1))))
    }
}

impl IfMatch {
    /// Whether the version that is there is the one the caller means.
    pub fn allows(self, current: i64) -> bool {
        self.0.is_none_or(|wanted| wanted == current)
    }
}

/// `params(IfMatch)` describes the header.
impl IntoParams for IfMatch {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let description = "The `ETag` of the version that the change is based on, or `*`";
        let schema = Object::with_type(Type::String);
        vec![header_parameter(
            "If-Match",
            Required::True,
            schema,
            description,
        )]
    }
}

/// The description of a request header.
pub(crate) fn header_parameter(
    name: &str,
    required: Required,
    schema: Object,
    description: &str,
) -> Parameter {
    Parameter::builder()
        .name(name)
        .parameter_in(ParameterIn::Header)
        .required(required)
        .description(Some(description))
        .schema(Some(schema))
        .build()
}

/// 428: which version is meant was not said.
pub(crate) fn if_match_required() -> Problem {
    let title = Text::new(
        "If-Match 헤더로 고치려는 버전을 알려 주세요",
        "Say with If-Match which version you change",
    );
    Problem::new(
        StatusCode::PRECONDITION_REQUIRED,
        "if-match-required",
        title,
    )
}

#[cfg(test)]
mod tests {
    use axum::extract::Request;
    use serde::Deserialize;

    use super::*;
    use crate::http::problem::Language;

    #[tokio::test]
    async fn a_query_that_cannot_be_read_is_told_by_its_parameter() {
        #[derive(Debug, Deserialize)]
        struct Asked {
            #[expect(dead_code, reason = "it is only read")]
            from: chrono::NaiveDate,
            #[expect(dead_code, reason = "it is only read")]
            limit: Option<u32>,
        }
        for (query, ko, en) in [
            (
                "from=soon",
                "조회 조건 from 값을 읽을 수 없습니다",
                "from: ",
            ),
            (
                "from=2026-12-01&limit=many",
                "조회 조건 limit 값을 읽을 수 없습니다",
                "limit: ",
            ),
            (
                "from=2026-12-01&from=2026-12-01",
                "조회 조건 from 값은 하나만 보내 주세요",
                "duplicate field",
            ),
            ("limit=1", "조회 조건 from 값이 필요합니다", "missing field"),
        ] {
            let mut parts = Request::get(format!("/?{query}"))
                .body(())
                .unwrap()
                .into_parts()
                .0;
            let refused = Query::<Asked>::from_request_parts(&mut parts, &())
                .await
                .unwrap_err();
            assert_eq!(
                (
                    refused.slug(),
                    refused.document(Language::Korean).detail.as_deref()
                ),
                ("wrong-query", Some(ko))
            );
            let told = refused.document(Language::English).detail.unwrap();
            assert!(told.contains(en) && !told.contains("deserialize"), "{told}");
        }
    }
}
