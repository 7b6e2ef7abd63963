//! Counts projects by what a list can be filtered by.

use chrono::NaiveDate;
use events::{Phase, Region};
use sqlx::postgres::PgRow;
use sqlx::types::Json;
use sqlx::{FromRow, PgConnection, QueryBuilder, Row as _};

use super::columns::enum_column;
use super::filter::{phase_sql, push_contains, push_terms};
use crate::facets::{Due, Group, sundays};
use crate::hangul::SearchTerm;

impl FromRow<'_, PgRow> for Group {
    fn from_row(row: &PgRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            category: enum_column(row, "category")?,
            // As the filter of the list sees them.
            regions: row.try_get::<Json<Vec<Region>>, _>("regions")?.0,
            target_kinds: row.try_get("target_kinds")?,
            status: enum_column(row, "status")?,
            phase: enum_column(row, "phase")?,
            due: enum_column(row, "due")?,
            has_text: row.try_get("has_text")?,
            count: row.try_get("count")?,
            earliest_deadline: row.try_get("earliest_deadline")?,
        })
    }
}

/// The projects that meet a search, grouped by all other filters, and by whether their target
/// contains one of the texts. Reads each of them once.
pub(crate) async fn groups(
    connection: &mut PgConnection,
    terms: &[SearchTerm],
    texts: &[String],
    today: NaiveDate,
) -> Result<Vec<Group>, sqlx::Error> {
    // Dates contain only digits and dashes.
    let on = format!("date '{today}'");
    let (this_sunday, next_sunday) = sundays(today);
    // Most of a long list has ended.
    let phases = Phase::ALL.into_iter().rev();
    let phases = phases.map(|phase| {
        let condition = phase_sql(phase, &on);
        format!("when {condition} then '{}'", phase.as_str())
    });
    let phases: Vec<String> = phases.collect();
    let mut query = QueryBuilder::new(format!(
        "select category, regions, target_kinds, status, phase, due, has_text,
                count(*), min(ends_on) as earliest_deadline
         from (select category, regions, target_kinds, status, ends_on,
                      case {} end as phase,
                      case when ends_on is null then '{}'
                           when status = 'ended' or ends_on < {on} then '{}'
                           when ends_on <= date '{this_sunday}' then '{}'
                           when ends_on <= date '{next_sunday}' then '{}'
                           else '{}' end as due,
                      true",
        phases.join(" "),
        Due::Undated.as_str(),
        Due::Past.as_str(),
        Due::ThisWeek.as_str(),
        Due::NextWeek.as_str(),
        Due::Later.as_str(),
    ));
    if !texts.is_empty() {
        push_contains(&mut query, "target_search", texts);
    }
    query.push(" as has_text from project where true");
    push_terms(&mut query, terms);
    query.push(") found group by 1, 2, 3, 4, 5, 6, 7");
    // Planned for its values each time: a plan for any value cannot know a rare one.
    let query = query.build_query_as().persistent(false);
    query.fetch_all(connection).await
}
