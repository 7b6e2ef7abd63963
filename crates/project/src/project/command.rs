//! The commands of the aggregate.

use chrono::NaiveDate;
use events::{Category, Period, ProjectId, ProjectStatus, Region, SeriesId};

use super::details::{Details, Source, SourceList};

/// `CreateProject`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateProject {
    pub id: ProjectId,
    /// A new series, or that of an earlier edition.
    pub series_id: SeriesId,
    /// Without regions, the programme is nationwide.
    pub details: Details,
    /// `planned`, except for an imported row, whose period may have begun or ended.
    pub status: ProjectStatus,
    pub started_on: Option<NaiveDate>,
    pub ended_on: Option<NaiveDate>,
    /// The previous edition, which has no other successor.
    pub predecessor: Option<ProjectId>,
    pub source: Option<Source>,
    pub source_list: Option<SourceList>,
}

impl CreateProject {
    /// A planned edition that is not imported.
    pub fn planned(
        id: ProjectId,
        series_id: SeriesId,
        details: Details,
        predecessor: Option<ProjectId>,
    ) -> Self {
        Self {
            id,
            series_id,
            details,
            status: ProjectStatus::Planned,
            started_on: None,
            ended_on: None,
            predecessor,
            source: None,
            source_list: None,
        }
    }
}

/// The change of one optional field.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Patch<T> {
    #[default]
    Keep,
    Clear,
    Set(T),
}

impl<T> Patch<T> {
    pub(super) fn apply(self, field: &mut Option<T>) {
        match self {
            Self::Keep => {}
            Self::Clear => *field = None,
            Self::Set(value) => *field = Some(value),
        }
    }

    /// The new value, if one is set.
    pub(crate) fn new_value(&self) -> Option<&T> {
        match self {
            Self::Set(value) => Some(value),
            Self::Keep | Self::Clear => None,
        }
    }
}

/// `EditProject`: `None` and [`Patch::Keep`] leave a field as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EditProject {
    pub name: Option<String>,
    pub year: Option<i32>,
    pub category: Option<Category>,
    /// Empty means nationwide.
    pub regions: Option<Vec<Region>>,
    pub target: Patch<String>,
    pub scale: Patch<i64>,
    pub agency: Option<String>,
    /// Cleared, it becomes the agency.
    pub host: Patch<String>,
    pub summary: Patch<String>,
    pub link: Patch<String>,
    pub period: Option<Period>,
    pub series_id: Option<SeriesId>,
    pub predecessor: Patch<Neighbour>,
    /// The present neighbours; set by the store, which locks the edition.
    pub neighbours: Neighbours,
    pub source: Option<Source>,
    pub source_list: Option<SourceList>,
    /// Only for an edition that was ended by an import alone: its new end, or cleared to reopen it.
    pub ended_on: Patch<NaiveDate>,
}

/// An edition before or after another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Neighbour {
    pub id: ProjectId,
    pub series_id: SeriesId,
    pub year: i32,
}

/// The editions before and after one. Its series and year must fit to theirs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Neighbours {
    pub predecessor: Option<Neighbour>,
    pub successor: Option<Neighbour>,
}

/// A command to an existing project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// `StartProject`: `planned → ongoing`.
    Start {
        /// Today by default.
        on: Option<NaiveDate>,
        /// In Seoul.
        today: NaiveDate,
    },
    /// `EndProject`: `ongoing → ended`.
    End {
        /// Today by default.
        on: Option<NaiveDate>,
        /// In Seoul.
        today: NaiveDate,
    },
    /// `EndProject` of one of many, if its deadline has passed. It may have moved since the project
    /// was selected.
    EndOverdue {
        /// In Seoul.
        today: NaiveDate,
    },
    /// `EditProject`, in any status.
    Edit(Box<EditProject>),
    /// `EditProject` by an import: the announcement of an expected edition. Only while it is
    /// planned.
    Fill(Box<EditProject>),
}
