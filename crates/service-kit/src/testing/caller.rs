//! Requests to a service, without a network.

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use http_body_util::BodyExt as _;
use serde_json::Value;
use tower::ServiceExt as _;

/// Calls a service with a token, or without one.
pub struct Caller<'a> {
    pub(super) router: &'a Router,
    pub(super) token: Option<String>,
}

impl Caller<'_> {
    /// `GET`.
    pub async fn get(&self, path: &str) -> TestResponse {
        self.send(Method::GET, path, &[], Vec::new()).await
    }

    /// `POST` with a JSON body.
    pub async fn post(&self, path: &str, body: &Value) -> TestResponse {
        self.send_json(Method::POST, path, &[], body).await
    }

    /// `POST` with a JSON body and an idempotency key.
    pub async fn post_with_key(&self, path: &str, key: &str, body: &Value) -> TestResponse {
        self.send_json(Method::POST, path, &[("idempotency-key", key)], body)
            .await
    }

    /// `POST` with a JSON body and `If-Match`.
    pub async fn post_if(&self, path: &str, version: i64, body: &Value) -> TestResponse {
        let tag = format!("\"{version}\"");
        self.send_json(Method::POST, path, &[("if-match", &tag)], body)
            .await
    }

    /// `PATCH` with a JSON body and `If-Match`.
    pub async fn patch_if(&self, path: &str, version: i64, body: &Value) -> TestResponse {
        let tag = format!("\"{version}\"");
        self.send_json(Method::PATCH, path, &[("if-match", &tag)], body)
            .await
    }

    async fn send_json(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: &Value,
    ) -> TestResponse {
        let headers = [headers, &[("content-type", "application/json")]].concat();
        self.send(method, path, &headers, body.to_string().into_bytes())
            .await
    }

    /// Sends a request.
    pub async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Vec<u8>,
    ) -> TestResponse {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(token) = &self.token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        let response = self
            .router
            .clone()
            .oneshot(request.body(Body::from(body)).unwrap())
            .await
            .unwrap();
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let json = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        TestResponse {
            status: parts.status,
            headers: parts.headers,
            json,
        }
    }
}

/// The response.
#[derive(Debug)]
pub struct TestResponse {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body; null if it is not JSON.
    pub json: Value,
}

impl TestResponse {
    /// The body of a response with this status.
    ///
    /// # Panics
    /// When the status is another one.
    #[track_caller]
    pub fn expect(self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{}", self.json);
        self.json
    }

    /// The slug and the invalid fields with their codes, of a problem with this status.
    ///
    /// # Panics
    /// When the status is another one, or the body is not a problem.
    #[track_caller]
    pub fn problem(self, status: u16) -> (String, Vec<(String, String)>) {
        assert_eq!(self.status.as_u16(), status, "{}", self.json);
        assert_eq!(
            self.headers[header::CONTENT_TYPE],
            "application/problem+json"
        );
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let slug = text(&self.json["type"])
            .trim_start_matches("/problems/")
            .to_owned();
        let errors = self.json["errors"].as_array().into_iter().flatten();
        (
            slug,
            errors
                .map(|error| (text(&error["pointer"]), text(&error["code"])))
                .collect(),
        )
    }
}
