//! Trace ids on log lines, from a request through Kafka into the policies of its event.

use axum::extract::State;
use axum::http::{Method, StatusCode};
use axum::routing::{get, post};
use events::ProjectCreated;
use http_body_util::{BodyExt as _, Empty};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;
use service_kit::http::permissions::{All, Permission};
use service_kit::http::{Path, REQUEST_ID};
use service_kit::messaging::event_log;
use service_kit::testing::{Logs, TestApp};
use service_kit::trace::TRACEPARENT;
use service_kit::{Context, PolicyError, Problem, Received, Service, Tx};
use utoipa_axum::router::OpenApiRouter;
use uuid::Uuid;

use crate::{NAME, World, a_project, migrations};

const TRACE_ID: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

const FIRST: Uuid = Uuid::from_u128(1);
const SECOND: Uuid = Uuid::from_u128(2);

async fn fail(Path(id): Path<Uuid>) -> Problem {
    Problem::internal(format!("no luck with {}", id.as_u128()))
}

async fn publish(State(context): State<Context>) -> Result<StatusCode, Problem> {
    let mut tx = context.db.begin().await?;
    event_log::append(&mut tx, 1, &a_project(FIRST)).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Whenever the first project is created, creates the second.
async fn continue_chain(
    tx: &mut Tx,
    received: &Received<ProjectCreated>,
) -> Result<(), PolicyError> {
    tracing::info!("policy ran");
    if received.envelope.aggregate_id == FIRST {
        event_log::append(tx, 1, &a_project(SECOND)).await?;
    }
    Ok(())
}

const TABLE: &[Permission] = &[
    Permission::new("GET", "/fail/{id}", [All; 5]),
    Permission::new("POST", "/publish", [All; 5]),
];

async fn service() -> Service {
    Service::new(NAME, 0, migrations().await)
        .routes(|| {
            OpenApiRouter::new()
                .route("/fail/{id}", get(fail))
                .route("/publish", post(publish))
        })
        .permissions(TABLE)
        .whenever(continue_chain)
}

const FAILING_PATH: &str = "/fail/00000000-0000-0000-0000-0000000000dd?phone=01012345678";

#[tokio::test]
async fn trace_id_of_a_problem_is_on_the_lines_of_its_request() {
    let app = TestApp::start(service().await).await;
    let logs = Logs::capture();
    let headers = [("traceparent", PARENT), ("x-request-id", "page-7.retry_2")];
    let response = app
        .as_staff()
        .send(Method::GET, FAILING_PATH, &headers, Vec::new())
        .await;
    assert_eq!(response.headers[REQUEST_ID], "page-7.retry_2");
    assert_eq!(response.expect(500)["traceId"], TRACE_ID);
    for message in ["no luck with 221", "answered"] {
        let lines = logs.lines_with(message);
        assert_eq!(lines.len(), 1, "{message}");
        for field in [
            r#"request.id="page-7.retry_2""#,
            &format!(r#"trace.id="{TRACE_ID}""#),
            r#"http.method="GET""#,
            r#"http.route="/fail/{id}""#,
            r#"role="staff""#,
        ] {
            assert!(lines[0].contains(field), "no {field} in {}", lines[0]);
        }
    }
    let answered = &logs.lines_with("answered")[0];
    assert!(answered.contains("status=500") && answered.contains("duration_ms="));
    for personal in ["0000000000dd", "01012345678"] {
        assert_eq!(logs.lines_with(personal), [""; 0]);
    }
}

#[tokio::test]
async fn json_lines_of_a_request_have_its_ids_in_their_span() {
    let app = TestApp::start(service().await).await;
    let logs = Logs::capture_json();
    let response = app.anonymous().get(FAILING_PATH).await;
    let request_id = response.headers[REQUEST_ID].clone();
    let problem = response.expect(500);
    for message in ["no luck with 221", "answered"] {
        let line: Value = serde_json::from_str(&logs.lines_with(message)[0]).unwrap();
        let span = &line["span"];
        assert_eq!(span["trace.id"], problem["traceId"]);
        assert_eq!(span["request.id"], request_id.to_str().unwrap());
        assert_eq!(span["role"], "anonymous");
    }
}

#[tokio::test]
async fn invalid_request_id_and_traceparent_are_replaced() {
    let app = TestApp::start(service().await).await;
    for (request_id, traceparent) in [("a b", "nonsense"), ("", ""), (&"a".repeat(65), PARENT)] {
        let headers = [("x-request-id", request_id), ("traceparent", traceparent)];
        let response = app
            .anonymous()
            .send(Method::GET, "/nowhere", &headers, Vec::new())
            .await;
        assert!(Uuid::parse_str(response.headers[REQUEST_ID].to_str().unwrap()).is_ok());
        let trace_id = response.expect(404)["traceId"].clone();
        assert_eq!(trace_id.as_str().unwrap().len(), 32);
        assert_eq!(trace_id == TRACE_ID, traceparent == PARENT);
    }
}

#[tokio::test]
async fn record_is_consumed_in_the_trace_of_the_request() {
    let world = World::new().await;
    let logs = Logs::capture();
    let replica = world.run(service().await).await;
    let request = hyper::Request::post(format!("http://{}/publish", replica.address))
        .header(TRACEPARENT, PARENT)
        .body(Empty::<bytes::Bytes>::new())
        .unwrap();
    let client = Client::builder(TokioExecutor::new()).build_http();
    let response = client.request(request).await.unwrap();
    assert_eq!(response.status(), 204);
    drop(response.into_body().collect().await);
    world
        .until("both are consumed", "select count(*) = 2 from inbox")
        .await;
    replica.stop().await;

    // The event of the request, and the event of the policy, each with a span of its own.
    let traceparents: Vec<String> =
        sqlx::query_scalar("select headers ->> 'traceparent' from event_log order by pos")
            .fetch_all(&world.pool)
            .await
            .unwrap();
    let span_ids: Vec<&str> = traceparents
        .iter()
        .map(|traceparent| {
            let span_id = traceparent.strip_prefix(&PARENT[..36]).unwrap();
            span_id.strip_suffix("-01").unwrap()
        })
        .collect();
    assert_eq!(span_ids.len(), 2);
    assert!(span_ids[0] != span_ids[1] && !span_ids.contains(&&PARENT[36..52]));

    let lines = logs.lines_with("policy ran");
    assert_eq!(lines.len(), 2);
    for (line, id) in lines.iter().zip([FIRST, SECOND]) {
        for field in [
            &format!(r#"trace.id="{TRACE_ID}""#),
            &format!(r#"aggregate.id="{id}""#),
            &format!(r#"topic="{}.project""#, world.kafka.topic_prefix),
            r#"event.type="ktgg.ProjectCreated.v1""#,
            "partition=",
            "offset=",
            "version=1",
        ] {
            assert!(line.contains(field), "no {field} in {line}");
        }
    }
}
