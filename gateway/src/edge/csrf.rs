//! Whether a request comes from a page of ours. A browser sends the cookie along with what other sites make it ask, too.
//!
//! Three signs, each enough against a page of another site in a browser of its time: a header that only a script of our own origin can set,
//! `Origin`, and `Sec-Fetch-Site`. The first must be there; the others may be missing, and must be right where they are not.

use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use service_kit::Problem;
use service_kit::http::problem::Text;

use crate::config::PublicOrigin;

/// `Ktgg-Csrf: 1`: a form cannot send it, and a script of another origin is not allowed to.
pub(crate) const OURS: HeaderName = HeaderName::from_static("ktgg-csrf");

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Refuses a write that no page of ours asks for.
///
/// # Errors
/// 403.
pub(crate) fn check_write(headers: &HeaderMap, origin: &PublicOrigin) -> Result<(), Problem> {
    if !(headers.contains_key(OURS) && is_only(headers, &OURS, "1")) {
        return Err(refused());
    }
    check_read(headers, origin)
}

/// Refuses what a page of another site reads. A request that brings no sign of where it comes from is none of a page's, or of a page of ours.
///
/// # Errors
/// 403.
pub(crate) fn check_read(headers: &HeaderMap, origin: &PublicOrigin) -> Result<(), Problem> {
    let is_ours = is_only(headers, &header::ORIGIN, origin.as_str())
        && is_only(headers, &SEC_FETCH_SITE, "same-origin");
    if is_ours { Ok(()) } else { Err(refused()) }
}

/// Whether every value of the header is this one.
fn is_only(headers: &HeaderMap, name: &HeaderName, value: &str) -> bool {
    headers
        .get_all(name)
        .iter()
        .all(|it| it.as_bytes() == value.as_bytes())
}

/// 403: the browser was made to ask.
pub(crate) fn refused() -> Problem {
    Problem::new(
        StatusCode::FORBIDDEN,
        "cross-site",
        Text::new(
            "이 페이지에서 보낸 요청이 아닙니다",
            "This request does not come from a page of this site",
        ),
    )
}
