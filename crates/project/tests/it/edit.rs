//! Editing a project, and choosing the edition that it follows: its predecessor.

use axum::http::Method;
use chrono::TimeDelta;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    create_ended, create_ongoing, create_project, full_project, get_project, minimal_project,
    project_with, start,
};

const JSON: (&str, &str) = ("content-type", "application/json");

#[tokio::test]
async fn change_requires_current_version_and_existing_project() {
    let app = start().await;
    let id = create_project(&app, &minimal_project()).await;
    let staff = app.as_staff();
    for (method, path) in [
        (Method::PATCH, String::new()),
        (Method::POST, "/start".to_owned()),
        (Method::POST, "/end".to_owned()),
    ] {
        let path = format!("/projects/{id}{path}");
        assert_eq!(
            staff
                .send(method.clone(), &path, &[JSON], b"{}".to_vec())
                .await
                .problem(428)
                .0,
            "if-match-required"
        );
        let stale = staff
            .send(
                method.clone(),
                &path,
                &[JSON, ("if-match", "\"7\"")],
                b"{}".to_vec(),
            )
            .await;
        assert_eq!(stale.json["current"], 1);
        assert_eq!(stale.problem(412).0, "stale-version");
        let missing = path.replace(&id.to_string(), &Uuid::from_u128(0x404).to_string());
        assert_eq!(
            staff
                .send(
                    method,
                    &missing,
                    &[JSON, ("if-match", "\"1\"")],
                    b"{}".to_vec()
                )
                .await
                .problem(404)
                .0,
            "not-found"
        );
    }
}

#[tokio::test]
async fn only_staff_can_change_a_project_checked_before_the_body() {
    let app = start().await;
    let id = create_project(&app, &minimal_project()).await;
    for (method, path) in [
        (Method::PATCH, format!("/projects/{id}")),
        (Method::POST, format!("/projects/{id}/start")),
        (Method::POST, format!("/projects/{id}/end")),
        (Method::POST, "/projects/end-overdue".to_owned()),
    ] {
        assert_eq!(
            app.anonymous()
                .send(method.clone(), &path, &[], b"no json".to_vec())
                .await
                .problem(401)
                .0,
            "sign-in-required"
        );
        for caller in [
            app.as_customer("010-1234-5678"),
            app.as_salesman(Uuid::from_u128(1)),
            app.as_consultant(Uuid::from_u128(1)),
        ] {
            assert_eq!(
                caller
                    .send(method.clone(), &path, &[], b"no json".to_vec())
                    .await
                    .problem(403)
                    .0,
                "not-allowed",
                "{path}"
            );
        }
    }
    assert_eq!(get_project(&app, id).await["version"], 1);
}

#[tokio::test]
async fn edit_of_every_field_publishes_the_changed_fields() {
    let app = start().await;
    let id = create_project(&app, &full_project()).await;
    app.new_events().await;
    let body = json!({
        "name": "2027년 스마트상점", "year": 2027, "category": "창업", "regions": ["부산"], "target": "창업기업",
        "scale": 1,
        "agency": "특허청", "host": "한국발명진흥회", "summary": "다른 사업", "link": "http://x.kr",
        "period": { "kind": "always", "text": "상시" },
    });
    let view = app
        .as_staff()
        .patch_if(&format!("/projects/{id}"), 1, &body)
        .await
        .expect(200);
    for (name, value) in body.as_object().unwrap() {
        if name != "period" {
            assert_eq!(&view[name], value, "{name}");
        }
    }
    assert_eq!(
        view["period"],
        json!({ "kind": "always", "text": "상시", "startsOn": null, "endsOn": null })
    );
    let events = app.new_events().await;
    assert_eq!(
        (events.len(), events[0].0.as_str(), events[0].1),
        (1, "ktgg.ProjectEdited.v1", 2)
    );
    let event = &events[0].2;
    let all = [
        "name", "year", "category", "regions", "target", "scale", "agency", "host", "summary",
        "link", "period",
    ];
    assert_eq!(event["changed"], json!(all));
    assert_eq!(event["previousPeriod"]["endsOn"], "2026-03-31");
    assert_eq!(
        (&event["name"], &event["period"]["kind"]),
        (&json!("2027년 스마트상점"), &json!("always"))
    );
    let edited = get_project(&app, id).await;
    assert_eq!(
        (&edited["name"], &edited["scale"], &edited["version"]),
        (&view["name"], &json!(1), &json!(2))
    );
}

#[tokio::test]
async fn edit_keeps_missing_fields_and_null_clears_optional_ones() {
    let app = start().await;
    let id = create_project(&app, &full_project()).await;
    app.new_events().await;
    let path = format!("/projects/{id}");
    let cleared = json!({
        "target": null, "scale": null, "summary": "", "link": null, "host": null, "regions": null,
        "period": null,
    });
    let view = app
        .as_staff()
        .patch_if(&path, 1, &cleared)
        .await
        .expect(200);
    for name in ["target", "scale", "summary", "link"] {
        assert_eq!(view[name], Value::Null, "{name}");
    }
    assert_eq!(
        (&view["host"], &view["regions"]),
        (&json!("중소벤처기업부"), &json!(["전국"]))
    );
    assert_eq!(
        view["period"],
        json!({ "kind": "missing", "text": "", "startsOn": null, "endsOn": null })
    );
    assert_eq!(
        (&view["name"], &view["year"]),
        (&json!("2026년 스마트상점 기술보급사업"), &json!(2026))
    );
    let events = app.new_events().await;
    assert_eq!(
        events[0].2["changed"],
        json!([
            "regions", "target", "scale", "host", "summary", "link", "period"
        ])
    );
    // Required fields cannot be cleared.
    for name in ["name", "year", "category", "agency"] {
        let refused = app
            .as_staff()
            .patch_if(&path, 2, &json!({ name: null }))
            .await
            .problem(422);
        assert_eq!(refused.1, [(format!("/{name}"), "required".to_owned())]);
    }
}

#[tokio::test]
async fn edit_without_changes_publishes_nothing() {
    let app = start().await;
    let id = create_project(&app, &full_project()).await;
    app.new_events().await;
    for body in [
        json!({}),
        full_project(),
        json!({ "target": "소상공인" }),
        json!({ "predecessor": null }),
    ] {
        let view = app
            .as_staff()
            .patch_if(&format!("/projects/{id}"), 1, &body)
            .await
            .expect(200);
        assert_eq!(view["version"], 1, "{body}");
    }
    assert!(app.new_events().await.is_empty());
}

#[tokio::test]
async fn project_can_be_edited_in_every_status() {
    let app = start().await;
    for (id, version) in [
        (create_project(&app, &minimal_project()).await, 1),
        (create_ongoing(&app, &minimal_project()).await, 2),
        (create_ended(&app, &minimal_project()).await, 3),
    ] {
        let status = get_project(&app, id).await["status"].clone();
        let view = app
            .as_staff()
            .patch_if(
                &format!("/projects/{id}"),
                version,
                &json!({ "target": "누구나" }),
            )
            .await
            .expect(200);
        assert_eq!(
            (&view["status"], &view["version"]),
            (&status, &json!(version + 1))
        );
    }
}

#[tokio::test]
async fn all_invalid_fields_of_an_edit_are_reported_together() {
    let app = start().await;
    let id = create_project(&app, &minimal_project()).await;
    for (body, expected) in [
        (
            json!({
                "name": " ", "year": 20_266, "category": "없는 분야", "regions": "서울", "target": 1,
                "scale": -1, "agency": null,
                "host": "가".repeat(201), "summary": [], "link": "ftp://x",
                "predecessor": Uuid::from_u128(0x404),
                "period": { "startsOn": "2026-03-31", "endsOn": "2026-03-02" },
            }),
            vec![
                ("/agency", "required"),
                ("/category", "wrong-type"),
                ("/host", "too-long"),
                ("/link", "not-a-link"),
                ("/name", "required"),
                ("/period/endsOn", "ends-before-it-starts"),
                ("/predecessor", "unknown"),
                ("/regions", "wrong-type"),
                ("/scale", "negative"),
                ("/summary", "wrong-type"),
                ("/target", "wrong-type"),
                ("/year", "no-such-year"),
            ],
        ),
        (
            json!({ "period": { "endsOn": "1066-10-14" } }),
            vec![("/period", "no-such-date")],
        ),
        (
            json!({ "predecessor": 1, "period": 1 }),
            vec![("/period", "wrong-type"), ("/predecessor", "wrong-type")],
        ),
    ] {
        let (slug, mut errors) = app
            .as_staff()
            .patch_if(&format!("/projects/{id}"), 1, &body)
            .await
            .problem(422);
        errors.sort();
        let expected: Vec<_> = expected
            .into_iter()
            .map(|(pointer, code)| (pointer.to_owned(), code.to_owned()))
            .collect();
        assert_eq!(
            (slug.as_str(), errors),
            ("wrong-fields", expected),
            "{body}"
        );
    }
    assert_eq!(get_project(&app, id).await["version"], 1);
}

#[tokio::test]
async fn new_edition_follows_newest_without_successor_of_last_year() {
    let app = start().await;
    let edition = |year: i32, round: &str| {
        project_with(&json!({ "name": format!("{year}년 {round}스마트상점"), "year": year }))
    };
    let first = create_project(&app, &edition(2025, "1차 ")).await;
    app.clock().advance(TimeDelta::seconds(1));
    let second = create_project(&app, &edition(2025, "2차 ")).await;
    let next = app
        .as_staff()
        .post("/projects", &edition(2026, ""))
        .await
        .expect(201);
    assert_eq!(
        (&next["predecessor"], &next["seriesId"]),
        (&json!(second), &get_project(&app, first).await["seriesId"])
    );
    let other = app
        .as_staff()
        .post("/projects", &edition(2026, "2차 "))
        .await
        .expect(201);
    assert_eq!(other["predecessor"], json!(first));
    let third = app
        .as_staff()
        .post("/projects", &edition(2026, "3차 "))
        .await
        .expect(201);
    assert_eq!(third["predecessor"], Value::Null);
    assert_eq!(get_project(&app, second).await["successor"], next["id"]);
    let editions = get_project(&app, first).await["editions"].clone();
    let years: Vec<_> = editions
        .as_array()
        .unwrap()
        .iter()
        .map(|edition| edition["year"].as_i64().unwrap())
        .collect();
    assert_eq!(years, [2026, 2026, 2026, 2025, 2025]);
}

#[tokio::test]
async fn predecessor_must_be_earlier_same_series_and_unfollowed() {
    let app = start().await;
    let edition =
        |year: i32| project_with(&json!({ "name": format!("{year}년 스마트상점"), "year": year }));
    let (old, new) = (
        create_project(&app, &edition(2023)).await,
        create_project(&app, &edition(2026)).await,
    );
    let elsewhere = create_project(
        &app,
        &project_with(&json!({ "year": 2024, "host": "창업진흥원" })),
    )
    .await;
    let later = create_project(&app, &edition(2029)).await;
    let path = format!("/projects/{new}");
    for (predecessor, code) in [
        (elsewhere, "another-series"),
        (later, "not-earlier"),
        (new, "not-earlier"),
        (Uuid::from_u128(0x404), "unknown"),
    ] {
        let refused = app
            .as_staff()
            .patch_if(&path, 1, &json!({ "predecessor": predecessor }))
            .await
            .problem(422);
        assert_eq!(refused.1, [("/predecessor".to_owned(), code.to_owned())]);
    }
    app.new_events().await;
    let view = app
        .as_staff()
        .patch_if(&path, 1, &json!({ "predecessor": old }))
        .await
        .expect(200);
    assert_eq!(
        (
            &view["predecessor"],
            &get_project(&app, old).await["successor"]
        ),
        (&json!(old), &json!(new))
    );
    let events = app.new_events().await;
    assert_eq!(
        (&events[0].2["changed"], &events[0].2["predecessor"]),
        (&json!(["predecessor"]), &json!(old))
    );
    // The edition of 2023 has a successor now.
    let refused = app
        .as_staff()
        .patch_if(
            &format!("/projects/{later}"),
            1,
            &json!({ "predecessor": old }),
        )
        .await
        .problem(422);
    assert_eq!(
        refused.1,
        [("/predecessor".to_owned(), "has-a-successor".to_owned())]
    );
    let view = app
        .as_staff()
        .patch_if(&path, 2, &json!({ "predecessor": null }))
        .await
        .expect(200);
    assert_eq!(view["predecessor"], Value::Null);
}

#[tokio::test]
async fn editions_created_concurrently_share_one_series() {
    let app = start().await;
    let replica = app.replica(project::service()).await;
    let (a, b) = (app.as_staff(), replica.as_staff());
    let body = minimal_project();
    let (first, second) = tokio::join!(a.post("/projects", &body), b.post("/projects", &body));
    assert_eq!(
        first.expect(201)["seriesId"],
        second.expect(201)["seriesId"]
    );
}
