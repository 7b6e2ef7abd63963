//! What a customer marked, and the programmes that share something with it.

use chrono::{Days, NaiveDate};
use events::{Category, CustomerId, Region};
use sqlx::PgPool;
use sqlx::types::Json;
use uuid::Uuid;

use super::list::phase_sql;
use super::{COLUMNS, Row, Stored, word};
use crate::visit_card::{Mark, Traits};

/// How many of the marks of one customer are looked at, the newest first: nobody talks about more.
const MOST_MARKS: i64 = 50;

#[derive(sqlx::FromRow)]
struct MarkRow {
    id: Uuid,
    series_id: Uuid,
    name: String,
    category: String,
    regions: Json<Vec<Region>>,
    target_words: Vec<String>,
}

/// What the customer marked: of each series he is interested in the newest edition that has not ended, or else the newest; and what he has
/// open consultations about.
pub(crate) async fn marks(pool: &PgPool, customer: CustomerId) -> Result<Vec<Mark>, sqlx::Error> {
    let rows: Vec<MarkRow> = sqlx::query_as(
        "with marked as (
             select interest.since,
                    (select edition.id from project edition
                     where edition.series_id = coalesce(interest.series_id, (select series_id from project where id = interest.project_id))
                     order by edition.status = 'ended', edition.year desc, edition.id desc limit 1) as project_id
             from known_interest interest where interest.customer_id = $1 and interest.interested
             union all
             select since, project_id from known_consultation where customer_id = $1 and step in ('apply', 'approved')
         ),
         newest as (select project_id, max(since) as since from marked group by project_id)
         select id, series_id, name, category, regions, target_words
         from newest join project on project.id = newest.project_id
         order by since desc, id desc limit $2",
    )
    .bind(customer.0)
    .bind(MOST_MARKS)
    .fetch_all(pool)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(Mark {
                project_id: row.id,
                series_id: row.series_id,
                name: row.name,
                category: word::<Category>(row.category)?,
                regions: row.regions.0,
                target_words: row.target_words,
            })
        })
        .collect()
}

/// How far ahead an edition that nobody can apply for yet is worth talking about.
const SOON: Days = Days::new(30);

/// How many programmes a card holds.
const MOST_ON_A_CARD: i64 = 20;

/// Programmes that one can apply for today, or within 30 days, and that have one of the traits: those with the most first, then by deadline.
pub(crate) async fn programmes(
    pool: &PgPool,
    traits: &Traits,
    today: NaiveDate,
) -> Result<Vec<Stored>, sqlx::Error> {
    let phase = phase_sql("$4::date");
    let sql = format!(
        "select {COLUMNS} from project
         cross join lateral (
             select (category = any($1))::int + (regions ?| $2)::int + (target_words && $3)::int as count
         ) shared
         where status <> 'ended' and shared.count > 0
           and ({phase} in ('open', 'closing', 'always', 'until_budget')
                or {phase} = 'upcoming' and starts_on between $4 and $5)
         order by shared.count desc, ends_on nulls last, id limit $6"
    );
    let rows: Vec<Row> = sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(
            traits
                .categories
                .iter()
                .map(|category| category.as_str())
                .collect::<Vec<_>>(),
        )
        .bind(
            traits
                .regions
                .iter()
                .map(|region| region.as_str())
                .collect::<Vec<_>>(),
        )
        .bind(&traits.target_words)
        .bind(today)
        .bind(today.checked_add_days(SOON).unwrap_or(today))
        .bind(MOST_ON_A_CARD)
        .fetch_all(pool)
        .await?;
    rows.into_iter().map(Stored::try_from).collect()
}
