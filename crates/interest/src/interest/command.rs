//! Commands on an interest, the changes they cause, and the reasons for a refusal.

use chrono::{DateTime, Utc};
use events::{CustomerId, InterestId, InterestUpdated, PersonRef, ProjectId, SeriesId};
use service_kit::forms::on_behalf_of::Consent;
use service_kit::forms::phone::Phone;

/// The data of a new interest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewInterest {
    pub id: InterestId,
    /// `None` while the project is unknown.
    pub series_id: Option<SeriesId>,
    /// The edition that the customer marked.
    pub marked_project_id: ProjectId,
    /// The edition that the interest shows: the newest of the series that has not ended.
    pub project_id: ProjectId,
    pub project_name: String,
    pub customer_id: CustomerId,
    pub phone: Phone,
    pub customer_name: Option<String>,
    /// Present if staff or a salesman creates the interest.
    pub consent: Option<Consent>,
    pub at: DateTime<Utc>,
}

/// The part of an interest that is completed when more becomes known about the customer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Details {
    /// When the interest was last turned on.
    pub on_since: DateTime<Utc>,
    pub customer_name: Option<String>,
    pub consent: Option<Consent>,
}

/// A request to change an interest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// `UpdateInterest`: turn the interest off, or on again.
    SetInterested {
        interested: bool,
        /// Present if staff turn the interest on.
        consent: Option<Consent>,
        at: DateTime<Utc>,
    },
    /// `CreateInterest` for a series that the customer already marked: turn the interest on.
    MarkAgain {
        /// Used if the interest has no name yet.
        customer_name: Option<String>,
        /// Recorded if the interest is off.
        consent: Option<Consent>,
        at: DateTime<Utc>,
    },
    /// `EditSalesman`: people were matched, or left. `None` while a place waits.
    EditSalesman {
        salesman: Option<PersonRef>,
        consultant: Option<PersonRef>,
        /// The version of the interest that the match answers.
        origin_version: i64,
    },
    /// The customer has an older interest in the same series: it replaces this one.
    Merge { into: InterestId },
    /// A newer interest of the same customer in the same series was merged into this one.
    TakeOver {
        /// Whether the newer interest is on.
        interested: bool,
        details: Details,
    },
    /// `EraseCustomer`.
    Erase { at: DateTime<Utc> },
}

/// The result of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Turned off, or turned on without salesman and consultant.
    Toggled {
        event: InterestUpdated,
        details: Details,
    },
    /// Details were filled in. Not published.
    Completed(Details),
    /// Not published: the event of the match already says it.
    Assigned {
        salesman: Option<PersonRef>,
        consultant: Option<PersonRef>,
    },
    /// The older interest replaces this one from now on.
    Merged {
        into: InterestId,
        /// Present if the interest was on.
        event: Option<InterestUpdated>,
    },
    /// The customer's personal data was removed.
    Erased {
        at: DateTime<Utc>,
        /// Present if the interest was on.
        event: Option<InterestUpdated>,
    },
}

impl Change {
    /// The event to publish, if any.
    pub fn event(&self) -> Option<&InterestUpdated> {
        match self {
            Self::Toggled { event, .. } => Some(event),
            Self::Merged { event, .. } | Self::Erased { event, .. } => event.as_ref(),
            Self::Assigned { .. } | Self::Completed(_) => None,
        }
    }
}

/// The reason for which a command is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("the interest was merged into an older one of the same programme")]
    Merged { into: InterestId },
    #[error("the interest's customer was erased")]
    Erased,
}
