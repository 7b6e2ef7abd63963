//! 「전화 보기」: the customer's full number for whoever works with him, recorded.

use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use events::InterestId;
use serde::{Deserialize, Serialize};
use service_kit::auth::{Only, Team};
use service_kit::http::{Path, Query, View, wrong_query};
use service_kit::problem::Text;
use service_kit::{Context, Problem};
use utoipa::{IntoParams, ToSchema};

use crate::http::sees;
use crate::store;

/// The longest purpose that is recorded, in characters: a sentence.
const LONGEST_WHY: usize = 200;

/// What the number is for.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct PhoneQuery {
    /// What the number is for: at most 200 characters, recorded with who read it and when. The customer may read it.
    #[param(max_length = 200)]
    why: Option<String>,
}

impl PhoneQuery {
    fn why(self) -> Result<Option<String>, Problem> {
        let why = self.why.map(|why| why.trim().to_owned()).filter(|why| !why.is_empty());
        match &why {
            Some(why) if why.chars().count() > LONGEST_WHY || why.chars().any(char::is_control) => {
                let ko = format!("why는 제어 문자 없이 {LONGEST_WHY}자 이하여야 합니다");
                let en = format!("why is at most {LONGEST_WHY} characters, none of them a control character");
                Err(wrong_query(Text::new(ko, en)))
            }
            _ => Ok(why),
        }
    }
}

/// A customer's number.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = InterestPhone, example = json!({ "phone": "+821012345678" }))]
pub(crate) struct PhoneView {
    /// In E.164.
    phone: String,
}

/// The customer's full number, for the salesman and the consultant who are on the interest and for staff. Each reading is recorded.
#[utoipa::path(
    get, path = "/interests/{id}/phone", tag = "interest", params(("id" = Uuid, Path), PhoneQuery),
    responses((status = 200, body = PhoneView, headers(("Cache-Control" = String, description = "`no-store`")))),
    extensions(("x-actors" = json!(["staff", "salesman", "consultant"]))),
)]
pub(crate) async fn phone(
    State(context): State<Context>,
    Only { 0: who, .. }: Only<Team>,
    Path(id): Path<InterestId>,
    Query(query): Query<PhoneQuery>,
) -> Result<Response, Problem> {
    let why = query.why()?;
    let mut tx = context.db.begin().await?;
    let stored = store::load(&mut tx, id).await?.filter(|stored| sees(&who, &stored.it)).ok_or_else(Problem::not_found)?;
    store::record_disclosure(&mut tx, &who, &stored.it, why.as_deref()).await?;
    tx.commit().await?;
    let mut response = View(PhoneView { phone: stored.it.phone.e164().to_owned() }).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}
