//! Regions that replaced others: 전남광주 in place of 광주 and 전남 since July 2026.

use std::collections::BTreeSet;

use serde_json::json;
use service_kit::testing::TestApp;

use crate::import_plan::{csv, import};
use crate::list::names;
use crate::{
    SALESMAN, create_ongoing, create_project, get_project, percent_encoded, project_with, start,
};

const OLD_CITY: &str = "광주 사업";
const OLD_PROVINCE: &str = "전남 사업";
const UNITED: &str = "통합 사업";
const BUSAN: &str = "부산 사업";
const EVERYWHERE: &str = "어디나 사업";

/// Ongoing programmes of the old regions, of the one that replaced them, and of others.
async fn create_programmes(app: &TestApp) {
    for (name, region, agency) in [
        (OLD_CITY, "광주", "광주광역시"),
        (OLD_PROVINCE, "전남", "전라남도"),
        (UNITED, "전남광주", "전남광주통합특별시"),
        (BUSAN, "부산", "부산광역시"),
        (EVERYWHERE, "전국", "가상부"),
    ] {
        let fields = json!({
            "name": name, "regions": [region], "agency": agency,
            "period": { "kind": "always", "text": "상시" },
        });
        create_ongoing(app, &project_with(&fields)).await;
    }
}

fn set<const N: usize>(names: [&str; N]) -> BTreeSet<String> {
    names.into_iter().map(str::to_owned).collect()
}

async fn found(app: &TestApp, query: &str) -> BTreeSet<String> {
    names(app, query).await.into_iter().collect()
}

#[tokio::test]
async fn old_and_new_regions_find_each_others_programmes() {
    let app = start().await;
    create_programmes(&app).await;
    for (region, expected) in [
        (
            "전남광주",
            set([OLD_CITY, OLD_PROVINCE, UNITED, EVERYWHERE]),
        ),
        ("광주", set([OLD_CITY, UNITED, EVERYWHERE])),
        ("전남", set([OLD_PROVINCE, UNITED, EVERYWHERE])),
        ("부산", set([BUSAN, EVERYWHERE])),
    ] {
        let region_query = format!("region={}", percent_encoded(region));
        assert_eq!(found(&app, &region_query).await, expected, "{region}");
        let card = app
            .as_salesman(SALESMAN)
            .get(&format!("/projects/visit-card?{region_query}"))
            .await
            .expect(200);
        let items = card["items"].as_array().unwrap().iter();
        let on_card: BTreeSet<String> = items
            .map(|item| item["project"]["name"].as_str().unwrap().to_owned())
            .collect();
        assert_eq!(on_card, expected, "{region}");
    }
}

#[tokio::test]
async fn search_finds_a_region_by_its_names_of_past_and_present() {
    let app = start().await;
    create_programmes(&app).await;
    for (agency, name) in [
        ("강원도", "옛 강원"),
        ("강원특별자치도", "새 강원"),
        ("전라북도", "옛 전북"),
        ("전북특별자치도", "새 전북"),
    ] {
        create_project(
            &app,
            &project_with(&json!({ "name": name, "agency": agency })),
        )
        .await;
    }
    for (q, expected) in [
        ("전남광주", set([OLD_CITY, OLD_PROVINCE, UNITED])),
        ("전남광주통합특별시", set([OLD_CITY, OLD_PROVINCE, UNITED])),
        ("전라남도", set([OLD_PROVINCE, UNITED])),
        ("전남", set([OLD_PROVINCE, UNITED])),
        ("광주광역시", set([OLD_CITY, UNITED])),
        ("전남광주 통합", set([UNITED])),
        ("강원도", set(["옛 강원", "새 강원"])),
        ("강원특별자치도", set(["옛 강원", "새 강원"])),
        ("전라북도", set(["옛 전북", "새 전북"])),
        ("전북", set(["옛 전북", "새 전북"])),
    ] {
        let query = format!("q={}", percent_encoded(q));
        assert_eq!(found(&app, &query).await, expected, "{q}");
    }
}

#[tokio::test]
async fn region_is_shown_as_entered_and_published_as_every_build_knows_it() {
    let app = start().await;
    let body = project_with(&json!({ "regions": ["제주", "전남광주"] }));
    let id = create_project(&app, &body).await;
    assert_eq!(
        get_project(&app, id).await["regions"],
        json!(["제주", "전남광주"])
    );
    let published = &app.new_events().await[0].2;
    assert_eq!(
        (&published["regions"], &published["regionNames"]),
        (
            &json!(["제주", "광주", "전남"]),
            &json!(["제주", "전남광주"])
        )
    );
    let edited = app
        .as_staff()
        .patch_if(
            &format!("/projects/{id}"),
            1,
            &json!({ "regions": ["서울"] }),
        )
        .await
        .expect(200);
    assert_eq!(edited["regions"], json!(["서울"]));
    let published = &app.new_events().await[0].2;
    assert_eq!(
        (&published["regions"], published.get("regionNames")),
        (&json!(["서울"]), None)
    );
}

#[tokio::test]
async fn regions_that_the_build_before_stored_count() {
    let app = start().await;
    let body = project_with(&json!({ "regions": ["전남광주"] }));
    let id = create_project(&app, &body).await;
    // The build before does not know the column of the names, and leaves it as it was.
    sqlx::query("update project set regions = $2 where id = $1")
        .bind(id)
        .bind(json!(["부산"]))
        .execute(app.pool())
        .await
        .unwrap();
    assert_eq!(get_project(&app, id).await["regions"], json!(["부산"]));
}

#[tokio::test]
async fn unknown_region_is_refused_with_all_that_are_known() {
    let app = start().await;
    let body = project_with(&json!({ "regions": ["전남광주특별시"] }));
    let problem = app.as_staff().post("/projects", &body).await.expect(422);
    let message = problem["errors"][0]["message"].as_str().unwrap();
    assert_eq!(problem["errors"][0]["pointer"], "/regions");
    assert!(
        message.contains("서울, 부산") && message.contains("전남광주"),
        "{message}"
    );
}

#[tokio::test]
async fn imported_titles_and_agencies_name_regions_of_past_and_present() {
    use unicode_normalization::UnicodeNormalization as _;
    let app = start().await;
    let row = |id: u32, name: &str, agency: &str| {
        format!(
            "{id},창업,{name},2026-11-02,2026-12-11,{agency},가상원,2026-10-01,\
             https://www.bizinfo.go.kr/view.do?pblancId=PBLN_{id}\n"
        )
    };
    let decomposed: String = row(4, "[부산] 2026년 자모 사업", "부산광역시")
        .nfd()
        .collect();
    let file = csv(&[
        row(1, "[전남광주] 2026년 괄호 사업", "가상부"),
        row(2, "2026년 기관 사업", "전남광주통합특별시"),
        row(3, "[전남] 2026년 옛 사업", "전라남도"),
        decomposed,
    ]);
    import(&app, file).await;
    let view = |name: &'static str| {
        let app = &app;
        async move {
            let query = format!("q={}", percent_encoded(name));
            let page = app
                .anonymous()
                .get(&format!("/projects?{query}"))
                .await
                .expect(200);
            let items = page["items"].as_array().unwrap();
            assert_eq!(items.len(), 1, "{name}");
            items[0].clone()
        }
    };
    for (name, regions) in [
        ("괄호 사업", json!(["전남광주"])),
        ("기관 사업", json!(["전남광주"])),
        ("옛 사업", json!(["전남"])),
        ("자모 사업", json!(["부산"])),
    ] {
        assert_eq!(view(name).await["regions"], regions, "{name}");
    }
    let composed = view("자모 사업").await;
    assert_eq!(
        (&composed["name"], &composed["category"]),
        (&json!("[부산] 2026년 자모 사업"), &json!("창업"))
    );
}
