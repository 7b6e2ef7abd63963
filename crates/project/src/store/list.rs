//! Lists of projects: orders and cursors.

use chrono::NaiveDate;
use events::{Phase, ProjectId, ProjectStatus};
use serde::{Deserialize, Serialize};
use service_kit::db::PUBLIC_READ_TIMEOUT;
use sqlx::{PgConnection, PgPool, Postgres, QueryBuilder};
use utoipa::ToSchema;
use uuid::Uuid;

use super::filter::select;
use super::projects::StoredProject;
use crate::filter::Filter;
use crate::project::Project;

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

    /// Whether projects of the filter can be in this part. A part that is known to be empty is not
    /// searched. `as_of` is not after `today`.
    fn may_have(self, filter: &Filter, (today, as_of): (NaiveDate, NaiveDate)) -> bool {
        let is_over = filter.statuses() == [ProjectStatus::Ended];
        filter.phases().into_iter().any(|phase| match self {
            Self::Coming => match phase {
                _ if is_over => false,
                Phase::Closed => as_of < today,
                Phase::Always | Phase::UntilBudget | Phase::Ended => false,
                Phase::Upcoming | Phase::Open | Phase::Closing => true,
            },
            Self::Past => matches!(phase, Phase::Closed | Phase::Ended),
            Self::WithoutDate => !matches!(phase, Phase::Closing | Phase::Closed),
        })
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
    connection: &mut PgConnection,
    filter: &Filter,
    (sort, after): (Sort, Option<&Position>),
    (today, as_of): (NaiveDate, NaiveDate),
    limit: i64,
) -> Result<Vec<StoredProject>, sqlx::Error> {
    // The phase and the status can exclude each other.
    if filter.statuses().is_empty() {
        return Ok(Vec::new());
    }
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
            return list_by_deadline(connection, filter, after, (today, as_of), limit).await;
        }
    }
    fetch(query, connection, limit).await
}

async fn list_by_deadline(
    connection: &mut PgConnection,
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
    let mut is_first = true;
    for part in Part::ALL {
        if missing == 0
            || after.is_some_and(|(first, ..)| part < first)
            || !part.may_have(filter, (today, as_of))
        {
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
                // Without the alternative, an index serves the condition.
                match &filter.statuses()[..] {
                    [ProjectStatus::Ended] => query.push(" and ends_on is not null"),
                    statuses if !statuses.contains(&ProjectStatus::Ended) => {
                        query.push(" and ends_on < ").push_bind(as_of)
                    }
                    _ => query
                        .push(" and ends_on is not null and (status = 'ended' or ends_on < ")
                        .push_bind(as_of)
                        .push(")"),
                };
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
        if !is_first {
            allow_time_left(connection).await?;
        }
        is_first = false;
        let rows = fetch(query, connection, missing).await?;
        missing -= i64::try_from(rows.len()).unwrap_or(missing);
        found.extend(rows);
    }
    Ok(found)
}

/// Bounds the next statement by what is left of [`PUBLIC_READ_TIMEOUT`], which bounds the first
/// one.
pub(crate) async fn allow_time_left(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    // In milliseconds. 0 would be no bound. `now()` is the start of the transaction.
    let sql = "select set_config('statement_timeout', greatest(1,
        $1 - (extract(epoch from clock_timestamp() - now()) * 1000)::bigint)::text, true)";
    let millis = i64::try_from(PUBLIC_READ_TIMEOUT.as_millis()).unwrap_or(i64::MAX);
    sqlx::query(sql).bind(millis).execute(connection).await?;
    Ok(())
}

async fn fetch(
    mut query: QueryBuilder<Postgres>,
    connection: &mut PgConnection,
    limit: i64,
) -> Result<Vec<StoredProject>, sqlx::Error> {
    query.push(" limit ").push_bind(limit);
    // Planned for its values each time: a plan for any value cannot know a rare one.
    let query = query.build_query_as().persistent(false);
    query.fetch_all(connection).await
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
