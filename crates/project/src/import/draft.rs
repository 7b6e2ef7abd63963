//! What a source says of one programme, and the checks that all sources share. They are those of what staff enter by hand.

use chrono::{Datelike as _, NaiveDate};
use events::{Category, Period, Region};
use service_kit::problem::Text;

use super::{Column, Fault, Portal, Row};
use crate::project::{LONGEST_NAME, LONGEST_TEXT};
use crate::{period, project, regions, series};

/// The longest id of a portal.
const LONGEST_ID: usize = 100;

/// A text, and where it is from.
#[derive(Debug, Clone)]
pub(super) struct Cell {
    pub(super) column: Column,
    pub(super) text: String,
}

/// A row before it is checked; its texts are clean.
#[derive(Debug)]
pub(super) struct Draft {
    pub(super) portal: Portal,
    pub(super) source_id: Cell,
    pub(super) name: Cell,
    /// 분야 as it is called in the product; anything else is 기타.
    pub(super) category: String,
    /// What the source says itself; empty where it says nothing.
    pub(super) regions: Vec<Region>,
    pub(super) target: Cell,
    pub(super) agency: Cell,
    pub(super) host: Cell,
    pub(super) summary: Cell,
    pub(super) link: Cell,
    pub(super) period: Cell,
    pub(super) registered: Cell,
}

/// Collects what is wrong with a row, all of it.
#[derive(Debug, Default)]
struct Faults(Vec<Fault>);

impl Faults {
    fn add(&mut self, cell: &Cell, code: &'static str, message: Text) {
        self.0.push(Fault { column: Some(cell.column.clone()), code, message });
    }

    /// A text that may be absent, of at most `longest` characters.
    fn optional(&mut self, cell: &Cell, longest: usize) -> Option<String> {
        let text = cell.text.trim();
        if text.contains('\u{FFFD}') {
            let message = Text::new("읽을 수 없는 글자가 있습니다", "It holds letters that cannot be read");
            self.add(cell, "unreadable-letters", message);
        } else if text.chars().any(|letter| letter.is_control() && !matches!(letter, '\n' | '\t')) {
            self.add(cell, "control-character", Text::new("사용할 수 없는 문자가 있습니다", "It holds a control character"));
        } else if text.chars().count() > longest {
            let message = Text::new(format!("{longest}자를 넘습니다"), format!("It is longer than {longest} characters"));
            self.add(cell, "too-long", message);
        }
        (!text.is_empty()).then(|| text.to_owned())
    }

    fn required(&mut self, cell: &Cell, longest: usize) -> Option<String> {
        let text = self.optional(cell, longest);
        if text.is_none() {
            self.add(cell, "required", Text::new("비어 있습니다", "It is empty"));
        }
        text
    }

    fn source_id(&mut self, cell: &Cell) -> Option<String> {
        let id = cell.text.trim();
        let is_id = id.len() <= LONGEST_ID && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
        if id.is_empty() {
            self.add(
                cell,
                "no-key",
                Text::new("공고 번호(pblancId)를 찾을 수 없습니다", "There is no id of the announcement in it"),
            );
        } else if !is_id {
            self.add(cell, "wrong-key", Text::new("공고 번호가 올바르지 않습니다", "The id of the announcement cannot be one"));
        }
        (is_id && !id.is_empty()).then(|| id.to_owned())
    }

    fn link(&mut self, cell: &Cell) -> Option<String> {
        let link = self.optional(cell, LONGEST_TEXT)?;
        if !(link.starts_with("https://") || link.starts_with("http://")) {
            self.add(cell, "not-a-link", Text::new("http(s) 주소가 아닙니다", "It is no http(s) address"));
        }
        Some(link)
    }

    /// Of the name, else of the period's first day, else of the day it was registered.
    fn year(&mut self, draft: &Draft, period: &Period, registered_on: Option<NaiveDate>) -> Option<i32> {
        let dated = period.starts_on.or(registered_on).map(|date| date.year());
        let year = series::year_of(&draft.name.text, dated).or(dated);
        match year {
            None => {
                let message = Text::new(
                    "사업명, 신청기간, 등록일자 어디에도 연도가 없습니다",
                    "Neither name, nor period, nor date of registration tells a year",
                );
                self.add(&draft.name, "no-year", message);
            }
            Some(year) if project::check_year(year).is_err() => {
                self.add(&draft.name, "no-such-year", Text::new("연도를 확인해 주세요", "The year must be a typing error"));
            }
            Some(_) => {}
        }
        year
    }
}

impl Draft {
    /// The row, if everything in it is right.
    ///
    /// # Errors
    /// All that is wrong.
    pub(super) fn check(self) -> Result<Row, Vec<Fault>> {
        let mut faults = Faults::default();
        let source_id = faults.source_id(&self.source_id);
        let name = faults.required(&self.name, LONGEST_NAME);
        let target = faults.optional(&self.target, LONGEST_TEXT);
        let agency = faults.required(&self.agency, LONGEST_NAME);
        let host = faults.optional(&self.host, LONGEST_NAME);
        let summary = faults.optional(&self.summary, LONGEST_TEXT);
        let link = faults.link(&self.link);
        faults.optional(&self.period, LONGEST_NAME);
        let period = period::read(&self.period.text);
        let registered_on = period::first_date(&self.registered.text);
        let year = faults.year(&self, &period, registered_on);
        let regions_told = !self.regions.is_empty();
        let (Some(source_id), Some(name), Some(agency), Some(year), true) = (source_id, name, agency, year, faults.0.is_empty())
        else {
            return Err(faults.0);
        };
        let category = Category::ALL.into_iter().find(|category| category.as_str() == self.category.trim());
        let suggested = || regions::of_title(&name).or_else(|| Some(vec![regions::of_agency(&agency)?]));
        let regions = if regions_told { self.regions } else { suggested().unwrap_or_else(|| vec![Region::Nationwide]) };
        Ok(Row {
            portal: self.portal,
            source_id,
            year,
            category: category.unwrap_or(Category::Other),
            category_told: category.is_some(),
            regions,
            regions_told,
            target,
            // 직접수행: the agency does it itself.
            host: host.filter(|host| host != "직접수행").unwrap_or_else(|| agency.clone()),
            agency,
            summary,
            link,
            period,
            registered_on,
            name,
        })
    }
}

/// Both columns as one text. Either may hold words instead of a date.
pub(super) fn joined(start: &str, end: &str) -> String {
    let is_date = |text: &str| text.starts_with(|letter: char| letter.is_ascii_digit());
    match (start, end) {
        ("", "") => String::new(),
        (start, "") if is_date(start) => format!("{start} ~"),
        ("", end) if is_date(end) => format!("~ {end}"),
        (words, "") | ("", words) => words.to_owned(),
        (start, end) => format!("{start} ~ {end}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_columns_are_one_period() {
        assert_eq!(joined("2024-03-26", "2024-04-10"), "2024-03-26 ~ 2024-04-10");
        assert_eq!(joined("2024-03-26", ""), "2024-03-26 ~");
        assert_eq!(joined("", "2024-04-10"), "~ 2024-04-10");
        assert_eq!(joined("예산 소진시까지", ""), "예산 소진시까지");
        assert_eq!(joined("2024-03-26", "예산 소진시까지"), "2024-03-26 ~ 예산 소진시까지");
        assert_eq!(joined("", ""), "");
    }
}
