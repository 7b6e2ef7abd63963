//! `CreateInterest`: by a customer for himself, or by staff or a salesman for a customer; a project's id says which programme, or its name.

use axum::extract::State;
use axum::http::StatusCode;
use chrono::NaiveDate;
use events::{InterestId, Phase, ProjectId, phase};
use serde::{Deserialize, Serialize};
use serde_json::json;
use service_kit::auth::{Askers, Identity, Only, Role};
use service_kit::clock::seoul_date;
use service_kit::http::{Field, Fields, Json, Versioned};
use service_kit::people::ForWhomFields;
use service_kit::phone::Phone;
use service_kit::problem::Text;
use service_kit::{Context, Problem, Tx, idempotency};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::http::{InterestView, shown};
use crate::interest::{Command, Consent, Interest, Mark};
use crate::store;
use crate::store::copies::{self, Candidate, Known};

/// The longest name of a project that a page may send, in characters.
const LONGEST_PROJECT_NAME: usize = 200;

/// Which programme is marked, and for whom.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({
    "projectId": "0193a5d0-8c5e-7b64-9a3f-5f2c1b7e4d30",
    "projectName": "2026년 소상공인 스마트상점 기술보급사업",
    "phone": "010-1234-5678",
    "customerName": "홍길동",
    "consent": true
}))]
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
        ("x-actors" = json!(["customer", "staff", "salesman"])),
        ("x-command" = json!("CreateInterest")),
        ("x-events" = json!(["InterestCreated", "InterestUpdated"])),
        ("x-problems" = json!(["several-projects"])),
    ),
)]
pub(crate) async fn create(
    State(context): State<Context>,
    Only { 0: who, .. }: Only<Askers>,
    Json { body, retry }: Json<CreateInterest>,
) -> Result<Versioned<InterestView>, Problem> {
    if who.role == Role::Customer && who.phone.is_none() {
        return Err(Problem::forbidden());
    }
    let mut fields = Fields::default();
    let sent = Sent::read(body.project_id, body.project_name, &mut fields);
    let whom = ForWhomFields { phone: body.phone, customer_name: body.customer_name, consent: body.consent };
    let whom = whom.read(&who, context.customer_ids()?, &mut fields);
    let mut tx = context.db.begin().await?;
    if let Some((status, id)) = idempotency::seen(&mut tx, who.subject, retry.as_ref()).await? {
        return answer(&mut tx, &who, status, InterestId(id), whom.and_then(|whom| whom.name)).await;
    }
    let meant = sent.resolve(&mut tx, &mut fields).await?;
    let (Some(meant), Some(whom), true) = (meant, whom, fields.all_right()) else {
        return Err(fields.problem());
    };
    let (marked_project_id, series_id, project_id, project_name) = match meant {
        Meant::Several(candidates) => {
            let today = seoul_date(tx.now());
            return Err(several_projects(&candidates.into_iter().map(|it| CandidateView::on(it, today)).collect::<Vec<_>>()));
        }
        Meant::Heard { marked, known } => (marked, Some(known.series_id), known.shown, known.name),
        Meant::Unheard { marked, name } => (marked, None, marked, name),
    };
    let now = tx.now();
    let mark = Mark {
        id: InterestId(tx.new_id()),
        series_id,
        marked_project_id,
        project_id,
        project_name,
        customer_id: whom.customer_id,
        phone: whom.phone,
        customer_name: whom.name.clone(),
        consent: whom.is_vouched_for.then_some(Consent { role: who.role, by: who.subject, at: now }),
    };
    let consent = mark.consent;
    let (it, event) = Interest::create(mark, who.actor());
    let (status, id) = match store::create(&mut tx, &it, &event).await? {
        None => (StatusCode::CREATED, it.id),
        Some(existing) => {
            let on = Command::Turn { interested: true, consent };
            store::change(&mut tx, existing, now, |_| Ok(()), on, who.actor()).await?;
            (StatusCode::OK, existing)
        }
    };
    idempotency::remember(&mut tx, who.subject, retry.as_ref(), status, id.0).await?;
    let answer = answer(&mut tx, &who, status, id, whom.name).await?;
    tx.commit().await?;
    Ok(answer)
}

/// The interest as whoever entered it may see it. A salesman who is not on it learns nothing of the customer that he did not tell.
async fn answer(
    tx: &mut Tx,
    who: &Identity,
    status: StatusCode,
    id: InterestId,
    told_name: Option<String>,
) -> Result<Versioned<InterestView>, Problem> {
    let mut answer = shown(tx, status, id).await?;
    if who.role == Role::Salesman && answer.view.salesman.as_ref().is_none_or(|salesman| salesman.id != who.subject) {
        answer.view.customer_name = told_name;
    }
    Ok(answer)
}

/// Which programme the body says.
struct Sent {
    id: Option<ProjectId>,
    name: Option<String>,
    /// What is wrong with the id or the name is noted already: nothing more can be said of which is meant.
    is_wrong: bool,
}

/// What that turned out to be.
enum Meant {
    /// This edition, of which this service has heard.
    Heard { marked: ProjectId, known: Known },
    /// This edition, of which it has not: the name is the page's.
    Unheard { marked: ProjectId, name: String },
    /// Any of these: the caller has to choose.
    Several(Vec<Candidate>),
}

impl Sent {
    fn read(id: Field<ProjectId>, name: Field<String>, fields: &mut Fields) -> Self {
        let has_no_id = matches!(id, Field::Missing);
        let has_no_name = match &name {
            Field::Missing => true,
            Field::Given(name) => name.trim().is_empty(),
            Field::Wrong { .. } => false,
        };
        if has_no_id && has_no_name {
            let message = Text::new("사업의 id나 이름이 필요합니다", "Send the project's id or its name");
            fields.refuse("/projectId", "required", message);
        }
        let id = fields.optional("/projectId", id);
        let name = fields.optional_text("/projectName", name, LONGEST_PROJECT_NAME).filter(|name| !name.is_empty());
        let is_wrong = (id.is_none() && !has_no_id) || (name.is_none() && !has_no_name) || (has_no_id && has_no_name);
        Self { id, name, is_wrong }
    }

    async fn resolve(self, tx: &mut Tx, fields: &mut Fields) -> Result<Option<Meant>, Problem> {
        let Self { id, name, is_wrong } = self;
        if is_wrong {
            return Ok(None);
        }
        let marked = match (id, &name) {
            (Some(id), _) => id,
            (None, None) => return Ok(None),
            (None, Some(name)) => {
                let candidates = copies::candidates(tx, name).await?;
                match candidates.as_slice() {
                    [] => {
                        let message = Text::new(
                            "예정이거나 진행 중인 사업 중에 그런 이름이 없습니다",
                            "No edition of that name is planned or running",
                        );
                        fields.refuse("/projectName", "unknown", message);
                        return Ok(None);
                    }
                    [only] => only.id,
                    _ => return Ok(Some(Meant::Several(candidates))),
                }
            }
        };
        Ok(match (copies::known_project(tx, marked).await?, name) {
            (Some(known), _) => Some(Meant::Heard { marked, known }),
            (None, Some(name)) => Some(Meant::Unheard { marked, name }),
            (None, None) => {
                let message =
                    Text::new("처음 듣는 사업이라 이름이 필요합니다", "This project is not known yet: send its name too");
                fields.refuse("/projectName", "required", message);
                None
            }
        })
    }
}

/// An edition that the name may mean.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CandidateView {
    id: Uuid,
    name: String,
    year: i32,
    agency: String,
    phase: Phase,
}

impl CandidateView {
    fn on(it: Candidate, today: NaiveDate) -> Self {
        Self { id: it.id.0, phase: phase(it.status, &it.period, today), name: it.name, year: it.year, agency: it.agency }
    }
}

/// 422: the caller has to choose one of these, and send its id.
pub(crate) fn several_projects(candidates: &[CandidateView]) -> Problem {
    let title = Text::new("같은 이름의 사업이 여럿입니다", "Several projects have that name");
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "several-projects", title).with("candidates", json!(candidates))
}

/// Two announcements of one programme in one year, for the description.
pub(crate) fn example_candidates() -> [CandidateView; 2] {
    [(0x0193_a5d0_8c5e_7b64_9a3f_5f2c_1b7e_4d30, Phase::Upcoming), (0x0193_a5d0_8c5e_7b64_9a3f_5f2c_1b7e_4d31, Phase::Open)].map(
        |(id, phase)| CandidateView {
            id: Uuid::from_u128(id),
            name: "소상공인 스마트상점 기술보급사업".to_owned(),
            year: 2026,
            agency: "중소벤처기업부".to_owned(),
            phase,
        },
    )
}
