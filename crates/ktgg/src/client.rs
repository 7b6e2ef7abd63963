//! An HTTP client and a reader of the stream, for demo data, imports, the bench and the end-to-end
//! tests.
//!
//! It behaves like a browser: a cookie identifies the session (callers of [`Client`] pass its value
//! around), and every request has the header that a page of another origin cannot send.

mod stream;

use std::collections::HashSet;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, COOKIE, SET_COOKIE};
use hyper::{HeaderMap, Method, Request, StatusCode};
use hyper_util::client::legacy::Client as Pool;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};
use service_kit::forms::phone::Phone;

pub use self::stream::{Stream, StreamEvent};

/// A client of one gateway or service.
#[derive(Debug, Clone)]
pub struct Client {
    base: String,
    pool: Pool<HttpConnector, Full<Bytes>>,
}

/// Bounds one response, and the arrival of a code in the inbox.
const TIMEOUT: Duration = Duration::from_secs(30);

const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// The session cookie's name on plain http, which is for loopback only.
pub const COOKIE_NAME: &str = "ktgg";

/// The header of writes and of 「전화 보기」, which a form on another site cannot send.
pub const CSRF: (&str, &str) = ("ktgg-csrf", "1");

/// A response whose body was read.
#[derive(Debug)]
pub struct Response {
    pub status: StatusCode,
    pub headers: HeaderMap,
    /// The body; null when it is not JSON.
    pub json: Value,
}

impl Response {
    /// The body of a success.
    ///
    /// # Errors
    /// When the status is not 2xx.
    pub fn ok(self) -> Result<Value> {
        if self.status.is_success() {
            Ok(self.json)
        } else {
            bail!("{}: {}", self.status, self.json)
        }
    }

    /// The session that the response sets.
    pub fn session(&self) -> Option<String> {
        let cookies = self
            .headers
            .get_all(SET_COOKIE)
            .iter()
            .filter_map(|value| value.to_str().ok());
        cookies
            .filter_map(session_of)
            .next_back()
            .map(str::to_owned)
    }
}

async fn read(response: hyper::Response<Incoming>) -> Result<Response> {
    let (parts, body) = response.into_parts();
    let bytes = body.collect().await?.to_bytes();
    Ok(Response {
        status: parts.status,
        headers: parts.headers,
        json: serde_json::from_slice(&bytes).unwrap_or(Value::Null),
    })
}

impl Client {
    /// A client of the server at `base`, as in `http://127.0.0.1:8088`.
    pub fn new(base: impl Into<String>) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        Self {
            base: base.into(),
            pool: Pool::builder(TokioExecutor::new()).build(connector),
        }
    }

    async fn request(
        &self,
        method: Method,
        path: &str,
        session: &str,
        headers: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Result<hyper::Response<Incoming>> {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.base));
        if !headers
            .iter()
            .any(|(name, _)| name.eq_ignore_ascii_case(CSRF.0))
        {
            request = request.header(CSRF.0, CSRF.1);
        }
        if !session.is_empty() {
            request = request.header(COOKIE, format!("{COOKIE_NAME}={session}"));
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

    /// Sends a request. An empty session is an anonymous one.
    ///
    /// # Errors
    /// When there is no response in time.
    pub async fn call(
        &self,
        method: Method,
        path: &str,
        session: &str,
        headers: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Result<Response> {
        let response = async {
            let response = self.request(method, path, session, headers, body).await?;
            read(response).await
        };
        tokio::time::timeout(TIMEOUT, response)
            .await
            .with_context(|| format!("no response to {path}"))?
    }

    /// A `GET` that must succeed.
    ///
    /// # Errors
    /// When it fails.
    pub async fn get(&self, path: &str, session: &str) -> Result<Value> {
        self.call(Method::GET, path, session, &[], None).await?.ok()
    }

    /// A `POST` that must succeed.
    ///
    /// # Errors
    /// When it fails.
    pub async fn post(&self, path: &str, session: &str, body: &Value) -> Result<Value> {
        self.call(Method::POST, path, session, &[], Some(body))
            .await?
            .ok()
    }

    /// A `POST` with an idempotency key.
    ///
    /// # Errors
    /// When it fails.
    pub async fn post_with_key(
        &self,
        path: &str,
        session: &str,
        key: &str,
        body: &Value,
    ) -> Result<Value> {
        let headers = [("idempotency-key", key)];
        self.call(Method::POST, path, session, &headers, Some(body))
            .await?
            .ok()
    }

    /// Uploads a file, without a timeout of its own.
    ///
    /// # Errors
    /// When there is no response.
    pub async fn upload(&self, path: &str, session: &str, file: Vec<u8>) -> Result<Response> {
        let request = Request::post(format!("{}{path}", self.base))
            .header(COOKIE, format!("{COOKIE_NAME}={session}"))
            .header(CSRF.0, CSRF.1)
            .header(CONTENT_TYPE, "application/octet-stream");
        let response = self.pool.request(request.body(Full::from(file))?).await?;
        read(response).await
    }

    /// Opens the stream of a session.
    ///
    /// # Errors
    /// When the gateway refuses it.
    pub async fn stream(&self, session: &str) -> Result<Stream> {
        let response = self
            .request(
                Method::GET,
                "/api/stream",
                session,
                &[("accept", "text/event-stream")],
                None,
            )
            .await?;
        if response.status() != StatusCode::OK {
            bail!("the stream was refused: {}", response.status());
        }
        Ok(Stream::new(response.into_body()))
    }
}

/// Signing in.
impl Client {
    /// Signs in by login and password; returns the session.
    ///
    /// # Errors
    /// When the sign-in is refused.
    pub async fn sign_in(&self, login: &str, password: &str) -> Result<String> {
        self.try_sign_in(login, password)
            .await?
            .context("wrong login or password")
    }

    /// As [`Client::sign_in`], but `None` for a wrong login or password.
    ///
    /// # Errors
    /// When the sign-in is refused for another reason.
    pub async fn try_sign_in(&self, login: &str, password: &str) -> Result<Option<String>> {
        let body = json!({ "login": login, "password": password });
        let response = self
            .call(Method::POST, "/api/auth/sign-in", "", &[], Some(&body))
            .await?;
        if response.status == StatusCode::UNAUTHORIZED {
            Ok(None)
        } else {
            new_session(response).map(Some)
        }
    }

    /// Sets a password with a one-time link.
    ///
    /// # Errors
    /// When the link was used, or the password is refused.
    pub async fn set_password(&self, link: &str, password: &str) -> Result<()> {
        let (_, token) = link.split_once('#').context("a link without a token")?;
        let body = json!({ "token": token, "password": password });
        self.call(Method::POST, "/api/auth/password", "", &[], Some(&body))
            .await?
            .ok()
            .map(drop)
    }

    /// Signs a customer in with the code from the inbox; returns the session.
    ///
    /// # Errors
    /// When a request is refused, or no code arrives.
    pub async fn sign_in_by_phone(&self, inbox: &Inbox, phone: &Phone) -> Result<String> {
        let consent = self.get("/api/auth/consent", "").await?;
        let before = inbox.received(phone).await?;
        let body = json!({ "phone": phone.national(), "consentVersion": consent["version"] });
        let challenge = self.post("/api/auth/otp", "", &body).await?;
        let code = inbox.next_code(phone, &before).await?;
        let body = json!({ "challenge": challenge["challenge"], "code": code });
        new_session(
            self.call(Method::POST, "/api/auth/otp/verify", "", &[], Some(&body))
                .await?,
        )
    }
}

/// The session of a response that must set one.
fn new_session(response: Response) -> Result<String> {
    let session = response.session();
    let view = response.ok()?;
    session.with_context(|| format!("signed in without a cookie: {view}"))
}

/// The session that a `Set-Cookie` sets; `None` for another cookie, or one that clears the session.
fn session_of(set_cookie: &str) -> Option<&str> {
    let (name, value) = set_cookie.split(';').next()?.split_once('=')?;
    (name == COOKIE_NAME && !value.is_empty()).then_some(value)
}

/// A reader of the sandbox's inbox.
#[derive(Debug, Clone)]
pub struct Inbox(Client);

/// Ids of messages.
pub type MessageIds = HashSet<String>;

impl Inbox {
    /// The inbox that is served at `base`, as in `http://127.0.0.1:8089`.
    pub fn new(base: impl Into<String>) -> Self {
        Self(Client::new(base))
    }

    /// The ids of all messages to this number.
    ///
    /// # Errors
    /// When the inbox does not respond.
    pub async fn received(&self, phone: &Phone) -> Result<MessageIds> {
        let id = |message: &Value| message["id"].as_str().map(str::to_owned);
        Ok(self.messages(phone).await?.iter().filter_map(id).collect())
    }

    /// The code of the next message to this number that is not in `before`.
    ///
    /// # Errors
    /// When none arrives in time.
    pub async fn next_code(&self, phone: &Phone, before: &MessageIds) -> Result<String> {
        let started = Instant::now();
        let is_new = |message: &&Value| {
            message["id"]
                .as_str()
                .is_some_and(|id| !before.contains(id))
        };
        loop {
            let messages = self.messages(phone).await?;
            if let Some(code) = messages
                .iter()
                .find(is_new)
                .and_then(|message| code_in(message["text"].as_str()?))
            {
                return Ok(code.to_owned());
            }
            anyhow::ensure!(started.elapsed() < TIMEOUT, "no code arrived in the inbox");
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }

    async fn messages(&self, phone: &Phone) -> Result<Vec<Value>> {
        let list = self
            .0
            .get(&format!("/messages?to={}", phone.national()), "")
            .await?;
        Ok(list["items"].as_array().cloned().unwrap_or_default())
    }
}

/// The code in a message: the only run of six digits.
fn code_in(text: &str) -> Option<&str> {
    const DIGITS: usize = 6;
    text.split(|letter: char| !letter.is_ascii_digit())
        .find(|run| run.len() == DIGITS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_session_cookie_gives_a_session() {
        assert_eq!(
            session_of("ktgg=abc; HttpOnly; SameSite=Lax; Path=/"),
            Some("abc")
        );
        assert_eq!(session_of("ktgg=; Max-Age=0; Path=/"), None);
        assert_eq!(session_of("other=abc; Path=/"), None);
    }

    #[test]
    fn the_code_of_a_message_is_its_six_digits() {
        assert_eq!(
            code_in("[KT.GG] 인증번호 012345 (3분 안에 입력)"),
            Some("012345")
        );
        assert_eq!(code_in("02-1234-5678, 1234567"), None);
    }
}
