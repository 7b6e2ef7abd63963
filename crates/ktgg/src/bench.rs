//! How long a change takes from the request to the browser, beside what the broker and the database take by themselves in the same run.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use futures_util::StreamExt as _;
use rdkafka::consumer::{Consumer as _, StreamConsumer};
use rdkafka::producer::{FutureProducer, FutureRecord};
use rdkafka::{Offset, TopicPartitionList};
use serde_json::{Value, json};
use service_kit::auth::Identity;
use service_kit::clock::{SystemClock, seoul_date};
use service_kit::{Clock as _, tasks};
use sqlx::Connection as _;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::client::{Client, Stream};
use crate::host::{self, Place};
use crate::keys::{self, Keys};
use crate::services;

/// Customers who ask, each with a browser open.
const CUSTOMERS: usize = 20;

/// One round trip at a time, this often, for the raw figures.
const RAW: usize = 1000;

/// How long the last change may take to arrive.
const PATIENCE: Duration = Duration::from_secs(30);

/// Requests that are not counted: connections open, plans are cached, and a broker that has just started compiles what it runs.
const WARM_UP: usize = 250;

/// When a consultation's events reached its customer's browser.
#[derive(Default)]
struct Seen {
    created: HashMap<Uuid, Instant>,
    matched: HashMap<Uuid, Instant>,
}

/// Runs everything in this process over `place`, asks for consultations at a steady rate, and prints how long their changes took.
///
/// # Errors
/// When something does not answer, or a change does not arrive.
pub async fn live(place: &Place, requests: u32, rate: u32, print: impl Fn(&str)) -> Result<()> {
    ensure!(
        requests > 0 && rate > 0,
        "there must be a request, and a rate"
    );
    let keys = Keys::of(&place.data)?;
    let hosted = host::bind(place, &keys, services().into()).await?;
    let (ready, stop) = (hosted.ready(), CancellationToken::new());
    let running = tasks::spawn(hosted.run(stop.clone()));
    ready.await;
    let result = measure(place, &keys, requests, rate, &print).await;
    stop.cancel();
    running.await??;
    result
}

async fn measure(
    place: &Place,
    keys: &Keys,
    requests: u32,
    rate: u32,
    print: &impl Fn(&str),
) -> Result<()> {
    let client = place.client();
    // Signing in is not what is measured.
    let sessions = host::sessions(place, keys)?;
    let staff = sessions.begin(&keys::staff(), None).await?.id().to_owned();
    let project = prepare(&client, &staff).await?;
    let customers: Vec<Identity> = (0..CUSTOMERS)
        .map(|number| {
            Ok(keys.customer(
                &format!("010-7000-{number:04}")
                    .parse()
                    .map_err(anyhow::Error::msg)?,
            ))
        })
        .collect::<Result<_>>()?;
    let mut browsers = Vec::with_capacity(CUSTOMERS);
    for customer in &customers {
        browsers.push(sessions.begin(customer, None).await?.id().to_owned());
    }
    let seen = Arc::new(Mutex::new(Seen::default()));
    let (told, mut tell) = mpsc::unbounded_channel();
    for session in &browsers {
        let stream = client.stream(session).await?;
        drop(tasks::spawn(watch(stream, seen.clone(), told.clone())));
    }

    let total = usize::try_from(requests)? + WARM_UP;
    let mut ticks = tokio::time::interval(Duration::from_secs(1) / rate);
    let (sent, mut sents) = mpsc::unbounded_channel();
    for number in 0..total {
        ticks.tick().await;
        let (client, session, project, sent) = (
            client.clone(),
            browsers[number % CUSTOMERS].clone(),
            project.clone(),
            sent.clone(),
        );
        drop(tasks::spawn(async move {
            let asked = Instant::now();
            let created = client.post("/api/consultations", &session, &project).await;
            drop(sent.send(created.map(|view| (number, asked, asked.elapsed(), view))));
        }));
    }
    let mut asked = Vec::with_capacity(total);
    while asked.len() < total {
        let (number, at, answered, view) = sents.recv().await.context("a request got lost")??;
        let id: Uuid = view["id"].as_str().unwrap_or_default().parse()?;
        if number >= WARM_UP {
            asked.push((id, at, answered));
        } else {
            asked.push((Uuid::nil(), at, answered));
        }
    }
    asked.retain(|(id, ..)| !id.is_nil());
    let all_told = async {
        while !asked.iter().all(|(id, ..)| {
            seen.lock()
                .unwrap_or_else(PoisonError::into_inner)
                .matched
                .contains_key(id)
        }) {
            tell.recv().await.context("every stream has ended")?;
        }
        anyhow::Ok(())
    };
    tokio::time::timeout(PATIENCE, all_told)
        .await
        .context("a change did not arrive")??;

    let since = |which: fn(&Seen) -> &HashMap<Uuid, Instant>| {
        let seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
        asked
            .iter()
            .filter_map(|(id, at, _)| Some(which(&seen).get(id)?.duration_since(*at)))
            .collect()
    };
    print(&format!(
        "{requests} consultations at {rate}/s, {CUSTOMERS} browsers"
    ));
    print(&figures(
        "POST answered",
        asked.iter().map(|(_, _, answered)| *answered).collect(),
    ));
    print(&figures(
        "POST → ConsultationCreated on the stream",
        since(|seen| &seen.created),
    ));
    print(&figures(
        "POST → SalesmanMatched on the stream",
        since(|seen| &seen.matched),
    ));
    print(&figures(
        "raw Kafka: produce → consume, one by one",
        raw_kafka(place).await?,
    ));
    print(&figures(
        "raw Postgres: insert + event + pending, one by one",
        raw_postgres(place).await?,
    ));
    Ok(())
}

/// Enough people for every request, and one programme; gives the body to ask with.
async fn prepare(client: &Client, staff: &str) -> Result<Value> {
    for number in 0..12 {
        let body = json!({ "name": format!("영업 {number}"), "phone": format!("010-9100-{number:04}"), "capacity": 1000 });
        client.post("/api/salesmen", staff, &body).await?;
    }
    for number in 0..6 {
        let body = json!({ "name": format!("상담 {number}"), "phone": format!("010-9200-{number:04}"), "role": "consultant", "capacity": 1000 });
        client.post("/api/salesmen", staff, &body).await?;
    }
    let project =
        json!({ "name": "2026년 측정용 사업", "year": 2026, "category": "기타", "agency": "측정" });
    let project = client.post("/api/projects", staff, &project).await?;
    let today = seoul_date(SystemClock.now());
    Ok(
        json!({ "projectId": project["id"], "projectName": project["name"], "desiredDate": today, "memo": "" }),
    )
}

/// Notes when each consultation's events arrive.
async fn watch(mut stream: Stream, seen: Arc<Mutex<Seen>>, told: mpsc::UnboundedSender<()>) {
    while let Ok(Some(event)) = stream.next().await {
        let now = Instant::now();
        let id = |value: &Value| value.as_str().and_then(|id| id.parse::<Uuid>().ok());
        {
            let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
            match event.event.as_str() {
                "ConsultationCreated" => {
                    id(&event.data["aggregateId"]).map(|id| seen.created.entry(id).or_insert(now))
                }
                "SalesmanMatched" => {
                    id(&event.data["origin"]["id"]).map(|id| seen.matched.entry(id).or_insert(now))
                }
                _ => None,
            };
        }
        if told.send(()).is_err() {
            return;
        }
    }
}

async fn raw_kafka(place: &Place) -> Result<Vec<Duration>> {
    // A topic of its own: what is written to a domain topic must be in an event log.
    let topic = format!("bench-{}", Uuid::new_v4().simple());
    place.kafka.create_topic(&topic, 1).await?;
    let producer: FutureProducer = place
        .kafka
        .client()
        .set("acks", "all")
        .set("enable.idempotence", "true")
        .set("linger.ms", "0")
        .create()?;
    let consumer: StreamConsumer = place
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
    let mut took = Vec::with_capacity(RAW);
    for number in 0..RAW + WARM_UP {
        let begun = Instant::now();
        let record = FutureRecord::to(&topic).key("key").payload(&payload);
        let acknowledged = producer.send_result(record).map_err(|(error, _)| error)?;
        records.next().await.context("the consumer ended")??;
        if number >= WARM_UP {
            took.push(begun.elapsed());
        }
        acknowledged.await?.map_err(|(error, _)| error)?;
    }
    Ok(took)
}

async fn raw_postgres(place: &Place) -> Result<Vec<Duration>> {
    let mut connection = sqlx::PgConnection::connect(&place.postgres).await?;
    sqlx::raw_sql(
        "create schema raw;
         create table raw.thing (id uuid primary key, text text not null);
         create table raw.log (pos bigint generated always as identity primary key, id uuid not null unique, payload jsonb not null);
         create table raw.pending (pos bigint primary key);",
    )
    .execute(&mut connection)
    .await?;
    let payload = json!({ "text": "x".repeat(400) });
    let mut took = Vec::with_capacity(RAW);
    for number in 0..RAW + WARM_UP {
        let begun = Instant::now();
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
            took.push(begun.elapsed());
        }
    }
    sqlx::raw_sql("drop schema raw cascade")
        .execute(&mut connection)
        .await?;
    Ok(took)
}

/// One line: how long it took in the middle, at the far end, and at most.
fn figures(what: &str, mut took: Vec<Duration>) -> String {
    took.sort_unstable();
    let at = |share: usize| {
        took.get((took.len() * share / 100).min(took.len().saturating_sub(1)))
            .copied()
            .unwrap_or_default()
    };
    let ms = |duration: Duration| format!("{:.1}", duration.as_secs_f64() * 1000.0);
    format!(
        "  {what:<52} p50 {:>7} ms   p99 {:>7} ms   max {:>7} ms   n {}",
        ms(at(50)),
        ms(at(99)),
        ms(took.last().copied().unwrap_or_default()),
        took.len()
    )
}
