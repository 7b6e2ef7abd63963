//! Errors of the database as problems.

use crate::db;
use crate::http::problem::{Problem, Text, invalid_query};

/// `datetime_field_overflow`.
const OVERFLOW: &str = "22008";

/// `character_not_in_repertoire`.
const UNSTORABLE: &str = "22021";

/// `query_canceled`.
const STATEMENT_TIMEOUT: &str = "57014";

impl From<sqlx::Error> for Problem {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            // Only a date from a query or a forged cursor can be out of Postgres' range.
            sqlx::Error::Database(database) if database.code().as_deref() == Some(OVERFLOW) => {
                invalid_query(Text::new(
                    "날짜가 너무 이르거나 너무 늦습니다",
                    "A date is out of range",
                ))
            }
            // Only a text from there can contain NUL: those of bodies are checked.
            sqlx::Error::Database(database) if database.code().as_deref() == Some(UNSTORABLE) => {
                invalid_query(Text::new(
                    "쓸 수 없는 문자가 있습니다. 빼고 다시 시도해 주세요",
                    "It contains a character that no text can have. Leave it out",
                ))
            }
            sqlx::Error::Database(database)
                if database.code().as_deref() == Some(STATEMENT_TIMEOUT) =>
            {
                Self::unavailable(error).detail(Text::new(
                    "시간이 너무 오래 걸려 멈추었습니다. 조건을 좁혀 다시 시도해 주세요",
                    "It took too long. Try again with narrower conditions",
                ))
            }
            _ if db::is_transient(&error) => Self::unavailable(error),
            _ => Self::internal(error),
        }
    }
}
