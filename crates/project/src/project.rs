//! Every rule about projects, and nothing else: no I/O, no clock, no ids made here.

use chrono::Datelike as _;
use events::{Actor, Category, Edition, Period, ProjectCreated, ProjectId, ProjectStatus, Region, SeriesId};

/// Years outside of these are typing errors.
pub const YEARS: std::ops::RangeInclusive<i32> = 1990..=2100;

/// One edition of a programme.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Project {
    /// Its id.
    pub id: ProjectId,
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
    /// Where it stands.
    pub status: ProjectStatus,
    /// How many events it has.
    pub version: i64,
}

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
}

/// Why a project is not created.
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
}

/// Whether an edition can be of that year.
///
/// # Errors
/// [`Refusal::NoSuchYear`].
pub fn check_year(year: i32) -> Result<(), Refusal> {
    if YEARS.contains(&year) { Ok(()) } else { Err(Refusal::NoSuchYear) }
}

/// Whether the period can be. It may lack either end.
///
/// # Errors
/// [`Refusal::EndsBeforeItStarts`], [`Refusal::NoSuchDate`].
pub fn check_period(period: &Period) -> Result<(), Refusal> {
    if [period.starts_on, period.ends_on].into_iter().flatten().any(|date| !YEARS.contains(&date.year())) {
        return Err(Refusal::NoSuchDate);
    }
    match (period.starts_on, period.ends_on) {
        (Some(start), Some(end)) if end < start => Err(Refusal::EndsBeforeItStarts),
        _ => Ok(()),
    }
}

impl Project {
    /// The new edition, planned, and what is told of it.
    ///
    /// # Errors
    /// The first rule it breaks.
    pub fn create(command: CreateProject, actor: Actor) -> Result<(Self, ProjectCreated), Refusal> {
        check_year(command.year)?;
        check_period(&command.period)?;
        let regions = if command.regions.is_empty() { vec![Region::Nationwide] } else { command.regions };
        let it = Self {
            id: command.id,
            series_id: command.series_id,
            name: command.name,
            year: command.year,
            category: command.category,
            regions,
            target: command.target,
            scale: command.scale,
            agency: command.agency,
            host: command.host,
            summary: command.summary,
            link: command.link,
            period: command.period,
            status: ProjectStatus::Planned,
            version: 1,
        };
        let event = ProjectCreated {
            project_id: it.id,
            edition: Edition {
                series_id: it.series_id,
                name: it.name.clone(),
                year: it.year,
                category: it.category,
                regions: it.regions.clone(),
                target: it.target.clone(),
                agency: it.agency.clone(),
                host: it.host.clone(),
                period: it.period.clone(),
                status: it.status,
                started_on: None,
                ended_on: None,
                predecessor: None,
            },
            actor,
        };
        Ok((it, event))
    }
}

#[cfg(test)]
mod tests {
    use events::PeriodKind;
    use uuid::Uuid;

    use super::*;

    fn a_project() -> CreateProject {
        CreateProject {
            id: ProjectId(Uuid::from_u128(1)),
            series_id: SeriesId(Uuid::from_u128(2)),
            name: "2026년 스마트상점 기술보급사업".to_owned(),
            year: 2026,
            category: Category::Technology,
            regions: vec![],
            target: None,
            scale: None,
            agency: "중소벤처기업부".to_owned(),
            host: "소상공인시장진흥공단".to_owned(),
            summary: None,
            link: None,
            period: Period {
                kind: PeriodKind::Range,
                text: "2026-03-02 ~ 2026-03-31".to_owned(),
                starts_on: "2026-03-02".parse().ok(),
                ends_on: "2026-03-31".parse().ok(),
            },
        }
    }

    #[test]
    fn a_new_project_is_planned_and_nationwide_unless_told_otherwise() {
        let (it, event) = Project::create(a_project(), Actor::System).unwrap();
        assert_eq!((it.status, it.regions), (ProjectStatus::Planned, vec![Region::Nationwide]));
        assert_eq!(event.edition.regions, vec![Region::Nationwide]);
    }

    #[test]
    fn a_period_cannot_end_before_it_starts_but_may_lack_either_end() {
        let mut command = a_project();
        command.period.ends_on = "2026-03-01".parse().ok();
        assert_eq!(Project::create(command.clone(), Actor::System), Err(Refusal::EndsBeforeItStarts));
        command.period.starts_on = None;
        assert!(Project::create(command, Actor::System).is_ok());
    }

    #[test]
    fn a_year_that_must_be_a_typing_error_is_refused() {
        for year in [0, 202, 20_266, -1] {
            let command = CreateProject { year, ..a_project() };
            assert_eq!(Project::create(command, Actor::System), Err(Refusal::NoSuchYear), "{year}");
        }
    }
}
