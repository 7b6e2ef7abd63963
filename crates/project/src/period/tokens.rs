//! Divides the text of an application period into tokens with a meaning. Works on normalized
//! characters.

use super::dates::{FoundDate, WEEKDAYS, YEARS, date_at, date_without_year_at, end_of_range_at};
use super::words::{Word, Words, end_of_run, is_syllable};
use crate::letters::{end_of_digits, has_word_at, parse_number, skip_blanks};

#[derive(Debug, Clone, Copy)]
pub(super) enum Token {
    Date(FoundDate),
    /// A time of day, or two of them: 09:00 ~ 18:00.
    Time,
    Weekday,
    /// A year without a month: 2026년.
    Year(i32),
    /// Any other number.
    Number,
    /// From one date to another: ~ →.
    Tilde,
    /// The same, or a bullet, or a pause: - –.
    Dash,
    Colon,
    Bracket,
    /// What is behind it is about something else: a comma.
    Break,
    Word(Word),
}

impl Token {
    /// Whether it may stand between a date and the word or sign that belongs to the date.
    pub(super) fn is_light(&self) -> bool {
        matches!(
            self,
            Self::Time | Self::Weekday | Self::Bracket | Self::Word(Word::Neutral | Word::Ending)
        )
    }
}

/// Whether the tokens between two dates make them a range.
pub(super) fn joins_range(between: &[Token]) -> bool {
    let is_sign =
        |token: &Token| matches!(token, Token::Tilde | Token::Dash | Token::Word(Word::From));
    let Some(place) = between.iter().position(is_sign) else {
        return false;
    };
    let (before, after) = (&between[..place], &between[place + 1..]);
    let belongs_to_date = |token: &Token| {
        let is_part = |word: Word| matches!(word, Word::Start | Word::End | Word::From);
        token.is_light() || matches!(token, Token::Word(word) if is_part(*word))
    };
    let is_other = |token: &Token| {
        matches!(
            token,
            Token::Break | Token::Word(Word::Kind(_) | Word::OtherMatter)
        )
    };
    match between[place] {
        Token::Tilde => {
            // A dot may follow the weekday or the time.
            let is_dotted = |token: &Token| {
                use Token::{Bracket, Break, Time, Weekday};
                matches!(token, Bracket | Break | Time | Weekday)
            };
            let is_in_clause = !before.iter().any(|token| matches!(token, Token::Break))
                || before.iter().all(is_dotted);
            is_in_clause && !after.iter().any(is_other)
        }
        Token::Dash => before.iter().chain(after).all(belongs_to_date),
        _ => before.iter().all(belongs_to_date) && !after.iter().any(is_other),
    }
}

/// The tokens of a text. With a year, dates without one are of that year.
pub(super) fn tokens(letters: &[char], year: Option<i32>) -> Vec<Token> {
    let mut reader = Reader {
        letters,
        words: Words::new(letters),
        year,
        tokens: Vec::new(),
    };
    let mut at = 0;
    while at < letters.len() {
        at = reader.read(at);
    }
    reader.tokens
}

struct Reader<'a> {
    letters: &'a [char],
    words: Words<'a>,
    year: Option<i32>,
    tokens: Vec<Token>,
}

impl Reader<'_> {
    /// Reads what is at that position, and returns where it ends.
    fn read(&mut self, at: usize) -> usize {
        let letter = self.letters[at];
        if letter.is_ascii_digit() {
            return self.read_number(at);
        }
        if is_syllable(Some(&letter)) {
            return self.read_run(at);
        }
        let token = match letter {
            ' ' | '\'' | '"' | '“' | '”' | '·' | '+' => return at + 1,
            '~' | '→' | '⇒' => Token::Tilde,
            '-' => Token::Dash,
            ':' => Token::Colon,
            '(' | ')' | '[' | ']' | '<' | '>' | '{' | '}' | '「' | '」' => Token::Bracket,
            // 2026-04-01T18:00.
            'T' if matches!(self.tokens.last(), Some(Token::Date(date)) if date.end == at) => {
                return at + 1;
            }
            _ if letter.is_alphanumeric() => Token::Word(Word::Unknown),
            _ => Token::Break,
        };
        self.tokens.push(token);
        at + 1
    }

    fn read_number(&mut self, at: usize) -> usize {
        if let Some(end) = end_of_time(self.letters, at) {
            self.push_time(Token::Time);
            return end;
        }
        let found = date_at(self.letters, at)
            .or_else(|| self.end_of_range(at))
            .or_else(|| date_without_year_at(self.letters, at, self.year?));
        if let Some(date) = found {
            self.tokens.push(Token::Date(date));
            return date.end;
        }
        let end = end_of_digits(self.letters, at);
        let year = parse_number(&self.letters[at..end])
            .and_then(|year| i32::try_from(year).ok())
            .filter(|year| YEARS.contains(year) && self.letters.get(end) == Some(&'년'));
        if let Some(year) = year {
            self.tokens.push(Token::Year(year));
            end + 1
        } else {
            self.tokens.push(Token::Number);
            end
        }
    }

    fn end_of_range(&self, at: usize) -> Option<FoundDate> {
        let place = self.last_date()?;
        let Token::Date(start) = self.tokens[place] else {
            return None;
        };
        let is_joined = joins_range(&self.tokens[place + 1..]);
        end_of_range_at(self.letters, at, start.date.filter(|_| is_joined)?)
    }

    fn last_date(&self) -> Option<usize> {
        let is_date = |token: &Token| matches!(token, Token::Date(_));
        self.tokens.iter().rposition(is_date)
    }

    fn read_run(&mut self, at: usize) -> usize {
        let end = end_of_run(self.letters, at);
        let run = &self.letters[at..end];
        let is_weekday = match run {
            [day] => WEEKDAYS.contains(day) && self.follows_date(),
            [day, '요', '일'] => WEEKDAYS.contains(day),
            _ => false,
        };
        if is_weekday {
            self.push_time(Token::Weekday);
            return end;
        }
        let mut at = at;
        for (word, end) in self.words.divide(at) {
            self.tokens.push(Token::Word(word));
            at = end;
        }
        at
    }

    fn follows_date(&self) -> bool {
        let before = self.tokens.iter().rev();
        let mut before = before.skip_while(|token| matches!(token, Token::Bracket));
        matches!(before.next(), Some(Token::Date(_)))
    }

    /// Pushes a time or a weekday. A comma before it separates it from its date only, and a sign
    /// between two times is no sign between dates.
    fn push_time(&mut self, token: Token) {
        use Token::{Break, Dash, Date, Tilde, Time, Weekday};
        match self.tokens[..] {
            [.., Date(_) | Weekday, Break] => {
                self.tokens.pop();
            }
            [.., Time, Tilde | Dash] if matches!(token, Time) => {
                self.tokens.pop();
            }
            _ => {}
        }
        self.tokens.push(token);
    }
}

/// Where a time ends that starts at that position: 18:00, 18:00:00, 18시, 18시 30분. Not a
/// duration (2시간).
fn end_of_time(letters: &[char], at: usize) -> Option<usize> {
    let end = end_of_digits(letters, at);
    if end - at > 2 {
        return None;
    }
    if letters.get(end) == Some(&':') {
        let mut last = end;
        while letters.get(last) == Some(&':') && end_of_digits(letters, last + 1) == last + 3 {
            last += 3;
        }
        // 23:59:59.0.
        let fraction = match letters.get(last) {
            Some('.') => end_of_digits(letters, last + 1),
            _ => 0,
        };
        let last = if fraction > last + 1 { fraction } else { last };
        return (last > end).then_some(last);
    }
    let is_hour = letters.get(end) == Some(&'시')
        && !["간", "작", "군", "도"]
            .iter()
            .any(|word| has_word_at(letters, end + 1, word));
    if !is_hour {
        return None;
    }
    let minutes = skip_blanks(letters, end + 1);
    let minutes_end = end_of_digits(letters, minutes);
    let has_minutes = minutes_end > minutes && letters.get(minutes_end) == Some(&'분');
    Some(if has_minutes {
        minutes_end + 1
    } else {
        end + 1
    })
}
