//! How many interests and customers a caller has.

use axum::extract::State;
use serde::Serialize;
use service_kit::auth::{Identity, Role};
use service_kit::http::View;
use service_kit::{Context, Problem};
use utoipa::ToSchema;

use crate::http::customers::UNATTENDED_AFTER;
use crate::store::counts;

/// Numbers of the interests that the caller may see, without merged ones.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = InterestCounts)]
pub(crate) struct CountsView {
    /// Interests that are on.
    interested: i64,
    /// Interests that are off.
    not_interested: i64,
    /// The customers that the caller serves; for staff, one for each customer and salesman. Counted
    /// up to 1,000. Absent for customers.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0, maximum = 1000)]
    customers: Option<i64>,
    /// Those of `customers` without activity for 30 days. Absent for customers.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0, maximum = 1000)]
    unattended: Option<i64>,
}

/// How many interests the caller may see, and how many customers the caller serves.
#[utoipa::path(
    get, path = "/interests/counts", tag = "interest",
    responses((status = 200, body = CountsView, description = "The numbers now")),
)]
pub(crate) async fn show(
    State(context): State<Context>,
    caller: Identity,
) -> Result<View<CountsView>, Problem> {
    let pool = context.db.pool();
    let interests = counts::interests(pool, &caller).await?;
    let (mut customers, mut unattended) = (None, None);
    if caller.role != Role::Customer {
        let until = context.db.now() - UNATTENDED_AFTER;
        customers = Some(counts::customers(pool, &caller, None).await?);
        unattended = Some(counts::customers(pool, &caller, Some(until)).await?);
    }
    Ok(View(CountsView {
        interested: interests.interested,
        not_interested: interests.not_interested,
        customers,
        unattended,
    }))
}
