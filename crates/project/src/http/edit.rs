//! `EditProject`.

use std::collections::BTreeSet;

use axum::extract::State;
use axum::http::StatusCode;
use events::{Category, ProjectId, Region, SeriesId};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use service_kit::auth::{Identity, Staff};
use service_kit::clock::seoul_date;
use service_kit::http::describe::{CategoryName, RegionName};
use service_kit::http::problem::Text;
use service_kit::http::{Field, Fields, IfMatch, Json, Path, Versioned};
use service_kit::{Context, Problem, Tx};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::fields::{PeriodBody, check, check_series};
use super::problems::load_project;
use super::views::ProjectView;
use crate::project::{Command, EditProject, MAX_NAME_LENGTH, MAX_TEXT_LENGTH, Neighbour, Patch};
use crate::store::{projects, series};

pub(super) fn routes() -> OpenApiRouter<Context> {
    OpenApiRouter::new().routes(routes!(edit))
}

/// The fields to change. Absent fields stay; null clears a field that may be empty.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = EditProject)]
struct EditBody {
    /// As announced.
    #[serde(default, deserialize_with = "sent")]
    #[schema(value_type = Option<String>, max_length = 200, nullable = false)]
    name: Option<Field<String>>,
    /// The year of the edition.
    #[serde(default, deserialize_with = "sent")]
    #[schema(value_type = Option<i32>, minimum = 1990, maximum = 2100)]
    year: Option<Field<i32>>,
    /// 분야.
    #[serde(default, deserialize_with = "sent")]
    #[schema(value_type = Option<CategoryName>)]
    category: Option<Field<Category>>,
    /// 시도; empty or null means 전국.
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
    #[serde(default, deserialize_with = "sent")]
    #[schema(value_type = Option<String>, max_length = 4000)]
    summary: Option<Field<String>>,
    /// The http(s) address of the announcement.
    #[serde(default, deserialize_with = "sent")]
    #[schema(value_type = Option<String>, max_length = 4000)]
    link: Option<Field<String>>,
    /// When customers can apply; replaced as a whole.
    #[serde(default, deserialize_with = "sent")]
    #[schema(value_type = Option<PeriodBody>)]
    period: Option<Field<PeriodBody>>,
    /// The previous edition: of the same series, of an earlier year, and without another successor.
    #[serde(default, deserialize_with = "sent")]
    #[schema(value_type = Option<Uuid>)]
    predecessor: Option<Field<ProjectId>>,
    /// The series of another edition. The previous and the next edition must be of it, too.
    #[serde(default, deserialize_with = "sent")]
    #[schema(value_type = Option<Uuid>)]
    series_id: Option<Field<SeriesId>>,
}

/// Distinguishes null (`Some(Field::Missing)`) from an absent field (`None`).
fn sent<'de, D: Deserializer<'de>, T: DeserializeOwned>(
    deserializer: D,
) -> Result<Option<Field<T>>, D::Error> {
    Field::deserialize(deserializer).map(Some)
}

/// An optional field, which null clears.
fn patch<T>(sent: Option<Field<T>>, read: impl FnOnce(Field<T>) -> Option<T>) -> Patch<T> {
    match sent {
        None => Patch::Keep,
        Some(Field::Missing) => Patch::Clear,
        // An invalid value is reported with the other fields.
        Some(field) => read(field).map_or(Patch::Keep, Patch::Set),
    }
}

/// An optional text, which null and an empty text clear.
fn patch_text(
    fields: &mut Fields,
    pointer: &str,
    sent: Option<Field<String>>,
    max_length: usize,
) -> Patch<String> {
    match patch(sent, |field| {
        fields.optional_text(pointer, field, max_length)
    }) {
        Patch::Set(text) if text.is_empty() => Patch::Clear,
        patch => patch,
    }
}

impl EditBody {
    fn take_predecessor(&mut self, fields: &mut Fields) -> Patch<ProjectId> {
        let sent = self.predecessor.take();
        patch(sent, |field| fields.optional("/predecessor", field))
    }

    fn take_series(&mut self, fields: &mut Fields) -> Option<SeriesId> {
        let sent = self.series_id.take();
        sent.and_then(|field| fields.required("/seriesId", field))
    }

    /// Whether it may change the place among the editions of a series.
    fn may_move(&self) -> bool {
        self.year.is_some() || self.predecessor.is_some() || self.series_id.is_some()
    }

    fn read(self, fields: &mut Fields) -> EditProject {
        let name = self
            .name
            .and_then(|field| fields.name("/name", field, MAX_NAME_LENGTH));
        let year = self.year.and_then(|field| fields.required("/year", field));
        let category = self
            .category
            .and_then(|field| fields.required("/category", field));
        let regions = self
            .regions
            .map(|field| fields.regions("/regions", field).unwrap_or_default());
        let target = patch_text(fields, "/target", self.target, MAX_TEXT_LENGTH);
        let scale = patch(self.scale, |field| fields.optional("/scale", field));
        let agency = self
            .agency
            .and_then(|field| fields.name("/agency", field, MAX_NAME_LENGTH));
        let host = patch_text(
            fields,
            "/host",
            self.host.map(Field::one_line),
            MAX_NAME_LENGTH,
        );
        let summary = patch_text(fields, "/summary", self.summary, MAX_TEXT_LENGTH);
        let link = patch_text(fields, "/link", self.link, MAX_TEXT_LENGTH);
        let period = self.period.map(|field| {
            let period = fields.optional("/period", field);
            period.unwrap_or_default().read(fields)
        });
        let new_link = link.new_value().map(String::as_str);
        let new_scale = scale.new_value().copied();
        check(fields, year, period.as_ref(), new_scale, new_link);
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

/// `EditProject`: staff change the fields of a project in any status. Equal values change nothing.
#[utoipa::path(
    patch, path = "/projects/{id}", tag = "project", request_body = EditBody,
    params(("id" = Uuid, Path), IfMatch),
    responses((status = 200, body = ProjectView)),
    extensions(
        ("x-command" = json!("EditProject")),
        ("x-events" = json!(["ProjectEdited"])),
    ),
)]
async fn edit(
    State(context): State<Context>,
    _: Staff,
    caller: Identity,
    Path(id): Path<ProjectId>,
    if_match: IfMatch,
    Json { mut body, .. }: Json<EditBody>,
) -> Result<Versioned<ProjectView>, Problem> {
    let mut tx = context.db.begin().await?;
    let mut fields = Fields::default();
    let may_move = body.may_move();
    let series_id = body.take_series(&mut fields);
    let earlier = body.take_predecessor(&mut fields);
    let mut predecessor = Patch::Keep;
    if may_move {
        let locked = lock_series(&mut tx, id, series_id, earlier.new_value().copied()).await?;
        // The project may have moved while this waited for the locks: the caller has to try again.
        let moved = projects::load(&mut tx, id)
            .await?
            .filter(|found| !locked.contains(&found.project.series_id));
        if let Some(moved) = moved {
            return Err(Problem::stale(moved.project.version));
        }
        check_series(&mut tx, series_id, &mut fields).await?;
        predecessor = match earlier {
            Patch::Keep => Patch::Keep,
            Patch::Clear => Patch::Clear,
            Patch::Set(earlier) => {
                find_predecessor(&mut tx, id, earlier, &locked, &mut fields).await?
            }
        };
    }
    let edit = EditProject {
        series_id,
        predecessor,
        ..body.read(&mut fields)
    };
    if !fields.is_valid() {
        return Err(fields.problem());
    }
    let command = Command::Edit(Box::new(edit));
    let accepts = |version| if_match.allows(version);
    projects::change(&mut tx, id, accepts, command, caller.actor()).await?;
    let stored = load_project(&mut tx, id).await?;
    let today = seoul_date(tx.now());
    tx.commit().await?;
    Ok(ProjectView::new(stored, today).versioned(StatusCode::OK))
}

/// Locks every series whose order of editions the edit may change, sorted, before any row. Returns
/// them.
async fn lock_series(
    tx: &mut Tx,
    id: ProjectId,
    series_id: Option<SeriesId>,
    earlier: Option<ProjectId>,
) -> Result<BTreeSet<SeriesId>, sqlx::Error> {
    let mut all: BTreeSet<SeriesId> = series_id.into_iter().collect();
    for id in [Some(id), earlier].into_iter().flatten() {
        let found = projects::load(tx, id).await?;
        all.extend(found.map(|stored| stored.project.series_id));
    }
    for id in &all {
        series::lock(tx, *id).await?;
    }
    Ok(all)
}

/// The new predecessor, if its series is locked and it has no other successor.
async fn find_predecessor(
    tx: &mut Tx,
    id: ProjectId,
    earlier: ProjectId,
    locked: &BTreeSet<SeriesId>,
    fields: &mut Fields,
) -> Result<Patch<Neighbour>, sqlx::Error> {
    // It may have moved to another series while this waited for the locks.
    let Some(found) = projects::load(tx, earlier)
        .await?
        .filter(|found| locked.contains(&found.project.series_id))
    else {
        let message = Text::new("없는 사업입니다", "This project does not exist");
        fields.refuse("/predecessor", "unknown", message);
        return Ok(Patch::Keep);
    };
    if found.successor.is_some_and(|successor| successor != id) {
        let message = Text::new(
            "이미 다음 회차가 있는 사업입니다",
            "It already has another next edition",
        );
        fields.refuse("/predecessor", "has-a-successor", message);
    }
    Ok(Patch::Set(found.project.as_neighbour()))
}
