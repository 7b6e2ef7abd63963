//! The description of the routes.

use serde_json::Value;

/// Every operation: method, path, and what is said of it.
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
fn every_route_says_who_may_call_it_and_shows_what_comes_back() {
    let description = project::service().description();
    let operations = operations(&description);
    assert!(operations.len() >= 9, "{}", operations.len());
    for (name, operation) in operations {
        assert!(
            operation["x-actors"]
                .as_array()
                .is_some_and(|actors| !actors.is_empty()),
            "{name} says not who may call it"
        );
        assert!(
            operation["summary"]
                .as_str()
                .is_some_and(|summary| !summary.is_empty()),
            "{name} says not what it does"
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
        let (_, response) = success.unwrap_or_else(|| panic!("{name} never succeeds"));
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
fn what_a_start_and_an_end_are_refused_with_is_shown() {
    let description = project::service().description();
    for (path, slug) in [
        ("/projects/{id}/start", "project-not-planned"),
        ("/projects/{id}/end", "project-not-ongoing"),
    ] {
        let refused = &description["paths"][path]["post"]["responses"]["409"]["content"]["application/problem+json"]
            ["examples"][slug];
        assert!(
            refused["value"]["projectStatus"].is_string(),
            "{path} tells where it stands: {refused}"
        );
    }
}
