//! What a zip file contains. Everything in it is unpacked once within bounds, because the sizes
//! that it gives may be wrong, and parsing it holds some parts in memory.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Cursor, Read};

use quick_xml::Reader;
use quick_xml::escape::unescape;
use quick_xml::events::{BytesStart, Event};
use zip::ZipArchive;
use zip::result::ZipError;

use crate::import::error::ImportError;
use crate::import::file_type::zip_type;

/// A workbook of ten thousand programmes has twenty.
const MAX_PARTS: usize = 10_000;

/// Of all parts together, unpacked. A workbook of a hundred thousand programmes has 80 MB.
const MAX_SIZE: u64 = 128 * 1024 * 1024;

/// Texts that cells share. A hundred thousand programmes have at most eight hundred thousand.
const MAX_TEXTS: u64 = 1_000_000;

/// Elements of which the parser keeps each: formats, sheets, names, relationships.
const MAX_DEFINITIONS: u64 = 200_000;

/// Hidden rows of all sheets together: as many as one sheet of Excel has.
const MAX_HIDDEN_ROWS: u32 = 1_048_576;

const WORKBOOK: &str = "xl/workbook.xml";
const RELATIONSHIPS: &str = "xl/_rels/workbook.xml.rels";

/// The parts of a workbook that matter here.
#[derive(Debug, Default)]
pub(super) struct Contents {
    /// Numbers of hidden rows, from 1, by the name of their part.
    hidden_rows: BTreeMap<String, BTreeSet<u32>>,
    hidden: u32,
    /// The relationship of each sheet, by the sheet's name.
    sheets: BTreeMap<String, String>,
    /// The part of each relationship.
    targets: BTreeMap<String, String>,
    texts: u64,
    definitions: u64,
}

impl Contents {
    /// # Errors
    /// When it is another kind of file, has a password or macros, or is larger than any list.
    pub(super) fn inspect(bytes: &[u8]) -> Result<Self, ImportError> {
        let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(|_| zip_type(bytes))?;
        if archive.len() > MAX_PARTS {
            return Err(ImportError::HugeWorkbook);
        }
        let has = |end: &str| {
            let mut names = archive.file_names().filter_map(Result::ok);
            names.any(|name| name.to_ascii_lowercase().ends_with(end))
        };
        if has("vbaproject.bin") {
            return Err(ImportError::MacroWorkbook);
        }
        if !has(WORKBOOK) {
            return Err(zip_type(bytes));
        }
        let mut contents = Self::default();
        let mut size_left = MAX_SIZE;
        for index in 0..archive.len() {
            let part = archive.by_index(index).map_err(|error| match error {
                ZipError::UnsupportedArchive(ZipError::PASSWORD_REQUIRED) => ImportError::Encrypted,
                _ => ImportError::DamagedWorkbook,
            })?;
            let name = part
                .name()
                .map_or_else(|_| String::new(), |name| name.to_ascii_lowercase());
            let mut part = BufReader::new(part.take(size_left));
            if [".xml", ".rels"].iter().any(|end| name.ends_with(end)) {
                contents.scan(&name, &mut part)?;
            }
            let copied = std::io::copy(&mut part, &mut std::io::sink());
            copied.map_err(|_| ImportError::DamagedWorkbook)?;
            size_left = part.get_ref().limit();
            if size_left == 0 {
                return Err(ImportError::HugeWorkbook);
            }
        }
        Ok(contents)
    }

    /// Whether the row with that number, from 1, is hidden in that sheet.
    pub(super) fn is_hidden(&self, sheet: &str, row: u32) -> bool {
        let part = self.sheets.get(sheet).and_then(|id| self.targets.get(id));
        let rows = part.and_then(|part| self.hidden_rows.get(part));
        rows.is_some_and(|rows| rows.contains(&row))
    }

    /// Reads the elements of a part up to its end or its first error, which is the parser's to
    /// find.
    fn scan(&mut self, part: &str, xml: impl BufRead) -> Result<(), ImportError> {
        let mut reader = Reader::from_reader(xml);
        // As calamine reads it, so that it meets no element that this has not met.
        let config = reader.config_mut();
        config.check_end_names = false;
        config.check_comments = false;
        let (mut buffer, mut row) = (Vec::new(), 0_u32);
        loop {
            buffer.clear();
            let element = match reader.read_event_into(&mut buffer) {
                Ok(Event::Start(element) | Event::Empty(element)) => element,
                Ok(Event::Eof) | Err(_) => return Ok(()),
                Ok(_) => continue,
            };
            if !has_possible_place(&element) {
                return Err(ImportError::DamagedWorkbook);
            }
            match element.local_name().as_ref() {
                "row" => {
                    let number = attribute(&element, "r").and_then(|number| number.parse().ok());
                    row = number.unwrap_or(row.saturating_add(1));
                    if is_true(attribute(&element, "hidden")) {
                        let rows = self.hidden_rows.entry(part.to_owned()).or_default();
                        self.hidden += u32::from(rows.insert(row));
                    }
                }
                // The parser reserves memory for as many texts as this element announces.
                "sst" => {
                    let announced = attribute(&element, "uniqueCount");
                    let announced = announced.and_then(|count| count.parse::<u64>().ok());
                    self.texts = self.texts.max(announced.unwrap_or_default());
                }
                "si" => self.texts += 1,
                "xf" | "font" | "fill" | "border" | "numFmt" | "definedName" | "srgbClr" => {
                    self.definitions += 1;
                }
                "sheet" => self.sheet(part, &element),
                "Relationship" => self.relationship(part, &element),
                _ => {}
            }
            if self.texts > 2 * MAX_TEXTS
                || self.definitions > MAX_DEFINITIONS
                || self.hidden > MAX_HIDDEN_ROWS
            {
                return Err(ImportError::HugeWorkbook);
            }
        }
    }

    fn sheet(&mut self, part: &str, element: &BytesStart<'_>) {
        self.definitions += 1;
        let name = attribute(element, "name");
        let relationship = element
            .attributes()
            .filter_map(Result::ok)
            .find_map(|found| {
                let is_id = found.key.local_name().as_ref() == "id";
                is_id.then(|| found.value.into_owned())
            });
        if let (WORKBOOK, Some(name), Some(id)) = (part, name, relationship) {
            self.sheets.insert(name, id);
        }
    }

    fn relationship(&mut self, part: &str, element: &BytesStart<'_>) {
        self.definitions += 1;
        let id = attribute(element, "Id");
        if let (RELATIONSHIPS, Some(id), Some(target)) = (part, id, attribute(element, "Target")) {
            let path = match target.strip_prefix('/') {
                Some(path) => path.to_owned(),
                None => format!("xl/{target}"),
            };
            self.targets.insert(id, path.to_ascii_lowercase());
        }
    }
}

/// Whether a row, a cell or the size of a sheet is where a sheet can have it. The parser computes
/// with any place, and with those that are out of range wrongly.
fn has_possible_place(element: &BytesStart<'_>) -> bool {
    let name = match element.local_name().as_ref() {
        "row" | "c" => "r",
        "dimension" => "ref",
        _ => return true,
    };
    let place = element.try_get_attribute(name).ok().flatten();
    place.is_none_or(|place| place.value.split(':').all(is_possible_place))
}

/// `7`, `B7`: up to three letters and seven digits.
fn is_possible_place(place: &str) -> bool {
    let row = place.trim_start_matches(|letter: char| letter.is_ascii_alphabetic());
    place.len() - row.len() <= 3 && row.len() <= 7
}

fn attribute(element: &BytesStart<'_>, name: &str) -> Option<String> {
    let attribute = element.try_get_attribute(name).ok()??;
    unescape(&attribute.value).ok().map(Cow::into_owned)
}

fn is_true(value: Option<String>) -> bool {
    value.is_some_and(|value| matches!(value.as_str(), "1" | "true"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_places_that_a_sheet_can_have_are_possible() {
        for place in ["1", "1048576", "A1", "xfd1048576", "B"] {
            assert!(is_possible_place(place), "{place}");
        }
        for place in ["AAAA1", "99999999999", "ZZZZZZZZ99999999999", "A12345678"] {
            assert!(!is_possible_place(place), "{place}");
        }
    }
}
