//! How many projects each choice of the list's filters would show.

use chrono::TimeDelta;
use serde_json::{Value, json};
use service_kit::testing::TestApp;

use crate::{create_ended, create_ongoing, create_project, percent_encoded, project_with, start};

/// Projects of several categories, regions, targets, phases and weeks. Today is a Monday.
async fn create_list(app: &TestApp) {
    for (category, regions, target, ends_on) in [
        ("기술", json!(["부산"]), json!("소상공인"), "2026-11-23"),
        (
            "기술",
            json!(["서울", "부산"]),
            json!("창업벤처"),
            "2026-11-29",
        ),
        (
            "수출",
            json!(["전국"]),
            json!("중소기업 및 소상공인"),
            "2026-11-30",
        ),
        ("수출", json!(["전남광주"]), Value::Null, "2026-12-06"),
        ("금융", json!(["광주"]), json!("중소기업"), "2026-12-07"),
        ("금융", json!(["부산"]), json!("중소기업"), "2026-11-22"),
        ("금융", json!(["부산"]), json!("중소기업"), "2026-11-20"),
    ] {
        let body = project_with(&json!({
            "category": category, "regions": regions, "target": target,
            "period": { "startsOn": "2026-11-01", "endsOn": ends_on },
        }));
        create_ongoing(app, &body).await;
    }
    let always = json!({ "kind": "always", "text": "상시" });
    create_ongoing(app, &project_with(&json!({ "period": always }))).await;
    let planned = json!({ "startsOn": "2026-12-10", "endsOn": "2026-12-20" });
    create_project(app, &project_with(&json!({ "period": planned }))).await;
    create_ended(app, &project_with(&json!({ "category": "창업" }))).await;
}

async fn facets(app: &TestApp, query: &str) -> Value {
    let path = format!("/projects/facets?{query}");
    app.as_staff().get(&path).await.expect(200)
}

async fn length(app: &TestApp, query: &str) -> i64 {
    let path = format!("/projects?limit=100&{query}");
    let page = app.anonymous().get(&path).await.expect(200);
    i64::try_from(page["items"].as_array().unwrap().len()).unwrap()
}

/// The choices of a list of numbers: the value and the count.
fn choices(counted: &Value) -> Vec<(String, i64)> {
    let choices = counted.as_array().unwrap().iter();
    let choices = choices.map(|choice| {
        (
            choice["value"].as_str().unwrap().to_owned(),
            choice["count"].as_i64().unwrap(),
        )
    });
    choices.collect()
}

#[tokio::test]
async fn every_number_is_the_length_of_the_list_with_that_choice() {
    let app = start().await;
    create_list(&app).await;
    let filters = [
        ("q", vec!["스마트"]),
        ("category", vec!["기술", "수출"]),
        ("region", vec!["부산", "광주"]),
        ("target", vec!["소상공인", "중소기업"]),
        ("status", vec!["ongoing"]),
        ("phase", vec!["open", "closing", "closed"]),
        ("overdue", vec!["true"]),
    ];
    let pair = |name: &str, value: &str| format!("{name}={}&", percent_encoded(value));
    // No filter, each of them, and every two.
    for chosen in (0_u32..1 << filters.len()).filter(|chosen| chosen.count_ones() < 3) {
        // All chosen filters but these.
        let query = |without: &[&str]| -> String {
            let chosen = filters.iter().enumerate().filter(|(number, (name, _))| {
                chosen & (1 << number) != 0 && !without.contains(name)
            });
            let pairs =
                chosen.flat_map(|(_, (name, values))| values.iter().map(|value| pair(name, value)));
            pairs.collect()
        };
        let found = facets(&app, &query(&[])).await;
        assert_eq!(
            found["total"],
            length(&app, &query(&[])).await,
            "{}",
            query(&[])
        );
        for (name, list, without) in [
            ("category", "categories", &["category"][..]),
            ("region", "regions", &["region"]),
            ("target", "targets", &["target"]),
            ("status", "statuses", &["status", "overdue"]),
            ("phase", "phases", &["phase", "overdue"]),
        ] {
            for (value, count) in choices(&found[list]) {
                // Those without projects are many, and of one filter enough.
                if count == 0 && name != "category" {
                    continue;
                }
                let query = query(without) + &pair(name, &value);
                assert_eq!(count, length(&app, &query).await, "{query}");
            }
        }
        let overdue = query(&["status", "phase", "overdue"]) + "overdue=true";
        assert_eq!(
            found["overdue"]["count"],
            length(&app, &overdue).await,
            "{overdue}"
        );
    }
}

#[tokio::test]
async fn filter_with_several_values_is_met_by_one_of_them() {
    let app = start().await;
    create_list(&app).await;
    let pair = |name: &str, value: &str| format!("{name}={}&", percent_encoded(value));
    for (query, count) in [
        (pair("category", "수출"), 2),
        (pair("category", "수출") + &pair("category", "금융"), 5),
        (pair("region", "서울") + &pair("region", "광주"), 7),
        (pair("target", "소상공인") + &pair("target", "벤처"), 3),
        ("status=planned&status=ended&status=".to_owned(), 2),
        ("phase=always&phase=ended&sort=deadline".to_owned(), 2),
        ("phase=closed&phase=always&status=planned".to_owned(), 0),
        (
            pair("category", "수출") + &pair("category", "금융") + &pair("region", "부산"),
            3,
        ),
    ] {
        assert_eq!(length(&app, &query).await, count, "{query}");
    }
}

#[tokio::test]
async fn deadlines_are_grouped_by_weeks_from_monday_to_sunday() {
    let app = start().await;
    create_list(&app).await;
    let found = facets(&app, "").await;
    assert_eq!(
        found["deadlines"],
        json!({ "thisWeek": 2, "nextWeek": 2, "later": 2, "past": 2, "undated": 2 })
    );
    assert_eq!(
        found["scopes"],
        json!({ "open": 6, "upcoming": 1, "all": 10 })
    );
    assert_eq!(
        choices(&found["statuses"]),
        [("planned", 1), ("ongoing", 8), ("ended", 1)]
            .map(|(name, count)| (name.to_owned(), count))
    );
    assert_eq!(
        found["overdue"],
        json!({ "count": 2, "since": "2026-11-20" })
    );
    let open = facets(
        &app,
        "phase=open&phase=closing&phase=always&phase=until_budget",
    )
    .await;
    assert_eq!(
        open["deadlines"],
        json!({ "thisWeek": 2, "nextWeek": 2, "later": 1, "past": 0, "undated": 1 })
    );
    assert_eq!(open["scopes"], found["scopes"]);
    // On Sunday, tomorrow is next week.
    app.clock().advance(TimeDelta::days(6));
    let sunday = facets(&app, "").await;
    assert_eq!(
        sunday["deadlines"],
        json!({ "thisWeek": 1, "nextWeek": 2, "later": 2, "past": 3, "undated": 2 })
    );
}

#[tokio::test]
async fn region_counts_name_nationwide_projects_apart() {
    let app = start().await;
    create_list(&app).await;
    let found = facets(
        &app,
        "category=%EC%88%98%EC%B6%9C&category=%EA%B8%88%EC%9C%B5",
    )
    .await;
    let regions = found["regions"].as_array().unwrap();
    assert_eq!(regions[0], json!({ "value": "전국", "count": 1, "own": 1 }));
    let of = |name: &str| {
        let found = regions.iter().find(|region| region["value"] == name);
        found.map(|region| (region["count"].clone(), region["own"].clone()))
    };
    assert_eq!(of("부산"), Some((json!(3), json!(2))));
    // What it replaced counts for it, and is no choice of today.
    assert_eq!(of("전남광주"), Some((json!(3), json!(2))));
    assert_eq!(of("광주"), None);
}

#[tokio::test]
async fn answer_is_at_most_five_seconds_old_and_for_staff_new() {
    let app = start().await;
    let total = async |staff: bool, query: &str| {
        let caller = if staff {
            app.as_staff()
        } else {
            app.anonymous()
        };
        let path = format!("/projects/facets?{query}");
        let found = caller.get(&path).await.expect(200);
        (found["total"].clone(), found["countedAt"].clone())
    };
    let first = total(false, "").await;
    assert_eq!(first.0, json!(0));
    create_project(&app, &project_with(&json!({}))).await;
    app.clock().advance(TimeDelta::seconds(4));
    assert_eq!(total(false, "").await, first);
    // Another choice is counted from the same reading.
    assert_eq!(total(false, "status=planned").await.1, first.1);
    assert_eq!(total(true, "").await.0, json!(1));
    assert_eq!(total(false, "q=x").await.0, json!(0));
    app.clock().advance(TimeDelta::seconds(1));
    assert_eq!(total(false, "").await.0, json!(1));
}

#[tokio::test]
async fn too_many_targets_are_refused() {
    let app = start().await;
    let query = "target=a&".repeat(21);
    for path in ["/projects", "/projects/facets"] {
        let path = format!("{path}?{query}");
        assert_eq!(
            app.anonymous().get(&path).await.problem(422).0,
            "wrong-query"
        );
    }
}
