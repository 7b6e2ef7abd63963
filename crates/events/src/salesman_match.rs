//! Events of the salesman-match service.

use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    Actor, ConsultationId, CustomerRef, Event, InterestId, MatchId, PersonRef, ProjectId,
    SalesmanId, Topic, TypeName, text_enum,
};

/// What a match was made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "kind", content = "id", rename_all = "snake_case")]
pub enum Origin {
    /// For an interest.
    Interest(InterestId),
    /// For a consultation.
    Consultation(ConsultationId),
}

impl Origin {
    /// `interest` or `consultation`: the aggregate's name.
    pub const fn kind(self) -> &'static str {
        match self {
            Self::Interest(_) => "interest",
            Self::Consultation(_) => "consultation",
        }
    }

    /// The bare id.
    pub const fn id(self) -> Uuid {
        match self {
            Self::Interest(id) => id.0,
            Self::Consultation(id) => id.0,
        }
    }
}

text_enum! {
    /// How the salesman was chosen.
    #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
    pub enum Strategy {
        /// The last digits of the phone pick from the active roster in id order.
        PhoneSuffix = "phone-suffix",
        /// Staff chose by hand.
        ByHand = "by-hand",
    }
}

impl fmt::Display for Strategy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An interest or consultation has these people now.
///
/// Published whenever either of them changes. A place for which no person was free is absent, and
/// the event is published again when it is filled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct SalesmanMatched {
    /// The match.
    pub match_id: MatchId,
    /// What it was made for.
    pub origin: Origin,
    /// The version of the origin's event that this match answers: the first one, or the one that
    /// turned an interest on again. A consumer of both topics sees by it whether the match is older
    /// than the interest's last change. Absent means the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin_version: Option<i64>,
    /// The edition that the origin is about.
    pub project_id: ProjectId,
    /// The name that the project service published; absent before that, because a page may send any
    /// name, and events are permanent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project_name: Option<String>,
    /// The customer of the origin.
    #[serde(flatten)]
    pub customer: CustomerRef,
    /// The salesman.
    pub salesman: PersonRef,
    /// The consultant, if one was free.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consultant: Option<PersonRef>,
    /// The salesman before: the same id when only the consultant changed; another one loses access.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous_salesman_id: Option<SalesmanId>,
    /// The consultant before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous_consultant_id: Option<SalesmanId>,
    /// How the salesman was chosen.
    pub strategy: Strategy,
    /// The assigner, or the member of staff who matched by hand.
    pub actor: Actor,
}

impl SalesmanMatched {
    fn present(&self) -> [Option<SalesmanId>; 2] {
        [
            Some(self.salesman.id),
            self.consultant.as_ref().map(|person| person.id),
        ]
    }

    fn previous(&self) -> [Option<SalesmanId>; 2] {
        [self.previous_salesman_id, self.previous_consultant_id]
    }

    /// The people who were not assigned before.
    pub fn newly_assigned(&self) -> Vec<SalesmanId> {
        let previous = self.previous();
        self.present()
            .into_iter()
            .filter(|id| !previous.contains(id))
            .flatten()
            .collect()
    }

    /// The people who are not assigned any more.
    pub fn unassigned(&self) -> Vec<SalesmanId> {
        let present = self.present();
        self.previous()
            .into_iter()
            .filter(|id| !present.contains(id))
            .flatten()
            .collect()
    }
}

impl Event for SalesmanMatched {
    const TYPE: TypeName = "ktgg.SalesmanMatched.v1";
    const TOPIC: Topic = Topic::SalesmanMatch;
    fn aggregate_id(&self) -> Uuid {
        self.match_id.0
    }
}
