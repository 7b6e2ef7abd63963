//! Events of the interest service.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    Actor, CustomerRef, Event, InterestId, ProjectId, SalesmanId, SeriesId, Topic, TypeName,
};

/// A customer marked a series for the first time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct InterestCreated {
    /// The interest.
    pub interest_id: InterestId,
    /// The programme, over all of its editions; absent while the edition is unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub series_id: Option<SeriesId>,
    /// The newest edition that has not ended.
    pub project_id: ProjectId,
    /// The name that the project service published; absent before that, because a page may send any
    /// name, and events are permanent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project_name: Option<String>,
    /// The customer who marked it.
    #[serde(flatten)]
    pub customer: CustomerRef,
    /// Who entered it.
    pub actor: Actor,
}

impl Event for InterestCreated {
    const TYPE: TypeName = "ktgg.InterestCreated.v1";
    const TOPIC: Topic = Topic::Interest;
    fn aggregate_id(&self) -> Uuid {
        self.interest_id.0
    }
}

/// A customer turned an interest off, or on again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct InterestUpdated {
    /// The interest.
    pub interest_id: InterestId,
    /// The programme; absent while it is unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub series_id: Option<SeriesId>,
    /// The newest edition that has not ended.
    pub project_id: ProjectId,
    /// The name that the project service published; absent before that, because a page may send any
    /// name, and events are permanent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project_name: Option<String>,
    /// The customer who marked it.
    #[serde(flatten)]
    pub customer: CustomerRef,
    /// On or off.
    pub interested: bool,
    /// The assigned salesman.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub salesman_id: Option<SalesmanId>,
    /// The assigned consultant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consultant_id: Option<SalesmanId>,
    /// Who changed it.
    pub actor: Actor,
}

impl Event for InterestUpdated {
    const TYPE: TypeName = "ktgg.InterestUpdated.v1";
    const TOPIC: Topic = Topic::Interest;
    fn aggregate_id(&self) -> Uuid {
        self.interest_id.0
    }
}
