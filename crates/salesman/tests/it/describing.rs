//! What the description says of every operation.

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
fn every_operation_says_who_may_call_it_and_shows_an_example_of_its_answer() {
    let operations = operations();
    assert_eq!(operations.len(), 10);
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
        // Every list's cursor is the kit's.
        example.as_object_mut().unwrap().remove("next");
        assert!(!example.to_string().contains('…'), "{name}: {example}");
    }
}

#[test]
fn a_taken_number_is_described_where_it_can_happen_and_nowhere_else() {
    for (name, operation) in operations() {
        let taken = &operation["responses"]["409"]["content"]["application/problem+json"]["examples"]
            ["phone-taken"];
        assert_eq!(
            taken.is_object(),
            ["post /salesmen", "patch /salesmen/{id}"].contains(&name.as_str()),
            "{name}"
        );
    }
}

#[test]
fn every_policy_is_named() {
    let service = salesman::service();
    let of = |event: &str| {
        let found = service
            .policies()
            .iter()
            .filter(|(name, _)| name.contains(event));
        found.map(|(_, policy)| *policy).collect::<Vec<_>>()
    };
    assert_eq!(
        of("SalesmanMatched"),
        ["keep_assignment", "notify_salesman"]
    );
    assert_eq!(
        of("ConsultationProgressed"),
        [
            "keep_consultation_state",
            "count_outcome",
            "notify_of_progress"
        ]
    );
    assert_eq!(of("ProjectEnded"), ["notify_of_end", "keep_projects"]);
}
