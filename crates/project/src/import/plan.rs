//! Plans what importing a row would do, from the editions there are. Nothing here changes anything:
//! the importer plans again with the same editions when it carries a row out.

#[cfg(test)]
mod tests;

use chrono::NaiveDate;
use events::{EditionField, Period, PeriodKind, ProjectId, ProjectStatus, SeriesId};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use service_kit::http::problem::Text;
use utoipa::ToSchema;

use super::{Fault, Row};
use crate::period;
use crate::project::{ChangeEvent, Command, CreateProject, EditProject, Patch, Project};

events::text_enum! {
    /// What importing a row means.
    #[derive(ToSchema)]
    pub enum Action {
        /// It creates an edition.
        Create = "create",
        /// It changes an edition that was imported before.
        Edit = "edit",
        /// Nothing would change.
        Same = "same",
        /// It is the announcement of an expected edition. Staff confirm it.
        FillsPlanned = "fills-planned",
        /// It cannot be imported.
        Error = "error",
    }
}

/// One field of an edition that would change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Difference {
    /// The name of the field.
    #[schema(value_type = String)]
    pub field: EditionField,
    /// The present value.
    pub from: Value,
    /// The value in the file.
    pub to: Value,
}

/// An edition that was imported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportedProject {
    pub project: Project,
    /// Whether it ended with the period of its list, without `EndProject`, and has no successor.
    pub ended_by_import: bool,
}

/// What a row may correspond to.
#[derive(Debug, Clone, Copy, Default)]
pub struct Matches<'a> {
    /// An earlier row of the same file with the same key.
    pub earlier_row: Option<&'a Row>,
    /// The edition that was imported with this key.
    pub imported: Option<&'a ImportedProject>,
    /// The expected edition of the same series and year.
    pub expected: Option<&'a Project>,
}

/// The plan for one row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowPlan {
    pub action: Action,
    /// The edition it changes, and the version on which the plan is based.
    pub edition: Option<(ProjectId, i64)>,
    /// The changes to that edition.
    pub differences: Vec<Difference>,
    /// Why the row cannot be imported.
    pub faults: Vec<Fault>,
}

impl RowPlan {
    fn new(action: Action) -> Self {
        Self {
            action,
            edition: None,
            differences: Vec::new(),
            faults: Vec::new(),
        }
    }

    pub(crate) fn error(faults: Vec<Fault>) -> Self {
        Self {
            faults,
            ..Self::new(Action::Error)
        }
    }

    fn change(action: Action, project: &Project, differences: Vec<Difference>) -> Self {
        Self {
            edition: Some((project.id, project.version)),
            differences,
            ..Self::new(action)
        }
    }
}

/// Plans a row on that day in Seoul.
pub fn plan_row(row: &Row, matches: Matches<'_>, today: NaiveDate) -> RowPlan {
    if let Some(earlier) = matches.earlier_row {
        return if earlier == row {
            RowPlan::new(Action::Same)
        } else {
            RowPlan::error(vec![duplicate()])
        };
    }
    if let Some(imported) = matches.imported {
        let project = &imported.project;
        let edit = Command::Edit(Box::new(edit_imported(row, imported, today)));
        let differences = differences(project, edit, starts(row, project, today));
        let action = if differences.is_empty() {
            Action::Same
        } else {
            Action::Edit
        };
        return RowPlan::change(action, project, differences);
    }
    if let Some(project) = matches.expected {
        let differences = differences(project, fill(row, project), starts(row, project, today));
        return RowPlan::change(Action::FillsPlanned, project, differences);
    }
    RowPlan::new(Action::Create)
}

fn duplicate() -> Fault {
    let message = Text::new(
        "같은 공고 번호가 위에 다른 내용으로 있습니다",
        "An earlier row has the same id of the announcement with other content",
    );
    Fault::new(None, "duplicate", message)
}

/// The edition was changed after the plan was made.
pub(crate) fn changed_meanwhile() -> Fault {
    let message = Text::new(
        "계획을 세운 뒤에 이 사업이 바뀌었습니다. 파일을 다시 올려 주세요",
        "The project was changed after the plan was made. Import the file again",
    );
    Fault::new(None, "changed-meanwhile", message)
}

/// `EditProject` with the fields that differ. What the source does not give is not cleared.
fn edit(row: &Row, project: &Project) -> EditProject {
    let (new, old) = (&row.details, &project.details);
    let set_if_given = |new: Option<&String>, old: Option<&String>| match new {
        Some(text) if Some(text) != old => Patch::Set(text.clone()),
        _ => Patch::Keep,
    };
    EditProject {
        name: (new.name != old.name).then(|| new.name.clone()),
        year: (row.has_year && new.year != old.year).then_some(new.year),
        category: (row.has_category && new.category != old.category).then_some(new.category),
        regions: (row.has_regions && new.regions != old.regions).then(|| new.regions.clone()),
        target: set_if_given(new.target.as_ref(), old.target.as_ref()),
        agency: (new.agency != old.agency).then(|| new.agency.clone()),
        host: set_if_given(Some(&new.host), Some(&old.host)),
        summary: set_if_given(new.summary.as_ref(), old.summary.as_ref()),
        // An announcement has several addresses. Any that contains its id is as good.
        link: match &old.link {
            Some(link) if link.ends_with(&format!("={}", row.source_id)) => Patch::Keep,
            Some(_) if has_shortened_id(row, project) => Patch::Keep,
            old => set_if_given(new.link.as_ref(), old.as_ref()),
        },
        period: (!is_same_period(&new.period, &old.period)).then(|| new.period.clone()),
        source: completes_id(row, project).then(|| row.source()),
        source_list: row.list,
        ..EditProject::default()
    }
}

/// Whether the row's id is the start of the edition's id.
fn has_shortened_id(row: &Row, project: &Project) -> bool {
    let id = project.source.as_ref().map(|source| &source.id);
    id.is_some_and(|id| id.len() > row.source_id.len() && id.starts_with(&row.source_id))
}

/// Whether the edition's id is the start of the row's id: its file was cut off within the key.
fn completes_id(row: &Row, project: &Project) -> bool {
    let id = project.source.as_ref().map(|source| &source.id);
    id.is_some_and(|id| row.source_id.len() > id.len() && row.source_id.starts_with(id))
}

/// Whether a row and an edition of its series are the same announcement, one of them with a
/// shortened id. Complete ids of one portal have the same length.
pub(crate) fn is_same_announcement(row: &Row, may_be_cut_off: bool, project: &Project) -> bool {
    let is_shortened =
        completes_id(row, project) || may_be_cut_off && has_shortened_id(row, project);
    is_shortened && is_same_period(&row.details.period, &project.details.period)
}

/// `EditProject` of an imported edition. One that was ended by an import alone follows its new
/// deadline.
pub(crate) fn edit_imported(row: &Row, known: &ImportedProject, today: NaiveDate) -> EditProject {
    let edit = edit(row, &known.project);
    let ended_on = match &edit.period {
        Some(period) if known.ended_by_import => match period.ends_on {
            Some(end) if end < today => Patch::Set(end),
            _ => Patch::Clear,
        },
        _ => Patch::Keep,
    };
    EditProject { ended_on, ..edit }
}

/// The announcement of an expected edition.
pub(crate) fn fill(row: &Row, project: &Project) -> Command {
    Command::Fill(Box::new(EditProject {
        source: Some(row.source()),
        source_list: row.list,
        ..edit(row, project)
    }))
}

/// Whether importing the row also starts the edition: it is planned, and its period has begun.
pub(crate) fn starts(row: &Row, project: &Project, today: NaiveDate) -> bool {
    project.status == ProjectStatus::Planned
        && period::status_on(&row.details.period, today) != ProjectStatus::Planned
}

/// The day on which the edition started, if the announcement gives it.
pub(crate) fn started_on(row: &Row, today: NaiveDate) -> Option<NaiveDate> {
    let start = row.details.period.starts_on.or(row.registered_on);
    start.filter(|day| *day <= today)
}

/// The new edition. One that has ended already publishes no [`events::ProjectEnded`], so that
/// nothing follows from it.
pub(crate) fn create(
    row: Row,
    id: ProjectId,
    series_id: SeriesId,
    predecessor: Option<ProjectId>,
    today: NaiveDate,
) -> CreateProject {
    let period = &row.details.period;
    let status = period::status_on(period, today);
    let ended_on = period.ends_on.filter(|_| status == ProjectStatus::Ended);
    let started_on = started_on(&row, today)
        .filter(|_| status != ProjectStatus::Planned)
        // The day of registration may be after the end of the period.
        .filter(|started| ended_on.is_none_or(|ended| *started <= ended));
    CreateProject {
        status,
        started_on,
        ended_on,
        source: Some(row.source()),
        source_list: row.list,
        ..CreateProject::planned(id, series_id, row.details, predecessor)
    }
}

/// Whether two texts are spellings of one period: other signs between dates, or other blanks.
fn is_same_period(one: &Period, other: &Period) -> bool {
    let significant = |period: &Period| -> String {
        let is_range = period.kind == PeriodKind::Range;
        let is_significant = |letter: &char| {
            if is_range {
                letter.is_ascii_digit()
            } else {
                !letter.is_whitespace()
            }
        };
        period.text.chars().filter(is_significant).collect()
    };
    let parsed = |period: &Period| (period.kind, period.starts_on, period.ends_on);
    parsed(one) == parsed(other) && significant(one) == significant(other)
}

/// What the command would change according to the aggregate, and the start of the edition if that
/// follows.
fn differences(project: &Project, command: Command, starts: bool) -> Vec<Difference> {
    let mut after = project.clone();
    let mut changed = Vec::new();
    if let Ok(Some(change)) = project.handle(command, events::Actor::System) {
        after.apply(&change);
        if let ChangeEvent::Edited(event) = change.event {
            changed = event.changed;
        }
    }
    if starts {
        after.status = ProjectStatus::Ongoing;
        changed.push(EditionField::Status);
    }
    changed
        .into_iter()
        // Filling an expected edition always sets its source.
        .filter(|field| *field != EditionField::Source || project.source.is_some())
        .map(|field| Difference {
            field,
            from: value(project, field),
            to: value(&after, field),
        })
        .collect()
}

fn value(project: &Project, field: EditionField) -> Value {
    let details = &project.details;
    match field {
        EditionField::Name => json!(details.name),
        EditionField::Year => json!(details.year),
        EditionField::Category => json!(details.category),
        EditionField::Regions => json!(details.regions),
        EditionField::Target => json!(details.target),
        EditionField::Scale => json!(details.scale),
        EditionField::Agency => json!(details.agency),
        EditionField::Host => json!(details.host),
        EditionField::Summary => json!(details.summary),
        EditionField::Link => json!(details.link),
        EditionField::Period => json!(details.period),
        EditionField::Predecessor => json!(project.predecessor),
        EditionField::Source => json!(project.source.as_ref().map(|source| &source.id)),
        EditionField::Series => json!(project.series_id),
        EditionField::Status => json!(project.status),
    }
}
