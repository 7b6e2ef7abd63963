//! Reads interests: a list, or one.

use axum::extract::State;
use axum::http::StatusCode;
use events::InterestId;
use service_kit::auth::Identity;
use service_kit::clock::seoul_date;
use service_kit::http::{PageQuery, Paged, Path, Query, Versioned};
use service_kit::{Context, Problem};

use crate::http::access::can_see;
use crate::http::views::InterestView;
use crate::store::list::InterestFilter;
use crate::store::{self, interests};

/// The interests that the caller may see, newest first, each with its project's current state.
///
/// Customers see their own interests, salesmen and consultants those they are assigned to. Staff
/// see all, including those of erased customers.
#[utoipa::path(
    get, path = "/interests", tag = "interest", params(PageQuery, InterestFilter),
    responses((status = 200, body = Paged<InterestView>)),
)]
pub(crate) async fn list(
    State(context): State<Context>,
    caller: Identity,
    Query(query): Query<PageQuery>,
    Query(filter): Query<InterestFilter>,
) -> Result<Paged<InterestView>, Problem> {
    let page = query.page()?;
    let rows = store::list::list(context.db.pool(), &caller, filter, page).await?;
    let today = seoul_date(context.db.now());
    let views = rows
        .into_iter()
        .map(|stored| InterestView::new(stored, caller.role, today))
        .collect();
    Ok(Paged::from_rows(views, page, |view: &InterestView| view.id))
}

/// One interest, with its project's current state.
#[utoipa::path(
    get, path = "/interests/{id}", tag = "interest", params(("id" = Uuid, Path)),
    responses((status = 200, body = InterestView)),
)]
pub(crate) async fn show(
    State(context): State<Context>,
    caller: Identity,
    Path(id): Path<InterestId>,
) -> Result<Versioned<InterestView>, Problem> {
    let mut connection = context.db.pool().acquire().await?;
    let stored = interests::load(&mut connection, id)
        .await?
        .filter(|stored| can_see(&caller, &stored.interest))
        .ok_or_else(Problem::not_found)?;
    let today = seoul_date(context.db.now());
    Ok(InterestView::versioned(
        stored,
        StatusCode::OK,
        caller.role,
        today,
    ))
}
