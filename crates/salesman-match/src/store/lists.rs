//! Which matches a reader may see and asks for, and the list of them, newest first.

use service_kit::auth::{Identity, Role};
use service_kit::http::Page;
use sqlx::PgPool;
use uuid::Uuid;

use super::{COLUMNS, Stored};

/// Which matches a reader asks for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Filter {
    /// The interest or consultation.
    pub(crate) origin: Option<Uuid>,
    /// Somebody who is on it, in either place.
    pub(crate) person: Option<Uuid>,
    /// Open ones, or closed ones.
    pub(crate) open: Option<bool>,
}

/// What a reader may see ($1), and asked for ($2 to $4).
pub(super) fn visible(role: Role) -> String {
    let mine = match role {
        Role::Customer => "customer_id = $1 and erased_at is null",
        Role::Salesman => "salesman_id = $1 and erased_at is null",
        Role::Consultant => "consultant_id = $1 and erased_at is null",
        Role::Staff => "$1::uuid is not null",
    };
    format!(
        "{mine} and ($2::uuid is null or origin_id = $2) and ($3::uuid is null or salesman_id = $3 or consultant_id = $3)
         and ($4::boolean is null or (closed_at is null) = $4)"
    )
}

/// The matches somebody may see, newest first.
pub(crate) async fn newest(
    pool: &PgPool,
    who: &Identity,
    filter: Filter,
    page: Page,
) -> Result<Vec<Stored>, sqlx::Error> {
    let sql = format!(
        "select {COLUMNS} from salesman_match it where {} and ($5::uuid is null or it.id < $5) order by it.id desc limit $6",
        visible(who.role)
    );
    sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(who.subject)
        .bind(filter.origin)
        .bind(filter.person)
        .bind(filter.open)
        .bind(page.after)
        .bind(page.fetch_limit())
        .fetch_all(pool)
        .await
}
