//! What an interest shows, and which interests a list contains.

use chrono::TimeDelta;
use events::{
    Actor, Edition, EditionField, Period, PeriodKind, PersonRole, ProjectStatus, SalesmanId,
    SalesmanRegistered, SalesmanUpdated,
};
use serde_json::{Value, json};
use service_kit::testing::{TestApp, a_profile, an_edition, customer};
use uuid::Uuid;

use crate::{
    CONSULTANT, OTHER_PHONE, PHONE, PROJECT, SALESMAN, SERIES, create_body, create_interest,
    create_matched_interest, created, day, edited, edition_of_year, ended, id_of, ids,
    interest_origin, period_until, salesman_matched, start, started, view_as_staff,
};

const NEXT: Uuid = Uuid::from_u128(0x9408);

async fn shown_edition(app: &TestApp, id: Uuid) -> (Value, Value, Value) {
    let view = view_as_staff(app, id).await;
    (
        view["projectId"].clone(),
        view["projectName"].clone(),
        view["project"]["status"].clone(),
    )
}

#[tokio::test]
async fn interest_shows_the_newest_edition_without_an_event() {
    let app = start().await;
    let id = create_interest(&app).await;
    let name = |year: i32| json!(format!("{year}년 스마트상점"));
    app.deliver(
        1,
        &created(PROJECT, edition_of_year(2026, ProjectStatus::Planned)),
    )
    .await;
    app.deliver(
        2,
        &started(PROJECT, edition_of_year(2026, ProjectStatus::Planned)),
    )
    .await;
    assert_eq!(
        shown_edition(&app, id).await,
        (json!(PROJECT), name(2026), json!("ongoing"))
    );
    app.deliver(
        3,
        &ended(PROJECT, edition_of_year(2026, ProjectStatus::Ongoing)),
    )
    .await;
    assert_eq!(
        shown_edition(&app, id).await,
        (json!(PROJECT), name(2026), json!("ended"))
    );
    app.deliver(
        1,
        &created(NEXT, edition_of_year(2027, ProjectStatus::Planned)),
    )
    .await;
    assert_eq!(
        shown_edition(&app, id).await,
        (json!(NEXT), name(2027), json!("planned"))
    );
    // A later edition of the same year, and one of an earlier year.
    let (second, old) = (Uuid::from_u128(0x9409), Uuid::from_u128(0x9999));
    app.deliver(
        1,
        &created(second, edition_of_year(2027, ProjectStatus::Planned)),
    )
    .await;
    app.deliver(
        1,
        &created(old, edition_of_year(2025, ProjectStatus::Planned)),
    )
    .await;
    assert_eq!(shown_edition(&app, id).await.0, json!(second));
    let renamed = Edition {
        name: "새 이름".to_owned(),
        ..edition_of_year(2027, ProjectStatus::Planned)
    };
    app.deliver(2, &edited(second, renamed, &[EditionField::Name]))
        .await;
    assert_eq!(shown_edition(&app, id).await.1, json!("새 이름"));
    for (edition, year, version) in [(second, 2027, 3), (NEXT, 2027, 2)] {
        app.deliver(
            version,
            &ended(edition, edition_of_year(year, ProjectStatus::Ongoing)),
        )
        .await;
    }
    assert_eq!(shown_edition(&app, id).await.0, json!(old));
    // All have ended: the newest.
    app.deliver(
        2,
        &ended(old, edition_of_year(2025, ProjectStatus::Ongoing)),
    )
    .await;
    assert_eq!(
        shown_edition(&app, id).await,
        (json!(second), name(2027), json!("ended"))
    );
    assert_eq!(
        (
            &view_as_staff(&app, id).await["version"],
            app.new_events().await.len()
        ),
        (&json!(1), 0)
    );
    assert!(app.parked().await.is_empty());
}

#[tokio::test]
async fn interest_shows_the_current_state_of_its_project() {
    let app = start().await;
    let id = create_interest(&app).await;
    assert_eq!(view_as_staff(&app, id).await["project"], Value::Null);
    let period = Period {
        kind: PeriodKind::Range,
        text: "2026-11-02 ~ 2026-12-11".to_owned(),
        starts_on: Some(day("2026-11-02")),
        ends_on: Some(day("2026-12-11")),
    };
    let edition = Edition {
        period,
        ..edition_of_year(2026, ProjectStatus::Planned)
    };
    app.deliver(1, &created(PROJECT, edition.clone())).await;
    // The period of a planned edition is an expectation, without a countdown.
    let planned = view_as_staff(&app, id).await["project"].clone();
    assert_eq!(
        (&planned["daysLeft"], &planned["period"]["endsOn"]),
        (&Value::Null, &json!("2026-12-11"))
    );
    app.deliver(2, &started(PROJECT, edition.clone())).await;
    assert_eq!(
        view_as_staff(&app, id).await["project"],
        json!({
            "year": 2026,
            "category": "기술",
            "agency": "중소벤처기업부",
            "status": "ongoing",
            "phase": "open",
            "daysLeft": 18,
            "period": {
                "kind": "range", "text": "2026-11-02 ~ 2026-12-11",
                "startsOn": "2026-11-02", "endsOn": "2026-12-11",
            },
        })
    );
    let caller = app.as_customer(PHONE);
    let state = async || {
        let project = caller.get("/interests").await.expect(200)["items"][0]["project"].clone();
        (project["phase"].clone(), project["daysLeft"].clone())
    };
    // The last second of a day in Seoul, and the first of the next.
    app.clock()
        .advance(TimeDelta::hours(14) + TimeDelta::days(10) - TimeDelta::seconds(1));
    assert_eq!(state().await, (json!("open"), json!(8)));
    app.clock().advance(TimeDelta::seconds(1));
    assert_eq!(state().await, (json!("closing"), json!(7)));
    app.clock().advance(TimeDelta::days(7));
    assert_eq!(state().await, (json!("closing"), json!(0)));
    app.clock().advance(TimeDelta::days(1));
    assert_eq!(state().await, (json!("closed"), Value::Null));
    app.deliver(
        3,
        &ended(
            PROJECT,
            Edition {
                period: period_until(Some("2027-01-31")),
                ..edition.clone()
            },
        ),
    )
    .await;
    assert_eq!(state().await, (json!("ended"), Value::Null));
    let again = Edition {
        status: ProjectStatus::Ongoing,
        ..an_edition(SERIES, "상시")
    };
    app.deliver(4, &edited(PROJECT, again, &[EditionField::Period]))
        .await;
    assert_eq!(state().await, (json!("always"), Value::Null));
}

#[tokio::test]
async fn newest_known_name_of_a_person_is_shown() {
    let app = start().await;
    let id = create_interest(&app).await;
    app.deliver(
        1,
        &salesman_matched(interest_origin(id), SALESMAN, Some(CONSULTANT)),
    )
    .await;
    let names = async || {
        let view = app
            .as_customer(PHONE)
            .get(&format!("/interests/{id}"))
            .await
            .expect(200);
        (
            view["salesman"]["displayName"].as_str().unwrap().to_owned(),
            view["consultant"]["displayName"]
                .as_str()
                .unwrap()
                .to_owned(),
        )
    };
    let matched_names = (
        crate::person(SALESMAN).display_name,
        crate::person(CONSULTANT).display_name,
    );
    assert_eq!(names().await, matched_names);
    let salesman_id = SalesmanId(SALESMAN);
    let profile = a_profile("김하늘", PersonRole::Salesman, 3);
    app.deliver(
        1,
        &SalesmanRegistered {
            salesman_id,
            profile,
            actor: Actor::System,
        },
    )
    .await;
    assert_eq!(
        names().await,
        ("김하늘".to_owned(), matched_names.1.clone())
    );
    // Turning off and on does not overwrite the name from the match.
    let (path, caller) = (format!("/interests/{id}"), app.as_customer(PHONE));
    caller
        .patch_if(&path, 1, &json!({ "interested": false }))
        .await
        .expect(200);
    let profile = a_profile("김바다", PersonRole::Salesman, 3);
    app.deliver(
        2,
        &SalesmanUpdated {
            salesman_id,
            profile,
            actor: Actor::System,
        },
    )
    .await;
    assert_eq!(names().await, ("김바다".to_owned(), matched_names.1));
    let stored_name: String = sqlx::query_scalar("select salesman_name from interest")
        .fetch_one(app.pool())
        .await
        .unwrap();
    assert_eq!(stored_name, matched_names.0);
}

/// Three matched interests: two of the usual customer, the second of them off, and one of the other
/// customer.
async fn create_three_interests(app: &TestApp) -> [Uuid; 3] {
    let other = Uuid::from_u128(0xB);
    app.deliver(
        1,
        &created(PROJECT, edition_of_year(2026, ProjectStatus::Ongoing)),
    )
    .await;
    app.deliver(
        1,
        &created(NEXT, edition_of_year(2027, ProjectStatus::Planned)),
    )
    .await;
    app.deliver(
        1,
        &created(other, an_edition(Uuid::from_u128(0xB5), "다른 사업")),
    )
    .await;
    let mut interests = Vec::new();
    for (phone, project) in [(PHONE, PROJECT), (PHONE, other), (OTHER_PHONE, PROJECT)] {
        app.clock().advance(TimeDelta::seconds(1));
        let id = id_of(
            &app.as_customer(phone)
                .post("/interests", &json!({ "projectId": project }))
                .await
                .expect(201),
        );
        app.deliver(
            1,
            &salesman_matched(interest_origin(id), SALESMAN, Some(CONSULTANT)),
        )
        .await;
        interests.push(id);
    }
    let path = format!("/interests/{}", interests[1]);
    app.as_customer(PHONE)
        .patch_if(&path, 1, &json!({ "interested": false }))
        .await
        .expect(200);
    interests.try_into().unwrap()
}

#[tokio::test]
async fn salesman_lists_only_assigned_interests() {
    let app = start().await;
    let (other_salesman, other_consultant) = (Uuid::from_u128(0x5A1F), Uuid::from_u128(0xC046));
    let mut interests = Vec::new();
    for (phone, salesman, consultant) in [
        (PHONE, SALESMAN, Some(CONSULTANT)),
        (PHONE, other_salesman, Some(other_consultant)),
        (OTHER_PHONE, SALESMAN, Some(other_consultant)),
        (OTHER_PHONE, other_salesman, None),
    ] {
        app.clock().advance(TimeDelta::seconds(1));
        let body = json!({ "projectId": Uuid::new_v4(), "projectName": "사업" });
        let id = id_of(
            &app.as_customer(phone)
                .post("/interests", &body)
                .await
                .expect(201),
        );
        app.deliver(
            1,
            &salesman_matched(interest_origin(id), salesman, consultant),
        )
        .await;
        interests.push(id);
    }
    for (who, caller, expected) in [
        (
            "salesman",
            app.as_salesman(SALESMAN),
            vec![interests[2], interests[0]],
        ),
        (
            "other salesman",
            app.as_salesman(other_salesman),
            vec![interests[3], interests[1]],
        ),
        (
            "consultant",
            app.as_consultant(CONSULTANT),
            vec![interests[0]],
        ),
        (
            "other consultant",
            app.as_consultant(other_consultant),
            vec![interests[2], interests[1]],
        ),
        (
            "consultant with a salesman's id",
            app.as_consultant(SALESMAN),
            vec![],
        ),
        (
            "salesman with a consultant's id",
            app.as_salesman(CONSULTANT),
            vec![],
        ),
    ] {
        assert_eq!(
            ids(&caller.get("/interests").await.expect(200)),
            expected,
            "{who}"
        );
    }
}

#[tokio::test]
async fn list_is_filtered_by_programme_customer_and_state() {
    let app = start().await;
    let [own, off, others] = create_three_interests(&app).await;
    let customer_id = customer(PHONE).subject;
    for (query, expected) in [
        (String::new(), vec![others, off, own]),
        // By any edition of the series.
        (format!("project={PROJECT}"), vec![others, own]),
        (format!("project={NEXT}"), vec![others, own]),
        (format!("project={}", Uuid::from_u128(0x404)), vec![]),
        (format!("series={SERIES}"), vec![others, own]),
        (format!("customer={customer_id}"), vec![off, own]),
        ("interested=true".to_owned(), vec![others, own]),
        ("interested=false".to_owned(), vec![off]),
        (
            format!("customer={customer_id}&interested=true&project={PROJECT}&series={SERIES}"),
            vec![own],
        ),
    ] {
        for caller in [
            app.as_staff(),
            app.as_salesman(SALESMAN),
            app.as_consultant(CONSULTANT),
        ] {
            assert_eq!(
                ids(&caller.get(&format!("/interests?{query}")).await.expect(200)),
                expected,
                "{query}"
            );
        }
    }
    // A filter never extends access.
    let of_other = format!("/interests?customer={}", customer(OTHER_PHONE).subject);
    assert_eq!(
        ids(&app.as_customer(PHONE).get(&of_other).await.expect(200)),
        [] as [Uuid; 0]
    );
    assert_eq!(
        ids(&app
            .as_customer(OTHER_PHONE)
            .get(&of_other)
            .await
            .expect(200)),
        [others]
    );
    let by_another = app.as_salesman(Uuid::from_u128(0xBAD));
    assert_eq!(
        ids(&by_another
            .get(&format!("/interests?series={SERIES}"))
            .await
            .expect(200)),
        [] as [Uuid; 0]
    );
}

#[tokio::test]
async fn filtered_list_is_paged_to_its_end() {
    let app = start().await;
    let [own, _, others] = create_three_interests(&app).await;
    let first = app
        .as_staff()
        .get(&format!(
            "/interests?limit=1&interested=true&series={SERIES}"
        ))
        .await;
    let link = first.headers["link"].to_str().unwrap().to_owned();
    let first = first.expect(200);
    assert_eq!(ids(&first), [others]);
    assert_eq!(
        link,
        format!("<?limit=1&interested=true&series={SERIES}&after={others}>; rel=\"next\"")
    );
    let second = app
        .as_staff()
        .get(&format!(
            "/interests?limit=1&interested=true&series={SERIES}&after={others}"
        ))
        .await
        .expect(200);
    assert_eq!((ids(&second), second.get("next")), (vec![own], None));
}

#[tokio::test]
async fn interest_in_an_unknown_project_is_found_by_its_id() {
    let app = start().await;
    let id = create_interest(&app).await;
    let page = app
        .as_customer(PHONE)
        .get(&format!("/interests?project={PROJECT}"))
        .await
        .expect(200);
    assert_eq!(ids(&page), [id]);
}

#[tokio::test]
async fn unreadable_query_is_refused() {
    let app = start().await;
    for query in [
        "project=x",
        "series=1",
        "customer=%00",
        "interested=maybe",
        "limit=0",
        "after=x",
    ] {
        assert_eq!(
            app.as_staff()
                .get(&format!("/interests?{query}"))
                .await
                .problem(422)
                .0,
            "wrong-query",
            "{query}"
        );
    }
}

#[tokio::test]
async fn marks_of_two_editions_are_interests_in_one_series() {
    let app = start().await;
    let id = create_matched_interest(&app).await;
    app.deliver(
        1,
        &created(NEXT, edition_of_year(2027, ProjectStatus::Planned)),
    )
    .await;
    app.deliver(
        1,
        &created(PROJECT, edition_of_year(2026, ProjectStatus::Ended)),
    )
    .await;
    let again = app
        .as_customer(PHONE)
        .post("/interests", &json!({ "projectId": NEXT }))
        .await
        .expect(200);
    assert_eq!((id_of(&again), &again["projectId"]), (id, &json!(NEXT)));
    let others = app
        .as_customer(OTHER_PHONE)
        .post("/interests", &create_body())
        .await
        .expect(201);
    assert_eq!(others["projectId"], json!(NEXT));
}
