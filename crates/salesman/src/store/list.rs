//! Pages of the roster.

use events::PersonRole;
use service_kit::forms::phone::Phone;
use service_kit::http::Page;
use sqlx::{AssertSqlSafe, PgPool};

use super::roster::{COLUMNS, RosterEntry, TABLES};

/// One page of the people who match every given filter, newest first.
///
/// `text` is a part of the full name or of the display name, in upper or lower case, or the whole
/// phone number.
pub(crate) async fn list(
    pool: &PgPool,
    role: Option<PersonRole>,
    active: Option<bool>,
    text: Option<&str>,
    page: Page,
) -> Result<Vec<RosterEntry>, sqlx::Error> {
    let sql = format!(
        "select {COLUMNS} from {TABLES}
         where id < $1
           and ($2::text is null or role = $2)
           and ($3::boolean is null or active = $3)
           and ($4::text is null or phone = $5
                or strpos(lower(normalize(name, nfkc)), lower($4)) > 0
                or strpos(lower(normalize(display_name, nfkc)), lower($4)) > 0)
         order by id desc limit $6"
    );
    let phone: Option<Phone> = text.and_then(|text| text.parse().ok());
    sqlx::query_as(AssertSqlSafe(sql))
        .bind(page.before())
        .bind(role.map(PersonRole::as_str))
        .bind(active)
        .bind(text)
        .bind(phone.as_ref().map(Phone::e164))
        .bind(page.fetch_limit())
        .fetch_all(pool)
        .await
}
