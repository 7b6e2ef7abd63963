//! The public data portal's list: CSV, row by row, in UTF-8 or in CP949 as it is published.

use std::collections::VecDeque;

use csv_core::ReadRecordResult;
use encoding_rs::{CoderResult, Decoder, EUC_KR, UTF_8};
use service_kit::http::problem::Text;

use super::draft::{Cell, Checked, Draft, joined};
use super::{Column, Fault, Line, MAYBE_CUT_OFF, Portal, Separator, Wrong, bizinfo, texts};
use crate::project::List;

/// The longest row, in bytes of UTF-8: the longest real one has some 500. A quotation mark that is never closed would make one of the whole
/// file.
const LONGEST_ROW: usize = 64 * 1024;

/// The headings that are read, in any order; all must be there. 번호 is not among them: it is the number of a row in this one file.
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

/// What a value means; the place of its heading in [`HEADINGS`].
#[derive(Debug, Clone, Copy)]
enum ResolvedProject {
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
    /// The length of the shortest id so far: they all have the same.
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
    /// Knows the encoding by the line of headings: it is the one in which they are Korean.
    pub(super) fn recognise(beginning: &[u8]) -> Result<Self, Wrong> {
        let blank = |byte: &u8| matches!(byte, b'\r' | b'\n');
        let beginning = &beginning[beginning
            .iter()
            .position(|byte| !blank(byte))
            .unwrap_or_default()..];
        let headings = beginning.split(blank).next().unwrap_or_default();
        let holds_headings = |text: &str| HEADINGS.iter().any(|heading| text.contains(heading));
        let is_utf8 = std::str::from_utf8(headings).is_ok_and(holds_headings);
        let encoding = match EUC_KR.decode_without_bom_handling(headings) {
            _ if is_utf8 => UTF_8,
            (text, _) if holds_headings(&text) => EUC_KR,
            _ => return Err(Wrong::NoHeader),
        };
        let (line, _) = encoding.decode_without_bom_handling(headings);
        let separator = [('\t', Separator::Tab), (';', Separator::Semicolon)]
            .into_iter()
            .find(|(sign, _)| line.contains(*sign));
        if let Some((_, separator)) = separator.filter(|_| !line.contains(',')) {
            return Err(Wrong::OtherSeparator(separator));
        }
        let decoder = encoding.new_decoder_without_bom_handling();
        Ok(Self {
            decoder,
            splitter: Splitter::default(),
            columns: None,
            shortest_id: None,
        })
    }

    pub(super) fn push(&mut self, bytes: &[u8], ready: &mut VecDeque<Line>) -> Result<(), Wrong> {
        let text = self.decode(bytes, false);
        for record in self.splitter.push(&text)? {
            ready.extend(self.line(&record)?);
        }
        Ok(())
    }

    pub(super) fn finish(&mut self, ready: &mut VecDeque<Line>) -> Result<(), Wrong> {
        let text = self.decode(&[], true);
        for record in self.splitter.push(&text)? {
            ready.extend(self.line(&record)?);
        }
        if let Some(record) = self.splitter.finish()? {
            let line = record.line;
            let is_whole = self
                .columns
                .is_none_or(|(_, count)| record.fields.len() >= count);
            let shortest = self.shortest_id;
            let last = self.line(&record)?.map(|mut last| {
                if last.read.as_ref().is_ok_and(|row| {
                    shortest.is_some_and(|shortest| row.source_id.len() < shortest)
                }) {
                    last.warnings.push(maybe_cut_off());
                }
                last
            });
            ready.extend(last);
            if !is_whole {
                return Err(Wrong::CutOff { line });
            }
        }
        Ok(())
    }

    fn decode(&mut self, bytes: &[u8], last: bool) -> String {
        // Every byte could become a replacement character of three.
        let mut text = String::with_capacity(
            self.decoder
                .max_utf8_buffer_length(bytes.len())
                .unwrap_or(bytes.len() * 3 + 16),
        );
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
        let checked = if record.fields.len() == count {
            draft(&record.fields, columns).check()
        } else {
            let found = record.fields.len();
            let message = Text::new(
                format!("항목이 {count}개여야 하는데 {found}개입니다"),
                format!("It has {found} fields, and the headings are {count}"),
            );
            Checked::error(None, "wrong-field-count", message)
        };
        if let Ok(row) = &checked.read {
            let length = row.source_id.len();
            self.shortest_id = Some(
                self.shortest_id
                    .map_or(length, |shortest| shortest.min(length)),
            );
        }
        Ok(Some(checked.on(record.line)))
    }
}

/// The file ends in the link, which is the last field and holds the key: nothing else shows it.
fn maybe_cut_off() -> Fault {
    let message = Text::new(
        "파일이 이 행에서 끊긴 것 같습니다. 공고 번호가 다른 행보다 짧습니다",
        "The file seems to break off in this row: the id of its announcement is shorter than all others",
    );
    Fault {
        column: None,
        code: MAYBE_CUT_OFF,
        message,
    }
}

/// Where the headings are.
fn headings(fields: &[String]) -> Result<([usize; HEADINGS.len()], usize), Wrong> {
    let found: Vec<String> = fields
        .iter()
        .map(|field| field.split_whitespace().collect())
        .collect();
    let places = HEADINGS.map(|heading| found.iter().position(|field| field == heading));
    let missing: Vec<&str> = HEADINGS
        .into_iter()
        .zip(places)
        .filter(|(_, place)| place.is_none())
        .map(|(name, _)| name)
        .collect();
    if missing.len() == HEADINGS.len() {
        return Err(Wrong::NoHeader);
    }
    if !missing.is_empty() {
        return Err(Wrong::MissingColumns(missing));
    }
    Ok((places.map(Option::unwrap_or_default), fields.len()))
}

fn draft(fields: &[String], columns: [usize; HEADINGS.len()]) -> Draft {
    let column = |meant: ResolvedProject| {
        let at = columns[meant as usize];
        Column {
            name: HEADINGS[meant as usize].to_owned(),
            number: Some(at + 1),
        }
    };
    let raw = |meant: ResolvedProject| {
        fields
            .get(columns[meant as usize])
            .map_or("", String::as_str)
    };
    let cell = |meant: ResolvedProject| Cell {
        column: column(meant),
        text: texts::line(raw(meant)),
    };
    let absent = || Cell {
        column: column(ResolvedProject::Name),
        text: String::new(),
    };
    let link = Cell {
        column: column(ResolvedProject::Link),
        text: texts::link(raw(ResolvedProject::Link), bizinfo::HOST),
    };
    let source_id = Cell {
        text: texts::parameter(&link.text, "pblancId")
            .unwrap_or_default()
            .to_owned(),
        ..link.clone()
    };
    Draft {
        portal: Portal::Bizinfo,
        source_id,
        list: bizinfo::listed(List::DataGoKr, &link.text),
        name: cell(ResolvedProject::Name),
        category: texts::line(raw(ResolvedProject::Category)),
        regions: Vec::new(),
        target: absent(),
        agency: cell(ResolvedProject::Agency),
        host: cell(ResolvedProject::Host),
        summary: absent(),
        link,
        period: Cell {
            column: column(ResolvedProject::Start),
            text: joined(
                &texts::line(raw(ResolvedProject::Start)),
                &texts::line(raw(ResolvedProject::End)),
            ),
        },
        registered: cell(ResolvedProject::Registered),
    }
}

/// One row of the table.
#[derive(Debug)]
struct Record {
    line: u64,
    fields: Vec<String>,
}

/// Splits a text into rows and fields as it arrives: what a row is, [`csv_core`] knows; on which line it began, and that it ends at all, is
/// seen to here.
#[derive(Debug)]
struct Splitter {
    reader: csv_core::Reader,
    /// The fields of the row so far, one behind the other, and where each of them ends.
    fields: Vec<u8>,
    ends: Vec<usize>,
    /// How much of the two is filled.
    filled: usize,
    ended: usize,
    /// Where the reader is, counted from 1.
    line: u64,
    last_byte: u8,
    /// Where the row began that is being read, and how many bytes it has so far.
    began: Option<u64>,
    size: usize,
}

impl Default for Splitter {
    fn default() -> Self {
        Self {
            reader: csv_core::Reader::new(),
            fields: vec![0; 1024],
            ends: vec![0; 16],
            filled: 0,
            ended: 0,
            line: 1,
            last_byte: 0,
            began: None,
            size: 0,
        }
    }
}

impl Splitter {
    /// Takes in a piece of the text, and gives the rows that end in it.
    fn push(&mut self, text: &str) -> Result<Vec<Record>, Wrong> {
        let mut records = Vec::new();
        let mut rest = text.as_bytes();
        // An empty piece would mean the end to the reader.
        while !rest.is_empty() {
            let (fields, ends) = (
                &mut self.fields[self.filled..],
                &mut self.ends[self.ended..],
            );
            let (result, read, written, ended) = self.reader.read_record(rest, fields, ends);
            self.count(&rest[..read])?;
            rest = &rest[read..];
            self.filled += written;
            self.ended += ended;
            match result {
                ReadRecordResult::InputEmpty | ReadRecordResult::End => {}
                ReadRecordResult::OutputFull => self.fields.resize(self.fields.len() * 2, 0),
                ReadRecordResult::OutputEndsFull => self.ends.resize(self.ends.len() * 2, 0),
                ReadRecordResult::Record => records.extend(self.end_of_row()),
            }
        }
        Ok(records)
    }

    /// Counts lines, and the bytes of the row.
    fn count(&mut self, bytes: &[u8]) -> Result<(), Wrong> {
        for byte in bytes {
            let is_second_half = *byte == b'\n' && self.last_byte == b'\r';
            self.last_byte = *byte;
            if !matches!(byte, b'\r' | b'\n') {
                self.began.get_or_insert(self.line);
            } else if !is_second_half {
                self.line += 1;
            }
            self.size += usize::from(self.began.is_some());
        }
        match self.began {
            Some(line) if self.size > LONGEST_ROW => Err(Wrong::EndlessRow { line }),
            _ => Ok(()),
        }
    }

    fn end_of_row(&mut self) -> Option<Record> {
        let mut start = 0;
        let fields = self.ends[..self.ended].iter().map(|end| {
            let field = &self.fields[start..*end];
            start = *end;
            String::from_utf8_lossy(field).into_owned()
        });
        let fields: Vec<String> = fields.collect();
        let line = self.began.take().unwrap_or(self.line);
        (self.filled, self.ended, self.size) = (0, 0, 0);
        // A line of nothing but commas is what a spreadsheet leaves behind its last row.
        let is_blank = fields.iter().all(|field| field.trim().is_empty());
        (!is_blank).then_some(Record { line, fields })
    }

    /// The last row, where no line break ended it.
    fn finish(&mut self) -> Result<Option<Record>, Wrong> {
        let Some(line) = self.began else {
            return Ok(None);
        };
        // A line break ends every row but one within quotation marks that nothing closes.
        let last = self.push("\n")?.pop();
        if self.began.is_some() {
            Err(Wrong::CutOff { line })
        } else {
            Ok(last)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(text: &str) -> Vec<(u64, Vec<String>)> {
        let mut splitter = Splitter::default();
        // Letter by letter: a row may arrive in any pieces.
        let mut records: Vec<Record> = text
            .chars()
            .flat_map(|letter| splitter.push(letter.encode_utf8(&mut [0; 4])).unwrap())
            .collect();
        records.extend(splitter.finish().unwrap());
        records
            .into_iter()
            .map(|record| (record.line, record.fields))
            .collect()
    }

    #[test]
    fn rows_and_fields_are_found_whatever_ends_a_line() {
        for end in ["\n", "\r\n", "\r"] {
            let text = ["가,나", "", "\"다,\"\"라\"\"\",마 \"5\"", ",", "바,"].join(end);
            let rows = split(&text);
            let fields: Vec<(u64, Vec<&str>)> = rows
                .iter()
                .map(|(line, fields)| (*line, fields.iter().map(String::as_str).collect()))
                .collect();
            assert_eq!(
                fields,
                [
                    (1, vec!["가", "나"]),
                    (3, vec!["다,\"라\"", "마 \"5\""]),
                    (5, vec!["바", ""])
                ],
                "{end:?}"
            );
        }
    }

    #[test]
    fn a_quoted_field_may_go_over_lines_and_lines_are_still_counted() {
        let rows = split("a,\"b\r\nc\"\r\nd,e\n");
        assert_eq!(
            rows,
            [
                (1, vec!["a".to_owned(), "b\r\nc".to_owned()]),
                (3, vec!["d".to_owned(), "e".to_owned()])
            ]
        );
    }

    #[test]
    fn a_quotation_mark_that_nothing_closes_is_noticed_at_the_end_and_one_within_a_field_is_a_letter()
     {
        let mut splitter = Splitter::default();
        splitter.push("a,b\nc,\"d").unwrap();
        assert_eq!(splitter.finish().unwrap_err(), Wrong::CutOff { line: 2 });
        assert_eq!(split("a,5\"")[0].1, ["a", "5\""]);
        assert_eq!(split("a,\"b\"")[0].1, ["a", "b"]);
    }

    #[test]
    fn a_row_of_many_and_long_fields_is_read_whole() {
        let fields: Vec<String> = (0..40).map(|number| "가".repeat(number * 10)).collect();
        assert_eq!(split(&fields.join(",")), [(1, fields)]);
    }

    #[test]
    fn a_row_that_never_ends_is_refused_where_it_begins() {
        let mut splitter = Splitter::default();
        let text = format!("a,b\n\"{}", "가".repeat(LONGEST_ROW));
        assert_eq!(
            splitter.push(&text).unwrap_err(),
            Wrong::EndlessRow { line: 2 }
        );
    }
}
