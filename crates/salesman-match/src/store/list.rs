//! The matches that a caller may see: one of them, or a list, newest first.

use events::MatchId;
use service_kit::auth::{Identity, Role};
use service_kit::http::Page;
use sqlx::{AssertSqlSafe, PgPool};
use uuid::Uuid;

use super::row::{COLUMNS, MatchRow};

/// Restricts a list.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Filter {
    /// An interest or a consultation.
    pub(crate) origin: Option<Uuid>,
    /// A salesman or a consultant on the match.
    pub(crate) person: Option<Uuid>,
    /// Open or closed matches only.
    pub(crate) open: Option<bool>,
}

/// The condition for what a caller ($1) may see. Only staff see matches of erased customers.
fn visible(role: Role) -> &'static str {
    match role {
        Role::Customer => "customer_id = $1 and erased_at is null",
        Role::Salesman => "salesman_id = $1 and erased_at is null",
        Role::Consultant => "consultant_id = $1 and erased_at is null",
        Role::Staff => "$1::uuid is not null",
    }
}

/// The condition for what a caller ($1) may see, with the filters ($2 to $4).
pub(super) fn visible_filtered(role: Role) -> String {
    format!(
        "{} and ($2::uuid is null or origin_id = $2)
         and ($3::uuid is null or salesman_id = $3 or consultant_id = $3)
         and ($4::boolean is null or (closed_at is null) = $4)",
        visible(role)
    )
}

/// A match, if the caller may see it.
pub(crate) async fn find(
    pool: &PgPool,
    caller: &Identity,
    id: MatchId,
) -> Result<Option<MatchRow>, sqlx::Error> {
    let visible = visible(caller.role);
    let sql = format!("select {COLUMNS} from salesman_match m where {visible} and m.id = $2");
    sqlx::query_as(AssertSqlSafe(sql))
        .bind(caller.subject)
        .bind(id.0)
        .fetch_optional(pool)
        .await
}

/// The matches that the caller may see, filtered, newest first.
pub(crate) async fn list(
    pool: &PgPool,
    caller: &Identity,
    filter: Filter,
    page: Page,
) -> Result<Vec<MatchRow>, sqlx::Error> {
    let sql = format!(
        "select {COLUMNS} from salesman_match m
         where {} and ($5::uuid is null or m.id < $5) order by m.id desc limit $6",
        visible_filtered(caller.role)
    );
    sqlx::query_as(AssertSqlSafe(sql))
        .bind(caller.subject)
        .bind(filter.origin)
        .bind(filter.person)
        .bind(filter.open)
        .bind(page.after)
        .bind(page.fetch_limit())
        .fetch_all(pool)
        .await
}
