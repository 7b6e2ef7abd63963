//! The `OpenAPI` description of this service.

use serde_json::Value;

fn operations() -> Vec<(String, Value)> {
    let description = salesman::service().description();
    let paths = description["paths"].as_object().unwrap().clone();
    paths
        .into_iter()
        .flat_map(|(path, item)| {
            let operations = item.as_object().unwrap().clone();
            operations
                .into_iter()
                .map(move |(method, operation)| (format!("{method} {path}"), operation))
        })
        .collect()
}

#[test]
fn every_operation_has_actors_and_an_example_answer() {
    let operations = operations();
    assert_eq!(operations.len(), 13);
    for (name, operation) in operations {
        assert!(
            !operation["x-actors"].as_array().unwrap().is_empty(),
            "{name}"
        );
        let summary = operation["summary"].as_str().unwrap();
        if let Some(command) = operation["x-command"].as_str() {
            assert!(
                summary.starts_with(&format!("`{command}`")),
                "{name}: {summary}"
            );
        }
        assert_eq!(
            name.starts_with("get"),
            operation.get("x-command").is_none(),
            "{name}"
        );
        let good = operation["responses"]
            .as_object()
            .unwrap()
            .iter()
            .find(|(status, _)| status.starts_with('2'))
            .unwrap()
            .1;
        assert_eq!(
            operation["x-internal"] == true,
            name.ends_with(" /me") || name.ends_with(" /me/data"),
            "{name}"
        );
        if name == "delete /me" {
            continue;
        }
        let mut example = good["content"]["application/json"]["example"].clone();
        // The example of a cursor comes from the kit.
        example.as_object_mut().unwrap().remove("next");
        assert!(!example.to_string().contains('…'), "{name}: {example}");
    }
}

#[test]
fn phone_taken_is_described_only_where_it_can_occur() {
    for (name, operation) in operations() {
        let conflict = &operation["responses"]["409"]["content"]["application/problem+json"];
        let taken = &conflict["examples"]["phone-taken"];
        assert_eq!(
            taken.is_object(),
            ["post /salesmen", "patch /salesmen/{id}"].contains(&name.as_str()),
            "{name}"
        );
    }
}

#[test]
fn policies_are_listed_by_event() {
    let service = salesman::service();
    let policies_of = |event: &str| {
        let found = service
            .policies()
            .iter()
            .filter(|(name, _)| name.contains(event));
        found.map(|(_, policy)| *policy).collect::<Vec<_>>()
    };
    assert_eq!(
        policies_of("SalesmanMatched"),
        ["keep_assignment", "notify_assigned"]
    );
    assert_eq!(
        policies_of("ConsultationProgressed"),
        [
            "keep_consultation_state",
            "count_outcome",
            "notify_assigned"
        ]
    );
    assert_eq!(
        policies_of("ProjectEnded"),
        ["notify_series", "keep_projects"]
    );
}
