//! `CreateInterest`: by a customer for himself, or by staff or a salesman for a customer; a project's id says which programme, or its name.

use axum::extract::State;
use axum::http::StatusCode;
use events::{Actor, InterestId, ProjectId};
use serde::Deserialize;
use service_kit::auth::{Identity, Role};
use service_kit::clock::seoul_date;
use service_kit::forms::on_behalf_of::OnBehalfOfFields;
use service_kit::forms::phone::Phone;
use service_kit::forms::project_ref::{ProjectFields, ResolvedProject};
use service_kit::http::idempotency;
use service_kit::http::idempotency::IdempotencyKey;
use service_kit::http::problem::ChangeError;
use service_kit::http::{Field, Fields, Json, Versioned};
use service_kit::{Context, Problem, Tx};
use utoipa::ToSchema;

use crate::http::{InterestView, shown};
use crate::interest::{Command, Consent, Interest, Mark, Refusal};
use crate::store;
use crate::store::copies;

/// Which programme is marked, and for whom.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CreateInterest {
    /// Any edition of the programme. Without it the name says which.
    #[serde(default)]
    #[schema(value_type = Option<Uuid>)]
    project_id: Field<ProjectId>,
    /// The project's name. With an id it is needed only while this service has not heard of the project; without one, it must be the name of one
    /// edition that has not ended, whatever its white space and case.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 200)]
    project_name: Field<String>,
    /// The customer's number, from staff and salesmen; a customer is who he signed in as.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    phone: Field<Phone>,
    /// How the customer wants to be addressed; required from staff and salesmen.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 200)]
    customer_name: Field<String>,
    /// That the customer agreed: `true` from staff and salesmen, recorded with who they are and when.
    #[serde(default)]
    #[schema(value_type = Option<bool>)]
    consent: Field<bool>,
}

/// `CreateInterest`: a customer marks a programme, or staff or a salesman does it for him. One that exists is given, turned on.
#[utoipa::path(
    post, path = "/interests", tag = "interest", request_body = CreateInterest,
    params(("Idempotency-Key" = Option<String>, Header, description = "Sent again, the same answer comes again")),
    responses(
        (status = 201, body = InterestView, description = "It exists; a salesman is being found"),
        (status = 200, body = InterestView, description = "The customer had one in the series already, and it is on"),
    ),
    extensions(
        ("x-command" = json!("CreateInterest")),
        ("x-events" = json!(["InterestCreated", "InterestUpdated"])),
        ("x-problems" = json!(["several-projects"])),
    ),
)]
pub(crate) async fn create(
    State(context): State<Context>,
    who: Identity,
    Json {
        body,
        idempotency_key,
    }: Json<CreateInterest>,
) -> Result<Versioned<InterestView>, Problem> {
    // An event about the same programme that is taken in at the same moment may be in the way once: it is over by then.
    match enter(&context, &who, body.clone(), idempotency_key.as_ref()).await {
        Err(problem) if problem.status() == StatusCode::SERVICE_UNAVAILABLE => {
            enter(&context, &who, body, idempotency_key.as_ref()).await
        }
        answer => answer,
    }
}

async fn enter(
    context: &Context,
    who: &Identity,
    body: CreateInterest,
    idempotency_key: Option<&IdempotencyKey>,
) -> Result<Versioned<InterestView>, Problem> {
    if who.role == Role::Customer && who.phone.is_none() {
        return Err(Problem::forbidden());
    }
    let mut fields = Fields::default();
    let asked = ProjectFields {
        project_id: body.project_id,
        project_name: body.project_name,
    }
    .read(&mut fields);
    let whom = OnBehalfOfFields {
        phone: body.phone,
        customer_name: body.customer_name,
        consent: body.consent,
    };
    let whom = whom.read(who, context.customer_ids()?, &mut fields);
    let mut tx = context.db.begin().await?;
    if let Some((status, id)) = idempotency::find(&mut tx, who.subject, idempotency_key).await? {
        return answer(
            &mut tx,
            who,
            status,
            InterestId(id),
            whom.and_then(|whom| whom.name),
        )
        .await;
    }
    let mut meant = None;
    if let Some(asked) = asked {
        let today = seoul_date(tx.now());
        let heard = copies::editions_asked_for(&mut tx, &asked).await?;
        // Editions of one programme are no choice: whichever is marked, it is the programme that is followed.
        meant = asked.resolve(
            heard,
            |edition| edition.series_id,
            |edition| edition.candidate(today),
            &mut fields,
        )?;
    }
    let (Some(meant), Some(whom), true) = (meant, whom, fields.is_valid()) else {
        return Err(fields.problem());
    };
    let (marked_project_id, known, sent_name) = match meant {
        ResolvedProject::Heard { it, .. } => {
            (it.id, copies::known_project(&mut tx, it.id).await?, it.name)
        }
        ResolvedProject::Unheard { id, sent_name } => (id, None, sent_name),
    };
    let (series_id, project_id, project_name) = match known {
        Some(known) => (Some(known.series_id), known.shown, known.name),
        None => (None, marked_project_id, sent_name),
    };
    let at = tx.now();
    let mark = Mark {
        id: InterestId(tx.new_id()),
        series_id,
        marked_project_id,
        project_id,
        project_name,
        customer_id: whom.customer_id,
        phone: whom.phone,
        customer_name: whom.name.clone(),
        consent: whom.consent_recorded.then_some(Consent {
            role: who.role,
            by: who.subject,
            at,
        }),
        at,
    };
    let again = Command::MarkAgain {
        customer_name: whom.name.clone(),
        consent: mark.consent,
        at,
    };
    let (it, event) = Interest::create(mark, who.actor());
    let (status, id) = match store::create(&mut tx, &it, &event).await? {
        None => (StatusCode::CREATED, it.id),
        Some(existing) => (
            StatusCode::OK,
            mark_again(&mut tx, existing, again, who.actor()).await?,
        ),
    };
    idempotency::store(&mut tx, who.subject, idempotency_key, status, id.0).await?;
    let answer = answer(&mut tx, who, status, id, whom.name).await?;
    tx.commit().await?;
    Ok(answer)
}

/// Marks one that exists again, or the one that stands for it: it may have been merged a moment ago, which the caller did not ask for.
async fn mark_again(
    tx: &mut Tx,
    existing: InterestId,
    again: Command,
    actor: Actor,
) -> Result<InterestId, Problem> {
    let now = tx.now();
    match store::change(tx, existing, now, |_| Ok(()), again.clone(), actor).await {
        Err(ChangeError::Refused(Refusal::Merged { into })) => {
            store::change(tx, into, now, |_| Ok(()), again, actor).await?;
            Ok(into)
        }
        marked => Ok(marked.map(|()| existing)?),
    }
}

/// The interest as whoever entered it may see it. A salesman who is not on it learns nothing that he did not tell: of one that existed not even
/// since when.
async fn answer(
    tx: &mut Tx,
    who: &Identity,
    status: StatusCode,
    id: InterestId,
    told_name: Option<String>,
) -> Result<Versioned<InterestView>, Problem> {
    let mut answer = shown(tx, who, status, id).await?;
    let view = &mut answer.view;
    if who.role == Role::Salesman
        && view
            .salesman
            .as_ref()
            .is_none_or(|salesman| salesman.id != who.subject)
    {
        view.customer_name = told_name;
        (view.salesman, view.consultant) = (None, None);
        view.consent = view
            .consent
            .take()
            .filter(|consent| consent.role == who.role && consent.by == Some(who.subject));
        view.created_at = view.created_at.filter(|_| status == StatusCode::CREATED);
    }
    Ok(answer)
}
