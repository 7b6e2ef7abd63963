//! The roster.

use axum::extract::State;
use events::PersonRole;
use serde::Deserialize;
use service_kit::auth::Staff;
use service_kit::forms::text::searchable;
use service_kit::http::describe::PersonRoleName;
use service_kit::http::problem::{Text, invalid_query};
use service_kit::http::{PageQuery, Paged, Query};
use service_kit::{Context, Problem};
use utoipa::IntoParams;

use super::views::SalesmanView;
use crate::salesman::MAX_NAME_LENGTH;
use crate::store;

/// `?role&active&q` of the roster.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct RosterFilter {
    /// Only people with this role.
    #[param(inline, value_type = Option<PersonRoleName>)]
    role: Option<PersonRole>,
    /// Only people who can be matched, or only those who cannot.
    active: Option<bool>,
    /// Part of the full name or of the name that customers see, or the whole phone number.
    #[param(max_length = 100)]
    q: Option<String>,
}

/// All salesmen and consultants, newest first, with their counts.
#[utoipa::path(
    get, path = "/salesmen", tag = "salesman", params(PageQuery, RosterFilter),
    responses((status = 200, body = Paged<SalesmanView>, description = "One page of the roster")),
)]
pub(super) async fn list(
    State(context): State<Context>,
    _: Staff,
    Query(page): Query<PageQuery>,
    Query(filter): Query<RosterFilter>,
) -> Result<Paged<SalesmanView>, Problem> {
    let page = page.page()?;
    let RosterFilter { role, active, q } = filter;
    let text = q.as_deref().map(searchable).filter(|text| !text.is_empty());
    if text.as_ref().is_some_and(|text| {
        text.chars().count() > MAX_NAME_LENGTH || text.chars().any(char::is_control)
    }) {
        return Err(invalid_query(Text::new(
            format!("이름(q)은 {MAX_NAME_LENGTH}자 이하로 입력해 주세요"),
            format!("q is a name of at most {MAX_NAME_LENGTH} characters"),
        )));
    }
    let entries = store::list::list(context.db.pool(), role, active, text.as_deref(), page).await?;
    let now = context.db.now();
    let views = entries
        .into_iter()
        .map(|entry| SalesmanView::new(entry, now))
        .collect();
    Ok(Paged::from_rows(views, page, |view: &SalesmanView| view.id))
}
