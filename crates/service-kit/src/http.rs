//! How a request is read: extractors whose rejections are problems, fields that are all checked before any is refused, and the layers
//! around every router.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{FromRequest, FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, IntoResponseParts, Response, ResponseParts};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use tower_http::catch_panic::CatchPanicLayer;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::idempotency::Retry;
use crate::problem::{FieldProblem, Language, Problem, Text};

/// Large enough for the longest memo in the longest request, small enough to be read at once. Imports have a limit of their own.
pub const BODY_LIMIT: usize = 256 * 1024;

/// How long one request may take: longer than a statement's time-out, shorter than the gateway's patience.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(15);

/// The trace a request or a record belongs to (W3C trace context).
pub mod trace {
    use std::future::Future;

    use uuid::Uuid;

    tokio::task_local! {
        static TRACEPARENT: Option<String>;
    }

    /// Runs the future within the trace.
    pub async fn within<F: Future>(traceparent: Option<String>, future: F) -> F::Output {
        TRACEPARENT.scope(traceparent, future).await
    }

    /// The trace context this task runs in.
    pub fn current() -> Option<String> {
        TRACEPARENT.try_with(Clone::clone).ok().flatten()
    }

    /// The trace's id alone.
    pub fn id() -> Option<String> {
        current().and_then(|text| text.split('-').nth(1).map(str::to_owned))
    }

    /// The text, if it is a well-formed `traceparent` of version 00.
    pub fn valid(text: &str) -> Option<String> {
        let parts: Vec<&str> = text.split('-').collect();
        let hex = |part: &str, length: usize| {
            part.len() == length
                && part
                    .bytes()
                    .all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
        };
        let [version, trace, span, flags] = parts.as_slice() else {
            return None;
        };
        let well_formed = *version == "00" && hex(trace, 32) && hex(span, 16) && hex(flags, 2);
        let set = |part: &str| part.bytes().any(|byte| byte != b'0');
        (well_formed && set(trace) && set(span)).then(|| text.to_owned())
    }

    /// A new trace, sampled.
    pub fn start() -> String {
        let span = Uuid::new_v4().simple().to_string();
        format!("00-{}-{}-01", Uuid::new_v4().simple(), &span[..16])
    }
}

/// The layers around every router of ours, the gateway's too: trace, time-out, panics, and problems in the caller's language.
pub fn layers(router: Router) -> Router {
    router
        .layer(CatchPanicLayer::custom(
            |_: Box<dyn std::any::Any + Send>| {
                Problem::internal("a handler panicked").into_response()
            },
        ))
        .layer(middleware::from_fn(traced))
}

async fn traced(request: Request, next: Next) -> Response {
    let language = Language::of(request.headers());
    let is_head = request.method() == Method::HEAD;
    let query = request.uri().query().unwrap_or_default().to_owned();
    let given = request
        .headers()
        .get("traceparent")
        .and_then(|value| value.to_str().ok())
        .and_then(trace::valid);
    let traceparent = given.unwrap_or_else(trace::start);
    trace::within(Some(traceparent), async {
        let response = next.run(request).await;
        let status = response.status();
        let mut rendered = match response.extensions().get::<Problem>() {
            Some(problem) => carry(&response, problem.render(language)),
            // What the router itself refuses: no such path, no such method.
            None if status == StatusCode::NOT_FOUND && is_bare(&response) => {
                carry(&response, Problem::not_found().render(language))
            }
            None if status == StatusCode::METHOD_NOT_ALLOWED && is_bare(&response) => {
                carry(&response, Problem::method_not_allowed().render(language))
            }
            None => response,
        };
        if let Some(link) = rendered
            .extensions()
            .get::<NextPage>()
            .and_then(|next| next.link(&query))
        {
            rendered.headers_mut().insert(header::LINK, link);
        }
        if is_head {
            *rendered.body_mut() = Body::empty();
        }
        rendered
    })
    .await
}

/// A response the router made without a body of anybody's.
fn is_bare(response: &Response) -> bool {
    !response.headers().contains_key(header::CONTENT_TYPE)
}

/// Headers that a layer put on the refusal stay on it.
fn carry(from: &Response, mut to: Response) -> Response {
    for name in [header::ALLOW, header::CACHE_CONTROL, header::CONNECTION] {
        if let Some(value) = from.headers().get(&name) {
            to.headers_mut().insert(name, value.clone());
        }
    }
    // The language is not all that it depends on.
    for value in from.headers().get_all(header::VARY) {
        to.headers_mut().append(header::VARY, value.clone());
    }
    to
}

/// Paths whose requests may take longer than [`REQUEST_TIMEOUT`].
#[derive(Debug, Clone)]
pub(crate) struct Bounds(pub(crate) Arc<[(&'static str, Duration)]>);

/// Ends a request that takes too long, with a problem.
pub(crate) async fn bounded(
    State(Bounds(slow)): State<Bounds>,
    request: Request,
    next: Next,
) -> Response {
    let own = slow
        .iter()
        .find(|(path, _)| *path == request.uri().path())
        .map(|(_, bound)| *bound);
    match tokio::time::timeout(own.unwrap_or(REQUEST_TIMEOUT), next.run(request)).await {
        Ok(response) => response,
        Err(_) => Problem::unavailable("a request took too long").into_response(),
    }
}

/// A JSON body, with what is needed to answer a retried write the same way again.
#[derive(Debug)]
pub struct Json<T> {
    /// The body.
    pub body: T,
    /// `Idempotency-Key` and the hash of path and body, where the caller sent a key.
    pub retry: Option<Retry>,
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
        let key = idempotency_key(request.headers())?;
        let path = request.uri().path().to_owned();
        let bytes = whole_body(request.into_body(), BODY_LIMIT).await?;
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
        let retry = key.map(|key| Retry {
            key,
            body_hash: Sha256::new()
                .chain_update(path)
                .chain_update([0])
                .chain_update(&bytes)
                .finalize()
                .to_vec(),
        });
        Ok(Self { body, retry })
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
pub async fn whole_body(mut body: Body, limit: usize) -> Result<Bytes, Problem> {
    let mut bytes = BytesMut::new();
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame.map_err(|_| unreadable_body())?.into_data() {
            bytes.extend_from_slice(&data);
        }
        if bytes.len() > limit {
            read_on(body).await;
            return Err(too_large(limit));
        }
    }
    Ok(bytes.freeze())
}

/// Reads the rest of a body that is refused, within bounds, so that the caller reads why.
pub async fn read_on(mut body: Body) {
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

/// `Idempotency-Key`, where the caller sent one: for bodies that are no JSON, of which [`Json`] takes it by itself.
///
/// # Errors
/// 400 for one that cannot be kept.
pub fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let Some(value) = headers.get("idempotency-key") else {
        return Ok(None);
    };
    match value.to_str() {
        Ok(key) if (1..=255).contains(&key.len()) => Ok(Some(key.to_owned())),
        _ => Err(wrong_idempotency_key()),
    }
}

/// 400: a key that is none.
pub(crate) fn wrong_idempotency_key() -> Problem {
    let title = Text::new(
        "Idempotency-Key는 255자 이하의 ASCII여야 합니다",
        "Idempotency-Key is 1 to 255 ASCII characters",
    );
    Problem::new(StatusCode::BAD_REQUEST, "wrong-idempotency-key", title)
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
pub fn unreadable_body() -> Problem {
    let title = Text::new(
        "본문을 끝까지 받지 못했습니다",
        "The body did not arrive whole",
    );
    Problem::new(StatusCode::BAD_REQUEST, "unreadable-body", title)
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
    let why: String = why.chars().take(LONGEST_WHY).collect();
    wrong_query(Text::new(ko, why))
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

/// A thing with its version as a strong `ETag`.
#[derive(Debug)]
pub struct Versioned<T> {
    /// 200, or 201 with where it is.
    pub status: StatusCode,
    /// Where the thing is, when it was just created.
    pub location: Option<String>,
    /// The version.
    pub version: i64,
    /// The thing.
    pub view: T,
}

impl<T: Serialize> IntoResponse for Versioned<T> {
    fn into_response(self) -> Response {
        let mut response = (self.status, json_body(&self.view)).into_response();
        if let Ok(tag) = HeaderValue::from_str(&format!("\"{}\"", self.version)) {
            response.headers_mut().insert(header::ETAG, tag);
        }
        if let Some(location) = self
            .location
            .and_then(|location| HeaderValue::from_str(&location).ok())
        {
            response.headers_mut().insert(header::LOCATION, location);
        }
        response
    }
}

/// A view as JSON.
#[derive(Debug)]
pub struct View<T>(pub T);

impl<T: Serialize> IntoResponse for View<T> {
    fn into_response(self) -> Response {
        json_body(&self.0)
    }
}

fn json_body<T: Serialize>(view: &T) -> Response {
    match serde_json::to_vec(view) {
        Ok(bytes) => (
            [(
                header::CONTENT_TYPE,
                HeaderValue::from_static("application/json"),
            )],
            bytes,
        )
            .into_response(),
        Err(error) => Problem::internal(error).into_response(),
    }
}

/// `?limit&after` of a list.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PageQuery {
    /// How many at most: 1 to 100, 50 unless given.
    #[param(minimum = 1, maximum = 100, default = 50)]
    pub limit: Option<u32>,
    /// Where the page before this one ended: the `next` of its answer.
    #[param(value_type = Option<String>)]
    pub after: Option<String>,
}

/// A place in a list that is ordered by id, newest first: the same cost on row 10 and on row 10 million.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    /// How many rows.
    pub limit: usize,
    /// Only rows below this id.
    pub after: Option<Uuid>,
}

impl PageQuery {
    /// Reads the place.
    ///
    /// # Errors
    /// 422 for a limit out of range or a cursor that no page gave.
    pub fn page(self) -> Result<Page, Problem> {
        let limit = limit(self.limit)?;
        let after = self
            .after
            .map(|after| Uuid::parse_str(&after))
            .transpose()
            .map_err(|_| wrong_cursor())?;
        Ok(Page { limit, after })
    }
}

/// `?limit` of a list, 50 unless given.
///
/// # Errors
/// 422 for one that is not 1 to 100.
pub fn limit(given: Option<u32>) -> Result<usize, Problem> {
    match usize::try_from(given.unwrap_or(50)) {
        Ok(limit @ 1..=100) => Ok(limit),
        _ => Err(wrong_limit()),
    }
}

fn wrong_limit() -> Problem {
    wrong_query(Text::new(
        "limit는 1에서 100까지입니다",
        "limit is 1 to 100",
    ))
}

impl Page {
    /// One more than asked for: whether there is a next page is known without counting.
    pub fn fetch(self) -> i64 {
        i64::try_from(self.limit).unwrap_or(100) + 1
    }
}

/// A place in a list that is ordered by something else and then by id, as an opaque text.
pub fn cursor<T: Serialize>(place: &T) -> String {
    URL_SAFE_NO_PAD.encode(serde_json::to_vec(place).unwrap_or_default())
}

/// The place that [`cursor`] made a text of.
///
/// # Errors
/// 422 for a text that no page gave.
pub fn place<T: DeserializeOwned>(cursor: &str) -> Result<T, Problem> {
    let bytes = URL_SAFE_NO_PAD.decode(cursor).ok();
    bytes
        .and_then(|bytes| serde_json::from_slice(&bytes).ok())
        .ok_or_else(wrong_cursor)
}

fn wrong_cursor() -> Problem {
    wrong_query(Text::new(
        "after는 이전 응답의 next 값이어야 합니다",
        "after must be the `next` of an earlier answer",
    ))
}

/// 422 for a query string that cannot be meant.
pub fn wrong_query(detail: Text) -> Problem {
    Problem::new(
        StatusCode::UNPROCESSABLE_ENTITY,
        "wrong-query",
        Text::new("조회 조건을 확인해 주세요", "The query is wrong"),
    )
    .detail(detail)
}

/// One page of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Paged<T> {
    /// The rows.
    pub items: Vec<T>,
    /// Pass it as `after` for the next page; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

impl<T> Paged<T> {
    /// Cuts the one row too many off, and makes the cursor from the last that is left.
    pub fn cut(mut items: Vec<T>, page: Page, id: impl Fn(&T) -> Uuid) -> Self {
        let more = items.len() > page.limit;
        items.truncate(page.limit);
        let next = items
            .last()
            .filter(|_| more)
            .map(|last| id(last).to_string());
        Self { items, next }
    }

    /// The same for a list in another order: `place` makes the cursor of the last row that is left.
    pub fn cut_by<P: Serialize>(mut items: Vec<T>, limit: usize, place: impl Fn(&T) -> P) -> Self {
        let more = items.len() > limit;
        items.truncate(limit);
        let next = items
            .last()
            .filter(|_| more)
            .map(|last| cursor(&place(last)));
        Self { items, next }
    }
}

impl<T: Serialize> IntoResponse for Paged<T> {
    fn into_response(self) -> Response {
        (self.next.clone().map(NextPage), View(self)).into_response()
    }
}

/// Where the next page begins, until [`layers`] makes a `Link` of it, which has to repeat the rest of the query.
///
/// A page of another form than [`Paged`] answers with it as `(self.next.clone().map(NextPage), View(self))`.
#[derive(Debug, Clone)]
pub struct NextPage(pub String);

impl IntoResponseParts for NextPage {
    type Error = Infallible;

    fn into_response_parts(self, mut parts: ResponseParts) -> Result<ResponseParts, Infallible> {
        parts.extensions_mut().insert(self);
        Ok(parts)
    }
}

impl NextPage {
    fn link(&self, query: &str) -> Option<HeaderValue> {
        let kept = query
            .split('&')
            .filter(|pair| !pair.is_empty() && *pair != "after" && !pair.starts_with("after="));
        let query: String = kept.flat_map(|pair| [pair, "&"]).collect();
        HeaderValue::from_str(&format!("<?{query}after={}>; rel=\"next\"", self.0)).ok()
    }
}

/// A field of a request body that never fails to be read, so that all wrong fields can be told at once.
#[derive(Debug, Clone, Default)]
pub enum Field<T> {
    /// Not sent, or null.
    #[default]
    Missing,
    /// Sent, and readable.
    Given(T),
    /// Sent, and something else.
    Wrong {
        /// What is wrong, in the words of the type that refused it.
        why: String,
    },
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Field<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        if value.is_null() {
            return Ok(Self::Missing);
        }
        Ok(match serde_json::from_value(value) {
            Ok(value) => Self::Given(value),
            Err(error) => Self::Wrong {
                why: error.to_string(),
            },
        })
    }
}

/// The longest explanation of a field that cannot be read, in characters: it may quote what was sent.
const LONGEST_WHY: usize = 200;

/// Collects what is wrong with a request's fields.
#[derive(Debug, Default)]
pub struct Fields {
    wrong: Vec<FieldProblem>,
}

impl Fields {
    /// A field that must be there.
    pub fn required<T>(&mut self, pointer: &str, field: Field<T>) -> Option<T> {
        if matches!(field, Field::Missing) {
            self.refuse(
                pointer,
                "required",
                Text::new("필수 항목입니다", "This field is required"),
            );
        }
        self.optional(pointer, field)
    }

    /// A field that may be absent.
    pub fn optional<T>(&mut self, pointer: &str, field: Field<T>) -> Option<T> {
        match field {
            Field::Given(value) => Some(value),
            Field::Missing => None,
            Field::Wrong { why } => {
                // The reader's own words, and not more of them than a form can show.
                let why: String = why.chars().take(LONGEST_WHY).collect();
                self.refuse(
                    pointer,
                    "wrong-type",
                    Text::new(
                        "형식이 올바르지 않습니다",
                        format!("It cannot be read: {why}"),
                    ),
                );
                None
            }
        }
    }

    /// A text that must be there: trimmed, not empty, of at most `longest` characters, without control characters.
    pub fn text(&mut self, pointer: &str, field: Field<String>, longest: usize) -> Option<String> {
        let text = self.required(pointer, field)?;
        self.checked(pointer, &text, longest).and_then(|text| {
            if text.is_empty() {
                self.refuse(
                    pointer,
                    "required",
                    Text::new("필수 항목입니다", "This field is required"),
                );
                None
            } else {
                Some(text)
            }
        })
    }

    /// A text that may be absent or empty.
    pub fn optional_text(
        &mut self,
        pointer: &str,
        field: Field<String>,
        longest: usize,
    ) -> Option<String> {
        let text = self.optional(pointer, field)?;
        self.checked(pointer, &text, longest)
    }

    fn checked(&mut self, pointer: &str, text: &str, longest: usize) -> Option<String> {
        let text = text.trim();
        // Postgres refuses NUL, and no other control character belongs in a text but the line's end and the tab.
        if text
            .chars()
            .any(|letter| letter.is_control() && !matches!(letter, '\n' | '\r' | '\t'))
        {
            self.refuse(
                pointer,
                "control-character",
                Text::new(
                    "사용할 수 없는 문자가 있습니다",
                    "It holds a control character",
                ),
            );
            return None;
        }
        if text.chars().count() > longest {
            let message = Text::new(
                format!("{longest}자 이하로 적어 주세요"),
                format!("It is longer than {longest} characters"),
            );
            self.refuse(pointer, "too-long", message);
            return None;
        }
        Some(text.to_owned())
    }

    /// Notes one more wrong field. What is said of a field first stands: one that is too long is not also missing.
    pub fn refuse(&mut self, pointer: &str, code: &'static str, message: Text) {
        if self.wrong.iter().any(|wrong| wrong.pointer == pointer) {
            return;
        }
        self.wrong.push(FieldProblem {
            pointer: pointer.to_owned(),
            code,
            message,
        });
    }

    /// All that was wrong, as one problem.
    pub fn problem(self) -> Problem {
        Problem::wrong_fields(self.wrong)
    }

    /// Whether nothing was wrong.
    pub fn all_right(&self) -> bool {
        self.wrong.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use tower::ServiceExt as _;

    use super::*;

    #[derive(Debug, Deserialize)]
    struct Person {
        #[serde(default)]
        name: Field<String>,
        #[serde(default)]
        count: Field<u32>,
        #[serde(default)]
        date: Field<chrono::NaiveDate>,
    }

    #[test]
    fn every_wrong_field_is_found_at_once() {
        let body: Person =
            serde_json::from_str(r#"{"name": 7, "count": "many", "date": null}"#).unwrap();
        let mut fields = Fields::default();
        fields.text("/name", body.name, 10);
        fields.required("/count", body.count);
        fields.required("/date", body.date);
        let found: Vec<_> = fields
            .wrong
            .iter()
            .map(|wrong| (wrong.pointer.as_str(), wrong.code))
            .collect();
        assert_eq!(
            found,
            [
                ("/name", "wrong-type"),
                ("/count", "wrong-type"),
                ("/date", "required")
            ]
        );
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

    #[tokio::test]
    async fn a_path_may_have_a_bound_of_its_own() {
        let slow: Arc<[(&'static str, Duration)]> =
            Arc::new([("/files", Duration::from_millis(1))]);
        let never = axum::routing::get(std::future::pending::<()>);
        let router = Router::new()
            .route("/files", never)
            .route(
                "/other",
                axum::routing::get(|| tokio::time::sleep(Duration::from_millis(20))),
            )
            .layer(middleware::from_fn_with_state(Bounds(slow), bounded));
        for (path, status) in [
            ("/files", StatusCode::SERVICE_UNAVAILABLE),
            ("/other", StatusCode::OK),
        ] {
            let request = Request::get(path).body(Body::empty()).unwrap();
            assert_eq!(
                router.clone().oneshot(request).await.unwrap().status(),
                status,
                "{path}"
            );
        }
    }

    #[test]
    fn a_text_is_trimmed_and_measured_in_characters() {
        let mut fields = Fields::default();
        assert_eq!(
            fields
                .text("/a", Field::Given(" 지원사업 ".to_owned()), 4)
                .as_deref(),
            Some("지원사업")
        );
        assert_eq!(
            fields.text("/b", Field::Given("지원사업".to_owned()), 3),
            None
        );
        assert_eq!(fields.text("/c", Field::Given("  ".to_owned()), 3), None);
        assert_eq!(fields.text("/d", Field::Given("a\0b".to_owned()), 9), None);
        assert_eq!(
            fields
                .wrong
                .iter()
                .map(|wrong| wrong.code)
                .collect::<Vec<_>>(),
            ["too-long", "required", "control-character"]
        );
    }

    #[test]
    fn a_cursor_is_the_place_it_was_made_of_and_anything_else_is_refused() {
        let id = Uuid::from_u128(7);
        assert_eq!(
            place::<(String, Uuid)>(&cursor(&("가".to_owned(), id))).unwrap(),
            ("가".to_owned(), id)
        );
        for text in ["", "!", "bm8", &cursor(&7)] {
            assert_eq!(
                place::<(String, Uuid)>(text).unwrap_err().status(),
                StatusCode::UNPROCESSABLE_ENTITY,
                "{text}"
            );
        }
    }

    #[tokio::test]
    async fn a_page_of_any_form_links_to_the_next() {
        #[derive(Serialize)]
        struct Count {
            next: Option<String>,
        }
        for next in [None, Some("abc".to_owned())] {
            let link = next
                .as_ref()
                .map(|next| format!("<?q=a&after={next}>; rel=\"next\""));
            let handler = async move || (next.clone().map(NextPage), View(Count { next }));
            let router = layers(Router::new().route("/", axum::routing::get(handler)));
            let response = router
                .oneshot(Request::get("/?q=a&after=x").body(Body::empty()).unwrap())
                .await
                .unwrap();
            assert_eq!(
                response
                    .headers()
                    .get(header::LINK)
                    .map(|link| link.to_str().unwrap().to_owned()),
                link
            );
        }
    }

    #[tokio::test]
    async fn what_a_layer_says_of_keeping_an_answer_is_said_of_a_refusal_too() {
        async fn private(request: Request, next: Next) -> Response {
            let mut response = next.run(request).await;
            response
                .headers_mut()
                .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
            response
                .headers_mut()
                .append(header::VARY, HeaderValue::from_static("cookie"));
            response
        }
        let refuse = || async { Problem::forbidden() };
        let routes = Router::new()
            .route("/", axum::routing::get(refuse))
            .layer(middleware::from_fn(private));
        for (method, path, status) in [
            ("GET", "/", 403),
            ("GET", "/nothing", 404),
            ("POST", "/", 405),
        ] {
            let request = Request::builder()
                .method(method)
                .uri(path)
                .body(Body::empty())
                .unwrap();
            let answer = layers(routes.clone()).oneshot(request).await.unwrap();
            assert_eq!(answer.status().as_u16(), status, "{path}");
            assert_eq!(
                answer.headers()[header::CACHE_CONTROL],
                "no-store",
                "{path}"
            );
            let depends_on: Vec<_> = answer.headers().get_all(header::VARY).iter().collect();
            assert_eq!(depends_on, ["accept-language", "cookie"], "{path}");
        }
    }

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

    #[test]
    fn only_a_well_formed_traceparent_is_carried_on() {
        let good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        assert_eq!(trace::valid(good).as_deref(), Some(good));
        for bad in [
            "",
            "00-4bf9-00f0-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            &good.to_uppercase(),
            "01-x",
        ] {
            assert_eq!(trace::valid(bad), None, "{bad}");
        }
        assert!(trace::valid(&trace::start()).is_some());
    }
}
