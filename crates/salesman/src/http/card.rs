//! Whom a customer calls.

use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use events::{PersonRole, SalesmanId};
use serde::Serialize;
use service_kit::auth::{Customers, Only};
use service_kit::describe::PersonRoleName;
use service_kit::http::{Path, View};
use service_kit::phone::Phone;
use service_kit::{Context, Problem};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::store::{self, assignments};

/// The salesman or consultant who is matched with the customer.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({
    "id": "0193a5d0-8c5e-7b64-9a3f-5f2c1b7e4d01", "displayName": "하늘", "role": "salesman", "phone": "010-1234-5678",
}))]
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

/// Name and number of the salesman or consultant who is matched with the caller. Nobody else's exists for him.
#[utoipa::path(
    get, path = "/salesmen/{id}/card", tag = "salesman", params(("id" = Uuid, Path, description = "Whose")),
    responses((
        status = 200, body = CardView, description = "Whom to call; not to be kept, because it ends with the match",
        headers(("Cache-Control" = String, description = "`no-store`")),
    )),
    extensions(("x-actors" = json!(["customer"]))),
)]
pub(super) async fn show(
    State(context): State<Context>,
    who: Only<Customers>,
    Path(id): Path<SalesmanId>,
) -> Result<impl IntoResponse, Problem> {
    let mut connection = context.db.pool().acquire().await?;
    if !assignments::is_matched(&mut connection, id, who.0.subject).await? {
        return Err(Problem::not_found());
    }
    let it = store::load(&mut connection, id).await?.ok_or_else(Problem::not_found)?.it;
    let view = CardView { id: it.id.0, phone: national(&it.phone), display_name: it.display_name, role: it.role };
    Ok(([(header::CACHE_CONTROL, "no-store")], View(view)))
}

/// `010-1234-5678`: what hides behind the stars of the masked form, in their place.
fn national(phone: &Phone) -> String {
    const LAST: usize = 4;
    let masked = phone.masked();
    let digits = phone.e164().replacen("+82", "0", 1);
    let head = masked.find('-').unwrap_or_default();
    let middle = digits.get(head..digits.len().saturating_sub(LAST)).unwrap_or_default();
    masked.replace("****", middle)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_written_as_people_in_korea_write_it() {
        for written in ["010-1234-5678", "02-123-4567", "02-1234-5678", "031-123-4567", "070-1234-5678"] {
            assert_eq!(national(&written.parse().unwrap()), written);
        }
    }
}
