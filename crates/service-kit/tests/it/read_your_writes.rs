//! Reads that wait until their service has consumed an event (`Ktgg-After`).

use std::time::Duration;

use axum::http::Method;
use futures_util::future::join_all;
use service_kit::Service;
use service_kit::http::permissions::{All, No, Permission};
use service_kit::testing::{Caller, TestApp, TestResponse};
use uuid::Uuid;

use crate::{a_project, migrations, routes, tally};

const TABLE: &[Permission] = &[
    Permission::new("GET", "/ping", [All; 5]),
    Permission::new("GET", "/slow", [No, No, No, No, All]),
];

/// A service that consumes the events of projects, which are not its own.
async fn start() -> TestApp {
    let service = Service::new("interest", 0, migrations().await)
        .routes(routes)
        .permissions(TABLE)
        .whenever(tally);
    TestApp::start(service).await
}

fn after(id: Uuid, version: i64) -> String {
    format!("project/{id}@{version}")
}

async fn read(caller: &Caller<'_>, after: &str) -> TestResponse {
    let headers = [("ktgg-after", after)];
    let answer = caller.send(Method::GET, "/ping", &headers, Vec::new());
    answer.await
}

/// Whether it waited in vain. Here each wait for a version that never comes is one.
fn is_stale(response: &TestResponse) -> bool {
    response
        .headers
        .get("ktgg-stale")
        .is_some_and(|value| value == "1")
}

#[tokio::test]
async fn anonymous_and_refused_callers_do_not_wait() {
    let app = start().await;
    let after = after(Uuid::new_v4(), 1);
    for (path, status) in [("/ping", 200), ("/slow", 401), ("/nothing", 404)] {
        let headers = [("ktgg-after", &*after)];
        let caller = app.anonymous();
        let answer = caller.send(Method::GET, path, &headers, Vec::new()).await;
        assert_eq!(
            (answer.status.as_u16(), is_stale(&answer)),
            (status, false),
            "{path}"
        );
    }
}

#[tokio::test]
async fn malformed_versions_are_ignored() {
    let app = start().await;
    let staff = app.as_staff();
    for value in [
        "",
        "project",
        "project/1@1",
        "project/@",
        &after(Uuid::new_v4(), 0),
    ] {
        let answer = read(&staff, value).await;
        assert_eq!(
            (answer.status.as_u16(), is_stale(&answer)),
            (200, false),
            "{value}"
        );
    }
}

#[tokio::test]
async fn reads_that_wait_are_answered_when_the_event_is_consumed() {
    let app = start().await;
    let staff = app.as_staff();
    let ids = [Uuid::new_v4(), Uuid::new_v4()];
    let values: Vec<String> = ids.iter().flat_map(|id| vec![after(*id, 1); 5]).collect();
    let reads = join_all(values.iter().map(|value| read(&staff, value)));
    let consumed = async {
        for id in ids {
            app.deliver(1, &a_project(id)).await;
        }
    };
    let (answers, ()) = tokio::join!(reads, consumed);
    assert_eq!(answers.iter().filter(|answer| is_stale(answer)).count(), 0);
}

#[tokio::test]
async fn reads_that_wait_share_one_connection() {
    let app = start().await;
    let staff = app.as_staff();
    // Reads of progress wait for this transaction, so that they can be counted.
    let mut tx = app.pool().begin().await.unwrap();
    sqlx::raw_sql("lock table progress in access exclusive mode")
        .execute(&mut *tx)
        .await
        .unwrap();
    let values: Vec<String> = (0..20).map(|_| after(Uuid::new_v4(), 1)).collect();
    let reads = join_all(values.iter().map(|value| read(&staff, value)));
    let mut most = 0;
    let counted = async {
        loop {
            let waiting: i64 = sqlx::query_scalar(
                "select count(*) from pg_locks where not granted
                 and database = (select oid from pg_database where datname = current_database())",
            )
            .fetch_one(&mut *tx)
            .await
            .unwrap();
            most = most.max(waiting);
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let answers = tokio::select! {
        answers = reads => answers,
        () = counted => unreachable!("it counts without end"),
    };
    assert!(answers.iter().all(is_stale));
    assert_eq!(most, 1);
}
