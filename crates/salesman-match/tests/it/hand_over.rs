//! The open matches of people who left go back to the queue, and to others.

use chrono::TimeDelta;
use events::{Leave, PersonRole, SalesmanRegistered, SalesmanUpdated, Step};
use serde_json::{Value, json};
use service_kit::testing::TestApp;
use uuid::Uuid;

use crate::{
    FOUR, PHONE, assign, consultant, match_id, match_of, progressed, registered, requested,
    salesman, start, updated, who,
};

fn inactive(person: &SalesmanRegistered) -> SalesmanUpdated {
    updated(person, |profile| profile.active = false)
}

/// The event of a leave of these days in November.
fn on_leave(person: &SalesmanRegistered, days: (u32, u32), hand_over: bool) -> SalesmanUpdated {
    let day = |day: u32| format!("2026-11-{day}").parse().unwrap();
    updated(person, |profile| {
        profile.leave = Some(Leave {
            from: day(days.0),
            until: day(days.1),
            hand_over,
        });
    })
}

/// Salesman 1 and consultant 9 with one match of each of these last digits.
async fn matched(app: &TestApp, fours: &[&str]) -> (SalesmanRegistered, Vec<Uuid>) {
    let person = registered(1, PersonRole::Salesman, 50);
    app.deliver(1, &person).await;
    consultant(app, 9, 50).await;
    let origins = requested(app, fours).await;
    assert_eq!(assign(app).await, fours.len());
    app.new_events().await;
    (person, origins)
}

/// The type without its prefix, the version, and the salesman and consultant now and before.
type Published = (String, i64, [Option<u128>; 4]);

async fn published(app: &TestApp) -> Vec<Published> {
    let events = app.new_events().await;
    let id = |id: &Value| id.as_str().map(|id| id.parse::<Uuid>().unwrap().as_u128());
    let published = events.into_iter().map(|(name, version, event)| {
        let name = name.trim_start_matches("ktgg.").trim_end_matches(".v1");
        let people = [
            &event["salesman"]["id"],
            &event["consultant"]["id"],
            &event["previousSalesmanId"],
            &event["previousConsultantId"],
        ];
        (name.to_owned(), version, people.map(id))
    });
    published.collect()
}

async fn salesmen(app: &TestApp, origins: &[Uuid]) -> Vec<Option<u128>> {
    let mut found = Vec::new();
    for origin in origins {
        found.push(who(&match_of(app, *origin).await, "salesman"));
    }
    found
}

#[tokio::test]
async fn matches_of_who_left_are_filled_again_oldest_first() {
    let app = start().await;
    let (person, mut origins) = matched(&app, &["0001", "0002", "0003"]).await;
    // Salesman 1 is at capacity: the newest request waits.
    app.deliver(2, &updated(&person, |profile| profile.capacity = 3))
        .await;
    app.clock().advance(TimeDelta::hours(1));
    origins.extend(requested(&app, ["0004"]).await);
    assert_eq!(assign(&app).await, 0);
    let before = match_of(&app, origins[0]).await;

    app.deliver(3, &inactive(&person)).await;
    salesman(&app, 2, 2).await;
    assert_eq!(assign(&app).await, 3 + 2);
    assert_eq!(
        salesmen(&app, &origins).await,
        [Some(2), Some(2), None, None]
    );
    let unmatched = (
        "SalesmanUnmatched".to_owned(),
        2,
        [None, Some(9), Some(1), Some(9)],
    );
    let again = (
        "SalesmanMatched".to_owned(),
        3,
        [Some(2), Some(9), None, Some(9)],
    );
    assert_eq!(
        published(&app).await,
        [vec![unmatched; 3], vec![again; 2]].concat()
    );
    let after = match_of(&app, origins[0]).await;
    assert_eq!(after["requestedAt"], before["requestedAt"]);
    assert_eq!(after["reason"]["salesman"]["candidates"][0]["open"], 0);
    assert_eq!(
        after["reason"]["consultant"],
        before["reason"]["consultant"]
    );

    // Staff see in the queue what still waits, the oldest first.
    let queue = app.as_staff().get("/salesman-matches?unassigned").await;
    let waiting = queue.expect(200)["items"].as_array().unwrap().clone();
    let ids: Vec<_> = waiting
        .iter()
        .map(|row| row["origin"]["id"].clone())
        .collect();
    assert_eq!(ids, [json!(origins[2]), json!(origins[3])]);
    assert_eq!(waiting[0]["lacks"], json!(["salesman"]));
    assert_eq!(waiting[0]["reason"].get("salesman"), None);
    assert_eq!(waiting[0].get("strategy"), None);
}

#[tokio::test]
async fn who_left_sees_the_match_no_more_and_the_customer_waits() {
    let app = start().await;
    let (person, origins) = matched(&app, &[FOUR]).await;
    let path = format!("/salesman-matches/{}", match_id(&app, origins[0]).await);
    let leaver = app.as_salesman(person.salesman_id.0);
    leaver.get(&path).await.expect(200);
    app.deliver(2, &inactive(&person)).await;
    assert_eq!(assign(&app).await, 1);
    leaver.get(&path).await.problem(404);
    let own = leaver.get("/salesman-matches").await.expect(200);
    assert_eq!(own["items"], json!([]));
    let customer = app.as_customer(PHONE);
    let seen = customer.get("/salesman-matches").await.expect(200);
    assert_eq!(
        (&seen["items"][0]["salesman"], &seen["items"][0]["lacks"]),
        (&Value::Null, &json!(["salesman"]))
    );
    // The consultant stays, and still sees it.
    let consultant = app.as_consultant(Uuid::from_u128(9));
    assert!(consultant.get(&path).await.expect(200)["matchedAt"].is_string());
}

#[tokio::test]
async fn consultant_who_left_is_replaced_and_the_salesman_stays() {
    let app = start().await;
    let (_, origins) = matched(&app, &[FOUR]).await;
    let consultant_9 = registered(9, PersonRole::Consultant, 50);
    app.deliver(2, &inactive(&consultant_9)).await;
    assert_eq!(assign(&app).await, 1);
    assert_eq!(match_of(&app, origins[0]).await["strategy"], "phone-suffix");
    consultant(&app, 10, 1).await;
    assert_eq!(assign(&app).await, 1);
    assert_eq!(
        published(&app).await,
        [
            (
                "SalesmanUnmatched".to_owned(),
                2,
                [Some(1), None, Some(1), Some(9)]
            ),
            (
                "SalesmanMatched".to_owned(),
                3,
                [Some(1), Some(10), Some(1), None]
            ),
        ]
    );
}

#[tokio::test]
async fn match_whose_two_people_left_has_none() {
    let app = start().await;
    let (person, origins) = matched(&app, &[FOUR]).await;
    app.deliver(2, &inactive(&person)).await;
    let consultant_9 = registered(9, PersonRole::Consultant, 50);
    app.deliver(2, &inactive(&consultant_9)).await;
    assert_eq!(assign(&app).await, 1);
    let unmatched = match_of(&app, origins[0]).await;
    assert_eq!(unmatched["lacks"], json!(["salesman", "consultant"]));
    assert_eq!(
        (&unmatched["matchedAt"], unmatched.get("reason")),
        (&Value::Null, None)
    );
    assert_eq!(
        published(&app).await,
        [(
            "SalesmanUnmatched".to_owned(),
            2,
            [None, None, Some(1), Some(9)]
        )]
    );
}

#[tokio::test]
async fn person_who_is_back_before_the_hand_over_keeps_everything() {
    let app = start().await;
    let (person, origins) = matched(&app, &["0001", "0002"]).await;
    salesman(&app, 2, 50).await;
    app.deliver(2, &inactive(&person)).await;
    app.deliver(3, &updated(&person, |_| ())).await;
    assert_eq!(assign(&app).await, 0);
    assert_eq!(salesmen(&app, &origins).await, [Some(1), Some(1)]);
}

#[tokio::test]
async fn leave_hands_over_on_its_first_day_in_seoul() {
    let app = start().await;
    let (person, origins) = matched(&app, &["0001", "0002"]).await;
    salesman(&app, 2, 50).await;
    app.deliver(2, &on_leave(&person, (24, 25), true)).await;
    assert_eq!(assign(&app).await, 0);
    // The test starts at 10:00 in Seoul on the 23rd: 13:59 later it is still the same day.
    app.clock().advance(TimeDelta::minutes(13 * 60 + 59));
    assert_eq!(assign(&app).await, 0);
    app.clock().advance(TimeDelta::minutes(1));
    assert_eq!(assign(&app).await, 2 + 2);
    assert_eq!(salesmen(&app, &origins).await, [Some(2), Some(2)]);
    // They stay where they are after the leave.
    app.clock().advance(TimeDelta::days(5));
    assert_eq!(assign(&app).await, 0);
}

#[tokio::test]
async fn leave_without_hand_over_or_cancelled_or_over_keeps_matches() {
    let app = start().await;
    let (person, origins) = matched(&app, &["0001", "0002"]).await;
    salesman(&app, 2, 50).await;
    let cleared = updated(&person, |_| ());
    for (version, event) in (2..).zip([
        on_leave(&person, (20, 30), false),
        on_leave(&person, (24, 25), true),
        cleared,
    ]) {
        app.deliver(version, &event).await;
        assert_eq!(assign(&app).await, 0);
    }
    app.clock().advance(TimeDelta::days(1));
    assert_eq!(assign(&app).await, 0);
    // Entered when it was over already.
    app.deliver(5, &on_leave(&person, (20, 23), true)).await;
    assert_eq!(assign(&app).await, 0);
    assert_eq!(salesmen(&app, &origins).await, [Some(1), Some(1)]);
    // Today is its last day: at once.
    app.deliver(6, &on_leave(&person, (20, 24), true)).await;
    assert_eq!(assign(&app).await, 2 + 2);
}

#[tokio::test]
async fn redelivered_and_replayed_departure_hands_over_once() {
    let app = start().await;
    let (person, origins) = matched(&app, &["0001", "0002"]).await;
    salesman(&app, 2, 50).await;
    let history = [inactive(&person), updated(&person, |_| ())];
    let id = Uuid::new_v4();
    app.deliver_with_id(id, 2, &history[0]).await;
    app.deliver_with_id(id, 2, &history[0]).await;
    assert_eq!(assign(&app).await, 2 + 2);
    app.deliver(3, &history[1]).await;
    // The person has new matches, and the log is read again from its start.
    app.deliver(2, &inactive(&registered(2, PersonRole::Salesman, 50)))
        .await;
    assert_eq!(assign(&app).await, 2 + 2);
    assert_eq!(salesmen(&app, &origins).await, [Some(1), Some(1)]);
    app.new_events().await;
    let clear = "delete from progress; delete from inbox";
    sqlx::raw_sql(clear).execute(app.pool()).await.unwrap();
    app.deliver(1, &person).await;
    for (version, event) in (2..).zip(&history) {
        app.deliver(version, event).await;
        assert_eq!(assign(&app).await, 0);
    }
    assert_eq!(published(&app).await, []);
}

#[tokio::test]
async fn many_matches_are_all_returned_before_the_first_is_filled() {
    let app = start().await;
    let fours: Vec<String> = (0..130).map(|number| format!("{number:04}")).collect();
    let person = registered(1, PersonRole::Salesman, 1000);
    app.deliver(1, &person).await;
    let origins = requested(&app, &fours).await;
    assert_eq!(assign(&app).await, 130);
    app.new_events().await;
    app.deliver(2, &inactive(&person)).await;
    salesman(&app, 2, 100).await;
    salesman(&app, 3, 20).await;
    assert_eq!(assign(&app).await, 130 + 120);
    let names: Vec<_> = published(&app).await;
    let first_match = names
        .iter()
        .position(|(name, ..)| name == "SalesmanMatched");
    assert_eq!(first_match, Some(130));
    let now = salesmen(&app, &origins).await;
    let count = |id| now.iter().filter(|salesman| **salesman == id).count();
    assert_eq!([count(Some(2)), count(Some(3)), count(None)], [100, 20, 10]);
    assert!(now[120..].iter().all(Option::is_none), "the newest wait");
}

#[tokio::test]
async fn matches_that_close_meanwhile_end_closed_and_consistent() {
    let app = start().await;
    let fours: Vec<String> = (0..24).map(|number| format!("{number:04}")).collect();
    let fours: Vec<&str> = fours.iter().map(String::as_str).collect();
    let (person, origins) = matched(&app, &fours).await;
    salesman(&app, 2, 50).await;
    app.deliver(2, &inactive(&person)).await;
    let replica = app.replica(salesman_match::service()).await;
    let close = async {
        for origin in origins.iter().step_by(2) {
            let close = progressed(*origin, Step::Cancelled);
            replica.deliver(2, &close).await;
        }
    };
    tokio::join!(close, assign(&app));
    assign(&app).await;
    assert_eq!(app.parked().await, [""; 0]);
    let open = format!("/salesman-matches?salesman={}&open", person.salesman_id.0);
    assert_eq!(app.as_staff().get(&open).await.expect(200)["total"], 0);
    for (number, origin) in origins.iter().enumerate() {
        let row = match_of(&app, *origin).await;
        let is_closed = row["closedAt"].is_string();
        assert_eq!(is_closed, number % 2 == 0, "{number}");
        if !is_closed {
            assert_eq!(who(&row, "salesman"), Some(2), "{number}");
        }
    }
}

#[tokio::test]
async fn match_locked_by_another_is_handed_over_at_the_next_poll() {
    let app = start().await;
    let (person, mut origins) = matched(&app, &["0001", "0002"]).await;
    app.deliver(2, &inactive(&person)).await;
    app.clock().advance(TimeDelta::hours(1));
    origins.extend(requested(&app, ["0003"]).await);
    salesman(&app, 2, 1).await;
    let mut other = app.pool().begin().await.unwrap();
    sqlx::query("select 1 from salesman_match where origin_id = $1 for update")
        .bind(origins[0])
        .execute(&mut *other)
        .await
        .unwrap();
    // No younger match takes the free capacity meanwhile.
    assert_eq!(assign(&app).await, 1);
    other.rollback().await.unwrap();
    assert_eq!(assign(&app).await, 1 + 1);
    assert_eq!(salesmen(&app, &origins).await, [Some(2), None, None]);
}

#[tokio::test]
async fn match_that_cannot_be_read_does_not_stop_the_others() {
    let app = start().await;
    let (person, origins) = matched(&app, &["0001", "0002"]).await;
    let of_a_newer_build = "update salesman_match set strategy = 'best-fit' where origin_id = $1";
    sqlx::query(of_a_newer_build)
        .bind(origins[0])
        .execute(app.pool())
        .await
        .unwrap();
    app.deliver(2, &inactive(&person)).await;
    salesman(&app, 2, 50).await;
    assert_eq!(assign(&app).await, 1 + 1);
    assert_eq!(salesmen(&app, &origins).await, [Some(1), Some(2)]);
}

#[tokio::test]
async fn staff_list_and_count_what_a_person_would_hand_over() {
    let app = start().await;
    let (person, origins) = matched(&app, &["0001", "0002", "0003", "0004"]).await;
    app.deliver(2, &progressed(origins[1], Step::Cancelled))
        .await;
    let staff = app.as_staff();
    let path = format!("/salesman-matches?salesman={}", person.salesman_id.0);
    let ids = |page: &Value| -> Vec<Uuid> {
        let rows = page["items"].as_array().unwrap().iter();
        let id = |row: &Value| row["origin"]["id"].as_str().unwrap().parse().unwrap();
        rows.map(id).collect()
    };
    let first = staff.get(&format!("{path}&open&limit=2")).await.expect(200);
    assert_eq!((ids(&first).len(), &first["total"]), (2, &json!(3)));
    let next = first["next"].as_str().unwrap();
    let last = staff
        .get(&format!("{path}&open=true&limit=2&after={next}"))
        .await
        .expect(200);
    assert_eq!((&last["total"], last.get("next")), (&json!(3), None));
    let mut listed = [ids(&first), ids(&last)].concat();
    let mut open = vec![origins[0], origins[2], origins[3]];
    listed.sort();
    open.sort();
    assert_eq!(listed, open);
    for (query, expected) in [("", 4), ("&open=false", 1)] {
        let page = staff.get(&format!("{path}{query}")).await.expect(200);
        assert_eq!(
            (ids(&page).len(), page.get("total")),
            (expected, None),
            "{query}"
        );
    }
    // As the consultant, and for a caller who is not staff.
    let of_consultant = format!("/salesman-matches?salesman={}&open", Uuid::from_u128(9));
    assert_eq!(staff.get(&of_consultant).await.expect(200)["total"], 3);
    let own = app
        .as_salesman(person.salesman_id.0)
        .get(&of_consultant)
        .await;
    let own = own.expect(200);
    assert_eq!((ids(&own).len(), own.get("total")), (3, None));
}

#[tokio::test]
async fn person_sees_no_matches_of_another_by_naming_the_other() {
    let app = start().await;
    let (person, _) = matched(&app, &["0001"]).await;
    let (salesman, consultant) = (person.salesman_id.0, Uuid::from_u128(9));
    for other in [salesman, consultant] {
        for query in ["", "&open", "&unassigned=true"] {
            let path = format!("/salesman-matches?salesman={other}{query}");
            for caller in [
                app.as_salesman(Uuid::from_u128(0xBAD)),
                app.as_consultant(Uuid::from_u128(0xBAD)),
                app.as_customer("010-9999-0000"),
            ] {
                let page = caller.get(&path).await.expect(200);
                assert_eq!(page["items"], json!([]), "{path}");
            }
        }
    }
}

#[tokio::test]
async fn customer_who_names_themselves_as_the_salesman_sees_no_matches() {
    let app = start().await;
    matched(&app, &[FOUR]).await;
    let customer = app.as_customer(PHONE);
    let own = customer.get("/salesman-matches").await.expect(200);
    assert_eq!(own["items"].as_array().unwrap().len(), 1);
    let subject = service_kit::testing::customer(PHONE).subject;
    for query in ["", "&open", "&unassigned=true"] {
        let path = format!("/salesman-matches?salesman={subject}{query}");
        let page = customer.get(&path).await.expect(200);
        assert_eq!(page["items"], json!([]), "{path}");
    }
}
