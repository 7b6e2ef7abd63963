//! 「전화 보기」: the customer's full number for whoever works with him, recorded.

use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use events::InterestId;
use serde::Serialize;
use service_kit::auth::{Identity, Role};
use service_kit::http::{Path, Query, View};
use service_kit::privacy::disclosure::ReasonQuery;
use service_kit::{Context, Problem};
use utoipa::ToSchema;

use crate::http::sees;
use crate::interest::Interest;
use crate::store::{self, disclosures};

/// A customer's number.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = InterestPhone)]
pub(crate) struct PhoneView {
    /// In E.164.
    phone: String,
}

/// Whether somebody may read the number: as long as the interest is on, for then the customer expects to be called. Staff answer for the rest.
fn may_call(who: &Identity, it: &Interest) -> bool {
    sees(who, it) && (it.interested || who.role == Role::Staff)
}

/// The customer's full number, for the salesman and the consultant who are on the interest while it is on, and for staff. Each reading is recorded.
#[utoipa::path(
    get, path = "/interests/{id}/phone", tag = "interest", params(("id" = Uuid, Path), ReasonQuery),
    responses((status = 200, body = PhoneView, headers(("Cache-Control" = String, description = "`no-store`")))),
)]
pub(crate) async fn phone(
    State(context): State<Context>,
    who: Identity,
    Path(id): Path<InterestId>,
    Query(query): Query<ReasonQuery>,
) -> Result<Response, Problem> {
    let why = query.read()?;
    let mut tx = context.db.begin().await?;
    // What is recorded while he is erased would outlast it.
    store::lock(&mut tx, id).await?;
    let it = store::load(&mut tx, id)
        .await?
        .map(|stored| stored.it)
        .filter(|it| may_call(&who, it))
        .ok_or_else(Problem::not_found)?;
    // Of one whose customer was erased there is none, for nobody.
    let phone = it.phone.as_ref().ok_or_else(Problem::not_found)?;
    disclosures::record(&mut tx, &who, &it, why.as_deref()).await?;
    tx.commit().await?;
    let mut response = View(PhoneView {
        phone: phone.e164().to_owned(),
    })
    .into_response();
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}
