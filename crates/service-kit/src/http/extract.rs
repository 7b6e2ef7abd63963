//! Extractors whose rejections are problems.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use serde::de::DeserializeOwned;
use utoipa::IntoParams;

use crate::http::fields::MAX_EXPLANATION_LENGTH;
use crate::http::problem::{Problem, Text, invalid_query};

/// An id in the path; 404 if it is not an id.
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

/// 422 for a query string that cannot be read. The English detail is serde's text.
fn unreadable_query(error: &str) -> Problem {
    let reason = error
        .strip_prefix("Failed to deserialize query string: ")
        .unwrap_or(error);
    // Only serde's text names the parameter: at the beginning, or quoted.
    let is_name = |name: &&str| {
        !name.is_empty()
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    let quoted = |start: &str| reason.split_once(start)?.1.split('`').next();
    let ko = if let Some(name) = quoted("missing field `") {
        format!("조회 조건 {name} 값을 보내 주세요")
    } else if let Some(name) = quoted("duplicate field `") {
        format!("조회 조건 {name} 값은 하나만 보내 주세요")
    } else if let Some(name) = reason
        .split_once(": ")
        .map(|(name, _)| name)
        .filter(is_name)
    {
        format!("조회 조건 {name} 값을 읽을 수 없습니다")
    } else {
        "조회 조건을 읽을 수 없습니다".to_owned()
    };
    // It may quote the value.
    let reason: String = reason.chars().take(MAX_EXPLANATION_LENGTH).collect();
    invalid_query(Text::new(ko, reason))
}

/// The version that a change is based on; `None` for `*`. 428 without the header, which
/// `params(IfMatch)` describes.
#[derive(Debug, Clone, Copy, IntoParams)]
#[into_params(names("If-Match"), parameter_in = Header)]
pub struct IfMatch(
    /// The `ETag` of the version that the change is based on, or `*`.
    #[param(value_type = String)]
    pub Option<i64>,
);

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
        // An invalid tag matches no version: versions start with 0, before the first event.
        let version = text
            .strip_prefix('"')
            .and_then(|text| text.strip_suffix('"'))
            .and_then(|text| text.parse().ok());
        Ok(Self(Some(version.unwrap_or(-1))))
    }
}

impl IfMatch {
    /// Whether the change is based on the current version.
    pub fn allows(self, current: i64) -> bool {
        self.0.is_none_or(|version| version == current)
    }
}

/// 428.
pub(crate) fn if_match_required() -> Problem {
    let title = Text::new(
        "If-Match 헤더로 고칠 버전을 보내 주세요",
        "Send If-Match with the version that you change",
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
    async fn unreadable_query_names_its_parameter() {
        #[derive(Debug, Deserialize)]
        struct DateQuery {
            #[expect(dead_code, reason = "only its parsing is tested")]
            from: chrono::NaiveDate,
            #[expect(dead_code, reason = "only its parsing is tested")]
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
            (
                "limit=1",
                "조회 조건 from 값을 보내 주세요",
                "missing field",
            ),
        ] {
            let mut parts = Request::get(format!("/?{query}"))
                .body(())
                .unwrap()
                .into_parts()
                .0;
            let problem = Query::<DateQuery>::from_request_parts(&mut parts, &())
                .await
                .unwrap_err();
            assert_eq!(
                (
                    problem.slug(),
                    problem.document(Language::Korean).detail.as_deref()
                ),
                ("wrong-query", Some(ko))
            );
            let detail = problem.document(Language::English).detail.unwrap();
            assert!(
                detail.contains(en) && !detail.contains("deserialize"),
                "{detail}"
            );
        }
    }
}
