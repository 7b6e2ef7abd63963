//! Decides what the tokens of an application period say: its kind, its first day and its last.

use chrono::NaiveDate;
use events::PeriodKind;

use super::dates::FoundDate;
use super::tokens::{Token, joins_range};
use super::words::Word;

/// Kind, first day and last day of a period.
pub(super) type Interpretation = (PeriodKind, Option<NaiveDate>, Option<NaiveDate>);

/// One of the dates is impossible: none is used.
const INVALID: Interpretation = (PeriodKind::Invalid, None, None);

/// The kinds that words give, the most telling first: "상시 접수(예산 소진시까지)" ends with the budget.
const KINDS: [PeriodKind; 7] = [
    PeriodKind::Recurring,
    PeriodKind::UntilBudget,
    PeriodKind::UntilFilled,
    PeriodKind::FirstCome,
    PeriodKind::Varies,
    PeriodKind::AnnouncedLater,
    PeriodKind::Always,
];

pub(super) fn interpret(tokens: &[Token]) -> Interpretation {
    let text = Text { tokens };
    let dates = text.dates();
    if dates.is_empty() {
        return (text.kind(&[]), None, None);
    }
    let items = text.items(&dates);
    // Other dates are those of a result or of a meeting, unless there are no more.
    let has_application = items
        .iter()
        .any(|item| !item.is_other_matter && !matches!(item.says, Says::Nothing));
    let items: Vec<&Item> = items
        .iter()
        .filter(|item| !(has_application && item.is_other_matter))
        .collect();
    let ranges: Vec<(FoundDate, FoundDate)> = items
        .iter()
        .filter_map(|item| match item.says {
            Says::Range(end) => Some((item.date, end)),
            _ => None,
        })
        .collect();
    match (ranges.as_slice(), items.as_slice()) {
        ([], [single]) if single.date.date.is_none() && !single.date.is_no_end => INVALID,
        ([], items) => text.interpret_ends(items),
        (ranges, _) => interpret_ranges(ranges),
    }
}

/// One range, or several (1차, 2차): then from the first day of all to the last.
fn interpret_ranges(ranges: &[(FoundDate, FoundDate)]) -> Interpretation {
    let has_no_end = ranges.iter().any(|(_, end)| end.is_no_end);
    let valid: Option<Vec<(NaiveDate, NaiveDate)>> = ranges
        .iter()
        .map(|(start, end)| {
            let end = if end.is_no_end { start.date } else { end.date };
            start.date.zip(end).filter(|(start, end)| start <= end)
        })
        .collect();
    let Some(valid) = valid else { return INVALID };
    let start = valid.iter().map(|(start, _)| *start).min();
    let end = valid.iter().map(|(_, end)| *end).max();
    match valid.len() {
        _ if has_no_end => (PeriodKind::Always, start, None),
        1 => (PeriodKind::Range, start, end),
        _ => (PeriodKind::Recurring, start, end),
    }
}

/// A date, or two that make a range.
#[derive(Debug)]
struct Item {
    date: FoundDate,
    says: Says,
    is_other_matter: bool,
    /// The place of the token that says it.
    said_by: Option<usize>,
}

#[derive(Debug, Clone, Copy)]
enum Says {
    Nothing,
    Start,
    End,
    /// From the item's date to this one.
    Range(FoundDate),
}

struct Text<'a> {
    tokens: &'a [Token],
}

impl Text<'_> {
    /// Every date and its place.
    fn dates(&self) -> Vec<(usize, FoundDate)> {
        let tokens = self.tokens.iter().enumerate();
        tokens
            .filter_map(|(place, token)| match token {
                Token::Date(date) => Some((place, *date)),
                _ => None,
            })
            .collect()
    }

    fn items(&self, dates: &[(usize, FoundDate)]) -> Vec<Item> {
        let mut items: Vec<Item> = Vec::new();
        let mut rest = dates;
        while let [(place, date), behind @ ..] = rest {
            let is_other_matter = self.is_other_matter(*place);
            let range = behind
                .first()
                .filter(|(next, _)| joins_range(&self.tokens[place + 1..*next]));
            if let Some((_, end)) = range {
                rest = &behind[1..];
                items.push(Item {
                    date: *date,
                    says: Says::Range(*end),
                    is_other_matter,
                    said_by: None,
                });
                continue;
            }
            rest = behind;
            let used = items.last().and_then(|item| item.said_by);
            let (says, said_by) = self.said_of(*place, used);
            items.push(Item {
                date: *date,
                says,
                is_other_matter: is_other_matter || self.is_other_matter_behind(*place),
                said_by,
            });
        }
        items
    }

    /// Whether the words before a date are about something other than the application.
    fn is_other_matter(&self, place: usize) -> bool {
        let before = self.tokens[..place].iter().rev();
        before
            .take_while(|token| !matches!(token, Token::Break | Token::Date(_)))
            .any(|token| matches!(token, Token::Word(Word::OtherMatter)))
    }

    fn is_other_matter_behind(&self, place: usize) -> bool {
        let next = self.next_heavy(place + 1);
        matches!(next, Some((_, Token::Word(Word::OtherMatter))))
    }

    /// The first token from that place on that is not light.
    fn next_heavy(&self, place: usize) -> Option<(usize, Token)> {
        let tokens = self.tokens.iter().copied().enumerate().skip(place);
        tokens.into_iter().find(|(_, token)| !token.is_light())
    }

    /// What the words and signs beside a date say of it, and the place of the one that does. `used`
    /// has said something of the date before.
    fn said_of(&self, place: usize, used: Option<usize>) -> (Says, Option<usize>) {
        let before = self.said_before(place).filter(|(_, by)| Some(*by) != used);
        let behind = self.said_behind(place);
        let said = match (before, behind) {
            // 시작 2026-04-01 마감 2026-04-30: each word is for the date behind it.
            (Some(before), Some((_, by))) if self.is_followed_by_date(by) => Some(before),
            (before, behind) => behind.or(before),
        };
        said.map_or((Says::Nothing, None), |(says, by)| (says, Some(by)))
    }

    fn said_behind(&self, place: usize) -> Option<(Says, usize)> {
        let (by, token) = self.next_heavy(place + 1)?;
        let is_label = || matches!(self.next_heavy(by + 1), Some((_, Token::Colon)));
        let says = match token {
            Token::Tilde | Token::Word(Word::From) => Says::Start,
            Token::Dash if self.is_end_in_words(by + 1) => Says::Start,
            Token::Word(Word::Until) => Says::End,
            Token::Word(Word::Start) if !is_label() => Says::Start,
            Token::Word(Word::End | Word::Filled) if !is_label() => Says::End,
            Token::Word(Word::StartDay) if !is_label() && !self.is_followed_by_date(by) => {
                Says::Start
            }
            Token::Word(Word::EndDay) if !is_label() && !self.is_followed_by_date(by) => Says::End,
            // 2026-04-01 예산 소진시까지.
            Token::Word(Word::Kind(PeriodKind::UntilBudget | PeriodKind::UntilFilled))
                if self.is_until(by + 1) =>
            {
                Says::Start
            }
            _ => return self.until_behind(place),
        };
        Some((says, by))
    }

    /// 2026-04-30 도착분까지: 까지 may follow a word that the list does not know.
    fn until_behind(&self, place: usize) -> Option<(Says, usize)> {
        let is_unknown = |token: &Token| matches!(token, Token::Word(Word::Unknown));
        let tokens = self.tokens.iter().enumerate().skip(place + 1);
        let (by, token) = tokens
            .into_iter()
            .find(|(_, token)| !token.is_light() && !is_unknown(token))?;
        matches!(token, Token::Word(Word::Until)).then_some((Says::End, by))
    }

    fn said_before(&self, place: usize) -> Option<(Says, usize)> {
        let is_skipped = |token: &Token| token.is_light() || matches!(token, Token::Colon);
        let (by, token) = self.tokens[..place]
            .iter()
            .enumerate()
            .rev()
            .find(|(_, token)| !is_skipped(token))?;
        let says = match token {
            Token::Word(Word::Start | Word::StartDay) => Says::Start,
            Token::Tilde | Token::Word(Word::From | Word::End | Word::EndDay | Word::Filled) => {
                Says::End
            }
            // 공고일 - 2026-04-30, but not a bullet before a date.
            Token::Dash if matches!(self.tokens[..by].last(), Some(Token::Word(_))) => Says::End,
            _ => return None,
        };
        Some((says, by))
    }

    fn is_followed_by_date(&self, place: usize) -> bool {
        let mut behind = self.tokens[place + 1..]
            .iter()
            .skip_while(|token| token.is_light() || matches!(token, Token::Colon));
        matches!(behind.next(), Some(Token::Date(_)))
    }

    /// Whether a dash before that place is open: nothing follows it, or the end in words.
    fn is_end_in_words(&self, place: usize) -> bool {
        match self.next_heavy(place) {
            None => true,
            Some((_, token)) => matches!(token, Token::Word(Word::Kind(_) | Word::Filled)),
        }
    }

    fn is_until(&self, place: usize) -> bool {
        let next = self.next_heavy(place);
        matches!(next, Some((_, Token::Word(Word::Until))))
    }

    /// Dates that form no range: each is a first or a last day, or neither.
    fn interpret_ends(&self, items: &[&Item]) -> Interpretation {
        let used: Vec<usize> = items.iter().filter_map(|item| item.said_by).collect();
        let kind = self.kind(&used);
        let said = |wanted: fn(&Says) -> bool| {
            let items = items.iter().filter(move |item| wanted(&item.says));
            items.map(|item| item.date).collect::<Vec<FoundDate>>()
        };
        let starts = said(|says| matches!(says, Says::Start));
        let ends = said(|says| matches!(says, Says::End));
        let has_no_end = ends.iter().any(|end| end.is_no_end);
        let is_impossible = |date: &FoundDate| date.date.is_none() && !date.is_no_end;
        if starts.iter().any(|start| start.date.is_none()) || ends.iter().any(is_impossible) {
            return INVALID;
        }
        let start = starts.iter().filter_map(|start| start.date).min();
        let end = ends.iter().filter_map(|end| end.date).max();
        match (start, end) {
            _ if has_no_end => (PeriodKind::Always, start, None),
            (Some(first), Some(last)) if first > last => (kind, None, None),
            (Some(_), Some(_)) if kind == PeriodKind::Other => match (starts.len(), ends.len()) {
                (1, 1) => (PeriodKind::Range, start, end),
                _ => (PeriodKind::Recurring, start, end),
            },
            _ => (kind, start, end),
        }
    }

    /// The kind that the words give. A word at a `used` place has said something of a date.
    fn kind(&self, used: &[usize]) -> PeriodKind {
        let tokens = self.tokens.iter().enumerate();
        let kinds: Vec<PeriodKind> = tokens
            .filter_map(|(place, token)| match token {
                Token::Word(Word::Kind(kind)) => Some(*kind),
                Token::Word(Word::Filled) if !used.contains(&place) => {
                    Some(PeriodKind::UntilFilled)
                }
                _ => None,
            })
            .collect();
        let found = KINDS.into_iter().find(|kind| kinds.contains(kind));
        found.unwrap_or(PeriodKind::Other)
    }
}
