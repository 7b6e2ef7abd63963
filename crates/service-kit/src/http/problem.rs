//! What a caller is told when something is refused: RFC 9457, in Korean or English.

use std::borrow::Cow;
use std::convert::Infallible;
use std::fmt;

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::messaging::policy::PolicyError;
use crate::{db, trace};

/// One sentence in the languages the pages speak.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    /// Korean.
    pub ko: Cow<'static, str>,
    /// English.
    pub en: Cow<'static, str>,
}

impl Text {
    /// The sentence in both languages.
    pub fn new(ko: impl Into<Cow<'static, str>>, en: impl Into<Cow<'static, str>>) -> Self {
        Self {
            ko: ko.into(),
            en: en.into(),
        }
    }

    fn in_language(&self, language: Language) -> &str {
        match language {
            Language::Korean => &self.ko,
            Language::English => &self.en,
        }
    }
}

/// A language the pages speak. Korean unless the caller prefers English.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// `ko`.
    Korean,
    /// `en`.
    English,
}

impl Language {
    /// The first of the two that `Accept-Language` names. Weights are ignored: browsers send their list in order.
    pub fn of(headers: &HeaderMap) -> Self {
        let wanted = headers
            .get(header::ACCEPT_LANGUAGE)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default();
        wanted
            .split(',')
            .find_map(
                |tag| match tag.trim().get(..2)?.to_ascii_lowercase().as_str() {
                    "ko" => Some(Self::Korean),
                    "en" => Some(Self::English),
                    _ => None,
                },
            )
            .unwrap_or(Self::Korean)
    }

    const fn tag(self) -> &'static str {
        match self {
            Self::Korean => "ko",
            Self::English => "en",
        }
    }
}

/// One wrong field of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldProblem {
    /// Where it is (RFC 6901), as in `/desiredDate`.
    pub pointer: String,
    /// Which rule it breaks, for a program: `required`, `wrong-type`, `too-long`, …
    pub code: &'static str,
    /// The same for a person.
    pub message: Text,
}

/// A refusal on its way to the caller. Small, because most results carry none.
#[derive(Debug, Clone)]
pub struct Problem(Box<Said>);

/// Members that every problem has (RFC 9457), or may have.
const STANDARD: [&str; 7] = [
    "type", "title", "status", "detail", "instance", "errors", "traceId",
];

#[derive(Debug, Clone)]
struct Said {
    status: StatusCode,
    slug: &'static str,
    title: Text,
    detail: Option<Text>,
    errors: Vec<FieldProblem>,
    more: Map<String, Value>,
    retry_after: Option<u32>,
}

impl Problem {
    /// A problem with a stable slug, which becomes its `type`.
    pub fn new(status: StatusCode, slug: &'static str, title: Text) -> Self {
        Self(Box::new(Said {
            status,
            slug,
            title,
            detail: None,
            errors: Vec::new(),
            more: Map::new(),
            retry_after: None,
        }))
    }

    /// 404: there is no such thing, or none that the caller may see.
    pub fn not_found() -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "not-found",
            Text::new("찾을 수 없습니다", "There is no such thing"),
        )
    }

    /// 409: the present state forbids it.
    pub fn conflict(slug: &'static str, title: Text) -> Self {
        Self::new(StatusCode::CONFLICT, slug, title)
    }

    /// 422: these fields are wrong, all of them.
    pub fn wrong_fields(errors: Vec<FieldProblem>) -> Self {
        let mut problem = Self::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "wrong-fields",
            Text::new("입력한 내용을 확인해 주세요", "Some fields are wrong"),
        );
        problem.0.errors = errors;
        problem
    }

    /// 412: somebody else was faster; `current` is the version that is there now.
    pub fn stale(current: i64) -> Self {
        Self::new(
            StatusCode::PRECONDITION_FAILED,
            "stale-version",
            Text::new(
                "그 사이에 다른 변경이 있었습니다",
                "It was changed in the meantime",
            ),
        )
        .with("current", current)
    }

    /// 401: nobody is signed in.
    pub fn unauthorized() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "sign-in-required",
            Text::new("로그인이 필요합니다", "Sign in first"),
        )
    }

    /// 403: signed in, and not allowed.
    pub fn forbidden() -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "not-allowed",
            Text::new("권한이 없습니다", "You are not allowed to do this"),
        )
    }

    /// 405: there is such a path, and it has no such method. Whoever says so tells in `Allow` which it has.
    pub fn method_not_allowed() -> Self {
        let title = Text::new(
            "지원하지 않는 요청 방식입니다",
            "This path has no such method",
        );
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", title)
    }

    /// 503: a condition that passes; the cause goes to the log.
    pub fn unavailable(cause: impl fmt::Display) -> Self {
        tracing::warn!(error = %cause, "a request was turned away for now");
        let mut problem = Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "temporarily-unavailable",
            Text::new("잠시 후 다시 시도해 주세요", "Try again in a moment"),
        );
        problem.0.retry_after = Some(1);
        problem
    }

    /// 500: our fault. The cause is logged here, once, and never shown.
    pub fn internal(cause: impl fmt::Display) -> Self {
        tracing::error!(error = %cause, "a request failed");
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            Text::new("처리하지 못했습니다", "Something went wrong on our side"),
        )
    }

    /// Adds a sentence about this very occurrence.
    #[must_use]
    pub fn detail(mut self, detail: Text) -> Self {
        self.0.detail = Some(detail);
        self
    }

    /// Says in how many seconds it is worth trying again.
    #[must_use]
    pub fn retry_after(mut self, seconds: u32) -> Self {
        self.0.retry_after = Some(seconds);
        self
    }

    /// Adds a member that a program can read, such as the present state.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        // A second member of such a name would be what most readers take for the first.
        debug_assert!(
            !STANDARD.contains(&name),
            "every problem has a member {name} already"
        );
        self.0.more.insert(name.to_owned(), value.into());
        self
    }

    /// The response's status.
    pub fn status(&self) -> StatusCode {
        self.0.status
    }

    /// The stable slug that its `type` ends in.
    pub fn slug(&self) -> &'static str {
        self.0.slug
    }

    /// Its title in English, for the description.
    pub(crate) fn title(&self) -> &str {
        &self.0.title.en
    }

    /// The body as it is sent: also what the answer about one row of many says of that row.
    pub fn document(&self, language: Language) -> ProblemDocument {
        ProblemDocument {
            kind: format!("/problems/{}", self.0.slug),
            title: self.0.title.in_language(language).to_owned(),
            status: self.0.status.as_u16(),
            detail: self
                .0
                .detail
                .as_ref()
                .map(|detail| detail.in_language(language).to_owned()),
            errors: self
                .0
                .errors
                .iter()
                .map(|error| FieldError {
                    pointer: error.pointer.clone(),
                    code: error.code.to_owned(),
                    message: error.message.in_language(language).to_owned(),
                })
                .collect(),
            trace_id: trace::id(),
            more: self.0.more.clone(),
        }
    }

    /// The problem as it is sent.
    pub fn render(&self, language: Language) -> Response {
        let body = self.document(language);
        let mut response = (
            self.0.status,
            serde_json::to_string(&body).unwrap_or_default(),
        )
            .into_response();
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        headers.insert(
            header::CONTENT_LANGUAGE,
            HeaderValue::from_static(language.tag()),
        );
        headers.insert(header::VARY, HeaderValue::from_static("accept-language"));
        if let Some(seconds) = self.0.retry_after {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        if self.0.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

/// Kept as an extension until [`crate::http::layers`] renders it in the caller's language.
impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.0.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// 422 for a query string that cannot be meant.
pub fn invalid_query(detail: Text) -> Problem {
    Problem::new(
        StatusCode::UNPROCESSABLE_ENTITY,
        "wrong-query",
        Text::new("조회 조건을 확인해 주세요", "The query is wrong"),
    )
    .detail(detail)
}

/// `datetime_field_overflow`: the store has no number for a date.
const OVERFLOW: &str = "22008";

impl From<sqlx::Error> for Problem {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            // No date of ours is ever out of its range: it was asked for, in a query or in a cursor that somebody made up.
            sqlx::Error::Database(database) if database.code().as_deref() == Some(OVERFLOW) => {
                invalid_query(Text::new(
                    "날짜가 너무 이르거나 너무 늦습니다",
                    "A date is too early or too late to be looked for",
                ))
            }
            _ if db::is_transient(&error) => Self::unavailable(error),
            _ => Self::internal(error),
        }
    }
}

/// The body of a problem (RFC 9457), for the description.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Problem)]
pub struct ProblemDocument {
    /// A stable slug under `/problems/`.
    #[serde(rename = "type")]
    #[schema(example = "/problems/wrong-fields")]
    pub kind: String,
    /// What kind of problem it is.
    pub title: String,
    /// The response's status.
    pub status: u16,
    /// What happened this time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// Every wrong field.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
    /// By which the request can be found in the logs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<String>,
    /// Members of this kind of problem: `current`, `step`, `candidates`, …
    #[serde(flatten)]
    #[schema(ignore)]
    pub more: Map<String, Value>,
}

/// One wrong field.
#[derive(Debug, Serialize, ToSchema)]
pub struct FieldError {
    /// Where it is (RFC 6901).
    #[schema(example = "/desiredDate")]
    pub pointer: String,
    /// Which rule it breaks.
    #[schema(example = "in-the-past")]
    pub code: String,
    /// The same for a person.
    pub message: String,
}

/// Why a change did not happen. `R` is the aggregate's own refusal.
#[derive(Debug)]
pub enum ChangeError<R> {
    /// There is no such aggregate.
    NotFound,
    /// The caller changed another version than the one that is there.
    Stale {
        /// The version that is there.
        current: i64,
    },
    /// The aggregate said no.
    Refused(R),
    /// The store failed.
    Store(sqlx::Error),
}

impl<R> From<sqlx::Error> for ChangeError<R> {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error)
    }
}

impl<R: Into<Problem>> From<ChangeError<R>> for Problem {
    fn from(error: ChangeError<R>) -> Self {
        match error {
            ChangeError::NotFound => Self::not_found(),
            ChangeError::Stale { current } => Self::stale(current),
            ChangeError::Refused(refusal) => refusal.into(),
            ChangeError::Store(error) => error.into(),
        }
    }
}

/// An aggregate that refuses nothing.
impl From<Infallible> for Problem {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

impl<R: fmt::Display> From<ChangeError<R>> for PolicyError {
    fn from(error: ChangeError<R>) -> Self {
        match error {
            ChangeError::NotFound => Self::Park("there is no such aggregate".to_owned()),
            ChangeError::Stale { .. } => Self::Park("the aggregate has another version".to_owned()),
            ChangeError::Refused(refusal) => Self::Park(refusal.to_string()),
            ChangeError::Store(error) => error.into(),
        }
    }
}
