//! What the salesman-match service tells.

use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    Actor, ConsultationId, CustomerRef, Event, InterestId, MatchId, PersonRef, ProjectId,
    SalesmanId, Topic, TypeName,
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

/// How the salesman was chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Strategy {
    /// The seed's rule: the last digits of the phone pick from the active roster in id order.
    PhoneSuffix,
    /// Staff chose by hand.
    ByHand,
}

impl Strategy {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::PhoneSuffix, Self::ByHand];

    /// The strategy's name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PhoneSuffix => "phone-suffix",
            Self::ByHand => "by-hand",
        }
    }

    /// The strategy of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|strategy| strategy.as_str() == name)
    }
}

impl fmt::Display for Strategy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// These people are now on that interest or consultation.
///
/// Published whenever either of them changes; a place nobody was free for is absent, and is published again when it is filled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct SalesmanMatched {
    /// The match.
    pub match_id: MatchId,
    /// What it was made for.
    pub origin: Origin,
    /// The version of the origin's event by which these people were asked for: the first, or of an interest the one that turned it on again.
    /// Whoever follows both knows by it whether they were on it before the interest was turned off. Absent means the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin_version: Option<i64>,
    /// What that is about.
    pub project_id: ProjectId,
    /// Its name as the project service told it; absent while it has not: what a page sent may be anything, and events are kept for good.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project_name: Option<String>,
    /// Whose.
    #[serde(flatten)]
    pub customer: CustomerRef,
    /// The salesman.
    pub salesman: PersonRef,
    /// The consultant, where one was free.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consultant: Option<PersonRef>,
    /// Who had the salesman's place before this: the same id when only the consultant changed. Another one is off it, and loses access to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous_salesman_id: Option<SalesmanId>,
    /// Who had the consultant's place before this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous_consultant_id: Option<SalesmanId>,
    /// How the salesman was chosen.
    pub strategy: Strategy,
    /// Who matched: the assigner, or staff by hand.
    pub actor: Actor,
}

impl SalesmanMatched {
    /// Everybody who is on it now.
    fn now(&self) -> [Option<SalesmanId>; 2] {
        [
            Some(self.salesman.id),
            self.consultant.as_ref().map(|person| person.id),
        ]
    }

    /// Everybody who was on it before.
    fn before(&self) -> [Option<SalesmanId>; 2] {
        [self.previous_salesman_id, self.previous_consultant_id]
    }

    /// Who is on it now and was not before.
    pub fn newly_assigned(&self) -> Vec<SalesmanId> {
        self.now()
            .into_iter()
            .flatten()
            .filter(|id| !self.before().contains(&Some(*id)))
            .collect()
    }

    /// Who was on it before and is not any more.
    pub fn unassigned(&self) -> Vec<SalesmanId> {
        self.before()
            .into_iter()
            .flatten()
            .filter(|id| !self.now().contains(&Some(*id)))
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
