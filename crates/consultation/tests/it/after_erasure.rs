//! Events and requests after the erasure of a customer, or at the same time.

use std::time::Duration;

use axum::http::Method;
use events::{
    Actor, PersonRole, ProjectId, ProjectStarted, SalesmanId, SalesmanMatched, SalesmanUpdated,
};
use serde_json::{Value, json};
use service_kit::testing::{a_profile, customer};
use uuid::Uuid;

use crate::erasure::{create_in_every_step, stored_rows};
use crate::{
    CONSULTANT, JSON, PHONE, PROJECT, SALESMAN, consultation_count, create_consultation,
    create_matched, erase, get_consultation, match_event, origin, project_created, request_body,
    send_change, start,
};

#[tokio::test]
async fn returning_customer_sees_nothing_and_can_request_again() {
    let app = start().await;
    let earlier = create_in_every_step(&app).await;
    erase(&app, PHONE).await;
    let caller = app.as_customer(PHONE);
    let new = caller
        .post("/consultations", &request_body())
        .await
        .expect(201);
    assert_eq!(
        (
            &new["customerId"],
            new["timeline"].as_array().unwrap().len()
        ),
        (&json!(customer(PHONE).subject), 1)
    );
    for query in [
        "",
        "?sort=desired",
        "?step=apply",
        "?from=2026-01-01&until=2027-01-01",
    ] {
        let list = caller
            .get(&format!("/consultations{query}"))
            .await
            .expect(200);
        let ids: Vec<&Value> = list["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|item| &item["id"])
            .collect();
        assert_eq!(ids, [&new["id"]], "{query}");
    }
    for (id, step) in earlier {
        assert_eq!(
            caller
                .get(&format!("/consultations/{id}"))
                .await
                .problem(404)
                .0,
            "not-found",
            "{step}"
        );
        for version in ["*", "\"1\"", "\"2\"", "\"3\""] {
            assert_eq!(
                send_change(&caller, id, Method::PATCH, version)
                    .await
                    .problem(404)
                    .0,
                "not-found",
                "{step}"
            );
            assert_eq!(
                send_change(&caller, id, Method::POST, version)
                    .await
                    .problem(404)
                    .0,
                "not-found",
                "{step}"
            );
        }
    }
    let data = caller.get("/me/data").await.expect(200);
    let ids: Vec<&Value> = data["consultations"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| &item["id"])
        .collect();
    assert_eq!((ids, &data["disclosures"]), (vec![&new["id"]], &json!([])));
    assert_eq!(
        caller.get("/me/disclosures").await.expect(200),
        json!({ "items": [] })
    );
    // A second erasure includes the new consultation.
    assert_eq!(erase(&app, PHONE).await.status, 204);
    assert_eq!(
        caller.get("/consultations").await.expect(200),
        json!({ "items": [] })
    );
}

#[tokio::test]
async fn match_after_erasure_changes_nothing() {
    let app = start().await;
    let (unmatched, matched) = (
        create_consultation(&app).await,
        create_consultation(&app).await,
    );
    let first = match_event(origin(matched), SALESMAN, None);
    app.deliver(1, &first).await;
    erase(&app, PHONE).await;
    let before = [
        stored_rows(&app, unmatched).await,
        stored_rows(&app, matched).await,
    ];
    app.deliver(
        1,
        &match_event(origin(unmatched), SALESMAN, Some(CONSULTANT)),
    )
    .await;
    let other = SalesmanMatched {
        match_id: first.match_id,
        ..match_event(origin(matched), Uuid::from_u128(7), Some(CONSULTANT))
    };
    app.deliver(2, &other).await;
    assert_eq!(
        [
            stored_rows(&app, unmatched).await,
            stored_rows(&app, matched).await
        ],
        before
    );
    assert!(app.parked().await.is_empty());
    for caller in [
        app.as_salesman(SALESMAN),
        app.as_salesman(Uuid::from_u128(7)),
        app.as_consultant(CONSULTANT),
    ] {
        assert_eq!(
            caller.get("/consultations").await.expect(200),
            json!({ "items": [] })
        );
    }
}

#[tokio::test]
async fn concurrent_match_and_erasure_end_erased() {
    let app = start().await;
    let mut ids = Vec::new();
    for _ in 0..4 {
        ids.push(create_consultation(&app).await);
    }
    let matches = async {
        for id in ids.iter().rev() {
            app.deliver(1, &match_event(origin(*id), SALESMAN, None))
                .await;
        }
    };
    let (erased, ()) = tokio::join!(erase(&app, PHONE), matches);
    // The gateway repeats an erasure that failed because of a conflict.
    assert!(
        [204, 503].contains(&erased.status.as_u16()),
        "{}",
        erased.json
    );
    assert_eq!(erase(&app, PHONE).await.status, 204);
    assert!(app.parked().await.is_empty());
    assert_eq!(
        app.as_salesman(SALESMAN)
            .get("/consultations")
            .await
            .expect(200),
        json!({ "items": [] })
    );
    for id in ids {
        let view = get_consultation(&app.as_staff(), id).await;
        assert_eq!(
            (&view["step"], &view["phone"]),
            (&json!("cancelled"), &Value::Null)
        );
    }
    assert_eq!(app.new_events().await.len(), 4);
}

#[tokio::test]
async fn later_project_and_profile_events_keep_it_erased() {
    let app = start().await;
    let id = create_matched(&app).await;
    app.deliver(1, &project_created("스마트상점")).await;
    erase(&app, PHONE).await;
    let before = stored_rows(&app, id).await;
    let edition = project_created("스마트상점 (변경)").edition;
    app.deliver(
        2,
        &ProjectStarted {
            project_id: ProjectId(PROJECT),
            edition,
            actor: Actor::System,
        },
    )
    .await;
    let profile = a_profile("김하늘", PersonRole::Salesman, 10);
    app.deliver(
        1,
        &SalesmanUpdated {
            salesman_id: SalesmanId(SALESMAN),
            profile,
            actor: Actor::System,
        },
    )
    .await;
    assert_eq!(
        (stored_rows(&app, id).await, app.parked().await.len()),
        (before, 0)
    );
    let view = get_consultation(&app.as_staff(), id).await;
    assert_eq!(
        (&view["projectName"], &view["salesman"]["displayName"]),
        (&json!("스마트상점 (변경)"), &json!("김하늘"))
    );
}

#[tokio::test]
async fn retry_by_colleague_after_erasure_is_refused() {
    let app = start().await;
    let id = create_matched(&app).await;
    let mut on_behalf = request_body();
    on_behalf["phone"] = json!(PHONE);
    on_behalf["consent"] = json!(true);
    on_behalf["projectId"] = json!(crate::next_project(&app).await);
    let note = json!({ "text": "은밀한 노트" });
    let (notes, progress) = (
        format!("/consultations/{id}/notes"),
        format!("/consultations/{id}/progress"),
    );
    let approve = || {
        let headers = [JSON, ("if-match", "\"1\""), ("idempotency-key", "k-3")];
        (
            headers,
            json!({ "step": "approved" }).to_string().into_bytes(),
        )
    };
    let caller = app.as_salesman(SALESMAN);
    caller
        .post_with_key("/consultations", "k-1", &on_behalf)
        .await
        .expect(201);
    caller.post_with_key(&notes, "k-2", &note).await.expect(201);
    let (headers, body) = approve();
    caller
        .send(Method::POST, &progress, &headers, body)
        .await
        .expect(200);
    erase(&app, PHONE).await;
    let (headers, body) = approve();
    for retry in [
        caller
            .post_with_key("/consultations", "k-1", &on_behalf)
            .await,
        caller.post_with_key(&notes, "k-2", &note).await,
        caller.send(Method::POST, &progress, &headers, body).await,
    ] {
        assert_eq!(retry.problem(422).0, "idempotency-key-reused");
    }
    assert_eq!(consultation_count(&app).await, 2);
}

#[tokio::test]
async fn note_and_disclosure_wait_for_erasure_and_fail() {
    let app = start().await;
    let id = create_matched(&app).await;
    let path = format!("/consultations/{id}");
    let mut erasing = app.pool().begin().await.unwrap();
    sqlx::query(
        "update consultation
         set phone = null, customer_name = null, project_name = '', memo = '', step = 'cancelled',
             erased_at = now()",
    )
    .execute(&mut *erasing)
    .await
    .unwrap();
    let (caller, body) = (app.as_salesman(SALESMAN), json!({ "text": "은밀한 노트" }));
    let (notes, phone) = (format!("{path}/notes"), format!("{path}/phone"));
    let why = json!({ "why": "x" });
    let end = async {
        let both_wait = "select count(*) from pg_stat_activity
                         where datname = current_database() and wait_event_type = 'Lock'
                           and query like '%for share%'";
        let waiting = async {
            while sqlx::query_scalar::<_, i64>(both_wait)
                .fetch_one(app.pool())
                .await
                .unwrap()
                < 2
            {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(4), waiting)
            .await
            .expect("neither of them waits");
        erasing.commit().await.unwrap();
    };
    let (note, look, ()) = tokio::join!(caller.post(&notes, &body), caller.post(&phone, &why), end);
    assert_eq!(
        (note.problem(404).0, look.problem(404).0),
        ("not-found".to_owned(), "not-found".to_owned())
    );
    let written: i64 = sqlx::query_scalar(
        "select (select count(*) from note) + (select count(*) from disclosure)",
    )
    .fetch_one(app.pool())
    .await
    .unwrap();
    assert_eq!(written, 0);
}
