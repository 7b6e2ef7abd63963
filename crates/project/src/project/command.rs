//! What somebody wants of a project, and why it may be refused.

use chrono::NaiveDate;
use events::{Category, Period, Phase, ProjectId, ProjectStatus, Region, SeriesId};
use service_kit::http::problem::Text;

use super::{List, Project, Source, YEARS};

/// `CreateProject`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateProject {
    /// The new project's id.
    pub id: ProjectId,
    /// The programme: a new one, or that of an earlier edition.
    pub series_id: SeriesId,
    /// Its name.
    pub name: String,
    /// The edition's year.
    pub year: i32,
    /// 분야.
    pub category: Category,
    /// Where it applies; empty means the whole country.
    pub regions: Vec<Region>,
    /// 지원대상.
    pub target: Option<String>,
    /// 지원규모, in KRW.
    pub scale: Option<i64>,
    /// 소관기관.
    pub agency: String,
    /// 수행기관.
    pub host: String,
    /// What it is about.
    pub summary: Option<String>,
    /// Where it was announced.
    pub link: Option<String>,
    /// When one can apply.
    pub period: Period,
    /// `planned`, except of an imported row, which may have run its course long ago.
    pub status: ProjectStatus,
    /// The day it was started, where it was.
    pub started_on: Option<NaiveDate>,
    /// The day it was ended, where it was.
    pub ended_on: Option<NaiveDate>,
    /// The edition before this one, which has no other successor.
    pub predecessor: Option<ProjectId>,
    /// Where it is imported from.
    pub source: Option<Source>,
    /// Which list it is read from.
    pub source_list: Option<List>,
}

/// What shall become of one field.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Patch<T> {
    /// It stays as it is.
    #[default]
    Keep,
    /// It is emptied.
    Clear,
    /// It becomes this.
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
}

/// `EditProject`: what shall be different. What is not said stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EditProject {
    /// Its name.
    pub name: Option<String>,
    /// The edition's year.
    pub year: Option<i32>,
    /// 분야.
    pub category: Option<Category>,
    /// Where it applies; empty means the whole country.
    pub regions: Option<Vec<Region>>,
    /// 지원대상.
    pub target: Patch<String>,
    /// 지원규모, in KRW.
    pub scale: Patch<i64>,
    /// 소관기관.
    pub agency: Option<String>,
    /// 수행기관; cleared, it is the agency.
    pub host: Patch<String>,
    /// What it is about.
    pub summary: Patch<String>,
    /// Where it was announced.
    pub link: Patch<String>,
    /// When one can apply.
    pub period: Option<Period>,
    /// The programme that it is an edition of.
    pub series_id: Option<SeriesId>,
    /// The edition before this one.
    pub predecessor: Patch<Neighbour>,
    /// The editions that it stands between now.
    pub between: Between,
    /// Where its announcement was imported from.
    pub source: Option<Source>,
    /// Which list that was read from.
    pub source_list: Option<List>,
    /// Since when an edition is over that an import alone had ended, by its list; cleared, it runs again. Of others it is not said.
    pub ended_on: Patch<NaiveDate>,
}

/// What has to be known of an edition that another one follows or precedes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Neighbour {
    /// Which edition.
    pub id: ProjectId,
    /// Its programme.
    pub series_id: SeriesId,
    /// Its year.
    pub year: i32,
}

impl From<&Project> for Neighbour {
    fn from(it: &Project) -> Self {
        Self {
            id: it.id,
            series_id: it.series_id,
            year: it.year,
        }
    }
}

/// The editions before and after one, where there are any: its series and its year have to stay between theirs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Between {
    /// Its predecessor.
    pub predecessor: Option<Neighbour>,
    /// Its successor.
    pub successor: Option<Neighbour>,
}

/// What somebody wants of a project that exists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// `StartProject`: `planned → ongoing`.
    Start {
        /// Since when; today unless given.
        on: Option<NaiveDate>,
        /// Today in Seoul.
        today: NaiveDate,
    },
    /// `EndProject`: `ongoing → ended`.
    End {
        /// Since when; today unless given.
        on: Option<NaiveDate>,
        /// Today in Seoul.
        today: NaiveDate,
    },
    /// `EndProject` of one among many, if its deadline has passed: it may have been moved since it was chosen.
    EndOverdue {
        /// Today in Seoul.
        today: NaiveDate,
    },
    /// `EditProject`, wherever it stands.
    Edit(Box<EditProject>),
    /// `EditProject` by an import: the announcement of an edition that was only expected. Only while it is planned.
    Fill(Box<EditProject>),
}

/// Why something is not done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It would end before it starts.
    #[error("the application period ends before it starts")]
    EndsBeforeItStarts,
    /// A typing error.
    #[error("a date of the application period is not between {} and {}", YEARS.start(), YEARS.end())]
    NoSuchDate,
    /// A typing error.
    #[error("the year is not between {} and {}", YEARS.start(), YEARS.end())]
    NoSuchYear,
    /// It was started before, or is over.
    #[error("only a planned project can be started: this one is {}", .0.as_str())]
    NotPlanned(ProjectStatus),
    /// It was not started, or is over.
    #[error("only an ongoing project can be ended: this one is {}", .0.as_str())]
    NotOngoing(ProjectStatus),
    /// One can still apply, or nobody knows until when.
    #[error("its deadline has not passed: it is {}", .0.as_str())]
    NotOverdue(Phase),
    /// Nobody knows yet that it will be.
    #[error("it cannot have been started after today")]
    StartedInTheFuture,
    /// Nobody knows yet that it will be.
    #[error("it cannot have been ended after today")]
    EndedInTheFuture,
    /// A typing error.
    #[error("the day is not between {} and {}", YEARS.start(), YEARS.end())]
    StartedNever,
    /// A typing error.
    #[error("the day is not between {} and {}", YEARS.start(), YEARS.end())]
    EndedNever,
    /// It would be over before it began.
    #[error("it cannot have been ended before it was started")]
    EndedBeforeStarted,
    /// Editions of two programmes are no successors of each other.
    #[error("the predecessor is an edition of another series")]
    PredecessorElsewhere,
    /// A successor comes later.
    #[error("the predecessor is not of an earlier year")]
    PredecessorNotEarlier,
    /// The edition that follows it would be of another programme.
    #[error("the edition that follows it is of another series")]
    SuccessorElsewhere,
    /// It would come before the edition that it follows.
    #[error("the year is not after that of the edition before")]
    NotAfterPredecessor,
    /// It would come after the edition that follows it.
    #[error("the year is not before that of the edition after")]
    NotBeforeSuccessor,
}

impl Refusal {
    /// The same for a person.
    pub fn sentence(&self) -> Text {
        let ko = match self {
            Self::EndsBeforeItStarts => "마감일이 시작일보다 빠릅니다",
            Self::NoSuchDate => "신청기간의 날짜를 확인해 주세요",
            Self::NoSuchYear => "연도를 확인해 주세요",
            Self::NotPlanned(_) => "예정인 사업만 시작할 수 있습니다",
            Self::NotOngoing(_) => "진행 중인 사업만 종료할 수 있습니다",
            Self::NotOverdue(_) => "마감이 지나지 않은 사업입니다",
            Self::StartedInTheFuture => "오늘보다 늦은 날은 시작일이 될 수 없습니다",
            Self::EndedInTheFuture => "오늘보다 늦은 날은 종료일이 될 수 없습니다",
            Self::StartedNever | Self::EndedNever => "날짜를 확인해 주세요",
            Self::EndedBeforeStarted => "종료일이 시작일보다 빠릅니다",
            Self::PredecessorElsewhere => "이전 회차가 다른 계열의 사업입니다",
            Self::PredecessorNotEarlier => "이전 연도의 사업이어야 합니다",
            Self::SuccessorElsewhere => "다음 회차가 다른 계열의 사업이 됩니다",
            Self::NotAfterPredecessor => "이전 회차보다 늦은 연도여야 합니다",
            Self::NotBeforeSuccessor => "다음 회차보다 이른 연도여야 합니다",
        };
        Text::new(ko, self.to_string())
    }
}
