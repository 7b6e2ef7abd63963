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

/// A person left an interest or consultation, which waits to be matched again.
///
/// Published when a salesman or consultant becomes inactive, or goes on a leave with hand-over.
/// [`SalesmanMatched`] follows once another person is free.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct SalesmanUnmatched {
    /// The match.
    pub match_id: MatchId,
    /// What it was made for.
    pub origin: Origin,
    /// The version of the origin's event that this match answers.
    pub origin_version: i64,
    /// The edition that the origin is about.
    pub project_id: ProjectId,
    /// The name that the project service published; absent before that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project_name: Option<String>,
    /// The customer of the origin.
    #[serde(flatten)]
    pub customer: CustomerRef,
    /// The salesman, if only the consultant left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub salesman: Option<PersonRef>,
    /// The consultant, if only the salesman left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consultant: Option<PersonRef>,
    /// The salesman before: the same id when only the consultant left; another one loses access.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous_salesman_id: Option<SalesmanId>,
    /// The consultant before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous_consultant_id: Option<SalesmanId>,
    /// The assigner.
    pub actor: Actor,
}

/// The people of an interest or consultation, as an event changes them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MatchedPeople<'a> {
    /// The match.
    pub match_id: MatchId,
    /// What it was made for.
    pub origin: Origin,
    /// The version of the origin's event that the match answers.
    pub origin_version: i64,
    /// The edition that the origin is about.
    pub project_id: ProjectId,
    /// The customer of the origin.
    pub customer: &'a CustomerRef,
    /// The salesman from now on; `None` while the place waits.
    pub salesman: Option<&'a PersonRef>,
    /// The consultant from now on; `None` while the place waits.
    pub consultant: Option<&'a PersonRef>,
    /// The salesman and the consultant before.
    pub previous: [Option<SalesmanId>; 2],
    /// Who changed them.
    pub actor: Actor,
}

impl MatchedPeople<'_> {
    fn present(&self) -> [Option<SalesmanId>; 2] {
        [self.salesman, self.consultant].map(|person| person.map(|person| person.id))
    }

    /// The people who were not assigned before.
    pub fn newly_assigned(&self) -> Vec<SalesmanId> {
        without(self.present(), self.previous)
    }

    /// The people who are not assigned any more.
    pub fn unassigned(&self) -> Vec<SalesmanId> {
        without(self.previous, self.present())
    }
}

fn without(people: [Option<SalesmanId>; 2], others: [Option<SalesmanId>; 2]) -> Vec<SalesmanId> {
    let rest = people.into_iter().filter(|id| !others.contains(id));
    rest.flatten().collect()
}

/// An event that says who serves an interest or consultation from now on.
pub trait HasPeople: Event {
    /// The people, and those before.
    fn people(&self) -> MatchedPeople<'_>;
}

impl HasPeople for SalesmanMatched {
    fn people(&self) -> MatchedPeople<'_> {
        MatchedPeople {
            match_id: self.match_id,
            origin: self.origin,
            // Absent: the event that created the origin.
            origin_version: self.origin_version.unwrap_or(1),
            project_id: self.project_id,
            customer: &self.customer,
            salesman: Some(&self.salesman),
            consultant: self.consultant.as_ref(),
            previous: [self.previous_salesman_id, self.previous_consultant_id],
            actor: self.actor,
        }
    }
}

impl HasPeople for SalesmanUnmatched {
    fn people(&self) -> MatchedPeople<'_> {
        MatchedPeople {
            match_id: self.match_id,
            origin: self.origin,
            origin_version: self.origin_version,
            project_id: self.project_id,
            customer: &self.customer,
            salesman: self.salesman.as_ref(),
            consultant: self.consultant.as_ref(),
            previous: [self.previous_salesman_id, self.previous_consultant_id],
            actor: self.actor,
        }
    }
}

macro_rules! match_events {
    ($($event:ident $name:literal)*) => {$(
        impl Event for $event {
            const TYPE: TypeName = $name;
            const TOPIC: Topic = Topic::SalesmanMatch;
            fn aggregate_id(&self) -> Uuid {
                self.match_id.0
            }
        }
    )*};
}

match_events! {
    SalesmanMatched "ktgg.SalesmanMatched.v1"
    SalesmanUnmatched "ktgg.SalesmanUnmatched.v1"
}
