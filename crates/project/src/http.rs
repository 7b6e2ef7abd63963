//! What callers can do with projects: how a project is shown, and how a refusal is told.

mod body;
mod change;
mod imports;
mod list;
mod me;
mod view;
mod visit_card;

use axum::http::StatusCode;
use chrono::NaiveDate;
use events::{Category, Period, PeriodKind, Phase, ProjectStatus, Region};
use serde::Serialize;
use service_kit::http::describe::{
    CategoryName, PeriodKindName, PhaseName, RegionName, StatusName,
};
use service_kit::http::{Fields, Versioned};
use service_kit::{Context, Problem};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use uuid::Uuid;

use crate::project::{List, Refusal, Source};
use crate::store::Stored;

pub(crate) fn routes() -> OpenApiRouter<Context> {
    list::routes()
        .merge(change::routes())
        .merge(view::routes())
        .merge(visit_card::routes())
        .merge(imports::routes())
        .merge(me::routes())
}

/// A project as anyone sees it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ProjectView {
    pub(crate) id: Uuid,
    /// The same for all editions of one programme.
    pub(crate) series_id: Uuid,
    /// Not a key: names repeat.
    pub(crate) name: String,
    /// The edition's.
    pub(crate) year: i32,
    /// 분야.
    #[schema(value_type = CategoryName)]
    pub(crate) category: Category,
    /// 시도, or 전국.
    #[schema(value_type = Vec<RegionName>)]
    pub(crate) regions: Vec<Region>,
    /// 지원대상.
    pub(crate) target: Option<String>,
    /// 지원규모, in KRW.
    pub(crate) scale: Option<i64>,
    /// 소관기관.
    pub(crate) agency: String,
    /// 수행기관.
    pub(crate) host: String,
    /// What it is about.
    pub(crate) summary: Option<String>,
    /// Where it was announced.
    pub(crate) link: Option<String>,
    /// When one can apply.
    pub(crate) period: PeriodView,
    /// Where it stands; moved by commands only.
    #[schema(value_type = StatusName)]
    pub(crate) status: ProjectStatus,
    /// What people see of it today in Seoul.
    #[schema(value_type = PhaseName)]
    pub(crate) phase: Phase,
    /// Days from today in Seoul until the last day of the period: 0 on that day, null once it has passed, where there is none, or where the
    /// edition was ended.
    pub(crate) days_left: Option<i64>,
    /// The day it was started, in Seoul; not the first day of the period.
    pub(crate) started_on: Option<NaiveDate>,
    /// The day it was ended, in Seoul; not the last day of the period.
    pub(crate) ended_on: Option<NaiveDate>,
    /// Where it was imported from: to be shown with it.
    pub(crate) source: Option<SourceView>,
    /// The edition before this one.
    pub(crate) predecessor: Option<Uuid>,
    /// The edition after this one.
    pub(crate) successor: Option<Uuid>,
    /// Also the `ETag`.
    pub(crate) version: i64,
}

/// When one can apply.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PeriodView {
    /// How to read it.
    #[schema(value_type = PeriodKindName)]
    kind: PeriodKind,
    /// As it was written.
    text: String,
    /// First day.
    starts_on: Option<NaiveDate>,
    /// Last day; it ends at 23:59:59 in Seoul.
    ends_on: Option<NaiveDate>,
}

impl From<Period> for PeriodView {
    fn from(
        Period {
            kind,
            text,
            starts_on,
            ends_on,
        }: Period,
    ) -> Self {
        Self {
            kind,
            text,
            starts_on,
            ends_on,
        }
    }
}

/// Where an imported project comes from.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SourceView {
    /// Whose ids they are.
    name: String,
    /// Its key there.
    id: String,
    /// What the licence of the list wants to be shown; null where the link led elsewhere when it was imported, because then nobody knows whose
    /// it is.
    line: Option<&'static str>,
}

impl SourceView {
    pub(crate) fn of(Source { name, id }: Source, list: Option<List>) -> Self {
        let line = list.map(|list| match list {
            List::Bizinfo => "출처: 중소벤처기업부 기업마당(bizinfo.go.kr)",
            List::DataGoKr => "출처: 공공데이터포털(data.go.kr), 중소벤처기업부",
            List::Kstartup => "출처: 창업진흥원 K-Startup(k-startup.go.kr)",
        });
        Self { name, id, line }
    }
}

impl ProjectView {
    /// The project on that day in Seoul.
    pub(crate) fn on(Stored { it, successor }: Stored, today: NaiveDate) -> Self {
        let phase = it.phase(today);
        let source = it
            .source
            .clone()
            .map(|source| SourceView::of(source, it.source_list));
        let days_left = it
            .period
            .ends_on
            .map(|end| (end - today).num_days())
            .filter(|days| *days >= 0 && phase != Phase::Ended);
        Self {
            id: it.id.0,
            series_id: it.series_id.0,
            name: it.name,
            year: it.year,
            category: it.category,
            regions: it.regions,
            target: it.target,
            scale: it.scale,
            agency: it.agency,
            host: it.host,
            summary: it.summary,
            link: it.link,
            period: it.period.into(),
            status: it.status,
            phase,
            days_left,
            started_on: it.started_on,
            ended_on: it.ended_on,
            source,
            predecessor: it.predecessor.map(|id| id.0),
            successor: successor.map(|id| id.0),
            version: it.version,
        }
    }
}

fn shown(status: StatusCode, stored: Stored, today: NaiveDate) -> Versioned<ProjectView> {
    let location = (status == StatusCode::CREATED).then(|| format!("/projects/{}", stored.it.id));
    Versioned {
        status,
        location,
        version: stored.it.version,
        view: ProjectView::on(stored, today),
    }
}

/// Examples of this service's own problems.
pub(crate) fn problems() -> Vec<Problem> {
    let of_one = [
        Refusal::NotPlanned(ProjectStatus::Ongoing),
        Refusal::NotOngoing(ProjectStatus::Ended),
        Refusal::NotOverdue(Phase::Closing),
    ];
    of_one
        .map(Problem::from)
        .into_iter()
        .chain(imports::problems())
        .collect()
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let sentence = refusal.sentence();
        match refusal {
            Refusal::NotPlanned(status) => Self::conflict("project-not-planned", sentence)
                .with("projectStatus", status.as_str()),
            Refusal::NotOngoing(status) => Self::conflict("project-not-ongoing", sentence)
                .with("projectStatus", status.as_str()),
            Refusal::NotOverdue(phase) => {
                Self::conflict("project-not-overdue", sentence).with("phase", phase.as_str())
            }
            Refusal::EndsBeforeItStarts
            | Refusal::NoSuchDate
            | Refusal::NoSuchYear
            | Refusal::StartedInTheFuture
            | Refusal::StartedNever
            | Refusal::EndedInTheFuture
            | Refusal::EndedNever
            | Refusal::EndedBeforeStarted
            | Refusal::PredecessorElsewhere
            | Refusal::PredecessorNotEarlier
            | Refusal::SuccessorElsewhere
            | Refusal::NotAfterPredecessor
            | Refusal::NotBeforeSuccessor => {
                let mut fields = Fields::default();
                note(&mut fields, refusal);
                fields.problem()
            }
        }
    }
}

/// Notes a refusal that is about one field beside what else is wrong; the others are about the state.
fn note(fields: &mut Fields, refusal: Refusal) {
    let (pointer, code) = match refusal {
        Refusal::EndsBeforeItStarts => ("/period/endsOn", "ends-before-it-starts"),
        Refusal::NoSuchDate => ("/period", "no-such-date"),
        Refusal::NoSuchYear => ("/year", "no-such-year"),
        Refusal::StartedInTheFuture => ("/startedOn", "in-the-future"),
        Refusal::StartedNever => ("/startedOn", "no-such-date"),
        Refusal::EndedInTheFuture => ("/endedOn", "in-the-future"),
        Refusal::EndedNever => ("/endedOn", "no-such-date"),
        Refusal::EndedBeforeStarted => ("/endedOn", "before-it-was-started"),
        Refusal::PredecessorElsewhere => ("/predecessor", "another-series"),
        Refusal::PredecessorNotEarlier => ("/predecessor", "not-earlier"),
        Refusal::SuccessorElsewhere => ("/seriesId", "has-a-successor"),
        Refusal::NotAfterPredecessor => ("/year", "not-after-predecessor"),
        Refusal::NotBeforeSuccessor => ("/year", "not-before-successor"),
        Refusal::NotPlanned(_) | Refusal::NotOngoing(_) | Refusal::NotOverdue(_) => return,
    };
    fields.refuse(pointer, code, refusal.sentence());
}
