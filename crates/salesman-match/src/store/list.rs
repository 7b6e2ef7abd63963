//! The matches that a caller may see: one of them, or a list, newest first.

use events::MatchId;
use service_kit::auth::{Identity, Role};
use service_kit::http::Page;
use sqlx::{PgPool, Postgres, QueryBuilder};
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

/// The column that contains the caller in the matches that the caller may see. Staff see all.
pub(super) fn own_column(role: Role) -> Option<&'static str> {
    match role {
        Role::Customer => Some("customer_id"),
        Role::Salesman => Some("salesman_id"),
        Role::Consultant => Some("consultant_id"),
        Role::Staff => None,
    }
}

/// A match, if the caller may see it.
pub(crate) async fn find(
    pool: &PgPool,
    caller: &Identity,
    id: MatchId,
) -> Result<Option<MatchRow>, sqlx::Error> {
    let mut query = QueryBuilder::new(format!(
        "select {COLUMNS} from salesman_match m where m.id = "
    ));
    query.push_bind(id.0);
    if let Some(column) = own_column(caller.role) {
        query
            .push(format!(" and erased_at is null and {column} = "))
            .push_bind(caller.subject);
    }
    query.build_query_as().fetch_optional(pool).await
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
    let mut query = QueryBuilder::new("");
    match (own_column(caller.role), filter.person) {
        (Some(column), person) if person.is_none_or(|id| is_own(caller, id)) => {
            push_select(
                &mut query,
                (caller, filter, page),
                Some((column, caller.subject)),
                "",
            );
        }
        (_, None) => push_select(&mut query, (caller, filter, page), None, ""),
        (_, Some(person)) => {
            query.push("select * from ((");
            let salesman = Some(("salesman_id", person));
            push_select(&mut query, (caller, filter, page), salesman, "");
            query.push(") union all (");
            let consultant = Some(("consultant_id", person));
            let not_both = " and salesman_id is distinct from consultant_id";
            push_select(&mut query, (caller, filter, page), consultant, not_both);
            query
                .push(")) merged order by id desc limit ")
                .push_bind(page.fetch_limit());
        }
    }
    query.build_query_as().fetch_all(pool).await
}

/// Whether it is the caller as a salesman or consultant: a customer is on no match as one.
fn is_own(caller: &Identity, person: Uuid) -> bool {
    caller.role != Role::Customer && person == caller.subject
}

/// A page of the matches with this id in this column, or of all.
///
/// The id is compared as an array of one, so that the order by column and id is not the order by
/// id alone to the planner: that index contains the matches of everybody else.
fn push_select(
    query: &mut QueryBuilder<Postgres>,
    (caller, filter, page): (&Identity, Filter, Page),
    key: Option<(&str, Uuid)>,
    condition: &str,
) {
    query
        .push(format!(
            "select {COLUMNS} from salesman_match m where m.id < "
        ))
        .push_bind(page.before());
    query.push(condition);
    if let Some((column, id)) = key {
        query
            .push(format!(" and {column} = any(array["))
            .push_bind(id)
            .push("])");
    }
    if let Some(column) = own_column(caller.role) {
        query.push(" and erased_at is null");
        if key != Some((column, caller.subject)) {
            query
                .push(format!(" and {column} = "))
                .push_bind(caller.subject);
        }
    }
    push_filter(query, filter);
    query.push(" order by ");
    if let Some((column, _)) = key {
        query.push(format!("{column}, "));
    }
    query.push("m.id desc limit ").push_bind(page.fetch_limit());
}

/// The conditions of the filter, except the person.
pub(super) fn push_filter(query: &mut QueryBuilder<Postgres>, filter: Filter) {
    if let Some(origin) = filter.origin {
        query.push(" and origin_id = ").push_bind(origin);
    }
    // As a text, so that the planner can use the indexes of open matches.
    match filter.open {
        Some(true) => query.push(" and closed_at is null"),
        Some(false) => query.push(" and closed_at is not null"),
        None => query,
    };
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
