//! The built pages, as static files.
//!
//! `index.html` is every page: its script draws what the address says. It names the files of one
//! build under `/assets`, whose names contain a hash of their content. So browsers ask for
//! `index.html` each time and keep the rest for good, and a page from before a deployment notices a
//! missing file by its 404.
//!
//! No session is looked up and no rate limit counts here. `LIMIT_READS` protects the database and
//! the services, which no file needs, and thirty files of one page would use up what its requests
//! need. Files cost little, browsers keep them, and connections are limited per address.

use std::io::ErrorKind;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use service_kit::{Problem, trace};
use tower_http::services::ServeDir;

use crate::config::PagesDir;

/// First segments of paths that never lead to a page. The last three are served on the admin port.
const RESERVED: [&str; 5] = ["api", "docs", "livez", "readyz", "metrics"];

/// First segments of the pages' addresses. Below them, the page knows what exists.
const PAGES: [&str; 7] = [
    "customer",
    "forbidden",
    "index.html",
    "salesman",
    "set-password",
    "sign-in",
    "staff",
];

const INDEX: &str = "/index.html";

/// The folder of the files whose name contains a hash of their content.
const ASSETS: &str = "/assets/";

const FOR_GOOD: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
const ASK_FIRST: HeaderValue = HeaderValue::from_static("no-cache");
const NOT_STORED: HeaderValue = HeaderValue::from_static("no-store");

/// What the logs call these paths.
const ROUTE: &str = "pages";

/// The folder of the built pages.
#[derive(Debug, Clone)]
pub(crate) struct Pages(ServeDir);

/// Whether a page or a file may have this path.
pub(crate) fn is_of_pages(path: &str) -> bool {
    first_segment(path).is_some_and(|first| !RESERVED.contains(&first))
}

fn first_segment(path: &str) -> Option<&str> {
    path.strip_prefix('/')?.split('/').next()
}

/// The middleware that answers requests for pages, and passes on all others.
pub(crate) async fn serve(
    State(pages): State<Pages>,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    if !is_of_pages(request.uri().path()) {
        return Ok(next.run(request).await);
    }
    trace::record_route(ROUTE);
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let allow = [(header::ALLOW, "GET, HEAD")];
        return Ok((allow, Problem::method_not_allowed()).into_response());
    }
    pages.answer(request.into_parts().0).await
}

impl Pages {
    pub(crate) fn new(folder: &PagesDir) -> Self {
        let files = ServeDir::new(folder.path())
            .append_index_html_on_directories(false)
            .ignore_multi_range_requests(true)
            .precompressed_br()
            .precompressed_gzip();
        Self(files)
    }

    async fn answer(&self, request: Parts) -> Result<Response, Problem> {
        let path = request.uri.path();
        let is_page = path == "/" || first_segment(path).is_some_and(|it| PAGES.contains(&it));
        if is_page {
            let page = self.index(&request).await?;
            return Ok(with_caching(page, ASK_FIRST));
        }
        let is_asset = path.starts_with(ASSETS);
        if is_name_of_file(path)
            && let Some(file) = self.file(Request::from_parts(request.clone(), ())).await?
        {
            let caching = if is_asset { FOR_GOOD } else { ASK_FIRST };
            return Ok(with_caching(file, caching));
        }
        if is_asset || !accepts_html(&request.headers) {
            let not_stored = [(header::CACHE_CONTROL, NOT_STORED)];
            return Ok((not_stored, Problem::not_found()).into_response());
        }
        let mut page = self.index(&request).await?;
        *page.status_mut() = StatusCode::NOT_FOUND;
        Ok(with_caching(page, ASK_FIRST))
    }

    /// `index.html`, whole each time: files of two images may have the same time of change, and
    /// then the validators, which are made of it, do not tell the builds apart.
    async fn index(&self, request: &Parts) -> Result<Response, Problem> {
        let mut own = Request::new(());
        own.method_mut().clone_from(&request.method);
        *own.uri_mut() = Uri::from_static(INDEX);
        for encodings in request.headers.get_all(header::ACCEPT_ENCODING) {
            own.headers_mut()
                .append(header::ACCEPT_ENCODING, encodings.clone());
        }
        let page = self.file(own).await?;
        // While the pages are built again.
        let mut page = page.ok_or_else(|| Problem::unavailable("index.html is missing"))?;
        let headers = page.headers_mut();
        for validator in [header::ETAG, header::LAST_MODIFIED, header::ACCEPT_RANGES] {
            headers.remove(validator);
        }
        let html = HeaderValue::from_static("text/html; charset=utf-8");
        headers.insert(header::CONTENT_TYPE, html);
        Ok(page)
    }

    /// `None` if there is no such file.
    async fn file(&self, request: Request<()>) -> Result<Option<Response>, Problem> {
        match self.0.clone().try_call(request).await {
            Ok(response) if response.status() == StatusCode::NOT_FOUND => Ok(None),
            Ok(response) => Ok(Some(response.map(Body::new))),
            Err(error) => match error.kind() {
                ErrorKind::NotFound | ErrorKind::NotADirectory | ErrorKind::InvalidFilename => {
                    Ok(None)
                }
                _ => Err(Problem::internal(error)),
            },
        }
    }
}

/// Whether a build has files with such paths: no dotfile, nothing encoded, no empty segment. So no
/// path leads out of the folder, however it is written.
fn is_name_of_file(path: &str) -> bool {
    path.split('/').skip(1).all(|segment| {
        let mut bytes = segment.bytes();
        bytes.all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
            && !segment.is_empty()
            && !segment.starts_with('.')
    })
}

/// Whether the request names HTML: that of a browser for a page, not that of a script or an image.
fn accepts_html(headers: &HeaderMap) -> bool {
    let mut values = headers.get_all(header::ACCEPT).iter();
    values.any(|value| {
        value
            .to_str()
            .is_ok_and(|value| value.contains("text/html"))
    })
}

/// Adds `Cache-Control`, and `Vary` also to a 304. A 404 or 416 is not stored.
fn with_caching(mut response: Response, caching: HeaderValue) -> Response {
    let is_refused = response.status().is_client_error();
    let caching = if is_refused { NOT_STORED } else { caching };
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, caching);
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    response
}
