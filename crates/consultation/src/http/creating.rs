//! `CreateConsultation`.

use axum::extract::State;
use axum::http::StatusCode;
use chrono::NaiveDate;
use events::{ConsultationId, ProjectId};
use serde::Deserialize;
use service_kit::auth::{Identity, Role};
use service_kit::clock::seoul_date;
use service_kit::forms::on_behalf_of::OnBehalfOfFields;
use service_kit::forms::phone::Phone;
use service_kit::forms::project_ref::{ProjectFields, ResolvedProject};
use service_kit::http::idempotency;
use service_kit::http::{Field, Fields, Json, Versioned};
use service_kit::{Context, Problem};
use utoipa::ToSchema;

use super::changing::note_refusal;
use super::views::WholeConsultationView;
use super::{sees, shown, shown_as_requested};
use crate::consultation::{self, Consent, Consultation, LONGEST_MEMO};
use crate::store::{self, copies};

/// What is asked for, and for whom. A customer is who he signed in as; staff and salesmen tell number, name and consent.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CreateConsultation {
    /// What it shall be about. One that this service has not heard of yet is taken as well, with its name.
    #[serde(default)]
    #[schema(value_type = Option<Uuid>)]
    project_id: Field<ProjectId>,
    /// The project's name as the page showed it. Without `projectId` it means the one edition of that name that is not ended.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 200)]
    project_name: Field<String>,
    /// The day the customer wishes for, today or later in Seoul. Weekends and holidays are allowed.
    #[serde(default)]
    #[schema(value_type = NaiveDate)]
    desired_date: Field<NaiveDate>,
    /// What the customer wants to talk about.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 2000)]
    memo: Field<String>,
    /// How the customer wants to be addressed. Required of staff and salesmen.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 200)]
    customer_name: Field<String>,
    /// The customer's number. Required of staff and salesmen.
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "010-1234-5678")]
    phone: Field<Phone>,
    /// That the customer agreed. Required to be `true` of staff and salesmen, and recorded with who said so and when.
    #[serde(default)]
    #[schema(value_type = Option<bool>)]
    consent: Field<bool>,
}

/// `CreateConsultation`: a customer asks for a consultation, or a salesman or staff for him. Matching follows by itself.
#[utoipa::path(
    post, path = "/consultations", tag = "consultation", request_body = CreateConsultation,
    params(("Idempotency-Key" = Option<String>, Header, description = "Sent again, the same answer comes again")),
    responses((status = 201, body = WholeConsultationView, description = "It exists; a salesman is being found")),
    extensions(
        ("x-command" = json!("CreateConsultation")),
        ("x-events" = json!(["ConsultationCreated"])),
        ("x-problems" = json!(["several-projects"])),
    ),
)]
pub(super) async fn create(
    State(context): State<Context>,
    who: Identity,
    Json {
        body,
        idempotency_key,
    }: Json<CreateConsultation>,
) -> Result<Versioned<WholeConsultationView>, Problem> {
    if who.role == Role::Customer && who.phone.is_none() {
        return Err(Problem::forbidden());
    }
    let mut fields = Fields::default();
    let asked = ProjectFields {
        project_id: body.project_id,
        project_name: body.project_name,
    }
    .read(&mut fields);
    let desired_on = fields.required("/desiredDate", body.desired_date);
    let memo = fields
        .optional_text("/memo", body.memo, LONGEST_MEMO)
        .unwrap_or_default();
    let for_whom = OnBehalfOfFields {
        phone: body.phone,
        customer_name: body.customer_name,
        consent: body.consent,
    };
    let for_whom = for_whom.read(&who, context.customer_ids()?, &mut fields);
    let mut tx = context.db.begin().await?;
    let today = seoul_date(tx.now());
    if let Some((status, id)) =
        idempotency::find(&mut tx, who.subject, idempotency_key.as_ref()).await?
    {
        let stored = store::load(&mut tx, ConsultationId(id))
            .await?
            .ok_or_else(Problem::not_found)?;
        if sees(&who, &stored.it) {
            return shown(&mut tx, &who, today, status, stored).await;
        }
        if stored.it.is_erased() {
            return Err(Problem::not_found());
        }
        // Entering it for a customer puts nobody on it: what others wrote and did since is not his to read.
        let desired_on = desired_on.ok_or_else(|| fields.problem())?;
        return shown_as_requested(
            &mut tx,
            &who,
            today,
            status,
            stored.into_requested(desired_on, memo),
        )
        .await;
    }
    if let Some(Err(refusal)) = desired_on.map(|date| consultation::check_date(date, today)) {
        note_refusal(&mut fields, &refusal);
    }
    let mut meant = None;
    if let Some(asked) = asked {
        let heard = copies::projects_asked_for(&mut tx, &asked).await?;
        // Each edition is a choice of its own: a consultation is about one of them.
        meant = asked.resolve(
            heard,
            |project| project.id,
            |project| project.candidate(today),
            &mut fields,
        )?;
    }
    let (Some(meant), Some(desired_on), Some(for_whom), true) =
        (meant, desired_on, for_whom, fields.is_valid())
    else {
        return Err(fields.problem());
    };
    let (project_id, project_name, told_name) = match meant {
        ResolvedProject::Heard { it, sent_name } => (
            it.id,
            sent_name.unwrap_or_else(|| it.name.clone()),
            Some(it.name),
        ),
        ResolvedProject::Unheard { id, sent_name } => (id, sent_name, None),
    };
    let consent = for_whom.is_vouched_for.then(|| Consent {
        role: who.role,
        by: who.subject,
        at: tx.now(),
    });
    let request = consultation::Request {
        id: ConsultationId(tx.new_id()),
        project_id,
        project_name,
        told_name,
        customer_id: for_whom.customer_id,
        phone: for_whom.phone,
        customer_name: for_whom.name,
        consent,
        desired_on,
        memo,
    };
    let (it, event) = Consultation::create(request, today, who.actor())?;
    store::create(&mut tx, &it, &event).await?;
    idempotency::store(
        &mut tx,
        who.subject,
        idempotency_key.as_ref(),
        StatusCode::CREATED,
        it.id.0,
    )
    .await?;
    let stored = store::load(&mut tx, it.id)
        .await?
        .ok_or_else(Problem::not_found)?;
    let answer = shown(&mut tx, &who, today, StatusCode::CREATED, stored).await?;
    tx.commit().await?;
    Ok(answer)
}
