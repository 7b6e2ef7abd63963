//! kill -9 of a random process, again and again, under load.

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
use crate::system::{self, Alone, LetIn, PROCESSES, Programs, Scratch};

/// How often something is killed.
const KILLS: usize = 30;

/// Callers at once; each asks, waits for its answer, and asks again, about fifty times a second together.
const CALLERS: u64 = 5;
const PAUSE: Duration = Duration::from_millis(100);

/// One in so many of the processes stays down, for longer than its group waits for it; the others are back at once.
const STAYS_DOWN: u64 = 7;
const DOWN: Duration = Duration::from_secs(8);

/// How long the system may take to settle after the last kill: two session time-outs, a start of Kafka, and air for two busy cores.
const SETTLING: Duration = Duration::from_mins(2);

/// These tests keep both cores busy: one after the other.
static TURN: Mutex<()> = Mutex::const_new(());

/// Everything that can be killed.
struct Victims {
    alone: Alone,
    sandbox: Option<Sandbox>,
}

impl Victims {
    /// Kills one, chosen by a number, and starts it again.
    async fn kill(&mut self, chosen: u64) -> String {
        const SERVERS: [&str; 2] = ["Postgres", "Kafka"];
        let index = usize::try_from(chosen).unwrap_or(0) % (PROCESSES.len() + SERVERS.len());
        if let Some(name) = PROCESSES.get(index) {
            self.alone.kill(name);
            if chosen.is_multiple_of(STAYS_DOWN) {
                tokio::time::sleep(DOWN).await;
            }
            self.alone.spawn(name).unwrap();
            return (*name).to_owned();
        }
        let is_kafka = index == PROCESSES.len();
        let mut sandbox = self.sandbox.take().expect("the sandbox is here");
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

/// A caller: asks for consultations, cancels some, and turns one interest off and on, each until it is answered.
async fn call(
    number: u64,
    client: Client,
    customer: String,
    body: Value,
    ends: Arc<AtomicBool>,
    accepted: mpsc::UnboundedSender<Uuid>,
) {
    let mut serial = 0;
    let mut interest: Option<(String, i64, bool)> = None;
    while !ends.load(Ordering::Relaxed) {
        tokio::time::sleep(PAUSE).await;
        serial += 1;
        let key = format!("{number}-{serial}");
        let mut ask = body.clone();
        ask["memo"] = json!(key);
        let asked = until_answered(
            &client,
            &ends,
            Method::POST,
            "/api/consultations",
            &customer,
            &[("idempotency-key", &key)],
            &ask,
        )
        .await;
        let Some((StatusCode::CREATED, view)) = asked else {
            continue;
        };
        let id = view["id"].as_str().unwrap().to_owned();
        accepted.send(id.parse().unwrap()).unwrap();
        if serial % 5 == 0 {
            let cancel = json!({ "step": "cancelled", "reason": "일정 변경" });
            let path = format!("/api/consultations/{id}/progress");
            until_answered(
                &client,
                &ends,
                Method::POST,
                &path,
                &customer,
                &[("if-match", "*")],
                &cancel,
            )
            .await;
        }
        interest = turn(&client, &ends, &customer, &body, interest).await;
    }
}

/// Marks the programme, then turns the interest off and on: one aggregate with many versions.
async fn turn(
    client: &Client,
    ends: &AtomicBool,
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
            let (_, view) = until_answered(
                client,
                ends,
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
            match until_answered(
                client,
                ends,
                Method::PATCH,
                &path,
                customer,
                &[("if-match", &tag)],
                &other,
            )
            .await?
            {
                (StatusCode::OK, view) => read(&view),
                // An earlier attempt was carried out although nobody could say so: look what is there.
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

/// Asks until somebody answers for good: not "later", not a broken connection.
async fn until_answered(
    client: &Client,
    ends: &AtomicBool,
    method: Method,
    path: &str,
    customer: &str,
    headers: &[(&str, &str)],
    body: &Value,
) -> Option<(StatusCode, Value)> {
    while !ends.load(Ordering::Relaxed) {
        if let Ok(answer) = client
            .call(method.clone(), path, customer, headers, Some(body))
            .await
        {
            let later = answer.status.is_server_error()
                || (answer.status == StatusCode::CONFLICT
                    && answer.json["type"] == "/problems/write-in-flight");
            if !later {
                return Some((answer.status, answer.json));
            }
            assert_ne!(
                answer.status,
                StatusCode::INTERNAL_SERVER_ERROR,
                "{}",
                answer.json
            );
        }
        tokio::time::sleep(PAUSE).await;
    }
    None
}

/// A small generator, so that the order of the kills can be had again: the seed is printed, and taken from `KTGG_TEST_SEED`.
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
    reason = "the order of the kills is wanted when the test fails, and then its output is shown"
)]
fn report(line: &str) {
    println!("{line}");
}

/// Kills under load; gives what the checker finds. Looks after every `look_after` kills, and stops when it has found what begins with `sought`.
async fn kill_and_check(programs: Programs, look_after: usize, sought: &str) -> Vec<String> {
    let scratch = Scratch::new("kills");
    let (place, sandbox) = system::own_place(&scratch).await;
    let keys = Keys::of(&place.data).unwrap();
    let alone = Alone::start(&place, &keys, programs).await;
    let (client, let_in, staff) = (
        place.client(),
        LetIn::to(&place, &keys),
        system::until_serving(&place, &keys).await,
    );
    system::register(&client, &staff, 12, 6).await;
    let body = system::consultation_body(&client, &staff).await;
    let checker = Checker::new(&place.postgres, place.kafka.clone()).await;
    let mut victims = Victims {
        alone,
        sandbox: Some(sandbox),
    };
    let random = u64::from_le_bytes(Uuid::new_v4().into_bytes()[..8].try_into().unwrap());
    let seed = Env::process().or("KTGG_TEST_SEED", random) | 1;
    let dice = Dice(AtomicU64::new(seed));
    let tracks = programs == Programs::Real;
    let mut accepted = Vec::new();
    let mut killed = Vec::new();
    let mut found = Vec::new();
    while killed.len() < KILLS && !found.iter().any(|wrong: &String| wrong.starts_with(sought)) {
        let ends = Arc::new(AtomicBool::new(false));
        let (told, mut tell) = mpsc::unbounded_channel();
        let round = u64::try_from(killed.len()).unwrap() * 100;
        let mut callers = Vec::new();
        for number in (1..=CALLERS).map(|caller| round + caller) {
            let customer = let_in
                .customer(&format!("010-5{number:03}-{:04}", number * 7))
                .await;
            callers.push(tasks::spawn(call(
                number,
                client.clone(),
                customer,
                body.clone(),
                ends.clone(),
                told.clone(),
            )));
        }
        for _ in 0..look_after {
            tokio::time::sleep(Duration::from_millis(300 + dice.roll() % 1200)).await;
            killed.push(victims.kill(dice.roll()).await);
        }
        // Those who ask are answered first: what is accepted after the last kill counts too.
        tokio::time::sleep(Duration::from_secs(1)).await;
        ends.store(true, Ordering::Relaxed);
        for caller in callers {
            caller.await.unwrap();
        }
        drop(told);
        while let Some(id) = tell.recv().await {
            accepted.push(id);
        }
        let begun = Instant::now();
        while !checker.is_settled(tracks).await.unwrap_or(false) && begun.elapsed() < SETTLING {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        found = checker.violations(&accepted, tracks).await.unwrap();
    }
    let serves = client.get("/api/consultations", &staff).await.is_ok();
    report(&format!(
        "seed {seed}: {} consultations accepted, {} kills: {}",
        accepted.len(),
        killed.len(),
        killed.join(" ")
    ));
    assert!(serves, "it does not serve any more");
    assert!(accepted.len() > killed.len(), "there was no load");
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn thirty_kills_under_load_lose_nothing_apply_nothing_twice_and_reorder_nothing() {
    let _turn = TURN.lock().await;
    assert_eq!(
        kill_and_check(Programs::Real, KILLS, "").await,
        Vec::<String>::new()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_kills_without_inbox_and_progress_are_found_out() {
    let _turn = TURN.lock().await;
    let found = kill_and_check(Programs::Undeduplicated, 6, "applied twice").await;
    assert!(
        found.iter().any(|wrong| wrong.starts_with("applied twice")),
        "the checker did not find it: {found:?}"
    );
}
