//! 「전화 보기」: the whole number, for whoever has to call, and written down.

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use events::ConsultationId;
use serde::Serialize;
use service_kit::auth::Identity;
use service_kit::http::{Path, Query, View};
use service_kit::privacy::disclosure::ReasonQuery;
use service_kit::{Context, Problem};
use utoipa::ToSchema;

use super::sees;
use crate::store::{self, disclosures};

/// A customer's number.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PhoneView {
    /// The whole of it, in E.164.
    phone: String,
}

/// The customer's whole number, for the salesman and the consultant who are on it and for staff. Who looked, when and why is written down.
#[utoipa::path(
    get, path = "/consultations/{id}/phone", tag = "consultation", params(("id" = Uuid, Path), ReasonQuery),
    responses((status = 200, body = PhoneView, description = "The number; not to be stored")),
)]
pub(super) async fn phone(
    State(context): State<Context>,
    who: Identity,
    Path(id): Path<ConsultationId>,
    Query(query): Query<ReasonQuery>,
) -> Result<Response, Problem> {
    let why = query.read()?;
    let mut tx = context.db.begin().await?;
    let it = store::held(&mut tx, id)
        .await?
        .map(|stored| stored.it)
        .filter(|it| sees(&who, it));
    let it = it.ok_or_else(Problem::not_found)?;
    // Staff see that there was a consultation, but there is no number any more.
    let phone = it.phone.as_ref().ok_or_else(Problem::not_found)?;
    disclosures::write(&mut tx, &it, &who, why.as_deref()).await?;
    tx.commit().await?;
    let view = PhoneView {
        phone: phone.e164().to_owned(),
    };
    Ok(([(header::CACHE_CONTROL, "no-store")], View(view)).into_response())
}
