//! Whom a customer calls.

use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use chrono::TimeDelta;
use events::{PersonRole, SalesmanId};
use serde::Serialize;
use service_kit::auth::Identity;
use service_kit::http::describe::PersonRoleName;
use service_kit::http::{Path, View};
use service_kit::{Context, Problem};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::store::{self, assignments};

/// The salesman or consultant who is matched with the customer.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CardView {
    /// Who.
    id: Uuid,
    /// The name he chose to be shown by.
    display_name: String,
    /// 영업대표 or 컨설턴트.
    #[schema(value_type = PersonRoleName)]
    role: PersonRole,
    /// His number as it is written and dialled in Korea.
    phone: String,
}

/// How long after the end of what somebody was on its customer can still call him: there are questions after the last step, too.
const AFTER_THE_END: TimeDelta = TimeDelta::days(30);

/// Name and number of the salesman or consultant who is on something of the caller's, or was less than 30 days ago when it was closed. Nobody
/// else's exists for him.
#[utoipa::path(
    get, path = "/salesmen/{id}/card", tag = "salesman", params(("id" = Uuid, Path, description = "Whose")),
    responses((
        status = 200, body = CardView, description = "Whom to call; not to be kept, because it ends 30 days after what he is on, or at once when somebody else is put there",
        headers(("Cache-Control" = String, description = "`no-store`")),
    )),
)]
pub(super) async fn show(
    State(context): State<Context>,
    who: Identity,
    Path(id): Path<SalesmanId>,
) -> Result<impl IntoResponse, Problem> {
    let mut connection = context.db.pool().acquire().await?;
    let closed_after = context.db.now() - AFTER_THE_END;
    if !assignments::is_matched(&mut connection, id, who.subject, closed_after).await? {
        return Err(Problem::not_found());
    }
    let it = store::load(&mut connection, id)
        .await?
        .ok_or_else(Problem::not_found)?
        .it;
    let view = CardView {
        id: it.id.0,
        phone: it.phone.national(),
        display_name: it.display_name,
        role: it.role,
    };
    Ok(([(header::CACHE_CONTROL, "no-store")], View(view)))
}
