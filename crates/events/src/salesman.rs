//! What the salesman service tells.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{Actor, Category, Event, Region, SalesmanId, Topic, TypeName};

/// What a person of the salesman service does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
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

/// A salesman or consultant exists.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SalesmanRegistered {
    /// Who.
    pub salesman_id: SalesmanId,
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
    /// Whether he can be chosen at all.
    pub active: bool,
    /// Who registered him.
    pub actor: Actor,
}

impl Event for SalesmanRegistered {
    const TYPE: TypeName = "ktgg.SalesmanRegistered.v1";
    const TOPIC: Topic = Topic::Salesman;
    fn aggregate_id(&self) -> Uuid {
        self.salesman_id.0
    }
}
