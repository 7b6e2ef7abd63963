//! The lines of the first sheet that has the columns: the cached values of its cells as texts.

use std::collections::VecDeque;
use std::io::Cursor;

use calamine::{DataRef, ExcelDateTime, Reader as _, SheetType, SheetVisible, Xlsx, XlsxError};

use super::contents::Contents;
use crate::import::cell_date::from_serial;
use crate::import::error::ImportError;
use crate::import::row::MAX_ROWS;
use crate::import::table::{Columns, HEADINGS, MAX_LINES_ABOVE, find_columns};

/// Columns in which headings are looked for.
const MAX_COLUMNS: usize = 256;

/// Of a text, in characters. The checks refuse or cut shorter ones.
const MAX_LENGTH: usize = 5000;

/// Of all texts, in bytes: one shared text may stand in every cell.
const MAX_SIZE: usize = 64 * 1024 * 1024;

/// Days between the epochs of the two date systems.
const DAYS_TO_1904: f64 = 1462.0;

#[derive(Debug)]
pub(super) struct Sheet {
    pub(super) columns: Columns,
    pub(super) lines: VecDeque<Line>,
}

/// A line below the headings.
#[derive(Debug, Default)]
pub(super) struct Line {
    /// The number of the row, from 1.
    pub(super) number: u64,
    /// In the order of [`HEADINGS`].
    pub(super) cells: [String; HEADINGS.len()],
    /// Indices of cells whose formula has an error.
    pub(super) errors: Vec<usize>,
    pub(super) is_hidden: bool,
}

/// Reads the first visible sheet with all headings.
pub(super) fn read(bytes: &[u8], contents: &Contents) -> Result<Sheet, ImportError> {
    let mut workbook = Xlsx::new(Cursor::new(bytes)).map_err(damaged)?;
    let sheets = workbook.sheets_metadata().iter();
    let visible = sheets.filter(|sheet| {
        sheet.typ == SheetType::WorkSheet && sheet.visible == SheetVisible::Visible
    });
    let names: Vec<String> = visible.map(|sheet| sheet.name.clone()).collect();
    let mut missing = ImportError::NoHeader;
    for name in names {
        match read_sheet(&mut workbook, &name, contents) {
            Err(ImportError::NoHeader) => {}
            Err(error @ ImportError::MissingColumns(_)) => {
                if missing == ImportError::NoHeader {
                    missing = error;
                }
            }
            found => return found,
        }
    }
    Err(missing)
}

fn read_sheet(
    workbook: &mut Xlsx<Cursor<&[u8]>>,
    name: &str,
    contents: &Contents,
) -> Result<Sheet, ImportError> {
    let days = if workbook.has_1904_epoch() {
        DAYS_TO_1904
    } else {
        0.0
    };
    let mut cells = workbook.worksheet_cells_reader(name).map_err(damaged)?;
    let mut table = Table::default();
    let mut row = Vec::new();
    let mut number = 0;
    while let Some(cell) = cells.next_cell().map_err(damaged)? {
        let (at, column) = cell.get_position();
        if at != number {
            table.push(number, &mut row)?;
            number = at;
        }
        let column = usize::try_from(column).unwrap_or(usize::MAX);
        if column >= MAX_COLUMNS || table.is_full() {
            continue;
        }
        if row.len() <= column {
            row.resize_with(column + 1, || Ok(String::new()));
        }
        row[column] = text_of(cell.get_value(), days);
    }
    table.push(number, &mut row)?;
    let columns = table.columns.ok_or(table.missing)?;
    let mut lines = table.lines;
    for line in &mut lines {
        let number = u32::try_from(line.number).unwrap_or_default();
        line.is_hidden = contents.is_hidden(name, number);
    }
    Ok(Sheet { columns, lines })
}

/// The text of a cell, or that its formula has an error.
type CellText = Result<String, FormulaError>;

#[derive(Debug)]
struct FormulaError;

/// The lines so far.
#[derive(Debug)]
struct Table {
    /// `None` before the line of headings.
    columns: Option<Columns>,
    lines_above: usize,
    /// What the first line with some headings lacks.
    missing: ImportError,
    lines: VecDeque<Line>,
    size: usize,
}

impl Default for Table {
    fn default() -> Self {
        Self {
            columns: None,
            lines_above: 0,
            missing: ImportError::NoHeader,
            lines: VecDeque::new(),
            size: 0,
        }
    }
}

impl Table {
    /// Enough to see that there are too many rows.
    fn is_full(&self) -> bool {
        self.lines.len() as u64 > MAX_ROWS
    }

    /// Ends the row with that number, from 0.
    fn push(&mut self, number: u32, row: &mut Vec<CellText>) -> Result<(), ImportError> {
        let row = std::mem::take(row);
        let is_blank = |cell: &CellText| cell.as_ref().is_ok_and(|text| text.trim().is_empty());
        if row.iter().all(is_blank) || self.is_full() {
            return Ok(());
        }
        let Some(columns) = self.columns else {
            return self.look_for_headings(&row);
        };
        let mut line = Line {
            number: u64::from(number) + 1,
            ..Line::default()
        };
        let mut row: Vec<Option<CellText>> = row.into_iter().map(Some).collect();
        for (heading, column) in columns.into_iter().enumerate() {
            match row.get_mut(column).and_then(Option::take) {
                Some(Ok(text)) => {
                    self.size += text.len();
                    line.cells[heading] = text;
                }
                Some(Err(FormulaError)) => line.errors.push(heading),
                None => {}
            }
        }
        if self.size > MAX_SIZE {
            return Err(ImportError::HugeWorkbook);
        }
        // Text beside the table, such as a remark or a sum.
        let is_beside = line.cells.iter().all(|text| text.trim().is_empty());
        if !is_beside || !line.errors.is_empty() {
            self.lines.push_back(line);
        }
        Ok(())
    }

    fn look_for_headings(&mut self, row: &[CellText]) -> Result<(), ImportError> {
        let texts: Vec<&str> = row
            .iter()
            .map(|cell| cell.as_ref().map_or("", String::as_str))
            .collect();
        match find_columns(&texts) {
            Ok(columns) => self.columns = Some(columns),
            Err(error) => {
                self.lines_above += 1;
                if self.missing == ImportError::NoHeader {
                    self.missing = error;
                }
                if self.lines_above > MAX_LINES_ABOVE {
                    return Err(self.missing.clone());
                }
            }
        }
        Ok(())
    }
}

fn text_of(value: &DataRef<'_>, days: f64) -> CellText {
    let start = |text: &str| text.chars().take(MAX_LENGTH).collect();
    Ok(match value {
        DataRef::Empty => String::new(),
        DataRef::Int(number) => number.to_string(),
        DataRef::Float(number) => number.to_string(),
        DataRef::String(text) | DataRef::DateTimeIso(text) | DataRef::DurationIso(text) => {
            start(text)
        }
        DataRef::SharedString(text) => start(text),
        DataRef::Bool(value) => value.to_string(),
        DataRef::DateTime(date) => date_text(*date, days),
        DataRef::Error(_) => return Err(FormulaError),
    })
}

/// A date as it is written elsewhere: 2026-04-01, with the time if it has one.
fn date_text(date: ExcelDateTime, days: f64) -> String {
    if !date.is_datetime() {
        return date.as_f64().to_string();
    }
    from_serial(date.as_f64() + days).unwrap_or_else(|| {
        let (year, month, day, ..) = date.to_ymd_hms_milli();
        format!("{year:04}-{month:02}-{day:02}")
    })
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "it is the last argument of map_err"
)]
fn damaged(error: XlsxError) -> ImportError {
    match error {
        XlsxError::Password => ImportError::Encrypted,
        _ => ImportError::DamagedWorkbook,
    }
}
