//! JSON: complete answers of the portals, and records as JSON lines.

use std::collections::VecDeque;
use std::fmt;

use chrono::NaiveDate;
use serde::de::{IgnoredAny, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use serde_json::value::RawValue;
use service_kit::http::problem::Text;

use super::draft::Draft;
use super::error::ImportError;
use super::file_type::UTF8_BOM;
use super::portal_error::PortalError;
use super::record::Record;
use super::row::{MAX_ROWS, ParsedRow};
use super::{bizinfo, kstartup, table};

/// The longest JSON line, in bytes.
const MAX_LINE_LENGTH: usize = 1024 * 1024;

/// A draft of the record, if it is of a known portal.
fn draft(record: &Record) -> Option<Draft> {
    if record.has(kstartup::KEY) {
        Some(kstartup::draft(record))
    } else if bizinfo::is_record(record) {
        Some(bizinfo::draft(record))
    } else if table::has_columns(record) {
        Some(table::draft_of_record(record))
    } else {
        None
    }
}

fn parse_record(json: &[u8], line: u64, today: NaiveDate) -> ParsedRow {
    let (code, ko, en) = match serde_json::from_slice::<Record>(json) {
        Ok(record) => {
            if let Some(draft) = draft(&record) {
                return draft.check(line, today);
            }
            let en = "The record has no id of an announcement";
            ("no-key", "공고 번호가 없는 자료입니다", en)
        }
        Err(error) if error.is_data() => {
            let en = "It is not a record of names and values";
            ("wrong-type", "항목 이름과 값으로 된 자료가 아닙니다", en)
        }
        Err(_) => (
            "not-json",
            "JSON으로 읽을 수 없습니다",
            "It is not valid JSON",
        ),
    };
    ParsedRow::invalid(line, code, Text::new(ko, en))
}

fn is_known_record(json: &[u8]) -> bool {
    serde_json::from_slice::<Record>(json).is_ok_and(|record| draft(&record).is_some())
}

/// Whether the first line alone is a record.
pub(super) fn has_record_lines(bytes: &[u8]) -> bool {
    let mut lines = bytes.trim_ascii_start().split(|byte| *byte == b'\n');
    lines.next().is_some_and(is_known_record)
}

/// JSON lines: one record each.
#[derive(Debug)]
pub(super) struct Lines {
    today: NaiveDate,
    /// The incomplete line.
    buffer: Vec<u8>,
    /// The number of complete lines.
    before: u64,
}

impl Lines {
    pub(super) const fn new(today: NaiveDate) -> Self {
        Self {
            today,
            buffer: Vec::new(),
            before: 0,
        }
    }

    pub(super) fn push(
        &mut self,
        bytes: &[u8],
        ready: &mut VecDeque<ParsedRow>,
    ) -> Result<(), ImportError> {
        let mut rest = bytes;
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            self.buffer.extend_from_slice(&rest[..end]);
            rest = &rest[end + 1..];
            self.before += 1;
            let line = std::mem::take(&mut self.buffer);
            if !line.trim_ascii().is_empty() {
                ready.push_back(parse_record(&line, self.before, self.today));
            }
        }
        self.buffer.extend_from_slice(rest);
        if self.buffer.len() > MAX_LINE_LENGTH {
            return Err(ImportError::NotJson {
                line: self.before + 1,
            });
        }
        Ok(())
    }

    pub(super) fn finish(&mut self, ready: &mut VecDeque<ParsedRow>) -> Result<(), ImportError> {
        let bytes = std::mem::take(&mut self.buffer);
        let line = self.before + 1;
        if bytes.trim_ascii().is_empty() {
            return Ok(());
        }
        if serde_json::from_slice::<IgnoredAny>(&bytes).is_err_and(|error| error.is_eof()) {
            return Err(ImportError::CutOff { line });
        }
        ready.push_back(parse_record(&bytes, line, self.today));
        Ok(())
    }
}

/// A complete answer of a portal. Its records are parsed one after the other.
pub(super) struct PortalAnswer {
    today: NaiveDate,
    bytes: Vec<u8>,
    /// Start and end of each record.
    records: VecDeque<(usize, usize)>,
    /// A position in `bytes` and its line, so that every line is counted once.
    counted: (usize, u64),
}

impl fmt::Debug for PortalAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PortalAnswer")
            .field("records", &self.records.len())
            .finish_non_exhaustive()
    }
}

impl PortalAnswer {
    pub(super) fn parse(bytes: Vec<u8>, today: NaiveDate) -> Result<Self, ImportError> {
        let records: VecDeque<(usize, usize)> = {
            let json = bytes.strip_prefix(UTF8_BOM).unwrap_or(&bytes);
            let start = bytes.as_ptr() as usize;
            let position = |record: &RawValue| {
                let at = record.get().as_ptr() as usize - start;
                (at, at + record.get().len())
            };
            records(json)?.into_iter().map(position).collect()
        };
        if let Some((at, end)) = records.front()
            && !is_known_record(&bytes[*at..*end])
        {
            return Err(ImportError::OtherJson);
        }
        Ok(Self {
            today,
            bytes,
            records,
            counted: (0, 1),
        })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    pub(super) fn take(&mut self) -> Option<ParsedRow> {
        let (at, end) = self.records.pop_front()?;
        let (counted, line) = self.counted;
        let breaks = self.bytes[counted..at].split(|byte| *byte == b'\n').count() - 1;
        let line = line + breaks as u64;
        self.counted = (at, line);
        Some(parse_record(&self.bytes[at..end], line, self.today))
    }
}

/// A level of the known answers, and the names under which they nest the next one.
#[derive(Deserialize)]
struct Level<'a> {
    /// 기업마당's own answer: a list, one record, or a channel as in RSS.
    #[serde(borrow, default, rename = "jsonArray")]
    json_array: Option<&'a RawValue>,
    #[serde(borrow, default)]
    rss: Option<&'a RawValue>,
    #[serde(borrow, default)]
    channel: Option<&'a RawValue>,
    /// 기업마당's answer or error through the public data portal.
    #[serde(borrow, default)]
    response: Option<&'a RawValue>,
    #[serde(borrow, default)]
    body: Option<&'a RawValue>,
    #[serde(borrow, default)]
    items: Option<&'a RawValue>,
    #[serde(borrow, default)]
    item: Option<&'a RawValue>,
    /// K-Startup's answer, and the portal's own API.
    #[serde(borrow, default)]
    data: Option<&'a RawValue>,
    #[serde(default)]
    header: Option<Header>,
    /// 기업마당's own error, which comes with HTTP status 200.
    #[serde(default, rename = "reqErr")]
    request_error: Option<Value>,
    /// K-Startup's error, and its code.
    #[serde(default)]
    msg: Option<Value>,
    #[serde(default)]
    code: Option<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Header {
    #[serde(default)]
    result_code: Value,
    #[serde(default)]
    result_msg: Value,
}

/// Of the known answers. The deepest has five levels.
const MAX_DEPTH: usize = 8;

fn records(json: &[u8]) -> Result<Vec<&RawValue>, ImportError> {
    let root: &RawValue = serde_json::from_slice(json).map_err(|error| invalid_json(&error))?;
    let mut raw = root;
    for _ in 0..MAX_DEPTH {
        if !raw.get().starts_with('{') {
            break;
        }
        let level: Level<'_> =
            serde_json::from_str(raw.get()).map_err(|error| invalid_json(&error))?;
        let is_failed =
            |header: &Header| !error_text(&header.result_code).trim_matches('0').is_empty();
        if let Some(error) = level.request_error {
            return Err(refused(&Value::Null, &error));
        }
        if let Some(header) = level.header.filter(is_failed) {
            return Err(refused(&header.result_code, &header.result_msg));
        }
        let next = level
            .json_array
            .or(level.rss)
            .or(level.channel)
            .or(level.response)
            .or(level.body)
            .or(level.items)
            .or(level.item)
            .or(level.data);
        match (next, level.msg) {
            (Some(next), _) => raw = next,
            (None, _) if is_known_record(raw.get().as_bytes()) => break,
            (None, Some(error)) => {
                return Err(refused(&level.code.unwrap_or_default(), &error));
            }
            (None, None) => return Err(ImportError::OtherJson),
        }
    }
    list(raw)
}

fn refused(code: &Value, message: &Value) -> ImportError {
    let code = if code.is_null() {
        String::new()
    } else {
        error_text(code)
    };
    ImportError::Refused(PortalError::new(&code, &error_text(message)))
}

/// The records of a list. A single record comes as an object without a list.
fn list(raw: &RawValue) -> Result<Vec<&RawValue>, ImportError> {
    match raw.get() {
        list if list.starts_with('[') => serde_json::from_str(list)
            .map(|Capped(records)| records)
            .map_err(|error| invalid_json(&error)),
        record if record.starts_with('{') => Ok(vec![raw]),
        // What the portal sends where there are no items.
        "\"\"" | "null" => Ok(Vec::new()),
        _ => Err(ImportError::OtherJson),
    }
}

/// The first records, up to one more than [`MAX_ROWS`]: enough to see that there are too many.
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
                while (records.len() as u64) <= MAX_ROWS
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

fn error_text(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

fn invalid_json(error: &serde_json::Error) -> ImportError {
    use serde_json::error::Category;
    let line = error.line() as u64;
    match error.classify() {
        Category::Eof => ImportError::CutOff { line },
        Category::Data => ImportError::OtherJson,
        Category::Syntax | Category::Io => ImportError::NotJson { line },
    }
}
