//! Splits text into CSV rows as it arrives. `csv_core` parses; this adds on which line a row starts
//! and how long it may be.

use csv_core::ReadRecordResult;

use crate::import::error::ImportError;

/// In bytes of UTF-8. The longest real row has about 500; an unclosed quotation mark would make one
/// row of the rest of the file.
const MAX_ROW_LENGTH: usize = 64 * 1024;

/// A row and the line on which it starts.
#[derive(Debug)]
pub(super) struct Record {
    pub(super) line: u64,
    pub(super) fields: Vec<String>,
}

#[derive(Debug)]
pub(super) struct Splitter {
    reader: csv_core::Reader,
    /// The buffers of the current row: its fields one after the other, and the end of each.
    fields: Vec<u8>,
    ends: Vec<usize>,
    /// How much of the two buffers is used.
    filled: usize,
    ended: usize,
    /// The current line, counted from 1.
    line: u64,
    last_byte: u8,
    /// The line on which the current row starts, and its bytes so far.
    started: Option<u64>,
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
            started: None,
            size: 0,
        }
    }
}

impl Splitter {
    /// Takes the next part of the text and returns the rows that end in it.
    pub(super) fn push(&mut self, text: &str) -> Result<Vec<Record>, ImportError> {
        let mut records = Vec::new();
        let mut rest = text.as_bytes();
        // The reader takes an empty input for the end.
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

    /// Counts lines and the bytes of the row.
    fn count(&mut self, bytes: &[u8]) -> Result<(), ImportError> {
        for byte in bytes {
            let ends_crlf = *byte == b'\n' && self.last_byte == b'\r';
            self.last_byte = *byte;
            if !matches!(byte, b'\r' | b'\n') {
                self.started.get_or_insert(self.line);
            } else if !ends_crlf {
                self.line += 1;
            }
            self.size += usize::from(self.started.is_some());
        }
        match self.started {
            Some(line) if self.size > MAX_ROW_LENGTH => Err(ImportError::EndlessRow { line }),
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
        let line = self.started.take().unwrap_or(self.line);
        (self.filled, self.ended, self.size) = (0, 0, 0);
        // Spreadsheets append lines of commas only.
        let is_blank = fields.iter().all(|field| field.trim().is_empty());
        (!is_blank).then_some(Record { line, fields })
    }

    /// The last row, if no line break ends it.
    pub(super) fn finish(&mut self) -> Result<Option<Record>, ImportError> {
        let Some(line) = self.started else {
            return Ok(None);
        };
        // A line break ends every row except within unclosed quotation marks.
        let last = self.push("\n")?.pop();
        if self.started.is_some() {
            Err(ImportError::CutOff { line })
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
        // One letter at a time: a row may arrive in any parts.
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
    fn rows_and_fields_are_split_at_any_line_break() {
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
    fn quoted_line_breaks_are_counted() {
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
    fn unclosed_quote_is_cut_off_inner_quote_is_text() {
        let mut splitter = Splitter::default();
        splitter.push("a,b\nc,\"d").unwrap();
        assert_eq!(
            splitter.finish().unwrap_err(),
            ImportError::CutOff { line: 2 }
        );
        assert_eq!(split("a,5\"")[0].1, ["a", "5\""]);
        assert_eq!(split("a,\"b\"")[0].1, ["a", "b"]);
    }

    #[test]
    fn row_of_many_long_fields_is_complete() {
        let fields: Vec<String> = (0..40).map(|number| "가".repeat(number * 10)).collect();
        assert_eq!(split(&fields.join(",")), [(1, fields)]);
    }

    #[test]
    fn endless_row_is_refused_with_its_first_line() {
        let mut splitter = Splitter::default();
        let text = format!("a,b\n\"{}", "가".repeat(MAX_ROW_LENGTH));
        assert_eq!(
            splitter.push(&text).unwrap_err(),
            ImportError::EndlessRow { line: 2 }
        );
    }
}
