//! The card of a salesman or consultant for their customers.

use axum::extract::State;
use chrono::TimeDelta;
use events::{PersonRole, SalesmanId};
use serde::Serialize;
use service_kit::auth::Identity;
use service_kit::http::describe::PersonRoleName;
use service_kit::http::{NoStore, Path, View};
use service_kit::{Context, Problem};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::store::{assignments, roster};

/// A salesman or consultant who is matched with the customer.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CardView {
    id: Uuid,
    /// The name that customers see.
    display_name: String,
    /// 영업대표 or 컨설턴트.
    #[schema(value_type = PersonRoleName)]
    role: PersonRole,
    /// In the national format, as in `010-1234-5678`.
    phone: String,
}

/// Customers have questions after the last step too.
const ACCESS_AFTER_CLOSING: TimeDelta = TimeDelta::days(30);

/// Name and phone number of a salesman or consultant who is assigned to an open interest or
/// consultation of the caller, or to one that was closed less than 30 days ago. 404 for others.
#[utoipa::path(
    get, path = "/salesmen/{id}/card", tag = "salesman",
    params(("id" = Uuid, Path, description = "The id of the salesman or consultant")),
    responses((
        status = 200, body = CardView,
        description = "The card. Do not store it: access ends 30 days after closing, or when \
                       another person is matched",
        headers(("Cache-Control" = String, description = "`no-store`")),
    )),
)]
pub(super) async fn show(
    State(context): State<Context>,
    caller: Identity,
    Path(id): Path<SalesmanId>,
) -> Result<NoStore<View<CardView>>, Problem> {
    let mut connection = context.db.pool().acquire().await?;
    let closed_after = context.db.now() - ACCESS_AFTER_CLOSING;
    let customer = caller.subject;
    if !assignments::is_assigned_to_customer(&mut connection, id, customer, closed_after).await? {
        return Err(Problem::not_found());
    }
    let salesman = roster::load(&mut connection, id)
        .await?
        .ok_or_else(Problem::not_found)?
        .salesman;
    Ok(NoStore(View(CardView {
        id: salesman.id.0,
        phone: salesman.phone.national(),
        display_name: salesman.profile.display_name,
        role: salesman.profile.role,
    })))
}
