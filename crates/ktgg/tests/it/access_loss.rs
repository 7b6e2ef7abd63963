//! A closed account, a deactivated salesman and a replaced salesman lose access immediately.

use std::time::{Duration, Instant};

use hyper::{Method, StatusCode};
use ktgg::client::{Client, Stream};
use serde_json::{Value, json};
use service_kit::auth::Role;
use uuid::Uuid;

use crate::actors::{
    Colleague, create_project, get_after, id, invite_first_staff, is_not_found, next_event, path,
    read_to_end, register_colleague, try_get, write,
};
use crate::system::{SessionIssuer, TestSystem, eventually};

/// An open stream must end within this time.
const STREAM_ENDS_WITHIN: Duration = Duration::from_secs(2);

const PHONE: &str = "010-3141-5926";

/// Staff, and a signed-in salesman with an open stream.
async fn salesman_with_stream(system: &TestSystem) -> (Colleague, Colleague, Stream) {
    let staff =
        invite_first_staff(&system.installation, &system.keys, "관리하나", "staff.hana").await;
    let salesman = register_colleague(
        &system.client,
        &staff.session,
        Role::Salesman,
        "김영업하나",
        "010-9300-0001",
        "salesman.hana",
    )
    .await;
    let stream = system.client.stream(&salesman.session).await.unwrap();
    let me = try_get(&system.client, "/api/salesmen/me", &salesman.session).await;
    assert_eq!(me.status, StatusCode::OK);
    (staff, salesman, stream)
}

async fn is_signed_out(system: &TestSystem, session: &str) -> bool {
    let response = try_get(&system.client, "/api/salesmen/me", session).await;
    let me = system.client.get("/api/auth/me", session).await.unwrap();
    assert_eq!(
        response.status == StatusCode::UNAUTHORIZED,
        me["signedIn"] == false
    );
    response.status == StatusCode::UNAUTHORIZED && system.client.stream(session).await.is_err()
}

#[tokio::test(flavor = "multi_thread")]
async fn closing_an_account_ends_its_sessions_and_streams() {
    let system = TestSystem::start("closed").await;
    let (staff, salesman, mut stream) = salesman_with_stream(&system).await;
    let colleague = register_colleague(
        &system.client,
        &staff.session,
        Role::Salesman,
        "이영업둘",
        "010-9300-0002",
        "salesman.dul",
    )
    .await;
    let account = path("accounts", salesman.account, "");

    let started = Instant::now();
    let closed = write(
        &system.client,
        &account,
        &staff.session,
        Method::PATCH,
        &json!({ "active": false }),
    )
    .await;
    assert_eq!(closed["active"], false);
    assert!(
        is_signed_out(&system, &salesman.session).await,
        "the next request is refused"
    );
    read_to_end(&mut stream).await;
    assert!(
        started.elapsed() < STREAM_ENDS_WITHIN,
        "{:?}",
        started.elapsed()
    );
    assert!(
        system
            .client
            .sign_in(&salesman.login, ktgg::demo::PASSWORD)
            .await
            .is_err()
    );
    assert!(
        !is_signed_out(&system, &colleague.session).await,
        "another account is signed out"
    );

    // A reopened account can sign in again. Its old sessions stay ended.
    write(
        &system.client,
        &account,
        &staff.session,
        Method::PATCH,
        &json!({ "active": true }),
    )
    .await;
    assert!(is_signed_out(&system, &salesman.session).await);
    let new_session = system
        .client
        .sign_in(&salesman.login, ktgg::demo::PASSWORD)
        .await
        .unwrap();
    assert!(!is_signed_out(&system, &new_session).await);
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn deactivated_salesman_is_signed_out_and_the_stream_ends() {
    let system = TestSystem::start("inactive").await;
    let (staff, salesman, mut stream) = salesman_with_stream(&system).await;
    let started = Instant::now();
    let body = json!({ "active": false });
    write(
        &system.client,
        &path("salesmen", salesman.id, ""),
        &staff.session,
        Method::PATCH,
        &body,
    )
    .await;
    read_to_end(&mut stream).await;
    assert!(
        started.elapsed() < STREAM_ENDS_WITHIN,
        "{:?}",
        started.elapsed()
    );
    assert!(
        is_signed_out(&system, &salesman.session).await,
        "the next request is refused"
    );
    assert!(
        system
            .client
            .sign_in(&salesman.login, ktgg::demo::PASSWORD)
            .await
            .is_err()
    );
    system.stop().await;
}

/// Creates an interest or a consultation, and waits for its match. Returns the ids of the origin,
/// of the match and of the salesman.
async fn create_matched(
    system: &TestSystem,
    staff: &str,
    customer: &str,
    what: &str,
    body: &Value,
) -> (Uuid, Uuid, Uuid) {
    let origin = id(&system
        .client
        .post(&format!("/api/{what}"), customer, body)
        .await
        .unwrap());
    let matched = eventually("the origin is matched", async || {
        let list = system
            .client
            .get(&format!("/api/salesman-matches?origin={origin}"), staff)
            .await
            .unwrap();
        Some(list["items"][0].clone()).filter(|item| !item["salesman"].is_null())
    })
    .await;
    (
        origin,
        id(&matched),
        matched["salesman"]["id"].as_str().unwrap().parse().unwrap(),
    )
}

/// No view and no list shows the origin, once the service has consumed `after`.
async fn check_access_lost(client: &Client, what: &str, origin: Uuid, session: &str, after: &str) {
    let shown = path(what, origin, "");
    let response = get_after(client, &shown, session, after).await;
    assert_eq!(
        (response.status, response.headers.get("ktgg-stale")),
        (StatusCode::NOT_FOUND, None),
        "{shown}"
    );
    let phone = path(what, origin, "/phone");
    let response = client
        .call(Method::POST, &phone, session, &[], Some(&json!({})))
        .await
        .unwrap();
    assert_eq!(response.status, StatusCode::NOT_FOUND, "{phone}");
    for list in [format!("/api/{what}"), "/api/salesman-matches".to_owned()] {
        let list = get_after(client, &list, session, after).await;
        assert!(
            !list.json.to_string().contains(&origin.to_string()),
            "{}",
            list.json
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn replaced_salesman_loses_access_immediately() {
    let system = TestSystem::start("replaced").await;
    let client = &system.client;
    let staff =
        invite_first_staff(&system.installation, &system.keys, "관리하나", "staff.hana").await;
    let mut salesmen = Vec::new();
    for (number, name) in ["김영업하나", "이영업둘"].into_iter().enumerate() {
        let login = format!("salesman.{number}");
        salesmen.push(
            register_colleague(
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
    let customer = SessionIssuer::new(&system.installation, &system.keys)
        .customer(PHONE)
        .await;
    let project = create_project(client, &staff.session, "2026년 가상 지원사업").await;
    for (what, body) in [
        (
            "interests",
            json!({ "projectId": project["id"], "projectName": project["name"] }),
        ),
        (
            "consultations",
            json!({
                "projectId": project["id"], "projectName": project["name"],
                "desiredDate": "2099-12-31",
            }),
        ),
    ] {
        let (origin, match_id, salesman) =
            create_matched(&system, &staff.session, &customer, what, &body).await;
        let (before, after): (Vec<_>, Vec<_>) =
            salesmen.iter().partition(|person| person.id == salesman);
        let (before, after) = (before[0], after[0]);
        let (shown, shown_match) = (
            path(what, origin, ""),
            path("salesman-matches", match_id, ""),
        );
        eventually("the salesman sees it", async || {
            (!is_not_found(client, &shown, &before.session).await).then_some(())
        })
        .await;
        let mut stream = client.stream(&before.session).await.unwrap();

        let rematched = write(
            client,
            &shown_match,
            &staff.session,
            Method::PATCH,
            &json!({ "salesmanId": after.id }),
        )
        .await;
        // Access to the match ends immediately, and elsewhere once the event is consumed.
        assert!(is_not_found(client, &shown_match, &before.session).await);
        let after_rematch = format!("salesman-match/{match_id}@{}", rematched["version"]);
        check_access_lost(client, what, origin, &before.session, &after_rematch).await;
        let removed = next_event(&mut stream, "removed").await;
        assert_eq!(removed.data["aggregateId"], json!(origin));
        let shown_to_new = get_after(client, &shown, &after.session, &after_rematch).await;
        assert_eq!(shown_to_new.status, StatusCode::OK);
        // Matched back, because the next origin of this customer gets the same salesman.
        write(
            client,
            &shown_match,
            &staff.session,
            Method::PATCH,
            &json!({ "salesmanId": before.id }),
        )
        .await;
        eventually("the first salesman sees it again", async || {
            (!is_not_found(client, &shown, &before.session).await).then_some(())
        })
        .await;
    }
    system.stop().await;
}
