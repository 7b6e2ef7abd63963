//! What the consultation service tells.

use std::fmt;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{Actor, ConsultationId, CustomerRef, Event, ProjectId, SalesmanId, Topic, TypeName};

/// Where a consultation stands.
///
/// `apply → approved → succeeded | failed`, and `cancelled` from either of the first two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// 신청.
    Apply,
    /// 승인.
    Approved,
    /// 성공.
    Succeeded,
    /// 실패.
    Failed,
    /// 취소.
    Cancelled,
}

impl Step {
    /// Every step there is.
    pub const ALL: [Self; 5] = [
        Self::Apply,
        Self::Approved,
        Self::Succeeded,
        Self::Failed,
        Self::Cancelled,
    ];

    /// A closed consultation never changes again.
    pub const fn is_closed(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Cancelled)
    }

    /// The step's name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Apply => "apply",
            Self::Approved => "approved",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A customer asked for a consultation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ConsultationCreated {
    /// The consultation.
    pub consultation_id: ConsultationId,
    /// What it is about.
    pub project_id: ProjectId,
    /// Its name as the project service told it; absent while it has not: what a page sent may be anything, and events are kept for good.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project_name: Option<String>,
    /// Who asked.
    #[serde(flatten)]
    pub customer: CustomerRef,
    /// The day the customer wishes for, in Seoul.
    pub desired_on: NaiveDate,
    /// Who entered it.
    pub actor: Actor,
}

impl Event for ConsultationCreated {
    const TYPE: TypeName = "ktgg.ConsultationCreated.v1";
    const TOPIC: Topic = Topic::Consultation;
    fn aggregate_id(&self) -> Uuid {
        self.consultation_id.0
    }
}

/// A customer changed the date or the memo of a consultation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ConsultationEdited {
    /// The consultation.
    pub consultation_id: ConsultationId,
    /// What it is about.
    pub project_id: ProjectId,
    /// Whose.
    #[serde(flatten)]
    pub customer: CustomerRef,
    /// The day the customer wishes for now.
    pub desired_on: NaiveDate,
    /// Whether the memo changed; never what it says.
    pub memo_changed: bool,
    /// Who is on it, where somebody is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub salesman_id: Option<SalesmanId>,
    /// The consultant who is on it, where somebody is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consultant_id: Option<SalesmanId>,
    /// Who changed it.
    pub actor: Actor,
}

impl Event for ConsultationEdited {
    const TYPE: TypeName = "ktgg.ConsultationEdited.v1";
    const TOPIC: Topic = Topic::Consultation;
    fn aggregate_id(&self) -> Uuid {
        self.consultation_id.0
    }
}

/// A consultation moved to another step. The salesman it names gets the count.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ConsultationProgressed {
    /// The consultation.
    pub consultation_id: ConsultationId,
    /// What it is about.
    pub project_id: ProjectId,
    /// Whose.
    #[serde(flatten)]
    pub customer: CustomerRef,
    /// Where it was.
    pub from: Step,
    /// Where it is.
    pub to: Step,
    /// Who was on it at that moment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub salesman_id: Option<SalesmanId>,
    /// The consultant who was on it at that moment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consultant_id: Option<SalesmanId>,
    /// Who moved it.
    pub actor: Actor,
}

impl Event for ConsultationProgressed {
    const TYPE: TypeName = "ktgg.ConsultationProgressed.v1";
    const TOPIC: Topic = Topic::Consultation;
    fn aggregate_id(&self) -> Uuid {
        self.consultation_id.0
    }
}
