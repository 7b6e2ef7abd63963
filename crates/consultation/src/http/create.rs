//! `CreateConsultation`.

use axum::extract::State;
use axum::http::StatusCode;
use chrono::NaiveDate;
use events::{ConsultationId, ProjectId, ProjectStatus, SeriesId};
use serde::Deserialize;
use service_kit::auth::{Identity, Role};
use service_kit::clock::seoul_date;
use service_kit::forms::on_behalf_of::{OnBehalfOf, OnBehalfOfFields};
use service_kit::forms::phone::Phone;
use service_kit::forms::project_ref::{ProjectFields, ProjectRef, ResolvedProject};
use service_kit::http::{Date, Field, Fields, IdempotencyKey, Json, Versioned, idempotency};
use service_kit::{Context, Problem, Tx};
use utoipa::ToSchema;

use super::access::can_see;
use super::problems::add_to_fields;
use super::show;
use super::views::WholeConsultationView;
use crate::consultation::{
    Consultation, MAX_MEMO_LENGTH, MAX_OPEN_CONSULTATIONS, NewConsultation, Refusal, check_date,
    check_open_count,
};
use crate::known_project::KnownProject;
use crate::store::{self, Detail, Stored, open, projections};

/// A request for a consultation. Customers are identified by their session; staff and salesmen
/// also send name, number and consent of the customer.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CreateConsultation {
    /// The project. One that this service does not know yet is accepted together with its name; one
    /// that has ended means its successor.
    #[serde(default)]
    #[schema(value_type = Option<Uuid>)]
    project_id: Field<ProjectId>,
    /// The name of the project as shown to the customer. Without `projectId` it selects the one
    /// edition of that name that has not ended, or the successor of one that has.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 200)]
    project_name: Field<String>,
    /// The desired day, today or later in Seoul. Weekends and holidays are allowed.
    #[serde(default)]
    #[schema(value_type = NaiveDate)]
    desired_date: Field<Date>,
    /// What the consultation should be about.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 2000)]
    memo: Field<String>,
    /// The customer's name. Required from staff and salesmen.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 200)]
    customer_name: Field<String>,
    /// The customer's phone number. Required from staff and salesmen.
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "010-1234-5678")]
    phone: Field<Phone>,
    /// Whether the customer agreed. Must be `true` from staff and salesmen, and is recorded with
    /// the caller and the time.
    #[serde(default)]
    #[schema(value_type = Option<bool>)]
    consent: Field<bool>,
}

/// `CreateConsultation`: a customer requests a consultation, or a salesman or staff on their
/// behalf. A salesman is matched afterwards.
///
/// A customer has one open consultation about a programme, over all of its editions, and a bounded
/// number in all; staff may enter more. A request about an ended edition is about its successor
/// (`redirectedFrom`).
#[utoipa::path(
    post, path = "/consultations", tag = "consultation", request_body = CreateConsultation,
    params(IdempotencyKey),
    responses(
        (
            status = 201, body = WholeConsultationView,
            description = "The consultation was created; a salesman will be assigned",
        ),
        (
            status = 200, body = WholeConsultationView,
            description = "The customer's open consultation about the programme, unchanged, with \
                           `alreadyRequested`: the date and memo of the request are not stored",
        ),
    ),
    extensions(
        ("x-command" = json!("CreateConsultation")),
        ("x-events" = json!(["ConsultationCreated"])),
        ("x-problems" = json!([
            "several-projects", "project-ended", "already-requested", "too-many-consultations",
        ])),
    ),
)]
pub(super) async fn create(
    State(context): State<Context>,
    caller: Identity,
    Json {
        body,
        idempotency_key,
    }: Json<CreateConsultation>,
) -> Result<Versioned<WholeConsultationView>, Problem> {
    if caller.role == Role::Customer && caller.phone.is_none() {
        return Err(Problem::forbidden());
    }
    let key = idempotency_key.as_ref();
    let mut fields = Fields::default();
    let form = Form::read(&context, &caller, body, &mut fields)?;
    let mut tx = context.db.begin().await?;
    let today = seoul_date(tx.now());
    if let Some((status, id)) = idempotency::find(&mut tx, caller.subject, key).await? {
        let stored = store::load(&mut tx, ConsultationId(id)).await?;
        let stored = stored.ok_or_else(Problem::not_found)?;
        if can_see(&caller, &stored.consultation) {
            return answer(&mut tx, &caller, today, status, stored).await;
        }
        if stored.consultation.is_erased() || status != StatusCode::CREATED {
            return Err(Problem::not_found());
        }
        // A colleague who entered it is not thereby assigned, and must not see later changes.
        let desired_on = form.desired_on.ok_or_else(|| fields.problem())?;
        let detail = Detail::load_requested(&mut tx, stored, desired_on, form.memo).await?;
        return Ok(WholeConsultationView::new(detail, &caller, today).into_answer(status));
    }
    let (new, programme) = form.resolve(&mut tx, &caller, today, fields).await?;
    let open = open::lock_and_read(&mut tx, &new, programme.series_id).await?;
    let (status, id) = if let Some(existing) = open.of_programme {
        (StatusCode::OK, existing)
    } else if programme.has_ended {
        return Err(Refusal::ProjectEnded.into());
    } else {
        let limit = context.number(MAX_OPEN_CONSULTATIONS)?;
        check_open_count(open.count, limit, caller.actor())?;
        let (consultation, event) = Consultation::create(new, today, caller.actor())?;
        store::create(&mut tx, &consultation, &event).await?;
        (StatusCode::CREATED, consultation.id)
    };
    let stored = store::load(&mut tx, id).await?;
    let stored = stored.ok_or_else(Problem::not_found)?;
    // A colleague who is not assigned to it must not see its date and memo.
    if status == StatusCode::OK && !can_see(&caller, &stored.consultation) {
        return Err(Refusal::AlreadyRequested.into());
    }
    idempotency::store(&mut tx, caller.subject, key, status, id.0).await?;
    let answer = answer(&mut tx, &caller, today, status, stored).await?;
    tx.commit().await?;
    Ok(answer)
}

/// The consultation as the caller sees it, which existed before if the status is 200.
async fn answer(
    tx: &mut Tx,
    caller: &Identity,
    today: NaiveDate,
    status: StatusCode,
    stored: Stored,
) -> Result<Versioned<WholeConsultationView>, Problem> {
    let mut answer = show::answer(tx, caller, today, status, stored).await?;
    if status == StatusCode::OK {
        answer.view = answer.view.into_already_requested();
    }
    Ok(answer)
}

/// The fields that were valid. All invalid ones are refused together.
struct Form {
    project: Option<ProjectRef>,
    desired_on: Option<NaiveDate>,
    memo: String,
    customer: Option<OnBehalfOf>,
}

impl Form {
    fn read(
        context: &Context,
        caller: &Identity,
        body: CreateConsultation,
        fields: &mut Fields,
    ) -> Result<Self, Problem> {
        let project = ProjectFields {
            project_id: body.project_id,
            project_name: body.project_name,
        };
        let customer = OnBehalfOfFields {
            phone: body.phone,
            customer_name: body.customer_name,
            consent: body.consent,
        };
        Ok(Self {
            project: project.read(fields),
            desired_on: fields.date("/desiredDate", body.desired_date),
            memo: fields
                .optional_text("/memo", body.memo, MAX_MEMO_LENGTH)
                .unwrap_or_default(),
            customer: customer.read(caller, context.customer_ids()?, fields),
        })
    }

    /// Checks the date, resolves the project, and replaces an ended one by its successor.
    async fn resolve(
        self,
        tx: &mut Tx,
        caller: &Identity,
        today: NaiveDate,
        mut fields: Fields,
    ) -> Result<(NewConsultation, Programme), Problem> {
        if let Some(Err(refusal)) = self.desired_on.map(|date| check_date(date, today)) {
            add_to_fields(&mut fields, &refusal);
        }
        let mut project = None;
        if let Some(reference) = self.project {
            let found = projections::find_projects(tx, &reference).await?;
            // A consultation is about one edition, so that each edition is a separate choice.
            project = reference.resolve(
                found,
                |project| project.id,
                |project| project.candidate(today),
                &mut fields,
            )?;
        }
        let (Some(project), Some(desired_on), Some(customer), true) =
            (project, self.desired_on, self.customer, fields.is_valid())
        else {
            return Err(fields.problem());
        };
        let about = match project {
            ResolvedProject::Known { project, sent_name } => {
                About::known(tx, project, sent_name).await?
            }
            ResolvedProject::Unknown { id, sent_name } => About {
                project_id: id,
                programme: Programme::default(),
                asked_project_id: None,
                project_name: sent_name,
                known_name: None,
            },
        };
        let new = NewConsultation {
            id: ConsultationId(tx.new_id()),
            project_id: about.project_id,
            asked_project_id: about.asked_project_id,
            project_name: about.project_name,
            known_name: about.known_name,
            customer_id: customer.customer_id,
            consent: customer.consent(caller, tx.now()),
            phone: customer.phone,
            customer_name: customer.name,
            desired_on,
            memo: self.memo,
        };
        Ok((new, about.programme))
    }
}

/// The programme of a requested edition.
#[derive(Default)]
struct Programme {
    /// `None` while it is not known.
    series_id: Option<SeriesId>,
    /// Whether the edition has ended, and no successor is known. Then nothing is created.
    has_ended: bool,
}

/// The edition that the consultation will be about.
struct About {
    project_id: ProjectId,
    programme: Programme,
    asked_project_id: Option<ProjectId>,
    project_name: String,
    known_name: Option<String>,
}

impl About {
    /// The edition, or its successor if it has ended and has one.
    async fn known(
        tx: &mut Tx,
        asked: KnownProject,
        sent_name: Option<String>,
    ) -> Result<Self, sqlx::Error> {
        let has_ended = asked.status == ProjectStatus::Ended;
        let successor = if has_ended {
            projections::successor(tx, &asked).await?
        } else {
            None
        };
        let Some(successor) = successor else {
            return Ok(Self {
                project_id: asked.id,
                programme: Programme {
                    series_id: asked.series_id,
                    has_ended,
                },
                asked_project_id: None,
                project_name: sent_name.unwrap_or_else(|| asked.name.clone()),
                known_name: Some(asked.name),
            });
        };
        // A name of the ended edition says nothing about the successor; any other one differs.
        let differing_name = sent_name.filter(|name| !asked.is_called(name));
        Ok(Self {
            project_id: successor.id,
            programme: Programme {
                series_id: successor.series_id,
                has_ended: false,
            },
            asked_project_id: Some(asked.id),
            project_name: differing_name.unwrap_or_else(|| successor.name.clone()),
            known_name: Some(successor.name),
        })
    }
}
