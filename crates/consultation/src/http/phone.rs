//! 「전화 보기」: the whole number, for whoever has to call, and written down.

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use events::ConsultationId;
use serde::{Deserialize, Serialize};
use service_kit::auth::{Only, Team};
use service_kit::http::{Field, Fields, Path, Query, View, wrong_query};
use service_kit::problem::Text;
use service_kit::{Context, Problem};
use utoipa::{IntoParams, ToSchema};

use super::seen_by;
use crate::store::disclosures;

/// The longest reason to look, in characters.
const LONGEST_WHY: usize = 200;

/// Why somebody looks.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct WhyQuery {
    /// Why the number is needed: its customer may read that.
    #[param(max_length = 200, example = "방문 일정 확인")]
    why: Option<String>,
}

/// A customer's number.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({ "phone": "+821012345678" }))]
pub(crate) struct PhoneView {
    /// The whole of it, in E.164.
    phone: String,
}

/// The customer's whole number, for the salesman and the consultant who are on it and for staff. Who looked, when and why is written down.
#[utoipa::path(
    get, path = "/consultations/{id}/phone", tag = "consultation", params(("id" = Uuid, Path), WhyQuery),
    responses((status = 200, body = PhoneView, description = "The number; not to be stored")),
    extensions(("x-actors" = json!(["salesman", "consultant", "staff"]))),
)]
pub(super) async fn phone(
    State(context): State<Context>,
    Only { 0: who, .. }: Only<Team>,
    Path(id): Path<ConsultationId>,
    Query(query): Query<WhyQuery>,
) -> Result<Response, Problem> {
    let mut fields = Fields::default();
    let why = query.why.map_or(Field::Missing, Field::Given);
    let why = fields.optional_text("/why", why, LONGEST_WHY).filter(|why| !why.is_empty());
    if !fields.all_right() {
        return Err(wrong_query(Text::new(
            "why는 제어 문자 없이 200자까지입니다",
            "why has at most 200 characters, and no control characters",
        )));
    }
    let mut tx = context.db.begin().await?;
    let it = seen_by(&mut tx, &who, id).await?.it;
    disclosures::write(&mut tx, &it, &who, why.as_deref()).await?;
    tx.commit().await?;
    let view = PhoneView { phone: it.phone.e164().to_owned() };
    Ok(([(header::CACHE_CONTROL, "no-store")], View(view)).into_response())
}
