//! The public data portal's list: CSV, row by row, in UTF-8 or in CP949 as it is published.

use std::collections::VecDeque;

use encoding_rs::{CoderResult, Decoder, EUC_KR, UTF_8};
use service_kit::problem::Text;

use super::draft::{Cell, Draft, joined};
use super::{Column, Fault, Line, Portal, Wrong, texts};

/// The longest row, in bytes of UTF-8: the longest real one has some 500. A quotation mark that is never closed would make one of the whole
/// file.
const LONGEST_ROW: usize = 64 * 1024;

/// The headings that are read, in any order; all must be there. 번호 is not among them: it is the number of a row in this one file.
const HEADINGS: [&str; 8] = ["분야", "사업명", "신청시작일자", "신청종료일자", "소관기관", "수행기관", "등록일자", "상세URL"];

/// What a value means; the place of its heading in [`HEADINGS`].
#[derive(Debug, Clone, Copy)]
enum Meant {
    Category,
    Name,
    Start,
    End,
    Agency,
    Host,
    Registered,
    Link,
}

/// A table whose rows arrive.
pub(super) struct Table {
    decoder: Decoder,
    splitter: Splitter,
    /// Where each of [`HEADINGS`] is, and how many columns there are; `None` before the line of headings.
    columns: Option<([usize; HEADINGS.len()], usize)>,
}

impl std::fmt::Debug for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Table").field("encoding", &self.decoder.encoding().name()).finish_non_exhaustive()
    }
}

impl Table {
    /// Knows the encoding by the line of headings: it is the one in which they are Korean.
    pub(super) fn recognise(beginning: &[u8]) -> Result<Self, Wrong> {
        let blank = |byte: &u8| matches!(byte, b'\r' | b'\n');
        let beginning = &beginning[beginning.iter().position(|byte| !blank(byte)).unwrap_or_default()..];
        let headings = beginning.split(blank).next().unwrap_or_default();
        let holds_headings = |text: &str| HEADINGS.iter().any(|heading| text.contains(heading));
        let is_utf8 = std::str::from_utf8(headings).is_ok_and(holds_headings);
        let encoding = match EUC_KR.decode_without_bom_handling(headings) {
            _ if is_utf8 => UTF_8,
            (text, _) if holds_headings(&text) => EUC_KR,
            _ => return Err(Wrong::NoHeader),
        };
        let decoder = encoding.new_decoder_without_bom_handling();
        Ok(Self { decoder, splitter: Splitter::default(), columns: None })
    }

    pub(super) fn push(&mut self, bytes: &[u8], ready: &mut VecDeque<Line>) -> Result<(), Wrong> {
        let text = self.decode(bytes, false);
        for letter in text.chars() {
            if let Some(record) = self.splitter.push(letter)? {
                ready.extend(self.line(&record)?);
            }
        }
        Ok(())
    }

    pub(super) fn finish(&mut self, ready: &mut VecDeque<Line>) -> Result<(), Wrong> {
        let text = self.decode(&[], true);
        for letter in text.chars() {
            if let Some(record) = self.splitter.push(letter)? {
                ready.extend(self.line(&record)?);
            }
        }
        if let Some(record) = self.splitter.finish()? {
            let line = record.line;
            let is_whole = self.columns.is_none_or(|(_, count)| record.fields.len() >= count);
            ready.extend(self.line(&record)?);
            if !is_whole {
                return Err(Wrong::CutOff { line });
            }
        }
        Ok(())
    }

    fn decode(&mut self, bytes: &[u8], last: bool) -> String {
        // Every byte could become a replacement character of three.
        let mut text = String::with_capacity(self.decoder.max_utf8_buffer_length(bytes.len()).unwrap_or(bytes.len() * 3 + 16));
        let (result, _, _) = self.decoder.decode_to_string(bytes, &mut text, last);
        debug_assert_eq!(result, CoderResult::InputEmpty);
        text
    }

    /// The line of headings gives nothing, a row one line.
    fn line(&mut self, record: &Record) -> Result<Option<Line>, Wrong> {
        let Some((columns, count)) = self.columns else {
            self.columns = Some(headings(&record.fields)?);
            return Ok(None);
        };
        let read = if record.fields.len() == count {
            draft(&record.fields, columns).check()
        } else {
            let found = record.fields.len();
            let message = Text::new(
                format!("항목이 {count}개여야 하는데 {found}개입니다"),
                format!("It has {found} fields, and the headings are {count}"),
            );
            Err(vec![Fault { column: None, code: "wrong-field-count", message }])
        };
        Ok(Some(Line { number: 0, line: record.line, read }))
    }
}

/// Where the headings are.
fn headings(fields: &[String]) -> Result<([usize; HEADINGS.len()], usize), Wrong> {
    let found: Vec<String> = fields.iter().map(|field| field.split_whitespace().collect()).collect();
    let places = HEADINGS.map(|heading| found.iter().position(|field| field == heading));
    let missing: Vec<&str> =
        HEADINGS.into_iter().zip(places).filter(|(_, place)| place.is_none()).map(|(name, _)| name).collect();
    if missing.len() == HEADINGS.len() {
        return Err(Wrong::NoHeader);
    }
    if !missing.is_empty() {
        return Err(Wrong::MissingColumns(missing));
    }
    Ok((places.map(Option::unwrap_or_default), fields.len()))
}

fn draft(fields: &[String], columns: [usize; HEADINGS.len()]) -> Draft {
    let column = |meant: Meant| {
        let at = columns[meant as usize];
        Column { name: HEADINGS[meant as usize].to_owned(), number: Some(at + 1) }
    };
    let raw = |meant: Meant| fields.get(columns[meant as usize]).map_or("", String::as_str);
    let cell = |meant: Meant| Cell { column: column(meant), text: texts::line(raw(meant)) };
    let absent = || Cell { column: column(Meant::Name), text: String::new() };
    let link = Cell { column: column(Meant::Link), text: texts::link(raw(Meant::Link), super::bizinfo::HOST) };
    let source_id = Cell { text: texts::parameter(&link.text, "pblancId").unwrap_or_default().to_owned(), ..link.clone() };
    Draft {
        portal: Portal::Bizinfo,
        source_id,
        name: cell(Meant::Name),
        category: texts::line(raw(Meant::Category)),
        regions: Vec::new(),
        target: absent(),
        agency: cell(Meant::Agency),
        host: cell(Meant::Host),
        summary: absent(),
        link,
        period: Cell {
            column: column(Meant::Start),
            text: joined(&texts::line(raw(Meant::Start)), &texts::line(raw(Meant::End))),
        },
        registered: cell(Meant::Registered),
    }
}

/// One row of the table.
#[derive(Debug)]
struct Record {
    line: u64,
    fields: Vec<String>,
}

/// Splits a text into rows and fields as it arrives (RFC 4180; a quotation mark within a field that is not quoted is a letter).
#[derive(Debug)]
struct Splitter {
    state: State,
    fields: Vec<String>,
    field: String,
    size: usize,
    line: u64,
    began: u64,
    was_return: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// At the beginning of a row.
    Row,
    /// At the beginning of a field.
    Field,
    /// Within a field.
    Bare,
    /// Within quotation marks.
    Quoted,
    /// Behind a quotation mark that closes, unless another one follows.
    Closed,
}

impl Default for Splitter {
    fn default() -> Self {
        Self { state: State::Row, fields: Vec::new(), field: String::new(), size: 0, line: 1, began: 1, was_return: false }
    }
}

impl Splitter {
    fn push(&mut self, letter: char) -> Result<Option<Record>, Wrong> {
        let ends_line = matches!(letter, '\n' | '\r');
        let is_second_half = letter == '\n' && self.was_return;
        self.was_return = letter == '\r';
        if self.state == State::Row {
            self.began = self.line;
        }
        if ends_line && !is_second_half {
            self.line += 1;
        }
        self.size += letter.len_utf8();
        if self.size > LONGEST_ROW {
            return Err(Wrong::EndlessRow { line: self.began });
        }
        self.state = match (self.state, letter) {
            (State::Quoted, '"') => State::Closed,
            (State::Quoted, _) => {
                self.field.push(letter);
                State::Quoted
            }
            (State::Closed, '"') => {
                self.field.push('"');
                State::Quoted
            }
            (State::Row, '\n' | '\r') => {
                self.size = 0;
                State::Row
            }
            (_, '\n' | '\r') => return Ok(self.end_of_row()),
            (_, ',') => {
                self.fields.push(std::mem::take(&mut self.field));
                State::Field
            }
            (State::Row | State::Field, '"') => State::Quoted,
            _ => {
                self.field.push(letter);
                State::Bare
            }
        };
        Ok(None)
    }

    fn end_of_row(&mut self) -> Option<Record> {
        self.fields.push(std::mem::take(&mut self.field));
        let fields = std::mem::take(&mut self.fields);
        (self.state, self.size) = (State::Row, 0);
        // A line of nothing but commas is what a spreadsheet leaves behind its last row.
        let is_blank = fields.iter().all(|field| field.trim().is_empty());
        (!is_blank).then_some(Record { line: self.began, fields })
    }

    /// The last row, where no line break ended it.
    fn finish(&mut self) -> Result<Option<Record>, Wrong> {
        match self.state {
            State::Row => Ok(None),
            State::Quoted => Err(Wrong::CutOff { line: self.began }),
            _ => Ok(self.end_of_row()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(text: &str) -> Vec<(u64, Vec<String>)> {
        let mut splitter = Splitter::default();
        let mut records: Vec<Record> = text.chars().filter_map(|letter| splitter.push(letter).unwrap()).collect();
        records.extend(splitter.finish().unwrap());
        records.into_iter().map(|record| (record.line, record.fields)).collect()
    }

    #[test]
    fn rows_and_fields_are_found_whatever_ends_a_line() {
        for end in ["\n", "\r\n", "\r"] {
            let text = ["가,나", "", "\"다,\"\"라\"\"\",마 \"5\"", ",", "바,"].join(end);
            let rows = split(&text);
            let fields: Vec<(u64, Vec<&str>)> =
                rows.iter().map(|(line, fields)| (*line, fields.iter().map(String::as_str).collect())).collect();
            assert_eq!(fields, [(1, vec!["가", "나"]), (3, vec!["다,\"라\"", "마 \"5\""]), (5, vec!["바", ""])], "{end:?}");
        }
    }

    #[test]
    fn a_quoted_field_may_go_over_lines_and_lines_are_still_counted() {
        let rows = split("a,\"b\r\nc\"\r\nd,e\n");
        assert_eq!(rows, [(1, vec!["a".to_owned(), "b\r\nc".to_owned()]), (3, vec!["d".to_owned(), "e".to_owned()])]);
    }

    #[test]
    fn a_row_that_never_ends_is_refused_where_it_begins() {
        let mut splitter = Splitter::default();
        let text = format!("a,b\n\"{}", "가".repeat(LONGEST_ROW));
        let refused = text.chars().find_map(|letter| splitter.push(letter).err());
        assert_eq!(refused, Some(Wrong::EndlessRow { line: 2 }));
    }
}
