//! What callers can do with interests.

use axum::extract::State;
use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use events::{InterestId, PersonRef, ProjectId};
use serde::{Deserialize, Serialize};
use service_kit::auth::{Customer, Identity, Role};
use service_kit::http::{Field, Fields, IfMatch, Json, PageQuery, Paged, Path, Query, Versioned};
use service_kit::people::PersonView;
use service_kit::problem::{ChangeError, ProblemDocument, Text};
use service_kit::{Context, Problem, Tx, idempotency};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::interest::{Command, Interest, Mark};
use crate::store::{self, Stored};

/// The longest name of a project or a person, in characters.
const LONGEST_NAME: usize = 200;

pub(crate) fn routes() -> OpenApiRouter<Context> {
    OpenApiRouter::new().routes(routes!(create, list)).routes(routes!(show, update))
}

/// An interest as its reader may see it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct InterestView {
    id: Uuid,
    series_id: Option<Uuid>,
    project_id: Uuid,
    project_name: String,
    customer_id: Uuid,
    customer_name: Option<String>,
    /// The middle is hidden.
    #[schema(example = "010-****-5678")]
    phone: String,
    interested: bool,
    /// Nobody until matched (배정 중).
    salesman: Option<PersonView>,
    consultant: Option<PersonView>,
    created_at: DateTime<Utc>,
    /// Also the `ETag`.
    version: i64,
}

impl From<Stored> for InterestView {
    fn from(Stored { it, created_at }: Stored) -> Self {
        Self {
            id: it.id.0,
            series_id: it.series_id.map(|series| series.0),
            project_id: it.project_id.0,
            customer_id: it.customer_id.0,
            phone: it.phone.masked(),
            interested: it.interested,
            version: it.version,
            project_name: it.project_name,
            customer_name: it.customer_name,
            salesman: it.salesman.map(PersonView::from),
            consultant: it.consultant.map(PersonView::from),
            created_at,
        }
    }
}

/// Whether somebody may know that the interest exists. Another person's is 404, not 403.
fn sees(who: &Identity, it: &Interest) -> bool {
    let is = |person: &Option<PersonRef>| person.as_ref().is_some_and(|person| person.id.0 == who.subject);
    match who.role {
        Role::Customer => it.customer_id.0 == who.subject,
        Role::Salesman => is(&it.salesman),
        Role::Consultant => is(&it.consultant),
        Role::Staff => true,
    }
}

/// What a customer marks.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CreateInterest {
    /// Any edition of the programme.
    #[serde(default)]
    #[schema(value_type = Uuid)]
    project_id: Field<ProjectId>,
    /// The project's name as the page showed it; needed only while this service has not heard of the project.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 200)]
    project_name: Field<String>,
    /// How the customer wants to be addressed.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 200)]
    customer_name: Field<String>,
}

/// `CreateInterest`: a customer marks a programme. Marking it again gives the interest that exists, turned on.
#[utoipa::path(
    post, path = "/interests", tag = "interest", request_body = CreateInterest,
    params(("Idempotency-Key" = Option<String>, Header, description = "Sent again, the same answer comes again")),
    responses(
        (status = 201, body = InterestView, description = "It exists; a salesman is being found"),
        (status = 200, body = InterestView, description = "It existed, and is on"),
        (status = "4XX", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 503, body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
async fn create(
    State(context): State<Context>,
    who: Identity,
    customer: Customer,
    Json { body, retry }: Json<CreateInterest>,
) -> Result<Versioned<InterestView>, Problem> {
    let mut tx = context.db.begin().await?;
    if let Some((status, id)) = idempotency::seen(&mut tx, who.subject, retry.as_ref()).await? {
        return shown(&mut tx, status, InterestId(id)).await;
    }
    let mut fields = Fields::default();
    let project_id = fields.required("/projectId", body.project_id);
    let sent_name = fields.optional_text("/projectName", body.project_name, LONGEST_NAME).filter(|name| !name.is_empty());
    let customer_name = fields.optional_text("/customerName", body.customer_name, LONGEST_NAME).filter(|name| !name.is_empty());
    let known = match project_id {
        Some(id) => store::known_project(&mut tx, id).await?,
        None => None,
    };
    let series_id = known.as_ref().map(|(_, series)| *series);
    let project_name = known.map(|(name, _)| name).or(sent_name);
    if project_id.is_some() && project_name.is_none() {
        let message = Text::new("처음 듣는 사업이라 이름이 필요합니다", "This project is not known yet: send its name too");
        fields.refuse("/projectName", "required", message);
    }
    let (Some(project_id), Some(project_name), true) = (project_id, project_name, fields.all_right()) else {
        return Err(fields.problem());
    };
    let mark = Mark {
        id: InterestId(tx.new_id()),
        series_id,
        project_id,
        project_name,
        customer_id: customer.id,
        phone: customer.phone,
        customer_name,
    };
    let (it, event) = Interest::create(mark, who.actor());
    let (status, id) = match store::create(&mut tx, &it, &event).await? {
        None => (StatusCode::CREATED, it.id),
        Some(existing) => {
            store::change(&mut tx, existing, |_| Ok(()), Command::Turn { interested: true }, who.actor()).await?;
            (StatusCode::OK, existing)
        }
    };
    idempotency::remember(&mut tx, who.subject, retry.as_ref(), status, id.0).await?;
    let answer = shown(&mut tx, status, id).await?;
    tx.commit().await?;
    Ok(answer)
}

/// The interest as it is in this transaction.
async fn shown(tx: &mut Tx, status: StatusCode, id: InterestId) -> Result<Versioned<InterestView>, Problem> {
    let stored = store::load(tx, id).await?.ok_or_else(Problem::not_found)?;
    let location = (status == StatusCode::CREATED).then(|| format!("/interests/{id}"));
    Ok(Versioned { status, location, version: stored.it.version, view: stored.into() })
}

/// The interests the caller may see, newest first: a customer's own, those a salesman or consultant is on, all for staff.
#[utoipa::path(
    get, path = "/interests", tag = "interest", params(PageQuery),
    responses(
        (status = 200, body = Paged<InterestView>),
        (status = "4XX", body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
async fn list(
    State(context): State<Context>,
    who: Identity,
    Query(query): Query<PageQuery>,
) -> Result<Paged<InterestView>, Problem> {
    let page = query.page()?;
    let stored = store::list(context.db.pool(), &who, page).await?;
    let views = stored.into_iter().map(InterestView::from).collect();
    Ok(Paged::cut(views, page, |view: &InterestView| view.id))
}

/// One interest.
#[utoipa::path(
    get, path = "/interests/{id}", tag = "interest", params(("id" = Uuid, Path)),
    responses(
        (status = 200, body = InterestView),
        (status = "4XX", body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
async fn show(
    State(context): State<Context>,
    who: Identity,
    Path(id): Path<InterestId>,
) -> Result<Versioned<InterestView>, Problem> {
    let mut connection = context.db.pool().acquire().await?;
    let stored =
        store::load(&mut connection, id).await?.filter(|stored| sees(&who, &stored.it)).ok_or_else(Problem::not_found)?;
    Ok(Versioned { status: StatusCode::OK, location: None, version: stored.it.version, view: stored.into() })
}

/// Off, or on again.
#[derive(Deserialize, ToSchema)]
pub(crate) struct UpdateInterest {
    /// Which of the two.
    #[serde(default)]
    #[schema(value_type = bool)]
    interested: Field<bool>,
}

/// `UpdateInterest`: its customer turns it off, or on again.
#[utoipa::path(
    patch, path = "/interests/{id}", tag = "interest", request_body = UpdateInterest,
    params(("id" = Uuid, Path), ("If-Match" = String, Header, description = "The version that is meant, as its ETag")),
    responses(
        (status = 200, body = InterestView),
        (status = "4XX", body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
async fn update(
    State(context): State<Context>,
    who: Identity,
    Path(id): Path<InterestId>,
    if_match: IfMatch,
    Json { body, .. }: Json<UpdateInterest>,
) -> Result<Versioned<InterestView>, Problem> {
    let who = who.one_of(&[Role::Customer])?;
    let mut fields = Fields::default();
    let Some(interested) = fields.required("/interested", body.interested) else {
        return Err(fields.problem());
    };
    let mut tx = context.db.begin().await?;
    let may = |it: &Interest| match it.version {
        _ if !sees(&who, it) => Err(ChangeError::NotFound),
        current if !if_match.allows(current) => Err(ChangeError::Stale { current }),
        _ => Ok(()),
    };
    store::change(&mut tx, id, may, Command::Turn { interested }, who.actor()).await?;
    let answer = shown(&mut tx, StatusCode::OK, id).await?;
    tx.commit().await?;
    Ok(answer)
}
