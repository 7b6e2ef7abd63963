//! What staff do with projects: create, edit, start, end.

use std::collections::BTreeSet;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use events::{ProjectId, ProjectStatus, SeriesId};
use serde::Serialize;
use service_kit::auth::{Identity, Staff};
use service_kit::clock::seoul_date;
use service_kit::http::idempotency;
use service_kit::http::idempotency::IdempotencyKey;
use service_kit::http::problem::{ChangeError, Language, ProblemDocument, Text};
use service_kit::http::{Fields, IfMatch, Json, Path, Versioned, View};
use service_kit::{Context, Problem, Tx};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::body::{CreateProject, EditBody, EndProject, Entered, OptionalJson, StartProject};
use super::{ProjectView, shown};
use crate::project::{self, Command, Neighbour, Patch, Project, Refusal};
use crate::search;
use crate::series;
use crate::store::{self, Stored};

pub(super) fn routes() -> OpenApiRouter<Context> {
    OpenApiRouter::new()
        .routes(routes!(create))
        .routes(routes!(edit))
        .routes(routes!(start))
        .routes(routes!(end))
        .routes(routes!(end_overdue))
}

/// `CreateProject`: staff enter an edition of a programme.
///
/// An edition of the year before in the same series that nothing follows yet becomes its predecessor.
#[utoipa::path(
    post, path = "/projects", tag = "project", request_body = CreateProject,
    params(("Idempotency-Key" = Option<String>, Header, description = "Sent again, the same answer comes again")),
    responses((status = 201, body = ProjectView)),
    extensions(
        ("x-command" = json!("CreateProject")),
        ("x-events" = json!(["ProjectCreated"])),
    ),
)]
async fn create(
    State(context): State<Context>,
    _: Staff,
    who: Identity,
    Json {
        mut body,
        idempotency_key,
    }: Json<CreateProject>,
) -> Result<Versioned<ProjectView>, Problem> {
    wait_until_computed(&context).await?;
    let mut tx = context.db.begin().await?;
    let today = seoul_date(tx.now());
    if let Some((status, id)) =
        idempotency::find(&mut tx, who.subject, idempotency_key.as_ref()).await?
    {
        let stored = store::load(&mut tx, ProjectId(id))
            .await?
            .ok_or_else(Problem::not_found)?;
        return Ok(shown(status, stored, today));
    }
    let mut fields = Fields::default();
    let chosen = body.take_series(&mut fields);
    if let Some(series_id) = chosen
        && !store::series_exists(&mut tx, series_id).await?
    {
        unknown_series(&mut fields);
    }
    let entered = body.read(fields)?;
    let series_id = match chosen {
        Some(series_id) => series_id,
        None => series_of(&mut tx, &entered).await?,
    };
    store::lock_series(&mut tx, series_id).await?;
    let predecessor = store::predecessor_of(&mut tx, series_id, entered.year).await?;
    let Entered {
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
    } = entered;
    let command = project::CreateProject {
        id: ProjectId(tx.new_id()),
        series_id,
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
        status: ProjectStatus::Planned,
        started_on: None,
        ended_on: None,
        predecessor,
        source: None,
        source_list: None,
    };
    let (it, event) = Project::create(command, who.actor())?;
    store::create(&mut tx, &it, &event).await?;
    idempotency::store(
        &mut tx,
        who.subject,
        idempotency_key.as_ref(),
        StatusCode::CREATED,
        it.id.0,
    )
    .await?;
    tx.commit().await?;
    Ok(shown(
        StatusCode::CREATED,
        Stored {
            it,
            successor: None,
        },
        today,
    ))
}

/// Waits until every series can be recognised: one that cannot would be founded a second time.
pub(super) async fn wait_until_computed(context: &Context) -> Result<(), Problem> {
    if search::is_computed(&context.db).await? {
        Ok(())
    } else {
        Err(Problem::unavailable("series are still computed"))
    }
}

/// The programme whose editions are known by the same key, or a new one.
async fn series_of(tx: &mut Tx, entered: &Entered) -> Result<SeriesId, Problem> {
    let key = series::key(&entered.name, &entered.agency, &entered.host, entered.year);
    store::lock_key(tx, &key).await?;
    Ok(store::recognise(tx, &key)
        .await?
        .unwrap_or_else(|| SeriesId(tx.new_id())))
}

/// `EditProject`: staff change what is said of a project, wherever it stands. Nothing different is no change.
#[utoipa::path(
    patch, path = "/projects/{id}", tag = "project", request_body = EditBody,
    params(("id" = Uuid, Path), ("If-Match" = String, Header, description = "The version that is meant, as its ETag")),
    responses((status = 200, body = ProjectView)),
    extensions(
        ("x-command" = json!("EditProject")),
        ("x-events" = json!(["ProjectEdited"])),
    ),
)]
async fn edit(
    State(context): State<Context>,
    _: Staff,
    who: Identity,
    Path(id): Path<ProjectId>,
    if_match: IfMatch,
    Json { mut body, .. }: Json<EditBody>,
) -> Result<Versioned<ProjectView>, Problem> {
    let mut tx = context.db.begin().await?;
    let mut fields = Fields::default();
    let may_move = body.may_move();
    let (series_id, predecessor) = (
        body.take_series(&mut fields),
        body.take_predecessor(&mut fields),
    );
    let predecessor = if may_move {
        let locked = lock_neighbours(&mut tx, id, series_id, &predecessor).await?;
        if let Some(moved) = store::load(&mut tx, id)
            .await?
            .filter(|found| !locked.contains(&found.it.series_id))
        {
            // While that was waited for. Whoever asks again finds it where it is.
            return Err(Problem::stale(moved.it.version));
        }
        if let Some(series_id) = series_id
            && !store::series_exists(&mut tx, series_id).await?
        {
            unknown_series(&mut fields);
        }
        match predecessor {
            Patch::Keep => Patch::Keep,
            Patch::Clear => Patch::Clear,
            Patch::Set(earlier) => {
                earlier_edition(&mut tx, id, earlier, &locked, &mut fields).await?
            }
        }
    } else {
        Patch::Keep
    };
    let mut edit = body.read(&mut fields);
    (edit.series_id, edit.predecessor) = (series_id, predecessor);
    if !fields.is_valid() {
        return Err(fields.problem());
    }
    changed(tx, &who, id, if_match, Command::Edit(Box::new(edit)), None).await
}

fn unknown_series(fields: &mut Fields) {
    fields.refuse(
        "/seriesId",
        "unknown",
        Text::new("없는 사업 계열입니다", "There is no such series"),
    );
}

/// Locks every series whose order of editions the edit could change, in their order, before any row. Gives those it locked.
async fn lock_neighbours(
    tx: &mut Tx,
    id: ProjectId,
    series_id: Option<SeriesId>,
    predecessor: &Patch<ProjectId>,
) -> Result<BTreeSet<SeriesId>, sqlx::Error> {
    let mut all: BTreeSet<SeriesId> = series_id.into_iter().collect();
    let earlier = if let Patch::Set(earlier) = predecessor {
        Some(*earlier)
    } else {
        None
    };
    for id in [Some(id), earlier].into_iter().flatten() {
        all.extend(store::load(tx, id).await?.map(|stored| stored.it.series_id));
    }
    for series in &all {
        store::lock_series(tx, *series).await?;
    }
    Ok(all)
}

/// The edition that shall come before the project, whose series is locked; what is wrong with it is noted.
async fn earlier_edition(
    tx: &mut Tx,
    id: ProjectId,
    earlier: ProjectId,
    locked: &BTreeSet<SeriesId>,
    fields: &mut Fields,
) -> Result<Patch<Neighbour>, sqlx::Error> {
    // One that moved to another series while that was waited for is no longer where it was looked for.
    let Some(found) = store::load(tx, earlier)
        .await?
        .filter(|found| locked.contains(&found.it.series_id))
    else {
        fields.refuse(
            "/predecessor",
            "unknown",
            Text::new("없는 사업입니다", "There is no such project"),
        );
        return Ok(Patch::Keep);
    };
    if found.successor.is_some_and(|successor| successor != id) {
        let message = Text::new(
            "이미 다음 회차가 있는 사업입니다",
            "Another edition follows it already",
        );
        fields.refuse("/predecessor", "has-a-successor", message);
    }
    Ok(Patch::Set(Neighbour::from(&found.it)))
}

/// `StartProject`: staff start a planned project.
#[utoipa::path(
    post, path = "/projects/{id}/start", tag = "project", request_body = Option<StartProject>,
    params(
        ("id" = Uuid, Path),
        ("If-Match" = String, Header, description = "The version that is meant, as its ETag"),
        ("Idempotency-Key" = Option<String>, Header, description = "Sent again, the same answer comes again"),
    ),
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
    who: Identity,
    Path(id): Path<ProjectId>,
    if_match: IfMatch,
    OptionalJson(Json {
        body,
        idempotency_key,
    }): OptionalJson<StartProject>,
) -> Result<Versioned<ProjectView>, Problem> {
    let mut fields = Fields::default();
    let on = fields.optional("/startedOn", body.started_on);
    if !fields.is_valid() {
        return Err(fields.problem());
    }
    let tx = context.db.begin().await?;
    let today = seoul_date(tx.now());
    changed(
        tx,
        &who,
        id,
        if_match,
        Command::Start { on, today },
        idempotency_key.as_ref(),
    )
    .await
}

/// `EndProject`: staff end an ongoing project. Next year's edition follows from it.
#[utoipa::path(
    post, path = "/projects/{id}/end", tag = "project", request_body = Option<EndProject>,
    params(
        ("id" = Uuid, Path),
        ("If-Match" = String, Header, description = "The version that is meant, as its ETag"),
        ("Idempotency-Key" = Option<String>, Header, description = "Sent again, the same answer comes again"),
    ),
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
    who: Identity,
    Path(id): Path<ProjectId>,
    if_match: IfMatch,
    OptionalJson(Json {
        body,
        idempotency_key,
    }): OptionalJson<EndProject>,
) -> Result<Versioned<ProjectView>, Problem> {
    let mut fields = Fields::default();
    let on = fields.optional("/endedOn", body.ended_on);
    if !fields.is_valid() {
        return Err(fields.problem());
    }
    let tx = context.db.begin().await?;
    let today = seoul_date(tx.now());
    changed(
        tx,
        &who,
        id,
        if_match,
        Command::End { on, today },
        idempotency_key.as_ref(),
    )
    .await
}

async fn changed(
    mut tx: Tx,
    who: &Identity,
    id: ProjectId,
    if_match: IfMatch,
    command: Command,
    idempotency_key: Option<&IdempotencyKey>,
) -> Result<Versioned<ProjectView>, Problem> {
    let today = seoul_date(tx.now());
    if idempotency::find(&mut tx, who.subject, idempotency_key)
        .await?
        .is_some()
    {
        let stored = store::load(&mut tx, id)
            .await?
            .ok_or_else(Problem::not_found)?;
        return Ok(shown(StatusCode::OK, stored, today));
    }
    let may = |it: &Project| match it.version {
        current if !if_match.allows(current) => Err(ChangeError::Stale { current }),
        _ => Ok(()),
    };
    store::change(&mut tx, id, may, command, who.actor()).await?;
    idempotency::store(&mut tx, who.subject, idempotency_key, StatusCode::OK, id.0).await?;
    let stored = store::load(&mut tx, id)
        .await?
        .ok_or_else(Problem::not_found)?;
    tx.commit().await?;
    Ok(shown(StatusCode::OK, stored, today))
}

/// How many projects one call ends: each is a unit of work of its own, and all of them take about a second.
const MOST_AT_ONCE: usize = 200;

/// What became of each project whose deadline had passed.
#[derive(Debug, Serialize, ToSchema)]
struct EndOverdueView {
    /// One for each, the longest overdue first.
    results: Vec<EndedView>,
    /// Whether there may be more of them: call again. One call ends 200, and stops where the service itself fails.
    more: bool,
}

/// What became of one project.
#[derive(Debug, Serialize, ToSchema)]
struct EndedView {
    id: Uuid,
    name: String,
    outcome: Outcome,
    /// Why it was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<ProblemDocument>,
}

/// What became of it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(rename_all = "snake_case")]
enum Outcome {
    /// It was ended.
    Ended,
    /// It was not, and is as it was.
    Refused,
}

/// `EndProject`, many times: staff end every ongoing project whose deadline has passed, and are told what became of each.
///
/// Each is ended on its own, so that one that is refused holds up no other. Called again, it ends those that are left: what was ended is not
/// ended twice, with or without a key.
#[utoipa::path(
    post, path = "/projects/end-overdue", tag = "project",
    responses((status = 200, body = EndOverdueView)),
    extensions(
        ("x-command" = json!("EndProject")),
        ("x-events" = json!(["ProjectEnded"])),
    ),
)]
async fn end_overdue(
    State(context): State<Context>,
    _: Staff,
    who: Identity,
    headers: HeaderMap,
) -> Result<View<EndOverdueView>, Problem> {
    let language = Language::of(&headers);
    let today = seoul_date(context.db.now());
    let mut overdue = store::overdue(context.db.pool(), today, MOST_AT_ONCE + 1).await?;
    let mut more = overdue.len() > MOST_AT_ONCE;
    overdue.truncate(MOST_AT_ONCE);
    let mut results = Vec::with_capacity(overdue.len());
    for (id, name) in overdue {
        let problem = match end_one(&context, &who, id).await {
            // What keeps one from being ended now keeps the others, too.
            Err(problem) if problem.status().is_server_error() => {
                more = true;
                tracing::warn!(project = %id, problem = problem.slug(), "cannot end what is overdue");
                break;
            }
            result => result.err().map(|problem| problem.document(language)),
        };
        let outcome = if problem.is_some() {
            Outcome::Refused
        } else {
            Outcome::Ended
        };
        results.push(EndedView {
            id: id.0,
            name,
            outcome,
            problem,
        });
    }
    Ok(View(EndOverdueView { results, more }))
}

async fn end_one(context: &Context, who: &Identity, id: ProjectId) -> Result<(), Problem> {
    let mut tx = context.db.begin().await?;
    let today = seoul_date(tx.now());
    let command = Command::EndOverdue { today };
    store::change(
        &mut tx,
        id,
        |_: &Project| Ok::<(), ChangeError<Refusal>>(()),
        command,
        who.actor(),
    )
    .await?;
    Ok(tx.commit().await?)
}
