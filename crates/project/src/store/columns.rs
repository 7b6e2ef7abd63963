//! Reads enums and regions from their columns.

use std::str::FromStr;

use events::{Region, WrittenRegions};
use service_kit::db::decode_enum;
use sqlx::Row as _;
use sqlx::error::BoxDynError;
use sqlx::postgres::PgRow;
use sqlx::types::Json;

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

/// The regions in the columns `regions` and `region_names`.
pub(super) fn regions_columns(row: &PgRow) -> Result<Vec<Region>, sqlx::Error> {
    let names: Option<Json<Vec<String>>> = row.try_get("region_names")?;
    let written = WrittenRegions {
        regions: row.try_get::<Json<_>, _>("regions")?.0,
        region_names: names.map(|names| names.0),
    };
    Ok(written.into())
}
