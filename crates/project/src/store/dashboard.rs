//! What began within a time, and the deadlines that come next.

use chrono::{Days, NaiveDate};
use sqlx::{FromRow, PgConnection};

use super::projects::{COLUMNS, StoredProject};
use super::work::Steps;

/// A part of the time that is looked at, by its first day: a day or a month.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    Day,
    Month,
}

impl Unit {
    /// The name of the unit in SQL.
    const fn as_sql(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Month => "month",
        }
    }
}

/// Interests that were created in a part.
#[derive(Debug, FromRow)]
pub(crate) struct InterestsOfPart {
    pub(crate) part: NaiveDate,
    pub(crate) count: i64,
}

/// Consultations that were created in a part, by their present step.
#[derive(Debug, FromRow)]
pub(crate) struct ConsultationsOfPart {
    pub(crate) part: NaiveDate,
    #[sqlx(flatten)]
    pub(crate) steps: Steps,
}

/// The instants of the days `$1` to `$2` in Seoul.
fn within(column: &str) -> String {
    format!(
        "{column} >= $1::date::timestamp at time zone 'Asia/Seoul'
         and {column} < ($2::date + 1)::timestamp at time zone 'Asia/Seoul'"
    )
}

fn part(column: &str, unit: Unit) -> String {
    let unit = unit.as_sql();
    format!("date_trunc('{unit}', {column} at time zone 'Asia/Seoul')::date as part")
}

/// The number of interests by the day or month of their creation, also of those that were turned
/// off or erased since. Parts without any are left out.
pub(crate) async fn interests(
    connection: &mut PgConnection,
    (from, until): (NaiveDate, NaiveDate),
    unit: Unit,
) -> Result<Vec<InterestsOfPart>, sqlx::Error> {
    let sql = format!(
        "select {part}, count(*) from known_interest where {within} group by 1",
        part = part("created_at", unit),
        within = within("created_at"),
    );
    sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(from)
        .bind(until)
        .fetch_all(connection)
        .await
}

/// The number of consultations by the day or month of their creation. Parts without any are left
/// out.
pub(crate) async fn consultations(
    connection: &mut PgConnection,
    (from, until): (NaiveDate, NaiveDate),
    unit: Unit,
) -> Result<Vec<ConsultationsOfPart>, sqlx::Error> {
    let sql = format!(
        "select {part}, count(*) filter (where step = 'apply') as apply,
                count(*) filter (where step = 'approved') as approved,
                count(*) filter (where step = 'succeeded') as succeeded,
                count(*) filter (where step = 'failed') as failed,
                count(*) filter (where step = 'cancelled') as cancelled
         from known_consultation where {within} group by 1",
        part = part("since", unit),
        within = within("since"),
    );
    sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(from)
        .bind(until)
        .fetch_all(connection)
        .await
}

/// How far ahead a deadline is shown.
const DAYS_AHEAD: Days = Days::new(14);

/// Per dashboard.
const MAX_DEADLINES: i64 = 50;

/// At most [`MAX_DEADLINES`] ongoing projects whose last day is today or within 14 days, the
/// soonest first; and the number of all.
pub(crate) async fn deadlines(
    connection: &mut PgConnection,
    today: NaiveDate,
) -> Result<(Vec<StoredProject>, i64), sqlx::Error> {
    const CONDITION: &str = "status = 'ongoing' and ends_on between $1 and $2";
    let end = today.checked_add_days(DAYS_AHEAD).unwrap_or(today);
    let sql =
        format!("select {COLUMNS} from project where {CONDITION} order by ends_on, id limit $3");
    let found = sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(today)
        .bind(end)
        .bind(MAX_DEADLINES)
        .fetch_all(&mut *connection)
        .await?;
    let sql = format!("select count(*) from project where {CONDITION}");
    let count = sqlx::query_scalar(sqlx::AssertSqlSafe(sql))
        .bind(today)
        .bind(end)
        .fetch_one(connection)
        .await?;
    Ok((found, count))
}
