//! The visit card: programmes that a salesman can talk about.

use axum::http::Method;
use events::{Origin, Step};
use serde_json::{Value, json};
use service_kit::testing::TestApp;
use uuid::Uuid;

use crate::{
    CONSULTANT, OTHER_SALESMAN, SALESMAN, consultation_created, consultation_progressed,
    create_ended, create_ongoing, create_project, deliver_at, get_project, interest_created,
    interest_updated, percent_encoded, person, project_with, salesman_matched, start,
};

fn names(card: &Value) -> Vec<&str> {
    card["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["project"]["name"].as_str().unwrap())
        .collect()
}

fn until(start: &str, end: &str) -> Value {
    json!({ "startsOn": start, "endsOn": end })
}

/// Creates an ongoing programme in a series of its own.
async fn create_programme(
    app: &TestApp,
    name: &str,
    category: &str,
    region: &str,
    target: &str,
    end: &str,
) -> Uuid {
    let period = until("2026-11-01", end);
    let fields = json!({
        "name": name, "category": category, "regions": [region], "target": target, "period": period,
        "agency": format!("{name} 기관"),
    });
    create_ongoing(app, &project_with(&fields)).await
}

/// A customer who marked a programme and is matched with a salesman and a consultant.
async fn customer_with_interest(app: &TestApp, project: Uuid, customer: u16) -> Uuid {
    let created = interest_created(u128::from(customer), None, project, customer);
    deliver_at(app, 0, 1, &created).await;
    let origin = Origin::Interest(created.interest_id);
    let people = salesman_matched(
        origin,
        &created.customer,
        person(SALESMAN, "김하늘"),
        Some(person(CONSULTANT, "박노을")),
    );
    deliver_at(app, 1, 1, &people).await;
    created.customer.customer_id.0
}

/// Programmes that share more or less with 수출바우처, whose id it returns.
async fn create_programmes_to_rank(app: &TestApp) -> Uuid {
    let own = create_programme(app, "수출바우처", "수출", "부산", "중소기업", "2026-12-24").await;
    for (name, category, region, target, ends_on) in [
        (
            "모두 같은 사업",
            "수출",
            "부산",
            "중소기업, 소상공인",
            "2026-12-31",
        ),
        (
            "분야가 같은 사업",
            "수출",
            "서울",
            "예비창업자",
            "2026-11-26",
        ),
        ("대상이 같은 사업", "금융", "서울", "중소기업", "2026-11-25"),
        (
            "지역이 같은 사업",
            "금융",
            "부산",
            "예비창업자",
            "2026-11-24",
        ),
        ("전국 사업", "금융", "전국", "예비창업자", "2026-11-27"),
        ("남의 사업", "금융", "서울", "예비창업자", "2026-11-24"),
        ("마감된 사업", "수출", "부산", "중소기업", "2026-11-22"),
    ] {
        create_programme(app, name, category, region, target, ends_on).await;
    }
    create_ended(
        app,
        &project_with(&json!({ "name": "종료된 사업", "category": "수출", "agency": "다른 기관" })),
    )
    .await;
    for (name, agency, starts_on) in [
        ("곧 시작할 사업", "곧", "2026-12-23"),
        ("훗날의 사업", "훗날", "2026-12-24"),
    ] {
        let planned = json!({
            "category": "수출", "regions": ["서울"], "agency": agency, "name": name,
            "period": until(starts_on, "2027-01-31"),
        });
        create_project(app, &project_with(&planned)).await;
    }
    own
}

#[tokio::test]
async fn customer_card_ranks_programmes_by_shared_traits() {
    let app = start().await;
    let own = create_programmes_to_rank(&app).await;
    let customer = customer_with_interest(&app, own, 1).await;
    let card = app
        .as_salesman(SALESMAN)
        .get(&format!("/projects/visit-card?customer={customer}"))
        .await
        .expect(200);
    assert_eq!(
        names(&card),
        [
            "수출바우처",
            "모두 같은 사업",
            "지역이 같은 사업",
            "대상이 같은 사업",
            "분야가 같은 사업",
            "전국 사업",
            "곧 시작할 사업"
        ]
    );
    let items = card["items"].as_array().unwrap();
    let own_item = &items[0];
    assert_eq!(
        (&own_item["marked"], &own_item["shared"]),
        (&json!(true), &json!(["category", "target", "region"]))
    );
    assert_eq!(
        own_item["say"],
        "관심 두신 사업입니다. 12월 24일까지 신청을 받아 여유가 있고, 부산에서만 하는 사업입니다."
    );
    let same_field = &items[4];
    assert_eq!(
        (&same_field["deadline"], &same_field["phase"]),
        (&json!("2026-11-26"), &json!("closing"))
    );
    assert_eq!(
        (&same_field["marked"], &same_field["shared"]),
        (&json!(false), &json!(["category"]))
    );
    assert_eq!(
        same_field["say"],
        "신청 마감이 3일 남았습니다. 관심 두신 「수출바우처」와 같은 수출 분야이고, 서울에서만 하는 사업입니다."
    );
    assert_eq!(
        items[2]["say"],
        "신청 마감이 1일 남았습니다. 부산에서만 하는 사업이고, 지역이 같은 사업 기관 사업입니다."
    );
    let english = [("accept-language", "en")];
    let path = format!("/projects/visit-card?customer={customer}");
    let card = app
        .as_staff()
        .send(Method::GET, &path, &english, Vec::new())
        .await
        .expect(200);
    assert_eq!(
        card["items"][4]["say"],
        "It closes in 3 days. It is in the field 수출, like “수출바우처”, which you marked and it applies in 서울 only."
    );
}

#[tokio::test]
async fn customer_card_is_for_staff_and_currently_matched_people() {
    let app = start().await;
    let project =
        create_programme(&app, "수출바우처", "수출", "부산", "중소기업", "2026-12-24").await;
    let customer = customer_with_interest(&app, project, 1).await;
    let path = format!("/projects/visit-card?customer={customer}");
    for (caller, status) in [
        (app.as_staff(), 200),
        (app.as_salesman(SALESMAN), 200),
        (app.as_consultant(CONSULTANT), 200),
        (app.as_salesman(OTHER_SALESMAN), 404),
        (app.as_salesman(CONSULTANT), 404),
        (app.as_customer("010-1234-5678"), 403),
        (app.anonymous(), 401),
    ] {
        assert_eq!(caller.get(&path).await.status.as_u16(), status);
    }
    // For an unknown customer the card is empty.
    let unknown = format!("/projects/visit-card?customer={}", Uuid::from_u128(0x404));
    assert_eq!(
        app.as_staff().get(&unknown).await.expect(200),
        json!({ "items": [] })
    );
    assert_eq!(
        app.as_salesman(SALESMAN).get(&unknown).await.problem(404).0,
        "not-found"
    );
    // Access ends when the interest is turned off.
    let turned_off = interest_updated(&interest_created(1, None, project, 1), false);
    deliver_at(&app, 60, 2, &turned_off).await;
    assert_eq!(
        app.as_salesman(SALESMAN).get(&path).await.problem(404).0,
        "not-found"
    );
    assert_eq!(
        app.as_staff().get(&path).await.expect(200),
        json!({ "items": [] })
    );
}

#[tokio::test]
async fn open_consultation_counts_as_a_mark_but_closed_does_not() {
    let app = start().await;
    let project =
        create_programme(&app, "수출바우처", "수출", "부산", "중소기업", "2026-12-24").await;
    let consultation = consultation_created(11, project, 7);
    deliver_at(&app, 0, 1, &consultation).await;
    let origin = Origin::Consultation(consultation.consultation_id);
    deliver_at(
        &app,
        1,
        1,
        &salesman_matched(
            origin,
            &consultation.customer,
            person(SALESMAN, "김하늘"),
            None,
        ),
    )
    .await;
    let path = format!(
        "/projects/visit-card?customer={}",
        consultation.customer.customer_id
    );
    assert_eq!(
        names(&app.as_salesman(SALESMAN).get(&path).await.expect(200)),
        ["수출바우처"]
    );
    deliver_at(
        &app,
        2,
        2,
        &consultation_progressed(&consultation, Step::Apply, Step::Cancelled),
    )
    .await;
    assert_eq!(app.as_salesman(SALESMAN).get(&path).await.status, 404);
    assert_eq!(
        names(&app.as_staff().get(&path).await.expect(200)),
        Vec::<&str>::new()
    );
}

#[tokio::test]
async fn interest_applies_to_the_newest_edition_not_ended() {
    let app = start().await;
    let old = create_ended(
        &app,
        &project_with(&json!({ "name": "2025년 스마트상점", "year": 2025, "category": "금융" })),
    )
    .await;
    let always = json!({ "kind": "always", "text": "상시" });
    let new = create_ongoing(&app, &project_with(&json!({ "period": always }))).await;
    assert_eq!(
        get_project(&app, new).await["seriesId"],
        get_project(&app, old).await["seriesId"]
    );
    create_programme(&app, "금융 사업", "금융", "부산", "중소기업", "2026-12-24").await;
    let customer = customer_with_interest(&app, old, 1).await;
    let card = app
        .as_salesman(SALESMAN)
        .get(&format!("/projects/visit-card?customer={customer}"))
        .await
        .expect(200);
    assert_eq!(names(&card), ["2026년 스마트상점"]);
    assert_eq!(
        card["items"][0]["say"],
        "관심 두신 사업입니다. 언제든지 신청할 수 있고, 전국 어디서나 신청하는 사업입니다."
    );
}

#[tokio::test]
async fn card_without_customer_uses_region_category_and_target() {
    let app = start().await;
    create_programme(&app, "부산 수출", "수출", "부산", "중소기업", "2026-12-24").await;
    create_programme(&app, "서울 수출", "수출", "서울", "소상공인", "2026-12-23").await;
    create_programme(&app, "전국 금융", "금융", "전국", "소상공인", "2026-12-22").await;
    let (busan, export, small) = (
        percent_encoded("부산"),
        percent_encoded("수출"),
        percent_encoded("소상공인"),
    );
    for (query, expected) in [
        (format!("region={busan}"), vec!["전국 금융", "부산 수출"]),
        (format!("category={export}"), vec!["서울 수출", "부산 수출"]),
        (format!("target={small}"), vec!["전국 금융", "서울 수출"]),
        (
            format!("region={busan}&category={export}&target={small}"),
            vec!["전국 금융", "서울 수출", "부산 수출"],
        ),
        (
            format!("region={busan}&category={export}&target="),
            vec!["부산 수출", "전국 금융", "서울 수출"],
        ),
    ] {
        let card = app
            .as_salesman(SALESMAN)
            .get(&format!("/projects/visit-card?{query}"))
            .await
            .expect(200);
        assert_eq!(names(&card), expected, "{query}");
    }
    let card = app
        .as_consultant(CONSULTANT)
        .get(&format!("/projects/visit-card?target={small}"))
        .await
        .expect(200);
    assert_eq!(
        card["items"][1]["say"],
        "서울에서만 하는 사업입니다. 신청은 12월 23일 수요일까지 받고, 소상공인이 대상입니다."
    );
    assert_eq!(
        app.as_customer("010-1234-5678")
            .get(&format!("/projects/visit-card?region={busan}"))
            .await
            .problem(403)
            .0,
        "not-allowed"
    );
}

#[tokio::test]
async fn invalid_card_query_is_refused() {
    let app = start().await;
    let id = Uuid::from_u128(1);
    for query in [
        String::new(),
        "customer=&region=&category=&target=".to_owned(),
        "customer=x".to_owned(),
        format!("customer={id}&region={}", percent_encoded("부산")),
        format!("customer={id}&target=x"),
        "region=x".to_owned(),
        "category=x".to_owned(),
        format!("target={}", "a".repeat(101)),
    ] {
        assert_eq!(
            app.as_salesman(SALESMAN)
                .get(&format!("/projects/visit-card?{query}"))
                .await
                .problem(422)
                .0,
            "wrong-query",
            "{query}"
        );
    }
}

#[tokio::test]
async fn card_lists_at_most_twenty_programmes() {
    let app = start().await;
    for n in 0..22 {
        create_programme(
            &app,
            &format!("사업 {n:02} 번째"),
            "수출",
            "부산",
            "중소기업",
            "2026-12-24",
        )
        .await;
    }
    let card = app
        .as_staff()
        .get(&format!(
            "/projects/visit-card?category={}",
            percent_encoded("수출")
        ))
        .await
        .expect(200);
    assert_eq!(card["items"].as_array().unwrap().len(), 20);
}
