//! Pages and filters of the lists.

use std::fmt::Write as _;

use axum::http::header;
use chrono::TimeDelta;
use serde_json::{Value, json};
use service_kit::testing::TestApp;
use uuid::Uuid;

use crate::{SALESMAN, consultation_match, register, registration, start};

/// Every id of a list, page by page. Checks that the `Link` header agrees with `next`.
async fn paged(app: &TestApp, path: &str, limit: usize) -> Vec<Uuid> {
    let caller = if path == "/salesmen" {
        app.as_staff()
    } else {
        app.as_salesman(SALESMAN)
    };
    let (mut ids, mut url) = (Vec::new(), format!("{path}?limit={limit}"));
    loop {
        let answer = caller.get(&url).await;
        let link = answer
            .headers
            .get(header::LINK)
            .map(|link| link.to_str().unwrap().to_owned());
        let page = answer.expect(200);
        ids.extend(
            page["items"]
                .as_array()
                .unwrap()
                .iter()
                .map(|item| item["id"].as_str().unwrap().parse::<Uuid>().unwrap()),
        );
        let Some(next) = page.get("next") else {
            assert_eq!(link, None);
            return ids;
        };
        let next = next.as_str().unwrap();
        assert_eq!(
            link,
            Some(format!("<?limit={limit}&after={next}>; rel=\"next\""))
        );
        url = format!("{path}?limit={limit}&after={next}");
    }
}

#[tokio::test]
async fn pages_have_no_gaps_and_no_repeats() {
    let app = start().await;
    let mut people = Vec::new();
    for n in 0..7_i32 {
        app.clock().advance(TimeDelta::minutes(i64::from(n % 2)));
        let view = app
            .as_staff()
            .post("/salesmen", &registration(&format!("010-1234-000{n}")))
            .await
            .expect(201);
        people.push(view["id"].as_str().unwrap().parse::<Uuid>().unwrap());
        app.deliver(1, &consultation_match(SALESMAN, None)).await;
    }
    people.sort();
    people.reverse();
    let mut notifications: Vec<Uuid> = sqlx::query_scalar("select id from notification")
        .fetch_all(app.pool())
        .await
        .unwrap();
    notifications.sort();
    notifications.reverse();
    for limit in [1, 3, 7, 100] {
        assert_eq!(
            paged(&app, "/salesmen", limit).await,
            people,
            "limit {limit}"
        );
        assert_eq!(
            paged(&app, "/salesmen/me/notifications", limit).await,
            notifications,
            "limit {limit}"
        );
    }
    for query in ["limit=0", "limit=101", "after=x"] {
        assert_eq!(
            app.as_staff()
                .get(&format!("/salesmen?{query}"))
                .await
                .problem(422)
                .0,
            "wrong-query",
            "{query}"
        );
        let path = format!("/salesmen/me/notifications?{query}");
        assert_eq!(
            app.as_salesman(SALESMAN).get(&path).await.problem(422).0,
            "wrong-query",
            "{query}"
        );
    }
}

#[tokio::test]
async fn roster_filters_by_role_active_and_name() {
    let app = start().await;
    let staff = app.as_staff();
    let mut ids = Vec::new();
    for (number, name, display_name, role) in [
        (1, "김하늘", "하늘", "salesman"),
        (2, "이바다", "Bada Lee", "salesman"),
        (3, "박하늘", "100%_", "consultant"),
        (4, "최강", "Ｌｅｅ２", "consultant"),
    ] {
        let phone = format!("010-1111-000{number}");
        let body =
            json!({ "name": name, "displayName": display_name, "phone": phone, "role": role });
        ids.push(staff.post("/salesmen", &body).await.expect(201)["id"].clone());
        app.clock().advance(TimeDelta::seconds(1));
    }
    staff
        .patch_if(
            &format!("/salesmen/{}", ids[1].as_str().unwrap()),
            1,
            &json!({ "active": false }),
        )
        .await
        .expect(200);
    for (query, found) in [
        ("", vec![3, 2, 1, 0]),
        ("role=salesman", vec![1, 0]),
        ("role=consultant", vec![3, 2]),
        ("active=true", vec![3, 2, 0]),
        ("active=false", vec![1]),
        ("q=%ED%95%98%EB%8A%98", vec![2, 0]),
        ("q=bada", vec![1]),
        ("q=%20BADA%20", vec![1]),
        ("q=%25", vec![2]),
        ("q=_", vec![2]),
        ("q=", vec![3, 2, 1, 0]),
        ("q=unknown", vec![]),
        // The same in full-width letters, and pasted with invisible characters.
        ("q=%EF%BD%82%EF%BD%81%EF%BD%84%EF%BD%81", vec![1]),
        (
            "q=%E2%80%AA%ED%95%98%E2%80%8B%EB%8A%98%E2%80%AC",
            vec![2, 0],
        ),
        ("q=%E2%80%8B", vec![3, 2, 1, 0]),
        ("q=lee2", vec![3]),
        ("q=%ED%95%98%EB%8A%98&role=salesman&active=true", vec![0]),
    ] {
        let page = staff.get(&format!("/salesmen?{query}")).await.expect(200);
        let found: Vec<&Value> = found.into_iter().map(|index: usize| &ids[index]).collect();
        assert_eq!(
            page["items"]
                .as_array()
                .unwrap()
                .iter()
                .map(|item| &item["id"])
                .collect::<Vec<_>>(),
            found,
            "{query}"
        );
    }
    let page = staff.get("/salesmen?role=salesman&limit=1").await;
    let link = page.headers[header::LINK].to_str().unwrap().to_owned();
    assert!(link.starts_with("<?role=salesman&limit=1&after="), "{link}");
    let next = page.json["next"].as_str().unwrap();
    let rest = staff
        .get(&format!("/salesmen?role=salesman&limit=1&after={next}"))
        .await
        .expect(200);
    assert_eq!((&rest["items"][0]["id"], rest.get("next")), (&ids[0], None));
}

fn percent_encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |mut encoded, byte| {
        let _ = write!(encoded, "%{byte:02X}");
        encoded
    })
}

#[tokio::test]
async fn person_is_found_by_a_number_however_it_was_pasted() {
    let app = start().await;
    let staff = app.as_staff();
    register(&app, "010-1234-5678").await;
    let wanted = register(&app, "０５０７－1234－5678").await;
    for typed in [
        "0507-1234-5678",
        "05071234567 8",
        "０５０７．１２３４．５６７８",
        "\u{202A}0507\u{A0}1234\u{A0}5678\u{202C}",
        "0507\u{200B}-1234\u{2060}-5678",
        "+82 (0)507 1234 5678",
    ] {
        let q = percent_encoded(typed);
        let page = staff.get(&format!("/salesmen?q={q}")).await.expect(200);
        let found: Vec<&Value> = page["items"].as_array().unwrap().iter().collect();
        assert_eq!(found.len(), 1, "{typed:?}");
        assert_eq!(found[0]["id"], json!(wanted), "{typed:?}");
    }
    // A part of a number is not searched.
    let page = staff.get("/salesmen?q=5678").await.expect(200);
    assert_eq!(page["items"], json!([]));
}

#[tokio::test]
async fn empty_roster_filters_count_as_absent() {
    let app = start().await;
    register(&app, "010-1111-2222").await;
    let staff = app.as_staff();
    let all = staff.get("/salesmen").await.expect(200);
    let answer = staff.get("/salesmen?role=&active=&q=&limit=&after=").await;
    assert_eq!(answer.expect(200), all);
    let salesman = app.as_salesman(SALESMAN);
    let answer = salesman
        .get("/salesmen/me/notifications?limit=&after=&unread=")
        .await;
    answer.expect(200);
}

#[tokio::test]
async fn invalid_roster_filter_is_refused() {
    let app = start().await;
    let long = format!("q={}", "a".repeat(101));
    for query in ["role=boss", "role=&role=", "active=maybe", "q=a%00b", &long] {
        assert_eq!(
            app.as_staff()
                .get(&format!("/salesmen?{query}"))
                .await
                .problem(422)
                .0,
            "wrong-query",
            "{query}"
        );
    }
}
