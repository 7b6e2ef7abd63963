//! `EndProject` of all projects whose deadline has passed.

use axum::extract::State;
use axum::http::HeaderMap;
use events::ProjectId;
use serde::Serialize;
use service_kit::auth::{Identity, Staff};
use service_kit::clock::seoul_date;
use service_kit::http::View;
use service_kit::http::page::fetch_limit;
use service_kit::http::problem::{Language, ProblemDocument};
use service_kit::{Context, Problem};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::project::Command;
use crate::store::{list, projects};

pub(super) fn routes() -> OpenApiRouter<Context> {
    OpenApiRouter::new().routes(routes!(end_overdue))
}

/// Per call. Each is a transaction of its own; all of them take about a second.
const MAX_PROJECTS: usize = 200;

/// The outcome for each project whose deadline has passed.
#[derive(Debug, Serialize, ToSchema)]
struct EndOverdueView {
    /// The longest overdue first.
    results: Vec<EndedView>,
    /// Whether there may be more: call again. A call ends up to 200 projects, and stops when the
    /// service itself fails.
    more: bool,
}

/// The outcome for one project.
#[derive(Debug, Serialize, ToSchema)]
struct EndedView {
    id: Uuid,
    name: String,
    outcome: Outcome,
    /// Why it was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<ProblemDocument>,
}

/// Whether the project was ended.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Outcome {
    Ended,
    /// It is unchanged.
    Refused,
}

/// `EndProject`, many times: staff end every ongoing project whose deadline has passed, with an
/// outcome for each.
///
/// Each is ended independently, so that a refusal affects no other. A repeated call ends those that
/// are left, with or without a key.
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
    caller: Identity,
    headers: HeaderMap,
) -> Result<View<EndOverdueView>, Problem> {
    let language = Language::of(&headers);
    let today = seoul_date(context.db.now());
    let mut overdue = list::overdue(context.db.pool(), today, fetch_limit(MAX_PROJECTS)).await?;
    let mut more = overdue.len() > MAX_PROJECTS;
    overdue.truncate(MAX_PROJECTS);
    let mut results = Vec::with_capacity(overdue.len());
    for (id, name) in overdue {
        let problem = match end_one(&context, &caller, id).await {
            // The other projects would fail, too.
            Err(problem) if problem.status().is_server_error() => {
                more = true;
                let slug = problem.slug();
                tracing::warn!(project = %id, problem = slug, "cannot end an overdue project");
                break;
            }
            result => result.err(),
        };
        results.push(EndedView {
            id: id.0,
            name,
            outcome: match problem {
                Some(_) => Outcome::Refused,
                None => Outcome::Ended,
            },
            problem: problem.map(|problem| problem.document(language)),
        });
    }
    Ok(View(EndOverdueView { results, more }))
}

async fn end_one(context: &Context, caller: &Identity, id: ProjectId) -> Result<(), Problem> {
    let mut tx = context.db.begin().await?;
    let command = Command::EndOverdue {
        today: seoul_date(tx.now()),
    };
    projects::change(&mut tx, id, |_| true, command, caller.actor()).await?;
    Ok(tx.commit().await?)
}
