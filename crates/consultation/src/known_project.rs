//! The projection of the project service's editions.

use chrono::NaiveDate;
use events::{Period, Phase, ProjectId, ProjectStatus, SeriesId};
use serde::Serialize;
use service_kit::forms::project_ref::{Candidate, name_key};
use utoipa::ToSchema;

/// An edition of which this service has consumed an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownProject {
    pub id: ProjectId,
    /// The programme. `None` in rows older than this column, until the project's next event.
    pub series_id: Option<SeriesId>,
    /// The current name.
    pub name: String,
    /// The keys of the current and all former names.
    pub name_keys: Vec<String>,
    /// `None` as `series_id`. So are `agency` and `period`.
    pub year: Option<i32>,
    /// 소관기관.
    pub agency: Option<String>,
    pub status: ProjectStatus,
    /// The application period.
    pub period: Option<Period>,
}

/// Whether this service knows the project, and by the name that was sent with the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProjectState {
    /// Not known yet: the name is the one that was sent.
    Unknown,
    /// Known by that name.
    Known,
    /// Known, but never by the name that was sent. Check that it is the intended project.
    Differs,
}

impl ProjectState {
    /// Compares the projection with the name that was sent. Erasure removes that name, and
    /// without it a known project counts as `Known`.
    pub fn new(project: Option<&KnownProject>, sent_name: Option<&str>) -> Self {
        match (project, sent_name) {
            (None, _) => Self::Unknown,
            (Some(project), Some(name)) if !project.is_called(name) => Self::Differs,
            (Some(_), _) => Self::Known,
        }
    }
}

impl KnownProject {
    /// Whether this is or was its name.
    pub fn is_called(&self, name: &str) -> bool {
        self.name_keys.contains(&name_key(name))
    }

    /// The phase on that day in Seoul; `None` while the period is not known.
    pub fn phase(&self, today: NaiveDate) -> Option<Phase> {
        let period = self.period.as_ref()?;
        Some(events::phase(self.status, period, today))
    }

    /// What a caller sees who has to choose between editions of the same name.
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
    fn renamed_project_is_known_by_each_of_its_names_only() {
        let project = KnownProject {
            id: ProjectId(Uuid::nil()),
            series_id: None,
            name: "나".to_owned(),
            name_keys: vec!["가".to_owned(), "나".to_owned()],
            year: None,
            agency: None,
            status: ProjectStatus::Planned,
            period: None,
        };
        let states = ["가", " 나", "다"].map(|name| ProjectState::new(Some(&project), Some(name)));
        assert_eq!(
            states,
            [
                ProjectState::Known,
                ProjectState::Known,
                ProjectState::Differs
            ]
        );
        assert_eq!(ProjectState::new(Some(&project), None), ProjectState::Known);
        assert_eq!(ProjectState::new(None, Some("가")), ProjectState::Unknown);
    }
}
