//! How projects are shown.

use axum::http::StatusCode;
use chrono::NaiveDate;
use events::{Category, Period, PeriodKind, Phase, ProjectStatus, Region};
use serde::Serialize;
use service_kit::forms::on_behalf_of::PersonView;
use service_kit::http::Versioned;
use service_kit::http::describe::{
    CategoryName, PeriodKindName, PhaseName, RegionName, StatusName,
};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::project::{Details, Source, SourceList};
use crate::store::figures::Figures;
use crate::store::projects::StoredProject;

/// A project as anyone may see it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ProjectView {
    pub(super) id: Uuid,
    /// The programme: shared by all of its editions.
    series_id: Uuid,
    /// Not a key: names repeat.
    name: String,
    /// The year of the edition.
    year: i32,
    /// 분야.
    #[schema(value_type = CategoryName)]
    category: Category,
    /// 시도, or 전국.
    #[schema(value_type = Vec<RegionName>)]
    regions: Vec<Region>,
    /// 지원대상.
    target: Option<String>,
    /// 지원규모, in KRW.
    scale: Option<i64>,
    /// 소관기관.
    agency: String,
    /// 수행기관.
    host: String,
    summary: Option<String>,
    /// The address of the announcement.
    link: Option<String>,
    /// When customers can apply.
    period: PeriodView,
    /// Moved by commands only.
    #[schema(value_type = StatusName)]
    status: ProjectStatus,
    /// What people see today in Seoul.
    #[schema(value_type = PhaseName)]
    phase: Phase,
    /// Days from today in Seoul to the last day of the period: 0 on that day. Null after it,
    /// without a last day, and once the edition was ended.
    days_left: Option<i64>,
    /// The day it was started, in Seoul; not the first day of the period.
    started_on: Option<NaiveDate>,
    /// The day it was ended, in Seoul; not the last day of the period.
    ended_on: Option<NaiveDate>,
    /// Where it was imported from; to be shown with the project.
    source: Option<SourceView>,
    /// The previous edition.
    predecessor: Option<Uuid>,
    /// The next edition.
    successor: Option<Uuid>,
    /// Also the `ETag`.
    version: i64,
}

/// When customers can apply.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct PeriodView {
    /// How to interpret the text.
    #[schema(value_type = PeriodKindName)]
    kind: PeriodKind,
    /// As written in the announcement.
    text: String,
    /// First day.
    starts_on: Option<NaiveDate>,
    /// Last day; it ends at 23:59:59 in Seoul.
    ends_on: Option<NaiveDate>,
}

impl From<Period> for PeriodView {
    fn from(period: Period) -> Self {
        Self {
            kind: period.kind,
            text: period.text,
            starts_on: period.starts_on,
            ends_on: period.ends_on,
        }
    }
}

/// Where an imported project comes from.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SourceView {
    /// The portal that assigned the id.
    name: String,
    /// The portal's id of the announcement.
    id: String,
    /// The attribution that the licence of the list requires. Null if the link led to another site
    /// when it was imported, because the origin is then unknown.
    line: Option<&'static str>,
}

impl SourceView {
    pub(super) fn new(Source { name, id }: Source, list: Option<SourceList>) -> Self {
        let line = list.map(|list| match list {
            SourceList::Bizinfo => "출처: 중소벤처기업부 기업마당(bizinfo.go.kr)",
            SourceList::DataGoKr => "출처: 공공데이터포털(data.go.kr), 중소벤처기업부",
            SourceList::Kstartup => "출처: 창업진흥원 K-Startup(k-startup.go.kr)",
        });
        Self { name, id, line }
    }
}

impl ProjectView {
    /// The project on that day in Seoul.
    pub(super) fn new(stored: StoredProject, today: NaiveDate) -> Self {
        let StoredProject { project, successor } = stored;
        let phase = project.phase(today);
        let Details {
            name,
            year,
            category,
            regions,
            target,
            scale,
            agency,
            host,
            summary,
            link,
            period,
        } = project.details;
        let days_left = period
            .ends_on
            .map(|end| (end - today).num_days())
            .filter(|days| *days >= 0 && phase != Phase::Ended);
        Self {
            id: project.id.0,
            series_id: project.series_id.0,
            name,
            year,
            category,
            regions,
            target,
            scale,
            agency,
            host,
            summary,
            link,
            period: period.into(),
            status: project.status,
            phase,
            days_left,
            started_on: project.started_on,
            ended_on: project.ended_on,
            source: project
                .source
                .map(|source| SourceView::new(source, project.source_list)),
            predecessor: project.predecessor.map(|id| id.0),
            successor: successor.map(|id| id.0),
            version: project.version,
        }
    }

    /// The answer with its `ETag`, and its `Location` if it was created.
    pub(super) fn versioned(self, status: StatusCode) -> Versioned<Self> {
        let location = (status == StatusCode::CREATED).then(|| format!("/projects/{}", self.id));
        Versioned {
            status,
            location,
            version: self.version,
            view: self,
        }
    }
}

/// A project in the list.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ListedProjectView {
    #[serde(flatten)]
    project: ProjectView,
    /// For staff only.
    #[serde(skip_serializing_if = "Option::is_none")]
    figures: Option<FiguresView>,
}

impl ListedProjectView {
    /// The project on that day in Seoul.
    pub(super) fn new(stored: StoredProject, today: NaiveDate, figures: Option<Figures>) -> Self {
        Self {
            project: ProjectView::new(stored, today),
            figures: figures.map(FiguresView::from),
        }
    }
}

/// What counts for a project, as the totals of its view.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct FiguresView {
    /// The number of interested customers. 0 once the edition has ended.
    interests: i64,
    /// The number of consultations, at any step.
    consultations: i64,
    /// The salesman with the most interests and consultations; null without any (배정 중).
    salesman: Option<PersonView>,
    /// How many other salesmen have some.
    other_salesmen: i64,
}

impl From<Figures> for FiguresView {
    fn from(figures: Figures) -> Self {
        Self {
            interests: figures.interests,
            consultations: figures.consultations,
            other_salesmen: (figures.salesmen - 1).max(0),
            salesman: figures.salesman.map(PersonView::from),
        }
    }
}
