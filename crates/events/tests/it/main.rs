//! Every version of every event ever published must stay readable, and must be written as it was.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use events::{
    ConsultationCreated, ConsultationEdited, ConsultationProgressed, Event, InterestCreated,
    InterestUpdated, LastFour, Leave, Phase, ProjectCreated, ProjectEdited, ProjectEnded,
    ProjectStarted, Region, SalesmanMatched, SalesmanRegistered, SalesmanUnmatched,
    SalesmanUpdated, TYPES,
};
use serde_json::{Value, json};

fn golden() -> BTreeMap<String, Value> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/it/golden");
    fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| {
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            (
                name,
                serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap(),
            )
        })
        .collect()
}

/// The golden payload after deserialising and serialising it as `E`, and before.
fn round_trip<E: Event>(golden: &BTreeMap<String, Value>) -> (Value, Value) {
    let written = golden
        .get(E::TYPE)
        .unwrap_or_else(|| panic!("{} has no golden file", E::TYPE))
        .clone();
    let event: E = serde_json::from_value(written.clone()).unwrap();
    (serde_json::to_value(&event).unwrap(), written)
}

#[test]
fn every_published_version_round_trips() {
    let golden = golden();
    for (now, then) in [
        round_trip::<ProjectCreated>(&golden),
        round_trip::<ProjectStarted>(&golden),
        round_trip::<ProjectEnded>(&golden),
        round_trip::<ProjectEdited>(&golden),
        round_trip::<InterestCreated>(&golden),
        round_trip::<InterestUpdated>(&golden),
        round_trip::<ConsultationCreated>(&golden),
        round_trip::<ConsultationEdited>(&golden),
        round_trip::<ConsultationProgressed>(&golden),
        round_trip::<SalesmanMatched>(&golden),
        round_trip::<SalesmanUnmatched>(&golden),
        round_trip::<SalesmanRegistered>(&golden),
        round_trip::<SalesmanUpdated>(&golden),
    ] {
        assert_eq!(now, then);
    }
}

#[test]
fn types_and_golden_files_match() {
    let mut types = TYPES.to_vec();
    types.sort_unstable();
    assert_eq!(
        golden().keys().map(String::as_str).collect::<Vec<_>>(),
        types
    );
}

#[test]
fn an_unknown_field_is_ignored() {
    let mut written = golden()[ProjectCreated::TYPE].clone();
    written["addedLater"] = Value::from(1);
    serde_json::from_value::<ProjectCreated>(written).unwrap();
}

/// A build that does not know a region reads the ones that it replaced.
#[test]
fn regions_are_readable_by_builds_that_do_not_know_their_names() {
    let mut written = golden()[ProjectCreated::TYPE].clone();
    let mut event: ProjectCreated = serde_json::from_value(written.clone()).unwrap();
    event.edition.regions = vec![Region::JeonnamGwangju];
    let published = serde_json::to_value(&event).unwrap();
    written["regions"] = json!(["광주", "전남"]);
    written["regionNames"] = json!(["전남광주"]);
    assert_eq!(published, written);
    let read: ProjectCreated = serde_json::from_value(published).unwrap();
    assert_eq!(read, event);
    written["regionNames"] = json!(["한 번도 없던 이름"]);
    let read: ProjectCreated = serde_json::from_value(written).unwrap();
    assert_eq!(read.edition.regions, [Region::Gwangju, Region::Jeonnam]);
}

#[test]
fn no_golden_event_contains_personal_data() {
    for (name, event) in golden() {
        let text = event.to_string();
        for word in [
            "\"phone\":",
            "\"memo\":",
            "\"reason\":",
            "\"customerName\":",
            "010-",
            "+8210",
        ] {
            assert!(!text.contains(word), "{name} contains {word}");
        }
    }
}

#[test]
fn only_four_digits_are_the_last_four() {
    for invalid in ["", "123", "12345", "12a4", "１２３４", "-123", "+123"] {
        assert!(LastFour::try_from(invalid.to_owned()).is_err(), "{invalid}");
    }
    assert_eq!(
        LastFour::try_from("0078".to_owned()).unwrap().to_string(),
        "0078"
    );
}

/// The pages test their own function against the same file.
#[test]
fn the_phase_equals_the_table_of_cases() {
    let cases: Vec<Value> = serde_json::from_str(include_str!("phase_cases.json")).unwrap();
    for case in &cases {
        let period = serde_json::json!({ "kind": case["kind"], "text": "", "startsOn": case["startsOn"], "endsOn": case["endsOn"] });
        let read = |value: &Value| serde_json::from_value(value.clone());
        let phase = events::phase(
            read(&case["status"]).unwrap(),
            &serde_json::from_value(period).unwrap(),
            date(&case["today"]),
        );
        assert_eq!(phase.as_str(), case["phase"], "{}", case["why"]);
    }
    for phase in Phase::ALL {
        assert!(
            cases.iter().any(|case| case["phase"] == phase.as_str()),
            "no case ends in {}",
            phase.as_str()
        );
    }
}

fn date(value: &Value) -> chrono::NaiveDate {
    value.as_str().unwrap().parse().unwrap()
}

#[test]
fn the_text_of_every_enum_is_its_serialised_name() {
    for (name, written) in events::PeriodKind::ALL
        .map(|value| (value.as_str(), serde_json::to_value(value)))
        .into_iter()
        .chain(events::Region::ALL.map(|value| (value.as_str(), serde_json::to_value(value))))
        .chain(events::Category::ALL.map(|value| (value.as_str(), serde_json::to_value(value))))
        .chain(Phase::ALL.map(|value| (value.as_str(), serde_json::to_value(value))))
        .chain(events::Strategy::ALL.map(|value| (value.as_str(), serde_json::to_value(value))))
    {
        assert_eq!(written.unwrap(), name);
    }
}

#[test]
fn a_leave_covers_both_of_its_ends() {
    let day = |text: &str| text.parse().unwrap();
    let leave = Leave {
        from: day("2026-12-24"),
        until: day("2026-12-26"),
        hand_over: false,
    };
    let covered = ["2026-12-23", "2026-12-24", "2026-12-26", "2026-12-27"]
        .map(|text| leave.covers(day(text)));
    assert_eq!(covered, [false, true, true, false]);
}

/// One is an action on a page, the other belongs to sign-in.
#[test]
fn events_that_the_seed_rejects_are_not_types() {
    for rejected in ["ProjectViewed", "CustomerLoggedIn"] {
        assert!(
            !TYPES.iter().any(|name| name.contains(rejected)),
            "{rejected}"
        );
    }
}
