//! What staff see of each project in the list, and their filters.

use events::{Origin, Step};
use serde_json::{Value, json};
use service_kit::testing::TestApp;
use uuid::Uuid;

use crate::{
    CONSULTANT, OTHER_SALESMAN, SALESMAN, consultation_created, consultation_progressed,
    create_ended, create_ongoing, create_project, get_project, id_of, interest_created,
    interest_updated, person, project_with, salesman_matched, start,
};

/// The figures of the projects in the list, by id.
async fn figures(app: &TestApp, query: &str) -> Vec<(Uuid, Value)> {
    let path = format!("/projects?{query}");
    let page = app.as_staff().get(&path).await.expect(200);
    let items = page["items"].as_array().unwrap().iter();
    items
        .map(|item| (id_of(item), item["figures"].clone()))
        .collect()
}

async fn match_with(app: &TestApp, origin: Origin, salesman: Uuid, name: &str) {
    let customer = crate::customer_ref(1);
    let event = salesman_matched(origin, &customer, person(salesman, name), None);
    app.deliver(1, &event).await;
}

/// A project with three consultations and two interests of two salesmen, and its series.
async fn busy_project(app: &TestApp) -> (Uuid, Uuid) {
    let busy = create_ongoing(app, &project_with(&json!({ "name": "바쁜 사업" }))).await;
    let series = id_of(&json!({ "id": get_project(app, busy).await["seriesId"] }));
    for n in 1..=3 {
        let consultation = consultation_created(n, busy, 1);
        app.deliver(1, &consultation).await;
        let salesman = if n == 1 { OTHER_SALESMAN } else { SALESMAN };
        match_with(
            app,
            Origin::Consultation(consultation.consultation_id),
            salesman,
            "옛 이름",
        )
        .await;
    }
    let cancelled = consultation_created(3, busy, 1);
    app.deliver(
        2,
        &consultation_progressed(&cancelled, Step::Apply, Step::Cancelled),
    )
    .await;
    app.deliver(1, &interest_created(11, Some(series), busy, 1))
        .await;
    // The interest service did not know the series yet.
    app.deliver(1, &interest_created(12, None, busy, 2)).await;
    let off = interest_created(13, Some(series), busy, 3);
    app.deliver(1, &off).await;
    app.deliver(2, &interest_updated(&off, false)).await;
    (busy, series)
}

#[tokio::test]
async fn figures_are_the_totals_of_the_view_and_for_staff_only() {
    let app = start().await;
    let (busy, series) = busy_project(&app).await;
    let quiet = create_project(&app, &project_with(&json!({ "name": "조용한 사업" }))).await;
    app.deliver(1, &crate::interest_created(14, Some(series), busy, 4))
        .await;
    let none = json!({
        "interests": 0, "consultations": 0, "salesman": null, "otherSalesmen": 0,
    });
    let mut of_busy = json!({
        "interests": 3, "consultations": 3, "otherSalesmen": 1,
        "salesman": { "id": SALESMAN, "displayName": "" },
    });
    let expected = vec![(busy, of_busy.clone()), (quiet, none.clone())];
    assert_eq!(figures(&app, "sort=name").await, expected);
    // The present name, once it is known.
    sqlx::query("insert into known_salesman (id, display_name) values ($1, '김하늘')")
        .bind(SALESMAN)
        .execute(app.pool())
        .await
        .unwrap();
    of_busy["salesman"]["displayName"] = json!("김하늘");
    assert_eq!(figures(&app, "sort=name").await[0], (busy, of_busy));
    let view = app
        .as_staff()
        .get(&format!("/projects/{busy}/view"))
        .await
        .expect(200);
    assert_eq!(view["progress"]["interested"], 3);
    assert_eq!(
        view["reached"],
        json!({ "applied": 3, "approved": 0, "succeeded": 0 })
    );
    for caller in [
        app.anonymous(),
        app.as_customer("010-1234-5678"),
        app.as_salesman(SALESMAN),
        app.as_consultant(CONSULTANT),
    ] {
        let page = caller.get("/projects").await.expect(200);
        let items = page["items"].as_array().unwrap();
        assert!(items.iter().all(|item| item.get("figures").is_none()));
        let filtered = format!("/projects?salesman={SALESMAN}");
        assert_eq!(caller.get(&filtered).await.problem(422).0, "wrong-query");
    }
}

#[tokio::test]
async fn ended_edition_keeps_its_consultations_and_no_interest() {
    let app = start().await;
    let ended = create_ended(&app, &project_with(&json!({}))).await;
    app.deliver(1, &consultation_created(1, ended, 1)).await;
    app.deliver(1, &interest_created(11, None, ended, 1)).await;
    let figures = figures(&app, "").await;
    assert_eq!(
        (&figures[0].1["interests"], &figures[0].1["consultations"]),
        (&json!(0), &json!(1))
    );
}

#[tokio::test]
async fn list_shows_the_projects_of_a_salesman() {
    let app = start().await;
    let (busy, series) = busy_project(&app).await;
    create_project(&app, &project_with(&json!({ "name": "다른 사업" }))).await;
    let next = project_with(&json!({ "name": "바쁜 사업", "year": 2027, "seriesId": series }));
    let next = create_project(&app, &next).await;
    let ids = async |salesman: Uuid| {
        let query = format!("sort=newest&salesman={salesman}");
        let found = figures(&app, &query).await;
        found.into_iter().map(|(id, _)| id).collect::<Vec<_>>()
    };
    assert_eq!(ids(SALESMAN).await, [busy]);
    assert_eq!(ids(CONSULTANT).await, [] as [Uuid; 0]);
    // An interest is of the series.
    let interest = interest_created(11, Some(series), busy, 1);
    match_with(
        &app,
        Origin::Interest(interest.interest_id),
        CONSULTANT,
        "x",
    )
    .await;
    let mut expected = [busy, next];
    expected.sort();
    expected.reverse();
    assert_eq!(ids(CONSULTANT).await, expected);
    // Of an unknown series, through its edition.
    let interest = interest_created(12, None, busy, 2);
    match_with(
        &app,
        Origin::Interest(interest.interest_id),
        OTHER_SALESMAN,
        "x",
    )
    .await;
    assert_eq!(ids(OTHER_SALESMAN).await, expected);
}

#[tokio::test]
async fn overdue_filter_shows_what_end_overdue_ends() {
    let app = start().await;
    let until = |name: &str, end: &str| {
        let period = json!({ "startsOn": "2026-11-01", "endsOn": end });
        project_with(&json!({ "name": name, "period": period }))
    };
    create_project(&app, &until("예정", "2026-11-20")).await;
    create_ended(&app, &until("종료", "2026-11-20")).await;
    create_ongoing(&app, &until("오늘까지", "2026-11-23")).await;
    let old = create_ongoing(&app, &until("오래됨", "2026-11-02")).await;
    let new = create_ongoing(&app, &until("어제까지", "2026-11-22")).await;
    let ids = async |query: &str| {
        let found = figures(&app, query).await;
        found.into_iter().map(|(id, _)| id).collect::<Vec<_>>()
    };
    let by_id = |mut ids: Vec<Uuid>| {
        ids.sort();
        ids
    };
    let overdue = "overdue=true&phase=closed&status=ongoing";
    for query in ["overdue=true", "overdue=true&sort=name", overdue] {
        assert_eq!(by_id(ids(query).await), by_id(vec![old, new]), "{query}");
    }
    assert_eq!(ids("overdue=true&sort=deadline").await, [new, old]);
    assert_eq!(ids("overdue=true&phase=open").await, [] as [Uuid; 0]);
    assert_eq!(ids("overdue=true&status=planned").await, [] as [Uuid; 0]);
    assert_eq!(ids("overdue=false").await.len(), 5);
    let answer = app
        .as_staff()
        .post("/projects/end-overdue", &json!({}))
        .await
        .expect(200);
    let ended = answer["results"].as_array().unwrap().iter().map(id_of);
    assert_eq!(ended.collect::<Vec<_>>(), [old, new]);
    assert_eq!(ids("overdue=true").await, [] as [Uuid; 0]);
}
