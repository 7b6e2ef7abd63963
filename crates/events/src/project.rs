//! What the project service tells.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{Actor, Event, ProjectId, SeriesId, Topic, TypeName};

/// What kind of support a programme gives (분야).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Category {
    /// Finance.
    #[serde(rename = "금융")]
    Finance,
    /// Technology.
    #[serde(rename = "기술")]
    Technology,
    /// People.
    #[serde(rename = "인력")]
    Workforce,
    /// Export.
    #[serde(rename = "수출")]
    Export,
    /// The home market.
    #[serde(rename = "내수")]
    Domestic,
    /// Founding a firm.
    #[serde(rename = "창업")]
    Startup,
    /// Management.
    #[serde(rename = "경영")]
    Management,
    /// Anything else.
    #[serde(rename = "기타")]
    Other,
}

impl Category {
    /// Every category there is.
    pub const ALL: [Self; 8] = [
        Self::Finance,
        Self::Technology,
        Self::Workforce,
        Self::Export,
        Self::Domestic,
        Self::Startup,
        Self::Management,
        Self::Other,
    ];

    /// The category's name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Finance => "금융",
            Self::Technology => "기술",
            Self::Workforce => "인력",
            Self::Export => "수출",
            Self::Domestic => "내수",
            Self::Startup => "창업",
            Self::Management => "경영",
            Self::Other => "기타",
        }
    }
}

/// Where a programme applies: one of the 17 시도, or the whole country.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[expect(
    missing_docs,
    reason = "each variant is the romanised name of the region it is serialised as"
)]
pub enum Region {
    #[serde(rename = "전국")]
    Nationwide,
    #[serde(rename = "서울")]
    Seoul,
    #[serde(rename = "부산")]
    Busan,
    #[serde(rename = "대구")]
    Daegu,
    #[serde(rename = "인천")]
    Incheon,
    #[serde(rename = "광주")]
    Gwangju,
    #[serde(rename = "대전")]
    Daejeon,
    #[serde(rename = "울산")]
    Ulsan,
    #[serde(rename = "세종")]
    Sejong,
    #[serde(rename = "경기")]
    Gyeonggi,
    #[serde(rename = "강원")]
    Gangwon,
    #[serde(rename = "충북")]
    Chungbuk,
    #[serde(rename = "충남")]
    Chungnam,
    #[serde(rename = "전북")]
    Jeonbuk,
    #[serde(rename = "전남")]
    Jeonnam,
    #[serde(rename = "경북")]
    Gyeongbuk,
    #[serde(rename = "경남")]
    Gyeongnam,
    #[serde(rename = "제주")]
    Jeju,
}

impl Region {
    /// Every region there is, the whole country first.
    pub const ALL: [Self; 18] = [
        Self::Nationwide,
        Self::Seoul,
        Self::Busan,
        Self::Daegu,
        Self::Incheon,
        Self::Gwangju,
        Self::Daejeon,
        Self::Ulsan,
        Self::Sejong,
        Self::Gyeonggi,
        Self::Gangwon,
        Self::Chungbuk,
        Self::Chungnam,
        Self::Jeonbuk,
        Self::Jeonnam,
        Self::Gyeongbuk,
        Self::Gyeongnam,
        Self::Jeju,
    ];

    /// The region's name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Nationwide => "전국",
            Self::Seoul => "서울",
            Self::Busan => "부산",
            Self::Daegu => "대구",
            Self::Incheon => "인천",
            Self::Gwangju => "광주",
            Self::Daejeon => "대전",
            Self::Ulsan => "울산",
            Self::Sejong => "세종",
            Self::Gyeonggi => "경기",
            Self::Gangwon => "강원",
            Self::Chungbuk => "충북",
            Self::Chungnam => "충남",
            Self::Jeonbuk => "전북",
            Self::Jeonnam => "전남",
            Self::Gyeongbuk => "경북",
            Self::Gyeongnam => "경남",
            Self::Jeju => "제주",
        }
    }
}

/// How an application period is written. More often free text than two dates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum PeriodKind {
    /// From one date to another.
    Range,
    /// Until the budget is used up (예산 소진시까지).
    UntilBudget,
    /// At any time (상시).
    Always,
    /// First come, first served (선착순).
    FirstCome,
    /// Until the places are filled (모집 완료시까지).
    UntilFilled,
    /// To be announced (추후 공지).
    AnnouncedLater,
    /// Differs by sub-programme or region.
    Varies,
    /// Several times a year.
    Recurring,
    /// Dates that cannot be.
    Invalid,
    /// Nothing was written.
    Missing,
    /// A spelling that nobody has seen yet.
    Other,
}

impl PeriodKind {
    /// Every kind there is.
    pub const ALL: [Self; 11] = [
        Self::Range,
        Self::UntilBudget,
        Self::Always,
        Self::FirstCome,
        Self::UntilFilled,
        Self::AnnouncedLater,
        Self::Varies,
        Self::Recurring,
        Self::Invalid,
        Self::Missing,
        Self::Other,
    ];

    /// The kind's name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Range => "range",
            Self::UntilBudget => "until_budget",
            Self::Always => "always",
            Self::FirstCome => "first_come",
            Self::UntilFilled => "until_filled",
            Self::AnnouncedLater => "announced_later",
            Self::Varies => "varies",
            Self::Recurring => "recurring",
            Self::Invalid => "invalid",
            Self::Missing => "missing",
            Self::Other => "other",
        }
    }
}

/// When one can apply.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Period {
    /// How to read it.
    pub kind: PeriodKind,
    /// As it was written.
    pub text: String,
    /// First day, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub starts_on: Option<NaiveDate>,
    /// Last day, where there is one; it ends at 23:59:59 in Seoul.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends_on: Option<NaiveDate>,
}

/// Where an edition stands. Moved by commands only; what people see is the phase, which also reads the period and the date.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ProjectStatus {
    /// Expected, not started.
    Planned,
    /// Running.
    Ongoing,
    /// Over.
    Ended,
}

impl ProjectStatus {
    /// Every status there is.
    pub const ALL: [Self; 3] = [Self::Planned, Self::Ongoing, Self::Ended];

    /// The status's name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Planned => "planned",
            Self::Ongoing => "ongoing",
            Self::Ended => "ended",
        }
    }
}

/// One edition of a programme as others know it: every event about it tells all of this, so that a copy of it is one upsert.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Edition {
    /// The programme it is an edition of.
    pub series_id: SeriesId,
    /// Its name as announced. Not a key: names repeat.
    pub name: String,
    /// The edition's year.
    pub year: i32,
    /// 분야.
    pub category: Category,
    /// Where it applies.
    pub regions: Vec<Region>,
    /// 지원대상, where it was told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// 소관기관.
    pub agency: String,
    /// 수행기관.
    pub host: String,
    /// When one can apply.
    pub period: Period,
    /// Where it stands.
    pub status: ProjectStatus,
    /// The day it was started, in Seoul; not the first day of the application period.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_on: Option<NaiveDate>,
    /// The day it was ended, in Seoul; not the last day of the application period.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_on: Option<NaiveDate>,
    /// The edition before this one, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub predecessor: Option<ProjectId>,
}

/// A field of an edition that an edit can change; its status only where an import extends what an import alone had ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
#[expect(
    missing_docs,
    reason = "each variant is the field of the edition that it is named after"
)]
pub enum EditionField {
    Name,
    Year,
    Category,
    Regions,
    Target,
    Scale,
    Agency,
    Host,
    Summary,
    Link,
    Period,
    Predecessor,
    Source,
    Series,
    Status,
}

/// What every event about an edition tells.
pub trait HasEdition: Event {
    /// Which edition, and what it is like now.
    fn edition(&self) -> (ProjectId, &Edition);
}

/// An edition of a programme exists.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ProjectCreated {
    /// The edition.
    pub project_id: ProjectId,
    /// What it is like.
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
    /// What it is like now.
    #[serde(flatten)]
    pub edition: Edition,
    /// Who started it.
    pub actor: Actor,
}

/// An edition was ended: `ongoing → ended`. Next year's edition follows from it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ProjectEnded {
    /// The edition.
    pub project_id: ProjectId,
    /// What it is like now.
    #[serde(flatten)]
    pub edition: Edition,
    /// Who ended it.
    pub actor: Actor,
}

/// Staff changed what is said of an edition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ProjectEdited {
    /// The edition.
    pub project_id: ProjectId,
    /// What it is like now.
    #[serde(flatten)]
    pub edition: Edition,
    /// What is different from before; never empty.
    pub changed: Vec<EditionField>,
    /// When one could apply before, where that changed: by it a reader tells whether the deadline moved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous_period: Option<Period>,
    /// Who changed it.
    pub actor: Actor,
}

impl ProjectEdited {
    /// Whether the last day of the application period is another one now.
    pub fn deadline_moved(&self) -> bool {
        self.previous_period
            .as_ref()
            .is_some_and(|before| before.ends_on != self.edition.period.ends_on)
    }
}

macro_rules! tells_edition {
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

tells_edition! {
    ProjectCreated "ktgg.ProjectCreated.v1"
    ProjectStarted "ktgg.ProjectStarted.v1"
    ProjectEnded "ktgg.ProjectEnded.v1"
    ProjectEdited "ktgg.ProjectEdited.v1"
}
