//! How many projects each choice of the list's filters would show. Pure.
//!
//! The choices of one filter are counted with all other filters, but without itself, so that the
//! choices that are not taken have a number, too.

#[cfg(test)]
mod tests;

use chrono::{Datelike as _, Days, NaiveDate};
use events::{Category, Phase, ProjectStatus, Region, text_enum};

use crate::filter::{Filter, allows};
use crate::regions;
use crate::search::{self, TARGET_KINDS};

text_enum! {
    /// When a deadline is, in weeks from Monday to Sunday in Seoul.
    pub(crate) enum Due {
        ThisWeek = "this_week",
        NextWeek = "next_week",
        Later = "later",
        /// The deadline has passed, or the edition was ended.
        Past = "past",
        /// There is no last day.
        Undated = "undated",
    }
}

/// The Sundays on which this week and the next one end.
pub(crate) fn sundays(today: NaiveDate) -> (NaiveDate, NaiveDate) {
    let days_left = 6 - u64::from(today.weekday().num_days_from_monday());
    let after = |days| today.checked_add_days(Days::new(days)).unwrap_or(today);
    (after(days_left), after(days_left + 7))
}

/// Projects that are the same for all filters but the search.
#[derive(Debug, Clone)]
pub(crate) struct Group {
    pub(crate) category: Category,
    pub(crate) regions: Vec<Region>,
    /// Those of [`TARGET_KINDS`] that the target contains.
    pub(crate) target_kinds: Vec<String>,
    pub(crate) status: ProjectStatus,
    pub(crate) phase: Phase,
    pub(crate) due: Due,
    /// Whether they meet the filter by [texts](texts_of_targets).
    pub(crate) has_text: bool,
    pub(crate) count: i64,
    pub(crate) earliest_deadline: Option<NaiveDate>,
}

/// The numbers of projects.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Facets {
    /// With all filters: the length of the list.
    pub(crate) total: i64,
    /// With all filters, by deadline.
    pub(crate) due: [i64; Due::ALL.len()],
    /// Without those by phase.
    pub(crate) phases: [i64; Phase::ALL.len()],
    /// Without that by status.
    pub(crate) statuses: [i64; ProjectStatus::ALL.len()],
    /// Without that by category.
    pub(crate) categories: [i64; Category::ALL.len()],
    /// Without that by region: 전국, then the regions of today.
    pub(crate) regions: Vec<RegionCount>,
    /// Without that by target.
    pub(crate) targets: [i64; TARGET_KINDS.len()],
    /// Ongoing projects whose deadline has passed, without the filters by status and phase.
    pub(crate) overdue: i64,
    /// The deadline that passed first.
    pub(crate) overdue_since: Option<NaiveDate>,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct RegionCount {
    pub(crate) region: Region,
    /// What the filter shows: with nationwide projects.
    pub(crate) count: i64,
    /// Without nationwide ones.
    pub(crate) own: i64,
}

/// Counts the groups that meet the search of the filter.
pub(crate) fn count(groups: &[Group], filter: &Filter, today: NaiveDate) -> Facets {
    let mut facets = Facets::default();
    let kinds = kinds_of_targets(filter);
    let has_target = |group: &Group| has_target(group, kinds.as_deref());
    for group in groups {
        facets.add(group, filter, has_target(group));
    }
    let offered = [Region::Nationwide]
        .into_iter()
        .chain(Region::all_on(today));
    let meet_others = groups.iter().filter(|group| {
        has_state(group, filter) && has_category(group, filter) && has_target(group)
    });
    let meet_others: Vec<&Group> = meet_others.collect();
    let counts = offered.map(|region| count_region(&meet_others, region));
    facets.regions = counts.collect();
    facets
}

fn has_category(group: &Group, filter: &Filter) -> bool {
    allows(&filter.categories, group.category)
}

fn has_region(group: &Group, filter: &Filter) -> bool {
    let mut regions = group.regions.iter();
    filter.regions.is_empty() || regions.any(|region| filter.regions.contains(region))
}

/// The texts of a filter by target that the groups must be read for: none if all are common kinds,
/// which each group has.
pub(crate) fn texts_of_targets(filter: &Filter) -> &[String] {
    if kinds_of_targets(filter).is_some() {
        &[]
    } else {
        &filter.targets
    }
}

/// The common kinds of a filter by target, if there is nothing else in it.
fn kinds_of_targets(filter: &Filter) -> Option<Vec<&'static str>> {
    let kinds = filter.targets.iter().map(|text| {
        let mut known = TARGET_KINDS.into_iter();
        known.find(|kind| search::target(kind) == *text)
    });
    kinds.collect()
}

/// Whether a group meets the filter by target.
fn has_target(group: &Group, kinds: Option<&[&str]>) -> bool {
    match kinds {
        None => group.has_text,
        Some([]) => true,
        Some(kinds) => {
            let mut own = group.target_kinds.iter();
            own.any(|kind| kinds.contains(&kind.as_str()))
        }
    }
}

fn is_overdue(group: &Group) -> bool {
    group.status == ProjectStatus::Ongoing && group.phase == Phase::Closed
}

fn has_state(group: &Group, filter: &Filter) -> bool {
    allows(&filter.statuses, group.status)
        && allows(&filter.phases, group.phase)
        && (is_overdue(group) || !filter.overdue)
}

impl Facets {
    /// Adds a group to all numbers but those of the regions.
    fn add(&mut self, group: &Group, filter: &Filter, has_target: bool) {
        let count = group.count;
        let (has_category, has_region) = (has_category(group, filter), has_region(group, filter));
        let has_state = has_state(group, filter);
        if has_category && has_region && has_target {
            if has_state {
                self.total += count;
                self.due[index(&Due::ALL, group.due)] += count;
            }
            if allows(&filter.statuses, group.status) {
                self.phases[index(&Phase::ALL, group.phase)] += count;
            }
            if allows(&filter.phases, group.phase) {
                self.statuses[index(&ProjectStatus::ALL, group.status)] += count;
            }
            if is_overdue(group) {
                self.overdue += count;
                let earliest = [self.overdue_since, group.earliest_deadline];
                self.overdue_since = earliest.into_iter().flatten().min();
            }
        }
        if has_state && has_region && has_target {
            self.categories[index(&Category::ALL, group.category)] += count;
        }
        if has_state && has_region && has_category {
            for kind in &group.target_kinds {
                // A kind of other rules is not offered.
                if let Some(at) = TARGET_KINDS.iter().position(|known| known == kind) {
                    self.targets[at] += count;
                }
            }
        }
    }
}

fn count_region(groups: &[&Group], region: Region) -> RegionCount {
    let apply = regions::that_apply_in(region);
    let sum = |is_counted: &dyn Fn(&Region) -> bool| -> i64 {
        let found = groups
            .iter()
            .filter(|group| group.regions.iter().any(is_counted));
        found.map(|group| group.count).sum()
    };
    RegionCount {
        region,
        count: sum(&|entered| apply.contains(entered)),
        own: sum(&|entered| {
            apply.contains(entered) && (*entered != Region::Nationwide || *entered == region)
        }),
    }
}

/// The position of a value in the list of all.
fn index<T: Copy + PartialEq>(all: &[T], value: T) -> usize {
    all.iter().position(|known| *known == value).unwrap_or(0)
}
