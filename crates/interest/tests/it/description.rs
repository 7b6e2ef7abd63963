//! The generated API description.

use std::collections::BTreeSet;

use serde_json::{Value, json};

fn description() -> Value {
    interest::service().description()
}

/// Every operation by its method and path.
fn operations(description: &Value) -> Vec<(String, Value)> {
    let paths = description["paths"].as_object().unwrap();
    let each = |(path, item): (&String, &Value)| {
        let item = item.as_object().unwrap().clone();
        let path = path.clone();
        item.into_iter()
            .map(move |(method, operation)| (format!("{method} {path}"), operation))
    };
    paths.iter().flat_map(each).collect()
}

#[test]
fn every_operation_has_actors_summary_and_examples() {
    let description = description();
    let all = operations(&description);
    let names: BTreeSet<&str> = all.iter().map(|(name, _)| name.as_str()).collect();
    let expected = [
        "delete /me",
        "get /interests",
        "get /interests/counts",
        "get /interests/customers",
        "get /interests/marks",
        "get /interests/notifications",
        "get /interests/unattended",
        "get /interests/{id}",
        "get /me/data",
        "get /me/disclosures",
        "patch /interests/{id}",
        "post /interests",
        "post /interests/notifications/read",
        "post /interests/{id}/phone",
    ];
    assert_eq!(names, expected.into());
    for (name, operation) in &all {
        assert!(
            !operation["x-actors"].as_array().unwrap().is_empty(),
            "{name}"
        );
        assert!(
            operation["summary"]
                .as_str()
                .is_some_and(|summary| !summary.is_empty()),
            "{name}"
        );
        assert_eq!(
            operation["x-internal"] == true,
            name.contains(" /me"),
            "{name}"
        );
        for (status, answer) in operation["responses"].as_object().unwrap() {
            if status == "204" {
                assert!(
                    answer["description"]
                        .as_str()
                        .is_some_and(|text| !text.is_empty())
                        && answer.get("content").is_none()
                );
                continue;
            }
            let media = answer["content"]
                .as_object()
                .unwrap()
                .values()
                .next()
                .unwrap();
            let is_shown = |kind: &str| {
                media
                    .get(kind)
                    .is_some_and(|shown| shown.as_object().is_some_and(|text| !text.is_empty()))
            };
            assert!(
                is_shown("example") || is_shown("examples"),
                "{name} {status}"
            );
        }
        if let Some(body) = operation.get("requestBody") {
            assert!(
                body["content"]["application/json"]["example"].is_object(),
                "{name}"
            );
        }
    }
}

#[test]
fn command_summary_starts_with_its_name_and_lists_events() {
    let description = description();
    let post = &description["paths"]["/interests"]["post"];
    assert!(
        post["summary"]
            .as_str()
            .unwrap()
            .starts_with("`CreateInterest`: ")
    );
    assert_eq!(
        (&post["x-command"], &post["x-events"]),
        (
            &json!("CreateInterest"),
            &json!(["InterestCreated", "InterestUpdated"])
        )
    );
    let patch = &description["paths"]["/interests/{id}"]["patch"];
    assert!(
        patch["summary"]
            .as_str()
            .unwrap()
            .starts_with("`UpdateInterest`: ")
    );
    assert_eq!(
        (&patch["x-command"], &patch["x-events"]),
        (&json!("UpdateInterest"), &json!(["InterestUpdated"]))
    );
    let delete = &description["paths"]["/me"]["delete"];
    assert!(
        delete["summary"]
            .as_str()
            .unwrap()
            .starts_with("`EraseCustomer`: ")
    );
    assert_eq!(
        (&delete["x-command"], &delete["x-events"]),
        (&json!("EraseCustomer"), &json!(["InterestUpdated"]))
    );
}

#[test]
fn own_problems_are_documented_at_their_operations() {
    let description = description();
    let responses = &description["paths"]["/interests"]["post"]["responses"];
    let several = &responses["422"]["content"]["application/problem+json"]["examples"]["several-projects"]
        ["value"];
    assert_eq!(several["candidates"].as_array().unwrap().len(), 2);
    let conflicts = &description["paths"]["/interests/{id}"]["patch"]["responses"]["409"]["content"]
        ["application/problem+json"]["examples"];
    assert!(
        conflicts["interest-merged"]["value"]["into"].is_string(),
        "{conflicts}"
    );
    assert_eq!(
        conflicts["interest-erased"]["value"]["type"],
        "/problems/interest-erased"
    );
}

#[test]
fn policies_have_stable_names() {
    let names: BTreeSet<&str> = interest::service()
        .policies()
        .iter()
        .map(|(_, name)| *name)
        .collect();
    let expected = [
        "edit_salesman",
        "keep_activity",
        "keep_projects",
        "keep_salesmen",
        "notify_customer_of_edit",
        "notify_customer_of_end",
        "notify_customer_of_new_edition",
        "notify_customer_of_people",
        "notify_customer_of_start",
        "notify_customer_of_step",
    ];
    assert_eq!(names, expected.into());
}
