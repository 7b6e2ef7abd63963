//! Events of the project service.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

#[cfg(feature = "schema")]
use crate::WrittenRegions;
use crate::{
    Actor, Event, ProjectId, Region, SeriesId, Topic, TypeName, text_enum, written_regions,
};

text_enum! {
    /// What kind of support a programme gives (분야).
    #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
    pub enum Category {
        /// Finance.
        Finance = "금융",
        /// Technology.
        Technology = "기술",
        /// People.
        Workforce = "인력",
        /// Export.
        Export = "수출",
        /// The home market.
        Domestic = "내수",
        /// Founding a firm.
        Startup = "창업",
        /// Management.
        Management = "경영",
        /// Anything else.
        Other = "기타",
    }
}

text_enum! {
    /// How an application period is written. More often free text than two dates.
    #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
    pub enum PeriodKind {
        /// From one date to another.
        Range = "range",
        /// Until the budget is used up (예산 소진시까지).
        UntilBudget = "until_budget",
        /// At any time (상시).
        Always = "always",
        /// First come, first served (선착순).
        FirstCome = "first_come",
        /// Until the places are filled (모집 완료시까지).
        UntilFilled = "until_filled",
        /// To be announced (추후 공지).
        AnnouncedLater = "announced_later",
        /// Differs by sub-programme or region.
        Varies = "varies",
        /// Several times a year.
        Recurring = "recurring",
        /// Impossible dates.
        Invalid = "invalid",
        /// No text.
        Missing = "missing",
        /// An unknown form.
        Other = "other",
    }
}

/// When applications are accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Period {
    /// How to read it.
    pub kind: PeriodKind,
    /// The text as announced.
    pub text: String,
    /// First day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub starts_on: Option<NaiveDate>,
    /// Last day; it ends at 23:59:59 in Seoul.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends_on: Option<NaiveDate>,
}

text_enum! {
    /// Moved by commands only. What people see is the phase, which also depends on period and date.
    #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
    pub enum ProjectStatus {
        /// Expected, not started.
        Planned = "planned",
        /// Running.
        Ongoing = "ongoing",
        /// Over.
        Ended = "ended",
    }
}

/// One edition of a programme. Every event about it contains all of this, so that a projection of
/// it is one upsert.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Edition {
    /// The programme that it is an edition of.
    pub series_id: SeriesId,
    /// As announced. Not a key: names repeat.
    pub name: String,
    /// The edition's year.
    pub year: i32,
    /// 분야.
    pub category: Category,
    /// Where it applies.
    #[serde(flatten, with = "written_regions")]
    #[cfg_attr(feature = "schema", schemars(with = "WrittenRegions"))]
    pub regions: Vec<Region>,
    /// 지원대상.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// 소관기관.
    pub agency: String,
    /// 수행기관.
    pub host: String,
    /// When applications are accepted.
    pub period: Period,
    /// Moved by commands.
    pub status: ProjectStatus,
    /// The day it was started, in Seoul; not the first day of the application period.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_on: Option<NaiveDate>,
    /// The day it was ended, in Seoul; not the last day of the application period.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_on: Option<NaiveDate>,
    /// The edition before this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub predecessor: Option<ProjectId>,
}

text_enum! {
    /// A field of an edition that an edit can change. `Status` only where an import extends an
    /// edition that only an import had ended.
    #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
    #[expect(missing_docs, reason = "the variants are the fields of the edition")]
    pub enum EditionField {
        Name = "name",
        Year = "year",
        Category = "category",
        Regions = "regions",
        Target = "target",
        Scale = "scale",
        Agency = "agency",
        Host = "host",
        Summary = "summary",
        Link = "link",
        Period = "period",
        Predecessor = "predecessor",
        Source = "source",
        Series = "series",
        Status = "status",
    }
}

/// An event about an edition.
pub trait HasEdition: Event {
    /// The edition's id and present state.
    fn edition(&self) -> (ProjectId, &Edition);
}

/// An edition of a programme was created.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ProjectCreated {
    /// The edition.
    pub project_id: ProjectId,
    /// Its present state.
    #[serde(flatten)]
    pub edition: Edition,
    /// Who created it.
    pub actor: Actor,
}

/// An edition was started: `planned → ongoing`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ProjectStarted {
    /// The edition.
    pub project_id: ProjectId,
    /// Its present state.
    #[serde(flatten)]
    pub edition: Edition,
    /// Who started it.
    pub actor: Actor,
}

/// An edition was ended: `ongoing → ended`. Next year's edition follows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ProjectEnded {
    /// The edition.
    pub project_id: ProjectId,
    /// Its present state.
    #[serde(flatten)]
    pub edition: Edition,
    /// Who ended it.
    pub actor: Actor,
}

/// Staff or an import changed details of an edition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ProjectEdited {
    /// The edition.
    pub project_id: ProjectId,
    /// Its present state.
    #[serde(flatten)]
    pub edition: Edition,
    /// The changed fields; never empty.
    pub changed: Vec<EditionField>,
    /// The period before, where it changed: shows whether the deadline moved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous_period: Option<Period>,
    /// Who changed it.
    pub actor: Actor,
}

impl ProjectEdited {
    /// Whether the last day of the application period changed.
    pub fn deadline_moved(&self) -> bool {
        self.previous_period
            .as_ref()
            .is_some_and(|before| before.ends_on != self.edition.period.ends_on)
    }
}

macro_rules! edition_events {
    ($($event:ident $name:literal)*) => {$(
        impl Event for $event {
            const TYPE: TypeName = $name;
            const TOPIC: Topic = Topic::Project;
            fn aggregate_id(&self) -> Uuid {
                self.project_id.0
            }
        }

        impl HasEdition for $event {
            fn edition(&self) -> (ProjectId, &Edition) {
                (self.project_id, &self.edition)
            }
        }
    )*};
}

edition_events! {
    ProjectCreated "ktgg.ProjectCreated.v1"
    ProjectStarted "ktgg.ProjectStarted.v1"
    ProjectEnded "ktgg.ProjectEnded.v1"
    ProjectEdited "ktgg.ProjectEdited.v1"
}
