//! CSRF protection: browsers send the session cookie also with requests that other sites cause.
//!
//! There are three signs, each sufficient against pages of other sites: the header `Ktgg-Csrf`,
//! which only scripts of this origin can set, `Origin`, and `Sec-Fetch-Site`. The first is required
//! for writes. Older browsers do not send the others; if they are present, they must be right.

use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use service_kit::Problem;
use service_kit::http::problem::Text;

use crate::config::PublicOrigin;

/// `Ktgg-Csrf: 1`. Forms cannot send it, and scripts of other origins are not allowed to.
const CSRF_HEADER: HeaderName = HeaderName::from_static("ktgg-csrf");

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Refuses a write that was not sent by a page of this origin.
///
/// # Errors
/// 403.
pub(crate) fn check_write(headers: &HeaderMap, origin: &PublicOrigin) -> Result<(), Problem> {
    if !(headers.contains_key(CSRF_HEADER) && all_equal(headers, &CSRF_HEADER, "1")) {
        return Err(cross_site());
    }
    check_read(headers, origin)
}

/// Refuses a read by a page of another site. Requests without either header pass: they are not sent
/// by a page of another site.
///
/// # Errors
/// 403.
pub(crate) fn check_read(headers: &HeaderMap, origin: &PublicOrigin) -> Result<(), Problem> {
    let mut origins = headers.get_all(header::ORIGIN).iter();
    let is_same_origin = origins.all(|value| origin.is_sent_as(value.as_bytes()))
        && all_equal(headers, &SEC_FETCH_SITE, "same-origin");
    is_same_origin.then_some(()).ok_or_else(cross_site)
}

/// Whether every value of the header, if there is any, is `expected`.
fn all_equal(headers: &HeaderMap, name: &HeaderName, expected: &str) -> bool {
    let mut values = headers.get_all(name).iter();
    values.all(|value| value.as_bytes() == expected.as_bytes())
}

/// 403.
pub(crate) fn cross_site() -> Problem {
    let title = Text::new(
        "이 사이트의 페이지에서 보낸 요청이 아닙니다",
        "The request was not sent by a page of this site",
    );
    Problem::new(StatusCode::FORBIDDEN, "cross-site", title)
}
