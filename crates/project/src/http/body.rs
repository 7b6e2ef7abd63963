//! What staff send about a project, read so that everything that is wrong with it is told at once.

use axum::body::Body;
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderValue, header};
use chrono::NaiveDate;
use events::{Category, Period, PeriodKind, ProjectId, Region, SeriesId};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use service_kit::Problem;
use service_kit::http::body::read_body;
use service_kit::http::describe::{CategoryName, PeriodKindName, RegionName};
use service_kit::http::problem::Text;
use service_kit::http::{BODY_LIMIT, Field, Fields, Json};
use utoipa::ToSchema;

use super::note;
use crate::project::{self, EditProject, LONGEST_NAME, LONGEST_TEXT, Patch};

/// What staff enter.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CreateProject {
    /// Its name as announced.
    #[serde(default)]
    #[schema(value_type = String, max_length = 200)]
    name: Field<String>,
    /// The edition's year.
    #[serde(default)]
    #[schema(value_type = i32, minimum = 1990, maximum = 2100)]
    year: Field<i32>,
    /// 분야.
    #[serde(default)]
    #[schema(value_type = CategoryName)]
    category: Field<Category>,
    /// 시도; none means 전국.
    #[serde(default)]
    #[schema(value_type = Option<Vec<RegionName>>)]
    regions: Field<Vec<Region>>,
    /// 지원대상.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 4000)]
    target: Field<String>,
    /// 지원규모, in KRW.
    #[serde(default)]
    #[schema(value_type = Option<i64>, minimum = 0)]
    scale: Field<i64>,
    /// 소관기관.
    #[serde(default)]
    #[schema(value_type = String, max_length = 200)]
    agency: Field<String>,
    /// 수행기관; the agency unless given.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 200)]
    host: Field<String>,
    /// What it is about.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 4000)]
    summary: Field<String>,
    /// Where it was announced: an http(s) address.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 4000)]
    link: Field<String>,
    /// When one can apply.
    #[serde(default)]
    #[schema(value_type = Option<PeriodBody>)]
    period: Field<PeriodBody>,
    /// The programme of an earlier edition. Unless given, it is that of editions with the same agency and host and the same name but for
    /// year, 차수 and the like, or else a new one.
    #[serde(default)]
    #[schema(value_type = Option<Uuid>)]
    series_id: Field<SeriesId>,
}

/// What staff entered, and nothing is wrong with it.
pub(super) struct Entered {
    pub(super) name: String,
    pub(super) year: i32,
    pub(super) category: Category,
    pub(super) regions: Vec<Region>,
    pub(super) target: Option<String>,
    pub(super) scale: Option<i64>,
    pub(super) agency: String,
    pub(super) host: String,
    pub(super) summary: Option<String>,
    pub(super) link: Option<String>,
    pub(super) period: Period,
}

impl CreateProject {
    /// The series that was chosen, so that the caller can look whether it exists before anything is refused.
    pub(super) fn take_series(&mut self, fields: &mut Fields) -> Option<SeriesId> {
        fields.optional("/seriesId", std::mem::take(&mut self.series_id))
    }

    pub(super) fn read(self, mut fields: Fields) -> Result<Entered, Problem> {
        let name = fields.text("/name", self.name, LONGEST_NAME);
        let year = fields.required("/year", self.year);
        let category = fields.required("/category", self.category);
        let regions = fields
            .optional("/regions", self.regions)
            .unwrap_or_default();
        let target = fields
            .optional_text("/target", self.target, LONGEST_TEXT)
            .filter(|text| !text.is_empty());
        let scale = fields.optional("/scale", self.scale);
        let agency = fields.text("/agency", self.agency, LONGEST_NAME);
        let host = fields
            .optional_text("/host", self.host, LONGEST_NAME)
            .filter(|text| !text.is_empty());
        let summary = fields
            .optional_text("/summary", self.summary, LONGEST_TEXT)
            .filter(|text| !text.is_empty());
        let link = fields
            .optional_text("/link", self.link, LONGEST_TEXT)
            .filter(|text| !text.is_empty());
        let period = fields
            .optional("/period", self.period)
            .unwrap_or_default()
            .read(&mut fields);
        check(&mut fields, year, Some(&period), scale, link.as_deref());
        let (Some(name), Some(year), Some(category), Some(agency), true) =
            (name, year, category, agency, fields.is_valid())
        else {
            return Err(fields.problem());
        };
        let host = host.unwrap_or_else(|| agency.clone());
        Ok(Entered {
            name,
            year,
            category,
            regions,
            target,
            scale,
            agency,
            host,
            summary,
            link,
            period,
        })
    }
}

/// What is checked of fields that can be read, whether they are new or others now.
fn check(
    fields: &mut Fields,
    year: Option<i32>,
    period: Option<&Period>,
    scale: Option<i64>,
    link: Option<&str>,
) {
    for refused in [
        year.map_or(Ok(()), project::check_year),
        period.map_or(Ok(()), project::check_period),
    ] {
        if let Err(refusal) = refused {
            note(fields, refusal);
        }
    }
    if scale.is_some_and(|scale| scale < 0) {
        fields.refuse(
            "/scale",
            "negative",
            Text::new("0 이상이어야 합니다", "It is less than 0"),
        );
    }
    if link.is_some_and(|link| !project::is_web_address(link)) {
        let message = Text::new("http(s) 주소여야 합니다", "It must be an http(s) address");
        fields.refuse("/link", "not-a-link", message);
    }
}

/// When one can apply.
#[derive(Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PeriodBody {
    /// `range` when both dates are there, `missing` when nothing is, `other` unless given.
    #[serde(default)]
    #[schema(value_type = Option<PeriodKindName>)]
    kind: Field<PeriodKind>,
    /// As it is written in the announcement.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 200)]
    text: Field<String>,
    /// First day.
    #[serde(default)]
    #[schema(value_type = Option<NaiveDate>)]
    starts_on: Field<NaiveDate>,
    /// Last day; it ends at 23:59:59 in Seoul.
    #[serde(default)]
    #[schema(value_type = Option<NaiveDate>)]
    ends_on: Field<NaiveDate>,
}

impl PeriodBody {
    fn read(self, fields: &mut Fields) -> Period {
        let kind = fields.optional("/period/kind", self.kind);
        let text = fields
            .optional_text("/period/text", self.text, LONGEST_NAME)
            .unwrap_or_default();
        let starts_on = fields.optional("/period/startsOn", self.starts_on);
        let ends_on = fields.optional("/period/endsOn", self.ends_on);
        let written = match (starts_on, ends_on) {
            (Some(start), Some(end)) => project::written(start, end),
            _ => String::new(),
        };
        let obvious = match (&*text, &*written) {
            ("", "") => PeriodKind::Missing,
            (_, "") => PeriodKind::Other,
            _ => PeriodKind::Range,
        };
        let text = if text.is_empty() { written } else { text };
        Period {
            kind: kind.unwrap_or(obvious),
            text,
            starts_on,
            ends_on,
        }
    }
}

/// What shall be different. What is not sent stays; null empties what may be empty.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = EditProject)]
pub(crate) struct EditBody {
    /// Its name as announced.
    #[serde(default, deserialize_with = "sent")]
    #[schema(value_type = Option<String>, max_length = 200, nullable = false)]
    name: Option<Field<String>>,
    /// The edition's year.
    #[serde(default, deserialize_with = "sent")]
    #[schema(value_type = Option<i32>, minimum = 1990, maximum = 2100)]
    year: Option<Field<i32>>,
    /// 분야.
    #[serde(default, deserialize_with = "sent")]
    #[schema(value_type = Option<CategoryName>)]
    category: Option<Field<Category>>,
    /// 시도; none or null means 전국.
    #[serde(default, deserialize_with = "sent")]
    #[schema(value_type = Option<Vec<RegionName>>)]
    regions: Option<Field<Vec<Region>>>,
    /// 지원대상.
    #[serde(default, deserialize_with = "sent")]
    #[schema(value_type = Option<String>, max_length = 4000)]
    target: Option<Field<String>>,
    /// 지원규모, in KRW.
    #[serde(default, deserialize_with = "sent")]
    #[schema(value_type = Option<i64>, minimum = 0)]
    scale: Option<Field<i64>>,
    /// 소관기관.
    #[serde(default, deserialize_with = "sent")]
    #[schema(value_type = Option<String>, max_length = 200)]
    agency: Option<Field<String>>,
    /// 수행기관; null means the agency.
    #[serde(default, deserialize_with = "sent")]
    #[schema(value_type = Option<String>, max_length = 200)]
    host: Option<Field<String>>,
    /// What it is about.
    #[serde(default, deserialize_with = "sent")]
    #[schema(value_type = Option<String>, max_length = 4000)]
    summary: Option<Field<String>>,
    /// Where it was announced: an http(s) address.
    #[serde(default, deserialize_with = "sent")]
    #[schema(value_type = Option<String>, max_length = 4000)]
    link: Option<Field<String>>,
    /// When one can apply: replaced as a whole.
    #[serde(default, deserialize_with = "sent")]
    #[schema(value_type = Option<PeriodBody>)]
    period: Option<Field<PeriodBody>>,
    /// The edition before this one: of the same series, of an earlier year, and without another successor.
    #[serde(default, deserialize_with = "sent")]
    #[schema(value_type = Option<Uuid>)]
    predecessor: Option<Field<ProjectId>>,
    /// The programme that it is an edition of: that of another edition. The editions before and after have to be of it, too.
    #[serde(default, deserialize_with = "sent")]
    #[schema(value_type = Option<Uuid>)]
    series_id: Option<Field<SeriesId>>,
}

/// Tells a field that is null from one that is not there.
fn sent<'de, D: Deserializer<'de>, T: DeserializeOwned>(
    deserializer: D,
) -> Result<Option<Field<T>>, D::Error> {
    Field::deserialize(deserializer).map(Some)
}

/// A field that null empties.
fn patch<T>(sent: Option<Field<T>>, read: impl FnOnce(Field<T>) -> Option<T>) -> Patch<T> {
    match sent {
        None => Patch::Keep,
        Some(Field::Missing) => Patch::Clear,
        // What cannot be read is noted, and refused with everything else.
        Some(field) => read(field).map_or(Patch::Keep, Patch::Set),
    }
}

/// A text that null and nothing empty.
fn patch_text(
    fields: &mut Fields,
    pointer: &str,
    sent: Option<Field<String>>,
    longest: usize,
) -> Patch<String> {
    match patch(sent, |field| fields.optional_text(pointer, field, longest)) {
        Patch::Set(text) if text.is_empty() => Patch::Clear,
        patch => patch,
    }
}

impl EditBody {
    /// The edition that shall be the one before, so that the caller can look for it before anything is refused.
    pub(super) fn take_predecessor(&mut self, fields: &mut Fields) -> Patch<ProjectId> {
        patch(self.predecessor.take(), |field| {
            fields.optional("/predecessor", field)
        })
    }

    /// The series that shall be its own, so that the caller can look for it before anything is refused.
    pub(super) fn take_series(&mut self, fields: &mut Fields) -> Option<SeriesId> {
        self.series_id
            .take()
            .and_then(|field| fields.required("/seriesId", field))
    }

    /// Whether it could move the project among the editions of its series.
    pub(super) fn may_move(&self) -> bool {
        self.year.is_some() || self.predecessor.is_some() || self.series_id.is_some()
    }

    pub(super) fn read(self, fields: &mut Fields) -> EditProject {
        let name = self
            .name
            .and_then(|field| fields.text("/name", field, LONGEST_NAME));
        let year = self.year.and_then(|field| fields.required("/year", field));
        let category = self
            .category
            .and_then(|field| fields.required("/category", field));
        let regions = self
            .regions
            .map(|field| fields.optional("/regions", field).unwrap_or_default());
        let target = patch_text(fields, "/target", self.target, LONGEST_TEXT);
        let scale = patch(self.scale, |field| fields.optional("/scale", field));
        let agency = self
            .agency
            .and_then(|field| fields.text("/agency", field, LONGEST_NAME));
        let host = patch_text(fields, "/host", self.host, LONGEST_NAME);
        let summary = patch_text(fields, "/summary", self.summary, LONGEST_TEXT);
        let link = patch_text(fields, "/link", self.link, LONGEST_TEXT);
        let period = self.period.map(|field| {
            fields
                .optional("/period", field)
                .unwrap_or_default()
                .read(fields)
        });
        let amount = if let Patch::Set(scale) = scale {
            Some(scale)
        } else {
            None
        };
        let address = if let Patch::Set(link) = &link {
            Some(link.as_str())
        } else {
            None
        };
        check(fields, year, period.as_ref(), amount, address);
        EditProject {
            name,
            year,
            category,
            regions,
            target,
            scale,
            agency,
            host,
            summary,
            link,
            period,
            ..EditProject::default()
        }
    }
}

/// Since when it runs.
#[derive(Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StartProject {
    /// The day in Seoul, not after today; today unless given.
    #[serde(default)]
    #[schema(value_type = Option<NaiveDate>)]
    pub(super) started_on: Field<NaiveDate>,
}

/// Since when it is over.
#[derive(Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EndProject {
    /// The day in Seoul, not after today and not before it was started; today unless given.
    #[serde(default)]
    #[schema(value_type = Option<NaiveDate>)]
    pub(super) ended_on: Field<NaiveDate>,
}

/// A JSON body that may be left out altogether: then it is as if `{}` had been sent.
pub(super) struct OptionalJson<T>(pub(super) Json<T>);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for OptionalJson<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let (mut parts, body) = request.into_parts();
        let mut bytes = read_body(body, BODY_LIMIT).await?;
        if bytes.is_empty() {
            parts.headers.insert(
                header::CONTENT_TYPE,
                HeaderValue::from_static("application/json"),
            );
            bytes = "{}".into();
        }
        Json::from_request(Request::from_parts(parts, Body::from(bytes)), state)
            .await
            .map(Self)
    }
}
