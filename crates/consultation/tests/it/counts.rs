//! The numbers of consultations equal a count of everything, which no request makes.

use chrono::TimeDelta;
use serde_json::{Value, json};
use service_kit::testing::{Caller, TestApp};
use uuid::Uuid;

use crate::{
    CONSULTANT, OTHER_PHONE, PHONE, SALESMAN, create_consultation, create_matched, erase,
    get_consultation, match_event, origin, request_body, start,
};

/// The numbers, without those that are 0.
async fn counts(caller: Caller<'_>) -> Value {
    let mut view = caller.get("/consultations/counts").await.expect(200);
    view.as_object_mut()
        .unwrap()
        .retain(|_, count| *count != json!(0));
    view
}

/// By person and step.
async fn stored(app: &TestApp) -> Value {
    let sql = "select coalesce(jsonb_object_agg(person || ' ' || step, count), '{}')
               from consultation_count";
    sqlx::query_scalar(sql).fetch_one(app.pool()).await.unwrap()
}

async fn progress(app: &TestApp, id: Uuid, version: i64, step: &str) {
    let body = json!({ "step": step, "reason": "사정" });
    let path = format!("/consultations/{id}/progress");
    let staff = app.as_staff();
    staff.post_if(&path, version, &body).await.expect(200);
}

/// Of one customer: one without people, one approved and one failed; of another: one requested.
/// All are for 1 December.
async fn start_with_consultations() -> (TestApp, [Uuid; 3]) {
    let app = start().await;
    let waiting = create_consultation(&app).await;
    let approved = create_matched(&app).await;
    progress(&app, approved, 1, "approved").await;
    let failed = create_matched(&app).await;
    progress(&app, failed, 1, "approved").await;
    progress(&app, failed, 2, "failed").await;
    app.as_customer(OTHER_PHONE)
        .post("/consultations", &request_body())
        .await
        .expect(201);
    (app, [waiting, approved, failed])
}

#[tokio::test]
async fn counts_are_those_that_the_caller_may_see() {
    let (app, _) = start_with_consultations().await;
    assert_eq!(
        counts(app.as_staff()).await,
        json!({ "apply": 2, "approved": 1, "failed": 1, "unassigned": 2 })
    );
    for caller in [app.as_salesman(SALESMAN), app.as_consultant(CONSULTANT)] {
        assert_eq!(counts(caller).await, json!({ "approved": 1, "failed": 1 }));
    }
    assert_eq!(counts(app.as_salesman(Uuid::from_u128(7))).await, json!({}));
    assert_eq!(
        counts(app.as_customer(PHONE)).await,
        json!({ "apply": 1, "approved": 1, "failed": 1, "unassigned": 1 })
    );
    assert_eq!(
        counts(app.as_customer(OTHER_PHONE)).await,
        json!({ "apply": 1, "unassigned": 1 })
    );
}

#[tokio::test]
async fn open_consultations_are_due_on_their_day_and_overdue_after_it() {
    let (app, _) = start_with_consultations().await;
    let due = |view: Value| {
        ["today", "overdue", "applyOverdue"].map(|name| view[name].as_i64().unwrap_or_default())
    };
    assert_eq!(due(counts(app.as_staff()).await), [0, 0, 0]);
    // From 23 November to 1 December.
    app.clock().advance(TimeDelta::days(8));
    assert_eq!(due(counts(app.as_staff()).await), [3, 0, 0]);
    assert_eq!(due(counts(app.as_salesman(SALESMAN)).await), [1, 0, 0]);
    assert_eq!(due(counts(app.as_customer(PHONE)).await), [2, 0, 0]);
    app.clock().advance(TimeDelta::days(1));
    assert_eq!(due(counts(app.as_staff()).await), [0, 3, 2]);
    assert_eq!(due(counts(app.as_consultant(CONSULTANT)).await), [0, 1, 0]);
}

#[tokio::test]
async fn counts_follow_matches_steps_and_erasure() {
    let (app, [waiting, approved, _]) = start_with_consultations().await;
    let all = Uuid::nil();
    let other = Uuid::from_u128(7);
    let rematched = match_event(origin(approved), other, None);
    app.deliver(1, &rematched).await;
    progress(&app, waiting, 1, "cancelled").await;
    assert_eq!(
        stored(&app).await,
        json!({
            format!("{all} apply"): 1, format!("{all} approved"): 1, format!("{all} failed"): 1,
            format!("{all} cancelled"): 1, format!("{other} approved"): 1,
            format!("{SALESMAN} failed"): 1, format!("{CONSULTANT} failed"): 1,
        })
    );
    erase(&app, PHONE).await.expect(204);
    assert_eq!(
        stored(&app).await,
        json!({
            format!("{all} apply"): 1, format!("{all} failed"): 1, format!("{all} cancelled"): 2,
        })
    );
    assert_eq!(counts(app.as_customer(PHONE)).await, json!({}));
}

#[tokio::test]
async fn list_says_when_a_consultation_was_approved_and_closed() {
    let app = start().await;
    let id = create_matched(&app).await;
    let shown = async || {
        let page = app.as_staff().get("/consultations").await.expect(200);
        let view = &page["items"][0];
        (view["approvedAt"].clone(), view["closedAt"].clone())
    };
    assert_eq!(shown().await, (Value::Null, Value::Null));
    app.clock().advance(TimeDelta::days(1));
    progress(&app, id, 1, "approved").await;
    let approved_at = json!("2026-11-24T01:00:00Z");
    assert_eq!(shown().await, (approved_at.clone(), Value::Null));
    app.clock().advance(TimeDelta::days(1));
    // Other people change neither.
    app.deliver(1, &match_event(origin(id), Uuid::from_u128(7), None))
        .await;
    progress(&app, id, 2, "succeeded").await;
    let closed_at = json!("2026-11-25T01:00:00Z");
    assert_eq!(shown().await, (approved_at.clone(), closed_at.clone()));
    let own = get_consultation(&app.as_customer(PHONE), id).await;
    assert_eq!(
        (&own["approvedAt"], &own["closedAt"]),
        (&approved_at, &closed_at)
    );
}

#[tokio::test]
async fn migration_counts_and_dates_what_is_stored_already() {
    let (app, [waiting, ..]) = start_with_consultations().await;
    progress(&app, waiting, 1, "cancelled").await;
    app.clock().advance(TimeDelta::hours(1));
    erase(&app, OTHER_PHONE).await.expect(204);
    let dates = async || {
        let sql = "select jsonb_object_agg(id, jsonb_build_array(approved_at, closed_at))
                   from consultation";
        let dates: Value = sqlx::query_scalar(sql).fetch_one(app.pool()).await.unwrap();
        dates
    };
    let kept = (stored(&app).await, dates().await);
    sqlx::raw_sql(
        "drop function count_consultation cascade; drop function set_step_times cascade;
         drop table consultation_count;
         alter table consultation drop column approved_at, drop column closed_at",
    )
    .execute(app.pool())
    .await
    .unwrap();
    sqlx::raw_sql(include_str!("../../migrations/0010_counts.sql"))
        .execute(app.pool())
        .await
        .unwrap();
    assert_eq!((stored(&app).await, dates().await), kept);
}
