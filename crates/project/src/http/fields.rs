//! Fields that `CreateProject` and `EditProject` share, and their checks.

use events::{Period, PeriodKind, SeriesId};
use serde::Deserialize;
use service_kit::http::describe::PeriodKindName;
use service_kit::http::problem::Text;
use service_kit::http::{Date, Field, Fields};
use service_kit::{Problem, Tx};
use utoipa::ToSchema;

use super::problems::refuse_field;
use crate::period::format_range;
use crate::project::{MAX_NAME_LENGTH, check_period, check_year, is_web_address};
use crate::store::series;

/// When customers can apply.
#[derive(Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct PeriodBody {
    /// By default `range` with both dates, `missing` without any field, else `other`.
    #[serde(default)]
    #[schema(value_type = Option<PeriodKindName>)]
    kind: Field<PeriodKind>,
    /// As written in the announcement.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 200)]
    text: Field<String>,
    /// First day.
    #[serde(default)]
    #[schema(value_type = Option<NaiveDate>)]
    starts_on: Field<Date>,
    /// Last day; it ends at 23:59:59 in Seoul.
    #[serde(default)]
    #[schema(value_type = Option<NaiveDate>)]
    ends_on: Field<Date>,
}

impl PeriodBody {
    pub(super) fn read(self, fields: &mut Fields) -> Period {
        let kind = fields.optional("/period/kind", self.kind);
        let text = fields
            .optional_text("/period/text", self.text, MAX_NAME_LENGTH)
            .unwrap_or_default();
        let starts_on = fields.optional_date("/period/startsOn", self.starts_on);
        let ends_on = fields.optional_date("/period/endsOn", self.ends_on);
        let range = starts_on
            .zip(ends_on)
            .map(|(start, end)| format_range(start, end));
        let default_kind = match range {
            Some(_) => PeriodKind::Range,
            None if text.is_empty() => PeriodKind::Missing,
            None => PeriodKind::Other,
        };
        Period {
            kind: kind.unwrap_or(default_kind),
            text: range.filter(|_| text.is_empty()).unwrap_or(text),
            starts_on,
            ends_on,
        }
    }
}

/// Checks the values that are present.
pub(super) fn check(
    fields: &mut Fields,
    year: Option<i32>,
    period: Option<&Period>,
    scale: Option<i64>,
    link: Option<&str>,
) {
    let year = year.map_or(Ok(()), check_year);
    let period = period.map_or(Ok(()), check_period);
    for refusal in [year, period].into_iter().filter_map(Result::err) {
        refuse_field(fields, refusal);
    }
    if scale.is_some_and(|scale| scale < 0) {
        let message = Text::new("0 이상이어야 합니다", "It must not be negative");
        fields.refuse("/scale", "negative", message);
    }
    if link.is_some_and(|link| !is_web_address(link)) {
        let message = Text::new("http(s) 주소여야 합니다", "It must be an http(s) address");
        fields.refuse("/link", "not-a-link", message);
    }
}

/// Checks that the given series has an edition.
pub(super) async fn check_series(
    tx: &mut Tx,
    series_id: Option<SeriesId>,
    fields: &mut Fields,
) -> Result<(), Problem> {
    if let Some(id) = series_id
        && !series::exists(tx, id).await?
    {
        let message = Text::new("없는 사업 계열입니다", "This series does not exist");
        fields.refuse("/seriesId", "unknown", message);
    }
    Ok(())
}
