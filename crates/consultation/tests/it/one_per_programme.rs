//! One open consultation per customer and programme, a bounded number in all, and requests about
//! programmes that have ended.

use axum::http::{StatusCode, header};
use events::{ConsultationCreated, ProjectEnded, ProjectId, ProjectStatus, SeriesId};
use serde_json::{Value, json};
use service_kit::testing::TestApp;
use uuid::Uuid;

use crate::create::{deliver_project, named, on_behalf};
use crate::{
    OTHER_PHONE, PHONE, SALESMAN, consultation_count, create_consultation, create_matched, erase,
    get_consultation, project_created, request_body, send_change, start, start_with_limit,
};

fn about(project: Uuid) -> Value {
    json!({ "projectId": project, "projectName": "사업", "desiredDate": "2026-12-01" })
}

/// Requests a consultation about the project as the usual customer.
async fn request(app: &TestApp, project: u128) -> service_kit::testing::TestResponse {
    let body = about(Uuid::from_u128(project));
    app.as_customer(PHONE).post("/consultations", &body).await
}

#[tokio::test]
async fn repeated_request_answers_with_the_open_consultation() {
    let app = start().await;
    let id = create_consultation(&app).await;
    let mut repeat = request_body();
    repeat["memo"] = json!("다시");
    let answer = app.as_customer(PHONE).post("/consultations", &repeat).await;
    assert_eq!(
        (answer.status, answer.headers.get(header::LOCATION)),
        (StatusCode::OK, None)
    );
    let mut answered = answer.expect(200);
    assert_eq!(answered["alreadyRequested"], json!(true));
    answered.as_object_mut().unwrap().remove("alreadyRequested");
    assert_eq!(
        answered,
        get_consultation(&app.as_customer(PHONE), id).await
    );
    assert!(app.new_events().await.is_empty());
    // Another customer, and another project.
    let other = app.as_customer(OTHER_PHONE);
    other
        .post("/consultations", &request_body())
        .await
        .expect(201);
    request(&app, 7).await.expect(201);
    assert_eq!(consultation_count(&app).await, 3);
}

#[tokio::test]
async fn retry_of_a_repeated_request_gives_the_same_answer() {
    let app = start().await;
    create_consultation(&app).await;
    let caller = app.as_customer(PHONE);
    let first = caller
        .post_with_key("/consultations", "k", &request_body())
        .await;
    let retry = caller
        .post_with_key("/consultations", "k", &request_body())
        .await;
    assert_eq!(
        (first.status, retry.status),
        (StatusCode::OK, StatusCode::OK)
    );
    assert_eq!(first.json, retry.json);
    assert_eq!(retry.json["alreadyRequested"], json!(true));
}

#[tokio::test]
async fn closed_consultation_makes_room_for_a_new_one() {
    let app = start_with_limit(1).await;
    let id = create_consultation(&app).await;
    request(&app, 7).await.problem(409);
    send_change(
        &app.as_customer(PHONE),
        id,
        axum::http::Method::POST,
        "\"1\"",
    )
    .await
    .expect(200);
    let caller = app.as_customer(PHONE);
    let next = caller
        .post("/consultations", &request_body())
        .await
        .expect(201);
    assert_ne!(next["id"], json!(id));
    // So does an erasure.
    erase(&app, PHONE).await.expect(204);
    caller
        .post("/consultations", &request_body())
        .await
        .expect(201);
}

#[tokio::test]
async fn concurrent_requests_create_one_consultation() {
    let app = start().await;
    let (one, other) = (
        app.as_customer(PHONE),
        app.replica(consultation::service()).await,
    );
    let (other, staff, body) = (other.as_customer(PHONE), app.as_staff(), request_body());
    for round in 0..10_u128 {
        let mut body = body.clone();
        body["projectId"] = json!(Uuid::from_u128(0x100 + round));
        let mut entered = on_behalf();
        entered["projectId"] = body["projectId"].clone();
        let answers = tokio::join!(
            one.post("/consultations", &body),
            other.post("/consultations", &body),
            one.post("/consultations", &body),
            staff.post("/consultations", &entered),
        );
        let (a, b, c, d) = answers;
        let mut statuses = [a.status, b.status, c.status, d.status].map(|status| status.as_u16());
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 200, 200, 201], "round {round}");
        assert!(
            [&b, &c, &d]
                .iter()
                .all(|answer| answer.json["id"] == a.json["id"])
        );
        // The replica has the default limit.
        let id = a.json["id"].as_str().unwrap().to_owned();
        send_change(&one, id, axum::http::Method::POST, "\"1\"")
            .await
            .expect(200);
    }
    assert_eq!(consultation_count(&app).await, 10);
}

#[tokio::test]
async fn concurrent_requests_do_not_exceed_the_limit() {
    let app = start_with_limit(2).await;
    let (a, b, c, d) = tokio::join!(
        request(&app, 1),
        request(&app, 2),
        request(&app, 3),
        request(&app, 4),
    );
    let created = [a, b, c, d]
        .iter()
        .filter(|answer| answer.status == 201)
        .count();
    assert_eq!((created, consultation_count(&app).await), (2, 2));
}

#[tokio::test]
async fn customer_with_too_many_open_consultations_is_refused() {
    let app = start_with_limit(2).await;
    for project in [1, 2] {
        request(&app, project).await.expect(201);
    }
    let refused = request(&app, 3).await;
    assert_eq!(refused.json["limit"], json!(2));
    assert_eq!(refused.problem(409).0, "too-many-consultations");
    // A repeat is no new one, and another customer has a limit of their own.
    request(&app, 1).await.expect(200);
    let other = app.as_customer(OTHER_PHONE);
    other
        .post("/consultations", &request_body())
        .await
        .expect(201);
    // The limit is that of the customer, also for a salesman. Only staff may enter more.
    let mut entered = on_behalf();
    entered["projectId"] = json!(Uuid::from_u128(3));
    let by_salesman = app
        .as_salesman(SALESMAN)
        .post("/consultations", &entered)
        .await;
    assert_eq!(by_salesman.problem(409).0, "too-many-consultations");
    app.as_staff()
        .post("/consultations", &entered)
        .await
        .expect(201);
    request(&app, 4).await.problem(409);
}

#[tokio::test]
async fn default_limit_is_five() {
    let app = TestApp::start(consultation::service()).await;
    for project in 1..=5 {
        request(&app, project).await.expect(201);
    }
    assert_eq!(request(&app, 6).await.json["limit"], json!(5));
}

#[tokio::test]
async fn colleague_sees_an_open_consultation_only_if_assigned() {
    let app = start().await;
    let id = create_matched(&app).await;
    let assigned = app
        .as_salesman(SALESMAN)
        .post("/consultations", &on_behalf())
        .await;
    assert_eq!(assigned.expect(200)["id"], json!(id));
    let staff = app.as_staff().post("/consultations", &on_behalf()).await;
    assert_eq!(staff.expect(200)["id"], json!(id));
    let other = app.as_salesman(Uuid::from_u128(0xBAD));
    let refused = other
        .post_with_key("/consultations", "k", &on_behalf())
        .await;
    assert!(!refused.json.to_string().contains(&id.to_string()));
    assert_eq!(refused.problem(409).0, "already-requested");
    assert_eq!(consultation_count(&app).await, 1);
}

/// Delivers an edition of a series, by year.
async fn deliver_edition(app: &TestApp, id: u128, series: u128, year: i32, status: ProjectStatus) {
    let mut project = project_created(&format!("{year}년 바우처"));
    project.project_id = ProjectId(Uuid::from_u128(id));
    project.edition.series_id = SeriesId(Uuid::from_u128(series));
    (project.edition.year, project.edition.status) = (year, status);
    app.deliver(1, &project).await;
}

#[tokio::test]
async fn editions_of_a_series_are_one_programme() {
    let app = start().await;
    deliver_edition(&app, 1, 0xA, 2026, ProjectStatus::Ongoing).await;
    deliver_edition(&app, 2, 0xA, 2027, ProjectStatus::Planned).await;
    deliver_edition(&app, 3, 0xB, 2026, ProjectStatus::Ongoing).await;
    let first = request(&app, 1).await.expect(201);
    assert_eq!(request(&app, 2).await.expect(200)["id"], first["id"]);
    request(&app, 3).await.expect(201);
}

#[tokio::test]
async fn series_that_becomes_known_later_joins_open_consultations() {
    let app = start().await;
    let older = request(&app, 1).await.expect(201);
    app.clock().advance(chrono::TimeDelta::seconds(1));
    let newer = request(&app, 2).await.expect(201);
    // Two from before may stay.
    deliver_edition(&app, 1, 0xA, 2026, ProjectStatus::Ongoing).await;
    deliver_edition(&app, 2, 0xA, 2027, ProjectStatus::Planned).await;
    deliver_edition(&app, 3, 0xA, 2028, ProjectStatus::Planned).await;
    for (project, open) in [(1, &older), (2, &newer), (3, &older)] {
        let answer = request(&app, project).await.expect(200);
        assert_eq!(answer["id"], open["id"], "{project}");
    }
    assert_eq!(consultation_count(&app).await, 2);
}

#[tokio::test]
async fn request_about_an_ended_edition_goes_to_its_successor() {
    let app = start().await;
    deliver_edition(&app, 1, 0xA, 2025, ProjectStatus::Ended).await;
    deliver_edition(&app, 2, 0xA, 2026, ProjectStatus::Ended).await;
    deliver_edition(&app, 4, 0xA, 2028, ProjectStatus::Planned).await;
    deliver_edition(&app, 3, 0xA, 2027, ProjectStatus::Ongoing).await;
    let mut body = about(Uuid::from_u128(1));
    body["projectName"] = json!("2025년 바우처");
    let caller = app.as_customer(PHONE);
    let view = caller
        .post_with_key("/consultations", "k", &body)
        .await
        .expect(201);
    let asked = json!({ "id": Uuid::from_u128(1), "name": "2025년 바우처" });
    assert_eq!(
        (&view["redirectedFrom"], &view["projectId"]),
        (&asked, &json!(Uuid::from_u128(3)))
    );
    assert_eq!(
        (&view["projectName"], &view["projectState"]),
        (&json!("2027년 바우처"), &json!("known"))
    );
    let retry = caller.post_with_key("/consultations", "k", &body).await;
    assert_eq!(retry.expect(201), view);
    let listed = caller.get("/consultations").await.expect(200)["items"][0].clone();
    assert_eq!(listed["redirectedFrom"], asked);
    let event = app.new_events().await.remove(0).2;
    let event: ConsultationCreated = serde_json::from_value(event).unwrap();
    assert_eq!(event.project_id.0, Uuid::from_u128(3));
    // By name, and as another edition of the same programme.
    let repeat = caller.post("/consultations", &named("2026년 바우처")).await;
    assert_eq!(repeat.expect(200)["id"], view["id"]);
    let other = app.as_customer(OTHER_PHONE);
    let by_name = other
        .post("/consultations", &named("2026년 바우처"))
        .await
        .expect(201);
    assert_eq!(by_name["redirectedFrom"]["name"], "2026년 바우처");
    // A name that the ended edition never had is shown, as for any project.
    let mut differing = about(Uuid::from_u128(2));
    differing["projectName"] = json!("다른 사업");
    let third = app
        .as_customer("010-1234-0003")
        .post("/consultations", &differing)
        .await;
    let third = third.expect(201);
    assert_eq!(
        (&third["projectState"], &third["sentProjectName"]),
        (&json!("differs"), &json!("다른 사업"))
    );
}

#[tokio::test]
async fn ended_edition_without_successor_is_refused_until_it_has_one() {
    let app = start().await;
    let ended = deliver_project(&app, 5, "끝난 사업", ProjectStatus::Ended).await;
    let caller = app.as_customer(PHONE);
    for body in [about(ended), named("끝난 사업")] {
        let refused = caller.post("/consultations", &body).await;
        assert_eq!(refused.json["projectStatus"], "ended");
        assert_eq!(refused.problem(409).0, "project-ended");
    }
    // All invalid fields are reported before.
    let mut past = about(ended);
    past["desiredDate"] = json!("2026-11-01");
    assert_eq!(
        caller.post("/consultations", &past).await.problem(422).0,
        "wrong-fields"
    );
    assert_eq!(consultation_count(&app).await, 0);
    // Its successor is published later, as the topic's partitions deliver it.
    let successor = deliver_project(&app, 6, "다음 사업", ProjectStatus::Planned).await;
    let view = caller
        .post("/consultations", &about(ended))
        .await
        .expect(201);
    assert_eq!(view["projectId"], json!(successor));
}

#[tokio::test]
async fn ended_edition_of_an_unknown_series_is_refused() {
    let app = start().await;
    let ended = deliver_project(&app, 5, "끝난 사업", ProjectStatus::Ended).await;
    // A row of the build before, until the topic was read again.
    let sql = "update known_project set series_id = null, year = null";
    sqlx::query(sql).execute(app.pool()).await.unwrap();
    for body in [about(ended), named("끝난 사업")] {
        let refused = app.as_customer(PHONE).post("/consultations", &body).await;
        assert_eq!(refused.problem(409).0, "project-ended");
    }
    assert_eq!(consultation_count(&app).await, 0);
}

#[tokio::test]
async fn consultation_stays_with_an_edition_that_ends_later() {
    let app = start().await;
    deliver_edition(&app, 1, 0xA, 2026, ProjectStatus::Ongoing).await;
    let view = request(&app, 1).await.expect(201);
    deliver_end(&app, 1, 0xA, 2026).await;
    deliver_edition(&app, 2, 0xA, 2027, ProjectStatus::Planned).await;
    // Repeats find it through the successor.
    for project in [1, 2] {
        let repeat = request(&app, project).await.expect(200);
        assert_eq!(
            (&repeat["id"], &repeat["projectStatus"]),
            (&view["id"], &json!("ended"))
        );
    }
}

/// `ProjectEnded` of an edition of a series.
async fn deliver_end(app: &TestApp, id: u128, series: u128, year: i32) {
    let mut project = project_created(&format!("{year}년 바우처"));
    project.edition.series_id = SeriesId(Uuid::from_u128(series));
    (project.edition.year, project.edition.status) = (year, ProjectStatus::Ended);
    let ended = ProjectEnded {
        project_id: ProjectId(Uuid::from_u128(id)),
        edition: project.edition,
        actor: project.actor,
    };
    app.deliver(2, &ended).await;
}

#[tokio::test]
async fn repeat_about_an_ended_edition_answers_with_the_open_consultation() {
    let app = start().await;
    deliver_edition(&app, 1, 0xA, 2026, ProjectStatus::Ongoing).await;
    let view = request(&app, 1).await.expect(201);
    deliver_end(&app, 1, 0xA, 2026).await;
    let caller = app.as_customer(PHONE);
    for body in [about(Uuid::from_u128(1)), named("2026년 바우처")] {
        let repeat = caller.post("/consultations", &body).await.expect(200);
        assert_eq!(
            (&repeat["id"], &repeat["alreadyRequested"]),
            (&view["id"], &json!(true))
        );
    }
    // Another customer has none, and after its end this one has none either.
    let other = app.as_customer(OTHER_PHONE);
    let refused = other
        .post("/consultations", &about(Uuid::from_u128(1)))
        .await;
    assert_eq!(refused.problem(409).0, "project-ended");
    let id: Uuid = view["id"].as_str().unwrap().parse().unwrap();
    send_change(&caller, id, axum::http::Method::POST, "\"1\"")
        .await
        .expect(200);
    assert_eq!(request(&app, 1).await.problem(409).0, "project-ended");
    // Nor does an unknown series hide it.
    deliver_edition(&app, 3, 0xB, 2026, ProjectStatus::Ongoing).await;
    let third = request(&app, 3).await.expect(201);
    let sql = "update known_project set series_id = null, status = 'ended'";
    sqlx::query(sql).execute(app.pool()).await.unwrap();
    assert_eq!(request(&app, 3).await.expect(200)["id"], third["id"]);
}

#[tokio::test]
async fn repeat_of_a_redirected_request_answers_with_the_open_consultation() {
    let app = start().await;
    deliver_edition(&app, 1, 0xA, 2025, ProjectStatus::Ended).await;
    deliver_edition(&app, 2, 0xA, 2026, ProjectStatus::Ongoing).await;
    let view = request(&app, 1).await.expect(201);
    assert_eq!(view["projectId"], json!(Uuid::from_u128(2)));
    // The successor ends, and is then found to belong to another programme.
    for series in [0xA, 0xB] {
        deliver_end(&app, 2, series, 2026).await;
        let sql = "update known_project set series_id = $1 where id = $2";
        sqlx::query(sql)
            .bind(Uuid::from_u128(series))
            .bind(Uuid::from_u128(2))
            .execute(app.pool())
            .await
            .unwrap();
        let repeat = request(&app, 1).await.expect(200);
        assert_eq!(repeat["id"], view["id"], "{series:x}");
    }
    assert_eq!(consultation_count(&app).await, 1);
}
