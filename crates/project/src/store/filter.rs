//! The conditions of a list of projects in SQL, written so that indexes serve them.

use chrono::NaiveDate;
use events::{Phase, ProjectStatus};
use sqlx::{Postgres, QueryBuilder};
use uuid::Uuid;

use super::projects::COLUMNS;
use crate::filter::Filter;
use crate::hangul::{SearchTerm, short_parts};

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
    push_terms(&mut query, &filter.terms);
    match filter.categories[..] {
        [] => {}
        [category] => {
            query.push(" and category = ").push_bind(category.as_str());
        }
        _ => {
            let names = filter.categories.iter().map(|category| category.as_str());
            let names: Vec<&str> = names.collect();
            query.push(" and category = any(").push_bind(names);
            query.push(")");
        }
    }
    if !filter.regions.is_empty() {
        let names = filter.regions.iter().map(|region| region.as_str());
        let names: Vec<&str> = names.collect();
        query.push(" and regions ?| ").push_bind(names);
    }
    if !filter.targets.is_empty() {
        push_contains(&mut query, "target_search", &filter.targets);
    }
    push_statuses(&mut query, &filter.statuses());
    push_phases(&mut query, &filter.phases(), today);
    if let Some(salesman) = filter.salesman {
        push_salesman(&mut query, salesman);
    }
    query
}

/// Restricts to projects that have all words of a search.
pub(super) fn push_terms(query: &mut QueryBuilder<Postgres>, terms: &[SearchTerm]) {
    for term in terms {
        match term {
            SearchTerm::Text(variants) => push_contains(query, "search", variants),
            SearchTerm::Initials(initials) => {
                push_contains(query, "initials", std::slice::from_ref(initials));
            }
        }
    }
}

/// As texts, so that the partial indexes serve them.
fn push_statuses(query: &mut QueryBuilder<Postgres>, statuses: &[ProjectStatus]) {
    if statuses.len() == ProjectStatus::ALL.len() {
        return;
    }
    match statuses {
        [status] => {
            query.push(format!(" and status = '{}'", status.as_str()));
        }
        _ if !statuses.contains(&ProjectStatus::Ended) => {
            query.push(" and status <> 'ended'");
        }
        _ => {
            let names = statuses
                .iter()
                .map(|status| format!("'{}'", status.as_str()));
            let names: Vec<String> = names.collect();
            query.push(format!(" and status in ({})", names.join(", ")));
        }
    }
}

fn push_phases(query: &mut QueryBuilder<Postgres>, phases: &[Phase], today: NaiveDate) {
    if phases.len() == Phase::ALL.len() {
        return;
    }
    // A date contains only digits and dashes.
    let today = format!("date '{today}'");
    let is_over = |phase: &Phase| matches!(phase, Phase::Closed | Phase::Ended);
    if phases.len() > 1 && !phases.iter().any(is_over) {
        // An index serves this part of all of them, but not the alternatives.
        query.push(format!(" and {OPEN_UNTIL} >= {today}"));
    }
    let alternatives = phases.iter().map(|phase| phase_sql(*phase, &today));
    let alternatives: Vec<String> = alternatives.collect();
    query.push(format!(" and ({})", alternatives.join(" or ")));
}

/// Restricts to projects that count for the salesman, as in the view of each.
fn push_salesman(query: &mut QueryBuilder<Postgres>, salesman: Uuid) {
    query
        .push(
            " and project.id in (
                 with own as materialized (
                     select distinct kind, scope_id from engagement_count where salesman_id = ",
        )
        .push_bind(salesman)
        .push(
            ")
                 select scope_id from own where kind = 'consultation'
                 union all
                 select edition.id from project edition
                 where edition.status <> 'ended' and edition.series_id in (
                     select scope_id from own where kind = 'interest'
                     union all
                     select marked.series_id from own join project marked on marked.id = scope_id
                     where kind = 'interest'))",
        );
}

/// Restricts to projects whose search column contains one of the texts.
pub(super) fn push_contains(query: &mut QueryBuilder<Postgres>, column: &str, texts: &[String]) {
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
