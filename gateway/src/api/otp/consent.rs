//! The consent to the collection of personal data.

use axum::http::StatusCode;
use serde::Serialize;
use service_kit::Problem;
use service_kit::http::View;
use service_kit::http::problem::Text;
use utoipa::ToSchema;

use crate::auth::consent::{TEXT, VERSION};

/// The present consent text.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ConsentView {
    /// Is sent with the request for a code.
    version: &'static str,
    /// In Korean, with paragraphs.
    text: &'static str,
}

/// What customers agree to when they sign in: which data is collected, why, and for how long.
#[utoipa::path(
    get,
    path = "/api/auth/consent",
    tag = "auth",
    responses((status = OK, description = "The present text and its version", body = ConsentView)),
)]
pub(crate) async fn show() -> View<ConsentView> {
    View(ConsentView {
        version: VERSION,
        text: TEXT,
    })
}

/// 422: the customer agreed to another version.
pub(super) fn outdated() -> Problem {
    let title = Text::new(
        "동의 내용이 바뀌었습니다. 다시 읽고 동의해 주세요",
        "The consent text has changed: show the present one and ask again",
    );
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "consent-outdated", title)
        .with("current", VERSION)
}
