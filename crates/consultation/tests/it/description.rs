//! The API description of the service.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::start;

/// Operations by `method path`.
fn operations(description: &Value) -> Vec<(String, &Value)> {
    let paths = description["paths"].as_object().into_iter().flatten();
    let items = paths.flat_map(|(path, item)| {
        item.as_object()
            .into_iter()
            .flatten()
            .map(move |(method, operation)| (format!("{method} {path}"), operation))
    });
    items.collect()
}

fn texts(value: &Value) -> Vec<&str> {
    value
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect()
}

#[tokio::test]
async fn every_operation_has_actors_summary_and_problems() {
    let app = start().await;
    let description = app.anonymous().get("/openapi.json").await.expect(200);
    let mut commands = BTreeSet::new();
    let mut own_problems = BTreeSet::new();
    let operations = operations(&description);
    assert_eq!(operations.len(), 11);
    for (name, operation) in operations {
        let actors = texts(&operation["x-actors"]);
        assert!(
            !actors.is_empty() && operation["summary"].is_string(),
            "{name}"
        );
        if let Some(command) = operation["x-command"].as_str() {
            commands.insert(command.to_owned());
            let begins = operation["summary"]
                .as_str()
                .unwrap()
                .starts_with(&format!("`{command}`: "));
            let publishes_nothing = matches!(command, "AddNote" | "ShowPhone");
            assert!(
                begins && texts(&operation["x-events"]).is_empty() == publishes_nothing,
                "{name}"
            );
        }
        for event in texts(&operation["x-events"]) {
            assert!(
                events::is_known_type(&format!("ktgg.{event}.v1")),
                "{name} {event}"
            );
        }
        let responses = operation["responses"].as_object().unwrap();
        let shown = responses
            .iter()
            .filter(|(status, _)| status.starts_with('2') && *status != "204");
        for (status, response) in shown {
            let example = &response["content"]["application/json"]["example"];
            assert!(
                example
                    .as_object()
                    .is_some_and(|example| !example.is_empty()),
                "{name} {status}"
            );
            assert!(
                !example.to_string().contains('…') || name == "get /consultations",
                "{name} {status}: {example}"
            );
        }
        for slug in texts(&operation["x-problems"]) {
            let is_shown = responses.values().any(|response| {
                response["content"]["application/problem+json"]["examples"]
                    .as_object()
                    .is_some_and(|examples| examples.contains_key(slug))
            });
            assert!(is_shown, "{name} {slug}");
            own_problems.insert(slug.to_owned());
        }
        // Front ends do not see internal operations.
        assert_eq!(
            operation["x-internal"].as_bool(),
            name.contains(" /me").then_some(true),
            "{name}"
        );
        let is_for_all = actors.len() == 4;
        assert_eq!(responses.contains_key("403"), !is_for_all, "{name}");
        assert!(!responses.contains_key("4XX"), "{name}");
    }
    let expected = [
        "AddNote",
        "CreateConsultation",
        "EditConsultation",
        "EraseCustomer",
        "ProgressConsultation",
        "ShowPhone",
    ];
    assert_eq!(commands, expected.map(str::to_owned).into());
    let expected = [
        "already-requested",
        "consultation-closed",
        "consultation-erased",
        "consultation-not-editable",
        "not-matched-yet",
        "project-ended",
        "several-projects",
        "step-not-allowed",
        "too-many-consultations",
    ];
    assert_eq!(own_problems, expected.map(str::to_owned).into());
}

#[tokio::test]
async fn examples_have_the_fields_of_real_answers() {
    let app = start().await;
    let description = app.anonymous().get("/openapi.json").await.expect(200);
    let keys = |value: &Value| {
        value
            .as_object()
            .into_iter()
            .flat_map(Map::keys)
            .cloned()
            .collect::<BTreeSet<String>>()
    };
    let example = |name: &str| description["components"]["schemas"][name]["example"].clone();
    let id = crate::create_matched(&app).await;
    let note = app
        .as_staff()
        .post(
            &format!("/consultations/{id}/notes"),
            &json!({ "text": "t" }),
        )
        .await
        .expect(201);
    let detail = crate::get_consultation(&app.as_staff(), id).await;
    let listed = app.as_staff().get("/consultations").await.expect(200)["items"][0].clone();
    let phone = app
        .as_staff()
        .post(&format!("/consultations/{id}/phone"), &json!({}))
        .await
        .expect(200);
    let data = app
        .as_customer(crate::PHONE)
        .get("/me/data")
        .await
        .expect(200);
    let disclosures = app
        .as_customer(crate::PHONE)
        .get("/me/disclosures")
        .await
        .expect(200);
    for (name, answer) in [
        ("WholeConsultationView", &detail),
        ("ConsultationView", &listed),
        ("NoteView", &note),
        ("PhoneView", &phone),
        ("ConsultationData", &data),
        ("ConsultationDisclosures", &disclosures),
        ("ConsultationDisclosure", &disclosures["items"][0]),
    ] {
        assert_eq!(keys(&example(name)), keys(answer), "{name}");
    }
    let shown = &example("ConsultationData");
    assert_eq!(
        keys(&shown["consultations"][0]),
        keys(&data["consultations"][0])
    );
    assert_eq!(
        keys(&shown["disclosures"][0]),
        keys(&data["disclosures"][0])
    );
}
