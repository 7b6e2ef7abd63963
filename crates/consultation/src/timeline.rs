//! The timeline of a consultation. Stored and shown as the same JSON.

use chrono::{DateTime, NaiveDate, Utc};
use events::{Actor, PersonRef, SalesmanId, Step};
use serde::{Deserialize, Serialize};
use service_kit::forms::on_behalf_of::PersonView;
use service_kit::http::describe::StepName;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::consultation::{Change, Consultation};

/// What happened. The table stores its JSON, so a new field needs a default.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(
    tag = "kind",
    rename_all = "snake_case",
    rename_all_fields = "camelCase"
)]
#[schema(as = Happening)]
pub enum TimelineEvent {
    /// The consultation was requested.
    Requested {
        /// The desired day at that time.
        desired_date: NaiveDate,
    },
    /// The customer changed date or memo.
    Edited {
        /// The desired day before.
        date_from: NaiveDate,
        /// The desired day afterwards; equal if only the memo changed.
        date_to: NaiveDate,
        memo_changed: bool,
    },
    /// A salesman, and perhaps a consultant, was assigned or added.
    Matched {
        salesman: PersonView,
        consultant: Option<PersonView>,
    },
    /// A salesman or consultant who was assigned before was replaced or removed.
    Rematched {
        salesman: PersonView,
        consultant: Option<PersonView>,
    },
    /// A salesman or consultant left, and the place waits for another (배정 중).
    Unmatched {
        /// The salesman, if only the consultant left.
        salesman: Option<PersonView>,
        /// The consultant, if only the salesman left.
        consultant: Option<PersonView>,
    },
    /// The step changed.
    Progressed {
        #[schema(value_type = StepName)]
        from: Step,
        #[schema(value_type = StepName)]
        to: Step,
        /// Why, if a reason was sent.
        reason: Option<String>,
    },
    /// A colleague added a note. Customers do not see it. The table `note` stores it.
    Noted {
        /// `null` after the customer was erased.
        text: Option<String>,
    },
}

/// One entry of the timeline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub id: Uuid,
    /// For a match, the time of the match and not of its arrival here.
    pub at: DateTime<Utc>,
    pub actor: Actor,
    /// The version of the consultation after the change; for a match, the version of the match.
    pub version: i64,
    pub event: TimelineEvent,
}

/// A note that colleagues write for each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    pub id: Uuid,
    pub at: DateTime<Utc>,
    pub actor: Actor,
    /// `None` after the customer was erased.
    pub text: Option<String>,
}

impl From<&Note> for Entry {
    fn from(note: &Note) -> Self {
        let text = note.text.clone();
        Self {
            id: note.id,
            at: note.at,
            actor: note.actor,
            // A note does not change the consultation.
            version: 0,
            event: TimelineEvent::Noted { text },
        }
    }
}

impl TimelineEvent {
    /// The timeline event of a change to the consultation.
    pub fn new(before: &Consultation, change: &Change) -> Self {
        match change {
            Change::Edited { event, .. } => Self::Edited {
                date_from: before.desired_on,
                date_to: event.desired_on,
                memo_changed: event.memo_changed,
            },
            Change::Progressed { event, reason } => Self::Progressed {
                from: event.from,
                to: event.to,
                reason: reason.clone(),
            },
            Change::Assigned {
                salesman,
                consultant,
            } => Self::assigned(before, salesman.as_ref(), consultant.as_ref()),
        }
    }

    fn assigned(
        before: &Consultation,
        salesman: Option<&PersonRef>,
        consultant: Option<&PersonRef>,
    ) -> Self {
        let after = || salesman.into_iter().chain(consultant);
        let arrives = after().any(|new| before.assignees().all(|old| old.id != new.id));
        let all_stay = before
            .assignees()
            .all(|old| after().any(|new| new.id == old.id));
        let view = |person: &PersonRef| PersonView::from(person.clone());
        let consultant = consultant.map(view);
        match salesman.map(view) {
            Some(salesman) if all_stay => Self::Matched {
                salesman,
                consultant,
            },
            Some(salesman) if arrives => Self::Rematched {
                salesman,
                consultant,
            },
            salesman => Self::Unmatched {
                salesman,
                consultant,
            },
        }
    }

    /// The people of a match.
    pub fn people(&self) -> impl Iterator<Item = &PersonView> {
        let (salesman, consultant) = match self {
            Self::Matched {
                salesman,
                consultant,
            }
            | Self::Rematched {
                salesman,
                consultant,
            } => (Some(salesman), consultant.as_ref()),
            Self::Unmatched {
                salesman,
                consultant,
            } => (salesman.as_ref(), consultant.as_ref()),
            _ => (None, None),
        };
        salesman.into_iter().chain(consultant)
    }

    pub fn people_mut(&mut self) -> impl Iterator<Item = &mut PersonView> {
        let (salesman, consultant) = match self {
            Self::Matched {
                salesman,
                consultant,
            }
            | Self::Rematched {
                salesman,
                consultant,
            } => (Some(salesman), consultant.as_mut()),
            Self::Unmatched {
                salesman,
                consultant,
            } => (salesman.as_mut(), consultant.as_mut()),
            _ => (None, None),
        };
        salesman.into_iter().chain(consultant)
    }
}

/// The id of a salesman or consultant; `None` for other actors.
pub const fn colleague(actor: Actor) -> Option<SalesmanId> {
    match actor {
        Actor::Salesman(id) | Actor::Consultant(id) => Some(id),
        Actor::Customer(_) | Actor::Staff(_) | Actor::System => None,
    }
}
