//! Lists: search, filters, orders, pages.

use std::collections::BTreeSet;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use events::{Period, PeriodKind, Phase, ProjectStatus};
use serde::Deserialize;
use serde_json::{Value, json};
use service_kit::testing::TestApp;
use sqlx::AssertSqlSafe;
use uuid::Uuid;

use crate::importing::{csv, import, row};
use crate::{encoded, ended, id_of, made, ongoing, start, with};

async fn names(app: &TestApp, query: &str) -> Vec<String> {
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

/// The ids of all pages.
async fn pages(app: &TestApp, query: &str, limit: usize) -> Vec<Uuid> {
    let (mut seen, mut path) = (Vec::new(), format!("/projects?{query}&limit={limit}"));
    loop {
        let page = app.anonymous().get(&path).await.expect(200);
        let items = page["items"].as_array().unwrap();
        assert!(items.len() <= limit);
        seen.extend(items.iter().map(id_of));
        let Some(next) = page.get("next") else {
            return seen;
        };
        path = format!(
            "/projects?{query}&limit={limit}&after={}",
            next.as_str().unwrap()
        );
    }
}

async fn found(app: &TestApp, q: &str) -> BTreeSet<String> {
    names(app, &format!("q={}", encoded(q)))
        .await
        .into_iter()
        .collect()
}

#[tokio::test]
async fn words_are_found_in_name_agency_host_and_summary() {
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
        made(
            &app,
            &with(&json!({ "name": name, "agency": agency, "host": host, "summary": summary })),
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
        // A word may still be being typed, the last one only, and a blank behind it says that it is whole.
        ("스마트사", vec![shops]),
        ("스마트사 ", vec![]),
        ("스마트ㅅ", vec![shops]),
        ("가종", vec![]),
        ("정부 ", vec![]),
        ("정부", vec![research]),
        // Signs stand for themselves.
        ("%", vec![export]),
        ("_", vec![export]),
        ("\\", vec![export]),
        ("100%", vec![export]),
        ("1%0", vec![]),
        ("r&d", vec![research]),
        // Initials of name, agency and host; never of the summary.
        ("ㅅㅁㅌ", vec![shops]),
        ("ㄳ", vec![shops]),
        ("ㅅㅊㅂㅇㅊ", vec![export]),
        ("ㅋㅇㅅㅋ", vec![]),
        ("ㄱㄱㅌㅋ", vec![research]),
        ("스마트 ㄱㅅ", vec![shops]),
        // Decomposed, as some systems send it.
        (
            "\u{1109}\u{1161}\u{11BC}\u{110C}\u{1165}\u{11B7}",
            vec![shops],
        ),
        (" ", vec![shops, export, research]),
    ] {
        assert_eq!(
            found(&app, q).await,
            expected.iter().map(|name| (*name).to_owned()).collect(),
            "{q:?}"
        );
    }
    // What is edited is found by what it is now.
    let id = made(&app, &with(&json!({ "name": "처음 이름" }))).await;
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
            found(&app, "처음").await.len(),
            found(&app, "ㄴㅈ").await.len()
        ),
        (0, 1)
    );
}

#[tokio::test]
async fn filters_are_all_fulfilled_and_a_nationwide_programme_applies_everywhere() {
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
        made(&app, &with(&json!({ "name": name, "category": category, "regions": regions, "target": target }))).await;
    }
    ongoing(&app, &with(&json!({ "name": "진행", "category": "기타", "period": { "kind": "always", "text": "상시" } }))).await;
    ended(&app, &with(&json!({ "name": "종료", "category": "기타" }))).await;
    for (query, expected) in [
        (
            format!("category={}", encoded("기술")),
            vec!["서울 기술", "전국 기술"],
        ),
        (
            format!("region={}", encoded("서울")),
            vec!["서울 기술", "전국 기술", "종료", "진행"],
        ),
        (
            format!("region={}&category={}", encoded("부산"), encoded("금융")),
            vec!["부산 금융"],
        ),
        (
            format!("region={}&category={}", encoded("제주"), encoded("기술")),
            vec!["전국 기술"],
        ),
        (format!("target={}", encoded("소상공인")), vec!["서울 기술"]),
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
            "q=&category=&region=&target=&status=&phase=&sort=&after=".to_owned(),
            vec!["부산 금융", "서울 기술", "전국 기술", "종료", "진행"],
        ),
    ] {
        let mut names = names(&app, &query).await;
        names.sort();
        assert_eq!(names, expected, "{query}");
    }
}

#[tokio::test]
async fn a_query_that_cannot_be_meant_is_refused() {
    let app = start().await;
    made(&app, &with(&json!({}))).await;
    made(&app, &with(&json!({}))).await;
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
        // The place of one order is none in another.
        format!("sort=name&after={next}"),
        format!("sort=deadline&after={next}"),
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

/// Some projects whose order by deadline and by name is known: names are equal in pairs, and so are deadlines.
async fn a_list(app: &TestApp) -> (Vec<Uuid>, Vec<Uuid>) {
    let mut made_of = Vec::new();
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
        let body = with(&json!({ "name": name, "period": period }));
        let id = if is_ended {
            ended(app, &body).await
        } else {
            made(app, &body).await
        };
        app.clock().advance(TimeDelta::milliseconds(2));
        made_of.push(id);
    }
    let by_deadline = [1, 0, 4, 5, 3, 7, 6, 2]
        .map(|place: usize| made_of[place])
        .to_vec();
    let by_name = [2, 4, 0, 1, 3, 5, 6, 7]
        .map(|place: usize| made_of[place])
        .to_vec();
    (by_deadline, by_name)
}

#[tokio::test]
async fn each_order_goes_to_its_end_without_gaps_or_repeats_however_small_the_pages() {
    let app = start().await;
    let (by_deadline, by_name) = a_list(&app).await;
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
async fn a_list_by_deadline_that_is_read_over_midnight_keeps_its_order() {
    let app = start().await;
    let (by_deadline, _) = a_list(&app).await;
    let first = app
        .anonymous()
        .get("/projects?sort=deadline&limit=1")
        .await
        .expect(200);
    assert_eq!(id_of(&first["items"][0]), by_deadline[0]);
    // What ended yesterday has passed by now, and is not shown twice.
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
async fn what_comes_while_a_list_is_read_moves_nothing() {
    let app = start().await;
    let (_, by_name) = a_list(&app).await;
    let first = app
        .anonymous()
        .get("/projects?sort=name&limit=3")
        .await
        .expect(200);
    made(&app, &with(&json!({ "name": "가 앞의 사업" }))).await;
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

/// Writes a project as it stands, whatever commands would have led there.
async fn put(app: &TestApp, status: ProjectStatus, period: &Period) -> Uuid {
    let id = Uuid::new_v4();
    sqlx::query(
        "insert into project (id, series_id, name, year, category, regions, agency, host, period, starts_on, ends_on, status, version, created_at)
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
async fn the_filter_by_phase_agrees_with_the_phase_for_every_status_kind_and_date() {
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
                    let id = put(&app, status, &period).await;
                    let phase = events::phase(status, &period, today);
                    expected
                        .iter_mut()
                        .find(|(of, _)| *of == phase)
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

/// A case that the pages' own function is held to, too.
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
async fn the_filter_by_phase_agrees_with_the_cases_of_the_contract() {
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
        let id = put(&app, case.status, &period).await;
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
async fn a_view_tells_the_days_that_are_left_until_they_have_passed() {
    let app = start().await;
    for (end, status, expected) in [
        (Some("2026-11-23"), ProjectStatus::Ongoing, json!(0)),
        (Some("2026-12-01"), ProjectStatus::Planned, json!(8)),
        (Some("2026-11-22"), ProjectStatus::Ongoing, Value::Null),
        (Some("2026-12-01"), ProjectStatus::Ended, Value::Null),
        (None, ProjectStatus::Ongoing, Value::Null),
    ] {
        let ends_on = end.map(|end| end.parse().unwrap());
        let id = put(
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
async fn an_imported_project_tells_which_list_it_comes_from_whatever_becomes_of_its_link() {
    let app = start().await;
    let record = |id: u32, link: &str| {
        json!({
            "pblancId": format!("PBLN_{id}"), "pblancNm": format!("2026년 사업 {id}"), "jrsdInsttNm": "가상부", "pblancUrl": link,
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
        "pbanc_sn": 4, "biz_pbanc_nm": "2026년 사업 4", "pbanc_ntrp_nm": "가상원", "detl_pg_url": "www.k-startup.go.kr/x"
    }] });
    import(&app, jsonl.join("\n")).await;
    import(&app, kstartup.to_string()).await;
    import(
        &app,
        csv(&[row(5, "2026년 사업 5", "2026-11-02", "2026-12-11")]),
    )
    .await;
    // The same announcement of the other list is the same edition, and stays of the list that told it first.
    import(&app, csv(&[row(1, "2026년 사업 1", "상시", "")])).await;
    let lines = async || {
        let page = app.anonymous().get("/projects?sort=name").await.expect(200);
        let line = |it: &Value| it["source"]["line"].as_str().map(str::to_owned);
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
    for it in page["items"].as_array().unwrap() {
        let (path, version) = (
            format!("/projects/{}", it["id"].as_str().unwrap()),
            it["version"].as_i64().unwrap(),
        );
        app.as_staff()
            .patch_if(&path, version, &json!({ "link": "https://example.org/" }))
            .await
            .expect(200);
    }
    assert_eq!(lines().await, expected);
}

#[tokio::test]
async fn rows_that_older_rules_computed_are_computed_again() {
    let app = start().await;
    for n in 0..3 {
        made(
            &app,
            &with(&json!({ "name": format!("스마트상점 {n}"), "target": "소상공인" })),
        )
        .await;
    }
    sqlx::query("update project set search = '', initials = '', series_key = '', target_words = '{}', computed_by = 0")
        .execute(app.pool())
        .await
        .unwrap();
    assert_eq!(
        (
            found(&app, "상점").await.len(),
            found(&app, "ㅅㅁㅌ").await.len()
        ),
        (0, 0)
    );
    app.new_events().await;
    project::reindex::recompute(&app.context().db)
        .await
        .unwrap();
    assert_eq!(
        (
            found(&app, "상점").await.len(),
            found(&app, "ㅅㅁㅌ").await.len()
        ),
        (3, 3)
    );
    let card = app
        .as_staff()
        .get(&format!(
            "/projects/visit-card?target={}",
            encoded("소상공인")
        ))
        .await
        .expect(200);
    assert_eq!(card["items"], json!([]), "nothing is open");
    let first = app.anonymous().get("/projects").await.expect(200);
    // It is no change of the project.
    assert_eq!(
        (&first["items"][0]["version"], app.new_events().await.len()),
        (&json!(1), 0)
    );
}

#[tokio::test]
async fn two_letters_and_initials_are_found_by_an_index_among_twenty_thousand() {
    let app = start().await;
    let needle = made(&app, &with(&json!({ "name": "튤립축제 홍보관" }))).await;
    // Others that share letters with it, but neither the word nor the initials.
    sqlx::query(
        "insert into project (id, series_id, name, year, category, regions, agency, host, period, status, version, created_at, search, initials, computed_by)
         select gen_random_uuid(), series_id, n::text, year, category, regions, agency, host, period, status, version, created_at,
                other.search || n, other.initials, computed_by
         from project,
              (select search || md5(n::text) as search, initials, n from generate_series(1, 20000) n,
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
            "explain select id from project where {column} like '%{pattern}%' order by id desc limit 51"
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
            .get(&format!("/projects?q={}", encoded(q)))
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

/// The text's syllables as the search column has them.
fn decomposed(text: &str) -> String {
    text.chars()
        .flat_map(|letter| {
            let place = u32::from(letter) - 0xAC00;
            [
                0x1100 + place / 588,
                0x1161 + place / 28 % 21,
                0x11A7 + place % 28,
            ]
            .map(|code| char::from_u32(code).unwrap())
        })
        .collect()
}

#[tokio::test]
async fn what_is_too_long_to_be_looked_for_is_told_in_words() {
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
            .get(&format!("/projects?{field}={}", encoded(&"가".repeat(101))))
            .await;
        assert_eq!(answer.json["detail"], sentence);
    }
}
