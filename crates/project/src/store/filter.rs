//! The conditions of a list of projects, written so that indexes serve them.

use chrono::NaiveDate;
use events::{Category, Phase, ProjectStatus, Region};
use sqlx::{Postgres, QueryBuilder};

use super::projects::COLUMNS;
use crate::hangul::{SearchTerm, short_parts};

/// The conditions of a list, all of which a project must meet.
#[derive(Debug, Default)]
pub(crate) struct Filter {
    pub(crate) terms: Vec<SearchTerm>,
    pub(crate) category: Option<Category>,
    /// Applies in one of these; empty for everywhere.
    pub(crate) regions: Vec<Region>,
    /// Contained in the target, [decomposed](crate::hangul::decomposed).
    pub(crate) target: Option<String>,
    pub(crate) status: Option<ProjectStatus>,
    pub(crate) phase: Option<Phase>,
}

impl Filter {
    /// The statuses that both the status and the phase allow.
    pub(super) fn statuses(&self) -> &'static [ProjectStatus] {
        use ProjectStatus::{Ended, Ongoing, Planned};
        let of_phase: &[ProjectStatus] = match self.phase {
            None => &[Planned, Ongoing, Ended],
            Some(Phase::Ended) => &[Ended],
            Some(Phase::Closed | Phase::Upcoming) => &[Planned, Ongoing],
            Some(Phase::Closing | Phase::Open | Phase::Always | Phase::UntilBudget) => &[Ongoing],
        };
        match self.status {
            None => of_phase,
            Some(status) => of_phase
                .iter()
                .position(|allowed| *allowed == status)
                .map_or(&[], |index| &of_phase[index..=index]),
        }
    }
}

/// The last day of a project that has not ended; `infinity` without one, null for an ended one.
///
/// An index has this expression, so that Postgres knows how its values are distributed: a long list
/// has few projects that are not over, and neither status nor deadline alone tells how many.
pub(super) const OPEN_UNTIL: &str =
    "(case when status <> 'ended' then coalesce(ends_on, 'infinity') end)";

/// [`events::phase`] as a condition; `today` is an SQL expression. A test compares the two.
pub(super) fn phase_sql(phase: Phase, today: &str) -> String {
    let has_started = format!("status = 'ongoing' and (starts_on is null or starts_on <= {today})");
    let kind = "period ->> 'kind'";
    match phase {
        Phase::Ended => "status = 'ended'".to_owned(),
        Phase::Closed => format!("{OPEN_UNTIL} < {today}"),
        Phase::Upcoming => format!(
            "{OPEN_UNTIL} >= {today}
             and (status = 'planned' or starts_on > {today}
                  or ends_on is null and {kind} = 'announced_later')"
        ),
        Phase::Closing => format!("{OPEN_UNTIL} between {today} and {today} + 7 and {has_started}"),
        Phase::Open => format!(
            "{OPEN_UNTIL} > {today} + 7 and {has_started}
             and (ends_on is not null
                  or {kind} not in ('always', 'until_budget', 'announced_later'))"
        ),
        Phase::Always => {
            format!("{OPEN_UNTIL} = 'infinity' and {has_started} and {kind} = 'always'")
        }
        Phase::UntilBudget => {
            format!("{OPEN_UNTIL} = 'infinity' and {has_started} and {kind} = 'until_budget'")
        }
    }
}

/// The projects of the filter, for an order and a limit. Not for a filter without
/// [statuses](Filter::statuses).
pub(super) fn select(filter: &Filter, today: NaiveDate) -> QueryBuilder<Postgres> {
    let mut query = QueryBuilder::new(format!("select {COLUMNS} from project where true"));
    for term in &filter.terms {
        match term {
            SearchTerm::Text(variants) => push_contains(&mut query, "search", variants),
            SearchTerm::Initials(initials) => {
                push_contains(&mut query, "initials", std::slice::from_ref(initials));
            }
        }
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
        push_contains(&mut query, "target_search", std::slice::from_ref(target));
    }
    // As texts, so that the partial indexes serve them.
    match filter.statuses() {
        [status] => {
            query.push(format!(" and status = '{}'", status.as_str()));
        }
        statuses if !statuses.contains(&ProjectStatus::Ended) => {
            query.push(" and status <> 'ended'");
        }
        _ => {}
    }
    if let Some(phase) = filter.phase {
        // A date contains only digits and dashes.
        let sql = phase_sql(phase, &format!("date '{today}'"));
        query.push(format!(" and {sql}"));
    }
    query
}

/// Restricts to projects whose search column contains one of the texts.
fn push_contains(query: &mut QueryBuilder<Postgres>, column: &str, texts: &[String]) {
    // Joined by `or`, each can use the index; as a list, none can.
    let mut operator = " and (";
    for text in texts {
        query.push(operator);
        if short_parts(text).contains(text) {
            // Too short for a trigram, which must not be tried: all rows would be candidates.
            query
                .push("short_parts @> array[")
                .push_bind(text.clone())
                .push(format!("] and strpos({column}, "))
                .push_bind(text.clone())
                .push(") > 0");
        } else {
            query
                .push(format!("{column} like "))
                .push_bind(contains_pattern(text));
        }
        operator = " or ";
    }
    query.push(")");
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
