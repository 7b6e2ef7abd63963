//! What callers can do with consultations.

use axum::extract::State;
use axum::http::StatusCode;
use chrono::{DateTime, NaiveDate, Utc};
use events::{ConsultationId, PersonRef, ProjectId, Step};
use serde::{Deserialize, Serialize};
use service_kit::auth::{Customer, Identity, Role};
use service_kit::clock::seoul_date;
use service_kit::http::{Field, Fields, IfMatch, Json, PageQuery, Paged, Path, Query, Versioned};
use service_kit::idempotency::Retry;
use service_kit::people::PersonView;
use service_kit::problem::{ChangeError, ProblemDocument, Text};
use service_kit::{Context, Problem, idempotency};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::consultation::{self, Command, Consultation, LONGEST_MEMO, LONGEST_REASON, Refusal};
use crate::store::{self, Stored};

/// The longest name of a project or a person, in characters.
const LONGEST_NAME: usize = 200;

pub(crate) fn routes() -> OpenApiRouter<Context> {
    OpenApiRouter::new().routes(routes!(create, list)).routes(routes!(show, edit)).routes(routes!(progress))
}

/// A consultation as its reader may see it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ConsultationView {
    id: Uuid,
    project_id: Uuid,
    project_name: String,
    customer_id: Uuid,
    customer_name: Option<String>,
    /// The middle is hidden.
    #[schema(example = "010-****-5678")]
    phone: String,
    /// The day the customer wishes for, in Seoul.
    desired_date: NaiveDate,
    memo: String,
    #[schema(value_type = StepName)]
    step: Step,
    /// The steps it can go to from here.
    #[schema(value_type = Vec<StepName>)]
    next_steps: Vec<Step>,
    reason: Option<String>,
    /// Nobody until matched (배정 중).
    salesman: Option<PersonView>,
    consultant: Option<PersonView>,
    created_at: DateTime<Utc>,
    /// Also the `ETag`.
    version: i64,
}

/// 신청, 승인, 성공, 실패, 취소.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
#[expect(dead_code, reason = "only the description uses it: events must not depend on utoipa")]
enum StepName {
    Apply,
    Approved,
    Succeeded,
    Failed,
    Cancelled,
}

impl From<Stored> for ConsultationView {
    fn from(Stored { it, created_at }: Stored) -> Self {
        Self {
            id: it.id.0,
            project_id: it.project_id.0,
            customer_id: it.customer_id.0,
            phone: it.phone.masked(),
            desired_date: it.desired_on,
            step: it.step,
            next_steps: it.next_steps().to_vec(),
            version: it.version,
            project_name: it.project_name,
            customer_name: it.customer_name,
            memo: it.memo,
            reason: it.reason,
            salesman: it.salesman.map(PersonView::from),
            consultant: it.consultant.map(PersonView::from),
            created_at,
        }
    }
}

/// Whether somebody may know that the consultation exists. Another person's is 404, not 403.
fn sees(who: &Identity, it: &Consultation) -> bool {
    let is = |person: &Option<PersonRef>| person.as_ref().is_some_and(|person| person.id.0 == who.subject);
    match who.role {
        Role::Customer => it.customer_id.0 == who.subject,
        Role::Salesman => is(&it.salesman),
        Role::Consultant => is(&it.consultant),
        Role::Staff => true,
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let en = refusal.to_string();
        match refusal {
            Refusal::InThePast | Refusal::TooLate | Refusal::ReasonMissing(_) => {
                let mut fields = Fields::default();
                note(&mut fields, &refusal);
                fields.problem()
            }
            Refusal::Closed(step) => {
                Self::conflict("consultation-closed", Text::new("이미 끝난 상담입니다", en)).with("step", step.as_str())
            }
            Refusal::NotEditable(step) => {
                Self::conflict("consultation-not-editable", Text::new("신청 상태에서만 고칠 수 있습니다", en))
                    .with("step", step.as_str())
            }
            Refusal::NoSuchWay { from, .. } => {
                Self::conflict("step-not-allowed", Text::new("지금 단계에서는 할 수 없습니다", en)).with("step", from.as_str())
            }
            Refusal::NobodyOnIt => Self::conflict("not-matched-yet", Text::new("아직 영업대표를 배정하고 있습니다", en))
                .with("step", Step::Apply.as_str()),
        }
    }
}

/// Notes a refusal that is about one field beside what else is wrong; the others are about the state.
fn note(fields: &mut Fields, refusal: &Refusal) {
    let (pointer, code, ko) = match refusal {
        Refusal::InThePast => ("/desiredDate", "in-the-past", "지난 날짜는 고를 수 없습니다"),
        Refusal::TooLate => ("/desiredDate", "too-late", "날짜를 확인해 주세요"),
        Refusal::ReasonMissing(_) => ("/reason", "required", "사유를 적어 주세요"),
        Refusal::Closed(_) | Refusal::NotEditable(_) | Refusal::NoSuchWay { .. } | Refusal::NobodyOnIt => return,
    };
    fields.refuse(pointer, code, Text::new(ko, refusal.to_string()));
}

/// What a customer asks for.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CreateConsultation {
    /// What it shall be about.
    #[serde(default)]
    #[schema(value_type = Uuid)]
    project_id: Field<ProjectId>,
    /// The project's name as the page showed it; needed only while this service has not heard of the project.
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
    /// How the customer wants to be addressed.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 200)]
    customer_name: Field<String>,
}

/// `CreateConsultation`: a customer asks for a consultation. Matching follows by itself.
#[utoipa::path(
    post, path = "/consultations", tag = "consultation", request_body = CreateConsultation,
    params(("Idempotency-Key" = Option<String>, Header, description = "Sent again, the same answer comes again")),
    responses(
        (status = 201, body = ConsultationView, description = "It exists; a salesman is being found"),
        (status = "4XX", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 503, body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
async fn create(
    State(context): State<Context>,
    who: Identity,
    customer: Customer,
    Json { body, retry }: Json<CreateConsultation>,
) -> Result<Versioned<ConsultationView>, Problem> {
    let mut tx = context.db.begin().await?;
    if let Some((status, id)) = idempotency::seen(&mut tx, who.subject, retry.as_ref()).await? {
        let stored = store::load(&mut tx, ConsultationId(id)).await?.ok_or_else(Problem::not_found)?;
        return Ok(shown(status, stored));
    }
    let mut fields = Fields::default();
    let project_id = fields.required("/projectId", body.project_id);
    let sent_name = fields.optional_text("/projectName", body.project_name, LONGEST_NAME).filter(|name| !name.is_empty());
    let desired_on = fields.required("/desiredDate", body.desired_date);
    let memo = fields.optional_text("/memo", body.memo, LONGEST_MEMO).unwrap_or_default();
    let customer_name = fields.optional_text("/customerName", body.customer_name, LONGEST_NAME).filter(|name| !name.is_empty());
    let today = seoul_date(tx.now());
    if let Some(Err(refusal)) = desired_on.map(|date| consultation::check_date(date, today)) {
        note(&mut fields, &refusal);
    }
    let told_name = match project_id {
        Some(id) => store::project_name(&mut tx, id).await?,
        None => None,
    };
    let name_is_told = told_name.is_some();
    let project_name = told_name.or(sent_name);
    if project_id.is_some() && project_name.is_none() {
        let message = Text::new("처음 듣는 사업이라 이름이 필요합니다", "This project is not known yet: send its name too");
        fields.refuse("/projectName", "required", message);
    }
    let (Some(project_id), Some(project_name), Some(desired_on), true) =
        (project_id, project_name, desired_on, fields.all_right())
    else {
        return Err(fields.problem());
    };
    let request = consultation::Request {
        id: ConsultationId(tx.new_id()),
        project_id,
        project_name,
        name_is_told,
        customer_id: customer.id,
        phone: customer.phone,
        customer_name,
        desired_on,
        memo,
    };
    let (it, event) = Consultation::create(request, today, who.actor())?;
    store::create(&mut tx, &it, &event).await?;
    idempotency::remember(&mut tx, who.subject, retry.as_ref(), StatusCode::CREATED, it.id.0).await?;
    let created_at = tx.now();
    tx.commit().await?;
    Ok(shown(StatusCode::CREATED, Stored { it, created_at }))
}

fn shown(status: StatusCode, stored: Stored) -> Versioned<ConsultationView> {
    let location = (status == StatusCode::CREATED).then(|| format!("/consultations/{}", stored.it.id));
    Versioned { status, location, version: stored.it.version, view: stored.into() }
}

/// The consultations the caller may see, newest first: a customer's own, a salesman's or consultant's assigned ones, all for staff.
#[utoipa::path(
    get, path = "/consultations", tag = "consultation", params(PageQuery),
    responses(
        (status = 200, body = Paged<ConsultationView>),
        (status = "4XX", body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
async fn list(
    State(context): State<Context>,
    who: Identity,
    Query(query): Query<PageQuery>,
) -> Result<Paged<ConsultationView>, Problem> {
    let page = query.page()?;
    let stored = store::list(context.db.pool(), &who, page).await?;
    let views = stored.into_iter().map(ConsultationView::from).collect();
    Ok(Paged::cut(views, page, |view: &ConsultationView| view.id))
}

/// One consultation.
#[utoipa::path(
    get, path = "/consultations/{id}", tag = "consultation", params(("id" = Uuid, Path)),
    responses(
        (status = 200, body = ConsultationView),
        (status = "4XX", body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
async fn show(
    State(context): State<Context>,
    who: Identity,
    Path(id): Path<ConsultationId>,
) -> Result<Versioned<ConsultationView>, Problem> {
    let mut connection = context.db.pool().acquire().await?;
    let stored = store::load(&mut connection, id).await?.filter(|stored| sees(&who, &stored.it));
    stored.map(|stored| shown(StatusCode::OK, stored)).ok_or_else(Problem::not_found)
}

/// What a customer changes. What is not sent stays.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EditConsultation {
    /// Another day, today or later in Seoul.
    #[serde(default)]
    #[schema(value_type = Option<NaiveDate>)]
    desired_date: Field<NaiveDate>,
    /// Another memo.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 2000)]
    memo: Field<String>,
}

/// `EditConsultation`: its customer changes the date or the memo, while it is `apply`.
#[utoipa::path(
    patch, path = "/consultations/{id}", tag = "consultation", request_body = EditConsultation,
    params(("id" = Uuid, Path), ("If-Match" = String, Header, description = "The version that is meant, as its ETag")),
    responses(
        (status = 200, body = ConsultationView),
        (status = "4XX", body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
async fn edit(
    State(context): State<Context>,
    who: Identity,
    Path(id): Path<ConsultationId>,
    if_match: IfMatch,
    Json { body, .. }: Json<EditConsultation>,
) -> Result<Versioned<ConsultationView>, Problem> {
    let who = who.one_of(&[Role::Customer])?;
    let mut fields = Fields::default();
    let desired_on = fields.optional("/desiredDate", body.desired_date);
    let memo = fields.optional_text("/memo", body.memo, LONGEST_MEMO);
    let today = seoul_date(context.db.now());
    // A date that has passed since it was chosen may stay, which only the consultation can tell.
    if let Some(Err(refusal @ Refusal::TooLate)) = desired_on.map(|date| consultation::check_date(date, today)) {
        note(&mut fields, &refusal);
    }
    if !fields.all_right() {
        return Err(fields.problem());
    }
    changed(&context, &who, id, if_match, Command::Edit { desired_on, memo, today }, None).await
}

/// Where a consultation shall go.
#[derive(Deserialize, ToSchema)]
pub(crate) struct ProgressConsultation {
    /// The step.
    #[serde(default)]
    #[schema(value_type = StepName)]
    step: Field<Step>,
    /// Why; `cancelled` and `failed` want one.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 500)]
    reason: Field<String>,
}

/// `ProgressConsultation`: the assigned salesman or staff move it; its customer may cancel it.
#[utoipa::path(
    post, path = "/consultations/{id}/progress", tag = "consultation", request_body = ProgressConsultation,
    params(
        ("id" = Uuid, Path),
        ("If-Match" = String, Header, description = "The version that is meant, as its ETag"),
        ("Idempotency-Key" = Option<String>, Header, description = "Sent again, the same answer comes again"),
    ),
    responses(
        (status = 200, body = ConsultationView),
        (status = "4XX", body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
async fn progress(
    State(context): State<Context>,
    who: Identity,
    Path(id): Path<ConsultationId>,
    if_match: IfMatch,
    Json { body, retry }: Json<ProgressConsultation>,
) -> Result<Versioned<ConsultationView>, Problem> {
    let who = who.one_of(&[Role::Customer, Role::Salesman, Role::Staff])?;
    let mut fields = Fields::default();
    let step = fields.required("/step", body.step);
    let reason = fields.optional_text("/reason", body.reason, LONGEST_REASON).filter(|reason| !reason.is_empty());
    let (Some(to), true) = (step, fields.all_right()) else {
        return Err(fields.problem());
    };
    if who.role == Role::Customer && to != Step::Cancelled {
        return Err(Problem::forbidden());
    }
    changed(&context, &who, id, if_match, Command::Progress { to, reason }, retry.as_ref()).await
}

async fn changed(
    context: &Context,
    who: &Identity,
    id: ConsultationId,
    if_match: IfMatch,
    command: Command,
    retry: Option<&Retry>,
) -> Result<Versioned<ConsultationView>, Problem> {
    let mut tx = context.db.begin().await?;
    if idempotency::seen(&mut tx, who.subject, retry).await?.is_some() {
        let stored = store::load(&mut tx, id).await?.filter(|stored| sees(who, &stored.it)).ok_or_else(Problem::not_found)?;
        return Ok(shown(StatusCode::OK, stored));
    }
    let may = |it: &Consultation| match it.version {
        _ if !sees(who, it) => Err(ChangeError::NotFound),
        current if !if_match.allows(current) => Err(ChangeError::Stale { current }),
        _ => Ok(()),
    };
    store::change(&mut tx, id, may, command, who.actor()).await?;
    idempotency::remember(&mut tx, who.subject, retry, StatusCode::OK, id.0).await?;
    let stored = store::load(&mut tx, id).await?.ok_or_else(Problem::not_found)?;
    tx.commit().await?;
    Ok(shown(StatusCode::OK, stored))
}
