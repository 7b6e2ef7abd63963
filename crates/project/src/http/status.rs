//! `StartProject` and `EndProject` of one project.

use axum::body::Body;
use axum::extract::{FromRequest, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use chrono::NaiveDate;
use events::ProjectId;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use service_kit::auth::{Identity, Staff};
use service_kit::clock::seoul_date;
use service_kit::http::body::read_body;
use service_kit::http::{
    BODY_LIMIT, Date, Field, Fields, IdempotencyKey, IfMatch, Json, Path, Versioned, idempotency,
};
use service_kit::{Context, Problem};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::problems::load_project;
use super::views::ProjectView;
use crate::project::Command;
use crate::store::projects;

pub(super) fn routes() -> OpenApiRouter<Context> {
    OpenApiRouter::new()
        .routes(routes!(start))
        .routes(routes!(end))
}

/// The first day of the edition.
#[derive(Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct StartProject {
    /// In Seoul, not after today; today by default.
    #[serde(default)]
    #[schema(value_type = Option<NaiveDate>)]
    started_on: Field<Date>,
}

/// The last day of the edition.
#[derive(Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct EndProject {
    /// In Seoul, not after today and not before the start; today by default.
    #[serde(default)]
    #[schema(value_type = Option<NaiveDate>)]
    ended_on: Field<Date>,
}

/// A JSON body that may be absent, which counts as `{}`.
struct OptionalJson<T>(Json<T>);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for OptionalJson<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let (mut parts, body) = request.into_parts();
        let mut bytes = read_body(body, BODY_LIMIT).await?;
        if bytes.is_empty() {
            let json = HeaderValue::from_static("application/json");
            parts.headers.insert(header::CONTENT_TYPE, json);
            bytes = "{}".into();
        }
        let request = Request::from_parts(parts, Body::from(bytes));
        Json::from_request(request, state).await.map(Self)
    }
}

/// `StartProject`: staff start a planned project.
#[utoipa::path(
    post, path = "/projects/{id}/start", tag = "project", request_body = Option<StartProject>,
    params(("id" = Uuid, Path), IfMatch, IdempotencyKey),
    responses((status = 200, body = ProjectView)),
    extensions(
        ("x-command" = json!("StartProject")),
        ("x-events" = json!(["ProjectStarted"])),
        ("x-problems" = json!(["project-not-planned"])),
    ),
)]
async fn start(
    State(context): State<Context>,
    _: Staff,
    caller: Identity,
    Path(id): Path<ProjectId>,
    if_match: IfMatch,
    OptionalJson(json): OptionalJson<StartProject>,
) -> Result<Versioned<ProjectView>, Problem> {
    let on = read_day("/startedOn", json.body.started_on)?;
    let key = json.idempotency_key;
    change_status(&context, &caller, id, &if_match, key, |today| {
        Command::Start { on, today }
    })
    .await
}

/// `EndProject`: staff end an ongoing project. Next year's edition follows from it.
#[utoipa::path(
    post, path = "/projects/{id}/end", tag = "project", request_body = Option<EndProject>,
    params(("id" = Uuid, Path), IfMatch, IdempotencyKey),
    responses((status = 200, body = ProjectView)),
    extensions(
        ("x-command" = json!("EndProject")),
        ("x-events" = json!(["ProjectEnded"])),
        ("x-problems" = json!(["project-not-ongoing"])),
    ),
)]
async fn end(
    State(context): State<Context>,
    _: Staff,
    caller: Identity,
    Path(id): Path<ProjectId>,
    if_match: IfMatch,
    OptionalJson(json): OptionalJson<EndProject>,
) -> Result<Versioned<ProjectView>, Problem> {
    let on = read_day("/endedOn", json.body.ended_on)?;
    let key = json.idempotency_key;
    change_status(&context, &caller, id, &if_match, key, |today| {
        Command::End { on, today }
    })
    .await
}

fn read_day(pointer: &str, field: Field<Date>) -> Result<Option<NaiveDate>, Problem> {
    let mut fields = Fields::default();
    let day = fields.optional_date(pointer, field);
    if fields.is_valid() {
        Ok(day)
    } else {
        Err(fields.problem())
    }
}

async fn change_status(
    context: &Context,
    caller: &Identity,
    id: ProjectId,
    if_match: &IfMatch,
    idempotency_key: Option<IdempotencyKey>,
    command: impl FnOnce(NaiveDate) -> Command,
) -> Result<Versioned<ProjectView>, Problem> {
    let mut tx = context.db.begin().await?;
    let today = seoul_date(tx.now());
    let key = idempotency_key.as_ref();
    let repeated = idempotency::find(&mut tx, caller.subject, key).await?;
    if repeated.is_none() {
        let accepts = |version| if_match.allows(version);
        projects::change(&mut tx, id, accepts, command(today), caller.actor()).await?;
        idempotency::store(&mut tx, caller.subject, key, StatusCode::OK, id.0).await?;
    }
    let stored = load_project(&mut tx, id).await?;
    tx.commit().await?;
    Ok(ProjectView::new(stored, today).versioned(StatusCode::OK))
}
