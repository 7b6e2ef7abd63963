//! What callers can do with salesmen and consultants.

use axum::extract::State;
use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use events::{Category, PersonRole, Region, SalesmanId};
use serde::{Deserialize, Serialize};
use service_kit::auth::{Identity, Role, Staff};
use service_kit::http::{Field, Fields, Json, PageQuery, Paged, Query, Versioned};
use service_kit::phone::Phone;
use service_kit::problem::{ProblemDocument, Text};
use service_kit::{Context, Problem, idempotency};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::salesman::{LARGEST_CAPACITY, RegisterSalesman, Salesman};
use crate::store::{self, Notification};

/// The longest name of a person, in characters.
const LONGEST_NAME: usize = 100;

pub(crate) fn routes() -> OpenApiRouter<Context> {
    OpenApiRouter::new().routes(routes!(register, list)).routes(routes!(me)).routes(routes!(notifications))
}

/// A salesman or consultant as staff and he himself see him.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SalesmanView {
    id: Uuid,
    name: String,
    display_name: String,
    #[schema(example = "+821012345678")]
    phone: String,
    /// `salesman` or `consultant`.
    #[schema(value_type = RoleName)]
    role: PersonRole,
    /// 시도, or 전국.
    #[schema(value_type = Vec<String>, example = json!(["서울", "경기"]))]
    regions: Vec<Region>,
    /// 분야.
    #[schema(value_type = Vec<String>, example = json!(["기술", "수출"]))]
    categories: Vec<Category>,
    capacity: u32,
    active: bool,
    /// Also the `ETag`.
    version: i64,
}

/// 영업대표 or 컨설턴트.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
#[expect(dead_code, reason = "only the description uses it: events must not depend on utoipa")]
enum RoleName {
    Salesman,
    Consultant,
}

impl From<Salesman> for SalesmanView {
    fn from(it: Salesman) -> Self {
        Self {
            id: it.id.0,
            phone: it.phone.e164().to_owned(),
            name: it.name,
            display_name: it.display_name,
            role: it.role,
            regions: it.regions,
            categories: it.categories,
            capacity: it.capacity,
            active: it.active,
            version: it.version,
        }
    }
}

/// Who joins.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RegisterBody {
    /// His full name.
    #[serde(default)]
    #[schema(value_type = String, max_length = 100)]
    name: Field<String>,
    /// The name customers see; his full name unless given.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 100)]
    display_name: Field<String>,
    /// His number, however it is written.
    #[serde(default)]
    #[schema(value_type = String, example = "010-1234-5678")]
    phone: Field<Phone>,
    /// `salesman` unless given.
    #[serde(default)]
    #[schema(value_type = Option<RoleName>)]
    role: Field<PersonRole>,
    /// 시도, or 전국.
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>, example = json!(["서울"]))]
    regions: Field<Vec<Region>>,
    /// 분야.
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>, example = json!(["기술"]))]
    categories: Field<Vec<Category>>,
    /// How many open matches he can hold: 0 to 1000, 30 unless given.
    #[serde(default)]
    #[schema(value_type = Option<u32>, maximum = 1000)]
    capacity: Field<u32>,
}

/// `RegisterSalesman`: staff register a salesman or a consultant. He can be chosen at once.
#[utoipa::path(
    post, path = "/salesmen", tag = "salesman", request_body = RegisterBody,
    params(("Idempotency-Key" = Option<String>, Header, description = "Sent again, the same answer comes again")),
    responses(
        (status = 201, body = SalesmanView),
        (status = "4XX", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 503, body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
async fn register(
    State(context): State<Context>,
    _: Staff,
    who: Identity,
    Json { body, retry }: Json<RegisterBody>,
) -> Result<Versioned<SalesmanView>, Problem> {
    let mut tx = context.db.begin().await?;
    if let Some((status, id)) = idempotency::seen(&mut tx, who.subject, retry.as_ref()).await? {
        let it = store::load(&mut tx, SalesmanId(id)).await?.ok_or_else(Problem::not_found)?;
        return Ok(shown(status, it));
    }
    let mut fields = Fields::default();
    let name = fields.text("/name", body.name, LONGEST_NAME);
    let display_name = fields.optional_text("/displayName", body.display_name, LONGEST_NAME).filter(|name| !name.is_empty());
    let phone = fields.required("/phone", body.phone);
    let role = fields.optional("/role", body.role).unwrap_or(PersonRole::Salesman);
    let regions = fields.optional("/regions", body.regions).unwrap_or_default();
    let categories = fields.optional("/categories", body.categories).unwrap_or_default();
    let capacity = fields.optional("/capacity", body.capacity);
    if capacity.is_some_and(|capacity| capacity > LARGEST_CAPACITY) {
        let message = Text::new(format!("{LARGEST_CAPACITY} 이하여야 합니다"), format!("It is more than {LARGEST_CAPACITY}"));
        fields.refuse("/capacity", "too-large", message);
    }
    let (Some(name), Some(phone), true) = (name, phone, fields.all_right()) else {
        return Err(fields.problem());
    };
    let command =
        RegisterSalesman { id: SalesmanId(tx.new_id()), name, display_name, phone, role, regions, categories, capacity };
    let (it, event) = Salesman::register(command, who.actor());
    if !store::register(&mut tx, &it, &event).await? {
        return Err(Problem::conflict(
            "phone-taken",
            Text::new("이미 등록된 전화번호입니다", "Somebody is registered with this number already"),
        ));
    }
    idempotency::remember(&mut tx, who.subject, retry.as_ref(), StatusCode::CREATED, it.id.0).await?;
    tx.commit().await?;
    Ok(shown(StatusCode::CREATED, it))
}

fn shown(status: StatusCode, it: Salesman) -> Versioned<SalesmanView> {
    let location = (status == StatusCode::CREATED).then(|| format!("/salesmen/{}", it.id));
    Versioned { status, location, version: it.version, view: it.into() }
}

/// Everybody, newest first.
#[utoipa::path(
    get, path = "/salesmen", tag = "salesman", params(PageQuery),
    responses(
        (status = 200, body = Paged<SalesmanView>),
        (status = "4XX", body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
async fn list(State(context): State<Context>, _: Staff, Query(query): Query<PageQuery>) -> Result<Paged<SalesmanView>, Problem> {
    let page = query.page()?;
    let views = store::list(context.db.pool(), page).await?.into_iter().map(SalesmanView::from).collect();
    Ok(Paged::cut(views, page, |view: &SalesmanView| view.id))
}

/// A salesman or consultant himself.
#[utoipa::path(
    get, path = "/salesmen/me", tag = "salesman",
    responses(
        (status = 200, body = SalesmanView),
        (status = "4XX", body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
async fn me(State(context): State<Context>, who: Identity) -> Result<Versioned<SalesmanView>, Problem> {
    let who = who.one_of(&[Role::Salesman, Role::Consultant])?;
    let mut connection = context.db.pool().acquire().await?;
    let it = store::load(&mut connection, SalesmanId(who.subject)).await?.ok_or_else(Problem::not_found)?;
    Ok(shown(StatusCode::OK, it))
}

/// Something a salesman or consultant is told, linked to what he can do about it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct NotificationView {
    id: Uuid,
    /// `assigned` or `taken_away`.
    #[schema(example = "assigned")]
    kind: String,
    /// `interest` or `consultation`.
    #[schema(example = "consultation")]
    origin_kind: String,
    origin_id: Uuid,
    /// Absent while the project is not known.
    project_name: Option<String>,
    created_at: DateTime<Utc>,
    /// Absent while unread.
    read_at: Option<DateTime<Utc>>,
}

impl From<Notification> for NotificationView {
    fn from(row: Notification) -> Self {
        let Notification { id, kind, origin_kind, origin_id, project_name, created_at, read_at } = row;
        Self { id, kind, origin_kind, origin_id, project_name, created_at, read_at }
    }
}

/// What the caller was told, newest first.
#[utoipa::path(
    get, path = "/salesmen/me/notifications", tag = "salesman", params(PageQuery),
    responses(
        (status = 200, body = Paged<NotificationView>),
        (status = "4XX", body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
async fn notifications(
    State(context): State<Context>,
    who: Identity,
    Query(query): Query<PageQuery>,
) -> Result<Paged<NotificationView>, Problem> {
    let who = who.one_of(&[Role::Salesman, Role::Consultant])?;
    let page = query.page()?;
    let rows = store::notifications(context.db.pool(), who.subject, page).await?;
    Ok(Paged::cut(rows.into_iter().map(NotificationView::from).collect(), page, |view: &NotificationView| view.id))
}
