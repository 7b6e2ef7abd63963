//! The `OpenAPI` description of the routes.

use serde_json::Value;

/// Every operation: its method and path, and its description.
fn operations(description: &Value) -> Vec<(String, &Value)> {
    let paths = description["paths"].as_object().unwrap();
    let all = paths.iter().flat_map(|(path, item)| {
        let methods = item.as_object().unwrap().iter();
        methods.map(move |(method, operation)| {
            (format!("{} {path}", method.to_uppercase()), operation)
        })
    });
    all.collect()
}

#[test]
fn every_operation_has_actors_summary_and_example() {
    let description = project::service().description();
    let operations = operations(&description);
    assert!(operations.len() >= 9, "{}", operations.len());
    for (name, operation) in operations {
        assert!(
            operation["x-actors"]
                .as_array()
                .is_some_and(|actors| !actors.is_empty()),
            "{name} has no actors"
        );
        assert!(
            operation["summary"]
                .as_str()
                .is_some_and(|summary| !summary.is_empty()),
            "{name} has no summary"
        );
        let reads = name.starts_with("GET");
        assert_eq!(operation["x-command"].is_string(), !reads, "{name}");
        assert_eq!(operation["x-events"].is_array(), !reads, "{name}");
        let is_internal = name.ends_with(" /me") || name.ends_with(" /me/data");
        assert_eq!(operation["x-internal"] == true, is_internal, "{name}");
        if name == "DELETE /me" {
            assert!(operation["responses"]["204"]["description"].is_string());
            continue;
        }
        let success = operation["responses"]
            .as_object()
            .unwrap()
            .iter()
            .find(|(status, _)| status.starts_with('2'));
        let (_, response) = success.unwrap_or_else(|| panic!("{name} has no successful response"));
        let example = &response["content"]["application/json"]["example"];
        assert!(
            example
                .as_object()
                .is_some_and(|example| !example.is_empty()),
            "{name} has no example: {example}"
        );
    }
}

#[test]
fn refused_start_and_end_examples_show_the_status() {
    let description = project::service().description();
    for (path, slug) in [
        ("/projects/{id}/start", "project-not-planned"),
        ("/projects/{id}/end", "project-not-ongoing"),
    ] {
        let conflict = &description["paths"][path]["post"]["responses"]["409"];
        let refused = &conflict["content"]["application/problem+json"]["examples"][slug];
        assert!(
            refused["value"]["projectStatus"].is_string(),
            "{path} shows no status: {refused}"
        );
    }
}
