//! Closed consultations, latest closing first, and open ones without a salesman.

use chrono::TimeDelta;
use serde_json::{Value, json};
use service_kit::testing::{Caller, TestApp};
use uuid::Uuid;

use crate::{
    CONSULTANT, PHONE, SALESMAN, create_consultation, create_matched, match_event, origin, start,
};

async fn close(app: &TestApp, id: Uuid, step: &str) {
    let staff = app.as_staff();
    let path = format!("/consultations/{id}/progress");
    let mut version = 1;
    if step != "cancelled" {
        let body = json!({ "step": "approved" });
        staff.post_if(&path, version, &body).await.expect(200);
        version += 1;
    }
    app.clock().advance(TimeDelta::minutes(1));
    let body = json!({ "step": step, "reason": "사정" });
    staff.post_if(&path, version, &body).await.expect(200);
}

fn ids(page: &Value) -> Vec<Uuid> {
    let items = page["items"].as_array().unwrap();
    items
        .iter()
        .map(|item| item["id"].as_str().unwrap().parse().unwrap())
        .collect()
}

/// The ids of all pages with this many rows.
async fn all_pages(caller: &Caller<'_>, query: &str, limit: usize) -> Vec<Uuid> {
    let (mut found, mut after) = (Vec::new(), String::new());
    loop {
        let path = format!("/consultations?{query}&limit={limit}{after}");
        let page = caller.get(&path).await.expect(200);
        found.extend(ids(&page));
        let Some(next) = page["next"].as_str() else {
            return found;
        };
        after = format!("&after={next}");
    }
}

#[tokio::test]
async fn closed_consultations_are_listed_latest_closing_first() {
    let app = start().await;
    let mut created = Vec::new();
    for _ in 0..5 {
        created.push(create_matched(&app).await);
        app.clock().advance(TimeDelta::minutes(1));
    }
    let [open, a, b, c, d] = created[..] else {
        unreachable!("five were created")
    };
    for (id, step) in [
        (c, "succeeded"),
        (a, "failed"),
        (d, "cancelled"),
        (b, "failed"),
    ] {
        close(&app, id, step).await;
    }
    for caller in [
        app.as_staff(),
        app.as_salesman(SALESMAN),
        app.as_consultant(CONSULTANT),
        app.as_customer(PHONE),
    ] {
        for limit in [1, 2, 4, 100] {
            assert_eq!(
                all_pages(&caller, "sort=closed", limit).await,
                [b, d, a, c],
                "limit {limit}"
            );
        }
        assert_eq!(
            all_pages(&caller, "sort=closed&step=failed", 1).await,
            [b, a]
        );
        // An open step selects nothing among them.
        let query = "sort=closed&step=apply&step=succeeded";
        assert_eq!(all_pages(&caller, query, 1).await, [c]);
        assert_eq!(all_pages(&caller, "step=apply", 10).await, [open]);
    }
}

#[tokio::test]
async fn open_consultations_without_a_salesman_are_found() {
    let app = start().await;
    let waiting = create_consultation(&app).await;
    app.clock().advance(TimeDelta::minutes(1));
    create_matched(&app).await;
    let cancelled = create_consultation(&app).await;
    close(&app, cancelled, "cancelled").await;
    let staff = app.as_staff();
    for sort in ["newest", "desired"] {
        let path = format!("/consultations?unassigned=true&sort={sort}");
        assert_eq!(ids(&staff.get(&path).await.expect(200)), [waiting]);
    }
    app.deliver(1, &match_event(origin(waiting), SALESMAN, None))
        .await;
    let none = staff.get("/consultations?unassigned=true").await;
    assert_eq!(ids(&none.expect(200)), [] as [Uuid; 0]);
}
