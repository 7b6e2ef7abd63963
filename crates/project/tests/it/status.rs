//! Starting and ending a project.

use axum::http::{Method, header};
use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::{
    STAFF, create_ended, create_ongoing, create_project, full_project, get_project,
    minimal_project, start,
};

const JSON: (&str, &str) = ("content-type", "application/json");

#[tokio::test]
async fn start_and_end_publish_one_event_each() {
    let app = start().await;
    let id = create_project(&app, &full_project()).await;
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
    let events = app.new_events().await;
    let names: Vec<_> = events
        .iter()
        .map(|(name, version, _)| (name.as_str(), *version))
        .collect();
    assert_eq!(
        names,
        [("ktgg.ProjectStarted.v1", 2), ("ktgg.ProjectEnded.v1", 3)]
    );
    let (started, ended) = (&events[0].2, &events[1].2);
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
async fn start_or_end_in_the_wrong_status_is_refused_with_status() {
    let app = start().await;
    let (planned, ongoing, ended) = (
        create_project(&app, &minimal_project()).await,
        create_ongoing(&app, &minimal_project()).await,
        create_ended(&app, &minimal_project()).await,
    );
    app.new_events().await;
    for (id, version, command, slug, status) in [
        (planned, 1, "end", "project-not-ongoing", "planned"),
        (ongoing, 2, "start", "project-not-planned", "ongoing"),
        (ended, 3, "start", "project-not-planned", "ended"),
        (ended, 3, "end", "project-not-ongoing", "ended"),
    ] {
        let answer = app
            .as_staff()
            .post_if(&format!("/projects/{id}/{command}"), version, &json!({}))
            .await;
        assert_eq!(answer.json["projectStatus"], status, "{command} {status}");
        assert_eq!(answer.problem(409).0, slug, "{command} {status}");
        assert_eq!(get_project(&app, id).await["version"], version);
    }
    assert!(app.new_events().await.is_empty());
}

#[tokio::test]
async fn retried_start_gives_same_answer_but_second_is_refused() {
    let app = start().await;
    let id = create_project(&app, &minimal_project()).await;
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
        send("third", "\"1\"", "{}").await.problem(412).0,
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
async fn start_and_end_accept_past_dates_and_refuse_others() {
    let app = start().await;
    let id = create_project(&app, &minimal_project()).await;
    let (start_path, end_path) = (
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
            .post_if(&start_path, 1, &json!({ "startedOn": day }))
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
            .post_if(&start_path, 1, &json!({ "startedOn": "2026-11-20" }))
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
            .post_if(&end_path, 2, &json!({ "endedOn": day }))
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
            .post_if(&end_path, 2, &json!({ "endedOn": "2026-11-20" }))
            .await
            .expect(200)["endedOn"],
        "2026-11-20"
    );
}

#[tokio::test]
async fn start_accepts_no_body_but_refuses_an_invalid_one() {
    let app = start().await;
    let id = create_project(&app, &minimal_project()).await;
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
    assert_eq!(
        send(&[tag, JSON, ("content-encoding", "gzip")], b"\x1f\x8b")
            .await
            .problem(415)
            .0,
        "wrong-content-encoding"
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
