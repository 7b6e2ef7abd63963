//! Reads enums from their text columns.

use serde::de::DeserializeOwned;
use serde::de::value::{Error, StrDeserializer};
use sqlx::Row as _;
use sqlx::postgres::PgRow;

pub(super) fn enum_column<T: DeserializeOwned>(
    row: &PgRow,
    column: &str,
) -> Result<T, sqlx::Error> {
    decode_enum(row.try_get(column)?)
}

pub(super) fn optional_enum_column<T: DeserializeOwned>(
    row: &PgRow,
    column: &str,
) -> Result<Option<T>, sqlx::Error> {
    let text: Option<&str> = row.try_get(column)?;
    text.map(decode_enum).transpose()
}

fn decode_enum<T: DeserializeOwned>(text: &str) -> Result<T, sqlx::Error> {
    let decoded: Result<T, Error> = T::deserialize(StrDeserializer::new(text));
    decoded.map_err(|error| sqlx::Error::Decode(error.into()))
}
