//! Responses in JSON.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::http::problem::Problem;

/// A resource, with its version as a strong `ETag`.
#[derive(Debug)]
pub struct Versioned<T> {
    /// 200, or 201 with a location.
    pub status: StatusCode,
    /// The path of a new resource.
    pub location: Option<String>,
    /// The version of the resource.
    pub version: i64,
    /// The resource.
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

/// An answer that must not be stored by any cache: `NoStore(View(view))`.
#[derive(Debug)]
pub struct NoStore<T>(pub T);

impl<T: IntoResponse> IntoResponse for NoStore<T> {
    fn into_response(self) -> Response {
        ([(header::CACHE_CONTROL, "no-store")], self.0).into_response()
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
