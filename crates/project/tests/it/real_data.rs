//! What the rules make of real lists, where they are beside the checkout: they are not ours to commit. Without them each of these says so
//! and passes; the same rules are held by cases of our own.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use axum::http::Method;
use project::import::{Reader, Row};
use project::{period, series};
use serde_json::{Value, json};
use service_kit::testing::TestApp;

/// A file of the lists, if it is there.
fn file(name: &str) -> Option<Vec<u8>> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../../shared/data")
        .join(name);
    let read = std::fs::read(path).ok();
    if read.is_none() {
        say(&format!("{name} is not here: nothing to compare with"));
    }
    read
}

/// A line for whoever runs the tests.
#[expect(
    clippy::print_stdout,
    reason = "how many real titles a rule knows is a figure, and not a bound"
)]
fn say(line: &str) {
    println!("{line}");
}

fn json(name: &str) -> Option<Value> {
    file(name).map(|bytes| serde_json::from_slice(&bytes).unwrap())
}

fn rows_of(file: &[u8]) -> Vec<Row> {
    let mut reader = Reader::default();
    reader.push(file).unwrap();
    reader.finish().unwrap();
    let mut rows = Vec::new();
    while let Some(line) = reader.take().unwrap() {
        rows.push(line.row.unwrap());
    }
    rows
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_default()
}

#[test]
fn every_period_of_the_vectors_is_read_as_they_say() {
    let Some(vectors) = json("period_vectors.json") else {
        return;
    };
    let cases = vectors["cases"].as_array().unwrap();
    for case in cases {
        let it = period::parse(text(case, "raw"));
        let read = serde_json::json!({ "raw": case["raw"], "kind": it.kind, "start": it.starts_on, "end": it.ends_on });
        assert_eq!(read, *case);
    }
    say(&format!(
        "{} periods are read as the vectors say",
        cases.len()
    ));
}

#[test]
fn every_period_of_the_vocabulary_has_a_kind() {
    let Some(vocabulary) = json("vocab.json") else {
        return;
    };
    let forms = vocabulary["period_forms"].as_array().unwrap();
    for form in forms {
        let written = form[0]
            .as_str()
            .unwrap()
            .replace("<YYYY-MM-DD ~ YYYY-MM-DD>", "2026-04-02 ~ 2026-04-29");
        let it = period::parse(&written);
        assert_ne!(it.kind, events::PeriodKind::Other, "{written}");
    }
    say(&format!("{} forms of periods are known", forms.len()));
}

#[test]
fn editions_of_one_programme_are_known_as_a_series() {
    let Some(pairs) = json("recurring_pairs_2023_2024.json") else {
        return;
    };
    let pairs = pairs.as_array().unwrap();
    let key = |pair: &Value, year: i32| {
        let edition = &pair[year.to_string()];
        series::key(
            text(edition, "title"),
            text(pair, "agency"),
            text(pair, "operator"),
            year,
        )
    };
    let known = pairs
        .iter()
        .filter(|pair| key(pair, 2023) == key(pair, 2024))
        .count();
    say(&format!(
        "{known} of {} programmes that were announced in two years are known as one series",
        pairs.len()
    ));
    assert!(known > 0);
}

#[test]
fn a_series_does_not_lump_programmes_together() {
    let Some(file) = file("mss_sme_programmes_20240331.csv") else {
        return;
    };
    let rows = rows_of(&file);
    let mut series: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for row in &rows {
        series
            .entry(row.details.series_key())
            .or_default()
            .push(&row.details.name);
    }
    let (key, largest) = series.iter().max_by_key(|(_, names)| names.len()).unwrap();
    say(&format!(
        "{} announcements are of {} series; the largest has {}: {key}",
        rows.len(),
        series.len(),
        largest.len()
    ));
    // One programme is announced once a month at most.
    assert!(largest.len() <= 12, "{largest:#?}");
}

/// How many rows a second.
fn rate(rows: usize, took: Duration) -> String {
    format!(
        "{:.0} rows/s",
        f64::from(u32::try_from(rows).unwrap()) / took.as_secs_f64()
    )
}

async fn plan(app: &TestApp, file: Vec<u8>) -> Value {
    app.as_staff()
        .send(Method::POST, "/projects/imports", &[], file)
        .await
        .expect(201)
}

async fn import(app: &TestApp, name: &str, file: Vec<u8>) -> Value {
    let begun = Instant::now();
    let planned = plan(app, file).await;
    let path = format!("/projects/imports/{}", planned["id"].as_str().unwrap());
    let rows = usize::try_from(planned["progress"]["total"].as_i64().unwrap()).unwrap();
    let planning = begun.elapsed();
    app.as_staff()
        .post_if(&format!("{path}/commit"), 1, &json!({}))
        .await
        .expect(202);
    let begun = Instant::now();
    while project::carry_out_imports(app.context()).await.unwrap() {}
    say(&format!(
        "{name}: {rows} rows planned at {}, carried out at {}",
        rate(rows, planning),
        rate(rows, begun.elapsed())
    ));
    app.as_staff().get(&path).await.expect(200)
}

/// All rows become editions; the same file once more is nothing new.
async fn goes_in_once(name: &str, file: Vec<u8>, rows: usize) -> TestApp {
    let app = TestApp::start(project::service()).await;
    let done = import(&app, name, file.clone()).await;
    assert_eq!(
        (&done["counts"]["create"], &done["counts"]["error"]),
        (&json!(rows), &json!(0)),
        "{done}"
    );
    assert_eq!(done["progress"], json!({ "done": rows, "total": rows }));
    let events = app.new_events().await;
    assert_eq!(events.len(), rows);
    assert!(
        events
            .iter()
            .all(|(name, version, _)| name == "ktgg.ProjectCreated.v1" && *version == 1)
    );
    let again = plan(&app, file).await;
    assert_eq!(
        (&again["counts"]["same"], &again["progress"]["total"]),
        (&json!(rows), &json!(0)),
        "{again}"
    );
    app
}

#[tokio::test]
async fn the_list_of_the_public_data_portal_goes_in_whole_and_once_in_either_encoding() {
    let name = "mss_sme_programmes_20240331.csv";
    let Some(file) = file(name) else { return };
    let text = String::from_utf8(file.clone()).unwrap();
    let rows = text.lines().count() - 1;
    let app = goes_in_once(name, file, rows).await;
    let (names, series): (i64, i64) =
        sqlx::query_as("select count(distinct name), count(distinct series_id) from project")
            .fetch_one(app.pool())
            .await
            .unwrap();
    say(&format!(
        "{rows} rows have {names} names and are of {series} series"
    ));
    // It breaks off within the key of its last row.
    let planned = app.as_staff().get("/projects/imports").await.expect(200)["items"][0].clone();
    assert_eq!(planned["counts"]["warnings"], 1, "{planned}");
    let (cp949, _, unmappable) = encoding_rs::EUC_KR.encode(&text);
    assert!(!unmappable);
    let again = plan(&app, cp949.into_owned()).await;
    assert_eq!(
        (&again["counts"]["same"], &again["progress"]["total"]),
        (&json!(rows), &json!(0)),
        "{again}"
    );
}

#[tokio::test]
async fn the_records_of_bizinfo_go_in_whole_and_once() {
    let name = "bizinfo_facts_2026-04.jsonl";
    let Some(file) = file(name) else { return };
    let rows = file
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .count();
    let ids: BTreeSet<String> = rows_of(&file)
        .into_iter()
        .map(|row| row.source_id)
        .collect();
    assert_eq!(ids.len(), rows);
    let app = goes_in_once(name, file, rows).await;
    let statuses: Vec<(String, i64)> =
        sqlx::query_as("select status, count(*) from project group by status order by status")
            .fetch_all(app.pool())
            .await
            .unwrap();
    say(&format!("on 2026-11-23 they are {statuses:?}"));
}
