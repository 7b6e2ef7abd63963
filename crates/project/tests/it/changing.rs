//! What staff do with a project that exists.

use axum::http::{Method, header};
use chrono::TimeDelta;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{STAFF, a_project, ended, least, made, ongoing, shown, start, with};

const JSON: (&str, &str) = ("content-type", "application/json");

#[tokio::test]
async fn a_project_is_planned_then_ongoing_then_ended_and_each_is_told_once() {
    let app = start().await;
    let id = made(&app, &a_project()).await;
    app.new_events().await;
    let started = app
        .as_staff()
        .post_if(&format!("/projects/{id}/start"), 1, &json!({}))
        .await;
    assert_eq!(started.headers[header::ETAG], "\"2\"");
    let started = started.expect(200);
    assert_eq!(
        (
            &started["status"],
            &started["startedOn"],
            &started["endedOn"]
        ),
        (&json!("ongoing"), &json!("2026-11-23"), &Value::Null)
    );
    app.clock().advance(TimeDelta::days(2));
    let view = app
        .as_staff()
        .post_if(&format!("/projects/{id}/end"), 2, &json!({}))
        .await
        .expect(200);
    assert_eq!(
        (&view["status"], &view["startedOn"], &view["endedOn"]),
        (&json!("ended"), &json!("2026-11-23"), &json!("2026-11-25"))
    );
    assert_eq!(
        (&view["phase"], &view["version"]),
        (&json!("ended"), &json!(3))
    );
    let told = app.new_events().await;
    let names: Vec<_> = told
        .iter()
        .map(|(name, version, _)| (name.as_str(), *version))
        .collect();
    assert_eq!(
        names,
        [("ktgg.ProjectStarted.v1", 2), ("ktgg.ProjectEnded.v1", 3)]
    );
    let (started, ended) = (&told[0].2, &told[1].2);
    assert_eq!(
        (
            &started["status"],
            &started["startedOn"],
            started.get("endedOn")
        ),
        (&json!("ongoing"), &json!("2026-11-23"), None)
    );
    assert_eq!(
        (&ended["status"], &ended["endedOn"]),
        (&json!("ended"), &json!("2026-11-25"))
    );
    assert_eq!(ended["actor"], json!({ "role": "staff", "id": STAFF }));
}

#[tokio::test]
async fn only_a_planned_project_starts_and_only_an_ongoing_one_ends_and_the_answer_says_where_it_stands()
 {
    let app = start().await;
    let (planned, running, over) = (
        made(&app, &least()).await,
        ongoing(&app, &least()).await,
        ended(&app, &least()).await,
    );
    app.new_events().await;
    for (id, version, command, slug, status) in [
        (planned, 1, "end", "project-not-ongoing", "planned"),
        (running, 2, "start", "project-not-planned", "ongoing"),
        (over, 3, "start", "project-not-planned", "ended"),
        (over, 3, "end", "project-not-ongoing", "ended"),
    ] {
        let answer = app
            .as_staff()
            .post_if(&format!("/projects/{id}/{command}"), version, &json!({}))
            .await;
        assert_eq!(
            answer.json["projectStatus"], status,
            "{command} {status}: the member tells where it stands"
        );
        assert_eq!(answer.problem(409).0, slug, "{command} {status}");
        assert_eq!(shown(&app, id).await["version"], version);
    }
    assert!(app.new_events().await.is_empty());
}

#[tokio::test]
async fn a_start_that_is_sent_again_gives_the_same_answer_but_a_second_start_is_refused() {
    let app = start().await;
    let id = made(&app, &least()).await;
    app.new_events().await;
    let path = format!("/projects/{id}/start");
    let send = async |key: &str, version: &str, body: &str| {
        let headers = [JSON, ("idempotency-key", key), ("if-match", version)];
        app.as_staff()
            .send(Method::POST, &path, &headers, body.as_bytes().to_vec())
            .await
    };
    let first = send("k", "\"1\"", "{}").await.expect(200);
    assert_eq!(send("k", "\"1\"", "{}").await.expect(200), first);
    assert_eq!(
        send("other", "\"2\"", "{}").await.problem(409).0,
        "project-not-planned"
    );
    assert_eq!(
        send("other still", "\"1\"", "{}").await.problem(412).0,
        "stale-version"
    );
    assert_eq!(
        send("k", "\"1\"", "{\"startedOn\": null}")
            .await
            .problem(422)
            .0,
        "idempotency-key-reused"
    );
    assert_eq!(app.new_events().await.len(), 1);
}

#[tokio::test]
async fn a_day_may_be_told_but_none_that_is_to_come_or_cannot_be() {
    let app = start().await;
    let id = made(&app, &least()).await;
    let (begin, finish) = (
        format!("/projects/{id}/start"),
        format!("/projects/{id}/end"),
    );
    let staff = app.as_staff();
    for (day, code) in [
        (json!("2026-11-24"), "in-the-future"),
        (json!("0206-11-20"), "no-such-date"),
        (json!("2026-02-30"), "wrong-type"),
        (json!(1), "wrong-type"),
    ] {
        let refused = staff
            .post_if(&begin, 1, &json!({ "startedOn": day }))
            .await
            .problem(422);
        assert_eq!(
            refused.1,
            [("/startedOn".to_owned(), code.to_owned())],
            "{day}"
        );
    }
    assert_eq!(
        staff
            .post_if(&begin, 1, &json!({ "startedOn": "2026-11-20" }))
            .await
            .expect(200)["startedOn"],
        "2026-11-20"
    );
    for (day, code) in [
        (json!("2026-11-24"), "in-the-future"),
        (json!("2026-11-19"), "before-it-was-started"),
        (json!("0206-11-20"), "no-such-date"),
        (json!("yesterday"), "wrong-type"),
    ] {
        let refused = staff
            .post_if(&finish, 2, &json!({ "endedOn": day }))
            .await
            .problem(422);
        assert_eq!(
            refused.1,
            [("/endedOn".to_owned(), code.to_owned())],
            "{day}"
        );
    }
    assert_eq!(
        staff
            .post_if(&finish, 2, &json!({ "endedOn": "2026-11-20" }))
            .await
            .expect(200)["endedOn"],
        "2026-11-20"
    );
}

#[tokio::test]
async fn the_body_of_a_start_may_be_left_out_but_not_be_something_else() {
    let app = start().await;
    let id = made(&app, &least()).await;
    let path = format!("/projects/{id}/start");
    let tag = ("if-match", "\"1\"");
    let send = async |headers: &[(&str, &str)], body: &[u8]| {
        app.as_staff()
            .send(Method::POST, &path, headers, body.to_vec())
            .await
    };
    assert_eq!(
        send(&[tag], b"{}").await.problem(415).0,
        "wrong-content-type"
    );
    assert_eq!(send(&[tag, JSON], b"{").await.problem(400).0, "not-json");
    assert_eq!(
        send(&[tag, JSON], b"[]").await.problem(422).0,
        "wrong-fields"
    );
    assert_eq!(
        send(&[tag, JSON], &vec![b' '; 300 * 1024])
            .await
            .problem(413)
            .0,
        "too-large"
    );
    assert_eq!(send(&[tag], b"").await.expect(200)["status"], "ongoing");
}

#[tokio::test]
async fn a_change_wants_the_version_it_means_and_a_project_that_exists() {
    let app = start().await;
    let id = made(&app, &least()).await;
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
async fn nobody_but_staff_changes_a_project_whatever_else_is_wrong() {
    let app = start().await;
    let id = made(&app, &least()).await;
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
    assert_eq!(shown(&app, id).await["version"], 1);
}

#[tokio::test]
async fn every_field_can_be_edited_and_what_differs_is_told() {
    let app = start().await;
    let id = made(&app, &a_project()).await;
    app.new_events().await;
    let body = json!({
        "name": "2027년 스마트상점", "year": 2027, "category": "창업", "regions": ["부산"], "target": "창업기업", "scale": 1,
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
    let told = app.new_events().await;
    assert_eq!(
        (told.len(), told[0].0.as_str(), told[0].1),
        (1, "ktgg.ProjectEdited.v1", 2)
    );
    let event = &told[0].2;
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
    let edited = shown(&app, id).await;
    assert_eq!(
        (&edited["name"], &edited["scale"], &edited["version"]),
        (&view["name"], &json!(1), &json!(2))
    );
}

#[tokio::test]
async fn what_is_not_sent_stays_and_null_empties_what_may_be_empty() {
    let app = start().await;
    let id = made(&app, &a_project()).await;
    app.new_events().await;
    let path = format!("/projects/{id}");
    let cleared = json!({ "target": null, "scale": null, "summary": "", "link": null, "host": null, "regions": null, "period": null });
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
    let told = app.new_events().await;
    assert_eq!(
        told[0].2["changed"],
        json!([
            "regions", "target", "scale", "host", "summary", "link", "period"
        ])
    );
    // What cannot be empty cannot be emptied.
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
async fn an_edit_that_changes_nothing_is_no_event_and_no_version() {
    let app = start().await;
    let id = made(&app, &a_project()).await;
    app.new_events().await;
    for body in [
        json!({}),
        a_project(),
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
async fn a_project_can_be_edited_wherever_it_stands() {
    let app = start().await;
    for (id, version) in [
        (made(&app, &least()).await, 1),
        (ongoing(&app, &least()).await, 2),
        (ended(&app, &least()).await, 3),
    ] {
        let status = shown(&app, id).await["status"].clone();
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
async fn every_wrong_field_of_an_edit_is_told_at_once() {
    let app = start().await;
    let id = made(&app, &least()).await;
    for (body, wrong) in [
        (
            json!({
                "name": " ", "year": 20_266, "category": "없는 분야", "regions": "서울", "target": 1, "scale": -1, "agency": null,
                "host": "가".repeat(201), "summary": [], "link": "ftp://x", "predecessor": Uuid::from_u128(0x404),
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
        let (slug, mut found) = app
            .as_staff()
            .patch_if(&format!("/projects/{id}"), 1, &body)
            .await
            .problem(422);
        found.sort();
        let wrong: Vec<_> = wrong
            .into_iter()
            .map(|(pointer, code)| (pointer.to_owned(), code.to_owned()))
            .collect();
        assert_eq!((slug.as_str(), found), ("wrong-fields", wrong), "{body}");
    }
    assert_eq!(shown(&app, id).await["version"], 1);
}

#[tokio::test]
async fn a_new_edition_follows_the_newest_of_the_year_before_that_nothing_follows() {
    let app = start().await;
    let of = |year: i32, round: &str| {
        with(&json!({ "name": format!("{year}년 {round}스마트상점"), "year": year }))
    };
    let first = made(&app, &of(2025, "1차 ")).await;
    app.clock().advance(TimeDelta::seconds(1));
    let second = made(&app, &of(2025, "2차 ")).await;
    let next = app
        .as_staff()
        .post("/projects", &of(2026, ""))
        .await
        .expect(201);
    assert_eq!(
        (&next["predecessor"], &next["seriesId"]),
        (&json!(second), &shown(&app, first).await["seriesId"])
    );
    let other = app
        .as_staff()
        .post("/projects", &of(2026, "2차 "))
        .await
        .expect(201);
    assert_eq!(other["predecessor"], json!(first));
    let third = app
        .as_staff()
        .post("/projects", &of(2026, "3차 "))
        .await
        .expect(201);
    assert_eq!(third["predecessor"], Value::Null);
    assert_eq!(shown(&app, second).await["successor"], next["id"]);
    let editions = shown(&app, first).await["editions"].clone();
    let years: Vec<_> = editions
        .as_array()
        .unwrap()
        .iter()
        .map(|edition| edition["year"].as_i64().unwrap())
        .collect();
    assert_eq!(years, [2026, 2026, 2026, 2025, 2025]);
}

#[tokio::test]
async fn a_predecessor_is_an_earlier_edition_of_the_series_that_nothing_else_follows() {
    let app = start().await;
    let of = |year: i32| with(&json!({ "name": format!("{year}년 스마트상점"), "year": year }));
    let (old, new) = (made(&app, &of(2023)).await, made(&app, &of(2026)).await);
    let elsewhere = made(&app, &with(&json!({ "year": 2024, "host": "창업진흥원" }))).await;
    let later = made(&app, &of(2029)).await;
    let path = format!("/projects/{new}");
    for (wanted, code) in [
        (elsewhere, "another-series"),
        (later, "not-earlier"),
        (new, "not-earlier"),
        (Uuid::from_u128(0x404), "unknown"),
    ] {
        let refused = app
            .as_staff()
            .patch_if(&path, 1, &json!({ "predecessor": wanted }))
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
        (&view["predecessor"], &shown(&app, old).await["successor"]),
        (&json!(old), &json!(new))
    );
    let told = app.new_events().await;
    assert_eq!(
        (&told[0].2["changed"], &told[0].2["predecessor"]),
        (&json!(["predecessor"]), &json!(old))
    );
    // Nothing else can follow 2023 now.
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
async fn two_that_are_entered_at_once_are_editions_of_one_series() {
    let app = start().await;
    let other = app.replica(project::service()).await;
    let (a, b) = (app.as_staff(), other.as_staff());
    let body = least();
    let (first, second) = tokio::join!(a.post("/projects", &body), b.post("/projects", &body));
    assert_eq!(
        first.expect(201)["seriesId"],
        second.expect(201)["seriesId"]
    );
}
