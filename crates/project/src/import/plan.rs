//! What importing a row would do, decided from what is there. Nothing here changes anything; who carries a plan out decides it again from
//! the same editions.

use chrono::NaiveDate;
use events::{EditionField, Period, PeriodKind, ProjectId, ProjectStatus, SeriesId};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use service_kit::http::problem::Text;
use utoipa::ToSchema;

use super::{Fault, Row};
use crate::period;
use crate::project::{Command, CreateProject, EditProject, Patch, Project, Source, Told};
use crate::series;

/// What importing a row means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// A new edition.
    Create,
    /// An edition that was imported before is described otherwise now.
    Edit,
    /// Nothing: all that it says is known.
    Same,
    /// It is the announcement of an edition that was only expected. Staff confirm it.
    FillsPlanned,
    /// It cannot be imported.
    Error,
}

impl Action {
    /// Every action there is.
    pub const ALL: [Self; 5] = [
        Self::Create,
        Self::Edit,
        Self::Same,
        Self::FillsPlanned,
        Self::Error,
    ];

    /// The action's name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Edit => "edit",
            Self::Same => "same",
            Self::FillsPlanned => "fills-planned",
            Self::Error => "error",
        }
    }
}

/// What would be different of an edition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Difference {
    /// Which field.
    #[schema(value_type = String)]
    pub field: EditionField,
    /// What is there.
    pub from: Value,
    /// What the file says.
    pub to: Value,
}

/// An edition that was imported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imported {
    /// The edition.
    pub it: Project,
    /// Whether it is over by an import alone: it ended with the period that its list told, nobody ended it, and nothing follows it.
    pub ended_by_import: bool,
}

/// What there is that a row could mean.
#[derive(Debug, Clone, Copy, Default)]
pub struct Known<'a> {
    /// A row with the same key further up in the same file.
    pub above: Option<&'a Row>,
    /// The edition that was imported with this key.
    pub imported: Option<&'a Imported>,
    /// The edition of the same series and year that is only expected.
    pub expected: Option<&'a Project>,
}

/// What would become of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// What importing it means.
    pub action: Action,
    /// Which edition it is about, in which version.
    pub edition: Option<(ProjectId, i64)>,
    /// What would be different of it.
    pub differences: Vec<Difference>,
    /// Why it cannot be imported.
    pub faults: Vec<Fault>,
}

impl Decision {
    fn plain(action: Action) -> Self {
        Self {
            action,
            edition: None,
            differences: Vec::new(),
            faults: Vec::new(),
        }
    }

    /// What cannot be imported.
    pub(crate) fn error(faults: Vec<Fault>) -> Self {
        Self {
            faults,
            ..Self::plain(Action::Error)
        }
    }
}

/// Decides what importing a row means on that day in Seoul.
pub fn decide(row: &Row, known: Known<'_>, today: NaiveDate) -> Decision {
    match known {
        Known {
            above: Some(above), ..
        } if above == row => Decision::plain(Action::Same),
        Known { above: Some(_), .. } => Decision::error(vec![duplicate()]),
        Known {
            imported: Some(known),
            ..
        } => {
            let it = &known.it;
            let differences = differences(
                it,
                Command::Edit(Box::new(edit_imported(row, known, today))),
                starts(row, it, today),
            );
            let action = if differences.is_empty() {
                Action::Same
            } else {
                Action::Edit
            };
            Decision {
                action,
                edition: Some((it.id, it.version)),
                differences,
                faults: Vec::new(),
            }
        }
        Known {
            expected: Some(it), ..
        } => Decision {
            action: Action::FillsPlanned,
            edition: Some((it.id, it.version)),
            differences: differences(it, fill(row, it), starts(row, it, today)),
            faults: Vec::new(),
        },
        Known { .. } => Decision::plain(Action::Create),
    }
}

fn duplicate() -> Fault {
    Fault {
        column: None,
        code: "duplicate",
        message: Text::new(
            "같은 공고 번호가 위에 다른 내용으로 있습니다",
            "A row further up has the same id of the announcement and says something else",
        ),
    }
}

/// The edition has changed since the plan was made.
pub(crate) fn changed_meanwhile() -> Fault {
    Fault {
        column: None,
        code: "changed-meanwhile",
        message: Text::new(
            "계획을 세운 뒤에 이 사업이 바뀌었습니다. 파일을 다시 올려 주세요",
            "The project was changed after the plan was made. Import the file again",
        ),
    }
}

/// `EditProject` with what the row says otherwise. What its source does not tell, it does not empty.
fn edit(row: &Row, it: &Project) -> EditProject {
    let told = |told: Option<&String>, there: Option<&String>| match told {
        Some(text) if Some(text) != there => Patch::Set(text.clone()),
        _ => Patch::Keep,
    };
    EditProject {
        name: (row.name != it.name).then(|| row.name.clone()),
        year: (row.year != it.year).then_some(row.year),
        category: (row.category_told && row.category != it.category).then_some(row.category),
        regions: (row.regions_told && row.regions != it.regions).then(|| row.regions.clone()),
        target: told(row.target.as_ref(), it.target.as_ref()),
        agency: (row.agency != it.agency).then(|| row.agency.clone()),
        host: told(Some(&row.host), Some(&it.host)),
        summary: told(row.summary.as_ref(), it.summary.as_ref()),
        // One announcement has several addresses; whichever names its id is as good.
        link: match &it.link {
            Some(link) if link.ends_with(&format!("={}", row.source_id)) => Patch::Keep,
            Some(_) if is_cut_of(&row.source_id, it) => Patch::Keep,
            there => told(row.link.as_ref(), there.as_ref()),
        },
        period: (!is_same_period(&row.period, &it.period)).then(|| row.period.clone()),
        source: knows_more_of_id(row, it).then(|| row.source()),
        source_list: row.list,
        ..EditProject::default()
    }
}

/// Whether that id is the beginning of the edition's.
fn is_cut_of(id: &str, it: &Project) -> bool {
    it.source
        .as_ref()
        .is_some_and(|source| source.id.len() > id.len() && source.id.starts_with(id))
}

/// Whether the edition was imported from a file that was cut off within its key, and the row has all of it.
fn knows_more_of_id(row: &Row, it: &Project) -> bool {
    it.source.as_ref().is_some_and(|source| {
        row.source_id.len() > source.id.len() && row.source_id.starts_with(&source.id)
    })
}

/// Whether a row and an edition of its series are one announcement, of which either was cut off within its key: ids of one portal are alike
/// long.
pub(crate) fn is_one_cut_off(row: &Row, may_be_cut: bool, it: &Project) -> bool {
    let is_cut = knows_more_of_id(row, it) || may_be_cut && is_cut_of(&row.source_id, it);
    is_cut && is_same_period(&row.period, &it.period)
}

/// The same of an edition that was imported: one that an import alone had ended goes by its new deadline.
pub(crate) fn edit_imported(row: &Row, known: &Imported, today: NaiveDate) -> EditProject {
    let edit = edit(row, &known.it);
    let ended_on = match &edit.period {
        Some(period) if known.ended_by_import => match period.ends_on {
            Some(end) if end < today => Patch::Set(end),
            _ => Patch::Clear,
        },
        _ => Patch::Keep,
    };
    EditProject { ended_on, ..edit }
}

/// The announcement of an edition that was only expected.
pub(crate) fn fill(row: &Row, it: &Project) -> Command {
    Command::Fill(Box::new(EditProject {
        source: Some(row.source()),
        source_list: row.list,
        ..edit(row, it)
    }))
}

/// Whether carrying the row out starts that edition: it is planned, and its announcement says that it runs already.
pub(crate) fn starts(row: &Row, it: &Project, today: NaiveDate) -> bool {
    it.status == ProjectStatus::Planned
        && period::status(&row.period, today) != ProjectStatus::Planned
}

/// The day it began, as far as the announcement tells it.
pub(crate) fn began_on(row: &Row, today: NaiveDate) -> Option<NaiveDate> {
    row.period
        .starts_on
        .or(row.registered_on)
        .filter(|day| *day <= today)
}

/// The new edition. What is over already is no [`events::ProjectEnded`]: nothing follows from it.
pub(crate) fn create(
    row: Row,
    id: ProjectId,
    series_id: SeriesId,
    predecessor: Option<ProjectId>,
    today: NaiveDate,
) -> CreateProject {
    let status = period::status(&row.period, today);
    let started_on = began_on(&row, today).filter(|_| status != ProjectStatus::Planned);
    let ended_on = row
        .period
        .ends_on
        .filter(|_| status == ProjectStatus::Ended);
    CreateProject {
        id,
        series_id,
        source: Some(row.source()),
        source_list: row.list,
        name: row.name,
        year: row.year,
        category: row.category,
        regions: row.regions,
        target: row.target,
        scale: None,
        agency: row.agency,
        host: row.host,
        summary: row.summary,
        link: row.link,
        period: row.period,
        status,
        // A list may be older than what it lists.
        started_on: started_on.filter(|started| ended_on.is_none_or(|ended| *started <= ended)),
        ended_on,
        predecessor,
    }
}

impl Row {
    /// By which editions of the same programme are known.
    pub(crate) fn series_key(&self) -> String {
        series::key(&self.name, &self.agency, &self.host, self.year)
    }

    /// Where it comes from, as its edition keeps it.
    pub(crate) fn source(&self) -> Source {
        Source {
            name: self.portal.as_str().to_owned(),
            id: self.source_id.clone(),
        }
    }
}

/// Two spellings of one period: dates with other signs between them, words with other blanks.
fn is_same_period(one: &Period, other: &Period) -> bool {
    let what_counts = |period: &Period| -> String {
        let is_range = period.kind == PeriodKind::Range;
        period
            .text
            .chars()
            .filter(|letter| {
                if is_range {
                    letter.is_ascii_digit()
                } else {
                    !letter.is_whitespace()
                }
            })
            .collect()
    };
    let read = |period: &Period| (period.kind, period.starts_on, period.ends_on);
    read(one) == read(other) && what_counts(one) == what_counts(other)
}

/// What the command would change, by the aggregate's own word, and the start of the edition, if that follows.
fn differences(it: &Project, command: Command, starts: bool) -> Vec<Difference> {
    let mut after = it.clone();
    let mut changed = Vec::new();
    if let Ok(Some(change)) = it.handle(command, events::Actor::System) {
        after.apply(&change);
        if let Told::Edited(event) = change.told {
            changed = event.changed;
        }
    }
    if starts {
        after.status = ProjectStatus::Ongoing;
        changed.push(EditionField::Status);
    }
    // That an expected edition has a source now is what filling it means.
    let shown = changed
        .into_iter()
        .filter(|field| *field != EditionField::Source || it.source.is_some());
    shown
        .map(|field| Difference {
            field,
            from: value(it, field),
            to: value(&after, field),
        })
        .collect()
}

fn value(it: &Project, field: EditionField) -> Value {
    match field {
        EditionField::Name => json!(it.name),
        EditionField::Year => json!(it.year),
        EditionField::Category => json!(it.category),
        EditionField::Regions => json!(it.regions),
        EditionField::Target => json!(it.target),
        EditionField::Scale => json!(it.scale),
        EditionField::Agency => json!(it.agency),
        EditionField::Host => json!(it.host),
        EditionField::Summary => json!(it.summary),
        EditionField::Link => json!(it.link),
        EditionField::Period => json!(it.period),
        EditionField::Predecessor => json!(it.predecessor),
        EditionField::Source => json!(it.source.as_ref().map(|source| &source.id)),
        EditionField::Series => json!(it.series_id),
        EditionField::Status => json!(it.status),
    }
}

#[cfg(test)]
mod tests;
