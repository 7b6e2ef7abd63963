//! Reads enums from their text columns.

use std::str::FromStr;

use service_kit::db::decode_enum;
use sqlx::Row as _;
use sqlx::error::BoxDynError;
use sqlx::postgres::PgRow;

pub(super) fn enum_column<T>(row: &PgRow, column: &str) -> Result<T, sqlx::Error>
where
    T: FromStr<Err: Into<BoxDynError>>,
{
    decode_enum(row.try_get::<&str, _>(column)?)
}

pub(super) fn optional_enum_column<T>(row: &PgRow, column: &str) -> Result<Option<T>, sqlx::Error>
where
    T: FromStr<Err: Into<BoxDynError>>,
{
    let text: Option<&str> = row.try_get(column)?;
    text.map(decode_enum).transpose()
}
