//! The aggregate: every rule about projects, and nothing else. No I/O, no clock, no new ids.

mod command;
mod details;
mod refusal;
#[cfg(test)]
mod tests;

use chrono::{Datelike as _, NaiveDate};
use events::{
    Actor, Edition, EditionField, Phase, ProjectCreated, ProjectEdited, ProjectEnded, ProjectId,
    ProjectStarted, ProjectStatus, Region, SeriesId,
};

pub use self::command::{Command, CreateProject, EditProject, Neighbour, Neighbours, Patch};
pub use self::details::{Details, MAX_NAME_LENGTH, MAX_TEXT_LENGTH, Source, SourceList};
pub use self::refusal::{Refusal, check_period, check_year, is_web_address};
use crate::period::{self, YEARS};
use crate::series;

/// One edition of a programme.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Project {
    pub id: ProjectId,
    /// Shared by all editions of the programme.
    pub series_id: SeriesId,
    pub details: Details,
    pub status: ProjectStatus,
    /// In Seoul; not the first day of the application period.
    pub started_on: Option<NaiveDate>,
    /// In Seoul; not the last day of the application period.
    pub ended_on: Option<NaiveDate>,
    /// The previous edition, if known.
    pub predecessor: Option<ProjectId>,
    /// `None` if staff or a policy created it.
    pub source: Option<Source>,
    /// The list to attribute; `None` if unknown.
    pub source_list: Option<SourceList>,
    /// The number of its events.
    pub version: i64,
}

/// The result of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    after: Project,
    pub event: ChangeEvent,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChangeEvent {
    Started(ProjectStarted),
    Ended(ProjectEnded),
    Edited(ProjectEdited),
}

impl Project {
    /// The new edition and its first event.
    ///
    /// # Errors
    /// The first rule that the command breaks.
    pub fn create(command: CreateProject, actor: Actor) -> Result<(Self, ProjectCreated), Refusal> {
        let CreateProject {
            started_on,
            ended_on,
            mut details,
            ..
        } = command;
        check_year(details.year)?;
        check_period(&details.period)?;
        if ended_on.is_some_and(|ended| started_on.is_some_and(|started| ended < started)) {
            return Err(Refusal::EndedBeforeStarted);
        }
        details.regions = or_nationwide(details.regions);
        let project = Self {
            id: command.id,
            series_id: command.series_id,
            details,
            status: command.status,
            started_on,
            ended_on,
            predecessor: command.predecessor,
            source: command.source,
            source_list: command.source_list,
            version: 1,
        };
        let event = ProjectCreated {
            project_id: project.id,
            edition: project.edition(),
            actor,
        };
        Ok((project, event))
    }

    /// Decides a command. `Ok(None)` means that nothing would change.
    ///
    /// # Errors
    /// The first rule that the command breaks.
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

    /// Applies the result of a command. Cannot fail.
    pub fn apply(&mut self, change: &Change) {
        self.clone_from(&change.after);
    }

    fn start(&self, on: NaiveDate, today: NaiveDate, actor: Actor) -> Result<Change, Refusal> {
        if self.status != ProjectStatus::Planned {
            return Err(Refusal::NotPlanned(self.status));
        }
        if on > today {
            return Err(Refusal::StartedInTheFuture);
        }
        if !YEARS.contains(&on.year()) {
            return Err(Refusal::ImplausibleStartDay);
        }
        let after = Self {
            status: ProjectStatus::Ongoing,
            started_on: Some(on),
            version: self.version + 1,
            ..self.clone()
        };
        let event = ChangeEvent::Started(ProjectStarted {
            project_id: self.id,
            edition: after.edition(),
            actor,
        });
        Ok(Change { after, event })
    }

    fn end(&self, on: NaiveDate, today: NaiveDate, actor: Actor) -> Result<Change, Refusal> {
        if self.status != ProjectStatus::Ongoing {
            return Err(Refusal::NotOngoing(self.status));
        }
        if on > today {
            return Err(Refusal::EndedInTheFuture);
        }
        if !YEARS.contains(&on.year()) {
            return Err(Refusal::ImplausibleEndDay);
        }
        if self.started_on.is_some_and(|started| on < started) {
            return Err(Refusal::EndedBeforeStarted);
        }
        let after = Self {
            status: ProjectStatus::Ended,
            ended_on: Some(on),
            version: self.version + 1,
            ..self.clone()
        };
        let event = ChangeEvent::Ended(ProjectEnded {
            project_id: self.id,
            edition: after.edition(),
            actor,
        });
        Ok(Change { after, event })
    }

    fn edit(&self, edit: EditProject, actor: Actor) -> Result<Option<Change>, Refusal> {
        let mut after = self.clone();
        let details = &mut after.details;
        set(&mut details.name, edit.name);
        set(&mut details.year, edit.year);
        set(&mut details.category, edit.category);
        set(&mut details.regions, edit.regions.map(or_nationwide));
        edit.target.apply(&mut details.target);
        edit.scale.apply(&mut details.scale);
        set(&mut details.agency, edit.agency);
        match edit.host {
            Patch::Keep => {}
            Patch::Clear => details.host.clone_from(&details.agency),
            Patch::Set(host) => details.host = host,
        }
        edit.summary.apply(&mut details.summary);
        edit.link.apply(&mut details.link);
        set(&mut details.period, edit.period);
        set(&mut after.series_id, edit.series_id);
        after.place(self, edit.predecessor, edit.neighbours)?;
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
        if changed.is_empty() {
            return Ok(None);
        }
        if changed.contains(&EditionField::Year) {
            check_year(after.details.year)?;
        }
        let period_changed = changed.contains(&EditionField::Period);
        if period_changed {
            check_period(&after.details.period)?;
        }
        after.version += 1;
        let event = ChangeEvent::Edited(ProjectEdited {
            project_id: self.id,
            edition: after.edition(),
            changed,
            previous_period: period_changed.then(|| self.details.period.clone()),
            actor,
        });
        Ok(Some(Change { after, event }))
    }

    /// Sets the predecessor, and checks the order of the editions if the place among them changes:
    /// neighbours are of one series, and later years follow earlier ones. So no edition can follow
    /// itself, directly or indirectly.
    fn place(
        &mut self,
        before: &Self,
        predecessor: Patch<Neighbour>,
        neighbours: Neighbours,
    ) -> Result<(), Refusal> {
        match predecessor {
            Patch::Set(earlier) if Some(earlier.id) != before.predecessor => {
                self.check_predecessor(earlier)?;
                self.predecessor = Some(earlier.id);
            }
            Patch::Keep | Patch::Set(_) => {}
            Patch::Clear => self.predecessor = None,
        }
        let place = |project: &Self| (project.details.year, project.series_id, project.predecessor);
        if place(self) == place(before) {
            return Ok(());
        }
        if let Some(earlier) = neighbours
            .predecessor
            .filter(|earlier| self.predecessor == Some(earlier.id))
        {
            self.check_predecessor(earlier)
                .map_err(|refusal| match refusal {
                    Refusal::PredecessorNotEarlier => Refusal::NotAfterPredecessor,
                    other => other,
                })?;
        }
        match neighbours.successor {
            Some(later) if later.series_id != self.series_id => Err(Refusal::SuccessorElsewhere),
            Some(later) if later.year <= self.details.year => Err(Refusal::NotBeforeSuccessor),
            _ => Ok(()),
        }
    }

    fn check_predecessor(&self, earlier: Neighbour) -> Result<(), Refusal> {
        if earlier.series_id != self.series_id {
            Err(Refusal::PredecessorElsewhere)
        } else if earlier.year >= self.details.year {
            Err(Refusal::PredecessorNotEarlier)
        } else {
            Ok(())
        }
    }

    /// The fields that differ, in their order.
    fn differences(&self, other: &Self) -> Vec<EditionField> {
        let (ours, theirs) = (&self.details, &other.details);
        [
            (EditionField::Name, ours.name != theirs.name),
            (EditionField::Year, ours.year != theirs.year),
            (EditionField::Category, ours.category != theirs.category),
            (EditionField::Regions, ours.regions != theirs.regions),
            (EditionField::Target, ours.target != theirs.target),
            (EditionField::Scale, ours.scale != theirs.scale),
            (EditionField::Agency, ours.agency != theirs.agency),
            (EditionField::Host, ours.host != theirs.host),
            (EditionField::Summary, ours.summary != theirs.summary),
            (EditionField::Link, ours.link != theirs.link),
            (EditionField::Period, ours.period != theirs.period),
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

    /// The expected edition of the next year; `None` after the last plausible year.
    pub fn next_edition(&self, id: ProjectId) -> Option<CreateProject> {
        let details = Details {
            name: series::next_name(&self.details.name, self.details.year),
            year: self.details.year + 1,
            // The address of this year's announcement.
            link: None,
            period: period::next_year(&self.details.period),
            ..self.details.clone()
        };
        check_year(details.year).ok()?;
        check_period(&details.period).ok()?;
        Some(CreateProject::planned(
            id,
            self.series_id,
            details,
            Some(self.id),
        ))
    }

    /// The phase that people see on that day in Seoul.
    pub fn phase(&self, today: NaiveDate) -> Phase {
        events::phase(self.status, &self.details.period, today)
    }

    /// This edition as the predecessor of another one.
    pub fn as_neighbour(&self) -> Neighbour {
        Neighbour {
            id: self.id,
            series_id: self.series_id,
            year: self.details.year,
        }
    }

    /// The part that every event contains.
    fn edition(&self) -> Edition {
        let details = self.details.clone();
        Edition {
            series_id: self.series_id,
            name: details.name,
            year: details.year,
            category: details.category,
            regions: details.regions,
            target: details.target,
            agency: details.agency,
            host: details.host,
            period: details.period,
            status: self.status,
            started_on: self.started_on,
            ended_on: self.ended_on,
            predecessor: self.predecessor,
        }
    }
}

fn set<T>(field: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *field = value;
    }
}

fn or_nationwide(regions: Vec<Region>) -> Vec<Region> {
    if regions.is_empty() {
        vec![Region::Nationwide]
    } else {
        regions
    }
}
