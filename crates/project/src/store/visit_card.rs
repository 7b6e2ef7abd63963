//! What a customer marked, the programmes that have something in common with it, and their history.

use std::collections::HashMap;

use chrono::{Days, NaiveDate};
use events::{CustomerId, Phase};
use sqlx::postgres::PgRow;
use sqlx::{FromRow, PgPool, Row as _};
use uuid::Uuid;

use super::columns::{enum_column, regions_columns};
use super::filter::{OPEN_UNTIL, phase_sql};
use super::projects::{COLUMNS, StoredProject};
use crate::visit_card::{EarlierEdition, Mark, Traits};

/// Per customer, the newest first.
const MAX_MARKS: i64 = 50;

impl FromRow<'_, PgRow> for Mark {
    fn from_row(row: &PgRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            series_id: row.try_get("series_id")?,
            name: row.try_get("name")?,
            category: enum_column(row, "category")?,
            regions: regions_columns(row)?,
            target_words: row.try_get("target_words")?,
        })
    }
}

/// The programmes that the customer is interested in, and those of open consultations. Of a series,
/// the newest edition that has not ended, else the newest.
pub(crate) async fn marks(pool: &PgPool, customer: CustomerId) -> Result<Vec<Mark>, sqlx::Error> {
    sqlx::query_as(
        "with marked as (
             select interest.since,
                    (select edition.id from project edition
                     where edition.series_id = coalesce(
                         interest.series_id,
                         (select series_id from project where id = interest.project_id))
                     order by edition.status = 'ended', edition.year desc, edition.id desc
                     limit 1) as project_id
             from known_interest interest
             where interest.customer_id = $1 and interest.interested
             union all
             select since, project_id from known_consultation
             where customer_id = $1 and step in ('apply', 'approved')
         ),
         newest as (select project_id, max(since) as since from marked group by project_id)
         select series_id, name, category, regions, region_names, target_words
         from newest join project on project.id = newest.project_id
         order by since desc, id desc limit $2",
    )
    .bind(customer.0)
    .bind(MAX_MARKS)
    .fetch_all(pool)
    .await
}

/// How far ahead a programme may open.
const MAX_DAYS_AHEAD: Days = Days::new(30);

const MAX_PROGRAMMES: i64 = 20;

/// At most [`MAX_PROGRAMMES`] that have one of the traits and are open today or open within 30
/// days: those with the most traits first, then by deadline.
pub(crate) async fn programmes(
    pool: &PgPool,
    traits: &Traits,
    today: NaiveDate,
) -> Result<Vec<StoredProject>, sqlx::Error> {
    let today_sql = "$4::date";
    let is_open = [
        Phase::Open,
        Phase::Closing,
        Phase::Always,
        Phase::UntilBudget,
    ]
    .map(|phase| phase_sql(phase, today_sql))
    .join(" or ");
    let is_upcoming = phase_sql(Phase::Upcoming, today_sql);
    let sql = format!(
        "select {COLUMNS} from project
         cross join lateral (
             select (category = any($1))::int + (regions ?| $2)::int + (target_words && $3)::int
                 as count
         ) shared
         where {OPEN_UNTIL} >= $4 and shared.count > 0
           and ({is_open} or {is_upcoming} and starts_on between $4 and $5)
         order by shared.count desc, ends_on nulls last, id limit $6"
    );
    let categories: Vec<&str> = traits
        .categories
        .iter()
        .map(|category| category.as_str())
        .collect();
    let regions: Vec<&str> = traits
        .regions
        .iter()
        .map(|region| region.as_str())
        .collect();
    sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(categories)
        .bind(regions)
        .bind(&traits.target_words)
        .bind(today)
        .bind(today.checked_add_days(MAX_DAYS_AHEAD).unwrap_or(today))
        .bind(MAX_PROGRAMMES)
        .fetch_all(pool)
        .await
}

/// The editions of these series that are or were open, by series. A planned one may never open.
pub(crate) async fn opened_editions(
    pool: &PgPool,
    series: &[Uuid],
) -> Result<HashMap<Uuid, Vec<EarlierEdition>>, sqlx::Error> {
    let rows: Vec<(Uuid, i32, Option<NaiveDate>)> = sqlx::query_as(
        "select series_id, year, starts_on from project
         where series_id = any($1) and status <> 'planned'",
    )
    .bind(series)
    .fetch_all(pool)
    .await?;
    let mut editions: HashMap<Uuid, Vec<EarlierEdition>> = HashMap::new();
    for (series, year, starts_on) in rows {
        let of_series = editions.entry(series).or_default();
        of_series.push(EarlierEdition { year, starts_on });
    }
    Ok(editions)
}
