//! What the rules make of real lists, where they are beside the checkout: they are not ours to commit. Without them each of these says so
//! and passes; the same rules are held by cases of our own.

use std::collections::BTreeMap;
use std::path::PathBuf;

use project::import::{Reader, Row};
use project::{period, series};
use serde_json::Value;

/// A file of the lists, if it is there.
pub(crate) fn file(name: &str) -> Option<Vec<u8>> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data").join(name);
    let read = std::fs::read(path).ok();
    if read.is_none() {
        say(&format!("{name} is not here: nothing to compare with"));
    }
    read
}

/// A line for whoever runs the tests.
#[expect(clippy::print_stdout, reason = "how many real titles a rule knows is a figure, and not a bound")]
pub(crate) fn say(line: &str) {
    println!("{line}");
}

fn json(name: &str) -> Option<Value> {
    file(name).map(|bytes| serde_json::from_slice(&bytes).unwrap())
}

fn rows(name: &str) -> Option<Vec<Row>> {
    let bytes = file(name)?;
    let mut reader = Reader::default();
    reader.push(&bytes).unwrap();
    reader.finish().unwrap();
    let mut rows = Vec::new();
    while let Some(line) = reader.take().unwrap() {
        rows.push(line.read.unwrap());
    }
    Some(rows)
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_default()
}

#[test]
fn every_period_of_the_vectors_is_read_as_they_say() {
    let Some(vectors) = json("period_vectors.json") else { return };
    let cases = vectors["cases"].as_array().unwrap();
    for case in cases {
        let it = period::read(text(case, "raw"));
        let read = serde_json::json!({ "raw": case["raw"], "kind": it.kind, "start": it.starts_on, "end": it.ends_on });
        assert_eq!(read, *case);
    }
    say(&format!("{} periods are read as the vectors say", cases.len()));
}

#[test]
fn every_period_of_the_vocabulary_has_a_kind() {
    let Some(vocabulary) = json("vocab.json") else { return };
    let forms = vocabulary["period_forms"].as_array().unwrap();
    for form in forms {
        let written = form[0].as_str().unwrap().replace("<YYYY-MM-DD ~ YYYY-MM-DD>", "2026-04-02 ~ 2026-04-29");
        let it = period::read(&written);
        assert_ne!(it.kind, events::PeriodKind::Other, "{written}");
    }
    say(&format!("{} forms of periods are known", forms.len()));
}

#[test]
fn editions_of_one_programme_are_known_as_a_series() {
    let Some(pairs) = json("recurring_pairs_2023_2024.json") else { return };
    let pairs = pairs.as_array().unwrap();
    let key = |pair: &Value, year: i32| {
        let edition = &pair[year.to_string()];
        series::key(text(edition, "title"), text(pair, "agency"), text(pair, "operator"), year)
    };
    let known = pairs.iter().filter(|pair| key(pair, 2023) == key(pair, 2024)).count();
    say(&format!("{known} of {} programmes that were announced in two years are known as one series", pairs.len()));
    assert!(known > 0);
}

#[test]
fn a_series_does_not_lump_programmes_together() {
    let Some(rows) = rows("mss_sme_programmes_20240331.csv") else { return };
    let mut series: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for row in &rows {
        series.entry(series::key(&row.name, &row.agency, &row.host, row.year)).or_default().push(&row.name);
    }
    let (key, largest) = series.iter().max_by_key(|(_, names)| names.len()).unwrap();
    say(&format!("{} announcements are of {} series; the largest has {}: {key}", rows.len(), series.len(), largest.len()));
    // One programme is announced once a month at most.
    assert!(largest.len() <= 12, "{largest:#?}");
}
