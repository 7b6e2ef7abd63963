//! The aggregate: who serves one interest or one consultation. No I/O, no clock, no new ids.

use events::{
    Actor, CustomerRef, MatchId, Origin, PersonRef, PersonRole, ProjectId, SalesmanId,
    SalesmanMatched, SalesmanUnmatched, Strategy,
};

/// The salesman and the consultant of one interest or consultation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SalesmanMatch {
    pub id: MatchId,
    /// The interest or consultation.
    pub origin: Origin,
    /// The version of the last event of the origin that requested or closed this match.
    pub origin_version: i64,
    pub project_id: ProjectId,
    /// Absent while the project is unknown to this service.
    pub project_name: Option<String>,
    /// `None` once the customer was erased: the match is then closed permanently.
    pub customer: Option<CustomerRef>,
    /// The salesman who brought the customer in.
    pub brought_by: Option<SalesmanId>,
    /// `None` until matched, and after the person left.
    pub salesman: Option<PersonRef>,
    /// `None` until matched, and after the person left.
    pub consultant: Option<PersonRef>,
    /// The salesman before the match was closed: set from reopening until the next event.
    pub previous_salesman: Option<SalesmanId>,
    /// The consultant before the match was closed: set from reopening until the next event.
    pub previous_consultant: Option<SalesmanId>,
    /// How the salesman was chosen.
    pub strategy: Option<Strategy>,
    /// A closed match is not filled, and does not count against a person's capacity.
    pub closed: bool,
    /// The number of events: 0 until a salesman is matched.
    pub version: i64,
}

/// What can be done to a match.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Opens a closed match again, without people, because the interest was turned on.
    Reopen {
        /// The version of the origin's event.
        origin_version: i64,
    },
    /// `MatchSalesman`: puts people on the match. `None` leaves that role as it is.
    MatchSalesman {
        salesman: Option<PersonRef>,
        consultant: Option<PersonRef>,
        strategy: Strategy,
    },
    /// `HandOver`: these people left. The match waits again, in its old place in the queue.
    HandOver { left: Vec<SalesmanId> },
    /// `CloseMatch`: the origin is closed. The people stay visible, and have free capacity again.
    CloseMatch {
        /// The version of the origin's event.
        origin_version: i64,
    },
}

/// What happened to a match. Only changes of people are published: consumers follow the origin
/// themselves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    Reopened { origin_version: i64 },
    Matched(Box<SalesmanMatched>),
    Unmatched(Box<SalesmanUnmatched>),
    Closed { origin_version: i64 },
}

/// Why a command is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("The match is closed")]
    Closed,
    /// A consultant cannot be matched before a salesman.
    #[error("The match has no salesman yet")]
    NoSalesman,
}

/// The roles that the assigner still has to fill. A closed match has none.
pub fn missing_roles(is_closed: bool, has_salesman: bool, has_consultant: bool) -> Vec<PersonRole> {
    let roles = [
        (PersonRole::Salesman, has_salesman),
        (PersonRole::Consultant, has_consultant),
    ];
    let missing = roles
        .into_iter()
        .filter(|(_, is_filled)| !is_closed && !is_filled);
    missing.map(|(role, _)| role).collect()
}

impl SalesmanMatch {
    /// # Errors
    /// [`Refusal::Closed`] if the match is closed.
    pub fn check_open(&self) -> Result<(), Refusal> {
        if self.closed {
            Err(Refusal::Closed)
        } else {
            Ok(())
        }
    }

    /// Decides what a command changes. `Ok(None)` if it changes nothing.
    ///
    /// # Errors
    /// The reason for a refusal.
    pub fn handle(&self, command: Command, actor: Actor) -> Result<Option<Change>, Refusal> {
        match command {
            Command::Reopen { origin_version } => {
                let reopens =
                    self.closed && self.customer.is_some() && origin_version > self.origin_version;
                Ok(reopens.then_some(Change::Reopened { origin_version }))
            }
            Command::CloseMatch { origin_version } => {
                let closes = !self.closed && origin_version > self.origin_version;
                Ok(closes.then_some(Change::Closed { origin_version }))
            }
            Command::HandOver { left } => {
                let event = self.unmatched(&left, actor);
                Ok(event.map(|event| Change::Unmatched(Box::new(event))))
            }
            Command::MatchSalesman {
                salesman,
                consultant,
                strategy,
            } => {
                self.check_open()?;
                let event = self.matched(salesman, consultant, strategy, actor)?;
                Ok(event.map(|event| Change::Matched(Box::new(event))))
            }
        }
    }

    fn matched(
        &self,
        salesman: Option<PersonRef>,
        consultant: Option<PersonRef>,
        strategy: Strategy,
        actor: Actor,
    ) -> Result<Option<SalesmanMatched>, Refusal> {
        let customer = self.customer.clone().ok_or(Refusal::Closed)?;
        let salesman = salesman
            .or_else(|| self.salesman.clone())
            .ok_or(Refusal::NoSalesman)?;
        let consultant = consultant.or_else(|| self.consultant.clone());
        let keeps_salesman = id_of(self.salesman.as_ref()) == Some(salesman.id);
        if keeps_salesman && id_of(self.consultant.as_ref()) == id_of(consultant.as_ref()) {
            return Ok(None);
        }
        // A consultant who is added later does not change how the salesman was chosen. By hand,
        // staff have confirmed the salesman too.
        let strategy = match self.strategy {
            Some(before) if keeps_salesman && strategy != Strategy::ByHand => before,
            _ => strategy,
        };
        let (previous_salesman_id, previous_consultant_id) = self.last_people();
        Ok(Some(SalesmanMatched {
            match_id: self.id,
            origin: self.origin,
            origin_version: Some(self.origin_version),
            project_id: self.project_id,
            project_name: self.project_name.clone(),
            customer,
            previous_salesman_id,
            previous_consultant_id,
            salesman,
            consultant,
            strategy,
            actor,
        }))
    }

    /// `None` for a closed match, whose people stay visible, and if both people stay.
    fn unmatched(&self, left: &[SalesmanId], actor: Actor) -> Option<SalesmanUnmatched> {
        let customer = self.customer.clone().filter(|_| !self.closed)?;
        let stays = |person: &PersonRef| !left.contains(&person.id);
        let salesman = self.salesman.clone().filter(stays);
        let consultant = self.consultant.clone().filter(stays);
        let is_change = (&salesman, &consultant) != (&self.salesman, &self.consultant);
        is_change.then(|| SalesmanUnmatched {
            match_id: self.id,
            origin: self.origin,
            origin_version: self.origin_version,
            project_id: self.project_id,
            project_name: self.project_name.clone(),
            customer,
            previous_salesman_id: id_of(self.salesman.as_ref()),
            previous_consultant_id: id_of(self.consultant.as_ref()),
            salesman,
            consultant,
            actor,
        })
    }

    /// The current salesman and consultant, or those from before the match was closed.
    fn last_people(&self) -> (Option<SalesmanId>, Option<SalesmanId>) {
        let salesman = id_of(self.salesman.as_ref()).or(self.previous_salesman);
        let consultant = id_of(self.consultant.as_ref()).or(self.previous_consultant);
        (salesman, consultant)
    }

    /// Folds a decided change into the state.
    pub fn apply(&mut self, change: &Change) {
        match change {
            Change::Reopened { origin_version } => {
                self.origin_version = *origin_version;
                self.closed = false;
                // The next event still has to name the people who are no longer on the match.
                (self.previous_salesman, self.previous_consultant) = self.last_people();
                (self.salesman, self.consultant, self.strategy) = (None, None, None);
            }
            Change::Matched(event) => {
                self.salesman = Some(event.salesman.clone());
                self.consultant.clone_from(&event.consultant);
                (self.previous_salesman, self.previous_consultant) = (None, None);
                self.strategy = Some(event.strategy);
                self.version += 1;
            }
            Change::Unmatched(event) => {
                self.salesman.clone_from(&event.salesman);
                self.consultant.clone_from(&event.consultant);
                self.strategy = self.strategy.filter(|_| self.salesman.is_some());
                self.version += 1;
            }
            Change::Closed { origin_version } => {
                self.origin_version = *origin_version;
                self.closed = true;
            }
        }
    }
}

/// People are compared by id: the display name may change.
fn id_of(person: Option<&PersonRef>) -> Option<SalesmanId> {
    person.map(|person| person.id)
}

#[cfg(test)]
mod tests;
