//! The columns of the public data portal's list of programmes, as a CSV, a workbook or records
//! with Korean names have them.

use service_kit::forms::text;

use super::cell_date::date_text;
use super::draft::{Cell, Draft, attribute, join_period};
use super::error::ImportError;
use super::record::Record;
use super::row::{Column, Portal};
use super::{bizinfo, texts};
use crate::project::SourceList;

/// The headings that are read, in any order. All must be there. 번호 is not among them: it is the
/// number of a row in this one file.
pub(super) const HEADINGS: [&str; 8] = [
    "분야",
    "사업명",
    "신청시작일자",
    "신청종료일자",
    "소관기관",
    "수행기관",
    "등록일자",
    "상세URL",
];

/// Lines above the headings, such as a title, that are skipped.
pub(super) const MAX_LINES_ABOVE: usize = 20;

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

/// The position of each heading in a line.
pub(super) type Columns = [usize; HEADINGS.len()];

/// Whether a text contains one of the headings, however it is composed.
pub(super) fn contains_heading(line: &str) -> bool {
    let line = text::clean(line);
    HEADINGS.iter().any(|heading| line.contains(heading))
}

/// The columns of a line of headings.
///
/// # Errors
/// [`ImportError::NoHeader`] for a line without any, [`ImportError::MissingColumns`] for one
/// without some.
pub(super) fn find_columns(fields: &[impl AsRef<str>]) -> Result<Columns, ImportError> {
    let found: Vec<String> = fields
        .iter()
        .map(|field| text::clean(field.as_ref()).split_whitespace().collect())
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
    Ok(columns.map(Option::unwrap_or_default))
}

/// The draft of a line of a table, whose cells are in the order of [`HEADINGS`].
pub(super) fn draft_of_line(cells: [&str; HEADINGS.len()], columns: &Columns) -> Draft {
    draft(
        |heading| cells[heading as usize].to_owned(),
        |heading| Some(columns[heading as usize] + 1),
    )
}

/// Whether a record has the names of the columns.
pub(super) fn has_columns(record: &Record) -> bool {
    [Heading::Name, Heading::Link]
        .into_iter()
        .all(|heading| record.has(HEADINGS[heading as usize]))
}

/// The draft of a record whose names are those of the columns.
pub(super) fn draft_of_record(record: &Record) -> Draft {
    draft(|heading| record.text(HEADINGS[heading as usize]), |_| None)
}

fn draft(raw: impl Fn(Heading) -> String, number: impl Fn(Heading) -> Option<usize>) -> Draft {
    let cell = |heading: Heading, text: String| Cell {
        column: Column {
            name: HEADINGS[heading as usize].to_owned(),
            number: number(heading),
        },
        text,
    };
    let line = |heading: Heading| cell(heading, texts::line(&raw(heading)));
    let date = |heading: Heading| date_text(&line(heading).text);
    let absent = || cell(Heading::Name, String::new());
    let link = texts::link(&raw(Heading::Link), bizinfo::HOST);
    let source_id = texts::parameter(&link, bizinfo::KEY).unwrap_or_default();
    let period = join_period(&date(Heading::Start), &date(Heading::End));
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
        registered: cell(Heading::Registered, date(Heading::Registered)),
    }
}
