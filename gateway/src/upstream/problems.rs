//! Problems with which the gateway answers in place of a service.

use axum::http::StatusCode;
use service_kit::Problem;
use service_kit::http::problem::Text;

use crate::config::Service;

/// 503. The middleware around every response adds `Retry-After`.
pub(crate) fn service_unavailable(service: Service) -> Problem {
    let title = Text::new(
        "지금은 이 기능을 쓸 수 없습니다. 잠시 후 다시 시도해 주세요",
        "This feature is unavailable. Try again in a moment",
    );
    Problem::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "service-unavailable",
        title,
    )
    .with("service", service.as_str())
}

/// 504: the service may have carried out the request.
pub(crate) fn service_timeout(service: Service) -> Problem {
    let title = Text::new(
        "응답이 늦어지고 있습니다. 처리되었는지 확인해 주세요",
        "The answer took too long. Check whether the request was carried out",
    );
    Problem::new(StatusCode::GATEWAY_TIMEOUT, "service-timeout", title)
        .with("service", service.as_str())
}
