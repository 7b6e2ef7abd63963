//! What staff do with the roster: register, and update.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::StatusCode;
use chrono::NaiveDate;
use events::{Actor, Category, Leave, PersonRole, Region, SalesmanId};
use serde::{Deserialize, Deserializer};
use service_kit::auth::{Identity, Staff};
use service_kit::forms::phone::Phone;
use service_kit::http::describe::{CategoryName, PersonRoleName, RegionName};
use service_kit::http::idempotency;
use service_kit::http::problem::Text;
use service_kit::http::{Field, Fields, IfMatch, Json, Path, Versioned};
use service_kit::{Context, Problem};
use utoipa::ToSchema;

use super::{LONGEST_NAME, LeaveView, SalesmanView, shown};
use crate::salesman::{
    LARGEST_CAPACITY, LeaveUpdate, Refusal, RegisterSalesman, Salesman, UpdateSalesman, WEIGHTS,
    out_of_bounds,
};
use crate::store;

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
    #[schema(value_type = String)]
    phone: Field<Phone>,
    /// `salesman` unless given; it cannot change later.
    #[serde(default)]
    #[schema(value_type = Option<PersonRoleName>)]
    role: Field<PersonRole>,
    /// 시도, or 전국; repeats are folded.
    #[serde(default)]
    #[schema(value_type = Option<Vec<RegionName>>)]
    regions: Field<Vec<Region>>,
    /// 분야; repeats are folded.
    #[serde(default)]
    #[schema(value_type = Option<Vec<CategoryName>>)]
    categories: Field<Vec<Category>>,
    /// How many open matches he can hold: 30 unless given.
    #[serde(default)]
    #[schema(value_type = Option<u32>, maximum = 1000)]
    capacity: Field<u32>,
    /// His share of the turns: 1 unless given.
    #[serde(default)]
    #[schema(value_type = Option<u32>, minimum = 1, maximum = 100)]
    weight: Field<u32>,
}

/// What staff change. What is absent or null stays, but for `leave`: null takes it away.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct UpdateBody {
    /// Another full name.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 100)]
    name: Field<String>,
    /// Another name for customers to see.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 100)]
    display_name: Field<String>,
    /// Another number, however it is written.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    phone: Field<Phone>,
    /// May be sent, and cannot change.
    #[serde(default)]
    #[schema(value_type = Option<PersonRoleName>)]
    role: Field<PersonRole>,
    /// All of his regions from now on; repeats are folded.
    #[serde(default)]
    #[schema(value_type = Option<Vec<RegionName>>)]
    regions: Field<Vec<Region>>,
    /// All of his categories from now on; repeats are folded.
    #[serde(default)]
    #[schema(value_type = Option<Vec<CategoryName>>)]
    categories: Field<Vec<Category>>,
    /// How many open matches he can hold from now on. What he holds already stays with him.
    #[serde(default)]
    #[schema(value_type = Option<u32>, maximum = 1000)]
    capacity: Field<u32>,
    /// His share of the turns.
    #[serde(default)]
    #[schema(value_type = Option<u32>, minimum = 1, maximum = 100)]
    weight: Field<u32>,
    /// Whether he can be chosen from now on. What he holds already stays with him.
    #[serde(default)]
    #[schema(value_type = Option<bool>)]
    active: Field<bool>,
    /// When he is away; null: not any more.
    #[serde(default, deserialize_with = "sent")]
    #[schema(value_type = Option<LeaveView>)]
    leave: Option<Field<BTreeMap<String, Field<NaiveDate>>>>,
}

/// A field that was sent, be it null: serde itself would take null for absent.
fn sent<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

impl UpdateBody {
    fn read(self, fields: &mut Fields) -> UpdateSalesman {
        UpdateSalesman {
            name: other_text(fields, "/name", self.name),
            display_name: other_text(fields, "/displayName", self.display_name),
            phone: fields.optional("/phone", self.phone),
            role: fields.optional("/role", self.role),
            regions: fields.optional("/regions", self.regions),
            categories: fields.optional("/categories", self.categories),
            capacity: fields.optional("/capacity", self.capacity),
            weight: fields.optional("/weight", self.weight),
            active: fields.optional("/active", self.active),
            leave: self
                .leave
                .map_or(LeaveUpdate::Stays, |leave| read_leave(fields, leave)),
        }
    }
}

/// A text that may stay as it is, but not become empty.
fn other_text(fields: &mut Fields, pointer: &str, field: Field<String>) -> Option<String> {
    if matches!(field, Field::Missing) {
        None
    } else {
        fields.text(pointer, field, LONGEST_NAME)
    }
}

/// Null clears it. What is wrong is noted, and nothing comes of the update then.
fn read_leave(
    fields: &mut Fields,
    leave: Field<BTreeMap<String, Field<NaiveDate>>>,
) -> LeaveUpdate {
    if matches!(leave, Field::Missing) {
        return LeaveUpdate::Cleared;
    }
    let Some(mut days) = fields.optional("/leave", leave) else {
        return LeaveUpdate::Stays;
    };
    let from = fields.required("/leave/from", days.remove("from").unwrap_or_default());
    let until = fields.required("/leave/until", days.remove("until").unwrap_or_default());
    from.zip(until).map_or(LeaveUpdate::Stays, |(from, until)| {
        LeaveUpdate::Set(Leave { from, until })
    })
}

/// Notes a refusal that is about one field beside what else is wrong.
fn note(fields: &mut Fields, refusal: Refusal) {
    let (pointer, code, ko) = match refusal {
        Refusal::RoleIsFixed => ("/role", "fixed", "역할은 바꿀 수 없습니다".to_owned()),
        Refusal::CapacityTooLarge => (
            "/capacity",
            "too-large",
            format!("{LARGEST_CAPACITY} 이하여야 합니다"),
        ),
        Refusal::WeightOutOfRange => (
            "/weight",
            "out-of-range",
            format!("{}에서 {}까지입니다", WEIGHTS.start(), WEIGHTS.end()),
        ),
        Refusal::LeaveBackwards => (
            "/leave/until",
            "before-from",
            "휴가의 끝이 시작보다 앞섭니다".to_owned(),
        ),
        Refusal::LeaveTooLong => (
            "/leave/until",
            "too-long",
            "휴가는 1년까지입니다".to_owned(),
        ),
        Refusal::LeaveOutOfCalendar => {
            ("/leave", "out-of-range", "날짜를 확인해 주세요".to_owned())
        }
        Refusal::PhoneTaken => return,
    };
    fields.refuse(pointer, code, Text::new(ko, refusal.to_string()));
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::PhoneTaken => Self::conflict(
                "phone-taken",
                Text::new(
                    "이미 등록된 전화번호입니다",
                    "Somebody is registered with this number already",
                ),
            ),
            Refusal::RoleIsFixed
            | Refusal::CapacityTooLarge
            | Refusal::WeightOutOfRange
            | Refusal::LeaveBackwards
            | Refusal::LeaveTooLong
            | Refusal::LeaveOutOfCalendar => {
                let mut fields = Fields::default();
                note(&mut fields, refusal);
                fields.problem()
            }
        }
    }
}

/// `RegisterSalesman`: staff register a salesman or a consultant. He can be chosen at once.
#[utoipa::path(
    post, path = "/salesmen", tag = "salesman", request_body = RegisterBody,
    params(("Idempotency-Key" = Option<String>, Header, description = "Sent again, the same answer comes again")),
    responses((status = 201, body = SalesmanView, description = "He is registered")),
    extensions(
        ("x-command" = json!("RegisterSalesman")),
        ("x-events" = json!(["SalesmanRegistered"])),
        ("x-problems" = json!(["phone-taken"])),
    ),
)]
pub(super) async fn register(
    State(context): State<Context>,
    _: Staff,
    who: Identity,
    Json {
        body,
        idempotency_key,
    }: Json<RegisterBody>,
) -> Result<Versioned<SalesmanView>, Problem> {
    let mut tx = context.db.begin().await?;
    if let Some((status, id)) =
        idempotency::find(&mut tx, who.subject, idempotency_key.as_ref()).await?
    {
        let counted = store::load(&mut tx, SalesmanId(id))
            .await?
            .ok_or_else(Problem::not_found)?;
        return Ok(shown(status, tx.now(), counted));
    }
    let mut fields = Fields::default();
    let name = fields.text("/name", body.name, LONGEST_NAME);
    let display_name = fields
        .optional_text("/displayName", body.display_name, LONGEST_NAME)
        .filter(|name| !name.is_empty());
    let phone = fields.required("/phone", body.phone);
    let role = fields
        .optional("/role", body.role)
        .unwrap_or(PersonRole::Salesman);
    let regions = fields
        .optional("/regions", body.regions)
        .unwrap_or_default();
    let categories = fields
        .optional("/categories", body.categories)
        .unwrap_or_default();
    let capacity = fields.optional("/capacity", body.capacity);
    let weight = fields.optional("/weight", body.weight);
    for refusal in out_of_bounds(capacity, weight, None) {
        note(&mut fields, refusal);
    }
    let (Some(name), Some(phone), true) = (name, phone, fields.is_valid()) else {
        return Err(fields.problem());
    };
    let id = SalesmanId(tx.new_id());
    let command = RegisterSalesman {
        id,
        name,
        display_name,
        phone,
        role,
        regions,
        categories,
        capacity,
        weight,
    };
    let (it, event) = Salesman::register(command, who.actor())?;
    if !store::register(&mut tx, &it, &event).await? {
        return Err(Refusal::PhoneTaken.into());
    }
    idempotency::store(
        &mut tx,
        who.subject,
        idempotency_key.as_ref(),
        StatusCode::CREATED,
        id.0,
    )
    .await?;
    // Events of another topic may have told of him before he was registered here.
    let counted = store::load(&mut tx, id)
        .await?
        .ok_or_else(Problem::not_found)?;
    let now = tx.now();
    tx.commit().await?;
    Ok(shown(StatusCode::CREATED, now, counted))
}

/// `UpdateSalesman`: staff change what is known of a salesman or consultant.
#[utoipa::path(
    patch, path = "/salesmen/{id}", tag = "salesman", request_body = UpdateBody,
    params(("id" = Uuid, Path, description = "Whom"), ("If-Match" = String, Header, description = "The version that is meant, as its ETag")),
    responses((status = 200, body = SalesmanView, description = "What he is like now")),
    extensions(
        ("x-command" = json!("UpdateSalesman")),
        ("x-events" = json!(["SalesmanUpdated"])),
        ("x-problems" = json!(["phone-taken"])),
    ),
)]
pub(super) async fn update(
    State(context): State<Context>,
    Staff(staff): Staff,
    Path(id): Path<SalesmanId>,
    if_match: IfMatch,
    Json { body, .. }: Json<UpdateBody>,
) -> Result<Versioned<SalesmanView>, Problem> {
    let mut tx = context.db.begin().await?;
    let present = store::load(&mut tx, id)
        .await?
        .ok_or_else(Problem::not_found)?
        .it;
    let mut fields = Fields::default();
    let update = body.read(&mut fields);
    // What he is like may change until his row is locked, but not what stands against an update: it goes by his role alone.
    for refusal in present.obstacles(&update) {
        note(&mut fields, refusal);
    }
    if !fields.is_valid() {
        return Err(fields.problem());
    }
    let counted = store::change(&mut tx, id, if_match, update, Actor::Staff(staff)).await?;
    let now = tx.now();
    tx.commit().await?;
    Ok(shown(StatusCode::OK, now, counted))
}
