//! SIGKILL to random processes under load.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use hyper::{Method, StatusCode};
use ktgg::client::Client;
use ktgg::keys::Keys;
use sandbox::Sandbox;
use serde_json::{Value, json};
use service_kit::config::Env;
use service_kit::tasks;
use tokio::sync::{Mutex, mpsc};
use uuid::Uuid;

use crate::checker::Checker;
use crate::system::{self, PROCESSES, Processes, Programs, Scratch, SessionIssuer};

/// The number of kills of one run.
const KILLS: usize = 30;

/// Parallel callers. Each sends its next request after a response: about fifty per second in all.
const CALLERS: u64 = 5;
const REQUEST_INTERVAL: Duration = Duration::from_millis(100);

/// One in this many kills is followed by a pause longer than the consumer group's session timeout.
/// The other processes restart immediately.
const LONG_OUTAGE_EVERY: u64 = 7;
const LONG_OUTAGE: Duration = Duration::from_secs(8);

/// The time to settle after the last kill: two session timeouts and a start of Kafka, with a margin
/// for two busy cores.
const SETTLE_TIMEOUT: Duration = Duration::from_mins(2);

/// Runs these tests one after the other, because each keeps both cores busy.
static SERIAL: Mutex<()> = Mutex::const_new(());

/// The processes and servers that can be killed.
struct Victims {
    processes: Processes,
    sandbox: Option<Sandbox>,
}

impl Victims {
    /// Kills the one that the random number selects, restarts it, and returns its name.
    async fn kill(&mut self, random: u64) -> String {
        const SERVERS: [&str; 2] = ["Postgres", "Kafka"];
        let index = usize::try_from(random).unwrap_or(0) % (PROCESSES.len() + SERVERS.len());
        if let Some(name) = PROCESSES.get(index) {
            self.processes.kill(name);
            if random.is_multiple_of(LONG_OUTAGE_EVERY) {
                tokio::time::sleep(LONG_OUTAGE).await;
            }
            self.processes.spawn(name).unwrap();
            return (*name).to_owned();
        }
        let is_kafka = index == PROCESSES.len();
        let mut sandbox = self.sandbox.take().expect("the sandbox is put back");
        self.sandbox = tokio::task::spawn_blocking(move || {
            if is_kafka {
                sandbox.kill_kafka();
                sandbox.start_kafka().unwrap();
            } else {
                sandbox.kill_postgres();
                sandbox.start_postgres().unwrap();
            }
            Some(sandbox)
        })
        .await
        .unwrap();
        SERVERS[usize::from(is_kafka)].to_owned()
    }
}

/// The sessions of one caller: a customer, and a member of staff.
#[derive(Clone)]
struct Sessions {
    customer: String,
    staff: String,
}

/// One caller: as staff, enters a consultation for a customer of its own each time; every fifth
/// time requests one as a customer, and cancels it, because a customer has one open consultation
/// per programme. Turns an interest off and on. Retries each request until it is answered.
async fn call(
    number: u64,
    client: Client,
    sessions: Sessions,
    body: Value,
    stop: Arc<AtomicBool>,
    accepted: mpsc::UnboundedSender<Uuid>,
) {
    let mut serial = 0;
    let mut interest: Option<(String, i64, bool)> = None;
    let customer = &sessions.customer;
    while !stop.load(Ordering::Relaxed) {
        tokio::time::sleep(REQUEST_INTERVAL).await;
        serial += 1;
        let is_own = serial % 5 == 0;
        let session = if is_own { customer } else { &sessions.staff };
        let (key, request) = request(number, serial, is_own, &body);
        let response = retry_until_answered(
            &client,
            &stop,
            Method::POST,
            "/api/consultations",
            session,
            &[("idempotency-key", &key)],
            &request,
        )
        .await;
        let Some((status, view)) = response else {
            continue;
        };
        assert_eq!(status, StatusCode::CREATED, "{view}");
        let id = view["id"].as_str().unwrap().to_owned();
        accepted.send(id.parse().unwrap()).unwrap();
        if is_own {
            let cancel = json!({ "step": "cancelled", "reason": "일정 변경" });
            let path = format!("/api/consultations/{id}/progress");
            retry_until_answered(
                &client,
                &stop,
                Method::POST,
                &path,
                customer,
                &[("if-match", "*")],
                &cancel,
            )
            .await;
        }
        interest = toggle_interest(&client, &stop, customer, &body, interest).await;
    }
}

/// The idempotency key and the body of a caller's request.
fn request(number: u64, serial: u64, is_own: bool, body: &Value) -> (String, Value) {
    let key = format!("{number}-{serial}");
    let mut request = body.clone();
    request["memo"] = json!(key);
    if !is_own {
        request["phone"] = json!(format!("010-6{number:03}-{serial:04}"));
        request["customerName"] = json!("손님");
        request["consent"] = json!(true);
    }
    (key, request)
}

/// Creates the interest, then turns it off and on, for one aggregate with many versions.
async fn toggle_interest(
    client: &Client,
    stop: &AtomicBool,
    customer: &str,
    body: &Value,
    interest: Option<(String, i64, bool)>,
) -> Option<(String, i64, bool)> {
    let read = |view: &Value| {
        Some((
            view["id"].as_str()?.to_owned(),
            view["version"].as_i64()?,
            view["interested"].as_bool()?,
        ))
    };
    match interest {
        None => {
            let mark =
                json!({ "projectId": body["projectId"], "projectName": body["projectName"] });
            let (_, view) = retry_until_answered(
                client,
                stop,
                Method::POST,
                "/api/interests",
                customer,
                &[],
                &mark,
            )
            .await?;
            read(&view)
        }
        Some((id, version, is_on)) => {
            let path = format!("/api/interests/{id}");
            let tag = format!("\"{version}\"");
            let other = json!({ "interested": !is_on });
            match retry_until_answered(
                client,
                stop,
                Method::PATCH,
                &path,
                customer,
                &[("if-match", &tag)],
                &other,
            )
            .await?
            {
                (StatusCode::OK, view) => read(&view),
                // An earlier attempt succeeded, but its response was lost: read the current state.
                _ => client
                    .get(&path, customer)
                    .await
                    .ok()
                    .as_ref()
                    .and_then(read)
                    .or(Some((id, version, is_on))),
            }
        }
    }
}

/// Retries until there is a final response: not a broken connection, 5xx or `write-in-flight`.
async fn retry_until_answered(
    client: &Client,
    stop: &AtomicBool,
    method: Method,
    path: &str,
    customer: &str,
    headers: &[(&str, &str)],
    body: &Value,
) -> Option<(StatusCode, Value)> {
    while !stop.load(Ordering::Relaxed) {
        if let Ok(response) = client
            .call(method.clone(), path, customer, headers, Some(body))
            .await
        {
            let is_temporary = response.status.is_server_error()
                || (response.status == StatusCode::CONFLICT
                    && response.json["type"] == "/problems/write-in-flight");
            if !is_temporary {
                return Some((response.status, response.json));
            }
            assert_ne!(
                response.status,
                StatusCode::INTERNAL_SERVER_ERROR,
                "{}",
                response.json
            );
        }
        tokio::time::sleep(REQUEST_INTERVAL).await;
    }
    None
}

/// A random number generator with a seed, so that a run can be repeated: the seed is printed, and
/// is read from `KTGG_TEST_SEED`.
struct Dice(AtomicU64);

impl Dice {
    fn roll(&self) -> u64 {
        // xorshift64 (Marsaglia 2003).
        let mut state = self.0.load(Ordering::Relaxed);
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        self.0.store(state, Ordering::Relaxed);
        state >> 16
    }
}

#[expect(
    clippy::print_stdout,
    reason = "the output of a failed test shows the order of the kills"
)]
fn report(line: &str) {
    println!("{line}");
}

/// Kills under load, and returns the violations. Checks after every `kills_per_round` kills, and
/// stops early at a violation that starts with `expected`.
async fn kill_and_check(programs: Programs, kills_per_round: usize, expected: &str) -> Vec<String> {
    let scratch = Scratch::new("kills");
    let (installation, sandbox) = system::on_own_servers(&scratch).await;
    let keys = Keys::of(&installation.data).unwrap();
    let processes = Processes::start(&installation, &keys, programs).await;
    let (client, sessions, staff) = (
        installation.client(),
        SessionIssuer::new(&installation, &keys),
        system::wait_until_serving(&installation, &keys).await,
    );
    system::register(&client, &staff, 12, 6).await;
    let body = system::consultation_body(&client, &staff).await;
    let checker = Checker::new(&installation.postgres, installation.kafka.clone()).await;
    let mut victims = Victims {
        processes,
        sandbox: Some(sandbox),
    };
    let random = u64::from_le_bytes(Uuid::new_v4().into_bytes()[..8].try_into().unwrap());
    let seed = Env::process().or("KTGG_TEST_SEED", random) | 1;
    let dice = Dice(AtomicU64::new(seed));
    let tracks = programs == Programs::Real;
    let mut accepted = Vec::new();
    let mut killed = Vec::new();
    let mut violations = Vec::new();
    while killed.len() < KILLS
        && !violations
            .iter()
            .any(|violation: &String| violation.starts_with(expected))
    {
        let stop = Arc::new(AtomicBool::new(false));
        let (sender, mut receiver) = mpsc::unbounded_channel();
        // Up to 300, so that every customer has a valid phone number of its own.
        let round = u64::try_from(killed.len()).unwrap() * 10;
        let mut callers = Vec::new();
        for number in (1..=CALLERS).map(|caller| round + caller) {
            let customer = sessions
                .customer(&format!("010-5{number:03}-{:04}", number * 7))
                .await;
            callers.push(tasks::spawn(call(
                number,
                client.clone(),
                Sessions {
                    customer,
                    staff: staff.clone(),
                },
                body.clone(),
                stop.clone(),
                sender.clone(),
            )));
        }
        for _ in 0..kills_per_round {
            tokio::time::sleep(Duration::from_millis(300 + dice.roll() % 1200)).await;
            killed.push(victims.kill(dice.roll()).await);
        }
        // Let the callers get responses after the last kill, too.
        tokio::time::sleep(Duration::from_secs(1)).await;
        stop.store(true, Ordering::Relaxed);
        for caller in callers {
            caller.await.unwrap();
        }
        drop(sender);
        while let Some(id) = receiver.recv().await {
            accepted.push(id);
        }
        let started = Instant::now();
        while !checker.is_settled(tracks).await.unwrap_or(false)
            && started.elapsed() < SETTLE_TIMEOUT
        {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        violations = checker.violations(&accepted, tracks).await.unwrap();
    }
    let serves = client.get("/api/consultations", &staff).await.is_ok();
    report(&format!(
        "seed {seed}: {} consultations accepted, {} kills: {}",
        accepted.len(),
        killed.len(),
        killed.join(" ")
    ));
    assert!(serves, "the system no longer responds");
    assert!(accepted.len() > killed.len(), "there was no load");
    violations
}

#[tokio::test(flavor = "multi_thread")]
async fn thirty_kills_lose_duplicate_and_reorder_nothing() {
    let _serial = SERIAL.lock().await;
    assert_eq!(
        kill_and_check(Programs::Real, KILLS, "").await,
        Vec::<String>::new()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn kills_without_inbox_and_progress_apply_events_twice() {
    let _serial = SERIAL.lock().await;
    let violations = kill_and_check(Programs::Undeduplicated, 6, "applied twice").await;
    assert!(
        violations
            .iter()
            .any(|violation| violation.starts_with("applied twice")),
        "the checker did not find it: {violations:?}"
    );
}
