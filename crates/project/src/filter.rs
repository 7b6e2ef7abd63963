//! The conditions of a list of projects.

use events::{Category, Phase, ProjectStatus, Region};
use uuid::Uuid;

use crate::hangul::SearchTerm;

/// The conditions of a list, all of which a project must meet. Of several values of one condition,
/// it must meet one; an empty list is no condition.
#[derive(Debug, Clone, Default)]
pub(crate) struct Filter {
    pub(crate) terms: Vec<SearchTerm>,
    pub(crate) categories: Vec<Category>,
    /// Applies in one of these.
    pub(crate) regions: Vec<Region>,
    /// Contained in the target, [decomposed](crate::hangul::decomposed).
    pub(crate) targets: Vec<String>,
    pub(crate) statuses: Vec<ProjectStatus>,
    pub(crate) phases: Vec<Phase>,
    /// Only ongoing projects whose deadline has passed: what `end-overdue` ends.
    pub(crate) overdue: bool,
    /// Only projects that this salesman has an interest or a consultation of.
    pub(crate) salesman: Option<Uuid>,
}

/// Whether a list of values allows this one.
pub(crate) fn allows<T: Copy + PartialEq>(values: &[T], value: T) -> bool {
    values.is_empty() || values.contains(&value)
}

impl Filter {
    /// The phases that the filter allows.
    pub(crate) fn phases(&self) -> Vec<Phase> {
        let is_allowed = |phase: &Phase| {
            allows(&self.phases, *phase) && (!self.overdue || *phase == Phase::Closed)
        };
        Phase::ALL.into_iter().filter(is_allowed).collect()
    }

    /// The statuses that both the statuses and the phases allow.
    pub(crate) fn statuses(&self) -> Vec<ProjectStatus> {
        use ProjectStatus::{Ended, Ongoing, Planned};
        let phases = self.phases();
        let has_phase = |status: ProjectStatus| {
            phases.iter().any(|phase| match phase {
                Phase::Ended => status == Ended,
                Phase::Closed | Phase::Upcoming => matches!(status, Planned | Ongoing),
                Phase::Closing | Phase::Open | Phase::Always | Phase::UntilBudget => {
                    status == Ongoing
                }
            })
        };
        let is_allowed = |status: &ProjectStatus| {
            allows(&self.statuses, *status)
                && (!self.overdue || *status == Ongoing)
                && has_phase(*status)
        };
        ProjectStatus::ALL.into_iter().filter(is_allowed).collect()
    }
}
