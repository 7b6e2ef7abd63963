//! Rules applied to real public data, if its files are beside the checkout.
//!
//! The files are third-party data and are not committed. Without them each test prints a line and
//! passes; invented cases elsewhere cover the same rules.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use axum::http::Method;
use project::import::{Reader, Row};
use project::{period, series};
use serde_json::{Value, json};
use service_kit::testing::TestApp;

/// A file of public data, if it exists.
fn read_file(name: &str) -> Option<Vec<u8>> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../../shared/data")
        .join(name);
    let content = std::fs::read(path).ok();
    if content.is_none() {
        print_line(&format!("{name} is missing: test skipped"));
    }
    content
}

/// Prints a line for the person who runs the tests.
#[expect(
    clippy::print_stdout,
    reason = "the number of recognised titles is reported, not asserted"
)]
fn print_line(line: &str) {
    println!("{line}");
}

fn read_json(name: &str) -> Option<Value> {
    read_file(name).map(|bytes| serde_json::from_slice(&bytes).unwrap())
}

fn rows_of(file: &[u8]) -> Vec<Row> {
    let mut reader = Reader::new(chrono::NaiveDate::from_ymd_opt(2026, 11, 23).unwrap());
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
fn periods_of_the_test_vectors_are_parsed_as_expected() {
    let Some(vectors) = read_json("period_vectors.json") else {
        return;
    };
    let cases = vectors["cases"].as_array().unwrap();
    for case in cases {
        let period = period::parse(text(case, "raw"));
        let parsed = serde_json::json!({
            "raw": case["raw"], "kind": period.kind, "start": period.starts_on,
            "end": period.ends_on,
        });
        assert_eq!(parsed, *case);
    }
    print_line(&format!(
        "{} periods are parsed as the vectors expect",
        cases.len()
    ));
}

#[test]
fn every_period_form_of_the_vocabulary_has_a_kind() {
    let Some(vocabulary) = read_json("vocab.json") else {
        return;
    };
    let forms = vocabulary["period_forms"].as_array().unwrap();
    for form in forms {
        let written = form[0]
            .as_str()
            .unwrap()
            .replace("<YYYY-MM-DD ~ YYYY-MM-DD>", "2026-04-02 ~ 2026-04-29");
        let period = period::parse(&written);
        assert_ne!(period.kind, events::PeriodKind::Other, "{written}");
    }
    print_line(&format!("{} period forms are recognised", forms.len()));
}

#[test]
fn real_editions_of_one_programme_share_a_series_key() {
    let Some(pairs) = read_json("recurring_pairs_2023_2024.json") else {
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
    print_line(&format!(
        "{known} of {} programmes announced in two years are recognised as one series",
        pairs.len()
    ));
    assert!(known > 0);
}

#[test]
fn real_series_contain_at_most_twelve_announcements() {
    let Some(file) = read_file("mss_sme_programmes_20240331.csv") else {
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
    print_line(&format!(
        "{} announcements belong to {} series; the largest has {}: {key}",
        rows.len(),
        series.len(),
        largest.len()
    ));
    // A programme is announced at most once a month.
    assert!(largest.len() <= 12, "{largest:#?}");
}

fn rate(rows: usize, elapsed: Duration) -> String {
    format!(
        "{:.0} rows/s",
        f64::from(u32::try_from(rows).unwrap()) / elapsed.as_secs_f64()
    )
}

async fn plan(app: &TestApp, file: Vec<u8>) -> Value {
    app.as_staff()
        .send(Method::POST, "/projects/imports", &[], file)
        .await
        .expect(201)
}

async fn import(app: &TestApp, name: &str, file: Vec<u8>) -> Value {
    let started = Instant::now();
    let planned = plan(app, file).await;
    let path = format!("/projects/imports/{}", planned["id"].as_str().unwrap());
    let rows = usize::try_from(planned["progress"]["total"].as_i64().unwrap()).unwrap();
    let planning = started.elapsed();
    app.as_staff()
        .post_if(&format!("{path}/commit"), 1, &json!({}))
        .await
        .expect(202);
    let started = Instant::now();
    while project::carry_out_imports(app.context()).await.unwrap() {}
    print_line(&format!(
        "{name}: {rows} rows planned at {}, carried out at {}",
        rate(rows, planning),
        rate(rows, started.elapsed())
    ));
    app.as_staff().get(&path).await.expect(200)
}

/// Imports the file, which creates all rows, and plans it again, which finds no change.
async fn import_twice(name: &str, file: Vec<u8>, rows: usize) -> TestApp {
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
async fn public_data_portal_list_imports_once_in_both_encodings() {
    let name = "mss_sme_programmes_20240331.csv";
    let Some(file) = read_file(name) else { return };
    let text = String::from_utf8(file.clone()).unwrap();
    let rows = text.lines().count() - 1;
    let app = import_twice(name, file, rows).await;
    let (names, series): (i64, i64) =
        sqlx::query_as("select count(distinct name), count(distinct series_id) from project")
            .fetch_one(app.pool())
            .await
            .unwrap();
    print_line(&format!(
        "{rows} rows have {names} names and belong to {series} series"
    ));
    // The file is truncated within the key of its last row.
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
async fn bizinfo_records_import_completely_and_once() {
    let name = "bizinfo_facts_2026-04.jsonl";
    let Some(file) = read_file(name) else { return };
    let rows = file
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .count();
    let ids: BTreeSet<String> = rows_of(&file)
        .into_iter()
        .map(|row| row.source_id)
        .collect();
    assert_eq!(ids.len(), rows);
    let app = import_twice(name, file, rows).await;
    let statuses: Vec<(String, i64)> =
        sqlx::query_as("select status, count(*) from project group by status order by status")
            .fetch_all(app.pool())
            .await
            .unwrap();
    print_line(&format!("on 2026-11-23 they are {statuses:?}"));
}
