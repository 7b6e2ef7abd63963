//! Events of the salesman service.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

#[cfg(feature = "schema")]
use crate::WrittenRegions;
use crate::{
    Actor, Category, Event, Region, SalesmanId, Topic, TypeName, text_enum, written_regions,
};

text_enum! {
    /// The role of a person of the salesman service.
    #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
    pub enum PersonRole {
        /// 영업대표: moves consultations forward; outcomes are counted.
        Salesman = "salesman",
        /// 컨설턴트: reads and writes notes.
        Consultant = "consultant",
    }
}

/// Days off (휴가), in Seoul, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Leave {
    /// The first day.
    pub from: NaiveDate,
    /// The last day.
    pub until: NaiveDate,
    /// Whether the person's open matches go to others on the first day (인계). They do not come
    /// back afterwards.
    #[serde(default, skip_serializing_if = "is_false")]
    pub hand_over: bool,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
fn is_false(value: &bool) -> bool {
    !*value
}

impl Leave {
    /// Whether the day is part of it.
    pub fn covers(&self, day: NaiveDate) -> bool {
        (self.from..=self.until).contains(&day)
    }
}

/// The weight of a person who was registered without one: equal shares.
pub const DEFAULT_WEIGHT: u32 = 1;

fn default_weight() -> u32 {
    DEFAULT_WEIGHT
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
fn is_default_weight(weight: &u32) -> bool {
    *weight == DEFAULT_WEIGHT
}

/// A salesman or consultant. Every event about one contains all of this, so that a projection of it
/// is one upsert.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Profile {
    /// The name that is shown.
    pub display_name: String,
    /// Salesman or consultant.
    pub role: PersonRole,
    /// Where the person works.
    #[serde(flatten, with = "written_regions")]
    #[cfg_attr(feature = "schema", schemars(with = "WrittenRegions"))]
    pub regions: Vec<Region>,
    /// The person's fields.
    pub categories: Vec<Category>,
    /// The most open matches at a time.
    pub capacity: u32,
    /// The share of matches, for strategies that weigh.
    #[serde(default = "default_weight", skip_serializing_if = "is_default_weight")]
    pub weight: u32,
    /// Whether the person can be matched at all. The open matches of one who cannot go to others.
    pub active: bool,
    /// Days off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leave: Option<Leave>,
}

/// An event about a salesman or consultant.
pub trait HasProfile: Event {
    /// The person's id and present profile.
    fn profile(&self) -> (SalesmanId, &Profile);
}

/// A salesman or consultant was registered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct SalesmanRegistered {
    /// The person.
    pub salesman_id: SalesmanId,
    /// The present profile.
    #[serde(flatten)]
    pub profile: Profile,
    /// Who registered the person.
    pub actor: Actor,
}

/// Staff changed a salesman or consultant. Also published when only the full name or number
/// changed, which the event does not contain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct SalesmanUpdated {
    /// The person.
    pub salesman_id: SalesmanId,
    /// The present profile.
    #[serde(flatten)]
    pub profile: Profile,
    /// Who changed it.
    pub actor: Actor,
}

macro_rules! profile_events {
    ($($event:ident $name:literal)*) => {$(
        impl Event for $event {
            const TYPE: TypeName = $name;
            const TOPIC: Topic = Topic::Salesman;
            fn aggregate_id(&self) -> Uuid {
                self.salesman_id.0
            }
        }

        impl HasProfile for $event {
            fn profile(&self) -> (SalesmanId, &Profile) {
                (self.salesman_id, &self.profile)
            }
        }
    )*};
}

profile_events! {
    SalesmanRegistered "ktgg.SalesmanRegistered.v1"
    SalesmanUpdated "ktgg.SalesmanUpdated.v1"
}
