//! Which series an edition is of: how it is recognised, and how staff mend it.

use axum::http::Method;
use serde_json::{Value, json};
use service_kit::testing::TestApp;
use uuid::Uuid;

use crate::ending::until_somebody_waits;
use crate::importing::{carry_out, commit, csv, import, plan, row, rows_of};
use crate::{ended, follow, made, shown, start, with};

/// As another build left it, whose rules wrote nothing that these know.
async fn computed_by(app: &TestApp, rules: i16) {
    sqlx::query("update project set series_key = '', search = '', initials = '', computed_by = $1")
        .bind(rules)
        .execute(app.pool())
        .await
        .unwrap();
}

fn of(year: i32) -> Value {
    with(
        &json!({ "name": format!("{year}년 수출바우처"), "year": year, "agency": "가상부", "host": "가상원" }),
    )
}

async fn series(app: &TestApp) -> i64 {
    sqlx::query_scalar("select count(distinct series_id) from project")
        .fetch_one(app.pool())
        .await
        .unwrap()
}

#[tokio::test]
async fn what_older_rules_computed_is_computed_before_a_series_is_recognised() {
    let app = start().await;
    made(&app, &of(2025)).await;
    computed_by(&app, 0).await;
    made(&app, &of(2026)).await;
    assert_eq!(series(&app).await, 1);
    // A plan sees what is expected, and its commit the series, wherever the other rules come in between.
    computed_by(&app, 0).await;
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
    computed_by(&app, 0).await;
    commit(&app, &planned, &json!({})).await.expect(202);
    carry_out(&app, &planned).await;
    assert_eq!(series(&app).await, 1);
}

#[tokio::test]
async fn what_newer_rules_computed_is_left_alone() {
    let app = start().await;
    made(&app, &of(2025)).await;
    computed_by(&app, i16::MAX).await;
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
async fn an_edition_of_the_wrong_series_is_moved_and_its_neighbours_have_to_be_of_the_new_one() {
    let app = start().await;
    let (old, it) = (made(&app, &of(2025)).await, made(&app, &of(2026)).await);
    let later = made(&app, &of(2027)).await;
    let elsewhere = made(&app, &with(&json!({ "year": 2024, "host": "창업진흥원" }))).await;
    let other = shown(&app, elsewhere).await["seriesId"].clone();
    app.new_events().await;
    let staff = app.as_staff();
    for (id, body, expected) in [
        (
            it,
            json!({ "seriesId": Uuid::from_u128(0x404) }),
            ("/seriesId", "unknown"),
        ),
        (it, json!({ "seriesId": null }), ("/seriesId", "required")),
        (it, json!({ "seriesId": "x" }), ("/seriesId", "wrong-type")),
        // The edition before stays where it is.
        (
            it,
            json!({ "seriesId": other }),
            ("/predecessor", "another-series"),
        ),
        (
            it,
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
    let told = app.new_events().await;
    assert_eq!(
        (told.len(), &told[0].2["changed"]),
        (1, &json!(["predecessor", "series"]))
    );
    assert_eq!(told[0].2["seriesId"], other);
    assert_eq!(
        shown(&app, elsewhere).await["editions"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
    // The same once more is no change.
    assert_eq!(
        staff
            .patch_if(&format!("/projects/{later}"), 2, &body)
            .await
            .expect(200)["version"],
        2
    );
}

#[tokio::test]
async fn a_year_stays_between_those_of_the_editions_before_and_after() {
    let app = start().await;
    let (first, second) = (made(&app, &of(2024)).await, made(&app, &of(2025)).await);
    let third = made(&app, &of(2026)).await;
    assert_eq!(shown(&app, third).await["predecessor"], json!(second));
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
    // No edition follows itself, however far around.
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
async fn a_batch_waits_for_its_series_before_it_holds_any_edition() {
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
    // The series that is the last in the order in which they are taken.
    let last: Uuid =
        sqlx::query_scalar("select series_id from project order by series_id desc limit 1")
            .fetch_one(app.pool())
            .await
            .unwrap();
    let mut other = app.pool().begin().await.unwrap();
    sqlx::query(
        "select pg_advisory_xact_lock(hashtextextended(current_schema() || '/series/' || $1, 2))",
    )
    .bind(last.to_string())
    .execute(&mut *other)
    .await
    .unwrap();
    let (carried_out, ()) = tokio::join!(project::carry_out_imports(app.context()), async {
        until_somebody_waits(&app).await;
        // Whoever holds the series can have its editions, and all others.
        sqlx::query("select 1 from project for update nowait")
            .fetch_all(&mut *other)
            .await
            .unwrap();
        other.commit().await.unwrap();
    });
    assert!(carried_out.unwrap());
    assert_eq!(
        carry_out(&app, &planned).await["progress"],
        json!({ "done": 2, "total": 2 })
    );
}

#[tokio::test]
async fn a_rule_that_a_row_breaks_is_told_in_words() {
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
async fn the_next_edition_is_of_the_series_that_the_ended_one_is_of_by_then() {
    let app = start().await;
    let it = ended(&app, &of(2026)).await;
    let elsewhere = made(&app, &with(&json!({ "year": 2024, "host": "창업진흥원" }))).await;
    let other = shown(&app, elsewhere).await["seriesId"].clone();
    app.as_staff()
        .patch_if(&format!("/projects/{it}"), 3, &json!({ "seriesId": other }))
        .await
        .expect(200);
    follow(&app).await;
    let editions = shown(&app, elsewhere).await["editions"].clone();
    let years: Vec<_> = editions
        .as_array()
        .unwrap()
        .iter()
        .map(|edition| edition["year"].as_i64().unwrap())
        .collect();
    assert_eq!(years, [2027, 2026, 2024]);
}

#[tokio::test]
async fn an_edit_of_what_was_moved_meanwhile_is_stale_whatever_version_it_means() {
    let app = start().await;
    let it = made(&app, &of(2026)).await;
    let other_series = made(&app, &with(&json!({ "year": 2024, "host": "창업진흥원" }))).await;
    let series = shown(&app, it).await["seriesId"]
        .as_str()
        .unwrap()
        .to_owned();
    let mut other = app.pool().begin().await.unwrap();
    sqlx::query(
        "select pg_advisory_xact_lock(hashtextextended(current_schema() || '/series/' || $1, 2))",
    )
    .bind(series)
    .execute(&mut *other)
    .await
    .unwrap();
    let (path, headers) = (
        format!("/projects/{it}"),
        [("content-type", "application/json"), ("if-match", "*")],
    );
    let staff = app.as_staff();
    let (answer, ()) = tokio::join!(
        staff.send(Method::PATCH, &path, &headers, b"{\"year\": 2027}".to_vec()),
        async {
            until_somebody_waits(&app).await;
            sqlx::query("update project set series_id = (select series_id from project where id = $2) where id = $1")
            .bind(it)
            .bind(other_series)
            .execute(&mut *other)
            .await
            .unwrap();
            other.commit().await.unwrap();
        }
    );
    assert_eq!(answer.problem(412).0, "stale-version");
    let answer = staff
        .send(Method::PATCH, &path, &headers, b"{\"year\": 2027}".to_vec())
        .await;
    assert_eq!(answer.expect(200)["year"], 2027);
}
