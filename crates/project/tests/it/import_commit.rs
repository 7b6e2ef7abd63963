//! Committed imports: the plan is carried out exactly once, despite changes and restarts.

use axum::http::Method;
use chrono::TimeDelta;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::import_plan::{
    carry_out, commit, count, counts, csv, event, import, new_event_types, path, plan, row, rows_of,
};
use crate::{consume_own_events, start};

#[tokio::test]
async fn commit_creates_planned_rows_with_one_event_each() {
    let app = start().await;
    let file = csv(&[
        row(1, "2026년 수출바우처 모집 공고", "2026-11-02", "2026-12-11"),
        row(2, "2026년 창업패키지 모집 공고", "2026-12-01", "2026-12-31"),
        row(3, "2025년 수출바우처 모집 공고", "2025-11-02", "2025-12-11"),
        row(4, "2026년 디자인 지원 공고", "추후 공지", ""),
    ]);
    let planned = plan(&app, file.clone()).await;
    let committed = commit(&app, &planned, &json!({})).await.expect(202);
    assert_eq!(
        (&committed["state"], &committed["version"]),
        (&json!("committing"), &json!(2))
    );
    let done = carry_out(&app, &planned).await;
    assert_eq!(
        (&done["state"], &done["progress"]),
        (&json!("committed"), &json!({ "done": 4, "total": 4 }))
    );
    assert_eq!(done["version"], 3);
    let events = app.new_events().await;
    assert_eq!(events.len(), 4);
    assert!(
        events
            .iter()
            .all(|(name, version, _)| name == "ktgg.ProjectCreated.v1" && *version == 1)
    );
    let created = |name: &str| {
        events
            .iter()
            .find(|(_, _, payload)| payload["name"] == name)
            .map(|(_, _, payload)| payload)
            .unwrap()
    };
    let (this_year, last_year) = (
        created("2026년 수출바우처 모집 공고"),
        created("2025년 수출바우처 모집 공고"),
    );
    assert_eq!(
        (&this_year["status"], &this_year["startedOn"]),
        (&json!("ongoing"), &json!("2026-11-02"))
    );
    // A past row publishes no ProjectEnded, and the earlier edition is created before its
    // successor.
    assert_eq!(
        (&last_year["status"], &last_year["endedOn"]),
        (&json!("ended"), &json!("2025-12-11"))
    );
    assert_eq!(
        (&this_year["seriesId"], &this_year["predecessor"]),
        (&last_year["seriesId"], &last_year["projectId"])
    );
    assert_eq!(created("2026년 창업패키지 모집 공고")["status"], "planned");
    assert_eq!(created("2026년 디자인 지원 공고")["status"], "planned");
    assert_eq!(
        this_year["actor"],
        json!({ "role": "staff", "id": Uuid::from_u128(0x57AFF) })
    );
    let rows = rows_of(&app, &planned, "").await;
    assert!(
        rows.iter()
            .all(|row| row["outcome"] == "done" && row["projectId"].is_string())
    );
    // The same file again.
    let again = import(&app, file).await;
    assert_eq!(
        (&again["counts"], &again["progress"]),
        (&counts(0, 0, 4, 0, 0), &json!({ "done": 0, "total": 0 }))
    );
    assert_eq!(
        (&again["state"], new_event_types(&app).await),
        (&json!("committed"), vec![])
    );
}

#[tokio::test]
async fn expected_edition_is_filled_only_after_confirmation() {
    let app = start().await;
    let expect = async |name: &str| {
        let body = json!({
            "name": name, "year": 2026, "category": "기술", "agency": "가상부", "host": "가상원",
        });
        app.as_staff().post("/projects", &body).await.expect(201)
    };
    let (voucher, design, package) = (
        expect("2026년 수출바우처").await,
        expect("2026년 디자인 개발").await,
        expect("2026년 창업패키지").await,
    );
    new_event_types(&app).await;
    let file = csv(&[
        row(
            1,
            "2026년 수출바우처 참여기업 모집 공고",
            "2026-11-02",
            "2026-12-11",
        ),
        row(
            2,
            "2026년 디자인 개발 지원사업 공고",
            "2026-12-01",
            "2026-12-31",
        ),
        row(
            3,
            "2026년 2차 디자인 개발 지원사업 공고",
            "2026-12-01",
            "2026-12-31",
        ),
        row(4, "2026년 창업패키지 공고", "2026-11-02", "2026-12-31"),
    ]);
    let planned = plan(&app, file.clone()).await;
    // One row fills one expected edition: the second row creates a new edition.
    assert_eq!(planned["counts"], counts(1, 0, 0, 3, 0));
    let rows = rows_of(&app, &planned, "action=fills-planned").await;
    let project_ids: Vec<&Value> = rows.iter().map(|row| &row["projectId"]).collect();
    assert_eq!(project_ids, [&voucher["id"], &design["id"], &package["id"]]);
    let done = commit(&app, &planned, &json!({ "confirm": ["1", "2"] }))
        .await
        .expect(202);
    assert_eq!(
        (&done["counts"]["skipped"], &done["progress"]["total"]),
        (&json!(1), &json!(3))
    );
    let done = carry_out(&app, &planned).await;
    assert_eq!(
        (&done["counts"]["skipped"], &done["progress"]),
        (&json!(1), &json!({ "done": 3, "total": 3 }))
    );
    // An edition whose period has begun is started too; the other one stays planned.
    assert_eq!(
        new_event_types(&app).await,
        [
            event("ProjectEdited", 2),
            event("ProjectStarted", 3),
            event("ProjectEdited", 2),
            event("ProjectCreated", 1)
        ]
    );
    let shown = app
        .anonymous()
        .get(&format!("/projects/{}", voucher["id"].as_str().unwrap()))
        .await
        .expect(200);
    assert_eq!(
        (&shown["status"], &shown["name"]),
        (
            &json!("ongoing"),
            &json!("2026년 수출바우처 참여기업 모집 공고")
        )
    );
    assert_eq!(
        shown["link"],
        "https://www.bizinfo.go.kr/view.do?pblancId=PBLN_1"
    );
    let rows = rows_of(&app, &planned, "action=fills-planned").await;
    let outcomes: Vec<&Value> = rows.iter().map(|row| &row["outcome"]).collect();
    assert_eq!(
        outcomes,
        [&json!("done"), &json!("done"), &json!("skipped")]
    );
    // A skipped row can be confirmed by the next import.
    assert_eq!(import(&app, file).await["counts"], counts(0, 0, 3, 1, 0));
    assert_eq!(
        new_event_types(&app).await,
        [event("ProjectEdited", 2), event("ProjectStarted", 3)]
    );
}

#[tokio::test]
async fn only_rows_that_fill_an_expected_edition_can_be_confirmed() {
    let app = start().await;
    let planned = plan(
        &app,
        csv(&[row(1, "2026년 수출바우처", "2026-11-02", "2026-12-11")]),
    )
    .await;
    let refused = commit(&app, &planned, &json!({ "confirm": ["1", "7", "x"] }))
        .await
        .problem(422);
    let unknown = |place: &str| (format!("/confirm/{place}"), "unknown-row".to_owned());
    assert_eq!(refused.0, "wrong-fields");
    assert!(
        ["0", "1", "2"]
            .iter()
            .all(|place| refused.1.contains(&unknown(place))),
        "{refused:?}"
    );
    for body in [
        json!({ "confirm": "some" }),
        json!({ "confirm": 7 }),
        json!({ "confirm": [7] }),
    ] {
        let refused = commit(&app, &planned, &body).await.problem(422);
        assert_eq!(
            refused,
            (
                "wrong-fields".to_owned(),
                vec![("/confirm".to_owned(), "wrong-type".to_owned())]
            )
        );
    }
    assert_eq!(
        app.as_staff().get(&path(&planned)).await.expect(200)["state"],
        "planned"
    );
}

#[tokio::test]
async fn repeated_commit_carries_out_the_plan_once() {
    let app = start().await;
    let planned = plan(
        &app,
        csv(&[row(1, "2026년 하나", "2026-11-02", "2026-12-11")]),
    )
    .await;
    let path = format!("{}/commit", path(&planned));
    let staff = app.as_staff();
    assert_eq!(
        staff.post(&path, &json!({})).await.problem(428).0,
        "if-match-required"
    );
    let stale = staff.post_if(&path, 7, &json!({})).await;
    assert_eq!(
        (stale.status.as_u16(), &stale.json["current"]),
        (412, &json!(1))
    );
    let keyed = async |body: &Value| {
        let headers = [
            ("content-type", "application/json"),
            ("if-match", "\"1\""),
            ("idempotency-key", "once"),
        ];
        staff
            .send(Method::POST, &path, &headers, body.to_string().into_bytes())
            .await
    };
    assert_eq!(keyed(&json!({})).await.expect(202)["state"], "committing");
    assert_eq!(keyed(&json!({})).await.expect(202)["state"], "committing");
    assert_eq!(
        keyed(&json!({ "confirm": "all" })).await.problem(422).0,
        "idempotency-key-reused"
    );
    let again = staff.post_if(&path, 2, &json!({})).await;
    assert_eq!(again.json["state"], "committing");
    assert_eq!(again.problem(409).0, "import-not-planned");
    carry_out(&app, &planned).await;
    assert_eq!(keyed(&json!({})).await.expect(202)["state"], "committed");
    let again = staff.post_if(&path, 3, &json!({})).await;
    assert_eq!(
        (again.status.as_u16(), &again.json["state"]),
        (409, &json!("committed"))
    );
    assert_eq!(new_event_types(&app).await, [event("ProjectCreated", 1)]);
}

#[tokio::test]
async fn row_of_edition_changed_after_the_plan_fails() {
    let app = start().await;
    import(
        &app,
        csv(&[row(1, "2026년 하나", "2026-11-02", "2026-12-11")]),
    )
    .await;
    let slow = plan(
        &app,
        csv(&[
            row(1, "2026년 하나 (수정)", "2026-11-02", "2026-12-11"),
            row(2, "2026년 둘", "2026-11-02", ""),
        ]),
    )
    .await;
    let fast = import(
        &app,
        csv(&[
            row(1, "2026년 하나", "2026-11-02", "2026-12-31"),
            row(2, "2026년 둘", "2026-11-02", ""),
        ]),
    )
    .await;
    assert_eq!(fast["counts"], counts(1, 1, 0, 0, 0));
    new_event_types(&app).await;
    assert_eq!(slow["counts"], counts(1, 1, 0, 0, 0));
    commit(&app, &slow, &json!({})).await.expect(202);
    let done = carry_out(&app, &slow).await;
    assert_eq!(
        (&done["counts"], &done["progress"]),
        (&counts(0, 0, 0, 0, 2), &json!({ "done": 2, "total": 2 }))
    );
    for row in rows_of(&app, &slow, "action=error").await {
        assert_eq!(
            (&row["outcome"], &row["errors"][0]["code"]),
            (&json!("failed"), &json!("changed-meanwhile"))
        );
    }
    assert_eq!(
        (new_event_types(&app).await, count(&app, "project").await),
        (vec![], 2)
    );
}

#[tokio::test]
async fn edit_by_staff_after_the_plan_is_not_overwritten() {
    let app = start().await;
    import(
        &app,
        csv(&[row(1, "2026년 하나", "2026-11-02", "2026-12-11")]),
    )
    .await;
    let planned = plan(
        &app,
        csv(&[row(1, "2026년 하나", "2026-11-02", "2026-12-31")]),
    )
    .await;
    let id = rows_of(&app, &planned, "").await[0]["projectId"]
        .as_str()
        .unwrap()
        .to_owned();
    app.as_staff()
        .patch_if(
            &format!("/projects/{id}"),
            1,
            &json!({ "category": "금융" }),
        )
        .await
        .expect(200);
    commit(&app, &planned, &json!({})).await.expect(202);
    assert_eq!(
        carry_out(&app, &planned).await["counts"],
        counts(0, 0, 0, 0, 1)
    );
    let shown = app
        .anonymous()
        .get(&format!("/projects/{id}"))
        .await
        .expect(200);
    assert_eq!(
        (
            &shown["category"],
            &shown["period"]["endsOn"],
            &shown["version"]
        ),
        (&json!("금융"), &json!("2026-12-11"), &json!(2))
    );
}

#[tokio::test]
async fn ended_import_has_a_next_edition_that_a_later_row_fills() {
    let app = start().await;
    import(
        &app,
        csv(&[row(
            1,
            "2026년 2차 수출바우처 참여기업 모집 공고",
            "2026-11-02",
            "2026-12-11",
        )]),
    )
    .await;
    let page = app.anonymous().get("/projects").await.expect(200);
    let id = page["items"][0]["id"].as_str().unwrap();
    app.as_staff()
        .post_if(&format!("/projects/{id}/end"), 1, &json!({}))
        .await
        .expect(200);
    consume_own_events(&app).await;
    let announced = row(
        7,
        "2027년 1차 수출바우처 참여기업 추가모집 공고",
        "2026-11-16",
        "2027-01-29",
    );
    let planned = plan(&app, csv(&[announced])).await;
    assert_eq!(planned["counts"], counts(0, 0, 0, 1, 0));
    commit(&app, &planned, &json!({ "confirm": "all" }))
        .await
        .expect(202);
    carry_out(&app, &planned).await;
    let filled = rows_of(&app, &planned, "").await[0]["projectId"]
        .as_str()
        .unwrap()
        .to_owned();
    let shown = app
        .anonymous()
        .get(&format!("/projects/{filled}"))
        .await
        .expect(200);
    assert_eq!(
        (&shown["predecessor"], &shown["status"], &shown["startedOn"]),
        (&json!(id), &json!("ongoing"), &json!("2026-11-16"))
    );
    assert_eq!(shown["source"]["id"], "PBLN_7");
    assert_eq!(count(&app, "project").await, 2);
}

#[tokio::test]
async fn past_row_creates_no_next_edition() {
    let app = start().await;
    import(
        &app,
        csv(&[row(1, "2024년 하나", "2024-11-02", "2024-12-11")]),
    )
    .await;
    let events = consume_own_events(&app).await;
    assert_eq!((events.len(), count(&app, "project").await), (1, 1));
}

#[tokio::test]
async fn edition_filled_by_another_import_is_not_filled_again() {
    let app = start().await;
    let body = json!({
        "name": "2026년 수출바우처", "year": 2026, "category": "기술", "agency": "가상부", "host": "가상원",
    });
    app.as_staff().post("/projects", &body).await.expect(201);
    let file = |id: u32| {
        csv(&[row(
            id,
            "2026년 수출바우처 모집 공고",
            "2026-11-02",
            "2026-12-11",
        )])
    };
    let slow = plan(&app, file(1)).await;
    assert_eq!(import(&app, file(2)).await["counts"], counts(0, 0, 0, 1, 0));
    new_event_types(&app).await;
    commit(&app, &slow, &json!({ "confirm": "all" }))
        .await
        .expect(202);
    assert_eq!(
        carry_out(&app, &slow).await["counts"],
        counts(0, 0, 0, 0, 1)
    );
    let errors = rows_of(&app, &slow, "").await[0]["errors"].clone();
    assert_eq!(errors[0]["code"], "changed-meanwhile");
    assert_eq!(new_event_types(&app).await, []);
}

#[tokio::test]
async fn interrupted_commit_resumes_without_duplicates() {
    let app = start().await;
    let rows: Vec<String> = (1..=250)
        .map(|id| row(id, &format!("2026년 사업 {id}"), "2026-11-02", "2026-12-11"))
        .collect();
    let planned = plan(&app, csv(&rows)).await;
    commit(&app, &planned, &json!({})).await.expect(202);
    assert!(project::carry_out_imports(app.context()).await.unwrap());
    let interrupted = app.as_staff().get(&path(&planned)).await.expect(200);
    assert_eq!(
        (&interrupted["state"], &interrupted["progress"]),
        (&json!("committing"), &json!({ "done": 100, "total": 250 }))
    );
    let replica = app.replica(project::service()).await;
    let done = carry_out(&replica, &planned).await;
    assert_eq!(
        (&done["state"], &done["progress"]),
        (&json!("committed"), &json!({ "done": 250, "total": 250 }))
    );
    let sources: i64 = sqlx::query_scalar("select count(distinct source_id) from project")
        .fetch_one(app.pool())
        .await
        .unwrap();
    assert_eq!(
        (
            sources,
            count(&app, "project").await,
            count(&app, "event_log").await
        ),
        (250, 250, 250)
    );
    assert!(!project::carry_out_imports(app.context()).await.unwrap());
}

#[tokio::test]
async fn imports_run_in_the_order_of_their_commits() {
    let app = start().await;
    let first = plan(
        &app,
        csv(&[row(1, "2026년 하나", "2026-11-02", "2026-12-11")]),
    )
    .await;
    let second = plan(
        &app,
        csv(&[row(2, "2026년 둘", "2026-11-02", "2026-12-11")]),
    )
    .await;
    commit(&app, &second, &json!({})).await.expect(202);
    app.clock().advance(TimeDelta::seconds(1));
    commit(&app, &first, &json!({})).await.expect(202);
    while project::carry_out_imports(app.context()).await.unwrap() {}
    let names: Vec<Value> = app
        .new_events()
        .await
        .into_iter()
        .map(|(_, _, payload)| payload["name"].clone())
        .collect();
    assert_eq!(names, [json!("2026년 둘"), json!("2026년 하나")]);
}

#[tokio::test]
async fn row_rejected_by_the_database_fails_alone() {
    let app = start().await;
    sqlx::raw_sql("alter table project add constraint refused check (name <> '2026년 둘')")
        .execute(app.pool())
        .await
        .unwrap();
    let rows: Vec<String> = ["하나", "둘", "셋"]
        .iter()
        .zip(1..)
        .map(|(name, id)| row(id, &format!("2026년 {name}"), "2026-11-02", "2026-12-11"))
        .collect();
    let done = import(&app, csv(&rows)).await;
    assert_eq!(
        (&done["state"], &done["counts"]),
        (&json!("committed"), &counts(2, 0, 0, 0, 1))
    );
    let failed = rows_of(&app, &done, "action=error").await;
    assert_eq!(
        (&failed[0]["id"], &failed[0]["errors"][0]["code"]),
        (&json!("2"), &json!("refused"))
    );
    assert_eq!(
        new_event_types(&app).await,
        [event("ProjectCreated", 1), event("ProjectCreated", 1)]
    );
}
