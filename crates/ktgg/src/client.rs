//! A caller over HTTP, and a reader of the stream: for demo data, the bench and the end-to-end tests.

use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE};
use hyper::{HeaderMap, Method, Request, StatusCode};
use hyper_util::client::legacy::Client as Pool;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;

/// A caller of one gateway (or of one service).
#[derive(Debug, Clone)]
pub struct Client {
    base: String,
    pool: Pool<HttpConnector, Full<Bytes>>,
}

/// How long one answer may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// What came back.
#[derive(Debug)]
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body; null when that was no JSON.
    pub json: Value,
}

impl Answer {
    /// The body of an answer that says yes.
    ///
    /// # Errors
    /// When it says no.
    pub fn ok(self) -> Result<Value> {
        if self.status.is_success() { Ok(self.json) } else { bail!("{}: {}", self.status, self.json) }
    }
}

impl Client {
    /// A caller of whoever serves at `base`, as in `http://127.0.0.1:8088`.
    pub fn new(base: impl Into<String>) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        Self { base: base.into(), pool: Pool::builder(TokioExecutor::new()).build(connector) }
    }

    async fn request(
        &self,
        method: Method,
        path: &str,
        bearer: &str,
        headers: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Result<hyper::Response<Incoming>> {
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.base));
        if !bearer.is_empty() {
            request = request.header(AUTHORIZATION, format!("Bearer {bearer}"));
        }
        if body.is_some() {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = body.map(Value::to_string).unwrap_or_default();
        Ok(self.pool.request(request.body(Full::from(body))?).await?)
    }

    /// Any request. An empty bearer is none.
    ///
    /// # Errors
    /// When nobody answers in time.
    pub async fn call(
        &self,
        method: Method,
        path: &str,
        bearer: &str,
        headers: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Result<Answer> {
        let answer = async {
            let response = self.request(method, path, bearer, headers, body).await?;
            let (parts, body) = response.into_parts();
            let bytes = body.collect().await?.to_bytes();
            let json = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
            anyhow::Ok(Answer { status: parts.status, headers: parts.headers, json })
        };
        tokio::time::timeout(PATIENCE, answer).await.with_context(|| format!("no answer to {path}"))?
    }

    /// `GET` that must succeed.
    ///
    /// # Errors
    /// When it does not.
    pub async fn get(&self, path: &str, bearer: &str) -> Result<Value> {
        self.call(Method::GET, path, bearer, &[], None).await?.ok()
    }

    /// `POST` that must succeed.
    ///
    /// # Errors
    /// When it does not.
    pub async fn post(&self, path: &str, bearer: &str, body: &Value) -> Result<Value> {
        self.call(Method::POST, path, bearer, &[], Some(body)).await?.ok()
    }

    /// `POST` that is safe to send again.
    ///
    /// # Errors
    /// When it does not succeed.
    pub async fn post_with_key(&self, path: &str, bearer: &str, key: &str, body: &Value) -> Result<Value> {
        self.call(Method::POST, path, bearer, &[("idempotency-key", key)], Some(body)).await?.ok()
    }

    /// `POST` of a file as it is. No time-out but the gateway's: a large one takes as long as it takes.
    ///
    /// # Errors
    /// When nobody answers.
    pub async fn upload(&self, path: &str, bearer: &str, file: Vec<u8>) -> Result<Answer> {
        let request = Request::post(format!("{}{path}", self.base))
            .header(AUTHORIZATION, format!("Bearer {bearer}"))
            .header(CONTENT_TYPE, "application/octet-stream");
        let response = self.pool.request(request.body(Full::from(file))?).await?;
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await?.to_bytes();
        Ok(Answer { status: parts.status, headers: parts.headers, json: serde_json::from_slice(&bytes).unwrap_or(Value::Null) })
    }

    /// Opens the stream of whoever the bearer names.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn stream(&self, bearer: &str) -> Result<Stream> {
        let response = self.request(Method::GET, "/api/stream", bearer, &[("accept", "text/event-stream")], None).await?;
        if response.status() != StatusCode::OK {
            bail!("the stream was refused: {}", response.status());
        }
        Ok(Stream { body: response.into_body(), text: String::new() })
    }
}

/// One browser's end of the stream.
#[derive(Debug)]
pub struct Stream {
    body: Incoming,
    text: String,
}

/// One event of the stream.
#[derive(Debug, Clone, PartialEq)]
pub struct Told {
    /// Where to resume.
    pub id: Option<String>,
    /// What kind it is.
    pub event: String,
    /// What it tells.
    pub data: Value,
}

impl Stream {
    /// The next event, comments and retry times passed over; `None` when the gateway ended the stream.
    ///
    /// # Errors
    /// When the connection breaks.
    pub async fn next(&mut self) -> Result<Option<Told>> {
        loop {
            while let Some((block, rest)) = self.text.split_once("\n\n") {
                let (told, rest) = (parse(block), rest.len());
                self.text.drain(..self.text.len() - rest);
                if told.is_some() {
                    return Ok(told);
                }
            }
            let Some(frame) = self.body.frame().await else { return Ok(None) };
            if let Ok(bytes) = frame?.into_data() {
                self.text.push_str(&String::from_utf8_lossy(&bytes));
            }
        }
    }
}

fn parse(block: &str) -> Option<Told> {
    let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim_start);
    let event = field("event")?.to_owned();
    let data = field("data").and_then(|data| serde_json::from_str(data).ok()).unwrap_or(Value::Null);
    Some(Told { id: field("id").map(str::to_owned), event, data })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_event_is_read_and_a_comment_is_not() {
        let told = parse("id: 7-1\nevent: SalesmanMatched\ndata: {\"version\": 1}").unwrap();
        assert_eq!(
            (told.id.as_deref(), told.event.as_str(), told.data),
            (Some("7-1"), "SalesmanMatched", json!({ "version": 1 }))
        );
        assert_eq!(parse(": still here"), None);
        assert_eq!(parse("retry: 3000"), None);
    }
}
