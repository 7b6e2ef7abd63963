//! The HTTP API: routes and this service's own problems.

mod access;
mod counts;
mod create;
mod customers;
mod edit;
mod list;
mod marks;
mod me;
mod notifications;
mod phone;
mod views;

use events::InterestId;
use service_kit::forms::project_ref;
use service_kit::http::problem::Text;
use service_kit::{Context, Problem};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::interest::Refusal;

pub(crate) fn routes() -> OpenApiRouter<Context> {
    OpenApiRouter::new()
        .routes(routes!(create::create, list::list))
        .routes(routes!(list::show, edit::update))
        .routes(routes!(phone::phone))
        .routes(routes!(customers::customers))
        .routes(routes!(customers::unattended))
        .routes(routes!(counts::show))
        .routes(routes!(marks::marks))
        .routes(routes!(notifications::notifications))
        .routes(routes!(notifications::read))
        .routes(routes!(me::data))
        .routes(routes!(me::disclosures))
        .routes(routes!(me::erase))
}

/// One example of each problem that only this service returns.
pub(crate) fn problems() -> Vec<Problem> {
    let older = InterestId(Uuid::from_u128(0x0193_a5d0_8c5e_7b64_9a3f_5f2c_1b7e_4d11));
    vec![
        project_ref::ambiguous_example(),
        Refusal::Merged { into: older }.into(),
        Refusal::Erased.into(),
    ]
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let en = refusal.to_string();
        match refusal {
            Refusal::Merged { into } => Self::conflict(
                "interest-merged",
                Text::new("같은 사업에 먼저 등록한 관심으로 합쳐졌습니다", en),
            )
            .with("into", into.to_string()),
            Refusal::Erased => Self::conflict(
                "interest-erased",
                Text::new("고객의 개인정보가 삭제되어 변경할 수 없습니다", en),
            ),
        }
    }
}
