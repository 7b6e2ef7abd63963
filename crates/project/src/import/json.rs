//! JSON: complete answers of the portals, and records as JSON lines.

use std::collections::VecDeque;
use std::fmt;

use serde::de::{IgnoredAny, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use serde_json::value::RawValue;
use service_kit::http::problem::Text;

use super::draft::Draft;
use super::error::ImportError;
use super::file_type::UTF8_BOM;
use super::record::Record;
use super::row::{MAX_ROWS, ParsedRow};
use super::{bizinfo, kstartup};

/// The longest JSON line, in bytes.
const MAX_LINE_LENGTH: usize = 1024 * 1024;

/// A draft of the record, if it is of a known portal.
fn draft(record: &Record) -> Option<Draft> {
    if record.has(kstartup::KEY) {
        Some(kstartup::draft(record))
    } else if record.has(bizinfo::KEY) {
        Some(bizinfo::draft(record))
    } else {
        None
    }
}

fn parse_record(json: &[u8], line: u64) -> ParsedRow {
    let (code, ko, en) = match serde_json::from_slice::<Record>(json) {
        Ok(record) => {
            if let Some(draft) = draft(&record) {
                return draft.check(line);
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
#[derive(Debug, Default)]
pub(super) struct Lines {
    /// The incomplete line.
    buffer: Vec<u8>,
    /// The number of complete lines.
    before: u64,
}

impl Lines {
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
                ready.push_back(parse_record(&line, self.before));
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
        ready.push_back(parse_record(&bytes, line));
        Ok(())
    }
}

/// A complete answer of a portal. Its records are parsed one after the other.
pub(super) struct PortalAnswer {
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
    pub(super) fn parse(bytes: Vec<u8>) -> Result<Self, ImportError> {
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
        Some(parse_record(&self.bytes[at..end], line))
    }
}

/// The top level of the known answers.
#[derive(Deserialize)]
struct Root<'a> {
    /// 기업마당's own answer.
    #[serde(borrow, default, rename = "jsonArray")]
    json_array: Option<&'a RawValue>,
    /// 기업마당's own error, which comes with HTTP status 200.
    #[serde(default, rename = "reqErr")]
    request_error: Option<Value>,
    /// 기업마당's answer or error through the public data portal.
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

fn records(json: &[u8]) -> Result<Vec<&RawValue>, ImportError> {
    if json.trim_ascii_start().first() != Some(&b'{') {
        serde_json::from_slice::<IgnoredAny>(json).map_err(|error| invalid_json(&error))?;
        return Err(ImportError::OtherJson);
    }
    let root: Root<'_> = serde_json::from_slice(json).map_err(|error| invalid_json(&error))?;
    if let Some(error) = root.request_error {
        return Err(ImportError::Refused(error_text(&error)));
    }
    if let Some(Response { header, body }) = root.response {
        if let Some(header) = header.filter(|header| error_text(&header.result_code) != "00") {
            return Err(ImportError::Refused(error_text(&header.result_msg)));
        }
        let items = member(body, |body: Body<'_>| body.items);
        return list(member(items, |items: Items<'_>| items.item).or(items));
    }
    match (root.json_array.or(root.data), root.msg) {
        (Some(records), _) => list(Some(records)),
        (None, Some(error)) => Err(ImportError::Refused(error_text(&error))),
        (None, None) => Err(ImportError::OtherJson),
    }
}

/// A member of `raw`, if that is an object. The portal sends `""` where there are no items.
fn member<'a, T: Deserialize<'a>>(
    raw: Option<&'a RawValue>,
    part: impl Fn(T) -> Option<&'a RawValue>,
) -> Option<&'a RawValue> {
    let raw = raw.filter(|raw| raw.get().starts_with('{'))?;
    serde_json::from_str(raw.get()).ok().and_then(part)
}

/// The records of a list. A single record comes as an object without a list.
fn list(raw: Option<&RawValue>) -> Result<Vec<&RawValue>, ImportError> {
    match raw {
        Some(raw) if raw.get().starts_with('[') => serde_json::from_str(raw.get())
            .map(|Capped(records)| records)
            .map_err(|error| invalid_json(&error)),
        Some(raw) if raw.get().starts_with('{') => Ok(vec![raw]),
        Some(raw) if !matches!(raw.get(), "\"\"" | "null") => Err(ImportError::OtherJson),
        _ => Ok(Vec::new()),
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

/// The start of an error message, without control characters.
fn error_text(value: &Value) -> String {
    const MAX_LENGTH: usize = 200;
    let text = value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned);
    text.chars()
        .filter(|letter| !letter.is_control())
        .take(MAX_LENGTH)
        .collect()
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
