//! The CSV of the public data portal, row by row, in UTF-8 or in CP949 as it is published.

mod splitter;

use std::collections::VecDeque;

use encoding_rs::{CoderResult, Decoder, EUC_KR, UTF_8};
use service_kit::http::problem::Text;

use self::splitter::{Record, Splitter};
use super::draft::{Cell, Draft, attribute, join_period};
use super::error::{ImportError, Separator};
use super::row::{Column, Fault, MAYBE_CUT_OFF, ParsedRow, Portal};
use super::{bizinfo, texts};
use crate::project::SourceList;

/// The headings that are read, in any order. All must be there. 번호 is not among them: it is the
/// number of a row in this one file.
const HEADINGS: [&str; 8] = [
    "분야",
    "사업명",
    "신청시작일자",
    "신청종료일자",
    "소관기관",
    "수행기관",
    "등록일자",
    "상세URL",
];

/// An index into [`HEADINGS`].
#[derive(Debug, Clone, Copy)]
enum Heading {
    Category,
    Name,
    Start,
    End,
    Agency,
    Host,
    Registered,
    Link,
}

/// The column of each heading, and the number of columns.
type Columns = ([usize; HEADINGS.len()], usize);

/// A table whose rows arrive one after the other.
pub(super) struct Table {
    decoder: Decoder,
    splitter: Splitter,
    /// `None` before the line of headings.
    columns: Option<Columns>,
    /// The length of the shortest id so far: complete ids have the same length.
    shortest_id: Option<usize>,
}

impl std::fmt::Debug for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Table")
            .field("encoding", &self.decoder.encoding().name())
            .finish_non_exhaustive()
    }
}

impl Table {
    /// Decides the encoding: the one in which the line of headings contains a known heading.
    pub(super) fn recognize(start: &[u8]) -> Result<Self, ImportError> {
        let is_break = |byte: &u8| matches!(byte, b'\r' | b'\n');
        let headings = start
            .split(is_break)
            .find(|line| !line.is_empty())
            .unwrap_or_default();
        let has_heading = |text: &str| HEADINGS.iter().any(|heading| text.contains(heading));
        let encoding = if std::str::from_utf8(headings).is_ok_and(has_heading) {
            UTF_8
        } else {
            EUC_KR
        };
        let (line, _) = encoding.decode_without_bom_handling(headings);
        if !has_heading(&line) {
            return Err(ImportError::NoHeader);
        }
        let separator = [('\t', Separator::Tab), (';', Separator::Semicolon)]
            .into_iter()
            .find(|(sign, _)| line.contains(*sign));
        if let Some((_, separator)) = separator.filter(|_| !line.contains(',')) {
            return Err(ImportError::OtherSeparator(separator));
        }
        Ok(Self {
            decoder: encoding.new_decoder_without_bom_handling(),
            splitter: Splitter::default(),
            columns: None,
            shortest_id: None,
        })
    }

    pub(super) fn push(
        &mut self,
        bytes: &[u8],
        ready: &mut VecDeque<ParsedRow>,
    ) -> Result<(), ImportError> {
        self.decode(bytes, false, ready)
    }

    pub(super) fn finish(&mut self, ready: &mut VecDeque<ParsedRow>) -> Result<(), ImportError> {
        self.decode(&[], true, ready)?;
        let Some(record) = self.splitter.finish()? else {
            return Ok(());
        };
        let is_complete = self
            .columns
            .is_none_or(|(_, count)| record.fields.len() >= count);
        let shortest_before = self.shortest_id;
        if let Some(mut last) = self.row(&record)? {
            let is_short = |id: &str| shortest_before.is_some_and(|shortest| id.len() < shortest);
            if last.row.as_ref().is_ok_and(|row| is_short(&row.source_id)) {
                last.warnings.push(maybe_cut_off());
            }
            ready.push_back(last);
        }
        if is_complete {
            Ok(())
        } else {
            Err(ImportError::CutOff { line: record.line })
        }
    }

    fn decode(
        &mut self,
        bytes: &[u8],
        is_last: bool,
        ready: &mut VecDeque<ParsedRow>,
    ) -> Result<(), ImportError> {
        // Every byte may become a replacement character of three bytes.
        let capacity = self
            .decoder
            .max_utf8_buffer_length(bytes.len())
            .unwrap_or(bytes.len() * 3 + 16);
        let mut text = String::with_capacity(capacity);
        let (result, _, _) = self.decoder.decode_to_string(bytes, &mut text, is_last);
        debug_assert_eq!(result, CoderResult::InputEmpty);
        for record in self.splitter.push(&text)? {
            ready.extend(self.row(&record)?);
        }
        Ok(())
    }

    /// `None` for the line of headings.
    fn row(&mut self, record: &Record) -> Result<Option<ParsedRow>, ImportError> {
        let Some((columns, count)) = self.columns else {
            self.columns = Some(find_columns(&record.fields)?);
            return Ok(None);
        };
        let found = record.fields.len();
        if found != count {
            let message = Text::new(
                format!("항목이 {count}개여야 하는데 {found}개입니다"),
                format!("It has {found} fields instead of {count}"),
            );
            let row = ParsedRow::invalid(record.line, "wrong-field-count", message);
            return Ok(Some(row));
        }
        let parsed = draft(&record.fields, columns).check(record.line);
        if let Ok(row) = &parsed.row {
            let length = row.source_id.len();
            self.shortest_id = Some(self.shortest_id.map_or(length, |id| id.min(length)));
        }
        Ok(Some(parsed))
    }
}

/// The file may end within the link of its last row, which is the last field and contains the key.
/// A short id is the only sign of it.
fn maybe_cut_off() -> Fault {
    let message = Text::new(
        "파일이 이 행에서 끊긴 것 같습니다. 공고 번호가 다른 행보다 짧습니다",
        "The file may be cut off in this row: the id of the announcement is shorter than others",
    );
    Fault::new(None, MAYBE_CUT_OFF, message)
}

fn find_columns(fields: &[String]) -> Result<Columns, ImportError> {
    let found: Vec<String> = fields
        .iter()
        .map(|field| field.split_whitespace().collect())
        .collect();
    let columns = HEADINGS.map(|heading| found.iter().position(|field| field == heading));
    let missing: Vec<&str> = HEADINGS
        .into_iter()
        .zip(columns)
        .filter(|(_, column)| column.is_none())
        .map(|(heading, _)| heading)
        .collect();
    if missing.len() == HEADINGS.len() {
        return Err(ImportError::NoHeader);
    }
    if !missing.is_empty() {
        return Err(ImportError::MissingColumns(missing));
    }
    Ok((columns.map(Option::unwrap_or_default), fields.len()))
}

fn draft(fields: &[String], columns: [usize; HEADINGS.len()]) -> Draft {
    let raw = |heading: Heading| {
        let field = fields.get(columns[heading as usize]);
        field.map_or("", String::as_str)
    };
    let cell = |heading: Heading, text: String| Cell {
        column: Column {
            name: HEADINGS[heading as usize].to_owned(),
            number: Some(columns[heading as usize] + 1),
        },
        text,
    };
    let line = |heading: Heading| cell(heading, texts::line(raw(heading)));
    let absent = || cell(Heading::Name, String::new());
    let link = texts::link(raw(Heading::Link), bizinfo::HOST);
    let source_id = texts::parameter(&link, bizinfo::KEY).unwrap_or_default();
    let period = join_period(&line(Heading::Start).text, &line(Heading::End).text);
    Draft {
        portal: Portal::Bizinfo,
        source_id: cell(Heading::Link, source_id.to_owned()),
        list: attribute(SourceList::DataGoKr, &link, bizinfo::SITE),
        name: line(Heading::Name),
        category: line(Heading::Category).text,
        regions: Vec::new(),
        target: absent(),
        agency: line(Heading::Agency),
        host: line(Heading::Host),
        summary: absent(),
        link: cell(Heading::Link, link),
        period: cell(Heading::Start, period),
        registered: line(Heading::Registered),
    }
}
