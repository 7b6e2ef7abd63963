//! A row before its checks, and the checks that all formats share. They are those of manual entry.

use chrono::{Datelike as _, NaiveDate};
use events::{Category, Period, PeriodKind, Region};
use service_kit::http::problem::Text;

use super::row::{Column, Fault, ParsedRow, Portal, Row};
use super::{categories, texts};
use crate::letters::is_unprintable;
use crate::period::Reading;
use crate::project::{
    Details, MAX_NAME_LENGTH, MAX_TEXT_LENGTH, SourceList, check_year, is_web_address,
};
use crate::{period, regions, series};

/// In bytes.
const MAX_ID_LENGTH: usize = 100;

/// A text and the column it is from.
#[derive(Debug, Clone)]
pub(super) struct Cell {
    pub(super) column: Column,
    pub(super) text: String,
}

/// A row before its checks. Its texts are cleaned.
#[derive(Debug)]
pub(super) struct Draft {
    pub(super) portal: Portal,
    pub(super) source_id: Cell,
    pub(super) list: Option<SourceList>,
    pub(super) name: Cell,
    /// 분야 by one of its names. Any other text counts as 기타.
    pub(super) category: String,
    /// Empty if the source does not give any.
    pub(super) regions: Vec<Region>,
    pub(super) target: Cell,
    pub(super) agency: Cell,
    pub(super) host: Cell,
    pub(super) summary: Cell,
    pub(super) link: Cell,
    pub(super) period: Cell,
    pub(super) registered: Cell,
}

/// The list to attribute. A row whose link leads to another site is not from the list's portal.
pub(super) fn attribute(list: SourceList, link: &str, site: &str) -> Option<SourceList> {
    (link.is_empty() || texts::leads_to(link, site)).then_some(list)
}

/// Two columns as one period text. Either may contain words instead of a date.
pub(super) fn join_period(start: &str, end: &str) -> String {
    let is_date = |text: &str| text.starts_with(|letter: char| letter.is_ascii_digit());
    match (start, end) {
        (start, "") if is_date(start) => format!("{start} ~"),
        ("", end) if is_date(end) => format!("~ {end}"),
        (words, "") | ("", words) => words.to_owned(),
        (start, end) => format!("{start} ~ {end}"),
    }
}

impl Draft {
    /// The row that starts on that line, or everything that is wrong with it, on that day in Seoul.
    pub(super) fn check(self, line: u64, today: NaiveDate) -> ParsedRow {
        let mut faults = Faults::default();
        let row = self.into_row(&mut faults, today);
        ParsedRow {
            number: 0,
            line,
            row: row.ok_or(faults.errors),
            warnings: faults.warnings,
        }
    }

    fn into_row(self, faults: &mut Faults, today: NaiveDate) -> Option<Row> {
        let source_id = faults.source_id(&self.source_id);
        let name = faults.required(&self.name, MAX_NAME_LENGTH);
        let target = faults.prose(&self.target);
        let agency = faults.required(&self.agency, MAX_NAME_LENGTH);
        let host = faults.optional(&self.host, MAX_NAME_LENGTH);
        let summary = faults.prose(&self.summary);
        let link = faults.link(&self.link, self.source_id.column == self.link.column);
        let registered_on = period::first_date(&self.registered.text);
        let registered_in = registered_on.map(|date| date.year());
        let announced_in = series::year_of(&self.name.text, registered_in).or(registered_in);
        let reading = faults.period(&self.period, announced_in.unwrap_or_else(|| today.year()));
        let period = reading.period;
        let starts_on = period.starts_on.filter(|_| !reading.year_assumed);
        let given_year = faults.year(&self.name, starts_on.or(registered_on));
        let year = given_year.unwrap_or_else(|| faults.assume_year(&self.name, today));
        let (Some(source_id), Some(name), Some(agency), true) =
            (source_id, name, agency, faults.errors.is_empty())
        else {
            return None;
        };
        let category = categories::of_name(&self.category);
        let has_regions = !self.regions.is_empty();
        let regions = if has_regions {
            self.regions
        } else {
            regions::of_title(&name)
                .or_else(|| Some(vec![regions::of_agency(&agency)?]))
                .unwrap_or_else(|| vec![Region::Nationwide])
        };
        let host = host.filter(|host| !series::is_agency_itself(host));
        Some(Row {
            portal: self.portal,
            source_id,
            list: self.list,
            details: Details {
                name,
                year,
                category: category.unwrap_or(Category::Other),
                regions,
                target,
                scale: None,
                host: host.unwrap_or_else(|| agency.clone()),
                agency,
                summary,
                link,
                period,
            },
            has_category: category.is_some(),
            has_regions,
            has_year: given_year.is_some(),
            registered_on,
        })
    }
}

/// Everything that is wrong with a row.
#[derive(Debug, Default)]
struct Faults {
    errors: Vec<Fault>,
    /// The row can be imported in spite of these.
    warnings: Vec<Fault>,
}

impl Faults {
    fn error(&mut self, cell: &Cell, code: &'static str, message: Text) {
        let column = Some(cell.column.clone());
        self.errors.push(Fault::new(column, code, message));
    }

    fn warn(&mut self, cell: &Cell, code: &'static str, message: Text) {
        let column = Some(cell.column.clone());
        self.warnings.push(Fault::new(column, code, message));
    }

    fn optional(&mut self, cell: &Cell, max_length: usize) -> Option<String> {
        let text = cell.text.trim();
        if let Some((code, message)) = fault_of(text, max_length) {
            self.error(cell, code, message);
        }
        (!text.is_empty()).then(|| text.to_owned())
    }

    fn required(&mut self, cell: &Cell, max_length: usize) -> Option<String> {
        let text = self.optional(cell, max_length);
        if text.is_none() {
            self.error(cell, "required", Text::new("비어 있습니다", "It is empty"));
        }
        text
    }

    /// A text of any length. More than the maximum is cut off, because the portal cannot be
    /// changed.
    fn prose(&mut self, cell: &Cell) -> Option<String> {
        let text = self.optional(cell, usize::MAX)?;
        if text.chars().count() <= MAX_TEXT_LENGTH {
            return Some(text);
        }
        let start = text.chars().take(MAX_TEXT_LENGTH - 1);
        Some(start.chain(['…']).collect())
    }

    /// A text that is too long to be a period is stored and not interpreted. Dates without a year
    /// are of the given one.
    fn period(&mut self, cell: &Cell, year: i32) -> Reading {
        let text = self.prose(cell).unwrap_or_default();
        if text.chars().count() > MAX_NAME_LENGTH {
            let period = Period {
                kind: PeriodKind::Other,
                text,
                starts_on: None,
                ends_on: None,
            };
            return Reading {
                period,
                year_assumed: false,
            };
        }
        let reading = period::parse_in_year(&text, year);
        if reading.year_assumed {
            let message = Text::new(
                format!("신청기간에 연도가 없어 {year}년으로 읽었습니다. 확인해 주세요"),
                format!("The period has no year: {year} is assumed. Check it"),
            );
            self.warn(cell, "year-assumed", message);
        }
        if reading.period.kind == PeriodKind::Invalid {
            let message = Text::new(
                "신청기간에 없는 날짜가 있거나 앞뒤가 바뀌었습니다. 확인해 주세요",
                "A date of the period does not exist, or it ends before it starts. Check it",
            );
            self.warn(cell, "impossible-period", message);
        }
        reading
    }

    fn source_id(&mut self, cell: &Cell) -> Option<String> {
        let id = cell.text.trim();
        let is_id_byte = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
        if id.is_empty() {
            let message = Text::new(
                "공고 번호(pblancId)를 찾을 수 없습니다",
                "It does not contain the id of the announcement",
            );
            self.error(cell, "no-key", message);
            None
        } else if id.len() > MAX_ID_LENGTH || !id.bytes().all(is_id_byte) {
            let message = Text::new(
                "공고 번호가 올바르지 않습니다",
                "The id of the announcement is invalid",
            );
            self.error(cell, "wrong-key", message);
            None
        } else {
            Some(id.to_owned())
        }
    }

    /// An invalid link is left out with a warning. It is an error if the link contains the key.
    fn link(&mut self, cell: &Cell, has_key: bool) -> Option<String> {
        let link = cell.text.trim();
        if link.is_empty() {
            return None;
        }
        let not_a_link = || {
            let message = Text::new("http(s) 주소가 아닙니다", "It is not an http(s) address");
            (!is_web_address(link)).then_some(("not-a-link", message))
        };
        let Some((code, message)) = fault_of(link, MAX_TEXT_LENGTH).or_else(not_a_link) else {
            return Some(link.to_owned());
        };
        let fault = Fault::new(Some(cell.column.clone()), code, message);
        if has_key {
            self.errors.push(fault);
        } else {
            self.warnings.push(fault);
        }
        None
    }

    /// The year of the name, else that of the date.
    fn year(&mut self, name: &Cell, date: Option<NaiveDate>) -> Option<i32> {
        let dated = date.map(|date| date.year());
        let year = series::year_of(&name.text, dated).or(dated)?;
        if check_year(year).is_err() {
            let message = Text::new("연도를 확인해 주세요", "The year is implausible");
            self.error(name, "no-such-year", message);
        }
        Some(year)
    }

    /// The year of the import, for an announcement without any.
    fn assume_year(&mut self, name: &Cell, today: NaiveDate) -> i32 {
        let year = today.year();
        let message = Text::new(
            format!("어디에도 연도가 없어 {year}년으로 넣습니다. 확인해 주세요"),
            format!("There is no year anywhere: {year} is assumed. Check it"),
        );
        self.warn(name, "year-assumed", message);
        year
    }
}

/// What is wrong with a text of at most `max_length` characters.
fn fault_of(text: &str, max_length: usize) -> Option<(&'static str, Text)> {
    let (code, message) = if text.contains('\u{FFFD}') {
        let message = Text::new(
            "읽을 수 없는 글자가 있습니다",
            "It contains unreadable characters",
        );
        ("unreadable-letters", message)
    } else if text.chars().any(is_unprintable) {
        let message = Text::new(
            "사용할 수 없는 문자가 있습니다",
            "It contains a control character",
        );
        ("control-character", message)
    } else if text.chars().count() > max_length {
        let message = Text::new(
            format!("{max_length}자를 넘습니다"),
            format!("It is longer than {max_length} characters"),
        );
        ("too-long", message)
    } else {
        return None;
    };
    Some((code, message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_columns_become_one_period() {
        for (start, end, period) in [
            ("2024-03-26", "2024-04-10", "2024-03-26 ~ 2024-04-10"),
            ("2024-03-26", "", "2024-03-26 ~"),
            ("", "2024-04-10", "~ 2024-04-10"),
            ("예산 소진시까지", "", "예산 소진시까지"),
            (
                "2024-03-26",
                "예산 소진시까지",
                "2024-03-26 ~ 예산 소진시까지",
            ),
            ("", "", ""),
        ] {
            assert_eq!(join_period(start, end), period);
        }
    }
}
