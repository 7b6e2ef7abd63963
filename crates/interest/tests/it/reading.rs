//! What an interest shows: the edition it follows, how that stands, who is on it; and which interests a list holds.

use chrono::TimeDelta;
use events::{
    Actor, Edition, EditionField, Period, PeriodKind, PersonRole, ProjectStatus, SalesmanId,
    SalesmanRegistered, SalesmanUpdated,
};
use serde_json::{Value, json};
use service_kit::testing::{TestApp, a_profile, an_edition, customer};
use uuid::Uuid;

use crate::{
    CONSULTANT, PHONE, PROJECT, SALESMAN, SERIES, STRANGER, a_mark, a_match, created, day, edited,
    ended, id_of, ids, in_year, marked, marked_and_matched, of, seen, start, started, until,
};

const NEXT: Uuid = Uuid::from_u128(0x9408);

async fn followed(app: &TestApp, id: Uuid) -> (Value, Value, Value) {
    let view = seen(app, id).await;
    (
        view["projectId"].clone(),
        view["projectName"].clone(),
        view["project"]["status"].clone(),
    )
}

#[tokio::test]
async fn an_interest_follows_the_newest_edition_of_its_series_without_an_event_of_ours() {
    let app = start().await;
    let id = marked(&app).await;
    let name = |year: i32| json!(format!("{year}년 스마트상점"));
    app.deliver(1, &created(PROJECT, in_year(2026, ProjectStatus::Planned)))
        .await;
    app.deliver(2, &started(PROJECT, in_year(2026, ProjectStatus::Planned)))
        .await;
    assert_eq!(
        followed(&app, id).await,
        (json!(PROJECT), name(2026), json!("ongoing"))
    );
    app.deliver(3, &ended(PROJECT, in_year(2026, ProjectStatus::Ongoing)))
        .await;
    assert_eq!(
        followed(&app, id).await,
        (json!(PROJECT), name(2026), json!("ended"))
    );
    app.deliver(1, &created(NEXT, in_year(2027, ProjectStatus::Planned)))
        .await;
    assert_eq!(
        followed(&app, id).await,
        (json!(NEXT), name(2027), json!("planned"))
    );
    // One of the same year that was announced later, and one of an earlier year.
    let (second, old) = (Uuid::from_u128(0x9409), Uuid::from_u128(0x9999));
    app.deliver(1, &created(second, in_year(2027, ProjectStatus::Planned)))
        .await;
    app.deliver(1, &created(old, in_year(2025, ProjectStatus::Planned)))
        .await;
    assert_eq!(followed(&app, id).await.0, json!(second));
    let renamed = Edition {
        name: "새 이름".to_owned(),
        ..in_year(2027, ProjectStatus::Planned)
    };
    app.deliver(2, &edited(second, renamed, &[EditionField::Name]))
        .await;
    assert_eq!(followed(&app, id).await.1, json!("새 이름"));
    for (edition, year, version) in [(second, 2027, 3), (NEXT, 2027, 2)] {
        app.deliver(
            version,
            &ended(edition, in_year(year, ProjectStatus::Ongoing)),
        )
        .await;
    }
    assert_eq!(followed(&app, id).await.0, json!(old));
    // All are over: the newest.
    app.deliver(2, &ended(old, in_year(2025, ProjectStatus::Ongoing)))
        .await;
    assert_eq!(
        followed(&app, id).await,
        (json!(second), name(2027), json!("ended"))
    );
    assert_eq!(
        (
            &seen(&app, id).await["version"],
            app.new_events().await.len()
        ),
        (&json!(1), 0)
    );
    assert!(app.parked().await.is_empty());
}

#[tokio::test]
async fn what_it_shows_of_its_project_is_what_people_see_of_it_today() {
    let app = start().await;
    let id = marked(&app).await;
    assert_eq!(seen(&app, id).await["project"], Value::Null);
    let period = Period {
        kind: PeriodKind::Range,
        text: "2026-11-02 ~ 2026-12-11".to_owned(),
        starts_on: Some(day("2026-11-02")),
        ends_on: Some(day("2026-12-11")),
    };
    let edition = Edition {
        period,
        ..in_year(2026, ProjectStatus::Planned)
    };
    app.deliver(1, &created(PROJECT, edition.clone())).await;
    // A planned one's period is an expectation, to which nobody counts the days.
    let planned = seen(&app, id).await["project"].clone();
    assert_eq!(
        (&planned["daysLeft"], &planned["period"]["endsOn"]),
        (&Value::Null, &json!("2026-12-11"))
    );
    app.deliver(2, &started(PROJECT, edition.clone())).await;
    assert_eq!(
        seen(&app, id).await["project"],
        json!({
            "year": 2026,
            "category": "기술",
            "agency": "중소벤처기업부",
            "status": "ongoing",
            "phase": "open",
            "daysLeft": 18,
            "period": { "kind": "range", "text": "2026-11-02 ~ 2026-12-11", "startsOn": "2026-11-02", "endsOn": "2026-12-11" },
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
                period: until(Some("2027-01-31")),
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
async fn the_newest_known_name_of_somebody_is_shown_whichever_topic_told_it() {
    let app = start().await;
    let id = marked(&app).await;
    app.deliver(1, &a_match(of(id), SALESMAN, Some(CONSULTANT)))
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
    let told = (
        crate::person(SALESMAN).display_name,
        crate::person(CONSULTANT).display_name,
    );
    assert_eq!(names().await, told);
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
    assert_eq!(names().await, ("김하늘".to_owned(), told.1.clone()));
    // Turning it off and on writes nothing over what the match told.
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
    assert_eq!(names().await, ("김바다".to_owned(), told.1));
    let kept: String = sqlx::query_scalar("select salesman_name from interest")
        .fetch_one(app.pool())
        .await
        .unwrap();
    assert_eq!(kept, told.0);
}

/// Three interests: the usual customer's in two programmes, the second of them off, and the stranger's in the first, each matched.
async fn three(app: &TestApp) -> [Uuid; 3] {
    let other = Uuid::from_u128(0xB);
    app.deliver(1, &created(PROJECT, in_year(2026, ProjectStatus::Ongoing)))
        .await;
    app.deliver(1, &created(NEXT, in_year(2027, ProjectStatus::Planned)))
        .await;
    app.deliver(
        1,
        &created(other, an_edition(Uuid::from_u128(0xB5), "다른 사업")),
    )
    .await;
    let mut made = Vec::new();
    for (phone, project) in [(PHONE, PROJECT), (PHONE, other), (STRANGER, PROJECT)] {
        app.clock().advance(TimeDelta::seconds(1));
        let id = id_of(
            &app.as_customer(phone)
                .post("/interests", &json!({ "projectId": project }))
                .await
                .expect(201),
        );
        app.deliver(1, &a_match(of(id), SALESMAN, Some(CONSULTANT)))
            .await;
        made.push(id);
    }
    let path = format!("/interests/{}", made[1]);
    app.as_customer(PHONE)
        .patch_if(&path, 1, &json!({ "interested": false }))
        .await
        .expect(200);
    made.try_into().unwrap()
}

#[tokio::test]
async fn a_salesman_lists_the_interests_he_is_on_and_no_others() {
    let app = start().await;
    let (other_salesman, other_consultant) = (Uuid::from_u128(0x5A1F), Uuid::from_u128(0xC046));
    let mut made = Vec::new();
    for (phone, salesman, consultant) in [
        (PHONE, SALESMAN, Some(CONSULTANT)),
        (PHONE, other_salesman, Some(other_consultant)),
        (STRANGER, SALESMAN, Some(other_consultant)),
        (STRANGER, other_salesman, None),
    ] {
        app.clock().advance(TimeDelta::seconds(1));
        let body = json!({ "projectId": Uuid::new_v4(), "projectName": "사업" });
        let id = id_of(
            &app.as_customer(phone)
                .post("/interests", &body)
                .await
                .expect(201),
        );
        app.deliver(1, &a_match(of(id), salesman, consultant)).await;
        made.push(id);
    }
    for (who, caller, expected) in [
        (
            "salesman",
            app.as_salesman(SALESMAN),
            vec![made[2], made[0]],
        ),
        (
            "other salesman",
            app.as_salesman(other_salesman),
            vec![made[3], made[1]],
        ),
        ("consultant", app.as_consultant(CONSULTANT), vec![made[0]]),
        (
            "other consultant",
            app.as_consultant(other_consultant),
            vec![made[2], made[1]],
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
async fn a_list_can_be_narrowed_to_a_programme_a_customer_and_what_is_on() {
    let app = start().await;
    let [his, off, strangers] = three(&app).await;
    let himself = customer(PHONE).subject;
    for (query, expected) in [
        (String::new(), vec![strangers, off, his]),
        // Any edition of the series, whichever it shows.
        (format!("project={PROJECT}"), vec![strangers, his]),
        (format!("project={NEXT}"), vec![strangers, his]),
        (format!("project={}", Uuid::from_u128(0x404)), vec![]),
        (format!("series={SERIES}"), vec![strangers, his]),
        (format!("customer={himself}"), vec![off, his]),
        ("interested=true".to_owned(), vec![strangers, his]),
        ("interested=false".to_owned(), vec![off]),
        (
            format!("customer={himself}&interested=true&project={PROJECT}&series={SERIES}"),
            vec![his],
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
    // Nobody sees more by asking for it.
    let of_stranger = format!("/interests?customer={}", customer(STRANGER).subject);
    assert_eq!(
        ids(&app.as_customer(PHONE).get(&of_stranger).await.expect(200)),
        [] as [Uuid; 0]
    );
    assert_eq!(
        ids(&app
            .as_customer(STRANGER)
            .get(&of_stranger)
            .await
            .expect(200)),
        [strangers]
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
async fn a_narrowed_list_goes_to_its_end_too() {
    let app = start().await;
    let [his, _, strangers] = three(&app).await;
    let first = app
        .as_staff()
        .get(&format!(
            "/interests?limit=1&interested=true&series={SERIES}"
        ))
        .await;
    let link = first.headers["link"].to_str().unwrap().to_owned();
    let first = first.expect(200);
    assert_eq!(ids(&first), [strangers]);
    assert_eq!(
        link,
        format!("<?limit=1&interested=true&series={SERIES}&after={strangers}>; rel=\"next\"")
    );
    let second = app
        .as_staff()
        .get(&format!(
            "/interests?limit=1&interested=true&series={SERIES}&after={strangers}"
        ))
        .await
        .expect(200);
    assert_eq!((ids(&second), second.get("next")), (vec![his], None));
}

#[tokio::test]
async fn what_was_marked_by_an_id_this_service_has_not_heard_of_is_found_by_it() {
    let app = start().await;
    let id = marked(&app).await;
    let page = app
        .as_customer(PHONE)
        .get(&format!("/interests?project={PROJECT}"))
        .await
        .expect(200);
    assert_eq!(ids(&page), [id]);
}

#[tokio::test]
async fn a_query_that_cannot_be_meant_is_refused() {
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
async fn who_marked_an_edition_and_who_marked_the_next_are_both_interested_in_the_series() {
    let app = start().await;
    let id = marked_and_matched(&app).await;
    app.deliver(1, &created(NEXT, in_year(2027, ProjectStatus::Planned)))
        .await;
    app.deliver(1, &created(PROJECT, in_year(2026, ProjectStatus::Ended)))
        .await;
    let again = app
        .as_customer(PHONE)
        .post("/interests", &json!({ "projectId": NEXT }))
        .await
        .expect(200);
    assert_eq!((id_of(&again), &again["projectId"]), (id, &json!(NEXT)));
    let strangers = app
        .as_customer(STRANGER)
        .post("/interests", &a_mark())
        .await
        .expect(201);
    assert_eq!(strangers["projectId"], json!(NEXT));
}
