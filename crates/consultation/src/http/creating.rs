//! `CreateConsultation`.

use axum::extract::State;
use axum::http::StatusCode;
use chrono::NaiveDate;
use events::{ConsultationId, Phase, ProjectId};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use service_kit::auth::{Askers, Only, Role};
use service_kit::clock::seoul_date;
use service_kit::http::{Field, Fields, Json, Versioned};
use service_kit::people::ForWhomFields;
use service_kit::phone::Phone;
use service_kit::problem::Text;
use service_kit::{Context, Problem, Tx, idempotency};
use utoipa::ToSchema;

use super::changing::note_refusal;
use super::views::WholeConsultationView;
use super::{sees, shown, shown_as_requested};
use crate::consultation::{self, Consent, Consultation, LONGEST_MEMO};
use crate::known_project::KnownProject;
use crate::store::{self, copies};

/// The longest name of a project, in characters: the project service takes no longer one.
const LONGEST_PROJECT_NAME: usize = 200;

/// What is asked for, and for whom. A customer is who he signed in as; staff and salesmen tell number, name and consent.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({
    "projectId": "0193a1c2-4b1d-7e02-8f6a-0c9d3e5b7a11", "projectName": "2026년 스마트상점 기술보급사업", "desiredDate": "2026-12-01",
    "memo": "오전에 연락 주세요", "customerName": "홍길동",
}))]
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
        ("x-actors" = json!(["customer", "salesman", "staff"])),
        ("x-command" = json!("CreateConsultation")),
        ("x-events" = json!(["ConsultationCreated"])),
        ("x-problems" = json!(["several-projects"])),
    ),
)]
pub(super) async fn create(
    State(context): State<Context>,
    Only { 0: who, .. }: Only<Askers>,
    Json { body, retry }: Json<CreateConsultation>,
) -> Result<Versioned<WholeConsultationView>, Problem> {
    if who.role == Role::Customer && who.phone.is_none() {
        return Err(Problem::forbidden());
    }
    let mut fields = Fields::default();
    let desired_on = fields.required("/desiredDate", body.desired_date);
    let memo = fields.optional_text("/memo", body.memo, LONGEST_MEMO).unwrap_or_default();
    let for_whom = ForWhomFields { phone: body.phone, customer_name: body.customer_name, consent: body.consent };
    let for_whom = for_whom.read(&who, context.customer_ids()?, &mut fields);
    let mut tx = context.db.begin().await?;
    let today = seoul_date(tx.now());
    if let Some((status, id)) = idempotency::seen(&mut tx, who.subject, retry.as_ref()).await? {
        let stored = store::load(&mut tx, ConsultationId(id)).await?.ok_or_else(Problem::not_found)?;
        if sees(&who, &stored.it) {
            return shown(&mut tx, &who, today, status, stored).await;
        }
        // Entering it for a customer puts nobody on it: what others wrote and did since is not his to read.
        let desired_on = desired_on.ok_or_else(|| fields.problem())?;
        return shown_as_requested(&mut tx, &who, today, status, stored.as_requested(desired_on, memo)).await;
    }
    let asked = asked_project(&mut tx, body.project_id, body.project_name, &mut fields).await?;
    if let Some(Err(refusal)) = desired_on.map(|date| consultation::check_date(date, today)) {
        note_refusal(&mut fields, &refusal);
    }
    if let Asked::Several(projects) = &asked {
        return Err(several(projects, fields, today));
    }
    let (Asked::One { id: project_id, name: project_name, told_name }, Some(desired_on), Some(for_whom), true) =
        (asked, desired_on, for_whom, fields.all_right())
    else {
        return Err(fields.problem());
    };
    let consent = for_whom.is_vouched_for.then(|| Consent { by: who.actor(), at: tx.now() });
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
    idempotency::remember(&mut tx, who.subject, retry.as_ref(), StatusCode::CREATED, it.id.0).await?;
    let stored = store::load(&mut tx, it.id).await?.ok_or_else(Problem::not_found)?;
    let answer = shown(&mut tx, &who, today, StatusCode::CREATED, stored).await?;
    tx.commit().await?;
    Ok(answer)
}

/// Which project is meant.
enum Asked {
    /// This one.
    One {
        id: ProjectId,
        /// As it is asked for.
        name: String,
        /// As this service was told, where it was.
        told_name: Option<String>,
    },
    /// One of these; the caller has to say which.
    Several(Vec<KnownProject>),
    /// Nobody can tell; `fields` say why.
    Unclear,
}

/// By id, or else by name. An id is taken whether or not this service has heard of it.
async fn asked_project(
    tx: &mut Tx,
    id: Field<ProjectId>,
    name: Field<String>,
    fields: &mut Fields,
) -> Result<Asked, sqlx::Error> {
    let is_by_name = matches!(id, Field::Missing);
    let has_name = match &name {
        Field::Missing => false,
        Field::Given(name) => !name.trim().is_empty(),
        Field::Wrong { .. } => true,
    };
    let id = fields.optional("/projectId", id);
    let name = fields.optional_text("/projectName", name, LONGEST_PROJECT_NAME).filter(|name| !name.is_empty());
    match (id, name) {
        (Some(id), name) => {
            let told_name = copies::project(tx, id).await?.map(|project| project.name);
            if let Some(name) = name.or_else(|| told_name.clone()) {
                return Ok(Asked::One { id, name, told_name });
            }
            let message = Text::new("처음 듣는 사업이라 이름이 필요합니다", "This project is not known yet: send its name too");
            fields.refuse("/projectName", "required", message);
        }
        (None, Some(name)) if is_by_name => {
            let mut named = copies::projects_named(tx, &name).await?;
            match (named.pop(), named.is_empty()) {
                (Some(project), true) => return Ok(Asked::One { id: project.id, name, told_name: Some(project.name) }),
                (Some(last), false) => {
                    named.push(last);
                    return Ok(Asked::Several(named));
                }
                (None, _) => {
                    let message = Text::new("그런 이름의 사업이 없습니다", "There is no open project of that name");
                    fields.refuse("/projectName", "unknown", message);
                }
            }
        }
        (None, None) if is_by_name && !has_name => {
            let message = Text::new("지원사업을 골라 주세요", "Say which project: its projectId, or its projectName");
            fields.refuse("/projectId", "required", message);
        }
        // One of the two is wrong, and that is noted.
        (None, _) => {}
    }
    Ok(Asked::Unclear)
}

/// An edition that may be meant by a name.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Candidate<'a> {
    id: ProjectId,
    name: &'a str,
    year: Option<i32>,
    agency: Option<&'a str>,
    phase: Option<Phase>,
}

/// 422: a name that several editions have. What else is wrong is told with it.
fn several(projects: &[KnownProject], mut fields: Fields, today: NaiveDate) -> Problem {
    let candidates: Vec<Candidate<'_>> = projects
        .iter()
        .map(|project| Candidate {
            id: project.id,
            name: &project.name,
            year: project.year,
            agency: project.agency.as_deref(),
            phase: project.phase(today),
        })
        .collect();
    let candidates = serde_json::to_value(candidates).unwrap_or_default();
    if fields.all_right() {
        return several_projects(candidates);
    }
    fields.refuse("/projectName", "several", Text::new(SEVERAL_KO, SEVERAL_EN));
    fields.problem().with("candidates", candidates)
}

const SEVERAL_KO: &str = "같은 이름의 지원사업이 여럿입니다";
const SEVERAL_EN: &str = "Several projects have this name";

fn several_projects(candidates: Value) -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "several-projects", Text::new(SEVERAL_KO, SEVERAL_EN))
        .with("candidates", candidates)
}

/// What [`several`] looks like, for the description.
pub(super) fn an_example_of_several() -> Problem {
    let of = |id: &str, agency: &str| json!({ "id": id, "name": "2026년 스마트상점 기술보급사업", "year": 2026, "agency": agency, "phase": "open" });
    several_projects(json!([
        of("0193a1c2-4b1d-7e02-8f6a-0c9d3e5b7a11", "중소벤처기업부"),
        of("0193a1c2-4b1d-7e02-8f6a-0c9d3e5b7a12", "서울특별시"),
    ]))
}
