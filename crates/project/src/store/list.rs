//! Lists of projects: what is wanted, in which order, from where on.

use chrono::NaiveDate;
use events::{Category, Phase, ProjectStatus, Region};
use serde::{Deserialize, Serialize};
use sqlx::{PgPool, Postgres, QueryBuilder};
use uuid::Uuid;

use super::{COLUMNS, Row, Stored};
use crate::hangul::Word;
use crate::project::Project;

/// [`events::phase`] in SQL, of the day that stands at that place of the statement. They are held to the same cases by a test.
pub(crate) fn phase_sql(today: &str) -> String {
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

/// Which projects are wanted: those of which all of it is true.
#[derive(Debug, Default)]
pub(crate) struct Wanted {
    /// Every one of these occurs.
    pub(crate) words: Vec<Word>,
    pub(crate) category: Option<Category>,
    /// There, or nationwide.
    pub(crate) region: Option<Region>,
    /// Its target holds this.
    pub(crate) target: Option<String>,
    pub(crate) status: Option<ProjectStatus>,
    pub(crate) phase: Option<Phase>,
}

/// The order of a list. Always with the id behind it, so that it is the same however many are equal.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Sort {
    /// The newest first.
    #[default]
    Newest,
    /// Those that one can still apply for, the soonest deadline first; then those whose deadline has passed; those without a date last.
    Deadline,
    /// By name.
    Name,
}

/// The last row of a page in one of the orders. Names are short: it travels in the cursor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Place {
    #[serde(rename = "n")]
    Newest(Uuid),
    #[serde(rename = "d")]
    Deadline {
        /// The day by which the first page was made: a list that is read over midnight keeps its order.
        #[serde(rename = "t")]
        today: NaiveDate,
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

/// A part of the list by deadline, each in an order that an index has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Part {
    /// The deadline is still to come.
    #[serde(rename = "0")]
    Coming,
    /// The deadline has passed, or the edition was ended.
    #[serde(rename = "1")]
    Past,
    /// There is no date.
    #[serde(rename = "2")]
    Dateless,
}

impl Part {
    const ALL: [Self; 3] = [Self::Coming, Self::Past, Self::Dateless];

    fn of(it: &Project, today: NaiveDate) -> Self {
        match it.period.ends_on {
            None => Self::Dateless,
            Some(ends_on) if ends_on >= today && it.status != ProjectStatus::Ended => Self::Coming,
            Some(_) => Self::Past,
        }
    }
}

impl Place {
    /// Where the row stands in that order, which began on that day.
    pub(crate) fn of(it: &Project, sort: Sort, began: NaiveDate) -> Self {
        match sort {
            Sort::Newest => Self::Newest(it.id.0),
            Sort::Name => Self::Name(it.name.clone(), it.id.0),
            Sort::Deadline => Self::Deadline {
                today: began,
                part: Part::of(it, began),
                ends_on: it.period.ends_on,
                id: it.id.0,
            },
        }
    }

    /// Whether it is a place in that order.
    pub(crate) fn is_in(&self, sort: Sort) -> bool {
        matches!(
            (self, sort),
            (Self::Newest(_), Sort::Newest)
                | (Self::Deadline { .. }, Sort::Deadline)
                | (Self::Name(..), Sort::Name)
        )
    }

    /// The day by which the list that it is a place in was begun.
    pub(crate) fn began(&self) -> Option<NaiveDate> {
        match self {
            Self::Deadline { today, .. } => Some(*today),
            Self::Newest(_) | Self::Name(..) => None,
        }
    }
}

/// At most that many of the wanted projects behind that place. Phases are those of `today`; the order by deadline is that of `began`.
pub(crate) async fn list(
    pool: &PgPool,
    wanted: &Wanted,
    (sort, after): (Sort, Option<&Place>),
    (today, began): (NaiveDate, NaiveDate),
    limit: usize,
) -> Result<Vec<Stored>, sqlx::Error> {
    let mut rows = Vec::new();
    match sort {
        Sort::Newest => {
            let mut query = select(wanted, today);
            if let Some(Place::Newest(id)) = after {
                query.push(" and id < ").push_bind(*id);
            }
            query.push(" order by id desc");
            fetch(query, pool, limit, &mut rows).await?;
        }
        Sort::Name => {
            let mut query = select(wanted, today);
            if let Some(Place::Name(name, id)) = after {
                query
                    .push(" and (name, id) > (")
                    .push_bind(name.as_str())
                    .push(", ")
                    .push_bind(*id)
                    .push(")");
            }
            query.push(" order by name, id");
            fetch(query, pool, limit, &mut rows).await?;
        }
        Sort::Deadline => {
            let place = after.and_then(|after| match after {
                Place::Deadline {
                    part, ends_on, id, ..
                } => Some((*part, *ends_on, *id)),
                Place::Newest(_) | Place::Name(..) => None,
            });
            let first = place.map_or(Part::Coming, |(part, ..)| part);
            for part in Part::ALL.into_iter().filter(|part| *part >= first) {
                if rows.len() < limit {
                    let mut query = select(wanted, today);
                    push_part(
                        &mut query,
                        part,
                        began,
                        place.filter(|(of, ..)| *of == part),
                    );
                    fetch(query, pool, limit - rows.len(), &mut rows).await?;
                }
            }
        }
    }
    rows.into_iter().map(Stored::try_from).collect()
}

/// The condition and the order of one part, behind a place in it.
fn push_part(
    query: &mut QueryBuilder<Postgres>,
    part: Part,
    began: NaiveDate,
    place: Option<(Part, Option<NaiveDate>, Uuid)>,
) {
    let (behind, order) = match part {
        Part::Coming => {
            query
                .push(" and status <> 'ended' and ends_on >= ")
                .push_bind(began);
            (" and (ends_on, id) > (", " order by ends_on, id")
        }
        Part::Past => {
            query
                .push(" and ends_on is not null and (status = 'ended' or ends_on < ")
                .push_bind(began)
                .push(")");
            (" and (ends_on, id) < (", " order by ends_on desc, id desc")
        }
        Part::Dateless => {
            query.push(" and ends_on is null");
            (" and (id) < (", " order by id desc")
        }
    };
    if let Some((_, ends_on, id)) = place {
        query.push(behind);
        if part != Part::Dateless {
            query.push_bind(ends_on).push(", ");
        }
        query.push_bind(id).push(")");
    }
    query.push(order);
}

fn select(wanted: &Wanted, today: NaiveDate) -> QueryBuilder<Postgres> {
    let mut query = QueryBuilder::new(format!("select {COLUMNS} from project where true"));
    for word in &wanted.words {
        let (column, ways) = match word {
            Word::Text(ways) => ("search", ways.as_slice()),
            Word::Initials(word) => ("initials", std::slice::from_ref(word)),
        };
        // One after the other, because each can be looked up in the index; in a list of them none can.
        for (place, way) in ways.iter().enumerate() {
            let before = if place == 0 { " and (" } else { " or " };
            query
                .push(format!("{before}{column} like "))
                .push_bind(containing(way));
        }
        query.push(")");
    }
    if let Some(category) = wanted.category {
        query.push(" and category = ").push_bind(category.as_str());
    }
    if let Some(region) = wanted.region {
        query
            .push(" and regions ?| ")
            .push_bind([region, Region::Nationwide].map(Region::as_str));
    }
    if let Some(target) = &wanted.target {
        query
            .push(" and position(lower(")
            .push_bind(target.as_str())
            .push(") in lower(target)) > 0");
    }
    if let Some(status) = wanted.status {
        query.push(" and status = ").push_bind(status.as_str());
    }
    if let Some(phase) = wanted.phase {
        // A date of ours holds digits and dashes only.
        query
            .push(format!(" and {} = ", phase_sql(&format!("date '{today}'"))))
            .push_bind(phase.as_str());
    }
    query
}

/// The pattern of texts that hold this one, in which nothing stands for anything else.
fn containing(text: &str) -> String {
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
    limit: usize,
    rows: &mut Vec<Row>,
) -> Result<(), sqlx::Error> {
    query
        .push(" limit ")
        .push_bind(i64::try_from(limit).unwrap_or(i64::MAX));
    rows.extend(query.build_query_as::<Row>().fetch_all(pool).await?);
    Ok(())
}
