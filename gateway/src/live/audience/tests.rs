use std::path::Path;

use super::*;

const CUSTOMER: &str = "8f1c2a30-5b7d-8e21-9c44-1a2b3c4d5e6f";
const SALESMAN: &str = "01890a5d-ac96-774b-bcce-b302099a8005";
const CONSULTANT: &str = "01890a5d-ac96-774b-bcce-b302099a8006";
const PREVIOUS_SALESMAN: &str = "01890a5d-ac96-774b-bcce-b302099a8008";
const PREVIOUS_CONSULTANT: &str = "01890a5d-ac96-774b-bcce-b302099a800a";

fn id(text: &str) -> Uuid {
    text.parse().unwrap()
}

/// The golden example of a type, with every optional person set.
fn golden(type_name: &str) -> Value {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/events/tests/it/golden");
    let mut payload: Value =
        serde_json::from_slice(&std::fs::read(folder.join(format!("{type_name}.json"))).unwrap())
            .unwrap();
    for (name, id) in [("salesmanId", SALESMAN), ("consultantId", CONSULTANT)] {
        if [
            "ktgg.InterestUpdated.v1",
            "ktgg.ConsultationEdited.v1",
            "ktgg.ConsultationProgressed.v1",
        ]
        .contains(&type_name)
        {
            payload[name] = json!(id);
        }
    }
    if type_name == SalesmanMatched::TYPE {
        payload["salesman"]["id"] = json!(SALESMAN);
        payload["consultant"] = json!({ "id": CONSULTANT, "displayName": "박상담" });
        payload["previousSalesmanId"] = json!(PREVIOUS_SALESMAN);
        payload["previousConsultantId"] = json!(PREVIOUS_CONSULTANT);
    }
    if type_name == SalesmanUnmatched::TYPE {
        payload["consultant"]["id"] = json!(CONSULTANT);
        payload["previousSalesmanId"] = json!(PREVIOUS_SALESMAN);
        payload["previousConsultantId"] = json!(CONSULTANT);
    }
    if payload.get("customerId").is_some() {
        payload["customerId"] = json!(CUSTOMER);
    }
    payload
}

fn envelope(type_name: &str) -> Envelope {
    let aggregate = [
        "Project",
        "Interest",
        "Consultation",
        "SalesmanMatched",
        "SalesmanUnmatched",
        "Salesman",
    ]
    .into_iter()
    .find(|noun| type_name.contains(noun))
    .map(|noun| {
        if noun.ends_with("atched") {
            "salesman-match".to_owned()
        } else {
            noun.to_lowercase()
        }
    });
    Envelope {
        id: Uuid::from_u128(1),
        type_name: type_name.to_owned(),
        aggregate_type: aggregate.unwrap(),
        aggregate_id: Uuid::from_u128(2),
        version: 1,
        recorded_at: "2026-11-23T01:02:03Z".parse().unwrap(),
        traceparent: None,
    }
}

fn event(type_name: &str) -> StreamEvent {
    StreamEvent::decode(
        &envelope(type_name),
        golden(type_name).to_string().as_bytes(),
    )
    .unwrap()
}

#[test]
fn every_published_type_can_be_decoded() {
    for type_name in events::TYPES {
        event(type_name);
    }
}

#[test]
fn every_type_is_visible_only_to_those_concerned() {
    let subscribers = [
        Subscriber::Customer(id(CUSTOMER)),
        Subscriber::Person(id(SALESMAN)),
        Subscriber::Person(id(CONSULTANT)),
        Subscriber::Person(id(PREVIOUS_SALESMAN)),
        Subscriber::Person(id(PREVIOUS_CONSULTANT)),
        Subscriber::Staff,
    ];
    let removed = Some(Visibility::Removed);
    let (customer, person, staff) = (
        Some(Visibility::Customer),
        Some(Visibility::Person),
        Some(Visibility::Staff),
    );
    for type_name in events::TYPES {
        let expected = match type_name {
            "ktgg.InterestCreated.v1" | "ktgg.ConsultationCreated.v1" => {
                [customer, None, None, None, None, staff]
            }
            "ktgg.InterestUpdated.v1"
            | "ktgg.ConsultationEdited.v1"
            | "ktgg.ConsultationProgressed.v1" => [customer, person, person, None, None, staff],
            "ktgg.SalesmanMatched.v1" => [customer, person, person, removed, removed, staff],
            // Only the salesman left.
            "ktgg.SalesmanUnmatched.v1" => [customer, None, person, removed, None, staff],
            // The golden event is about SALESMAN, who sees changes of their own profile.
            "ktgg.SalesmanRegistered.v1" | "ktgg.SalesmanUpdated.v1" => {
                [None, person, None, None, None, staff]
            }
            _ => [None; 6],
        };
        let audience = event(type_name).audience();
        assert_eq!(
            subscribers.map(|subscriber| audience.visibility(subscriber)),
            expected,
            "{type_name}"
        );
        // A stranger, and the same ids in other roles.
        for subscriber in
            [Uuid::from_u128(9), id(SALESMAN), id(PREVIOUS_SALESMAN)].map(Subscriber::Customer)
        {
            assert_eq!(
                audience.visibility(subscriber),
                None,
                "{type_name} {subscriber:?}"
            );
        }
        for subscriber in [Uuid::from_u128(9), id(CUSTOMER)].map(Subscriber::Person) {
            assert_eq!(
                audience.visibility(subscriber),
                None,
                "{type_name} {subscriber:?}"
            );
        }
        assert_eq!(
            audience.everyone,
            type_name.starts_with("ktgg.Project"),
            "{type_name}"
        );
    }
}

#[test]
fn customers_see_only_ids_of_who_looks_after_them() {
    for type_name in events::TYPES {
        let shown = event(type_name).fields(Visibility::Customer).to_string();
        for (what, value) in [
            ("customer", CUSTOMER),
            ("previous", PREVIOUS_SALESMAN),
            ("previous", PREVIOUS_CONSULTANT),
        ] {
            assert!(
                !shown.contains(value),
                "{type_name} shows a {what}: {shown}"
            );
        }
        assert!(
            !shown.contains("actor") && !shown.contains("strategy"),
            "{type_name}: {shown}"
        );
    }
}

#[test]
fn digits_of_a_phone_number_are_never_visible() {
    for type_name in events::TYPES {
        for visibility in [Visibility::Customer, Visibility::Person, Visibility::Staff] {
            assert!(
                event(type_name)
                    .fields(visibility)
                    .get("lastFour")
                    .is_none(),
                "{type_name}"
            );
        }
    }
}

#[test]
fn swapping_roles_removes_no_access() {
    let StreamEvent::SalesmanMatched(mut matched) = event(SalesmanMatched::TYPE) else {
        unreachable!()
    };
    matched.previous_salesman_id = matched.consultant.as_ref().map(|consultant| consultant.id);
    matched.previous_consultant_id = Some(matched.salesman.id);
    assert_eq!(StreamEvent::SalesmanMatched(matched).audience().removed, []);
}

#[test]
fn removed_names_the_origin_and_not_the_match() {
    for type_name in [SalesmanMatched::TYPE, SalesmanUnmatched::TYPE] {
        let origin = golden(type_name)["origin"]["id"].clone();
        let (aggregate, id) = event(type_name).removed_aggregate(&envelope(type_name));
        assert_eq!((aggregate.as_str(), json!(id)), ("consultation", origin));
    }
}

#[test]
fn unknown_and_unreadable_events_are_errors() {
    assert_eq!(
        StreamEvent::decode(&envelope("ktgg.ConsultationSung.v1"), b"{}"),
        Err(DecodeError::UnknownType)
    );
    assert_eq!(
        StreamEvent::decode(&envelope("ktgg.ProjectPainted.v1"), b"{}"),
        Err(DecodeError::UnknownType)
    );
    assert_eq!(
        StreamEvent::decode(&envelope(InterestCreated::TYPE), b"{}"),
        Err(DecodeError::Unreadable)
    );
    assert_eq!(
        StreamEvent::decode(&envelope(InterestCreated::TYPE), b"\xff"),
        Err(DecodeError::Unreadable)
    );
}
