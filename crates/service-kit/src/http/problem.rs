//! Problems: error answers as `application/problem+json` (RFC 9457), in Korean or English.

use std::borrow::Cow;
use std::convert::Infallible;
use std::fmt;

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::messaging::policy::PolicyError;
use crate::trace::{self, TraceContext};

/// A text in both languages of the pages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    /// Korean.
    pub ko: Cow<'static, str>,
    /// English.
    pub en: Cow<'static, str>,
}

impl Text {
    /// The text in both languages.
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

/// A language of the pages. Korean unless the caller prefers English.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// `ko`.
    Korean,
    /// `en`.
    English,
}

impl Language {
    /// The first of the two in `Accept-Language`. Weights are ignored: browsers send an ordered
    /// list.
    pub fn of(headers: &HeaderMap) -> Self {
        let accepted = headers
            .get(header::ACCEPT_LANGUAGE)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default();
        accepted
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

/// An invalid field of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldProblem {
    /// RFC 6901: `/desiredDate`.
    pub pointer: String,
    /// The broken rule, for programs: `required`, `wrong-type`, `too-long`, …
    pub code: &'static str,
    /// The broken rule, for people.
    pub message: Text,
}

/// An error answer. Boxed, because most results contain none.
#[derive(Debug, Clone)]
pub struct Problem(Box<Inner>);

/// The members of every problem, required or optional.
const STANDARD: [&str; 7] = [
    "type", "title", "status", "detail", "instance", "errors", "traceId",
];

#[derive(Debug, Clone)]
struct Inner {
    status: StatusCode,
    slug: &'static str,
    title: Text,
    detail: Option<Text>,
    errors: Vec<FieldProblem>,
    more: Map<String, Value>,
    retry_after: Option<u32>,
    reason: Option<&'static str>,
}

impl Problem {
    /// A problem with a stable slug: its `type` is `/problems/{slug}`.
    pub fn new(status: StatusCode, slug: &'static str, title: Text) -> Self {
        Self(Box::new(Inner {
            status,
            slug,
            title,
            detail: None,
            errors: Vec::new(),
            more: Map::new(),
            retry_after: None,
            reason: None,
        }))
    }

    /// 404: it does not exist, or the caller may not see it.
    pub fn not_found() -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "not-found",
            Text::new("찾을 수 없습니다", "Not found"),
        )
    }

    /// 409: the current state does not allow it.
    pub fn conflict(slug: &'static str, title: Text) -> Self {
        Self::new(StatusCode::CONFLICT, slug, title)
    }

    /// 422: all invalid fields.
    pub fn wrong_fields(errors: Vec<FieldProblem>) -> Self {
        let mut problem = Self::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "wrong-fields",
            Text::new("입력한 내용을 확인해 주세요", "Some fields are invalid"),
        );
        problem.0.errors = errors;
        problem
    }

    /// 412: the version has changed; `current` is the current one.
    pub fn stale(current: i64) -> Self {
        Self::new(
            StatusCode::PRECONDITION_FAILED,
            "stale-version",
            Text::new(
                "다른 변경이 먼저 저장되었습니다. 새로 고친 뒤 다시 시도해 주세요",
                "It has changed since you read it",
            ),
        )
        .with("current", current)
    }

    /// 401: the caller is anonymous.
    pub fn unauthorized() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "sign-in-required",
            Text::new("로그인해 주세요", "Sign in first"),
        )
    }

    /// 403: the caller's role is not allowed.
    pub fn forbidden() -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "not-allowed",
            Text::new("권한이 없습니다", "You are not allowed to do this"),
        )
    }

    /// 405: the path does not have this method. The caller adds `Allow`.
    pub fn method_not_allowed() -> Self {
        let title = Text::new(
            "지원하지 않는 요청 방식입니다",
            "This path does not support this method",
        );
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", title)
    }

    /// 503: a temporary condition. The cause is logged.
    pub fn unavailable(cause: impl fmt::Display) -> Self {
        tracing::warn!(error = %cause, "request refused for now");
        Self::temporarily_unavailable()
    }

    /// [`Problem::unavailable`] without a log line.
    pub(crate) fn temporarily_unavailable() -> Self {
        let title = Text::new("잠시 후 다시 시도해 주세요", "Try again in a moment");
        let status = StatusCode::SERVICE_UNAVAILABLE;
        Self::new(status, "temporarily-unavailable", title).retry_after(1)
    }

    /// 500: a fault of this service. The cause is logged, and not sent.
    pub fn internal(cause: impl fmt::Display) -> Self {
        tracing::error!(error = %cause, "request failed");
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            Text::new(
                "처리하지 못했습니다. 잠시 후 다시 시도해 주세요",
                "Something went wrong on our side",
            ),
        )
    }

    /// Adds a text about this occurrence.
    #[must_use]
    pub fn detail(mut self, detail: Text) -> Self {
        self.0.detail = Some(detail);
        self
    }

    /// Sets `Retry-After`.
    #[must_use]
    pub fn retry_after(mut self, seconds: u32) -> Self {
        self.0.retry_after = Some(seconds);
        self
    }

    /// Adds a member for programs, such as the current state.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        debug_assert!(
            !STANDARD.contains(&name),
            "{name} is a standard member of problems"
        );
        self.0.more.insert(name.to_owned(), value.into());
        self
    }

    /// Sets a word for the logs, which is not sent.
    #[must_use]
    pub fn because(mut self, reason: &'static str) -> Self {
        self.0.reason = Some(reason);
        self
    }

    /// The word for the logs.
    pub fn reason(&self) -> Option<&'static str> {
        self.0.reason
    }

    /// The status of the response.
    pub fn status(&self) -> StatusCode {
        self.0.status
    }

    /// The end of its `type`.
    pub fn slug(&self) -> &'static str {
        self.0.slug
    }

    /// The title in English, for the description.
    pub(crate) fn title(&self) -> &str {
        &self.0.title.en
    }

    /// The body. Also used where one answer contains problems of several rows.
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
            trace_id: trace::current().map(TraceContext::trace_id),
            more: self.0.more.clone(),
        }
    }

    /// The response.
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

/// The problem is an extension of the response until [`crate::http::layers()`] renders it in the
/// caller's language.
impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.0.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// 422 for an invalid query string.
pub fn invalid_query(detail: Text) -> Problem {
    Problem::new(
        StatusCode::UNPROCESSABLE_ENTITY,
        "wrong-query",
        Text::new("조회 조건을 확인해 주세요", "The query is invalid"),
    )
    .detail(detail)
}

/// The body of a problem (RFC 9457).
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Problem)]
pub struct ProblemDocument {
    /// A stable slug under `/problems/`.
    #[serde(rename = "type")]
    #[schema(example = "/problems/wrong-fields")]
    pub kind: String,
    /// The same for all problems of this type.
    pub title: String,
    /// The status of the response.
    pub status: u16,
    /// About this occurrence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// All invalid fields.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
    /// Identifies the request in the logs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<String>,
    /// Members of this type of problem: `current`, `step`, `candidates`, …
    #[serde(flatten)]
    #[schema(ignore)]
    pub more: Map<String, Value>,
}

/// An invalid field.
#[derive(Debug, Serialize, ToSchema)]
pub struct FieldError {
    /// RFC 6901.
    #[schema(example = "/desiredDate")]
    pub pointer: String,
    /// The broken rule, for programs.
    #[schema(example = "in-the-past")]
    pub code: String,
    /// The broken rule, for people.
    pub message: String,
}

/// Why an aggregate was not changed. `R` is the aggregate's own refusal.
#[derive(Debug)]
pub enum ChangeError<R> {
    /// The aggregate does not exist.
    NotFound,
    /// The caller's version is not the current one.
    Stale {
        /// The current version.
        current: i64,
    },
    /// The aggregate refused.
    Refused(R),
    /// The database failed.
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

/// For aggregates that refuse nothing.
impl From<Infallible> for Problem {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

impl<R: fmt::Display> From<ChangeError<R>> for PolicyError {
    fn from(error: ChangeError<R>) -> Self {
        match error {
            ChangeError::NotFound => Self::Park("the aggregate does not exist".to_owned()),
            ChangeError::Stale { .. } => Self::Park("the aggregate has another version".to_owned()),
            ChangeError::Refused(refusal) => Self::Park(refusal.to_string()),
            ChangeError::Store(error) => error.into(),
        }
    }
}
