//! Requests of any operation: authorization, languages, routing, and reading.

use axum::http::{Method, header};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::create::count_salesmen;
use crate::{SALESMAN, consultation_match, registration, start};

const JSON: (&str, &str) = ("content-type", "application/json");
const PHONE: &str = "010-1234-5678";

#[tokio::test]
async fn anonymous_is_refused() {
    let app = start().await;
    for (method, path) in [
        (Method::GET, "/salesmen"),
        (Method::POST, "/salesmen"),
        (Method::GET, "/salesmen/x"),
        (Method::PATCH, "/salesmen/x"),
        (Method::GET, "/salesmen/x/card"),
        (Method::GET, "/salesmen/me"),
        (Method::GET, "/salesmen/me/notifications"),
        (Method::POST, "/salesmen/me/notifications/read"),
    ] {
        let answer = app
            .anonymous()
            .send(method.clone(), path, &[], b"no json".to_vec())
            .await;
        assert_eq!(
            answer.headers[header::WWW_AUTHENTICATE],
            "Bearer",
            "{method} {path}"
        );
        assert_eq!(answer.problem(401).0, "sign-in-required", "{method} {path}");
    }
}

#[tokio::test]
async fn other_roles_are_refused() {
    let app = start().await;
    for (role, caller) in [
        ("customer", app.as_customer(PHONE)),
        ("salesman", app.as_salesman(SALESMAN)),
        ("consultant", app.as_consultant(SALESMAN)),
    ] {
        assert_eq!(
            caller
                .post("/salesmen", &registration(PHONE))
                .await
                .problem(403)
                .0,
            "not-allowed",
            "{role}"
        );
        for path in ["/salesmen".to_owned(), format!("/salesmen/{SALESMAN}")] {
            assert_eq!(
                caller.get(&path).await.problem(403).0,
                "not-allowed",
                "{role} {path}"
            );
        }
        // The role is checked first: neither the body nor the missing If-Match is reported.
        let answer = caller
            .send(
                Method::PATCH,
                &format!("/salesmen/{SALESMAN}"),
                &[],
                b"no json".to_vec(),
            )
            .await;
        assert_eq!(answer.problem(403).0, "not-allowed", "{role}");
    }
    for (role, caller) in [
        ("customer", app.as_customer(PHONE)),
        ("staff", app.as_staff()),
    ] {
        for path in ["/salesmen/me", "/salesmen/me/notifications"] {
            assert_eq!(
                caller.get(path).await.problem(403).0,
                "not-allowed",
                "{role} {path}"
            );
        }
        let answer = caller
            .send(
                Method::POST,
                "/salesmen/me/notifications/read",
                &[],
                b"no json".to_vec(),
            )
            .await;
        assert_eq!(answer.problem(403).0, "not-allowed", "{role}");
    }
    for (role, caller) in [
        ("staff", app.as_staff()),
        ("salesman", app.as_salesman(SALESMAN)),
        ("consultant", app.as_consultant(SALESMAN)),
    ] {
        assert_eq!(
            caller
                .get(&format!("/salesmen/{SALESMAN}/card"))
                .await
                .problem(403)
                .0,
            "not-allowed",
            "{role}"
        );
    }
    assert_eq!(
        (count_salesmen(&app).await, app.new_events().await.len()),
        (0, 0)
    );
}

#[tokio::test]
async fn salesman_sees_only_the_own_profile() {
    let app = start().await;
    let me = app
        .as_staff()
        .post("/salesmen", &registration(PHONE))
        .await
        .expect(201);
    app.as_staff()
        .post("/salesmen", &registration("010-2222-3333"))
        .await
        .expect(201);
    let id = me["id"].as_str().unwrap().parse().unwrap();
    let shown = app.as_salesman(id).get("/salesmen/me").await;
    assert_eq!(shown.headers[header::ETAG], "\"1\"");
    assert_eq!(shown.expect(200), me);
    assert_eq!(
        app.as_salesman(Uuid::from_u128(0x404))
            .get("/salesmen/me")
            .await
            .problem(404)
            .0,
        "not-found"
    );
}

#[tokio::test]
async fn problem_is_in_the_callers_language() {
    let app = start().await;
    for (accepted, language, title) in [
        (None, "ko", "입력한 내용을 확인해 주세요"),
        (Some("en-US,ko;q=0.5"), "en", "Some fields are invalid"),
    ] {
        let mut headers = vec![JSON];
        headers.extend(accepted.map(|accepted| ("accept-language", accepted)));
        let answer = app
            .as_staff()
            .send(Method::POST, "/salesmen", &headers, b"{}".to_vec())
            .await;
        assert_eq!(answer.headers[header::CONTENT_LANGUAGE], language);
        assert_eq!(answer.json["title"], title);
    }
}

#[tokio::test]
async fn router_errors_are_problems() {
    let app = start().await;
    assert_eq!(
        app.as_staff().get("/nothing").await.problem(404).0,
        "not-found"
    );
    let answer = app
        .as_staff()
        .send(Method::DELETE, "/salesmen", &[], Vec::new())
        .await;
    assert!(
        answer.headers[header::ALLOW]
            .to_str()
            .unwrap()
            .contains("POST")
    );
    assert_eq!(answer.problem(405).0, "method-not-allowed");
    for (path, status) in [("/salesmen", 200), ("/salesmen/me", 403)] {
        let answer = app
            .as_staff()
            .send(Method::HEAD, path, &[], Vec::new())
            .await;
        assert_eq!(
            (answer.status.as_u16(), answer.json),
            (status, Value::Null),
            "{path}"
        );
    }
}

#[tokio::test]
async fn read_with_ktgg_after_waits_or_is_marked_stale() {
    let app = start().await;
    let matched = consultation_match(SALESMAN, None);
    let after = format!("salesman-match/{}@1", matched.match_id);
    let (path, salesman) = ("/salesmen/me/notifications", app.as_salesman(SALESMAN));
    let headers = [("ktgg-after", after.as_str())];
    let (answer, ()) = tokio::join!(
        salesman.send(Method::GET, path, &headers, Vec::new()),
        app.deliver(1, &matched)
    );
    assert!(!answer.headers.contains_key("ktgg-stale"));
    assert_eq!(answer.expect(200)["items"].as_array().unwrap().len(), 1);
    let next = format!("salesman-match/{}@2", matched.match_id);
    let answer = salesman
        .send(Method::GET, path, &[("ktgg-after", &next)], Vec::new())
        .await;
    assert_eq!(
        (
            answer.status.as_u16(),
            answer.headers["ktgg-stale"].to_str().unwrap()
        ),
        (200, "1")
    );
    let own = format!("salesman/{SALESMAN}@99");
    let answer = salesman
        .send(Method::GET, path, &[("ktgg-after", &own)], Vec::new())
        .await;
    assert!(!answer.headers.contains_key("ktgg-stale"));
}

#[tokio::test]
async fn unregistered_person_is_not_found() {
    let app = start().await;
    let staff = app.as_staff();
    for id in [SALESMAN.to_string(), "x".to_owned()] {
        assert_eq!(
            staff.get(&format!("/salesmen/{id}")).await.problem(404).0,
            "not-found",
            "{id}"
        );
        assert_eq!(
            staff
                .patch_if(&format!("/salesmen/{id}"), 1, &json!({}))
                .await
                .problem(404)
                .0,
            "not-found",
            "{id}"
        );
    }
}
