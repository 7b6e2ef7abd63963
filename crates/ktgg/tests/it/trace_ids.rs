//! Trace ids in the logs: one id finds the lines of a request in every process that handled it.

use std::collections::BTreeSet;

use hyper::{Method, StatusCode};
use ktgg::keys::Keys;
use uuid::Uuid;

use crate::system::{self, PROCESSES, Processes, Programs, Scratch, SessionIssuer, eventually};

/// The lines of requests are at `info`, those of consumed records at `debug`.
const LOGGING: [(&str, &str); 2] = [("LOG", "info,service_kit=debug"), ("LOG_FORMAT", "json")];

/// The lines of a trace in the log of a process.
fn lines_of_trace(processes: &Processes, name: &str, trace_id: &str) -> Vec<String> {
    let field = format!(r#""trace.id":"{trace_id}""#);
    let log = processes.log(name);
    let lines = log.lines().filter(|line| line.contains(&field));
    lines.map(str::to_owned).collect()
}

/// Waits until the log of a process has a line of the trace that contains all of these parts.
async fn wait_for_line(processes: &Processes, name: &str, trace_id: &str, parts: &[&str]) {
    eventually(
        &format!("{name} logs {parts:?} of trace {trace_id}"),
        async || {
            lines_of_trace(processes, name, trace_id)
                .into_iter()
                .find(|line| parts.iter().all(|part| line.contains(part)))
        },
    )
    .await;
}

/// The processes that logged a line of the trace.
fn processes_of_trace(processes: &Processes, trace_id: &str) -> BTreeSet<&'static str> {
    let has_line = |name: &&str| !lines_of_trace(processes, name, trace_id).is_empty();
    PROCESSES.into_iter().filter(has_line).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn trace_id_finds_the_lines_of_a_request_in_every_process() {
    let scratch = Scratch::new("trace-ids");
    let installation = system::on_shared_servers(&scratch).await;
    let keys = Keys::of(&installation.data).unwrap();
    let processes = Processes::start_with(&installation, &keys, Programs::Real, &LOGGING).await;
    let staff = system::wait_until_serving(&installation, &keys).await;
    let client = installation.client();
    let customer = SessionIssuer::new(&installation, &keys)
        .customer("010-1234-5678")
        .await;

    // The `traceId` of an error of the service, from two requests.
    let mut trace_ids = Vec::new();
    for _ in 0..2 {
        let path = format!("/api/consultations/{}", Uuid::new_v4());
        let response = client.call(Method::GET, &path, &customer, &[], None).await;
        let response = response.unwrap();
        assert_eq!(response.status, StatusCode::NOT_FOUND);
        let trace_id = response.json["traceId"].as_str().unwrap().to_owned();
        let answered = [r#""message":"answered""#, r#""status":404"#];
        for name in ["gateway", "consultation"] {
            wait_for_line(&processes, name, &trace_id, &answered).await;
        }
        assert_eq!(
            processes_of_trace(&processes, &trace_id),
            ["consultation", "gateway"].into()
        );
        trace_ids.push(trace_id);
    }
    // Each line belongs to one trace, and an unknown trace has no lines.
    for name in ["gateway", "consultation"] {
        for line in lines_of_trace(&processes, name, &trace_ids[0]) {
            assert!(!line.contains(&trace_ids[1]), "{line}");
        }
    }
    let unknown = Uuid::new_v4().simple().to_string();
    assert_eq!(processes_of_trace(&processes, &unknown), [].into());

    // A write: its event carries the trace to the policies of other services.
    let body = system::consultation_body(&client, &staff).await;
    let trace_id = Uuid::new_v4().simple().to_string();
    let traceparent = format!("00-{trace_id}-00f067aa0ba902b7-01");
    let response = client
        .call(
            Method::POST,
            "/api/consultations",
            &customer,
            &[("traceparent", &traceparent)],
            Some(&body),
        )
        .await
        .unwrap();
    assert_eq!(response.status, StatusCode::CREATED, "{}", response.json);
    let id = response.json["id"].as_str().unwrap();
    let answered = [r#""message":"answered""#, r#""status":201"#];
    for name in ["gateway", "consultation"] {
        wait_for_line(&processes, name, &trace_id, &answered).await;
    }
    // `MatchSalesman` of salesman-match; project keeps a projection.
    let id = format!(r#""aggregate.id":"{id}""#);
    let consumed = [
        r#""message":"consumed""#,
        r#""event.type":"ktgg.ConsultationCreated.v1""#,
        &id,
    ];
    for name in ["salesman-match", "project"] {
        wait_for_line(&processes, name, &trace_id, &consumed).await;
    }
}
