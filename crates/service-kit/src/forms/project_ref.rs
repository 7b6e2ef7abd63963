//! The project that a request body refers to, by id or by name.
//!
//! A service reads the fields, looks the reference up in its projection, and calls
//! [`ProjectRef::resolve`].

use axum::http::StatusCode;
use events::{Phase, ProjectId};
use serde::Serialize;
use serde_json::json;

use crate::forms::text::searchable;
use crate::http::fields::{Field, Fields};
use crate::http::problem::{Problem, Text};

/// In characters; the project service has the same limit.
pub const MAX_PROJECT_NAME_LENGTH: usize = 200;

/// The maximum number of candidates for an ambiguous name.
pub const MAX_CANDIDATES: i64 = 20;

/// The key to compare names by: [`searchable`], without white space and case. 「스마트 상점」 finds
/// 「스마트상점」.
pub fn name_key(name: &str) -> String {
    searchable(name)
        .chars()
        .filter(|letter| !letter.is_whitespace())
        .flat_map(char::to_lowercase)
        .collect()
}

/// The fields of a project reference.
#[derive(Debug, Default)]
pub struct ProjectFields {
    /// `/projectId`.
    pub project_id: Field<ProjectId>,
    /// `/projectName`.
    pub project_name: Field<String>,
}

/// A project reference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProjectRef {
    /// By id; the service may not know the project yet.
    ById {
        /// The project.
        id: ProjectId,
        /// The name that the client showed.
        sent_name: Option<String>,
    },
    /// By name: an edition that is not ended.
    ByName(String),
}

impl ProjectFields {
    /// Reads the fields, and reports errors in `fields`. An invalid id does not fall back to the
    /// name.
    pub fn read(self, fields: &mut Fields) -> Option<ProjectRef> {
        let has_id = !matches!(self.project_id, Field::Missing);
        let has_name = match &self.project_name {
            Field::Missing => false,
            Field::Present(name) => !name.trim().is_empty(),
            Field::Invalid { .. } => true,
        };
        if !has_id && !has_name {
            let message = Text::new(
                "지원사업을 골라 주세요",
                "Send a projectId or a projectName",
            );
            fields.refuse("/projectId", "required", message);
        }
        let id = fields.optional("/projectId", self.project_id);
        let sent_name =
            fields.optional_name("/projectName", self.project_name, MAX_PROJECT_NAME_LENGTH);
        match id {
            Some(id) => Some(ProjectRef::ById { id, sent_name }),
            None => sent_name.filter(|_| !has_id).map(ProjectRef::ByName),
        }
    }
}

/// A resolved project reference. `T` is the service's projection of a project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ResolvedProject<T> {
    /// The service has a projection of it.
    Known {
        /// The projection.
        project: T,
        /// The name in the request.
        sent_name: Option<String>,
    },
    /// The service has not consumed an event of it yet.
    Unknown {
        /// The project.
        id: ProjectId,
        /// The name in the request.
        sent_name: String,
    },
}

/// An edition to choose from when a name is ambiguous.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Candidate {
    /// The project.
    pub id: ProjectId,
    /// Its name.
    pub name: String,
    /// Null when unknown.
    pub year: Option<i32>,
    /// 소관기관; null when unknown.
    pub agency: Option<String>,
    /// Today's phase; null when the period is unknown.
    pub phase: Option<Phase>,
}

impl ProjectRef {
    /// Resolves the reference against the service's `projections`: for an id, of that project; for
    /// a name, of its editions that are not ended, in order of preference, at most
    /// [`MAX_CANDIDATES`].
    ///
    /// Projections with the same `choice_key` are one choice: for an interest the series, for a
    /// consultation the edition. Call this after reading all other fields, because an ambiguous
    /// name is reported together with their errors.
    ///
    /// # Errors
    /// 422 with the candidates when the name is ambiguous.
    pub fn resolve<T, K: PartialEq>(
        self,
        projections: Vec<T>,
        choice_key: impl Fn(&T) -> K,
        candidate: impl Fn(&T) -> Candidate,
        fields: &mut Fields,
    ) -> Result<Option<ResolvedProject<T>>, Problem> {
        let mut choices: Vec<T> = Vec::new();
        for project in projections {
            if !choices
                .iter()
                .any(|other| choice_key(other) == choice_key(&project))
            {
                choices.push(project);
            }
        }
        if choices.len() > 1 {
            let candidates: Vec<Candidate> = choices.iter().map(candidate).collect();
            return Err(ambiguous(&candidates, std::mem::take(fields)));
        }
        Ok(match (choices.pop(), self) {
            (Some(project), Self::ById { sent_name, .. }) => {
                Some(ResolvedProject::Known { project, sent_name })
            }
            (Some(project), Self::ByName(name)) => Some(ResolvedProject::Known {
                project,
                sent_name: Some(name),
            }),
            (
                None,
                Self::ById {
                    id,
                    sent_name: Some(sent_name),
                },
            ) => Some(ResolvedProject::Unknown { id, sent_name }),
            (
                None,
                Self::ById {
                    sent_name: None, ..
                },
            ) => {
                let message = Text::new(
                    "아직 등록되지 않은 사업입니다. 사업 이름도 보내 주세요",
                    "This project is not known yet: send its name as well",
                );
                fields.refuse("/projectName", "required", message);
                None
            }
            (None, Self::ByName(_)) => {
                let message = Text::new(
                    "예정이거나 진행 중인 지원사업의 이름을 입력해 주세요",
                    "No planned or ongoing project has this name",
                );
                fields.refuse("/projectName", "unknown", message);
                None
            }
        })
    }
}

fn ambiguous(candidates: &[Candidate], mut fields: Fields) -> Problem {
    let title = || {
        Text::new(
            "같은 이름의 지원사업이 여럿입니다",
            "Several projects have this name",
        )
    };
    let problem = if fields.is_valid() {
        Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "several-projects",
            title(),
        )
    } else {
        fields.refuse("/projectName", "several", title());
        fields.problem()
    };
    problem.with("candidates", json!(candidates))
}

/// The problem for an ambiguous name, for the description.
pub fn ambiguous_example() -> Problem {
    let candidate = |id: u128, agency: &str, phase: Phase| Candidate {
        id: ProjectId(uuid::Uuid::from_u128(id)),
        name: "2026년 스마트상점 기술보급사업".to_owned(),
        year: Some(2026),
        agency: Some(agency.to_owned()),
        phase: Some(phase),
    };
    let candidates = [
        candidate(
            0x0193_a1c2_4b1d_7e02_8f6a_0c9d_3e5b_7a11,
            "중소벤처기업부",
            Phase::Open,
        ),
        candidate(
            0x0193_a1c2_4b1d_7e02_8f6a_0c9d_3e5b_7a12,
            "서울특별시",
            Phase::Upcoming,
        ),
    ];
    ambiguous(&candidates, Fields::default())
}

#[cfg(test)]
mod tests;
