//! Every rule about projects, and nothing else: no I/O, no clock, no ids made here.

use chrono::{Datelike as _, Months, NaiveDate};
use events::{
    Actor, Category, Edition, EditionField, Period, PeriodKind, Phase, ProjectCreated,
    ProjectEdited, ProjectEnded, ProjectId, ProjectStarted, ProjectStatus, Region, SeriesId,
};
use serde::{Deserialize, Serialize};

mod command;

pub use self::command::{Between, Command, CreateProject, EditProject, Neighbour, Patch, Refusal};
use crate::{period, series};

/// Years outside of these are typing errors.
pub const YEARS: std::ops::RangeInclusive<i32> = 1990..=2100;

/// The longest name, in characters. The longest real one has 96.
pub const LONGEST_NAME: usize = 200;

/// The longest text that is more than a name, in characters.
pub const LONGEST_TEXT: usize = 4000;

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
    /// The day it was started, in Seoul; not the first day of the application period.
    pub started_on: Option<NaiveDate>,
    /// The day it was ended, in Seoul; not the last day of the application period.
    pub ended_on: Option<NaiveDate>,
    /// The edition before this one, where it is known.
    pub predecessor: Option<ProjectId>,
    /// Where it was imported from; what staff or a policy entered has none.
    pub source: Option<Source>,
    /// Which list it was read from, where that is known: to be named with it.
    pub source_list: Option<List>,
    /// How many events it has.
    pub version: i64,
}

/// By which an imported project is known again.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Source {
    /// Whose ids they are, as in `bizinfo`: all lists of 기업마당 have the same.
    pub name: String,
    /// Its key there (`pblancId`): row numbers change with every export.
    pub id: String,
}

/// A list that projects are imported from, whose licence wants it named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum List {
    /// Answers of 기업마당.
    Bizinfo,
    /// The CSV of the public data portal.
    DataGoKr,
    /// Answers of K-Startup.
    Kstartup,
}

impl List {
    /// The list's name in its column.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Bizinfo => "bizinfo",
            Self::DataGoKr => "data-go-kr",
            Self::Kstartup => "kstartup",
        }
    }
}

/// What a command changes, and what is told of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The project as it is then.
    after: Project,
    /// What is told.
    pub told: Told,
}

/// What is told of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// It was started.
    Started(ProjectStarted),
    /// It was ended.
    Ended(ProjectEnded),
    /// It is described otherwise.
    Edited(ProjectEdited),
}

/// Whether an edition can be of that year.
///
/// # Errors
/// [`Refusal::NoSuchYear`].
pub fn check_year(year: i32) -> Result<(), Refusal> {
    if YEARS.contains(&year) {
        Ok(())
    } else {
        Err(Refusal::NoSuchYear)
    }
}

/// Whether the period can be. It may lack either end.
///
/// # Errors
/// [`Refusal::EndsBeforeItStarts`], [`Refusal::NoSuchDate`].
pub fn check_period(period: &Period) -> Result<(), Refusal> {
    if [period.starts_on, period.ends_on]
        .into_iter()
        .flatten()
        .any(|date| !YEARS.contains(&date.year()))
    {
        return Err(Refusal::NoSuchDate);
    }
    match (period.starts_on, period.ends_on) {
        (Some(start), Some(end)) if end < start => Err(Refusal::EndsBeforeItStarts),
        _ => Ok(()),
    }
}

/// Whether a page may link there: an http(s) address without blanks.
pub fn is_web_address(link: &str) -> bool {
    let begins = |scheme: &str| {
        link.get(..scheme.len())
            .is_some_and(|begin| begin.eq_ignore_ascii_case(scheme))
    };
    (begins("https://") || begins("http://")) && !link.contains(char::is_whitespace)
}

/// A period from one day to another, as it is written where nobody wrote it.
pub fn written(starts_on: NaiveDate, ends_on: NaiveDate) -> String {
    format!("{starts_on} ~ {ends_on}")
}

/// The period one year later; what was on 29 February is on the 28th.
fn a_year_later(period: &Period) -> Option<Period> {
    let later =
        |date: Option<NaiveDate>| date.and_then(|date| date.checked_add_months(Months::new(12)));
    let (starts_on, ends_on) = (later(period.starts_on), later(period.ends_on));
    let text = period::a_year_later(&period.text);
    let text = match (period.kind, starts_on, ends_on) {
        // Words without the dates, or dates that a date entered beside them contradicts.
        (PeriodKind::Range, Some(start), Some(end)) if !tells(&text, start, end) => {
            written(start, end)
        }
        _ => text,
    };
    let later = Period {
        kind: period.kind,
        text,
        starts_on,
        ends_on,
    };
    check_period(&later).is_ok().then_some(later)
}

fn tells(text: &str, start: NaiveDate, end: NaiveDate) -> bool {
    let read = period::read(text);
    (read.starts_on, read.ends_on) == (Some(start), Some(end))
}

impl Project {
    /// The new edition, and what is told of it.
    ///
    /// # Errors
    /// The first rule it breaks.
    pub fn create(command: CreateProject, actor: Actor) -> Result<(Self, ProjectCreated), Refusal> {
        check_year(command.year)?;
        check_period(&command.period)?;
        if command
            .ended_on
            .is_some_and(|ended| command.started_on.is_some_and(|started| ended < started))
        {
            return Err(Refusal::EndedBeforeStarted);
        }
        let it = Self {
            id: command.id,
            series_id: command.series_id,
            name: command.name,
            year: command.year,
            category: command.category,
            regions: or_nationwide(command.regions),
            target: command.target,
            scale: command.scale,
            agency: command.agency,
            host: command.host,
            summary: command.summary,
            link: command.link,
            period: command.period,
            status: command.status,
            started_on: command.started_on,
            ended_on: command.ended_on,
            predecessor: command.predecessor,
            source: command.source,
            source_list: command.source_list,
            version: 1,
        };
        let event = ProjectCreated {
            project_id: it.id,
            edition: it.edition(),
            actor,
        };
        Ok((it, event))
    }

    /// Decides what a command means here. `Ok(None)` is "already so".
    ///
    /// # Errors
    /// The first rule it breaks.
    pub fn handle(&self, command: Command, actor: Actor) -> Result<Option<Change>, Refusal> {
        match command {
            Command::Start { on, today } => self.start(on.unwrap_or(today), today, actor).map(Some),
            Command::End { on, today } => self.end(on.unwrap_or(today), today, actor).map(Some),
            Command::EndOverdue { today } => match self.phase(today) {
                _ if self.status != ProjectStatus::Ongoing => Err(Refusal::NotOngoing(self.status)),
                Phase::Closed => self.end(today, today, actor).map(Some),
                phase => Err(Refusal::NotOverdue(phase)),
            },
            Command::Edit(edit) => self.edit(*edit, actor),
            Command::Fill(_) if self.status != ProjectStatus::Planned => {
                Err(Refusal::NotPlanned(self.status))
            }
            Command::Fill(announcement) => self.edit(*announcement, actor),
        }
    }

    /// Folds a decided change into the state. Cannot refuse.
    pub fn apply(&mut self, change: &Change) {
        self.clone_from(&change.after);
    }

    fn start(&self, on: NaiveDate, today: NaiveDate, actor: Actor) -> Result<Change, Refusal> {
        match self.status {
            ProjectStatus::Planned if on > today => return Err(Refusal::StartedInTheFuture),
            ProjectStatus::Planned if !YEARS.contains(&on.year()) => {
                return Err(Refusal::StartedNever);
            }
            ProjectStatus::Planned => {}
            other => return Err(Refusal::NotPlanned(other)),
        }
        let after = Self {
            status: ProjectStatus::Ongoing,
            started_on: Some(on),
            version: self.version + 1,
            ..self.clone()
        };
        let told = Told::Started(ProjectStarted {
            project_id: self.id,
            edition: after.edition(),
            actor,
        });
        Ok(Change { after, told })
    }

    fn end(&self, on: NaiveDate, today: NaiveDate, actor: Actor) -> Result<Change, Refusal> {
        match self.status {
            ProjectStatus::Ongoing if on > today => return Err(Refusal::EndedInTheFuture),
            ProjectStatus::Ongoing if !YEARS.contains(&on.year()) => {
                return Err(Refusal::EndedNever);
            }
            ProjectStatus::Ongoing if self.started_on.is_some_and(|started| on < started) => {
                return Err(Refusal::EndedBeforeStarted);
            }
            ProjectStatus::Ongoing => {}
            other => return Err(Refusal::NotOngoing(other)),
        }
        let after = Self {
            status: ProjectStatus::Ended,
            ended_on: Some(on),
            version: self.version + 1,
            ..self.clone()
        };
        let told = Told::Ended(ProjectEnded {
            project_id: self.id,
            edition: after.edition(),
            actor,
        });
        Ok(Change { after, told })
    }

    fn edit(&self, edit: EditProject, actor: Actor) -> Result<Option<Change>, Refusal> {
        let mut after = self.clone();
        let EditProject {
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
            ..
        } = edit;
        after.name = name.unwrap_or(after.name);
        after.year = year.unwrap_or(after.year);
        after.category = category.unwrap_or(after.category);
        after.regions = regions.map_or(after.regions, or_nationwide);
        target.apply(&mut after.target);
        scale.apply(&mut after.scale);
        after.agency = agency.unwrap_or(after.agency);
        match host {
            Patch::Keep => {}
            Patch::Clear => after.host.clone_from(&after.agency),
            Patch::Set(host) => after.host = host,
        }
        summary.apply(&mut after.summary);
        link.apply(&mut after.link);
        after.period = period.unwrap_or(after.period);
        after.series_id = edit.series_id.unwrap_or(after.series_id);
        match edit.predecessor {
            Patch::Set(earlier) if Some(earlier.id) != self.predecessor => {
                after.check_predecessor(earlier)?;
                after.predecessor = Some(earlier.id);
            }
            Patch::Keep | Patch::Set(_) => {}
            Patch::Clear => after.predecessor = None,
        }
        if after.year != self.year
            || after.series_id != self.series_id
            || after.predecessor != self.predecessor
        {
            after.check_between(edit.between)?;
        }
        if let Some(source) = edit.source {
            (after.source, after.source_list) = (Some(source), edit.source_list);
        }
        if self.status == ProjectStatus::Ended {
            match edit.ended_on {
                Patch::Keep => {}
                Patch::Clear => (after.status, after.ended_on) = (ProjectStatus::Ongoing, None),
                Patch::Set(ended) => after.ended_on = Some(ended),
            }
        }

        let changed = self.differences(&after);
        if changed.contains(&EditionField::Year) {
            check_year(after.year)?;
        }
        if changed.contains(&EditionField::Period) {
            check_period(&after.period)?;
        }
        if changed.is_empty() {
            return Ok(None);
        }
        after.version += 1;
        let previous_period = changed
            .contains(&EditionField::Period)
            .then(|| self.period.clone());
        let event = ProjectEdited {
            project_id: self.id,
            edition: after.edition(),
            changed,
            previous_period,
            actor,
        };
        Ok(Some(Change {
            after,
            told: Told::Edited(event),
        }))
    }

    fn check_predecessor(&self, earlier: Neighbour) -> Result<(), Refusal> {
        if earlier.series_id != self.series_id {
            Err(Refusal::PredecessorElsewhere)
        } else if earlier.year >= self.year {
            Err(Refusal::PredecessorNotEarlier)
        } else {
            Ok(())
        }
    }

    /// Whether it still stands between its neighbours: they are of one series, and later years follow earlier ones. So no edition follows
    /// itself, however far around.
    fn check_between(&self, between: Between) -> Result<(), Refusal> {
        if let Some(earlier) = between
            .predecessor
            .filter(|earlier| self.predecessor == Some(earlier.id))
        {
            self.check_predecessor(earlier)
                .map_err(|refusal| match refusal {
                    Refusal::PredecessorNotEarlier => Refusal::NotAfterPredecessor,
                    other => other,
                })?;
        }
        match between.successor {
            Some(later) if later.series_id != self.series_id => Err(Refusal::SuccessorElsewhere),
            Some(later) if later.year <= self.year => Err(Refusal::NotBeforeSuccessor),
            _ => Ok(()),
        }
    }

    /// What is different over there, in the order of the fields.
    fn differences(&self, other: &Self) -> Vec<EditionField> {
        [
            (EditionField::Name, self.name != other.name),
            (EditionField::Year, self.year != other.year),
            (EditionField::Category, self.category != other.category),
            (EditionField::Regions, self.regions != other.regions),
            (EditionField::Target, self.target != other.target),
            (EditionField::Scale, self.scale != other.scale),
            (EditionField::Agency, self.agency != other.agency),
            (EditionField::Host, self.host != other.host),
            (EditionField::Summary, self.summary != other.summary),
            (EditionField::Link, self.link != other.link),
            (EditionField::Period, self.period != other.period),
            (
                EditionField::Predecessor,
                self.predecessor != other.predecessor,
            ),
            (EditionField::Source, self.source != other.source),
            (EditionField::Series, self.series_id != other.series_id),
            (EditionField::Status, self.status != other.status),
        ]
        .into_iter()
        .filter_map(|(field, differs)| differs.then_some(field))
        .collect()
    }

    /// Next year's edition, as it is expected: the same but for what changes with the year. `None` after the last year there is.
    pub fn next_edition(&self, id: ProjectId) -> Option<CreateProject> {
        let year = self.year + 1;
        check_year(year).ok()?;
        Some(CreateProject {
            id,
            series_id: self.series_id,
            name: series::next_name(&self.name, self.year),
            year,
            category: self.category,
            regions: self.regions.clone(),
            target: self.target.clone(),
            scale: self.scale,
            agency: self.agency.clone(),
            host: self.host.clone(),
            summary: self.summary.clone(),
            // Both are of this year's announcement.
            link: None,
            source: None,
            source_list: None,
            period: a_year_later(&self.period)?,
            status: ProjectStatus::Planned,
            started_on: None,
            ended_on: None,
            predecessor: Some(self.id),
        })
    }

    /// What people see of it on that day in Seoul.
    pub fn phase(&self, today: NaiveDate) -> Phase {
        events::phase(self.status, &self.period, today)
    }

    /// By which editions of the same programme are known.
    pub fn series_key(&self) -> String {
        series::key(&self.name, &self.agency, &self.host, self.year)
    }

    /// What every event about it tells.
    fn edition(&self) -> Edition {
        Edition {
            series_id: self.series_id,
            name: self.name.clone(),
            year: self.year,
            category: self.category,
            regions: self.regions.clone(),
            target: self.target.clone(),
            agency: self.agency.clone(),
            host: self.host.clone(),
            period: self.period.clone(),
            status: self.status,
            started_on: self.started_on,
            ended_on: self.ended_on,
            predecessor: self.predecessor,
        }
    }
}

fn or_nationwide(regions: Vec<Region>) -> Vec<Region> {
    if regions.is_empty() {
        vec![Region::Nationwide]
    } else {
        regions
    }
}

#[cfg(test)]
mod tests;
