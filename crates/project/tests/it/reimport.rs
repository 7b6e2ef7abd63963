//! Lists that are imported again: status changes, and how a row finds its edition.

use chrono::TimeDelta;
use serde_json::{Value, json};
use service_kit::testing::TestApp;

use crate::import_plan::{
    carry_out, commit, count, counts, csv, event, import, new_event_types, path, plan, row, rows_of,
};
use crate::{consume_own_events, start};

/// The only project in the list.
async fn only_project(app: &TestApp) -> Value {
    let page = app.anonymous().get("/projects").await.expect(200);
    let items = page["items"].as_array().unwrap();
    assert_eq!(items.len(), 1, "{items:#?}");
    items[0].clone()
}

/// The fields that the first row of the import would change.
async fn changed_fields(app: &TestApp, import: &Value) -> Vec<String> {
    let rows = rows_of(app, import, "").await;
    let fields = rows[0]["differences"].as_array().unwrap().iter();
    fields
        .map(|difference| difference["field"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn reimport_after_the_first_day_starts_a_planned_edition() {
    let app = start().await;
    let file = csv(&[row(1, "2026년 하나", "2026-11-25", "2026-12-11")]);
    import(&app, file.clone()).await;
    new_event_types(&app).await;
    app.clock().advance(TimeDelta::days(1));
    assert_eq!(
        import(&app, file.clone()).await["counts"],
        counts(0, 0, 1, 0, 0)
    );
    app.clock().advance(TimeDelta::days(2));
    let planned = plan(&app, file.clone()).await;
    assert_eq!(
        (&planned["counts"], changed_fields(&app, &planned).await),
        (&counts(0, 1, 0, 0, 0), vec!["status".to_owned()])
    );
    let differences = rows_of(&app, &planned, "").await[0]["differences"].clone();
    assert_eq!(
        differences[0],
        json!({ "field": "status", "from": "planned", "to": "ongoing" })
    );
    commit(&app, &planned, &json!({})).await.expect(202);
    carry_out(&app, &planned).await;
    assert_eq!(new_event_types(&app).await, [event("ProjectStarted", 2)]);
    let project = only_project(&app).await;
    assert_eq!(
        (&project["status"], &project["startedOn"]),
        (&json!("ongoing"), &json!("2026-11-25"))
    );
    // The same file again on the same day.
    assert_eq!(import(&app, file).await["counts"], counts(0, 0, 1, 0, 0));
    assert_eq!(new_event_types(&app).await, []);
}

#[tokio::test]
async fn reimport_publishes_the_edit_before_the_start() {
    let app = start().await;
    import(
        &app,
        csv(&[row(1, "2026년 하나", "2026-11-25", "2026-12-11")]),
    )
    .await;
    new_event_types(&app).await;
    app.clock().advance(TimeDelta::days(3));
    let planned = plan(
        &app,
        csv(&[row(1, "2026년 하나", "2026-11-25", "2026-12-18")]),
    )
    .await;
    assert_eq!(changed_fields(&app, &planned).await, ["period", "status"]);
    commit(&app, &planned, &json!({})).await.expect(202);
    carry_out(&app, &planned).await;
    assert_eq!(
        new_event_types(&app).await,
        [event("ProjectEdited", 2), event("ProjectStarted", 3)]
    );
}

#[tokio::test]
async fn extended_deadline_reopens_edition_ended_by_an_import() {
    let app = start().await;
    import(
        &app,
        csv(&[row(1, "2026년 하나", "2026-11-02", "2026-11-20")]),
    )
    .await;
    assert_eq!(only_project(&app).await["status"], "ended");
    new_event_types(&app).await;
    // Extended to another past day, it stays ended and can still be reopened.
    import(
        &app,
        csv(&[row(1, "2026년 하나", "2026-11-02", "2026-11-22")]),
    )
    .await;
    let project = only_project(&app).await;
    assert_eq!(
        (&project["status"], &project["endedOn"]),
        (&json!("ended"), &json!("2026-11-22"))
    );
    new_event_types(&app).await;
    let extended = csv(&[row(1, "2026년 하나", "2026-11-02", "2026-12-11")]);
    let planned = plan(&app, extended.clone()).await;
    assert_eq!(changed_fields(&app, &planned).await, ["period", "status"]);
    commit(&app, &planned, &json!({})).await.expect(202);
    carry_out(&app, &planned).await;
    let events = consume_own_events(&app).await;
    assert_eq!((events.len(), &*events[0].0), (1, "ktgg.ProjectEdited.v1"));
    let edited = &events[0].2;
    assert_eq!(
        (&edited["status"], &edited["changed"]),
        (&json!("ongoing"), &json!(["period", "status"]))
    );
    assert_eq!(
        (edited.get("endedOn"), &edited["previousPeriod"]["endsOn"]),
        (None, &json!("2026-11-22"))
    );
    let project = only_project(&app).await;
    assert_eq!(
        (&project["status"], &project["phase"], &project["endedOn"]),
        (&json!("ongoing"), &json!("open"), &Value::Null)
    );
    assert_eq!(
        import(&app, extended).await["counts"],
        counts(0, 0, 1, 0, 0)
    );
    assert_eq!(new_event_types(&app).await, []);
}

#[tokio::test]
async fn reimport_does_not_reopen_an_edition_ended_by_staff() {
    let app = start().await;
    import(
        &app,
        csv(&[row(1, "2026년 하나", "2026-11-02", "2026-11-30")]),
    )
    .await;
    let id = only_project(&app).await["id"].as_str().unwrap().to_owned();
    app.clock().advance(TimeDelta::days(8));
    app.as_staff()
        .post_if(
            &format!("/projects/{id}/end"),
            1,
            &json!({ "endedOn": "2026-11-30" }),
        )
        .await
        .expect(200);
    new_event_types(&app).await;
    let planned = plan(
        &app,
        csv(&[row(1, "2026년 하나", "2026-11-02", "2026-12-31")]),
    )
    .await;
    assert_eq!(changed_fields(&app, &planned).await, ["period"]);
    commit(&app, &planned, &json!({})).await.expect(202);
    carry_out(&app, &planned).await;
    let project = only_project(&app).await;
    assert_eq!(
        (&project["status"], &project["endedOn"], &project["version"]),
        (&json!("ended"), &json!("2026-11-30"), &json!(3))
    );
}

#[tokio::test]
async fn reimport_does_not_reopen_an_edition_with_a_successor() {
    let app = start().await;
    let followed = row(1, "2025년 하나", "2025-11-02", "2025-11-20");
    import(
        &app,
        csv(&[followed, row(2, "2026년 하나", "2026-11-02", "2026-12-11")]),
    )
    .await;
    let planned = plan(
        &app,
        csv(&[row(1, "2025년 하나", "2025-11-02", "2026-12-11")]),
    )
    .await;
    assert_eq!(changed_fields(&app, &planned).await, ["period"]);
}

#[tokio::test]
async fn truncated_row_is_imported_with_warning_and_completed_later() {
    let app = start().await;
    let rows: Vec<String> = ["하나", "둘", "셋"]
        .iter()
        .zip(10_u32..)
        .map(|(name, id)| row(id, &format!("2026년 {name}"), "2026-11-02", "2026-12-11"))
        .collect();
    let complete = csv(&rows);
    let truncated = complete.trim_end()[..complete.trim_end().len() - 1].to_owned();
    let done = import(&app, truncated.clone()).await;
    assert_eq!(
        (&done["counts"]["create"], &done["counts"]["warnings"]),
        (&json!(3), &json!(1))
    );
    let warned = rows_of(&app, &done, "").await;
    assert_eq!(
        (&warned[0]["warnings"], &warned[1]["warnings"]),
        (&json!([]), &json!([]))
    );
    assert_eq!(
        (
            &warned[2]["warnings"][0]["line"],
            &warned[2]["warnings"][0]["code"]
        ),
        (&json!(4), &json!("maybe-cut-off"))
    );
    assert!(
        warned[2]["warnings"][0]["message"]
            .as_str()
            .unwrap()
            .contains("끊긴 것 같습니다")
    );
    new_event_types(&app).await;
    let planned = plan(&app, complete.clone()).await;
    assert_eq!(planned["counts"], counts(0, 1, 2, 0, 0));
    let edit = rows_of(&app, &planned, "action=edit").await[0].clone();
    assert_eq!(
        edit["differences"][1],
        json!({ "field": "source", "from": "PBLN_1", "to": "PBLN_12" })
    );
    commit(&app, &planned, &json!({})).await.expect(202);
    carry_out(&app, &planned).await;
    assert_eq!(
        (count(&app, "project").await, new_event_types(&app).await),
        (3, vec![event("ProjectEdited", 2)])
    );
    let shown = app
        .anonymous()
        .get(&format!(
            "/projects/{}",
            edit["projectId"].as_str().unwrap()
        ))
        .await
        .expect(200);
    assert_eq!(
        (&shown["source"]["id"], &shown["name"]),
        (&json!("PBLN_12"), &json!("2026년 셋"))
    );
    assert_eq!(
        shown["link"],
        "https://www.bizinfo.go.kr/view.do?pblancId=PBLN_12"
    );
    // Neither the complete nor the truncated file changes anything now.
    for file in [complete, truncated] {
        assert_eq!(plan(&app, file).await["counts"]["same"], json!(3));
    }
    // A row with another period is another announcement.
    let other = csv(&[row(123, "2026년 셋", "2026-11-02", "2026-12-12")]);
    assert_eq!(plan(&app, other).await["counts"], counts(1, 0, 0, 0, 0));
}

/// Creates a planned edition, which staff expect to be announced.
async fn create_expected(app: &TestApp, name: &str) -> Value {
    let body = json!({
        "name": name, "year": 2026, "category": "기술", "agency": "가상부", "host": "가상원",
    });
    app.as_staff().post("/projects", &body).await.expect(201)
}

#[tokio::test]
async fn row_marked_as_new_does_not_fill_the_expected_edition() {
    let app = start().await;
    let expected = create_expected(&app, "2026년 수출바우처").await;
    new_event_types(&app).await;
    let file = csv(&[row(
        1,
        "2026년 수출바우처 모집 공고",
        "2026-11-02",
        "2026-12-11",
    )]);
    let planned = plan(&app, file.clone()).await;
    assert_eq!(planned["counts"], counts(0, 0, 0, 1, 0));
    let refused = commit(
        &app,
        &planned,
        &json!({ "confirm": ["1"], "asNew": ["1", "2", "x"] }),
    )
    .await
    .problem(422);
    for (index, code) in [
        ("0", "also-confirmed"),
        ("1", "unknown-row"),
        ("2", "unknown-row"),
    ] {
        assert!(
            refused
                .1
                .contains(&(format!("/asNew/{index}"), code.to_owned())),
            "{refused:?}"
        );
    }
    assert_eq!(
        commit(&app, &planned, &json!({ "asNew": 1 }))
            .await
            .problem(422)
            .1,
        [("/asNew".to_owned(), "wrong-type".to_owned())]
    );
    let committed = commit(&app, &planned, &json!({ "confirm": "all", "asNew": ["1"] }))
        .await
        .expect(202);
    assert_eq!(
        (&committed["counts"], &committed["progress"]["total"]),
        (&counts(1, 0, 0, 0, 0), &json!(1))
    );
    let done = carry_out(&app, &planned).await;
    assert_eq!(
        (&done["counts"], &done["progress"]),
        (&counts(1, 0, 0, 0, 0), &json!({ "done": 1, "total": 1 }))
    );
    assert_eq!(new_event_types(&app).await, [event("ProjectCreated", 1)]);
    let unchanged = app
        .anonymous()
        .get(&format!("/projects/{}", expected["id"].as_str().unwrap()))
        .await
        .expect(200);
    assert_eq!(
        (
            &unchanged["status"],
            &unchanged["source"],
            &unchanged["version"]
        ),
        (&json!("planned"), &Value::Null, &json!(1))
    );
    assert_eq!(import(&app, file).await["counts"], counts(0, 0, 1, 0, 0));
}

#[tokio::test]
async fn new_row_fails_if_its_edition_is_expected_after_the_plan() {
    let app = start().await;
    import(
        &app,
        csv(&[row(
            1,
            "2025년 수출바우처 모집 공고",
            "2025-11-02",
            "2025-12-11",
        )]),
    )
    .await;
    let planned = plan(
        &app,
        csv(&[row(
            2,
            "2026년 수출바우처 모집 공고",
            "2026-11-02",
            "2026-12-11",
        )]),
    )
    .await;
    assert_eq!(planned["counts"], counts(1, 0, 0, 0, 0));
    create_expected(&app, "2026년 수출바우처").await;
    new_event_types(&app).await;
    commit(&app, &planned, &json!({})).await.expect(202);
    assert_eq!(
        carry_out(&app, &planned).await["counts"],
        counts(0, 0, 0, 0, 1)
    );
    assert_eq!(
        rows_of(&app, &planned, "").await[0]["errors"][0]["code"],
        "changed-meanwhile"
    );
    assert_eq!(new_event_types(&app).await, []);
}

#[tokio::test]
async fn two_rows_of_one_file_fill_two_expected_editions() {
    let app = start().await;
    let first = create_expected(&app, "2026년 수출바우처").await;
    app.clock().advance(TimeDelta::seconds(1));
    let second = create_expected(&app, "2026년 2차 수출바우처").await;
    let file = csv(&[
        row(1, "2026년 1차 수출바우처 공고", "2026-11-02", "2026-12-11"),
        row(1, "2026년 1차 수출바우처 공고", "2026-11-02", "2026-12-11"),
        row(2, "2026년 2차 수출바우처 공고", "2026-12-02", "2026-12-31"),
        row(3, "2026년 3차 수출바우처 공고", "2026-12-02", "2026-12-31"),
    ]);
    let planned = plan(&app, file).await;
    assert_eq!(planned["counts"], counts(1, 0, 1, 2, 0));
    let rows = rows_of(&app, &planned, "action=fills-planned").await;
    assert_eq!(
        (&rows[0]["projectId"], &rows[1]["projectId"]),
        (&first["id"], &second["id"])
    );
}

#[tokio::test]
async fn unreadable_stored_row_fails_alone() {
    let app = start().await;
    let rows: Vec<String> = (1..4)
        .map(|id| {
            row(
                id,
                &format!("2026년 사업 {id}호"),
                "2026-11-02",
                "2026-12-11",
            )
        })
        .collect();
    let planned = plan(&app, csv(&rows)).await;
    commit(&app, &planned, &json!({})).await.expect(202);
    sqlx::query("update import_row set content = '{}' where number = 2")
        .execute(app.pool())
        .await
        .unwrap();
    let done = carry_out(&app, &planned).await;
    assert_eq!(
        (&done["state"], &done["counts"]),
        (&json!("committed"), &counts(2, 0, 0, 0, 1))
    );
    assert_eq!(done["progress"], json!({ "done": 3, "total": 3 }));
    let failed = rows_of(&app, &planned, "action=error").await;
    assert_eq!(
        (&failed[0]["id"], &failed[0]["errors"][0]["code"]),
        (&json!("2"), &json!("refused"))
    );
    assert_eq!(
        failed[0]["errors"][0]["message"],
        "저장할 수 없습니다: 저장된 내용을 읽을 수 없습니다"
    );
}

#[tokio::test]
async fn row_stored_by_an_older_build_is_readable() {
    let app = start().await;
    let planned = plan(
        &app,
        csv(&[row(1, "2026년 하나", "2026-11-02", "2026-12-11")]),
    )
    .await;
    sqlx::query("update import_row set content = content - 'list'")
        .execute(app.pool())
        .await
        .unwrap();
    commit(&app, &planned, &json!({})).await.expect(202);
    assert_eq!(
        carry_out(&app, &planned).await["counts"],
        counts(1, 0, 0, 0, 0)
    );
}

#[tokio::test]
async fn row_contents_expire_after_a_month_but_outcomes_stay() {
    let app = start().await;
    let done = import(
        &app,
        csv(&[row(1, "2026년 하나", "2026-11-02", "2026-12-11")]),
    )
    .await;
    let again = plan(
        &app,
        csv(&[row(1, "2026년 하나", "2026-11-02", "2026-12-18")]),
    )
    .await;
    commit(&app, &again, &json!({})).await.expect(202);
    carry_out(&app, &again).await;
    app.clock().advance(TimeDelta::days(29));
    project::delete_expired_imports(app.context())
        .await
        .unwrap();
    assert_eq!(rows_of(&app, &again, "").await[0]["name"], "2026년 하나");
    app.clock().advance(TimeDelta::days(2));
    for _ in 0..2 {
        project::delete_expired_imports(app.context())
            .await
            .unwrap();
    }
    for import in [&done, &again] {
        let row = rows_of(&app, import, "").await[0].clone();
        assert_eq!(
            (&row["name"], &row["differences"], &row["outcome"]),
            (&Value::Null, &json!([]), &json!("done"))
        );
        assert!(row["projectId"].is_string());
        assert_eq!(
            app.as_staff().get(&path(import)).await.expect(200)["progress"],
            json!({ "done": 1, "total": 1 })
        );
    }
    let stored: i64 =
        sqlx::query_scalar("select count(*) from import_row where content is not null")
            .fetch_one(app.pool())
            .await
            .unwrap();
    assert_eq!(stored, 0);
}

#[tokio::test]
async fn counts_are_stored_with_the_import() {
    let app = start().await;
    let planned = plan(
        &app,
        csv(&[row(1, "2026년 하나", "2026-11-02", "2026-12-11")]),
    )
    .await;
    sqlx::query("delete from import_row")
        .execute(app.pool())
        .await
        .unwrap();
    assert_eq!(
        app.as_staff().get(&path(&planned)).await.expect(200)["counts"],
        counts(1, 0, 0, 0, 0)
    );
    assert_eq!(
        app.as_staff().get("/projects/imports").await.expect(200)["items"][0]["counts"],
        counts(1, 0, 0, 0, 0)
    );
}
