//! What can be done to an interest, what is decided of it, and why not.

use chrono::{DateTime, Utc};
use events::{CustomerId, InterestId, InterestUpdated, PersonRef, ProjectId, SeriesId};
use service_kit::forms::phone::Phone;

use super::{Consent, Interest};

/// What somebody marks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// The new interest's id.
    pub id: InterestId,
    /// The programme, where it is known.
    pub series_id: Option<SeriesId>,
    /// The edition that is marked.
    pub marked_project_id: ProjectId,
    /// The newest edition of its series that has not ended: the same one, unless an old one is marked.
    pub project_id: ProjectId,
    /// The name of that.
    pub project_name: String,
    /// Who marks it.
    pub customer_id: CustomerId,
    /// His number.
    pub phone: Phone,
    /// His name, where he told it.
    pub customer_name: Option<String>,
    /// That he agreed, where a colleague enters it.
    pub consent: Option<Consent>,
    /// When.
    pub at: DateTime<Utc>,
}

/// What the newer of two interests of one customer in one series leaves to the older.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Legacy {
    /// Since when it is on; nothing if it is off.
    pub on_since: Option<DateTime<Utc>>,
    /// The customer's name.
    pub customer_name: Option<String>,
    /// That the customer agreed.
    pub consent: Option<Consent>,
}

impl Legacy {
    /// Of this one.
    pub fn of(it: &Interest) -> Self {
        Self {
            on_since: it.interested.then_some(it.on_since),
            customer_name: it.customer_name.clone(),
            consent: it.consent,
        }
    }
}

/// What can be done to an interest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// `UpdateInterest`: off, or on again.
    Turn {
        /// Which of the two.
        interested: bool,
        /// That the customer agreed, where a colleague turns it on.
        consent: Option<Consent>,
        /// When.
        at: DateTime<Utc>,
    },
    /// `CreateInterest` of one that exists: on again, if it was off.
    MarkAgain {
        /// The customer's name, which fills in what is not known.
        customer_name: Option<String>,
        /// That the customer agreed, where a colleague enters it: recorded if it was off.
        consent: Option<Consent>,
        /// When.
        at: DateTime<Utc>,
    },
    /// `EditSalesman`: a match came.
    EditSalesman {
        /// Who is on it now.
        salesman: PersonRef,
        /// The consultant, where one was free.
        consultant: Option<PersonRef>,
        /// Which of this interest's events it answers.
        origin_version: i64,
    },
    /// It turned out that the customer has an older interest in the same series.
    Merge {
        /// The older one.
        into: InterestId,
    },
    /// It turned out that the customer has a newer interest in the same series, for which this one stands from now on.
    TakeOver(Legacy),
    /// `EraseCustomer`: its customer wants to be forgotten.
    Erase {
        /// When.
        at: DateTime<Utc>,
    },
}

/// What was decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Off, or on again, which begins with nobody on it.
    Turned {
        /// What is told of it.
        event: InterestUpdated,
        /// Since when, if it is on.
        on_since: DateTime<Utc>,
        /// The customer's name, where it is known by now.
        customer_name: Option<String>,
        /// That the customer agreed, where that was recorded.
        consent: Option<Consent>,
    },
    /// More is known of it. Nothing is told.
    Completed {
        /// Since when it is on.
        on_since: DateTime<Utc>,
        /// The customer's name, where it is known by now.
        customer_name: Option<String>,
        /// That the customer agreed, where that was recorded.
        consent: Option<Consent>,
    },
    /// Other people. No event of this service: [`events::SalesmanMatched`] has told it.
    SalesmanStored {
        /// The salesman.
        salesman: PersonRef,
        /// The consultant.
        consultant: Option<PersonRef>,
    },
    /// The older one stands for it from now on.
    Merged {
        /// The older one.
        into: InterestId,
        /// That it is off now, if it was on.
        event: Option<InterestUpdated>,
    },
    /// It is nobody's from now on.
    Erased {
        /// When.
        at: DateTime<Utc>,
        /// That it is off now, if it was on.
        event: Option<InterestUpdated>,
    },
}

impl Change {
    /// What is told of it.
    pub fn event(&self) -> Option<&InterestUpdated> {
        match self {
            Self::Turned { event, .. } => Some(event),
            Self::Merged { event, .. } | Self::Erased { event, .. } => event.as_ref(),
            Self::SalesmanStored { .. } | Self::Completed { .. } => None,
        }
    }
}

/// Why not.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Only the one that stands for it can be turned on.
    #[error("the interest was merged into an older one of the same programme")]
    Merged {
        /// That one.
        into: InterestId,
    },
    /// What is nobody's cannot be turned on.
    #[error("the interest's customer was erased")]
    Erased,
}
