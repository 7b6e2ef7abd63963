//! The `OpenAPI` description of the routes, and the list of policies.

use serde_json::{Value, json};

/// Every operation: method and path, with its description.
fn operations() -> Vec<(String, Value)> {
    let description = salesman_match::service().description();
    let paths = description["paths"].as_object().unwrap();
    let mut operations = Vec::new();
    for (path, item) in paths {
        for (method, operation) in item.as_object().unwrap() {
            operations.push((
                format!("{} {path}", method.to_uppercase()),
                operation.clone(),
            ));
        }
    }
    operations
}

#[test]
fn every_operation_lists_actors_command_and_events() {
    let described: Vec<_> = operations()
        .into_iter()
        .map(|(name, operation)| {
            (
                name,
                operation["x-actors"].clone(),
                operation["x-command"].clone(),
                operation["x-events"].clone(),
            )
        })
        .collect();
    let all_roles = json!(["customer", "staff", "salesman", "consultant"]);
    assert_eq!(
        described,
        [
            (
                "DELETE /me".to_owned(),
                json!(["customer"]),
                json!("EraseCustomer"),
                json!([])
            ),
            (
                "GET /me/data".to_owned(),
                json!(["customer"]),
                Value::Null,
                Value::Null
            ),
            (
                "GET /salesman-matches".to_owned(),
                all_roles,
                Value::Null,
                Value::Null
            ),
            (
                "GET /salesman-matches/candidates".to_owned(),
                json!(["staff"]),
                Value::Null,
                Value::Null
            ),
            (
                "GET /salesman-matches/counts".to_owned(),
                json!(["staff"]),
                Value::Null,
                Value::Null
            ),
            (
                "GET /salesman-matches/{id}".to_owned(),
                json!(["staff", "salesman", "consultant"]),
                Value::Null,
                Value::Null
            ),
            (
                "PATCH /salesman-matches/{id}".to_owned(),
                json!(["staff"]),
                json!("MatchSalesman"),
                json!(["SalesmanMatched"])
            ),
        ]
    );
}

#[test]
fn operations_describe_their_problems_and_examples() {
    for (name, operation) in operations() {
        assert!(
            operation["summary"]
                .as_str()
                .is_some_and(|summary| !summary.is_empty()),
            "{name}"
        );
        let is_internal = name.ends_with(" /me") || name.ends_with(" /me/data");
        assert_eq!(operation["x-internal"] == true, is_internal, "{name}");
        if name == "DELETE /me" {
            assert!(operation["responses"]["204"]["description"].is_string());
            continue;
        }
        let example = &operation["responses"]["200"]["content"]["application/json"]["example"];
        if name.ends_with("/counts") || name.ends_with("/candidates") {
            assert!(
                example.as_object().is_some_and(|view| !view.is_empty()),
                "{name}"
            );
            continue;
        }
        let view = example
            .get("items")
            .or_else(|| example.get("matches"))
            .map_or(example, |items| &items[0]);
        assert_eq!(view["salesman"]["displayName"], "김하늘", "{name}");
        if name.starts_with("PATCH") {
            assert!(
                operation["summary"]
                    .as_str()
                    .unwrap()
                    .starts_with("`MatchSalesman`: staff")
            );
            assert!(
                operation["requestBody"]["content"]["application/json"]["example"]["salesmanId"]
                    .is_string()
            );
            let examples = |status: &str| {
                let content = &operation["responses"][status]["content"];
                let examples = &content["application/problem+json"]["examples"];
                examples
                    .as_object()
                    .unwrap()
                    .keys()
                    .cloned()
                    .collect::<Vec<_>>()
            };
            assert_eq!(examples("409"), ["match-closed", "salesman-missing"]);
            assert_eq!(
                (examples("400"), examples("412"), examples("428")),
                (
                    vec![
                        "not-json".to_owned(),
                        "unreadable-body".to_owned(),
                        "wrong-idempotency-key".to_owned(),
                        "wrong-if-match".to_owned()
                    ],
                    vec!["stale-version".to_owned()],
                    vec!["if-match-required".to_owned()]
                )
            );
            let wrong_fields = &operation["responses"]["422"]["content"]["application/problem+json"]
                ["examples"]["wrong-fields"]["value"];
            assert_eq!(
                (
                    &wrong_fields["errors"][0]["code"],
                    &wrong_fields["errors"][1]["code"]
                ),
                (&json!("at-capacity"), &json!("wrong-role"))
            );
        }
    }
}

#[test]
fn described_enums_match_the_code() {
    let description = salesman_match::service().description();
    let texts = |schema: &str| description["components"]["schemas"][schema]["enum"].clone();
    assert_eq!(
        texts("StrategyName"),
        json!(events::Strategy::ALL.map(events::Strategy::as_str))
    );
    assert_eq!(
        texts("RuleName"),
        json!(["kept", "brought", "phone-suffix", "by-hand"])
    );
    assert_eq!(
        (texts("PlaceName"), texts("OriginKind")),
        (
            json!(["salesman", "consultant"]),
            json!(["interest", "consultation"])
        )
    );
}

#[test]
fn every_policy_is_listed_with_its_event() {
    let service = salesman_match::service();
    let mut policies: Vec<_> = service
        .policies()
        .iter()
        .map(|(event, name)| format!("{event} {name}"))
        .collect();
    policies.sort();
    assert_eq!(
        policies,
        [
            "ktgg.ConsultationCreated.v1 match_salesman_to_consultation",
            "ktgg.ConsultationProgressed.v1 close_match_of_consultation",
            "ktgg.InterestCreated.v1 match_salesman_to_interest",
            "ktgg.InterestUpdated.v1 close_match_of_interest",
            "ktgg.InterestUpdated.v1 match_salesman_to_interest_again",
            "ktgg.ProjectCreated.v1 keep_projects",
            "ktgg.ProjectEdited.v1 keep_projects",
            "ktgg.ProjectEnded.v1 keep_projects",
            "ktgg.ProjectStarted.v1 keep_projects",
            "ktgg.SalesmanRegistered.v1 keep_salesmen",
            "ktgg.SalesmanUpdated.v1 keep_salesmen",
        ]
    );
}
