//! Events of the consultation service.

use std::fmt;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    Actor, ConsultationId, CustomerRef, Event, ProjectId, SalesmanId, Topic, TypeName, text_enum,
};

text_enum! {
    /// A step of a consultation.
    ///
    /// `apply → approved → succeeded | failed`, and `cancelled` from either of the first two.
    #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
    pub enum Step {
        /// 신청.
        Apply = "apply",
        /// 승인.
        Approved = "approved",
        /// 성공.
        Succeeded = "succeeded",
        /// 실패.
        Failed = "failed",
        /// 취소.
        Cancelled = "cancelled",
    }
}

impl Step {
    /// A closed consultation never changes again.
    pub const fn is_closed(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Cancelled)
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A customer requested a consultation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ConsultationCreated {
    /// The consultation.
    pub consultation_id: ConsultationId,
    /// The edition that it is about.
    pub project_id: ProjectId,
    /// The name that the project service published; absent before that, because a page may send any
    /// name, and events are permanent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project_name: Option<String>,
    /// The customer who requested it.
    #[serde(flatten)]
    pub customer: CustomerRef,
    /// The day that the customer prefers, in Seoul.
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
    /// The edition that it is about.
    pub project_id: ProjectId,
    /// The customer who requested it.
    #[serde(flatten)]
    pub customer: CustomerRef,
    /// The day that the customer prefers now.
    pub desired_on: NaiveDate,
    /// Whether the memo changed; never its text.
    pub memo_changed: bool,
    /// The assigned salesman.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub salesman_id: Option<SalesmanId>,
    /// The assigned consultant.
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

/// A consultation moved to another step. Its outcome counts for the salesman named here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ConsultationProgressed {
    /// The consultation.
    pub consultation_id: ConsultationId,
    /// The edition that it is about.
    pub project_id: ProjectId,
    /// The customer who requested it.
    #[serde(flatten)]
    pub customer: CustomerRef,
    /// The step before.
    pub from: Step,
    /// The step now.
    pub to: Step,
    /// The salesman assigned at that moment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub salesman_id: Option<SalesmanId>,
    /// The consultant assigned at that moment.
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
