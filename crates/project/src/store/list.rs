//! Lists of projects: filters, orders and cursors.

use chrono::NaiveDate;
use events::{Category, Phase, ProjectId, ProjectStatus, Region};
use serde::{Deserialize, Serialize};
use sqlx::{PgPool, Postgres, QueryBuilder};
use utoipa::ToSchema;
use uuid::Uuid;

use super::projects::{COLUMNS, StoredProject};
use crate::hangul::SearchTerm;
use crate::project::Project;

/// [`events::phase`] in SQL; `today` is an SQL expression. A test compares the two.
pub(super) fn phase_sql(today: &str) -> String {
    format!(
        "case
            when status = 'ended' then 'ended'
            when ends_on < {today} then 'closed'
            when status = 'planned' or starts_on > {today} then 'upcoming'
            when ends_on - {today} <= 7 then 'closing'
            when ends_on is not null then 'open'
            else case period ->> 'kind'
                when 'always' then 'always'
                when 'until_budget' then 'until_budget'
                when 'announced_later' then 'upcoming'
                else 'open'
            end
        end"
    )
}

/// The conditions of a list, all of which a project must meet.
#[derive(Debug, Default)]
pub(crate) struct Filter {
    pub(crate) terms: Vec<SearchTerm>,
    pub(crate) category: Option<Category>,
    /// Applies in one of these; empty for everywhere.
    pub(crate) regions: Vec<Region>,
    /// Contained in the target.
    pub(crate) target: Option<String>,
    pub(crate) status: Option<ProjectStatus>,
    pub(crate) phase: Option<Phase>,
}

/// An order of projects.
// The id makes every order total.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Sort {
    #[default]
    Newest,
    /// Coming deadlines first, the soonest first; then passed ones; then projects without a date.
    Deadline,
    Name,
}

/// The position of a row in one of the orders. It travels in the cursor, so its names are short.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Position {
    #[serde(rename = "n")]
    Newest(Uuid),
    #[serde(rename = "d")]
    Deadline {
        /// The day of the first page, so that a list that is read across midnight keeps its order.
        #[serde(rename = "t")]
        as_of: NaiveDate,
        #[serde(rename = "p")]
        part: Part,
        #[serde(rename = "e")]
        ends_on: Option<NaiveDate>,
        #[serde(rename = "i")]
        id: Uuid,
    },
    #[serde(rename = "a")]
    Name(String, Uuid),
}

/// A part of the list by deadline. Each is in the order of an index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Part {
    #[serde(rename = "0")]
    Coming,
    /// The deadline has passed, or the edition was ended.
    #[serde(rename = "1")]
    Past,
    #[serde(rename = "2")]
    WithoutDate,
}

impl Part {
    const ALL: [Self; 3] = [Self::Coming, Self::Past, Self::WithoutDate];

    fn of(project: &Project, as_of: NaiveDate) -> Self {
        match project.details.period.ends_on {
            None => Self::WithoutDate,
            Some(end) if end >= as_of && project.status != ProjectStatus::Ended => Self::Coming,
            Some(_) => Self::Past,
        }
    }
}

impl Position {
    /// The position of a project in that order. `as_of` is the day of the first page.
    pub(crate) fn of(project: &Project, sort: Sort, as_of: NaiveDate) -> Self {
        let id = project.id.0;
        match sort {
            Sort::Newest => Self::Newest(id),
            Sort::Name => Self::Name(project.details.name.clone(), id),
            Sort::Deadline => Self::Deadline {
                as_of,
                part: Part::of(project, as_of),
                ends_on: project.details.period.ends_on,
                id,
            },
        }
    }

    pub(crate) fn sort(&self) -> Sort {
        match self {
            Self::Newest(_) => Sort::Newest,
            Self::Deadline { .. } => Sort::Deadline,
            Self::Name(..) => Sort::Name,
        }
    }

    /// The day of the first page, in the order by deadline.
    pub(crate) fn as_of(&self) -> Option<NaiveDate> {
        match self {
            Self::Deadline { as_of, .. } => Some(*as_of),
            Self::Newest(_) | Self::Name(..) => None,
        }
    }
}

/// At most `limit` projects that follow `after`. Phases are those of `today`; the order by deadline
/// is that of `as_of`.
pub(crate) async fn list(
    pool: &PgPool,
    filter: &Filter,
    (sort, after): (Sort, Option<&Position>),
    (today, as_of): (NaiveDate, NaiveDate),
    limit: i64,
) -> Result<Vec<StoredProject>, sqlx::Error> {
    let mut query = select(filter, today);
    match sort {
        Sort::Newest => {
            if let Some(Position::Newest(id)) = after {
                query.push(" and id < ").push_bind(*id);
            }
            query.push(" order by id desc");
        }
        Sort::Name => {
            if let Some(Position::Name(name, id)) = after {
                query.push(" and (name, id) > (").push_bind(name.clone());
                query.push(", ").push_bind(*id).push(")");
            }
            query.push(" order by name, id");
        }
        Sort::Deadline => {
            return list_by_deadline(pool, filter, after, (today, as_of), limit).await;
        }
    }
    fetch(query, pool, limit).await
}

async fn list_by_deadline(
    pool: &PgPool,
    filter: &Filter,
    after: Option<&Position>,
    (today, as_of): (NaiveDate, NaiveDate),
    limit: i64,
) -> Result<Vec<StoredProject>, sqlx::Error> {
    let after = match after {
        Some(Position::Deadline {
            part, ends_on, id, ..
        }) => Some((*part, *ends_on, *id)),
        _ => None,
    };
    let mut found = Vec::new();
    let mut missing = limit;
    for part in Part::ALL {
        if missing == 0 || after.is_some_and(|(first, ..)| part < first) {
            continue;
        }
        let mut query = select(filter, today);
        let (behind, order) = match part {
            Part::Coming => {
                query.push(" and status <> 'ended' and ends_on >= ");
                query.push_bind(as_of);
                (" and (ends_on, id) > (", " order by ends_on, id")
            }
            Part::Past => {
                query.push(" and ends_on is not null and (status = 'ended' or ends_on < ");
                query.push_bind(as_of).push(")");
                (" and (ends_on, id) < (", " order by ends_on desc, id desc")
            }
            Part::WithoutDate => {
                query.push(" and ends_on is null");
                (" and (id) < (", " order by id desc")
            }
        };
        if let Some((_, ends_on, id)) = after.filter(|(first, ..)| *first == part) {
            query.push(behind);
            if part != Part::WithoutDate {
                query.push_bind(ends_on).push(", ");
            }
            query.push_bind(id).push(")");
        }
        query.push(order);
        let rows = fetch(query, pool, missing).await?;
        missing -= i64::try_from(rows.len()).unwrap_or(missing);
        found.extend(rows);
    }
    Ok(found)
}

fn select(filter: &Filter, today: NaiveDate) -> QueryBuilder<Postgres> {
    let mut query = QueryBuilder::new(format!("select {COLUMNS} from project where true"));
    for term in &filter.terms {
        let (column, variants) = match term {
            SearchTerm::Text(variants) => ("search", variants.as_slice()),
            SearchTerm::Initials(initials) => ("initials", std::slice::from_ref(initials)),
        };
        // Joined by `or`, each can use the index; as a list, none can.
        let mut operator = " and (";
        for variant in variants {
            query.push(format!("{operator}{column} like "));
            query.push_bind(contains_pattern(variant));
            operator = " or ";
        }
        query.push(")");
    }
    if let Some(category) = filter.category {
        query.push(" and category = ").push_bind(category.as_str());
    }
    if !filter.regions.is_empty() {
        let names: Vec<&str> = filter
            .regions
            .iter()
            .map(|region| region.as_str())
            .collect();
        query.push(" and regions ?| ").push_bind(names);
    }
    if let Some(target) = &filter.target {
        query.push(" and position(lower(").push_bind(target.clone());
        query.push(") in lower(target)) > 0");
    }
    if let Some(status) = filter.status {
        query.push(" and status = ").push_bind(status.as_str());
    }
    if let Some(phase) = filter.phase {
        // A date contains only digits and dashes.
        let sql = phase_sql(&format!("date '{today}'"));
        query
            .push(format!(" and {sql} = "))
            .push_bind(phase.as_str());
    }
    query
}

/// A `like` pattern for texts that contain this one.
fn contains_pattern(text: &str) -> String {
    let mut pattern = String::from("%");
    for letter in text.chars() {
        if matches!(letter, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(letter);
    }
    pattern.push('%');
    pattern
}

async fn fetch(
    mut query: QueryBuilder<Postgres>,
    pool: &PgPool,
    limit: i64,
) -> Result<Vec<StoredProject>, sqlx::Error> {
    query.push(" limit ").push_bind(limit);
    query.build_query_as().fetch_all(pool).await
}

/// Id and name of ongoing projects whose deadline has passed, the longest overdue first.
pub(crate) async fn overdue(
    pool: &PgPool,
    today: NaiveDate,
    limit: i64,
) -> Result<Vec<(ProjectId, String)>, sqlx::Error> {
    let found: Vec<(Uuid, String)> = sqlx::query_as(
        "select id, name from project where status = 'ongoing' and ends_on < $1
         order by ends_on, id limit $2",
    )
    .bind(today)
    .bind(limit)
    .fetch_all(pool)
    .await?;
    let with_ids = found.into_iter().map(|(id, name)| (ProjectId(id), name));
    Ok(with_ids.collect())
}
