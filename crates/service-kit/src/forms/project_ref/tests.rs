use uuid::Uuid;

use super::*;
use crate::http::problem::Language;

/// An edition and its series.
type Edition = (u128, u128);

fn read(id: Field<ProjectId>, name: Field<String>) -> (Option<ProjectRef>, Fields) {
    let mut fields = Fields::default();
    let reference = ProjectFields {
        project_id: id,
        project_name: name,
    }
    .read(&mut fields);
    (reference, fields)
}

fn present(name: &str) -> Field<String> {
    Field::Present(name.to_owned())
}

fn an_id() -> Field<ProjectId> {
    Field::Present(ProjectId(Uuid::from_u128(1)))
}

fn errors(fields: Fields) -> Vec<(String, String)> {
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

fn resolve<K: PartialEq>(
    reference: ProjectRef,
    projections: &[Edition],
    choice_key: impl Fn(&Edition) -> K,
    fields: &mut Fields,
) -> Result<Option<ResolvedProject<Edition>>, Problem> {
    reference.resolve(projections.to_vec(), choice_key, candidate, fields)
}

#[test]
fn names_are_compared_without_white_space_and_case() {
    for name in [
        "2026년 AI 바우처",
        " 2026년  ai\t바우처 ",
        "2026년\u{3000}Ai\n바우처",
        "2026년AI바우처",
        "２０２６년 ＡＩ 바우처",
        "\u{202A}2026년\u{200B} AI\u{A0}바우처\u{FEFF}",
    ] {
        assert_eq!(name_key(name), "2026년ai바우처", "{name:?}");
    }
    assert_ne!(name_key("2026년 AI 바우처"), name_key("2027년 AI 바우처"));
}

#[test]
fn reference_is_by_id_or_else_by_name() {
    let id = ProjectId(Uuid::from_u128(1));
    for (name, sent_name) in [
        (present(" 이름 "), Some("이름")),
        (present(" "), None),
        (Field::Missing, None),
    ] {
        let sent_name = sent_name.map(str::to_owned);
        assert_eq!(
            read(an_id(), name).0,
            Some(ProjectRef::ById { id, sent_name })
        );
    }
    assert_eq!(
        read(Field::Missing, present(" 이름 ")).0,
        Some(ProjectRef::ByName("이름".to_owned()))
    );
}

#[test]
fn invalid_id_does_not_fall_back_to_the_name() {
    let invalid_id = || Field::Invalid {
        reason: "not an id".to_owned(),
    };
    for (id, name, expected) in [
        (
            Field::Missing,
            Field::Missing,
            only("/projectId", "required"),
        ),
        (Field::Missing, present(" "), only("/projectId", "required")),
        (
            invalid_id(),
            present("이름"),
            only("/projectId", "wrong-type"),
        ),
        (
            Field::Missing,
            present(&"가".repeat(201)),
            only("/projectName", "too-long"),
        ),
        (
            Field::Missing,
            present("a\0b"),
            only("/projectName", "control-character"),
        ),
        (
            Field::Missing,
            Field::Invalid {
                reason: "not a text".to_owned(),
            },
            only("/projectName", "wrong-type"),
        ),
    ] {
        let (reference, fields) = read(id, name);
        assert_eq!((reference, errors(fields)), (None, expected));
    }
}

#[test]
fn unknown_id_needs_a_name() {
    let (named, mut fields) = read(an_id(), present("이름"));
    let known = resolve(
        named.clone().unwrap(),
        &[(1, 1)],
        |edition| edition.0,
        &mut fields,
    );
    assert_eq!(
        known.unwrap(),
        Some(ResolvedProject::Known {
            project: (1, 1),
            sent_name: Some("이름".to_owned())
        })
    );
    let unknown = resolve(named.unwrap(), &[], |edition| edition.0, &mut fields).unwrap();
    assert_eq!(
        unknown,
        Some(ResolvedProject::Unknown {
            id: ProjectId(Uuid::from_u128(1)),
            sent_name: "이름".to_owned()
        })
    );
    assert!(fields.is_valid());
    let (nameless, mut fields) = read(an_id(), Field::Missing);
    assert_eq!(
        resolve(nameless.unwrap(), &[], |edition| edition.0, &mut fields).unwrap(),
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
fn name_resolves_to_its_only_edition() {
    let (named, mut fields) = read(Field::Missing, present("이름"));
    let known = resolve(
        named.clone().unwrap(),
        &[(1, 1)],
        |edition| edition.0,
        &mut fields,
    );
    assert_eq!(
        known.unwrap(),
        Some(ResolvedProject::Known {
            project: (1, 1),
            sent_name: Some("이름".to_owned())
        })
    );
    assert_eq!(
        resolve(named.unwrap(), &[], |edition| edition.0, &mut fields).unwrap(),
        None
    );
    assert_eq!(errors(fields), only("/projectName", "unknown"));
}

#[test]
fn editions_of_one_series_are_one_choice_of_series() {
    let by_name = || read(Field::Missing, present("이름")).0.unwrap();
    let edition_id = |edition: &Edition| edition.0;
    let series_id = |edition: &Edition| edition.1;
    let mut fields = Fields::default();
    let by_series = resolve(by_name(), &[(2, 7), (1, 7)], series_id, &mut fields).unwrap();
    assert_eq!(
        by_series,
        Some(ResolvedProject::Known {
            project: (2, 7),
            sent_name: Some("이름".to_owned())
        })
    );
    let candidates = |problem: Problem| {
        let candidates = problem.document(Language::Korean).more["candidates"].clone();
        candidates
            .as_array()
            .unwrap()
            .iter()
            .map(|candidate| {
                candidate["id"]
                    .as_str()
                    .unwrap()
                    .parse::<Uuid>()
                    .unwrap()
                    .as_u128()
            })
            .collect::<Vec<_>>()
    };
    let by_edition = resolve(by_name(), &[(2, 7), (1, 7)], edition_id, &mut fields).unwrap_err();
    assert_eq!(by_edition.slug(), "several-projects");
    assert_eq!(candidates(by_edition), [2, 1]);
    let two_series = [(3, 8), (2, 7), (1, 7)];
    let two_series = resolve(by_name(), &two_series, series_id, &mut fields).unwrap_err();
    assert_eq!(candidates(two_series), [3, 2]);
}

#[test]
fn candidates_are_sent_together_with_other_errors() {
    let (named, mut fields) = read(Field::Missing, present("이름"));
    fields.refuse("/desiredDate", "required", Text::new("가", "a"));
    let editions = [(2, 7), (1, 7)];
    let problem = resolve(named.unwrap(), &editions, |edition| edition.0, &mut fields).unwrap_err();
    let document = problem.document(Language::Korean);
    let codes: Vec<&str> = document
        .errors
        .iter()
        .map(|error| error.code.as_str())
        .collect();
    assert_eq!(
        (problem.slug(), codes),
        ("wrong-fields", vec!["required", "several"])
    );
    assert_eq!(document.more["candidates"].as_array().unwrap().len(), 2);
}
