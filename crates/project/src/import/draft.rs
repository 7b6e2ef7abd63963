//! What a source says of one programme, and the checks that all sources share. They are those of what staff enter by hand.

use chrono::{Datelike as _, NaiveDate};
use events::{Category, Period, PeriodKind, Region};
use service_kit::http::problem::Text;

use super::{Column, Fault, Line, Portal, Row};
use crate::letters::is_unprintable;
use crate::project::{LONGEST_NAME, LONGEST_TEXT, List};
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
    /// The list, where its link leads to the list's own site.
    pub(super) list: Option<List>,
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
struct Faults {
    /// It cannot be imported for these.
    errors: Vec<Fault>,
    /// It can be in spite of these.
    warnings: Vec<Fault>,
}

/// What is wrong with a text of at most `longest` characters.
fn wrong_with(text: &str, longest: usize) -> Option<(&'static str, Text)> {
    if text.contains('\u{FFFD}') {
        Some((
            "unreadable-letters",
            Text::new(
                "읽을 수 없는 글자가 있습니다",
                "It holds letters that cannot be read",
            ),
        ))
    } else if text.chars().any(is_unprintable) {
        Some((
            "control-character",
            Text::new(
                "사용할 수 없는 문자가 있습니다",
                "It holds a control character",
            ),
        ))
    } else if text.chars().count() > longest {
        let message = Text::new(
            format!("{longest}자를 넘습니다"),
            format!("It is longer than {longest} characters"),
        );
        Some(("too-long", message))
    } else {
        None
    }
}

/// What is longer than any text may be is cut, and says so: nobody can make the portal write less.
fn cut(text: String) -> String {
    if text.chars().count() <= LONGEST_TEXT {
        return text;
    }
    text.chars().take(LONGEST_TEXT - 1).chain(['…']).collect()
}

impl Faults {
    fn add(&mut self, cell: &Cell, code: &'static str, message: Text) {
        self.errors.push(Fault {
            column: Some(cell.column.clone()),
            code,
            message,
        });
    }

    /// A text that may be absent, of at most `longest` characters.
    fn optional(&mut self, cell: &Cell, longest: usize) -> Option<String> {
        let text = cell.text.trim();
        if let Some((code, message)) = wrong_with(text, longest) {
            self.add(cell, code, message);
        }
        (!text.is_empty()).then(|| text.to_owned())
    }

    /// A text of any length, of which the beginning is kept.
    fn prose(&mut self, cell: &Cell) -> Option<String> {
        self.optional(cell, usize::MAX).map(cut)
    }

    /// A period too long to be one that anybody knows is kept as it is written, and not understood.
    fn period(&mut self, cell: &Cell) -> Period {
        match self.prose(cell) {
            Some(text) if text.chars().count() > LONGEST_NAME => Period {
                kind: PeriodKind::Other,
                text,
                starts_on: None,
                ends_on: None,
            },
            text => period::read(&text.unwrap_or_default()),
        }
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
        let is_id = id.len() <= LONGEST_ID
            && id
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
        if id.is_empty() {
            self.add(
                cell,
                "no-key",
                Text::new(
                    "공고 번호(pblancId)를 찾을 수 없습니다",
                    "There is no id of the announcement in it",
                ),
            );
        } else if !is_id {
            self.add(
                cell,
                "wrong-key",
                Text::new(
                    "공고 번호가 올바르지 않습니다",
                    "The id of the announcement cannot be one",
                ),
            );
        }
        (is_id && !id.is_empty()).then(|| id.to_owned())
    }

    /// A link that is none is left out, unless the key was in it: then nobody knows what it was.
    fn link(&mut self, cell: &Cell, holds_key: bool) -> Option<String> {
        let link = cell.text.trim();
        let is_none = || {
            Some((
                "not-a-link",
                Text::new("http(s) 주소가 아닙니다", "It is no http(s) address"),
            ))
        };
        let wrong = wrong_with(link, LONGEST_TEXT)
            .or_else(|| is_none().filter(|_| !project::is_web_address(link)));
        match wrong {
            _ if link.is_empty() => None,
            None => Some(link.to_owned()),
            Some((code, message)) => {
                let list = if holds_key {
                    &mut self.errors
                } else {
                    &mut self.warnings
                };
                list.push(Fault {
                    column: Some(cell.column.clone()),
                    code,
                    message,
                });
                None
            }
        }
    }

    /// Of the name, else of the period's first day, else of the day it was registered.
    fn year(
        &mut self,
        draft: &Draft,
        period: &Period,
        registered_on: Option<NaiveDate>,
    ) -> Option<i32> {
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
                self.add(
                    &draft.name,
                    "no-such-year",
                    Text::new("연도를 확인해 주세요", "The year must be a typing error"),
                );
            }
            Some(_) => {}
        }
        year
    }
}

/// A row that was checked.
#[derive(Debug)]
pub(super) struct Checked {
    /// The row, or all that is wrong with it.
    pub(super) read: Result<Row, Vec<Fault>>,
    /// What may be wrong with it, although it can be imported.
    pub(super) warnings: Vec<Fault>,
}

impl Checked {
    /// What is no row at all.
    pub(super) fn error(column: Option<Column>, code: &'static str, message: Text) -> Self {
        Self {
            read: Err(vec![Fault {
                column,
                code,
                message,
            }]),
            warnings: Vec::new(),
        }
    }

    /// The line that it is, on that line of the file. Its number is that of the row, which the reader counts.
    pub(super) fn on(self, line: u64) -> Line {
        Line {
            number: 0,
            line,
            read: self.read,
            warnings: self.warnings,
        }
    }
}

impl Draft {
    /// The row, if everything in it is right, or all that is wrong.
    pub(super) fn check(self) -> Checked {
        let mut faults = Faults::default();
        let read = self.checked(&mut faults);
        Checked {
            read: read.ok_or(faults.errors),
            warnings: faults.warnings,
        }
    }

    fn checked(self, faults: &mut Faults) -> Option<Row> {
        let source_id = faults.source_id(&self.source_id);
        let name = faults.required(&self.name, LONGEST_NAME);
        let target = faults.prose(&self.target);
        let agency = faults.required(&self.agency, LONGEST_NAME);
        let host = faults.optional(&self.host, LONGEST_NAME);
        let summary = faults.prose(&self.summary);
        let link = faults.link(&self.link, self.source_id.column == self.link.column);
        let period = faults.period(&self.period);
        let registered_on = period::first_date(&self.registered.text);
        let year = faults.year(&self, &period, registered_on);
        let regions_told = !self.regions.is_empty();
        let (Some(source_id), Some(name), Some(agency), Some(year), true) =
            (source_id, name, agency, year, faults.errors.is_empty())
        else {
            return None;
        };
        let category = Category::ALL
            .into_iter()
            .find(|category| category.as_str() == self.category.trim());
        let suggested =
            || regions::of_title(&name).or_else(|| Some(vec![regions::of_agency(&agency)?]));
        let regions = if regions_told {
            self.regions
        } else {
            suggested().unwrap_or_else(|| vec![Region::Nationwide])
        };
        Some(Row {
            portal: self.portal,
            source_id,
            list: self.list,
            year,
            category: category.unwrap_or(Category::Other),
            category_told: category.is_some(),
            regions,
            regions_told,
            target,
            host: host
                .filter(|host| !series::names_nobody(host))
                .unwrap_or_else(|| agency.clone()),
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
        assert_eq!(
            joined("2024-03-26", "2024-04-10"),
            "2024-03-26 ~ 2024-04-10"
        );
        assert_eq!(joined("2024-03-26", ""), "2024-03-26 ~");
        assert_eq!(joined("", "2024-04-10"), "~ 2024-04-10");
        assert_eq!(joined("예산 소진시까지", ""), "예산 소진시까지");
        assert_eq!(
            joined("2024-03-26", "예산 소진시까지"),
            "2024-03-26 ~ 예산 소진시까지"
        );
        assert_eq!(joined("", ""), "");
    }
}
