//! Reading accounts.

use std::sync::Arc;

use axum::extract::State;
use serde::Deserialize;
use service_kit::Problem;
use service_kit::auth::Role;
use service_kit::http::describe::RoleName;
use service_kit::http::{PageQuery, Paged, Path, Query, Versioned};
use utoipa::IntoParams;
use uuid::Uuid;

use crate::api::accounts::view::AccountView;
use crate::auth::accounts::{self, AccountFilter};
use crate::state::AppState;

/// `?limit&after&role&active&person`.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct AccountsQuery {
    /// The largest number of accounts.
    #[param(minimum = 1, maximum = 100, default = 50)]
    limit: Option<u32>,
    /// `next` of the previous page.
    after: Option<String>,
    /// Only accounts with this role. Customers have none.
    #[param(inline, value_type = Option<RoleName>)]
    role: Option<Role>,
    /// Only open accounts, or only closed ones.
    active: Option<bool>,
    /// Only the account of this salesman or consultant.
    person: Option<Uuid>,
}

/// All accounts, newest first.
#[utoipa::path(
    get, path = "/api/accounts", tag = "accounts", params(AccountsQuery),
    responses((status = 200, body = Paged<AccountView>, description = "A page of accounts")),
)]
pub(crate) async fn list(
    State(state): State<Arc<AppState>>,
    Query(query): Query<AccountsQuery>,
) -> Result<Paged<AccountView>, Problem> {
    let page = PageQuery {
        limit: query.limit,
        after: query.after,
    }
    .page()?;
    let now = state.db.now();
    let filter = AccountFilter {
        role: query.role,
        active: query.active,
        person: query.person,
    };
    let accounts = accounts::list(state.db.pool(), filter, page).await?;
    let views = accounts
        .into_iter()
        .map(|account| AccountView::new(account, now))
        .collect();
    Ok(Paged::from_rows(views, page, |view: &AccountView| view.id))
}

/// One account.
#[utoipa::path(
    get, path = "/api/accounts/{id}", tag = "accounts",
    params(("id" = Uuid, Path, description = "The account's id")),
    responses((status = 200, body = AccountView, description = "The account")),
)]
pub(crate) async fn show(
    State(state): State<Arc<AppState>>,
    Path(id): Path<Uuid>,
) -> Result<Versioned<AccountView>, Problem> {
    let mut connection = state.db.pool().acquire().await?;
    let account = accounts::find(&mut connection, id)
        .await?
        .ok_or_else(Problem::not_found)?;
    Ok(AccountView::versioned(account, state.db.now()))
}
