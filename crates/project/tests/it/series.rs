//! The series of an edition: how it is recognised, and how staff correct it.

use axum::http::Method;
use serde_json::{Value, json};
use service_kit::testing::TestApp;
use uuid::Uuid;

use crate::end_overdue::wait_for_blocked_statement;
use crate::import_plan::{carry_out, commit, csv, import, plan, row, rows_of};
use crate::{consume_own_events, create_ended, create_project, get_project, project_with, start};

/// Sets all rows as a build with other rules would leave them.
async fn set_rules_version(app: &TestApp, rules: i16) {
    sqlx::query("update project set series_key = '', search = '', initials = '', computed_by = $1")
        .bind(rules)
        .execute(app.pool())
        .await
        .unwrap();
}

fn edition_of(year: i32) -> Value {
    project_with(
        &json!({ "name": format!("{year}년 수출바우처"), "year": year, "agency": "가상부", "host": "가상원" }),
    )
}

async fn count_series(app: &TestApp) -> i64 {
    sqlx::query_scalar("select count(distinct series_id) from project")
        .fetch_one(app.pool())
        .await
        .unwrap()
}

#[tokio::test]
async fn series_match_recomputes_rows_of_older_rules_first() {
    let app = start().await;
    create_project(&app, &edition_of(2025)).await;
    set_rules_version(&app, 0).await;
    create_project(&app, &edition_of(2026)).await;
    assert_eq!(count_series(&app).await, 1);
    // Plan and commit recompute too: a row still finds its expected edition and its series.
    set_rules_version(&app, 0).await;
    let filling = row(1, "2026년 수출바우처 공고", "2026-11-02", "2026-12-11");
    let planned = plan(
        &app,
        csv(&[
            filling,
            row(2, "2027년 수출바우처 공고", "2027-11-02", "2027-12-11"),
        ]),
    )
    .await;
    assert_eq!(
        (
            &planned["counts"]["create"],
            &planned["counts"]["fillsPlanned"]
        ),
        (&json!(1), &json!(1))
    );
    set_rules_version(&app, 0).await;
    commit(&app, &planned, &json!({})).await.expect(202);
    carry_out(&app, &planned).await;
    assert_eq!(count_series(&app).await, 1);
}

#[tokio::test]
async fn rows_computed_by_newer_rules_are_not_recomputed() {
    let app = start().await;
    create_project(&app, &edition_of(2025)).await;
    set_rules_version(&app, i16::MAX).await;
    project::reindex::recompute(&app.context().db)
        .await
        .unwrap();
    let key: String = sqlx::query_scalar("select series_key from project")
        .fetch_one(app.pool())
        .await
        .unwrap();
    assert_eq!(key, "");
}

#[tokio::test]
async fn moving_an_edition_requires_neighbours_of_the_new_series() {
    let app = start().await;
    let (old, middle) = (
        create_project(&app, &edition_of(2025)).await,
        create_project(&app, &edition_of(2026)).await,
    );
    let later = create_project(&app, &edition_of(2027)).await;
    let elsewhere = create_project(
        &app,
        &project_with(&json!({ "year": 2024, "host": "창업진흥원" })),
    )
    .await;
    let other = get_project(&app, elsewhere).await["seriesId"].clone();
    app.new_events().await;
    let staff = app.as_staff();
    for (id, body, expected) in [
        (
            middle,
            json!({ "seriesId": Uuid::from_u128(0x404) }),
            ("/seriesId", "unknown"),
        ),
        (
            middle,
            json!({ "seriesId": null }),
            ("/seriesId", "required"),
        ),
        (
            middle,
            json!({ "seriesId": "x" }),
            ("/seriesId", "wrong-type"),
        ),
        // The predecessor remains in the old series.
        (
            middle,
            json!({ "seriesId": other }),
            ("/predecessor", "another-series"),
        ),
        (
            middle,
            json!({ "seriesId": other, "predecessor": null }),
            ("/seriesId", "has-a-successor"),
        ),
        (
            later,
            json!({ "seriesId": other, "predecessor": old }),
            ("/predecessor", "has-a-successor"),
        ),
    ] {
        let refused = staff
            .patch_if(&format!("/projects/{id}"), 1, &body)
            .await
            .problem(422);
        assert_eq!(
            refused.1,
            [(expected.0.to_owned(), expected.1.to_owned())],
            "{body}"
        );
    }
    let body = json!({ "seriesId": other, "predecessor": elsewhere });
    let moved = staff
        .patch_if(&format!("/projects/{later}"), 1, &body)
        .await
        .expect(200);
    assert_eq!(
        (&moved["seriesId"], &moved["predecessor"]),
        (&other, &json!(elsewhere))
    );
    let events = app.new_events().await;
    assert_eq!(
        (events.len(), &events[0].2["changed"]),
        (1, &json!(["predecessor", "series"]))
    );
    assert_eq!(events[0].2["seriesId"], other);
    assert_eq!(
        get_project(&app, elsewhere).await["editions"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
    // The same edit again changes nothing.
    assert_eq!(
        staff
            .patch_if(&format!("/projects/{later}"), 2, &body)
            .await
            .expect(200)["version"],
        2
    );
}

#[tokio::test]
async fn year_must_stay_between_predecessor_and_successor() {
    let app = start().await;
    let (first, second) = (
        create_project(&app, &edition_of(2024)).await,
        create_project(&app, &edition_of(2025)).await,
    );
    let third = create_project(&app, &edition_of(2026)).await;
    assert_eq!(get_project(&app, third).await["predecessor"], json!(second));
    let edit = async |id: Uuid, body: Value| {
        app.as_staff()
            .patch_if(&format!("/projects/{id}"), 1, &body)
            .await
    };
    for (id, year, code) in [
        (second, 2024, "not-after-predecessor"),
        (second, 2026, "not-before-successor"),
        (first, 2025, "not-before-successor"),
        (third, 2025, "not-after-predecessor"),
    ] {
        let refused = edit(id, json!({ "year": year })).await.problem(422);
        assert_eq!(refused.1, [("/year".to_owned(), code.to_owned())], "{year}");
    }
    // Successors cannot form a circle.
    let refused = edit(first, json!({ "year": 2027, "predecessor": third }))
        .await
        .problem(422);
    assert_eq!(
        refused.1,
        [("/year".to_owned(), "not-before-successor".to_owned())]
    );
    assert_eq!(
        edit(third, json!({ "year": 2030 })).await.expect(200)["year"],
        2030
    );
    assert_eq!(
        edit(second, json!({ "year": 2024, "predecessor": null }))
            .await
            .expect(200)["year"],
        2024
    );
}

#[tokio::test]
async fn import_batch_locks_its_series_before_any_project() {
    let app = start().await;
    let rows = |end: &str| {
        csv(&[
            row(1, "2026년 하나", "2026-11-02", end),
            row(2, "2026년 둘", "2026-11-02", end),
        ])
    };
    import(&app, rows("2026-12-11")).await;
    let planned = plan(&app, rows("2026-12-18")).await;
    commit(&app, &planned, &json!({})).await.expect(202);
    // Series are locked in order; this is the last one.
    let last: Uuid =
        sqlx::query_scalar("select series_id from project order by series_id desc limit 1")
            .fetch_one(app.pool())
            .await
            .unwrap();
    let mut transaction = app.pool().begin().await.unwrap();
    sqlx::query(
        "select pg_advisory_xact_lock(hashtextextended(current_schema() || '/series/' || $1, 2))",
    )
    .bind(last.to_string())
    .execute(&mut *transaction)
    .await
    .unwrap();
    let (carried_out, ()) = tokio::join!(project::carry_out_imports(app.context()), async {
        wait_for_blocked_statement(&app).await;
        // The batch has no row locks yet: the owner of the series lock can lock every project.
        sqlx::query("select 1 from project for update nowait")
            .fetch_all(&mut *transaction)
            .await
            .unwrap();
        transaction.commit().await.unwrap();
    });
    assert!(carried_out.unwrap());
    assert_eq!(
        carry_out(&app, &planned).await["progress"],
        json!({ "done": 2, "total": 2 })
    );
}

#[tokio::test]
async fn row_that_violates_a_rule_reports_the_rule() {
    let app = start().await;
    let rows = [
        row(1, "2025년 하나", "2025-11-02", "2025-12-11"),
        row(2, "2026년 하나", "2026-11-02", "2026-12-11"),
    ];
    import(&app, csv(&rows)).await;
    let planned = plan(
        &app,
        csv(&[row(2, "2025년 하나", "2025-11-02", "2026-12-11")]),
    )
    .await;
    commit(&app, &planned, &json!({})).await.expect(202);
    carry_out(&app, &planned).await;
    let failed = rows_of(&app, &planned, "action=error").await;
    assert_eq!(
        failed[0]["errors"][0]["message"],
        "저장할 수 없습니다: 이전 회차보다 늦은 연도여야 합니다"
    );
}

#[tokio::test]
async fn next_edition_joins_the_current_series_of_the_ended_one() {
    let app = start().await;
    let ended = create_ended(&app, &edition_of(2026)).await;
    let elsewhere = create_project(
        &app,
        &project_with(&json!({ "year": 2024, "host": "창업진흥원" })),
    )
    .await;
    let other = get_project(&app, elsewhere).await["seriesId"].clone();
    app.as_staff()
        .patch_if(
            &format!("/projects/{ended}"),
            3,
            &json!({ "seriesId": other }),
        )
        .await
        .expect(200);
    consume_own_events(&app).await;
    let editions = get_project(&app, elsewhere).await["editions"].clone();
    let years: Vec<_> = editions
        .as_array()
        .unwrap()
        .iter()
        .map(|edition| edition["year"].as_i64().unwrap())
        .collect();
    assert_eq!(years, [2027, 2026, 2024]);
}

#[tokio::test]
async fn edit_of_an_edition_moved_meanwhile_is_stale() {
    let app = start().await;
    let edited = create_project(&app, &edition_of(2026)).await;
    let other_series = create_project(
        &app,
        &project_with(&json!({ "year": 2024, "host": "창업진흥원" })),
    )
    .await;
    let series = get_project(&app, edited).await["seriesId"]
        .as_str()
        .unwrap()
        .to_owned();
    let mut transaction = app.pool().begin().await.unwrap();
    sqlx::query(
        "select pg_advisory_xact_lock(hashtextextended(current_schema() || '/series/' || $1, 2))",
    )
    .bind(series)
    .execute(&mut *transaction)
    .await
    .unwrap();
    let (path, headers) = (
        format!("/projects/{edited}"),
        [("content-type", "application/json"), ("if-match", "*")],
    );
    let staff = app.as_staff();
    let (answer, ()) = tokio::join!(
        staff.send(Method::PATCH, &path, &headers, b"{\"year\": 2027}".to_vec()),
        async {
            wait_for_blocked_statement(&app).await;
            sqlx::query(
                "update project set series_id = (select series_id from project where id = $2)
             where id = $1",
            )
            .bind(edited)
            .bind(other_series)
            .execute(&mut *transaction)
            .await
            .unwrap();
            transaction.commit().await.unwrap();
        }
    );
    assert_eq!(answer.problem(412).0, "stale-version");
    let answer = staff
        .send(Method::PATCH, &path, &headers, b"{\"year\": 2027}".to_vec())
        .await;
    assert_eq!(answer.expect(200)["year"], 2027);
}
