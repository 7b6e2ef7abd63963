//! Registering a salesman or consultant.

use axum::extract::State;
use axum::http::StatusCode;
use events::{Category, PersonRole, Region, SalesmanId};
use serde::Deserialize;
use service_kit::auth::{Identity, Staff};
use service_kit::forms::phone::Phone;
use service_kit::http::describe::{CategoryName, PersonRoleName, RegionName};
use service_kit::http::{Field, Fields, IdempotencyKey, Json, Versioned, idempotency};
use service_kit::{Context, Problem};
use utoipa::ToSchema;

use super::refusals::refuse_fields;
use super::views::SalesmanView;
use crate::salesman::{MAX_NAME_LENGTH, Refusal, RegisterSalesman, Salesman, out_of_bounds};
use crate::store::roster;

/// A new salesman or consultant.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RegisterBody {
    /// The full name.
    #[serde(default)]
    #[schema(value_type = String, max_length = 100)]
    name: Field<String>,
    /// The name that customers see; defaults to the full name.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 100)]
    display_name: Field<String>,
    /// In any usual format.
    #[serde(default)]
    #[schema(value_type = String)]
    phone: Field<Phone>,
    /// Defaults to `salesman`; cannot change later.
    #[serde(default)]
    #[schema(value_type = Option<PersonRoleName>)]
    role: Field<PersonRole>,
    /// 시도 or 전국; repeats are removed.
    #[serde(default)]
    #[schema(value_type = Option<Vec<RegionName>>)]
    regions: Field<Vec<Region>>,
    /// 분야; repeats are removed.
    #[serde(default)]
    #[schema(value_type = Option<Vec<CategoryName>>)]
    categories: Field<Vec<Category>>,
    /// The maximum number of open matches; defaults to 30.
    #[serde(default)]
    #[schema(value_type = Option<u32>, maximum = 1000)]
    capacity: Field<u32>,
    /// The share of matches; defaults to 1.
    #[serde(default)]
    #[schema(value_type = Option<u32>, minimum = 1, maximum = 100)]
    weight: Field<u32>,
}

impl RegisterBody {
    fn command(self, id: SalesmanId) -> Result<RegisterSalesman, Problem> {
        let mut fields = Fields::default();
        let name = fields.name("/name", self.name, MAX_NAME_LENGTH);
        let display_name = fields.optional_name("/displayName", self.display_name, MAX_NAME_LENGTH);
        let phone = fields.phone("/phone", self.phone);
        let role = fields.optional("/role", self.role);
        let regions = fields.regions("/regions", self.regions);
        let categories = fields.optional("/categories", self.categories);
        let capacity = fields.optional("/capacity", self.capacity);
        let weight = fields.optional("/weight", self.weight);
        refuse_fields(&mut fields, out_of_bounds(capacity, weight, None));
        let (Some(name), Some(phone), true) = (name, phone, fields.is_valid()) else {
            return Err(fields.problem());
        };
        Ok(RegisterSalesman {
            id,
            name,
            display_name,
            phone,
            role: role.unwrap_or(PersonRole::Salesman),
            regions: regions.unwrap_or_default(),
            categories: categories.unwrap_or_default(),
            capacity,
            weight,
        })
    }
}

/// `RegisterSalesman`: staff register a salesman or a consultant, who can be matched immediately.
#[utoipa::path(
    post, path = "/salesmen", tag = "salesman", request_body = RegisterBody,
    params(IdempotencyKey),
    responses((status = 201, body = SalesmanView, description = "Registered")),
    extensions(
        ("x-command" = json!("RegisterSalesman")),
        ("x-events" = json!(["SalesmanRegistered"])),
        ("x-problems" = json!(["phone-taken"])),
    ),
)]
pub(super) async fn register(
    State(context): State<Context>,
    _: Staff,
    caller: Identity,
    Json {
        body,
        idempotency_key,
    }: Json<RegisterBody>,
) -> Result<Versioned<SalesmanView>, Problem> {
    let (principal, key) = (caller.subject, idempotency_key.as_ref());
    let mut tx = context.db.begin().await?;
    let found = idempotency::find(&mut tx, principal, key).await?;
    let (status, id) = if let Some((status, id)) = found {
        (status, SalesmanId(id))
    } else {
        let command = body.command(SalesmanId(tx.new_id()))?;
        let (salesman, event) = Salesman::register(command, caller.actor())?;
        if !roster::insert(&mut tx, &salesman, &event).await? {
            return Err(Refusal::PhoneTaken.into());
        }
        let (status, id) = (StatusCode::CREATED, salesman.id);
        idempotency::store(&mut tx, principal, key, status, id.0).await?;
        (status, id)
    };
    // Events may have named the new id before, so the counts are loaded instead of being zero.
    let entry = roster::load(&mut tx, id)
        .await?
        .ok_or_else(Problem::not_found)?;
    let view = SalesmanView::new(entry, tx.now());
    tx.commit().await?;
    Ok(view.respond(status))
}
