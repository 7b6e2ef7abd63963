//! The CSV of the public data portal, row by row, in UTF-8 or in CP949 as it is published.

mod splitter;

use std::collections::VecDeque;

use chrono::NaiveDate;
use encoding_rs::{CoderResult, Decoder, EUC_KR, Encoding, UTF_8};
use service_kit::http::problem::Text;

use self::splitter::{Record, Splitter};
use super::error::{ImportError, Separator};
use super::row::{Fault, MAYBE_CUT_OFF, ParsedRow};
use super::table::{Columns, MAX_LINES_ABOVE, contains_heading, draft_of_line, find_columns};

/// A table whose rows arrive one after the other.
pub(super) struct Table {
    decoder: Decoder,
    splitter: Splitter,
    today: NaiveDate,
    /// The columns and their number; `None` before the line of headings.
    columns: Option<(Columns, usize)>,
    /// Lines before that of the headings, and what the first with some headings lacks.
    lines_above: usize,
    missing: Option<ImportError>,
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
    /// Decides the encoding: the one in which one of the first lines contains a known heading.
    pub(super) fn recognize(start: &[u8], today: NaiveDate) -> Result<Self, ImportError> {
        let is_break = |byte: &u8| matches!(byte, b'\r' | b'\n');
        let first_lines = || {
            let lines = start.split(is_break).filter(|line| !line.is_empty());
            lines.take(MAX_LINES_ABOVE + 1)
        };
        let find_in = |encoding: &'static Encoding| {
            let lines = first_lines().filter_map(|line| {
                encoding.decode_without_bom_handling_and_without_replacement(line)
            });
            let mut found = lines.filter(|line| contains_heading(line));
            found.next().map(|line| (encoding, line))
        };
        let Some((encoding, line)) = find_in(UTF_8).or_else(|| find_in(EUC_KR)) else {
            return Err(ImportError::NoHeader);
        };
        let separator = [('\t', Separator::Tab), (';', Separator::Semicolon)]
            .into_iter()
            .find(|(sign, _)| line.contains(*sign));
        if let Some((_, separator)) = separator.filter(|_| !line.contains(',')) {
            return Err(ImportError::OtherSeparator(separator));
        }
        Ok(Self {
            decoder: encoding.new_decoder_without_bom_handling(),
            splitter: Splitter::default(),
            today,
            columns: None,
            lines_above: 0,
            missing: None,
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
            let is_empty = self.columns.is_none();
            return if is_empty {
                Err(self.no_columns())
            } else {
                Ok(())
            };
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
        if self.columns.is_none() {
            Err(self.no_columns())
        } else if is_complete {
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

    fn no_columns(&mut self) -> ImportError {
        self.missing.take().unwrap_or(ImportError::NoHeader)
    }

    /// `None` for the line of headings and those above it.
    fn row(&mut self, record: &Record) -> Result<Option<ParsedRow>, ImportError> {
        let Some((columns, count)) = self.columns else {
            match find_columns(&record.fields) {
                Ok(columns) => self.columns = Some((columns, record.fields.len())),
                Err(error) => {
                    self.lines_above += 1;
                    if self.missing.is_none() && error != ImportError::NoHeader {
                        self.missing = Some(error);
                    }
                    if self.lines_above > MAX_LINES_ABOVE {
                        return Err(self.no_columns());
                    }
                }
            }
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
        let cells = columns.map(|column| record.fields.get(column).map_or("", String::as_str));
        let parsed = draft_of_line(cells, &columns).check(record.line, self.today);
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
