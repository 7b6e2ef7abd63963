//! Updating a salesman or consultant.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::StatusCode;
use events::{Actor, Category, Leave, PersonRole, Region, SalesmanId};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use service_kit::auth::Staff;
use service_kit::forms::phone::Phone;
use service_kit::http::describe::{CategoryName, PersonRoleName, RegionName};
use service_kit::http::{Field, Fields, IfMatch, Json, Path, Versioned};
use service_kit::{Context, Problem};
use utoipa::ToSchema;

use super::refusals::refuse_fields;
use super::views::{LeaveView, SalesmanView};
use crate::salesman::{LeaveUpdate, MAX_NAME_LENGTH, UpdateSalesman};
use crate::store::roster;

/// The fields to change. Absent fields and nulls change nothing, except that null clears `leave`.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct UpdateBody {
    /// The full name.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 100)]
    name: Field<String>,
    /// The name that customers see.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 100)]
    display_name: Field<String>,
    /// In any usual format.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    phone: Field<Phone>,
    /// Only the current role is accepted.
    #[serde(default)]
    #[schema(value_type = Option<PersonRoleName>)]
    role: Field<PersonRole>,
    /// Replaces all regions; repeats are removed.
    #[serde(default)]
    #[schema(value_type = Option<Vec<RegionName>>)]
    regions: Field<Vec<Region>>,
    /// Replaces all categories; repeats are removed.
    #[serde(default)]
    #[schema(value_type = Option<Vec<CategoryName>>)]
    categories: Field<Vec<Category>>,
    /// The maximum number of open matches. Current matches stay.
    #[serde(default)]
    #[schema(value_type = Option<u32>, maximum = 1000)]
    capacity: Field<u32>,
    /// The share of matches.
    #[serde(default)]
    #[schema(value_type = Option<u32>, minimum = 1, maximum = 100)]
    weight: Field<u32>,
    /// Whether the person can be matched. With `false`, the open matches go to others.
    #[serde(default)]
    #[schema(value_type = Option<bool>)]
    active: Field<bool>,
    /// The leave; null clears it.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<LeaveView>)]
    leave: Option<Field<LeaveFields>>,
}

/// `from`, `until` and `handOver`. A map, because a struct would also accept a JSON array.
type LeaveFields = BTreeMap<String, Value>;

/// Deserializes a field that is present, also if it is null: by itself serde reads null as `None`.
fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

impl UpdateBody {
    fn command(self, fields: &mut Fields) -> UpdateSalesman {
        UpdateSalesman {
            name: optional_name(fields, "/name", self.name),
            display_name: optional_name(fields, "/displayName", self.display_name),
            phone: fields.optional_phone("/phone", self.phone),
            role: fields.optional("/role", self.role),
            regions: fields.regions("/regions", self.regions),
            categories: fields.optional("/categories", self.categories),
            capacity: fields.optional("/capacity", self.capacity),
            weight: fields.optional("/weight", self.weight),
            active: fields.optional("/active", self.active),
            leave: leave_update(fields, self.leave),
        }
    }
}

/// A name that may be absent but not empty.
fn optional_name(fields: &mut Fields, pointer: &str, field: Field<String>) -> Option<String> {
    match field {
        Field::Missing => None,
        field => fields.name(pointer, field, MAX_NAME_LENGTH),
    }
}

/// Reports invalid days in `fields`; the update is not carried out then.
fn leave_update(fields: &mut Fields, leave: Option<Field<LeaveFields>>) -> LeaveUpdate {
    let leave = match leave {
        None => return LeaveUpdate::Keep,
        Some(Field::Missing) => return LeaveUpdate::Clear,
        Some(leave) => fields.optional("/leave", leave),
    };
    let Some(mut leave) = leave else {
        return LeaveUpdate::Keep;
    };
    let from = fields.date("/leave/from", field(leave.remove("from")));
    let until = fields.date("/leave/until", field(leave.remove("until")));
    let hand_over = fields.optional("/leave/handOver", field(leave.remove("handOver")));
    match (from, until) {
        (Some(from), Some(until)) => LeaveUpdate::Set(Leave {
            from,
            until,
            hand_over: hand_over.unwrap_or(false),
        }),
        _ => LeaveUpdate::Keep,
    }
}

fn field<T: DeserializeOwned>(value: Option<Value>) -> Field<T> {
    // Deserializing a field never fails.
    Field::deserialize(value.unwrap_or_default()).unwrap_or_default()
}

/// `UpdateSalesman`: staff change the details of a salesman or consultant.
///
/// A person who becomes inactive, or goes on leave with `handOver`, hands over (인계): the open
/// matches return to the queue with their age and are matched again, at once or on the first day of
/// the leave, and do not come back afterwards. `GET /salesman-matches?salesman=ID&open` lists and
/// counts them: show that before you send the change.
#[utoipa::path(
    patch, path = "/salesmen/{id}", tag = "salesman", request_body = UpdateBody,
    params(("id" = Uuid, Path, description = "The id of the salesman or consultant"), IfMatch),
    responses((status = 200, body = SalesmanView, description = "The updated person")),
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
    let current = roster::load(&mut tx, id)
        .await?
        .ok_or_else(Problem::not_found)?;
    let mut fields = Fields::default();
    let update = body.command(&mut fields);
    // The row is not locked yet, but the refusals depend on the role only, which never changes.
    refuse_fields(&mut fields, current.salesman.refusals(&update));
    if !fields.is_valid() {
        return Err(fields.problem());
    }
    let entry = roster::change(&mut tx, id, if_match, update, Actor::Staff(staff)).await?;
    let view = SalesmanView::new(entry, tx.now());
    tx.commit().await?;
    Ok(view.respond(StatusCode::OK))
}
