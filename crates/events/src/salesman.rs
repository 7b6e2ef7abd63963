//! What the salesman service tells.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{Actor, Category, Event, Region, SalesmanId, Topic, TypeName};

/// What a person of the salesman service does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum PersonRole {
    /// 영업대표: moves consultations forward, and is counted.
    Salesman,
    /// 컨설턴트: reads and notes.
    Consultant,
}

impl PersonRole {
    /// The role's name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Salesman => "salesman",
            Self::Consultant => "consultant",
        }
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
}

impl Leave {
    /// Whether that day is one of them.
    pub fn covers(&self, day: NaiveDate) -> bool {
        (self.from..=self.until).contains(&day)
    }
}

/// The share somebody gets who was registered without saying: everybody the same.
pub const DEFAULT_WEIGHT: u32 = 1;

fn usual_weight() -> u32 {
    DEFAULT_WEIGHT
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
fn is_usual_weight(weight: &u32) -> bool {
    *weight == DEFAULT_WEIGHT
}

/// A salesman or consultant as others know him: every event about him tells all of this, so that a copy of it is one upsert.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Profile {
    /// The name he is shown by.
    pub display_name: String,
    /// What he does.
    pub role: PersonRole,
    /// Where he works.
    pub regions: Vec<Region>,
    /// What he knows.
    pub categories: Vec<Category>,
    /// How many open matches he can hold.
    pub capacity: u32,
    /// His share of the turns, for strategies that weigh.
    #[serde(default = "usual_weight", skip_serializing_if = "is_usual_weight")]
    pub weight: u32,
    /// Whether he can be chosen at all.
    pub active: bool,
    /// When he is away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leave: Option<Leave>,
}

/// What every event about a salesman or consultant tells.
pub trait HasProfile: Event {
    /// Who, and what he is like now.
    fn profile(&self) -> (SalesmanId, &Profile);
}

/// A salesman or consultant exists.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct SalesmanRegistered {
    /// Who.
    pub salesman_id: SalesmanId,
    /// What he is like.
    #[serde(flatten)]
    pub profile: Profile,
    /// Who registered him.
    pub actor: Actor,
}

/// Staff changed what is known of a salesman or consultant. A change of his full name or number alone is told as well: it says only that.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct SalesmanUpdated {
    /// Who.
    pub salesman_id: SalesmanId,
    /// What he is like now.
    #[serde(flatten)]
    pub profile: Profile,
    /// Who changed it.
    pub actor: Actor,
}

macro_rules! tells_profile {
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

tells_profile! {
    SalesmanRegistered "ktgg.SalesmanRegistered.v1"
    SalesmanUpdated "ktgg.SalesmanUpdated.v1"
}
