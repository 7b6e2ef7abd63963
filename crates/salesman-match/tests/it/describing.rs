//! What the description says of the routes, and what the service says of its policies.

use serde_json::{Value, json};

/// Every operation: method, path and what is said of it.
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
fn every_operation_says_who_may_call_it_what_it_does_and_what_it_can_cause() {
    let said: Vec<_> = operations()
        .into_iter()
        .map(|(name, it)| {
            (
                name,
                it["x-actors"].clone(),
                it["x-command"].clone(),
                it["x-events"].clone(),
            )
        })
        .collect();
    let everybody = json!(["customer", "staff", "salesman", "consultant"]);
    assert_eq!(
        said,
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
                everybody,
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
fn every_problem_of_our_own_is_described_where_it_can_happen_and_every_body_has_an_example() {
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
                let examples = &operation["responses"][status]["content"]["application/problem+json"]
                    ["examples"];
                examples
                    .as_object()
                    .unwrap()
                    .keys()
                    .cloned()
                    .collect::<Vec<_>>()
            };
            assert_eq!(examples("409"), ["match-closed", "salesman-missing"]);
            assert_eq!(
                (examples("412"), examples("428")),
                (
                    vec!["stale-version".to_owned()],
                    vec!["if-match-required".to_owned()]
                )
            );
            let own = &operation["responses"]["422"]["content"]["application/problem+json"]["examples"]
                ["wrong-fields"]["value"];
            assert_eq!(
                (&own["errors"][0]["code"], &own["errors"][1]["code"]),
                (&json!("at-capacity"), &json!("wrong-role"))
            );
        }
    }
}

#[test]
fn the_words_that_are_described_are_those_that_the_code_knows() {
    let description = salesman_match::service().description();
    let words = |schema: &str| description["components"]["schemas"][schema]["enum"].clone();
    assert_eq!(
        words("StrategyName"),
        json!(events::Strategy::ALL.map(events::Strategy::as_str))
    );
    assert_eq!(
        words("RuleName"),
        json!(["kept", "brought", "phone-suffix", "by-hand"])
    );
    assert_eq!(
        (words("PlaceName"), words("OriginKind")),
        (
            json!(["salesman", "consultant"]),
            json!(["interest", "consultation"])
        )
    );
}

#[test]
fn every_policy_is_known_by_the_event_it_reacts_to() {
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
