//! Text search in the list of projects.

use std::collections::BTreeSet;

use serde_json::json;
use service_kit::testing::TestApp;
use sqlx::AssertSqlSafe;

use crate::list::names;
use crate::{create_project, id_of, percent_encoded, project_with, start};

async fn search(app: &TestApp, q: &str) -> BTreeSet<String> {
    names(app, &format!("q={}", percent_encoded(q)))
        .await
        .into_iter()
        .collect()
}

#[tokio::test]
async fn list_that_takes_too_long_is_refused_before_others_wait() {
    let app = start().await;
    let mut tx = app.pool().begin().await.unwrap();
    sqlx::raw_sql("lock table project in access exclusive mode")
        .execute(&mut *tx)
        .await
        .unwrap();
    let answer = app.anonymous().get("/projects?target=a").await;
    assert_eq!(answer.headers["retry-after"], "1");
    let problem = answer.expect(503);
    assert_eq!(problem["type"], "/problems/temporarily-unavailable");
    // Not the problem of a statement that waited for a lock, which others do for longer.
    let detail = problem["detail"].to_string();
    assert!(detail.contains("조건"), "{detail}");
    tx.rollback().await.unwrap();
    app.anonymous().get("/projects?target=a").await.expect(200);
}

#[tokio::test]
async fn statements_of_one_list_share_its_two_seconds() {
    let app = start().await;
    // Each statement takes a second; the list by deadline has up to three.
    sqlx::raw_sql(
        "alter table project rename to fast_project;
         create view project as
             select * from fast_project where (select pg_sleep(1)) is not null",
    )
    .execute(app.pool())
    .await
    .unwrap();
    let answer = app.anonymous().get("/projects?sort=deadline").await;
    assert_eq!(
        answer.expect(503)["type"],
        "/problems/temporarily-unavailable"
    );
}

#[tokio::test]
async fn search_matches_name_agency_host_and_summary() {
    let app = start().await;
    for (name, agency, host, summary) in [
        (
            "스마트상점 기술보급",
            "중소벤처기업부",
            "소상공인시장진흥공단",
            "키오스크를 보급합니다",
        ),
        ("수출 바우처 100%", "산업통상부", "KOTRA", "해외_진출\\지원"),
        ("각종 R&D", "경기도", "경기테크노파크", "정북향"),
    ] {
        create_project(
            &app,
            &project_with(
                &json!({ "name": name, "agency": agency, "host": host, "summary": summary }),
            ),
        )
        .await;
    }
    let (shops, export, research) = ("스마트상점 기술보급", "수출 바우처 100%", "각종 R&D");
    for (q, expected) in [
        ("상점", vec![shops]),
        ("바우", vec![export]),
        ("kotra", vec![export]),
        ("Kotra 수출", vec![export]),
        ("키오스크", vec![shops]),
        ("소상공인 스마트", vec![shops]),
        ("소상공인 수출", vec![]),
        // The last word may be incomplete; a trailing blank marks it as complete.
        ("스마트사", vec![shops]),
        ("스마트사 ", vec![]),
        ("스마트ㅅ", vec![shops]),
        ("가종", vec![]),
        ("정부 ", vec![]),
        ("정부", vec![research]),
        // Special characters match literally.
        ("%", vec![export]),
        ("_", vec![export]),
        ("\\", vec![export]),
        ("100%", vec![export]),
        ("1%0", vec![]),
        ("r&d", vec![research]),
        // Initials match name, agency and host, but not the summary.
        ("ㅅㅁㅌ", vec![shops]),
        ("ㄳ", vec![shops]),
        ("ㅅㅊㅂㅇㅊ", vec![export]),
        ("ㅋㅇㅅㅋ", vec![]),
        ("ㄱㄱㅌㅋ", vec![research]),
        ("스마트 ㄱㅅ", vec![shops]),
        // Decomposed Hangul, as some systems send it.
        (
            "\u{1109}\u{1161}\u{11BC}\u{110C}\u{1165}\u{11B7}",
            vec![shops],
        ),
        (" ", vec![shops, export, research]),
    ] {
        assert_eq!(
            search(&app, q).await,
            expected.iter().map(|name| (*name).to_owned()).collect(),
            "{q:?}"
        );
    }
    // After an edit only the new name is found.
    let id = create_project(&app, &project_with(&json!({ "name": "처음 이름" }))).await;
    app.as_staff()
        .patch_if(
            &format!("/projects/{id}"),
            1,
            &json!({ "name": "나중 이름" }),
        )
        .await
        .expect(200);
    assert_eq!(
        (
            search(&app, "처음").await.len(),
            search(&app, "ㄴㅈ").await.len()
        ),
        (0, 1)
    );
}

#[tokio::test]
async fn text_is_found_in_whichever_characters_it_is_written() {
    let app = start().await;
    let (wide, plain) = ("２０２６ ＡＩ 바우처 ㈜한빛", "2026 판로·해외진출 (주)새빛");
    for name in [wide, plain] {
        let agency = "중소벤처기업부";
        let body = project_with(&json!({ "name": name, "agency": agency, "host": agency }));
        create_project(&app, &body).await;
    }
    for (q, expected) in [
        ("2026", vec![wide, plain]),
        ("２０２６", vec![wide, plain]),
        ("ai 바우처", vec![wide]),
        ("ａｉ", vec![wide]),
        ("(주)한빛", vec![wide]),
        ("㈜새빛", vec![plain]),
        ("판로ㆍ해외", vec![plain]),
        ("판로・해외", vec![plain]),
        // Pasted from a page or a messenger.
        (
            "\u{202A}바우처\u{202C}\u{A0}\u{200B}한빛\u{FEFF}",
            vec![wide],
        ),
        ("바\u{2060}우\u{AD}처 ", vec![wide]),
        ("\u{200B}", vec![wide, plain]),
        // Typed consonants stay initials; a blank still completes the word before it.
        ("ㅂㅇㅊ", vec![wide]),
        ("ㅂㅇ\u{200B}ㅊ", vec![wide]),
        ("ㅈㅅㅂㅊ", vec![wide, plain]),
        ("바우ㅊ", vec![wide]),
        ("바우ㅊ ", vec![]),
        ("바우ㅊ \u{200B}", vec![]),
    ] {
        assert_eq!(
            search(&app, q).await,
            expected.iter().map(|name| (*name).to_owned()).collect(),
            "{q:?}"
        );
    }
}

#[tokio::test]
async fn rows_computed_by_older_rules_are_recomputed() {
    let app = start().await;
    for n in 0..3 {
        create_project(
            &app,
            &project_with(&json!({ "name": format!("스마트상점 {n}"), "target": "소상공인" })),
        )
        .await;
    }
    sqlx::query(
        "update project set search = '', initials = '', series_key = '', target_words = '{}',
                            computed_by = 0",
    )
    .execute(app.pool())
    .await
    .unwrap();
    assert_eq!(
        (
            search(&app, "상점").await.len(),
            search(&app, "ㅅㅁㅌ").await.len()
        ),
        (0, 0)
    );
    app.new_events().await;
    project::reindex::recompute(&app.context().db)
        .await
        .unwrap();
    assert_eq!(
        (
            search(&app, "상점").await.len(),
            search(&app, "ㅅㅁㅌ").await.len()
        ),
        (3, 3)
    );
    let card = app
        .as_staff()
        .get(&format!(
            "/projects/visit-card?target={}",
            percent_encoded("소상공인")
        ))
        .await
        .expect(200);
    assert_eq!(
        card["items"],
        json!([]),
        "no project is open for application"
    );
    let first = app.anonymous().get("/projects").await.expect(200);
    // Recomputing does not change the project.
    assert_eq!(
        (&first["items"][0]["version"], app.new_events().await.len()),
        (&json!(1), 0)
    );
}

#[tokio::test]
async fn two_letter_and_initials_searches_use_an_index() {
    let app = start().await;
    let needle = create_project(&app, &project_with(&json!({ "name": "튤립축제 홍보관" }))).await;
    // The others share letters with it, but neither the word nor the initials.
    sqlx::query(
        "insert into project (id, series_id, name, year, category, regions, agency, host, period,
                              status, version, created_at, search, initials, computed_by)
         select gen_random_uuid(), series_id, n::text, year, category, regions, agency, host,
                period, status, version, created_at, other.search || n, other.initials, computed_by
         from project,
              (select search || md5(n::text) as search, initials, n
               from generate_series(1, 20000) n,
                      (select normalize('기술보급 스마트공장 수출바우처 경영안정자금 창업도약패키지 소상공인', nfd) as search,
                              'ㄱᆧㅅᆧㅂᆧㄱᆧㅅᆧㅁᆧㅌᆧ' as initials) texts) other",
    )
    .execute(app.pool())
    .await
    .unwrap();
    sqlx::query("vacuum analyze project")
        .execute(app.pool())
        .await
        .unwrap();
    for (column, q, letters) in [("search", "튤립", "튤립"), ("initials", "ㅌㄹ", "ㅌᆧㄹᆧ")]
    {
        let pattern = if column == "search" {
            decomposed(letters)
        } else {
            letters.to_owned()
        };
        let plan: Vec<String> = sqlx::query_scalar(AssertSqlSafe(format!(
            "explain select id from project where {column} like '%{pattern}%'
             order by id desc limit 51"
        )))
        .fetch_all(app.pool())
        .await
        .unwrap();
        assert!(
            plan.iter()
                .any(|line| line.contains(&format!("project_{column}"))),
            "{q}: {plan:#?}"
        );
        let answer = app
            .anonymous()
            .get(&format!("/projects?q={}", percent_encoded(q)))
            .await
            .expect(200);
        assert_eq!(
            answer["items"]
                .as_array()
                .unwrap()
                .iter()
                .map(id_of)
                .collect::<Vec<_>>(),
            [needle],
            "{q}"
        );
    }
}

/// Decomposed Hangul syllables, as in the column `search`.
fn decomposed(text: &str) -> String {
    text.chars()
        .flat_map(|letter| {
            let index = u32::from(letter) - 0xAC00;
            [
                0x1100 + index / 588,
                0x1161 + index / 28 % 21,
                0x11A7 + index % 28,
            ]
            .map(|code| char::from_u32(code).unwrap())
        })
        .collect()
}

#[tokio::test]
async fn too_long_search_text_is_explained() {
    let app = start().await;
    for (field, sentence) in [
        ("q", "검색어는 제어 문자 없이 100자 이하로 적어 주세요"),
        (
            "target",
            "지원대상은 제어 문자 없이 100자 이하로 적어 주세요",
        ),
    ] {
        let answer = app
            .anonymous()
            .get(&format!(
                "/projects?{field}={}",
                percent_encoded(&"가".repeat(101))
            ))
            .await;
        assert_eq!(answer.json["detail"], sentence);
    }
}
