//! What the project service tells.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{Actor, Event, ProjectId, SeriesId, Topic, TypeName};

/// What kind of support a programme gives (분야).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
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
#[expect(missing_docs, reason = "each variant is the romanised name of the region it is serialised as")]
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

/// How an application period is written. More often free text than two dates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
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

/// When one can apply.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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

/// An edition of a programme exists.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProjectCreated {
    /// The edition.
    pub project_id: ProjectId,
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
    /// 소관기관.
    pub agency: String,
    /// 수행기관.
    pub host: String,
    /// When one can apply.
    pub period: Period,
    /// Where it stands.
    pub status: ProjectStatus,
    /// The edition before this one, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub predecessor: Option<ProjectId>,
    /// Who created it.
    pub actor: Actor,
}

impl Event for ProjectCreated {
    const TYPE: TypeName = "ktgg.ProjectCreated.v1";
    const TOPIC: Topic = Topic::Project;
    fn aggregate_id(&self) -> Uuid {
        self.project_id.0
    }
}
