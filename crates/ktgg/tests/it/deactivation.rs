//! Whoever is let go, or taken off something, sees no more of it from then on.

use std::time::{Duration, Instant};

use hyper::{Method, StatusCode};
use ktgg::client::Stream;
use serde_json::{Value, json};
use service_kit::auth::Role;
use uuid::Uuid;

use crate::everybody::{
    Colleague, House, ended, first_staff, id, is_gone, joins, look, path, project, told, write,
};
use crate::system::{LetIn, eventually};

/// How long after it was asked for an open stream may still be open.
const AT_ONCE: Duration = Duration::from_secs(2);

const PHONE: &str = "010-3141-5926";

/// Staff, and a salesman who looks at his own.
async fn a_salesman_at_work(house: &House) -> (Colleague, Colleague, Stream) {
    let staff = first_staff(&house.place, &house.keys, "관리하나", "staff.hana").await;
    let salesman = joins(
        &house.client,
        &staff.session,
        Role::Salesman,
        "김영업하나",
        "010-9300-0001",
        "salesman.hana",
    )
    .await;
    let stream = house.client.stream(&salesman.session).await.unwrap();
    let me = look(&house.client, "/api/salesmen/me", &salesman.session).await;
    assert_eq!(me.status, StatusCode::OK);
    (staff, salesman, stream)
}

async fn is_signed_out(house: &House, session: &str) -> bool {
    let asked = look(&house.client, "/api/salesmen/me", session).await;
    let me = house.client.get("/api/auth/me", session).await.unwrap();
    assert_eq!(
        asked.status == StatusCode::UNAUTHORIZED,
        me["signedIn"] == false
    );
    asked.status == StatusCode::UNAUTHORIZED && house.client.stream(session).await.is_err()
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_has_his_account_closed_is_out_at_once_and_his_stream_ends() {
    let house = House::open("closed").await;
    let (staff, salesman, mut stream) = a_salesman_at_work(&house).await;
    let colleague = joins(
        &house.client,
        &staff.session,
        Role::Salesman,
        "이영업둘",
        "010-9300-0002",
        "salesman.dul",
    )
    .await;
    let account = path("accounts", salesman.account, "");

    let asked = Instant::now();
    let closed = write(
        &house.client,
        &account,
        &staff.session,
        Method::PATCH,
        &json!({ "active": false }),
    )
    .await;
    assert_eq!(closed["active"], false);
    assert!(
        is_signed_out(&house, &salesman.session).await,
        "his next request"
    );
    ended(&mut stream).await;
    assert!(asked.elapsed() < AT_ONCE, "{:?}", asked.elapsed());
    assert!(
        house
            .client
            .sign_in(&salesman.login, ktgg::demo::PASSWORD)
            .await
            .is_err()
    );
    assert!(
        !is_signed_out(&house, &colleague.session).await,
        "nobody else is out"
    );

    // Opened again it lets him in anew; what was ended stays ended.
    write(
        &house.client,
        &account,
        &staff.session,
        Method::PATCH,
        &json!({ "active": true }),
    )
    .await;
    assert!(is_signed_out(&house, &salesman.session).await);
    let anew = house
        .client
        .sign_in(&salesman.login, ktgg::demo::PASSWORD)
        .await
        .unwrap();
    assert!(!is_signed_out(&house, &anew).await);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_no_salesman_any_more_is_out_and_his_stream_ends() {
    let house = House::open("inactive").await;
    let (staff, salesman, mut stream) = a_salesman_at_work(&house).await;
    let asked = Instant::now();
    let body = json!({ "active": false });
    write(
        &house.client,
        &path("salesmen", salesman.id, ""),
        &staff.session,
        Method::PATCH,
        &body,
    )
    .await;
    ended(&mut stream).await;
    assert!(asked.elapsed() < AT_ONCE, "{:?}", asked.elapsed());
    assert!(
        is_signed_out(&house, &salesman.session).await,
        "his next request"
    );
    assert!(
        house
            .client
            .sign_in(&salesman.login, ktgg::demo::PASSWORD)
            .await
            .is_err()
    );
    house.close().await;
}

/// Something of a customer's that somebody is on.
async fn matched(
    house: &House,
    staff: &str,
    customer: &str,
    what: &str,
    body: &Value,
) -> (Uuid, Uuid, Uuid) {
    let origin = id(&house
        .client
        .post(&format!("/api/{what}"), customer, body)
        .await
        .unwrap());
    let it = eventually("it is matched", async || {
        let list = house
            .client
            .get(&format!("/api/salesman-matches?origin={origin}"), staff)
            .await
            .unwrap();
        Some(list["items"][0].clone()).filter(|it| !it["salesman"].is_null())
    })
    .await;
    (
        origin,
        id(&it),
        it["salesman"]["id"].as_str().unwrap().parse().unwrap(),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_replaced_loses_sight_of_it_at_once() {
    let house = House::open("replaced").await;
    let client = &house.client;
    let staff = first_staff(&house.place, &house.keys, "관리하나", "staff.hana").await;
    let mut people = Vec::new();
    for (number, name) in ["김영업하나", "이영업둘"].into_iter().enumerate() {
        let login = format!("salesman.{number}");
        people.push(
            joins(
                client,
                &staff.session,
                Role::Salesman,
                name,
                &format!("010-9300-000{number}"),
                &login,
            )
            .await,
        );
    }
    let customer = LetIn::to(&house.place, &house.keys).customer(PHONE).await;
    let project = project(client, &staff.session, "2026년 가상 지원사업").await;
    for (what, body) in [
        (
            "interests",
            json!({ "projectId": project["id"], "projectName": project["name"] }),
        ),
        (
            "consultations",
            json!({ "projectId": project["id"], "projectName": project["name"], "desiredDate": "2099-12-31" }),
        ),
    ] {
        let (origin, it, salesman) = matched(&house, &staff.session, &customer, what, &body).await;
        let (before, after): (Vec<_>, Vec<_>) =
            people.iter().partition(|person| person.id == salesman);
        let (before, after) = (before[0], after[0]);
        let (shown, shown_match) = (path(what, origin, ""), path("salesman-matches", it, ""));
        eventually("he sees it", async || {
            (!is_gone(client, &shown, &before.session).await).then_some(())
        })
        .await;
        let mut stream = client.stream(&before.session).await.unwrap();

        let anew = write(
            client,
            &shown_match,
            &staff.session,
            Method::PATCH,
            &json!({ "salesmanId": after.id }),
        )
        .await;
        // Of the match nothing has to be heard first; elsewhere whoever asks says what he has heard of.
        assert!(is_gone(client, &shown_match, &before.session).await);
        let heard = format!("salesman-match/{it}@{}", anew["version"]);
        for rest in ["", "/phone"] {
            let path = format!("{shown}{rest}");
            let answer = client
                .call(
                    Method::GET,
                    &path,
                    &before.session,
                    &[("ktgg-after", &heard)],
                    None,
                )
                .await
                .unwrap();
            assert_eq!(
                (answer.status, answer.headers.get("ktgg-stale")),
                (StatusCode::NOT_FOUND, None),
                "{path}"
            );
        }
        for list in [format!("/api/{what}"), "/api/salesman-matches".to_owned()] {
            let list = client
                .call(
                    Method::GET,
                    &list,
                    &before.session,
                    &[("ktgg-after", &heard)],
                    None,
                )
                .await
                .unwrap();
            assert!(
                !list.json.to_string().contains(&origin.to_string()),
                "{}",
                list.json
            );
        }
        let removed = told(&mut stream, "removed").await;
        assert_eq!(removed.data["aggregateId"], json!(origin));
        let sees = client
            .call(
                Method::GET,
                &shown,
                &after.session,
                &[("ktgg-after", &heard)],
                None,
            )
            .await
            .unwrap();
        assert_eq!(sees.status, StatusCode::OK);
        // For the next thing it is he again who is there: what a customer has keeps him.
        write(
            client,
            &shown_match,
            &staff.session,
            Method::PATCH,
            &json!({ "salesmanId": before.id }),
        )
        .await;
        eventually("he is back", async || {
            (!is_gone(client, &shown, &before.session).await).then_some(())
        })
        .await;
    }
    house.close().await;
}
