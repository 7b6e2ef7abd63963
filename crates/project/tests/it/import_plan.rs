//! Uploaded files of programmes: their plan, invalid rows and refused files.

use axum::http::{Method, header};
use chrono::TimeDelta;
use serde_json::{Value, json};
use service_kit::testing::{TestApp, TestResponse};
use uuid::Uuid;

use crate::start;

const HEADINGS: &str =
    "번호,분야,사업명,신청시작일자,신청종료일자,소관기관,수행기관,등록일자,상세URL\n";

/// A row of the CSV. The clock of the tests shows 2026-11-23.
pub(crate) fn row(id: u32, name: &str, start: &str, end: &str) -> String {
    format!(
        "{id},기술,{name},{start},{end},가상부,가상원,2026-10-01,\
         https://www.bizinfo.go.kr/view.do?pblancId=PBLN_{id}\n"
    )
}

pub(crate) fn csv(rows: &[String]) -> String {
    format!("{HEADINGS}{}", rows.concat())
}

async fn send(app: &TestApp, file: impl Into<Vec<u8>>) -> TestResponse {
    let headers = [("content-type", "text/csv")];
    app.as_staff()
        .send(
            Method::POST,
            "/projects/imports?name=list.csv",
            &headers,
            file.into(),
        )
        .await
}

pub(crate) async fn plan(app: &TestApp, file: impl Into<Vec<u8>>) -> Value {
    send(app, file).await.expect(201)
}

pub(crate) fn path(import: &Value) -> String {
    format!("/projects/imports/{}", import["id"].as_str().unwrap())
}

pub(crate) async fn commit(app: &TestApp, import: &Value, body: &Value) -> TestResponse {
    app.as_staff()
        .post_if(&format!("{}/commit", path(import)), 1, body)
        .await
}

/// Carries out all committed imports, and returns this one.
pub(crate) async fn carry_out(app: &TestApp, import: &Value) -> Value {
    while project::carry_out_imports(app.context()).await.unwrap() {}
    app.as_staff().get(&path(import)).await.expect(200)
}

pub(crate) async fn import(app: &TestApp, file: impl Into<Vec<u8>>) -> Value {
    let planned = plan(app, file).await;
    commit(app, &planned, &json!({ "confirm": "all" }))
        .await
        .expect(202);
    carry_out(app, &planned).await
}

pub(crate) async fn rows_of(app: &TestApp, import: &Value, query: &str) -> Vec<Value> {
    let page = app
        .as_staff()
        .get(&format!("{}/rows?limit=100&{query}", path(import)))
        .await
        .expect(200);
    page["items"].as_array().unwrap().clone()
}

pub(crate) fn counts(create: u32, edit: u32, same: u32, fills_planned: u32, error: u32) -> Value {
    json!({
        "create": create, "edit": edit, "same": same, "fillsPlanned": fills_planned, "error": error,
        "skipped": 0, "warnings": 0,
    })
}

pub(crate) async fn count(app: &TestApp, table: &str) -> i64 {
    sqlx::query_scalar(sqlx::AssertSqlSafe(format!("select count(*) from {table}")))
        .fetch_one(app.pool())
        .await
        .unwrap()
}

/// Type and version of every new event.
pub(crate) async fn new_event_types(app: &TestApp) -> Vec<(String, i64)> {
    let events = app.new_events().await;
    events
        .into_iter()
        .map(|(name, version, _)| (name.replace("ktgg.", "").replace(".v1", ""), version))
        .collect()
}

pub(crate) fn event(name: &str, version: i64) -> (String, i64) {
    (name.to_owned(), version)
}

#[tokio::test]
async fn uploaded_file_becomes_a_plan_and_changes_nothing() {
    let app = start().await;
    let file = csv(&[
        row(1, "2026년 수출바우처 모집 공고", "2026-11-02", "2026-12-11"),
        row(2, "2026년 창업패키지 모집 공고", "2026-12-01", "2026-12-31"),
    ]);
    let answer = send(&app, file).await;
    let tag = answer.headers[header::ETAG].clone();
    let location = answer.headers[header::LOCATION].clone();
    let planned = answer.expect(201);
    assert_eq!(
        (tag.to_str().unwrap(), location.to_str().unwrap()),
        ("\"1\"", &*path(&planned))
    );
    assert_eq!(
        (&planned["state"], &planned["name"]),
        (&json!("planned"), &json!("list.csv"))
    );
    assert_eq!(
        (&planned["counts"], &planned["progress"]),
        (&counts(2, 0, 0, 0, 0), &json!({ "done": 0, "total": 2 }))
    );
    assert_eq!(
        (count(&app, "project").await, new_event_types(&app).await),
        (0, vec![])
    );
    let rows = rows_of(&app, &planned, "").await;
    assert_eq!(rows.len(), 2);
    assert_eq!(
        (&rows[0]["id"], &rows[0]["line"], &rows[0]["action"]),
        (&json!("1"), &json!(2), &json!("create"))
    );
    assert_eq!(
        rows[0]["source"],
        json!({
            "name": "bizinfo", "id": "PBLN_1", "line": "출처: 공공데이터포털(data.go.kr), 중소벤처기업부"
        })
    );
    assert_eq!(
        (&rows[1]["name"], &rows[1]["errors"]),
        (&json!("2026년 창업패키지 모집 공고"), &json!([]))
    );
}

#[tokio::test]
async fn changed_row_is_planned_as_edit_with_old_and_new_values() {
    let app = start().await;
    import(
        &app,
        csv(&[row(
            1,
            "2026년 수출바우처 모집 공고",
            "2026-11-02",
            "2026-12-11",
        )]),
    )
    .await;
    new_event_types(&app).await;
    let planned = plan(
        &app,
        csv(&[row(
            1,
            "2026년 수출바우처 모집 연장 공고",
            "2026-11-02",
            "2026-12-18",
        )]),
    )
    .await;
    assert_eq!(planned["counts"], counts(0, 1, 0, 0, 0));
    let differences = rows_of(&app, &planned, "action=edit").await[0]["differences"].clone();
    assert_eq!(
        differences[0],
        json!({ "field": "name", "from": "2026년 수출바우처 모집 공고", "to": "2026년 수출바우처 모집 연장 공고" })
    );
    assert_eq!(
        (&differences[1]["field"], &differences[1]["to"]["endsOn"]),
        (&json!("period"), &json!("2026-12-18"))
    );
    commit(&app, &planned, &json!({})).await.expect(202);
    carry_out(&app, &planned).await;
    let events = app.new_events().await;
    assert_eq!(events.len(), 1);
    assert_eq!((&*events[0].0, events[0].1), ("ktgg.ProjectEdited.v1", 2));
    assert_eq!(events[0].2["changed"], json!(["name", "period"]));
}

#[tokio::test]
async fn invalid_rows_report_position_and_reason() {
    let app = start().await;
    let too_long = "가".repeat(201);
    let file = format!(
        "{}{}5,기술,짧다\n",
        csv(&[
            row(1, "2026년 하나", "2026-11-02", "2026-12-11"),
            row(2, &too_long, "2026-11-02", "2026-12-11")
        ]),
        row(1, "2026년 둘", "2026-11-02", "2026-12-11"),
    ) + &row(1, "2026년 하나", "2026-11-02", "2026-12-11");
    let planned = plan(&app, file).await;
    assert_eq!(planned["counts"], counts(1, 0, 1, 0, 3));
    let errors: Vec<Value> = rows_of(&app, &planned, "action=error")
        .await
        .iter()
        .map(|row| row["errors"].clone())
        .collect();
    assert_eq!(
        errors[0],
        json!([{
            "line": 3, "column": "사업명", "columnNumber": 3, "code": "too-long",
            "message": "200자를 넘습니다",
        }])
    );
    assert_eq!(
        (&errors[1][0]["line"], &errors[1][0]["code"]),
        (&json!(4), &json!("duplicate"))
    );
    assert_eq!(
        (&errors[2][0]["code"], &errors[2][0]["column"]),
        (&json!("wrong-field-count"), &Value::Null)
    );
    let english = app
        .as_staff()
        .send(
            Method::GET,
            &format!("{}/rows?action=error", path(&planned)),
            &[("accept-language", "en")],
            Vec::new(),
        )
        .await
        .expect(200);
    assert_eq!(
        english["items"][0]["errors"][0]["message"],
        "It is longer than 200 characters"
    );
    // The valid row is imported.
    commit(&app, &planned, &json!({})).await.expect(202);
    assert_eq!(
        carry_out(&app, &planned).await["progress"],
        json!({ "done": 1, "total": 1 })
    );
    assert_eq!(new_event_types(&app).await, [event("ProjectCreated", 1)]);
}

#[tokio::test]
async fn unusable_file_is_refused_with_a_reason_and_not_stored() {
    let app = start().await;
    let many: Vec<String> = (1..1200)
        .map(|id| row(id, "2026년 사업", "2026-11-02", "2026-12-11"))
        .collect();
    let cut_off = csv(&many)
        .trim_end()
        .rsplit_once(',')
        .unwrap()
        .0
        .as_bytes()
        .to_vec();
    let endless = format!("{}1,\"{}", csv(&many), "가".repeat(40_000));
    for (file, reason) in [
        (Vec::new(), "empty"),
        (b"PK\x03\x04xl/workbook.xml".to_vec(), "damaged-workbook"),
        (b"\x89PNG\r\n\x1A\n".to_vec(), "image"),
        (b"{\"reqErr\": \"no key\"}".to_vec(), "refused-by-source"),
        (b"{\"a\": 1}".to_vec(), "other-json"),
        (
            HEADINGS.replace("소관기관", "기관").into(),
            "missing-columns",
        ),
        (HEADINGS.into(), "no-rows"),
        (cut_off, "cut-off"),
        (endless.into(), "endless-row"),
    ] {
        let answer = send(&app, file).await;
        let body = answer.json.clone();
        assert_eq!(
            answer.problem(422),
            ("wrong-file".to_owned(), vec![]),
            "{reason}"
        );
        assert_eq!(body["reason"], reason);
        assert!(
            body["detail"].as_str().unwrap().ends_with("주세요."),
            "{body}"
        );
    }
    let answer = send(&app, HEADINGS.replace("소관기관", "기관")).await;
    assert_eq!(answer.json["missing"], json!(["소관기관"]));
    let headers = [("accept-language", "en")];
    let answer = app
        .as_staff()
        .send(
            Method::POST,
            "/projects/imports",
            &headers,
            b"%PDF-1.7".to_vec(),
        )
        .await;
    assert!(
        answer.json["detail"]
            .as_str()
            .unwrap()
            .starts_with("This is a PDF document.")
    );
    let answer = send(
        &app,
        format!("{{\"jsonArray\": [{}", " ".repeat(32 * 1024 * 1024)),
    )
    .await;
    assert_eq!(
        (answer.status.as_u16(), &answer.json["limitBytes"]),
        (413, &json!(32 * 1024 * 1024))
    );
    assert_eq!(answer.json["reason"], "too-large");
    assert_eq!(
        (count(&app, "import").await, count(&app, "import_row").await),
        (0, 0)
    );
    let named = format!("/projects/imports?name={}", "a".repeat(201));
    let answer = app
        .as_staff()
        .send(Method::POST, &named, &[], csv(&many).into_bytes())
        .await;
    assert_eq!(answer.problem(422).0, "wrong-query");
}

#[tokio::test]
async fn only_staff_can_import_or_read_imports() {
    let app = start().await;
    let planned = plan(
        &app,
        csv(&[row(1, "2026년 하나", "2026-11-02", "2026-12-11")]),
    )
    .await;
    let path = path(&planned);
    for (method, path) in [
        (Method::POST, "/projects/imports".to_owned()),
        (Method::GET, "/projects/imports".to_owned()),
        (Method::GET, path.clone()),
        (Method::GET, format!("{path}/rows")),
        (Method::POST, format!("{path}/commit")),
    ] {
        // The permission is checked before the file and before If-Match.
        let request = async |caller: service_kit::testing::Caller<'_>| {
            caller
                .send(method.clone(), &path, &[], b"%PDF".to_vec())
                .await
        };
        assert_eq!(
            request(app.anonymous()).await.problem(401).0,
            "sign-in-required",
            "{path}"
        );
        for caller in [
            app.as_customer("010-1234-5678"),
            app.as_salesman(Uuid::from_u128(1)),
            app.as_consultant(Uuid::from_u128(2)),
        ] {
            assert_eq!(
                request(caller).await.problem(403).0,
                "not-allowed",
                "{path}"
            );
        }
    }
    assert_eq!(count(&app, "import").await, 1);
}

#[tokio::test]
async fn missing_or_malformed_import_id_is_not_found() {
    let app = start().await;
    let staff = app.as_staff();
    for id in [Uuid::from_u128(7).to_string(), "x".to_owned()] {
        assert_eq!(
            staff
                .get(&format!("/projects/imports/{id}"))
                .await
                .problem(404)
                .0,
            "not-found"
        );
        assert_eq!(
            staff
                .get(&format!("/projects/imports/{id}/rows"))
                .await
                .problem(404)
                .0,
            "not-found"
        );
        assert_eq!(
            staff
                .post_if(&format!("/projects/imports/{id}/commit"), 1, &json!({}))
                .await
                .problem(404)
                .0,
            "not-found"
        );
    }
    let list = staff.get("/projects/imports").await.expect(200);
    assert_eq!(list, json!({ "items": [] }));
}

#[tokio::test]
async fn import_pages_are_complete_and_invalid_query_is_refused() {
    let app = start().await;
    let rows: Vec<String> = (1..8)
        .map(|id| {
            row(
                id,
                &format!("2026년 사업 {id}호"),
                "2026-11-02",
                "2026-12-11",
            )
        })
        .collect();
    let first = plan(&app, csv(&rows)).await;
    app.clock().advance(TimeDelta::seconds(1));
    let second = plan(&app, csv(&rows[..1])).await;
    let page = app
        .as_staff()
        .get("/projects/imports?limit=1")
        .await
        .expect(200);
    assert_eq!(page["items"][0]["id"], second["id"]);
    let next = format!(
        "/projects/imports?limit=1&after={}",
        page["next"].as_str().unwrap()
    );
    let page = app.as_staff().get(&next).await.expect(200);
    assert_eq!(
        (&page["items"][0]["id"], &page["next"]),
        (&first["id"], &Value::Null)
    );
    let (mut ids, mut after) = (Vec::new(), String::new());
    loop {
        let page = app
            .as_staff()
            .get(&format!(
                "{}/rows?limit=3&action=create{after}",
                path(&first)
            ))
            .await
            .expect(200);
        ids.extend(
            page["items"]
                .as_array()
                .unwrap()
                .iter()
                .map(|row| row["id"].as_str().unwrap().to_owned()),
        );
        let Some(next) = page["next"].as_str() else {
            break;
        };
        after = format!("&after={next}");
    }
    assert_eq!(ids, ["1", "2", "3", "4", "5", "6", "7"]);
    for query in ["action=some", "limit=0", "limit=101", "after=x"] {
        let answer = app
            .as_staff()
            .get(&format!("{}/rows?{query}", path(&first)))
            .await;
        assert_eq!(answer.problem(422).0, "wrong-query", "{query}");
    }
}

#[tokio::test]
async fn upload_retried_with_the_same_key_is_one_import() {
    let app = start().await;
    let send = async |key: &str, file: &str| {
        app.as_staff()
            .send(
                Method::POST,
                "/projects/imports",
                &[("idempotency-key", key)],
                file.as_bytes().to_vec(),
            )
            .await
    };
    let file = csv(&[row(1, "2026년 하나", "2026-11-02", "2026-12-11")]);
    let first = send("file", &file).await.expect(201);
    assert_eq!(send("file", &file).await.expect(201)["id"], first["id"]);
    let other = csv(&[row(2, "2026년 둘", "2026-11-02", "2026-12-11")]);
    assert_eq!(
        send("file", &other).await.problem(422).0,
        "idempotency-key-reused"
    );
    assert_eq!(
        send("", &file).await.problem(400).0,
        "wrong-idempotency-key"
    );
    assert_eq!(count(&app, "import").await, 1);
}

#[tokio::test]
async fn unfinished_imports_are_deleted_after_expiry() {
    let app = start().await;
    let planned = plan(
        &app,
        csv(&[row(1, "2026년 하나", "2026-11-02", "2026-12-11")]),
    )
    .await;
    let done = import(
        &app,
        csv(&[row(2, "2026년 둘", "2026-11-02", "2026-12-11")]),
    )
    .await;
    let receiving = Uuid::from_u128(7);
    sqlx::query(
        "insert into import (id, state, requested_by, requested_at, version)
         values ($1, 'receiving', $1, $2, 0)",
    )
    .bind(receiving)
    .bind(app.context().db.now())
    .execute(app.pool())
    .await
    .unwrap();
    // During the upload the import is not listed and cannot be committed.
    assert_eq!(
        app.as_staff().get("/projects/imports").await.expect(200)["items"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
    let refused = app
        .as_staff()
        .post_if(
            &format!("/projects/imports/{receiving}/commit"),
            0,
            &json!({}),
        )
        .await;
    assert_eq!(refused.problem(409).0, "import-not-planned");
    let remaining = async || {
        project::delete_expired_imports(app.context())
            .await
            .unwrap();
        count(&app, "import").await
    };
    app.clock().advance(TimeDelta::minutes(59));
    assert_eq!(remaining().await, 3);
    app.clock().advance(TimeDelta::minutes(2));
    assert_eq!(remaining().await, 2);
    app.clock().advance(TimeDelta::days(31));
    assert_eq!(remaining().await, 1);
    assert_eq!(
        app.as_staff().get(&path(&planned)).await.problem(404).0,
        "not-found"
    );
    app.as_staff().get(&path(&done)).await.expect(200);
}

#[tokio::test]
async fn bizinfo_and_kstartup_lists_use_the_same_endpoint() {
    let app = start().await;
    let bizinfo = json!({
        "pblancId": "PBLN_1", "pblancNm": "2026년 하나", "jrsdInsttNm": "가상부", "excInsttNm": "가상원",
        "trgetNm": "소상공인",
        "pldirSportRealmLclasCodeNm": "금융", "reqstBeginEndDe": "예산 소진시까지", "hashtags": "금융,부산,2026",
        "creatPnttm": "2026-01-02 09:08:48",
        "pblancUrl": "https://www.bizinfo.go.kr/x?pblancId=PBLN_1", "inqireCo": 1
    });
    assert_eq!(
        import(&app, json!({ "jsonArray": [bizinfo] }).to_string()).await["counts"],
        counts(1, 0, 0, 0, 0)
    );
    let mut counted = bizinfo.clone();
    counted["inqireCo"] = json!(2);
    assert_eq!(
        import(&app, counted.to_string()).await["counts"],
        counts(0, 0, 1, 0, 0)
    );
    let kstartup = json!({ "currentCount": 1, "data": [{
        "pbanc_sn": 1, "biz_pbanc_nm": "2026년 둘", "pbanc_ntrp_nm": "가상원",
        "pbanc_rcpt_bgng_dt": "20261101",
        "pbanc_rcpt_end_dt": "20261130", "prch_cnpl_no": "01012345678", "supt_regin": "서울"
    }] });
    assert_eq!(
        import(&app, kstartup.to_string()).await["counts"],
        counts(1, 0, 0, 0, 0)
    );
    // The CSV has fewer fields of the first project, and clears none of the others.
    let csv = "1,금융,2026년 하나,예산 소진시까지,,가상부,가상원,2026-01-02,\
               https://www.bizinfo.go.kr/y?pblancId=PBLN_1\n";
    assert_eq!(
        import(&app, format!("{HEADINGS}{csv}")).await["counts"],
        counts(0, 0, 1, 0, 0)
    );
    let events = app.new_events().await;
    assert_eq!(
        (
            events.len(),
            &events[0].2["regions"],
            &events[0].2["target"]
        ),
        (2, &json!(["부산"]), &json!("소상공인"))
    );
    let contents: String =
        sqlx::query_scalar("select string_agg(content::text, ' ') from import_row")
            .fetch_one(app.pool())
            .await
            .unwrap();
    assert!(!contents.contains("5678"));
}
