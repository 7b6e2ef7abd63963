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
///
/// Those of a person are two queries, each with an index of its own, merged: a page reads no more
/// rows than it shows, however many matches the person or anybody else had.
pub(crate) async fn list(
    pool: &PgPool,
    caller: &Identity,
    filter: Filter,
    page: Page,
) -> Result<Vec<MatchRow>, sqlx::Error> {
    sqlx::query_as(AssertSqlSafe(list_sql(caller.role, filter)))
        .bind(caller.subject)
        .bind(filter.origin)
        .bind(filter.person)
        .bind(filter.open)
        .bind(page.after)
        .bind(page.fetch_limit())
        .fetch_all(pool)
        .await
}

/// SQL for a page: `$1` to `$4` as in [`visible_filtered`], `$5` the id before, `$6` the limit.
fn list_sql(role: Role, filter: Filter) -> String {
    let query = |condition: &str| {
        format!(
            "select {COLUMNS} from salesman_match m
             where {} and ($5::uuid is null or m.id < $5) {condition}
             order by m.id desc limit $6",
            visible_filtered(role)
        )
    };
    if filter.person.is_none() {
        return query("");
    }
    let open = open_condition(filter.open);
    let salesman = query(&format!("and salesman_id = $3 and {open}"));
    let consultant = query(&format!(
        "and consultant_id = $3 and salesman_id is distinct from $3 and {open}"
    ));
    format!("({salesman}) union all ({consultant}) order by id desc limit $6")
}

/// The filter as a text, so that the planner can use the indexes of open matches.
fn open_condition(open: Option<bool>) -> &'static str {
    match open {
        Some(true) => "closed_at is null",
        Some(false) => "closed_at is not null",
        None => "true",
    }
}

/// The number of open matches of a person. It is bounded by the person's capacity.
pub(crate) async fn count_open(pool: &PgPool, person: Uuid) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar(
        "select (select count(*) from salesman_match
                 where salesman_id = $1 and closed_at is null)
              + (select count(*) from salesman_match
                 where consultant_id = $1 and salesman_id is distinct from $1
                   and closed_at is null)",
    )
    .bind(person)
    .fetch_one(pool)
    .await
}
