//! The time from a request until the browser receives its events, beside the raw round trips of the
//! broker and the database in the same run.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use consultation::MAX_OPEN_CONSULTATIONS;
use futures_util::StreamExt as _;
use gateway::Sessions;
use rdkafka::consumer::{Consumer as _, StreamConsumer};
use rdkafka::producer::{FutureProducer, FutureRecord};
use rdkafka::{Offset, TopicPartitionList};
use serde_json::{Value, json};
use service_kit::clock::{SystemClock, seoul_date};
use service_kit::{Clock as _, tasks};
use sqlx::Connection as _;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::client::{Client, Stream};
use crate::host::{self, Installation};
use crate::keys::{self, Keys};
use crate::services::services;

/// Customers with an open browser each.
const CUSTOMERS: usize = 20;

/// Round trips for the raw figures, one at a time.
const RAW: usize = 1000;

/// Bounds the arrival of the last event.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Requests before the measured ones: connections are opened, plans cached, and a fresh broker's
/// JVM compiles its code.
const WARM_UP: usize = 250;

/// Arrival of each consultation's events at its customer's browser.
#[derive(Default)]
struct Arrivals {
    created: HashMap<Uuid, Instant>,
    matched: HashMap<Uuid, Instant>,
}

/// Runs everything in this process, requests consultations at a steady rate, and prints the times.
///
/// # Errors
/// When a request fails, or an event does not arrive.
pub async fn live(
    installation: &Installation,
    requests: u32,
    rate: u32,
    print: impl Fn(&str),
) -> Result<()> {
    ensure!(
        requests > 0 && rate > 0,
        "requests and rate must be positive"
    );
    let keys = Keys::of(&installation.data)?;
    // A browser's customer requests more than a customer may have open.
    let services = services().map(|service| service.number(MAX_OPEN_CONSULTATIONS, u32::MAX));
    let hosted = host::bind(installation, &keys, services.into()).await?;
    let (ready, stop) = (hosted.ready(), CancellationToken::new());
    let running = tasks::spawn(hosted.run(stop.clone()));
    ready.await;
    let result = measure(installation, &keys, requests, rate, &print).await;
    stop.cancel();
    running.await??;
    result
}

async fn measure(
    installation: &Installation,
    keys: &Keys,
    requests: u32,
    rate: u32,
    print: &impl Fn(&str),
) -> Result<()> {
    let client = installation.client();
    // Sign-in is not measured.
    let sessions = host::sessions(installation, keys)?;
    let staff = sessions.begin(&keys::staff(), None).await?.id().to_owned();
    let programmes = (usize::try_from(requests)? + WARM_UP).div_ceil(CUSTOMERS);
    let bodies = prepare(&client, &staff, programmes).await?;
    let browsers = sign_in_customers(&sessions, keys).await?;
    let arrivals = Arc::new(Mutex::new(Arrivals::default()));
    let (notify, mut arrived) = mpsc::unbounded_channel();
    for session in &browsers {
        let stream = client.stream(session).await?;
        drop(tasks::spawn(watch(
            stream,
            arrivals.clone(),
            notify.clone(),
        )));
    }

    let requests_sent = send_requests(&client, &browsers, &bodies, requests, rate).await?;
    let all_arrived = async {
        while !requests_sent.iter().all(|(id, ..)| {
            arrivals
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .matched
                .contains_key(id)
        }) {
            arrived.recv().await.context("every stream ended")?;
        }
        anyhow::Ok(())
    };
    tokio::time::timeout(TIMEOUT, all_arrived)
        .await
        .context("an event did not arrive")??;

    let since = |which: fn(&Arrivals) -> &HashMap<Uuid, Instant>| {
        let arrivals = arrivals.lock().unwrap_or_else(PoisonError::into_inner);
        requests_sent
            .iter()
            .filter_map(|(id, at, _)| Some(which(&arrivals).get(id)?.duration_since(*at)))
            .collect()
    };
    print(&format!(
        "{requests} consultations at {rate}/s, {CUSTOMERS} browsers"
    ));
    let answered = requests_sent.iter().map(|(_, _, answered)| *answered);
    for (name, times) in [
        ("POST answered", answered.collect()),
        (
            "POST → ConsultationCreated on the stream",
            since(|arrivals| &arrivals.created),
        ),
        (
            "POST → SalesmanMatched on the stream",
            since(|arrivals| &arrivals.matched),
        ),
        (
            "raw Kafka: produce → consume, one by one",
            raw_kafka(installation).await?,
        ),
        (
            "raw Postgres: insert + event + pending, one by one",
            raw_postgres(installation).await?,
        ),
    ] {
        print(&figures(name, times));
    }
    Ok(())
}

/// The sessions of all customers.
async fn sign_in_customers(sessions: &Sessions, keys: &Keys) -> Result<Vec<String>> {
    let mut browsers = Vec::with_capacity(CUSTOMERS);
    for number in 0..CUSTOMERS {
        let phone = format!("010-7000-{number:04}");
        let customer = keys.customer(&phone.parse().map_err(anyhow::Error::msg)?);
        browsers.push(sessions.begin(&customer, None).await?.id().to_owned());
    }
    Ok(browsers)
}

/// A request after the warm-up: the consultation's id, when it was sent, and the response time.
type Sent = (Uuid, Instant, Duration);

/// Sends the requests at the rate, independently of the responses.
async fn send_requests(
    client: &Client,
    browsers: &[String],
    bodies: &[Value],
    requests: u32,
    rate: u32,
) -> Result<Vec<Sent>> {
    let total = usize::try_from(requests)? + WARM_UP;
    let mut ticks = tokio::time::interval(Duration::from_secs(1) / rate);
    let (sender, mut responses) = mpsc::unbounded_channel();
    for number in 0..total {
        ticks.tick().await;
        // A customer has one open consultation about each programme.
        let (client, session, body, sender) = (
            client.clone(),
            browsers[number % CUSTOMERS].clone(),
            bodies[number / CUSTOMERS].clone(),
            sender.clone(),
        );
        drop(tasks::spawn(async move {
            let sent = Instant::now();
            let created = client.post("/api/consultations", &session, &body).await;
            drop(sender.send(created.map(|view| (number, sent, sent.elapsed(), view))));
        }));
    }
    let mut measured = Vec::with_capacity(total);
    for _ in 0..total {
        let (number, sent, answered, view) =
            responses.recv().await.context("a request was lost")??;
        let id: Uuid = view["id"].as_str().unwrap_or_default().parse()?;
        if number >= WARM_UP {
            measured.push((id, sent, answered));
        }
    }
    Ok(measured)
}

/// Registers enough people and the programmes; returns a consultation request about each.
async fn prepare(client: &Client, staff: &str, programmes: usize) -> Result<Vec<Value>> {
    for (role, name, prefix, count) in [("salesman", "영업", 91, 12), ("consultant", "상담", 92, 6)]
    {
        for number in 0..count {
            let body = json!({
                "name": format!("{name} {number}"), "phone": format!("010-{prefix}00-{number:04}"),
                "role": role, "capacity": 1000,
            });
            client.post("/api/salesmen", staff, &body).await?;
        }
    }
    let today = seoul_date(SystemClock.now());
    let mut bodies = Vec::with_capacity(programmes);
    for number in 0..programmes {
        // Another host makes it another programme.
        let project = json!({
            "name": "2026년 측정용 사업", "year": 2026, "category": "기타", "agency": "측정",
            "host": format!("측정기관 {number}"),
        });
        let project = client.post("/api/projects", staff, &project).await?;
        bodies.push(json!({
            "projectId": project["id"], "projectName": project["name"], "desiredDate": today,
            "memo": "",
        }));
    }
    Ok(bodies)
}

/// Records the arrival of each event.
async fn watch(
    mut stream: Stream,
    arrivals: Arc<Mutex<Arrivals>>,
    notify: mpsc::UnboundedSender<()>,
) {
    while let Ok(Some(event)) = stream.next().await {
        let now = Instant::now();
        let id = |value: &Value| value.as_str().and_then(|id| id.parse::<Uuid>().ok());
        {
            let mut arrivals = arrivals.lock().unwrap_or_else(PoisonError::into_inner);
            match event.event.as_str() {
                "ConsultationCreated" => id(&event.data["aggregateId"])
                    .map(|id| arrivals.created.entry(id).or_insert(now)),
                "SalesmanMatched" => id(&event.data["origin"]["id"])
                    .map(|id| arrivals.matched.entry(id).or_insert(now)),
                _ => None,
            };
        }
        if notify.send(()).is_err() {
            return;
        }
    }
}

async fn raw_kafka(installation: &Installation) -> Result<Vec<Duration>> {
    // Not a domain topic: its records must be in an event log.
    let topic = format!("bench-{}", Uuid::new_v4().simple());
    installation.kafka.create_topic(&topic, 1).await?;
    let producer: FutureProducer = installation
        .kafka
        .client()
        .set("acks", "all")
        .set("enable.idempotence", "true")
        .set("linger.ms", "0")
        .create()?;
    let consumer: StreamConsumer = installation
        .kafka
        .client()
        .set("group.id", &topic)
        .set("fetch.wait.max.ms", "100")
        .create()?;
    let mut from = TopicPartitionList::new();
    from.add_partition_offset(&topic, 0, Offset::Beginning)?;
    consumer.assign(&from)?;
    let mut records = consumer.stream();
    let payload = "x".repeat(400);
    let mut times = Vec::with_capacity(RAW);
    for number in 0..RAW + WARM_UP {
        let started = Instant::now();
        let record = FutureRecord::to(&topic).key("key").payload(&payload);
        let acknowledged = producer.send_result(record).map_err(|(error, _)| error)?;
        records.next().await.context("the consumer ended")??;
        if number >= WARM_UP {
            times.push(started.elapsed());
        }
        acknowledged.await?.map_err(|(error, _)| error)?;
    }
    Ok(times)
}

async fn raw_postgres(installation: &Installation) -> Result<Vec<Duration>> {
    let mut connection = sqlx::PgConnection::connect(&installation.postgres).await?;
    sqlx::raw_sql(
        "create schema raw;
         create table raw.thing (id uuid primary key, text text not null);
         create table raw.log (
             pos bigint generated always as identity primary key,
             id uuid not null unique,
             payload jsonb not null
         );
         create table raw.pending (pos bigint primary key);",
    )
    .execute(&mut connection)
    .await?;
    let payload = json!({ "text": "x".repeat(400) });
    let mut times = Vec::with_capacity(RAW);
    for number in 0..RAW + WARM_UP {
        let started = Instant::now();
        sqlx::query(
            "with thing as (insert into raw.thing values ($1, 'x')),
                  logged as (insert into raw.log (id, payload) values ($1, $2) returning pos)
             insert into raw.pending select pos from logged",
        )
        .bind(Uuid::new_v4())
        .bind(&payload)
        .execute(&mut connection)
        .await?;
        if number >= WARM_UP {
            times.push(started.elapsed());
        }
    }
    sqlx::raw_sql("drop schema raw cascade")
        .execute(&mut connection)
        .await?;
    Ok(times)
}

/// One line with median, 99th percentile and maximum.
fn figures(name: &str, mut times: Vec<Duration>) -> String {
    times.sort_unstable();
    let at = |share: usize| {
        times
            .get((times.len() * share / 100).min(times.len().saturating_sub(1)))
            .copied()
            .unwrap_or_default()
    };
    let ms = |duration: Duration| format!("{:.1}", duration.as_secs_f64() * 1000.0);
    format!(
        "  {name:<52} p50 {:>7} ms   p99 {:>7} ms   max {:>7} ms   n {}",
        ms(at(50)),
        ms(at(99)),
        ms(times.last().copied().unwrap_or_default()),
        times.len()
    )
}
