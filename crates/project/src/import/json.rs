//! Answers of the portals in JSON, and records one a line.

use std::collections::VecDeque;
use std::fmt;

use serde::de::{IgnoredAny, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use service_kit::http::problem::Text;

use super::draft::{Checked, Draft};
use super::{Line, MOST_ROWS, UTF8_MARK, Wrong, bizinfo, kstartup};

/// The longest line of a file with one record a line.
const LONGEST_LINE: usize = 1024 * 1024;

/// One record as it came.
pub(super) type Record = Map<String, Value>;

/// What a field of a record says: numbers as they are written, nothing for what is no text.
pub(super) fn text(record: &Record, name: &str) -> String {
    match record.get(name) {
        Some(Value::String(text)) => text.clone(),
        Some(value @ (Value::Number(_) | Value::Bool(_))) => value.to_string(),
        _ => String::new(),
    }
}

/// Whose record it is, if it is one of those known here.
fn draft(record: &Record) -> Option<Draft> {
    if record.contains_key(kstartup::KEY) {
        Some(kstartup::draft(record))
    } else if record.contains_key(bizinfo::KEY) {
        Some(bizinfo::draft(record))
    } else {
        None
    }
}

fn read(json: &[u8]) -> Checked {
    let (code, message) = match serde_json::from_slice::<Record>(json) {
        Ok(record) => match draft(&record) {
            Some(draft) => return draft.check(),
            None => (
                "no-key",
                Text::new(
                    "공고 번호가 없는 자료입니다",
                    "The record has no id of an announcement",
                ),
            ),
        },
        Err(error) if error.is_data() => (
            "wrong-type",
            Text::new(
                "항목 이름과 값으로 된 자료가 아닙니다",
                "It is no record of names and values",
            ),
        ),
        Err(_) => (
            "not-json",
            Text::new("JSON으로 읽을 수 없습니다", "It cannot be read as JSON"),
        ),
    };
    Checked::error(None, code, message)
}

/// Whether the first line alone is a record.
pub(super) fn is_records_one_a_line(bytes: &[u8]) -> bool {
    let bytes = bytes.trim_ascii_start();
    let first = bytes
        .split(|byte| *byte == b'\n')
        .next()
        .unwrap_or_default();
    serde_json::from_slice::<Record>(first).is_ok_and(|record| draft(&record).is_some())
}

/// Records that arrive one a line.
#[derive(Debug, Default)]
pub(super) struct Lines {
    held: Vec<u8>,
    /// How many lines came before what is held.
    before: u64,
}

impl Lines {
    pub(super) fn push(&mut self, bytes: &[u8], ready: &mut VecDeque<Line>) -> Result<(), Wrong> {
        let mut rest = bytes;
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            self.held.extend_from_slice(&rest[..end]);
            rest = &rest[end + 1..];
            self.before += 1;
            let line = std::mem::take(&mut self.held);
            if !line.trim_ascii().is_empty() {
                ready.push_back(read(&line).on(self.before));
            }
        }
        self.held.extend_from_slice(rest);
        if self.held.len() > LONGEST_LINE {
            return Err(Wrong::NotJson {
                line: self.before + 1,
            });
        }
        Ok(())
    }

    pub(super) fn finish(&mut self, ready: &mut VecDeque<Line>) -> Result<(), Wrong> {
        let line = std::mem::take(&mut self.held);
        let is_cut_off =
            serde_json::from_slice::<IgnoredAny>(&line).is_err_and(|error| error.is_eof());
        match (line.trim_ascii().is_empty(), is_cut_off) {
            (true, _) => Ok(()),
            (false, true) => Err(Wrong::CutOff {
                line: self.before + 1,
            }),
            (false, false) => {
                ready.push_back(read(&line).on(self.before + 1));
                Ok(())
            }
        }
    }
}

/// A whole answer; its records are read one after the other.
pub(super) struct TestResponse {
    bytes: Vec<u8>,
    /// Where each record begins and ends.
    records: VecDeque<(usize, usize)>,
    /// A place in `bytes`, and on which line it is: lines are counted once.
    counted: (usize, u64),
}

impl fmt::Debug for TestResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestResponse")
            .field("records", &self.records.len())
            .finish_non_exhaustive()
    }
}

impl TestResponse {
    pub(super) fn read(bytes: Vec<u8>) -> Result<Self, Wrong> {
        let records = {
            let json = bytes.strip_prefix(UTF8_MARK).unwrap_or(&bytes);
            let records = records(json)?;
            let start = bytes.as_ptr() as usize;
            let place = |record: &RawValue| {
                let at = record.get().as_ptr() as usize - start;
                (at, at + record.get().len())
            };
            records.into_iter().map(place).collect()
        };
        let answer = Self {
            bytes,
            records,
            counted: (0, 1),
        };
        let is_known = answer.records.front().is_none_or(|(at, end)| {
            serde_json::from_slice::<Record>(&answer.bytes[*at..*end])
                .is_ok_and(|record| draft(&record).is_some())
        });
        if is_known {
            Ok(answer)
        } else {
            Err(Wrong::OtherJson)
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    pub(super) fn take(&mut self) -> Option<Line> {
        let (at, end) = self.records.pop_front()?;
        let (counted, line) = self.counted;
        let breaks = self.bytes[counted..at].split(|byte| *byte == b'\n').count() - 1;
        self.counted = (at, line + breaks as u64);
        Some(read(&self.bytes[at..end]).on(self.counted.1))
    }
}

/// What the answers known here have at their root.
#[derive(Deserialize)]
struct Root<'a> {
    /// 기업마당's own answer.
    #[serde(borrow, default, rename = "jsonArray")]
    json_array: Option<&'a RawValue>,
    /// 기업마당's own error, which comes with status 200.
    #[serde(default, rename = "reqErr")]
    request_error: Option<Value>,
    /// Through the public data portal.
    #[serde(borrow, default)]
    response: Option<Response<'a>>,
    /// K-Startup's answer.
    #[serde(borrow, default)]
    data: Option<&'a RawValue>,
    /// K-Startup's error.
    #[serde(default)]
    msg: Option<Value>,
}

#[derive(Deserialize)]
struct Response<'a> {
    #[serde(default)]
    header: Option<Header>,
    #[serde(borrow, default)]
    body: Option<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Header {
    #[serde(default)]
    result_code: Value,
    #[serde(default)]
    result_msg: Value,
}

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow, default)]
    items: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Items<'a> {
    #[serde(borrow, default)]
    item: Option<&'a RawValue>,
}

fn records(json: &[u8]) -> Result<Vec<&RawValue>, Wrong> {
    if json.trim_ascii_start().first() != Some(&b'{') {
        let whole = serde_json::from_slice::<IgnoredAny>(json);
        return Err(whole.map_or_else(|error| wrong(&error), |_| Wrong::OtherJson));
    }
    let root: Root<'_> = serde_json::from_slice(json).map_err(|error| wrong(&error))?;
    if let Some(said) = root.request_error {
        return Err(Wrong::Refused(said_in(&said)));
    }
    if let Some(Response { header, body }) = root.response {
        if let Some(header) = header.filter(|header| said_in(&header.result_code) != "00") {
            return Err(Wrong::Refused(said_in(&header.result_msg)));
        }
        let items = inside(body, |body: Body<'_>| body.items);
        return list(inside(items, |items: Items<'_>| items.item).or(items));
    }
    match (root.json_array.or(root.data), root.msg) {
        (Some(records), _) => list(Some(records)),
        (None, Some(said)) => Err(Wrong::Refused(said_in(&said))),
        (None, None) => Err(Wrong::OtherJson),
    }
}

/// What lies inside of an object; nothing inside of `""`, which is how an empty list comes.
fn inside<'a, T: Deserialize<'a>>(
    raw: Option<&'a RawValue>,
    part: impl Fn(T) -> Option<&'a RawValue>,
) -> Option<&'a RawValue> {
    let raw = raw.filter(|raw| raw.get().starts_with('{'))?;
    serde_json::from_str(raw.get()).ok().and_then(part)
}

/// A list, or the one record that there is as a bare object.
fn list(raw: Option<&RawValue>) -> Result<Vec<&RawValue>, Wrong> {
    match raw {
        Some(raw) if raw.get().starts_with('[') => serde_json::from_str(raw.get())
            .map(|Capped(records)| records)
            .map_err(|error| wrong(&error)),
        Some(raw) if raw.get().starts_with('{') => Ok(vec![raw]),
        Some(raw) if !matches!(raw.get(), "\"\"" | "null") => Err(Wrong::OtherJson),
        _ => Ok(Vec::new()),
    }
}

/// A list of records, of which one more than can be imported is kept: enough to know that they are too many.
struct Capped<'a>(Vec<&'a RawValue>);

impl<'de: 'a, 'a> Deserialize<'de> for Capped<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct List;
        impl<'de> Visitor<'de> for List {
            type Value = Vec<&'de RawValue>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of records")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
                let mut records = Vec::new();
                while (records.len() as u64) <= MOST_ROWS
                    && let Some(record) = list.next_element()?
                {
                    records.push(record);
                }
                while list.next_element::<IgnoredAny>()?.is_some() {}
                Ok(records)
            }
        }
        deserializer.deserialize_seq(List).map(Self)
    }
}

fn said_in(value: &Value) -> String {
    /// More of it is no help to anybody.
    const LONGEST: usize = 200;
    let said = value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned);
    said.chars()
        .filter(|letter| !letter.is_control())
        .take(LONGEST)
        .collect()
}

fn wrong(error: &serde_json::Error) -> Wrong {
    let line = error.line() as u64;
    match error.classify() {
        serde_json::error::Category::Eof => Wrong::CutOff { line },
        serde_json::error::Category::Data => Wrong::OtherJson,
        serde_json::error::Category::Syntax | serde_json::error::Category::Io => {
            Wrong::NotJson { line }
        }
    }
}
