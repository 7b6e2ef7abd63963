//! What this service keeps of the project service's editions, and what a name or an id means by it.

use chrono::NaiveDate;
use events::{Period, Phase, ProjectId, ProjectStatus};
use serde::Serialize;
use service_kit::forms::project_ref::{Candidate, name_key};
use utoipa::ToSchema;

/// An edition that this service was told of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownProject {
    /// Which.
    pub id: ProjectId,
    /// Its name now.
    pub name: String,
    /// The keys of all names that it has ever had.
    pub names_told: Vec<String>,
    /// Its year; `None` in a copy that is older than this field, until the project's next event.
    pub year: Option<i32>,
    /// 소관기관; `None` as above.
    pub agency: Option<String>,
    /// Where it stands.
    pub status: ProjectStatus,
    /// When one can apply; `None` as above.
    pub period: Option<Period>,
}

/// Whether this service was told of the project that was asked for, and by that name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProjectState {
    /// Not told of yet: the name is the one that the page sent.
    Unheard,
    /// Told of, by that name.
    Known,
    /// Told of, and never by the name that the page sent: somebody should look whether it is the project that was meant.
    Differs,
}

impl ProjectState {
    /// Of a project that was asked for by that name; `None` where the name was forgotten with its customer, and nobody can tell any more whether
    /// he meant another.
    pub fn of(known: Option<&KnownProject>, asked_name: Option<&str>) -> Self {
        match (known, asked_name) {
            (None, _) => Self::Unheard,
            (Some(known), Some(name)) if !known.names_told.contains(&name_key(name)) => {
                Self::Differs
            }
            (Some(_), _) => Self::Known,
        }
    }
}

impl KnownProject {
    /// What people see of it on that day in Seoul.
    pub fn phase(&self, today: NaiveDate) -> Option<Phase> {
        self.period
            .as_ref()
            .map(|period| events::phase(self.status, period, today))
    }

    /// As somebody is shown it who has to say which edition he means.
    pub fn candidate(&self, today: NaiveDate) -> Candidate {
        Candidate {
            id: self.id,
            name: self.name.clone(),
            year: self.year,
            agency: self.agency.clone(),
            phase: self.phase(today),
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_project_that_was_renamed_is_known_by_each_of_its_names_and_by_no_other() {
        let known = KnownProject {
            id: ProjectId(Uuid::nil()),
            name: "나".to_owned(),
            names_told: vec!["가".to_owned(), "나".to_owned()],
            year: None,
            agency: None,
            status: ProjectStatus::Planned,
            period: None,
        };
        let states = ["가", " 나", "다"].map(|name| ProjectState::of(Some(&known), Some(name)));
        assert_eq!(
            states,
            [
                ProjectState::Known,
                ProjectState::Known,
                ProjectState::Differs
            ]
        );
        assert_eq!(ProjectState::of(Some(&known), None), ProjectState::Known);
        assert_eq!(ProjectState::of(None, Some("가")), ProjectState::Unheard);
    }
}
