//! Which project a body asks for, in every service that takes one by its id or by its name.
//!
//! Read the fields, look up in the service's own copy what they ask for, and let [`ProjectRef::meant`] say what that comes to.

use axum::http::StatusCode;
use events::{Phase, ProjectId};
use serde::Serialize;
use serde_json::json;

use crate::http::problem::{Problem, Text};
use crate::http::{Field, Fields};

/// The longest name of a project, in characters: the project service takes no longer one.
pub const MAX_PROJECT_NAME_LENGTH: usize = 200;

/// Nobody chooses from more editions of one name than these.
pub const MAX_CANDIDATES: i64 = 20;

/// By what names are compared: white space and capitals make no difference, so that 「스마트 상점」 finds 「스마트상점」.
pub fn name_key(name: &str) -> String {
    name.chars()
        .filter(|letter| !letter.is_whitespace())
        .flat_map(char::to_lowercase)
        .collect()
}

/// The fields by which a body says which project.
#[derive(Debug, Default)]
pub struct ProjectFields {
    /// `/projectId`.
    pub project_id: Field<ProjectId>,
    /// `/projectName`.
    pub project_name: Field<String>,
}

/// What the fields ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProjectRef {
    /// This one, whether or not the service has heard of it.
    ById {
        /// Which.
        id: ProjectId,
        /// Its name as the page showed it.
        sent_name: Option<String>,
    },
    /// The one edition of this name that is not ended.
    ByName(String),
}

impl ProjectFields {
    /// Reads them; notes what is wrong with them in `fields`. An id that is none is not replaced by the name.
    pub fn read(self, fields: &mut Fields) -> Option<ProjectRef> {
        let has_id = !matches!(self.project_id, Field::Missing);
        let has_name = match &self.project_name {
            Field::Missing => false,
            Field::Given(name) => !name.trim().is_empty(),
            Field::Wrong { .. } => true,
        };
        if !has_id && !has_name {
            let message = Text::new(
                "지원사업을 골라 주세요",
                "Say which project: its projectId, or its projectName",
            );
            fields.refuse("/projectId", "required", message);
        }
        let id = fields.optional("/projectId", self.project_id);
        let sent_name =
            fields.optional_text("/projectName", self.project_name, MAX_PROJECT_NAME_LENGTH);
        let sent_name = sent_name.filter(|name| !name.is_empty());
        match id {
            Some(id) => Some(ProjectRef::ById { id, sent_name }),
            None => sent_name.filter(|_| !has_id).map(ProjectRef::ByName),
        }
    }
}

/// Which project is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ResolvedProject<T> {
    /// One that the service has heard of.
    Heard {
        /// What it has heard.
        it: T,
        /// The name that the page sent.
        sent_name: Option<String>,
    },
    /// One that it has not heard of yet.
    Unheard {
        /// Which.
        id: ProjectId,
        /// The name that the page sent: the only one there is.
        sent_name: String,
    },
}

/// An edition that a name may mean, as the caller is shown it to choose from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Candidate {
    /// Which.
    pub id: ProjectId,
    /// Its name.
    pub name: String,
    /// Its year, where it was told.
    pub year: Option<i32>,
    /// 소관기관, where it was told.
    pub agency: Option<String>,
    /// What people see of it today, where its period was told.
    pub phase: Option<Phase>,
}

impl ProjectRef {
    /// What it comes to, given what the service has `heard`: of an id, that project; of a name, the editions of it that are not ended, the
    /// first choice first and at most [`MAX_CANDIDATES`].
    ///
    /// `choice` tells which of them are different things to choose: two editions of one series are one for an interest, and two for a
    /// consultation. Call it when all other fields were read: what is wrong with these is noted in `fields` beside the others.
    ///
    /// # Errors
    /// 422 with the candidates when a name means several. What else is wrong is told with it.
    pub fn resolve<T, K: PartialEq>(
        self,
        heard: Vec<T>,
        choice: impl Fn(&T) -> K,
        candidate: impl Fn(&T) -> Candidate,
        fields: &mut Fields,
    ) -> Result<Option<ResolvedProject<T>>, Problem> {
        let mut choices: Vec<T> = Vec::new();
        for it in heard {
            if !choices.iter().any(|other| choice(other) == choice(&it)) {
                choices.push(it);
            }
        }
        if choices.len() > 1 {
            return Err(several(
                &choices.iter().map(candidate).collect::<Vec<_>>(),
                std::mem::take(fields),
            ));
        }
        Ok(match (choices.pop(), self) {
            (Some(it), Self::ById { sent_name, .. }) => {
                Some(ResolvedProject::Heard { it, sent_name })
            }
            (Some(it), Self::ByName(name)) => Some(ResolvedProject::Heard {
                it,
                sent_name: Some(name),
            }),
            (
                None,
                Self::ById {
                    id,
                    sent_name: Some(sent_name),
                },
            ) => Some(ResolvedProject::Unheard { id, sent_name }),
            (
                None,
                Self::ById {
                    sent_name: None, ..
                },
            ) => {
                let message = Text::new(
                    "아직 등록되지 않은 사업입니다. 사업 이름도 보내 주세요",
                    "This project is not known yet: send its name too",
                );
                fields.refuse("/projectName", "required", message);
                None
            }
            (None, Self::ByName(_)) => {
                let message = Text::new(
                    "예정이거나 진행 중인 지원사업 중에 그런 이름이 없습니다",
                    "No project of that name is planned or running",
                );
                fields.refuse("/projectName", "unknown", message);
                None
            }
        })
    }
}

fn several(candidates: &[Candidate], mut fields: Fields) -> Problem {
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

/// What a name of several editions is answered with, for the description.
pub fn ambiguous_example() -> Problem {
    let of = |id: u128, agency: &str, phase: Phase| Candidate {
        id: ProjectId(uuid::Uuid::from_u128(id)),
        name: "2026년 스마트상점 기술보급사업".to_owned(),
        year: Some(2026),
        agency: Some(agency.to_owned()),
        phase: Some(phase),
    };
    let candidates = [
        of(
            0x0193_a1c2_4b1d_7e02_8f6a_0c9d_3e5b_7a11,
            "중소벤처기업부",
            Phase::Open,
        ),
        of(
            0x0193_a1c2_4b1d_7e02_8f6a_0c9d_3e5b_7a12,
            "서울특별시",
            Phase::Upcoming,
        ),
    ];
    several(&candidates, Fields::default())
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::http::problem::Language;

    /// An edition and its series.
    type Edition = (u128, u128);

    fn asked(id: Field<ProjectId>, name: Field<String>) -> (Option<ProjectRef>, Fields) {
        let mut fields = Fields::default();
        let asked = ProjectFields {
            project_id: id,
            project_name: name,
        }
        .read(&mut fields);
        (asked, fields)
    }

    fn given(name: &str) -> Field<String> {
        Field::Given(name.to_owned())
    }

    fn an_id() -> Field<ProjectId> {
        Field::Given(ProjectId(Uuid::from_u128(1)))
    }

    fn wrong(fields: Fields) -> Vec<(String, String)> {
        let errors = fields.problem().document(Language::Korean).errors;
        errors
            .into_iter()
            .map(|error| (error.pointer, error.code))
            .collect()
    }

    fn only(pointer: &str, code: &str) -> Vec<(String, String)> {
        vec![(pointer.to_owned(), code.to_owned())]
    }

    fn candidate(edition: &Edition) -> Candidate {
        let id = ProjectId(Uuid::from_u128(edition.0));
        Candidate {
            id,
            name: "스마트상점".to_owned(),
            year: None,
            agency: None,
            phase: None,
        }
    }

    fn meant<K: PartialEq>(
        asked: ProjectRef,
        heard: &[Edition],
        choice: impl Fn(&Edition) -> K,
        fields: &mut Fields,
    ) -> Result<Option<ResolvedProject<Edition>>, Problem> {
        asked.resolve(heard.to_vec(), choice, candidate, fields)
    }

    #[test]
    fn names_are_compared_without_white_space_and_capitals() {
        for name in [
            "2026년 AI 바우처",
            " 2026년  ai\t바우처 ",
            "2026년\u{3000}Ai\n바우처",
            "2026년AI바우처",
        ] {
            assert_eq!(name_key(name), "2026년ai바우처", "{name:?}");
        }
        assert_ne!(name_key("2026년 AI 바우처"), name_key("2027년 AI 바우처"));
    }

    #[test]
    fn a_project_is_asked_for_by_its_id_or_else_by_its_name() {
        let id = ProjectId(Uuid::from_u128(1));
        for (name, sent_name) in [
            (given(" 이름 "), Some("이름")),
            (given(" "), None),
            (Field::Missing, None),
        ] {
            let sent_name = sent_name.map(str::to_owned);
            assert_eq!(
                asked(an_id(), name).0,
                Some(ProjectRef::ById { id, sent_name })
            );
        }
        assert_eq!(
            asked(Field::Missing, given(" 이름 ")).0,
            Some(ProjectRef::ByName("이름".to_owned()))
        );
    }

    #[test]
    fn what_is_wrong_with_the_fields_is_told_and_an_id_that_is_none_is_not_replaced_by_the_name() {
        let no_id = || Field::Wrong {
            why: "no id".to_owned(),
        };
        for (id, name, expected) in [
            (
                Field::Missing,
                Field::Missing,
                only("/projectId", "required"),
            ),
            (Field::Missing, given(" "), only("/projectId", "required")),
            (no_id(), given("이름"), only("/projectId", "wrong-type")),
            (
                Field::Missing,
                given(&"가".repeat(201)),
                only("/projectName", "too-long"),
            ),
            (
                Field::Missing,
                given("a\0b"),
                only("/projectName", "control-character"),
            ),
            (
                Field::Missing,
                Field::Wrong {
                    why: "no text".to_owned(),
                },
                only("/projectName", "wrong-type"),
            ),
        ] {
            let (asked, fields) = asked(id, name);
            assert_eq!((asked, wrong(fields)), (None, expected));
        }
    }

    #[test]
    fn an_id_means_its_project_and_an_unheard_one_wants_a_name() {
        let (named, mut fields) = asked(an_id(), given("이름"));
        let heard = meant(named.clone().unwrap(), &[(1, 1)], |it| it.0, &mut fields).unwrap();
        assert_eq!(
            heard,
            Some(ResolvedProject::Heard {
                it: (1, 1),
                sent_name: Some("이름".to_owned())
            })
        );
        let unheard = meant(named.unwrap(), &[], |it| it.0, &mut fields).unwrap();
        assert_eq!(
            unheard,
            Some(ResolvedProject::Unheard {
                id: ProjectId(Uuid::from_u128(1)),
                sent_name: "이름".to_owned()
            })
        );
        assert!(fields.is_valid());
        let (nameless, mut fields) = asked(an_id(), Field::Missing);
        assert_eq!(
            meant(nameless.unwrap(), &[], |it| it.0, &mut fields).unwrap(),
            None
        );
        let document = fields.problem().document(Language::Korean);
        assert_eq!(
            (
                document.errors[0].pointer.as_str(),
                document.errors[0].code.as_str()
            ),
            ("/projectName", "required")
        );
        assert_eq!(
            document.errors[0].message,
            "아직 등록되지 않은 사업입니다. 사업 이름도 보내 주세요"
        );
    }

    #[test]
    fn a_name_means_the_one_project_that_has_it() {
        let (named, mut fields) = asked(Field::Missing, given("이름"));
        let heard = meant(named.clone().unwrap(), &[(1, 1)], |it| it.0, &mut fields).unwrap();
        assert_eq!(
            heard,
            Some(ResolvedProject::Heard {
                it: (1, 1),
                sent_name: Some("이름".to_owned())
            })
        );
        assert_eq!(
            meant(named.unwrap(), &[], |it| it.0, &mut fields).unwrap(),
            None
        );
        assert_eq!(wrong(fields), only("/projectName", "unknown"));
    }

    #[test]
    fn editions_of_one_series_are_one_choice_where_the_series_is_what_is_chosen() {
        let name = || asked(Field::Missing, given("이름")).0.unwrap();
        let mut fields = Fields::default();
        let by_series = meant(name(), &[(2, 7), (1, 7)], |it| it.1, &mut fields).unwrap();
        assert_eq!(
            by_series,
            Some(ResolvedProject::Heard {
                it: (2, 7),
                sent_name: Some("이름".to_owned())
            })
        );
        let candidates = |refused: Problem| {
            let told = refused.document(Language::Korean).more["candidates"].clone();
            told.as_array()
                .unwrap()
                .iter()
                .map(|it| {
                    it["id"]
                        .as_str()
                        .unwrap()
                        .parse::<Uuid>()
                        .unwrap()
                        .as_u128()
                })
                .collect::<Vec<_>>()
        };
        let by_edition = meant(name(), &[(2, 7), (1, 7)], |it| it.0, &mut fields).unwrap_err();
        assert_eq!(by_edition.slug(), "several-projects");
        assert_eq!(candidates(by_edition), [2, 1]);
        let of_two_series =
            meant(name(), &[(3, 8), (2, 7), (1, 7)], |it| it.1, &mut fields).unwrap_err();
        assert_eq!(candidates(of_two_series), [3, 2]);
    }

    #[test]
    fn the_candidates_are_told_beside_whatever_else_is_wrong() {
        let (named, mut fields) = asked(Field::Missing, given("이름"));
        fields.refuse("/desiredDate", "required", Text::new("가", "a"));
        let refused = meant(named.unwrap(), &[(2, 7), (1, 7)], |it| it.0, &mut fields).unwrap_err();
        let document = refused.document(Language::Korean);
        let codes: Vec<&str> = document
            .errors
            .iter()
            .map(|error| error.code.as_str())
            .collect();
        assert_eq!(
            (refused.slug(), codes),
            ("wrong-fields", vec!["required", "several"])
        );
        assert_eq!(document.more["candidates"].as_array().unwrap().len(), 2);
    }
}
