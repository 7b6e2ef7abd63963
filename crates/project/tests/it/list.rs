//! The list of projects: filters, orders and pages.

use std::collections::BTreeSet;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use events::{Period, PeriodKind, Phase, ProjectStatus};
use serde::Deserialize;
use serde_json::{Value, json};
use service_kit::http::page::encode_cursor;
use service_kit::testing::TestApp;
use uuid::Uuid;

use crate::import_plan::{csv, import, row};
use crate::{
    create_ended, create_ongoing, create_project, id_of, percent_encoded, project_with, start,
};

pub(crate) async fn names(app: &TestApp, query: &str) -> Vec<String> {
    let page = app
        .anonymous()
        .get(&format!("/projects?{query}"))
        .await
        .expect(200);
    page["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["name"].as_str().unwrap().to_owned())
        .collect()
}

/// The ids on all pages, in order.
async fn pages(app: &TestApp, query: &str, limit: usize) -> Vec<Uuid> {
    let (mut ids, mut path) = (Vec::new(), format!("/projects?{query}&limit={limit}"));
    loop {
        let page = app.anonymous().get(&path).await.expect(200);
        let items = page["items"].as_array().unwrap();
        assert!(items.len() <= limit);
        ids.extend(items.iter().map(id_of));
        let Some(next) = page.get("next") else {
            return ids;
        };
        path = format!(
            "/projects?{query}&limit={limit}&after={}",
            next.as_str().unwrap()
        );
    }
}

#[tokio::test]
async fn filters_combine_and_nationwide_matches_every_region() {
    let app = start().await;
    for (name, category, regions, target) in [
        (
            "서울 기술",
            "기술",
            json!(["서울", "경기"]),
            json!("소상공인, 전통시장"),
        ),
        ("부산 금융", "금융", json!(["부산"]), json!("중소기업")),
        ("전국 기술", "기술", json!(["전국"]), Value::Null),
    ] {
        create_project(
            &app,
            &project_with(&json!({
                "name": name, "category": category, "regions": regions, "target": target,
            })),
        )
        .await;
    }
    create_ongoing(
        &app,
        &project_with(&json!({
            "name": "진행", "category": "기타", "period": { "kind": "always", "text": "상시" },
        })),
    )
    .await;
    create_ended(
        &app,
        &project_with(&json!({ "name": "종료", "category": "기타" })),
    )
    .await;
    for (query, expected) in [
        (
            format!("category={}", percent_encoded("기술")),
            vec!["서울 기술", "전국 기술"],
        ),
        (
            format!("region={}", percent_encoded("서울")),
            vec!["서울 기술", "전국 기술", "종료", "진행"],
        ),
        (
            format!(
                "region={}&category={}",
                percent_encoded("부산"),
                percent_encoded("금융")
            ),
            vec!["부산 금융"],
        ),
        (
            format!(
                "region={}&category={}",
                percent_encoded("제주"),
                percent_encoded("기술")
            ),
            vec!["전국 기술"],
        ),
        (
            format!("target={}", percent_encoded("소상공인")),
            vec!["서울 기술"],
        ),
        ("target=%25".to_owned(), vec![]),
        (
            "status=planned".to_owned(),
            vec!["부산 금융", "서울 기술", "전국 기술"],
        ),
        ("status=ongoing".to_owned(), vec!["진행"]),
        ("status=ended".to_owned(), vec!["종료"]),
        ("phase=always".to_owned(), vec!["진행"]),
        (
            "phase=upcoming&status=planned".to_owned(),
            vec!["부산 금융", "서울 기술", "전국 기술"],
        ),
        ("phase=ended&status=planned".to_owned(), vec![]),
        (
            "q=&category=&region=&target=&status=&phase=&sort=&limit=&after=".to_owned(),
            vec!["부산 금융", "서울 기술", "전국 기술", "종료", "진행"],
        ),
    ] {
        let mut names = names(&app, &query).await;
        names.sort();
        assert_eq!(names, expected, "{query}");
    }
}

#[tokio::test]
async fn invalid_list_query_is_refused() {
    let app = start().await;
    create_project(&app, &project_with(&json!({}))).await;
    create_project(&app, &project_with(&json!({}))).await;
    let page = app.anonymous().get("/projects?limit=1").await.expect(200);
    let next = page["next"].as_str().unwrap();
    for query in [
        "category=x".to_owned(),
        "region=x".to_owned(),
        "status=open".to_owned(),
        "phase=ongoing".to_owned(),
        "sort=relevance".to_owned(),
        "limit=0".to_owned(),
        "limit=101".to_owned(),
        "after=x".to_owned(),
        // The cursor of one order is invalid in another.
        format!("sort=name&after={next}"),
        format!("sort=deadline&after={next}"),
        // No name contains NUL, and Postgres cannot read it.
        format!(
            "sort=name&after={}",
            encode_cursor(&json!({ "a": ["\0", Uuid::nil()] }))
        ),
        "q=%00".to_owned(),
        "target=%1B".to_owned(),
        format!("q={}", "a".repeat(101)),
        "q=a&q=b".to_owned(),
    ] {
        assert_eq!(
            app.anonymous()
                .get(&format!("/projects?{query}"))
                .await
                .problem(422)
                .0,
            "wrong-query",
            "{query}"
        );
    }
}

/// Creates projects and returns their ids in deadline order and in name order. Some names and
/// some deadlines occur twice.
async fn create_list(app: &TestApp) -> (Vec<Uuid>, Vec<Uuid>) {
    let mut ids = Vec::new();
    for (name, end, is_ended) in [
        ("나 사업", Some("2026-12-01"), false),
        ("나 사업", Some("2026-11-23"), false),
        ("가 사업", None, false),
        ("다 사업", Some("2026-11-22"), false),
        ("가 사업", Some("2026-12-01"), false),
        ("다 사업", Some("2027-01-01"), true),
        ("라 사업", None, false),
        ("라 사업", Some("2026-11-20"), false),
    ] {
        let period = end.map(|end| json!({ "startsOn": "2026-11-01", "endsOn": end }));
        let body = project_with(&json!({ "name": name, "period": period }));
        let id = if is_ended {
            create_ended(app, &body).await
        } else {
            create_project(app, &body).await
        };
        app.clock().advance(TimeDelta::milliseconds(2));
        ids.push(id);
    }
    let by_deadline = [1, 0, 4, 5, 3, 7, 6, 2]
        .map(|index: usize| ids[index])
        .to_vec();
    let by_name = [2, 4, 0, 1, 3, 5, 6, 7]
        .map(|index: usize| ids[index])
        .to_vec();
    (by_deadline, by_name)
}

#[tokio::test]
async fn every_order_lists_each_project_once_for_any_page_size() {
    let app = start().await;
    let (by_deadline, by_name) = create_list(&app).await;
    for limit in [1, 2, 3, 8, 100] {
        assert_eq!(
            pages(&app, "sort=deadline", limit).await,
            by_deadline,
            "{limit}"
        );
        assert_eq!(pages(&app, "sort=name", limit).await, by_name, "{limit}");
    }
    let mut newest = by_name.clone();
    newest.sort();
    newest.reverse();
    assert_eq!(pages(&app, "sort=newest", 3).await, newest);
}

#[tokio::test]
async fn deadline_order_is_stable_over_midnight() {
    let app = start().await;
    let (by_deadline, _) = create_list(&app).await;
    let first = app
        .anonymous()
        .get("/projects?sort=deadline&limit=1")
        .await
        .expect(200);
    assert_eq!(id_of(&first["items"][0]), by_deadline[0]);
    // The first project is past its deadline now, and is not listed twice.
    app.clock().advance(TimeDelta::days(1));
    let next = first["next"].as_str().unwrap();
    let rest = app
        .anonymous()
        .get(&format!("/projects?sort=deadline&after={next}"))
        .await
        .expect(200);
    let rest: Vec<_> = rest["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(id_of)
        .collect();
    assert_eq!(rest, by_deadline[1..]);
}

#[tokio::test]
async fn project_created_during_paging_shifts_nothing() {
    let app = start().await;
    let (_, by_name) = create_list(&app).await;
    let first = app
        .anonymous()
        .get("/projects?sort=name&limit=3")
        .await
        .expect(200);
    create_project(&app, &project_with(&json!({ "name": "가 앞의 사업" }))).await;
    let next = first["next"].as_str().unwrap();
    let rest = app
        .anonymous()
        .get(&format!("/projects?sort=name&after={next}"))
        .await
        .expect(200);
    let rest: Vec<_> = rest["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(id_of)
        .collect();
    assert_eq!(rest, by_name[3..]);
}

/// Inserts a project in any status, without the commands that would lead to it.
async fn insert_project(app: &TestApp, status: ProjectStatus, period: &Period) -> Uuid {
    let id = Uuid::new_v4();
    sqlx::query(
        "insert into project (id, series_id, name, year, category, regions, agency, host, period,
                              starts_on, ends_on, status, version, created_at)
         values ($1, $1, '사업', 2026, '기술', '[\"전국\"]', '가', '나', $2, $3, $4, $5, 1, now())",
    )
    .bind(id)
    .bind(sqlx::types::Json(period))
    .bind(period.starts_on)
    .bind(period.ends_on)
    .bind(status.as_str())
    .execute(app.pool())
    .await
    .unwrap();
    id
}

/// The projects of each phase, by the filter.
async fn by_phase(app: &TestApp) -> Vec<(Phase, BTreeSet<Uuid>)> {
    let mut all = Vec::new();
    for phase in Phase::ALL {
        all.push((
            phase,
            pages(app, &format!("phase={}", phase.as_str()), 100)
                .await
                .into_iter()
                .collect(),
        ));
    }
    all
}

#[tokio::test]
async fn phase_filter_matches_every_status_kind_and_date() {
    let app = start().await;
    let today: NaiveDate = "2026-11-23".parse().unwrap();
    let day = |offset: Option<i64>| offset.map(|days| today + TimeDelta::days(days));
    let mut expected: Vec<(Phase, BTreeSet<Uuid>)> =
        Phase::ALL.map(|phase| (phase, BTreeSet::new())).to_vec();
    for status in ProjectStatus::ALL {
        for kind in PeriodKind::ALL {
            for starts in [None, Some(-1), Some(0), Some(1)] {
                for ends in [None, Some(-1), Some(0), Some(7), Some(8)] {
                    let period = Period {
                        kind,
                        text: String::new(),
                        starts_on: day(starts),
                        ends_on: day(ends),
                    };
                    let id = insert_project(&app, status, &period).await;
                    let phase = events::phase(status, &period, today);
                    expected
                        .iter_mut()
                        .find(|(candidate, _)| *candidate == phase)
                        .unwrap()
                        .1
                        .insert(id);
                }
            }
        }
    }
    assert!(expected.iter().all(|(_, ids)| !ids.is_empty()));
    assert_eq!(by_phase(&app).await, expected);
}

/// A test case that the front end uses as well.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PhaseCase {
    why: String,
    status: ProjectStatus,
    kind: PeriodKind,
    starts_on: Option<NaiveDate>,
    ends_on: Option<NaiveDate>,
    today: NaiveDate,
    phase: Phase,
}

#[tokio::test]
async fn phase_filter_matches_the_contract_cases() {
    let app = start().await;
    let cases: Vec<PhaseCase> =
        serde_json::from_str(include_str!("../../../events/tests/it/phase_cases.json")).unwrap();
    for case in cases {
        let noon: DateTime<Utc> = case.today.and_hms_opt(3, 0, 0).unwrap().and_utc();
        app.clock().advance(noon - app.context().db.now());
        let period = Period {
            kind: case.kind,
            text: String::new(),
            starts_on: case.starts_on,
            ends_on: case.ends_on,
        };
        let id = insert_project(&app, case.status, &period).await;
        for (phase, ids) in by_phase(&app).await {
            assert_eq!(
                ids.contains(&id),
                phase == case.phase,
                "{}: {phase:?}",
                case.why
            );
        }
        sqlx::query("delete from project")
            .execute(app.pool())
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn view_shows_days_left_until_the_deadline() {
    let app = start().await;
    for (end, status, expected) in [
        (Some("2026-11-23"), ProjectStatus::Ongoing, json!(0)),
        (Some("2026-12-01"), ProjectStatus::Planned, json!(8)),
        (Some("2026-11-22"), ProjectStatus::Ongoing, Value::Null),
        (Some("2026-12-01"), ProjectStatus::Ended, Value::Null),
        (None, ProjectStatus::Ongoing, Value::Null),
    ] {
        let ends_on = end.map(|end| end.parse().unwrap());
        let id = insert_project(
            &app,
            status,
            &Period {
                kind: PeriodKind::Range,
                text: String::new(),
                starts_on: None,
                ends_on,
            },
        )
        .await;
        let view = app
            .anonymous()
            .get(&format!("/projects/{id}"))
            .await
            .expect(200);
        assert_eq!(view["daysLeft"], expected, "{end:?} {status:?}");
    }
}

#[tokio::test]
async fn imported_project_names_its_source_even_after_link_edit() {
    let app = start().await;
    let record = |id: u32, link: &str| {
        json!({
            "pblancId": format!("PBLN_{id}"), "pblancNm": format!("2026년 사업 {id}"),
            "jrsdInsttNm": "가상부", "pblancUrl": link,
            "reqstBeginEndDe": "상시",
        })
    };
    let jsonl = [
        record(1, "https://www.bizinfo.go.kr/x?pblancId=PBLN_1"),
        record(2, "https://example.com/x?pblancId=PBLN_2"),
        record(3, ""),
    ];
    let jsonl: Vec<String> = jsonl.iter().map(Value::to_string).collect();
    let kstartup = json!({ "data": [{
        "pbanc_sn": 4, "biz_pbanc_nm": "2026년 사업 4", "pbanc_ntrp_nm": "가상원",
        "detl_pg_url": "www.k-startup.go.kr/x"
    }] });
    import(&app, jsonl.join("\n")).await;
    import(&app, kstartup.to_string()).await;
    import(
        &app,
        csv(&[row(5, "2026년 사업 5", "2026-11-02", "2026-12-11")]),
    )
    .await;
    // A row of the other list is the same edition, which keeps the source that imported it first.
    import(&app, csv(&[row(1, "2026년 사업 1", "상시", "")])).await;
    let lines = async || {
        let page = app.anonymous().get("/projects?sort=name").await.expect(200);
        let line = |project: &Value| project["source"]["line"].as_str().map(str::to_owned);
        page["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(line)
            .collect::<Vec<_>>()
    };
    let bizinfo = Some("출처: 중소벤처기업부 기업마당(bizinfo.go.kr)".to_owned());
    let kstartup = Some("출처: 창업진흥원 K-Startup(k-startup.go.kr)".to_owned());
    let portal = Some("출처: 공공데이터포털(data.go.kr), 중소벤처기업부".to_owned());
    let expected = [bizinfo.clone(), None, bizinfo, kstartup, portal];
    assert_eq!(lines().await, expected);
    let page = app.anonymous().get("/projects").await.expect(200);
    for project in page["items"].as_array().unwrap() {
        let (path, version) = (
            format!("/projects/{}", project["id"].as_str().unwrap()),
            project["version"].as_i64().unwrap(),
        );
        app.as_staff()
            .patch_if(&path, version, &json!({ "link": "https://example.org/" }))
            .await
            .expect(200);
    }
    assert_eq!(lines().await, expected);
}
