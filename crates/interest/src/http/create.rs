//! `CreateInterest`: by a customer, or by staff or a salesman on behalf of a customer.

use axum::extract::State;
use axum::http::StatusCode;
use events::{Actor, InterestId, ProjectId};
use serde::Deserialize;
use service_kit::auth::{Identity, Role};
use service_kit::clock::seoul_date;
use service_kit::forms::on_behalf_of::OnBehalfOfFields;
use service_kit::forms::phone::Phone;
use service_kit::forms::project_ref::{ProjectFields, ResolvedProject};
use service_kit::http::problem::ChangeError;
use service_kit::http::{Field, Fields, IdempotencyKey, Json, Versioned, idempotency};
use service_kit::{Context, Problem, Tx};
use utoipa::ToSchema;

use crate::http::views::InterestView;
use crate::interest::{Command, Interest, NewInterest, Refusal};
use crate::store::{interests, projections};

#[derive(Clone, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CreateInterest {
    /// Any edition of the programme. If absent, the project is found by its name.
    #[serde(default)]
    #[schema(value_type = Option<Uuid>)]
    project_id: Field<ProjectId>,
    /// Without an id: the name of exactly one programme with an edition that has not ended; white
    /// space and letter case do not matter. With an id: required while the project is unknown.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 200)]
    project_name: Field<String>,
    /// The customer's phone number; required from staff and salesmen. From a customer, it must be
    /// the number of the session.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    phone: Field<Phone>,
    /// How to address the customer; required from staff and salesmen.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 200)]
    customer_name: Field<String>,
    /// The customer agreed: must be `true` from staff and salesmen. Recorded with their id and the
    /// time.
    #[serde(default)]
    #[schema(value_type = Option<bool>)]
    consent: Field<bool>,
}

/// `CreateInterest`: mark a programme, as a customer or on behalf of one. An existing interest in
/// the same series is returned, and turned on if it is off.
#[utoipa::path(
    post, path = "/interests", tag = "interest", request_body = CreateInterest,
    params(IdempotencyKey),
    responses(
        (status = 201, body = InterestView, description = "Created; a salesman is being matched"),
        (
            status = 200, body = InterestView,
            description = "The customer already has an interest in the series, and it is on",
        ),
    ),
    extensions(
        ("x-command" = json!("CreateInterest")),
        ("x-events" = json!(["InterestCreated", "InterestUpdated"])),
        ("x-problems" = json!(["several-projects"])),
    ),
)]
pub(crate) async fn create(
    State(context): State<Context>,
    caller: Identity,
    Json {
        body,
        idempotency_key,
    }: Json<CreateInterest>,
) -> Result<Versioned<InterestView>, Problem> {
    // One retry: the first attempt may deadlock with an event about the same programme, which is
    // committed by the second attempt.
    match create_once(&context, &caller, body.clone(), idempotency_key.as_ref()).await {
        Err(problem) if problem.status() == StatusCode::SERVICE_UNAVAILABLE => {
            create_once(&context, &caller, body, idempotency_key.as_ref()).await
        }
        answer => answer,
    }
}

async fn create_once(
    context: &Context,
    caller: &Identity,
    body: CreateInterest,
    idempotency_key: Option<&IdempotencyKey>,
) -> Result<Versioned<InterestView>, Problem> {
    if caller.role == Role::Customer && caller.phone.is_none() {
        return Err(Problem::forbidden());
    }
    let mut fields = Fields::default();
    let project = ProjectFields {
        project_id: body.project_id,
        project_name: body.project_name,
    }
    .read(&mut fields);
    let customer = OnBehalfOfFields {
        phone: body.phone,
        customer_name: body.customer_name,
        consent: body.consent,
    }
    .read(caller, context.customer_ids()?, &mut fields);
    let mut tx = context.db.begin().await?;
    if let Some((status, id)) = idempotency::find(&mut tx, caller.subject, idempotency_key).await? {
        let sent_name = customer.and_then(|customer| customer.name);
        return answer(&mut tx, caller, status, InterestId(id), sent_name).await;
    }
    let mut resolved = None;
    if let Some(project) = project {
        let today = seoul_date(tx.now());
        let known = projections::find_editions(&mut tx, &project).await?;
        // An interest is in a series, so editions of one series are not ambiguous.
        resolved = project.resolve(
            known,
            |edition| edition.series_id,
            |edition| edition.candidate(today),
            &mut fields,
        )?;
    }
    let (Some(resolved), Some(customer), true) = (resolved, customer, fields.is_valid()) else {
        return Err(fields.problem());
    };
    let (marked_project_id, name, shown) = match resolved {
        ResolvedProject::Known { project, .. } => {
            let shown = projections::shown_edition(&mut tx, project.id).await?;
            (project.id, project.name, shown)
        }
        ResolvedProject::Unknown { id, sent_name } => (id, sent_name, None),
    };
    let (series_id, project_id, project_name) = match shown {
        Some(shown) => (Some(shown.series_id), shown.id, shown.name),
        None => (None, marked_project_id, name),
    };
    let at = tx.now();
    let consent = customer.consent(caller, at);
    let mark_again = Command::MarkAgain {
        customer_name: customer.name.clone(),
        consent,
        at,
    };
    let new = NewInterest {
        id: InterestId(tx.new_id()),
        series_id,
        marked_project_id,
        project_id,
        project_name,
        customer_id: customer.customer_id,
        phone: customer.phone,
        customer_name: customer.name.clone(),
        consent,
        at,
    };
    let (interest, event) = Interest::create(new, caller.actor());
    let (status, id) = match interests::create(&mut tx, &interest, &event).await? {
        None => (StatusCode::CREATED, interest.id),
        Some(existing) => (
            StatusCode::OK,
            turn_on(&mut tx, existing, mark_again, caller.actor()).await?,
        ),
    };
    idempotency::store(&mut tx, caller.subject, idempotency_key, status, id.0).await?;
    let answer = answer(&mut tx, caller, status, id, customer.name).await?;
    tx.commit().await?;
    Ok(answer)
}

/// Turns on the existing interest, or the older one if it was merged concurrently. Returns the id
/// of the interest that is on.
async fn turn_on(
    tx: &mut Tx,
    existing: InterestId,
    command: Command,
    actor: Actor,
) -> Result<InterestId, Problem> {
    let now = tx.now();
    match interests::change(tx, existing, now, command.clone(), actor).await {
        Err(ChangeError::Refused(Refusal::Merged { into })) => {
            interests::change(tx, into, now, command, actor).await?;
            Ok(into)
        }
        result => Ok(result.map(|()| existing)?),
    }
}

/// The interest as the caller may see it. A salesman who is not assigned to it sees only what the
/// request contained, and `createdAt` only if the request created the interest.
async fn answer(
    tx: &mut Tx,
    caller: &Identity,
    status: StatusCode,
    id: InterestId,
    sent_name: Option<String>,
) -> Result<Versioned<InterestView>, Problem> {
    let mut answer = InterestView::load(tx, id, status, caller).await?;
    let view = &mut answer.view;
    let is_assigned = view
        .salesman
        .as_ref()
        .is_some_and(|salesman| salesman.id == caller.subject);
    if caller.role == Role::Salesman && !is_assigned {
        view.customer_name = sent_name;
        (view.salesman, view.consultant) = (None, None);
        view.consent
            .take_if(|consent| consent.role != caller.role || consent.by != Some(caller.subject));
        view.created_at.take_if(|_| status != StatusCode::CREATED);
    }
    Ok(answer)
}
