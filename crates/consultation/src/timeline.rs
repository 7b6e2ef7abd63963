//! What happened to a consultation, as its readers are told: kept and shown in the same words.

use std::collections::HashMap;

use chrono::{DateTime, NaiveDate, Utc};
use events::{Actor, PersonRef, SalesmanId, Step};
use serde::{Deserialize, Serialize};
use service_kit::forms::on_behalf_of::PersonView;
use service_kit::http::describe::StepName;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::consultation::{Change, Consultation};

/// What happened. Its JSON is what the table keeps: fields are only ever added, with a default.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(
    tag = "kind",
    rename_all = "snake_case",
    rename_all_fields = "camelCase"
)]
pub enum Happening {
    /// It was asked for.
    Requested {
        /// The day that was wished for.
        desired_date: NaiveDate,
    },
    /// Its customer changed it.
    Edited {
        /// The day before the change.
        date_from: NaiveDate,
        /// The day after it; the same when only the memo changed.
        date_to: NaiveDate,
        /// Whether the memo changed.
        memo_changed: bool,
    },
    /// Somebody was put on it, or joined.
    Matched {
        /// Who is on it from here on.
        salesman: PersonView,
        /// The consultant, where one was free.
        consultant: Option<PersonView>,
    },
    /// Somebody who was on it had to leave it.
    Rematched {
        /// Who is on it from here on.
        salesman: PersonView,
        /// The consultant, where one was free.
        consultant: Option<PersonView>,
    },
    /// It moved to another step.
    Progressed {
        /// Where it was.
        #[schema(value_type = StepName)]
        from: Step,
        /// Where it is from here on.
        #[schema(value_type = StepName)]
        to: Step,
        /// Why, where somebody said so.
        reason: Option<String>,
    },
    /// A colleague wrote a note. It is kept as a note and not in the timeline, and no customer is shown it.
    Noted {
        /// What it says; `null` since its customer was forgotten.
        text: Option<String>,
    },
}

/// One line of the timeline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Which.
    pub id: Uuid,
    /// When; for a match, when it was made and not when this service heard of it.
    pub at: DateTime<Utc>,
    /// By whom.
    pub actor: Actor,
    /// The consultation's version from here on; for a match, the match's.
    pub version: i64,
    /// What.
    pub what: Happening,
}

/// What a colleague wrote about a consultation, for colleagues.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// Which.
    pub id: Uuid,
    /// When.
    pub at: DateTime<Utc>,
    /// By whom.
    pub actor: Actor,
    /// What; `None` since the customer was forgotten.
    pub text: Option<String>,
}

impl From<&Note> for Entry {
    fn from(note: &Note) -> Self {
        // No version: a note changes nothing.
        Self {
            id: note.id,
            at: note.at,
            actor: note.actor,
            version: 0,
            what: Happening::Noted {
                text: note.text.clone(),
            },
        }
    }
}

impl Happening {
    /// What a change of that consultation is.
    pub fn of(before: &Consultation, change: &Change) -> Self {
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
            Change::SalesmanStored {
                salesman,
                consultant,
            } => {
                let now = [Some(salesman), consultant.as_ref()];
                let stays =
                    |person: &PersonRef| now.iter().flatten().any(|other| other.id == person.id);
                let everybody_stays = before.people().all(stays);
                let (salesman, consultant) = (
                    salesman.clone().into(),
                    consultant.clone().map(PersonView::from),
                );
                if everybody_stays {
                    Self::Matched {
                        salesman,
                        consultant,
                    }
                } else {
                    Self::Rematched {
                        salesman,
                        consultant,
                    }
                }
            }
        }
    }

    /// Where it stands among what has the same instant: people come before what they do.
    const fn rank(&self) -> u8 {
        match self {
            Self::Requested { .. } => 0,
            Self::Matched { .. } | Self::Rematched { .. } => 1,
            Self::Edited { .. } | Self::Progressed { .. } => 2,
            Self::Noted { .. } => 3,
        }
    }

    fn people(&self) -> impl Iterator<Item = &PersonView> {
        let (salesman, consultant) = match self {
            Self::Matched {
                salesman,
                consultant,
            }
            | Self::Rematched {
                salesman,
                consultant,
            } => (Some(salesman), consultant.as_ref()),
            _ => (None, None),
        };
        salesman.into_iter().chain(consultant)
    }

    fn people_mut(&mut self) -> impl Iterator<Item = &mut PersonView> {
        let (salesman, consultant) = match self {
            Self::Matched {
                salesman,
                consultant,
            }
            | Self::Rematched {
                salesman,
                consultant,
            } => (Some(salesman), consultant.as_mut()),
            _ => (None, None),
        };
        salesman.into_iter().chain(consultant)
    }
}

/// In the order in which it happened. The request is first whatever another service's clock says.
pub fn sort(entries: &mut [Entry]) {
    entries.sort_by_key(|entry| {
        (
            entry.what.rank() != 0,
            entry.at,
            entry.what.rank(),
            entry.version,
            entry.id,
        )
    });
}

/// By what name each person is shown.
#[derive(Debug, Default)]
pub struct Names(HashMap<Uuid, String>);

impl Names {
    /// The newest names that are known; whoever was not heard of yet is named by the matches.
    pub fn of<'a>(
        entries: &[Entry],
        on_it: impl Iterator<Item = &'a PersonRef>,
        known: HashMap<Uuid, String>,
    ) -> Self {
        let mut names: HashMap<Uuid, String> = on_it
            .map(|person| (person.id.0, person.display_name.clone()))
            .collect();
        for person in entries.iter().flat_map(|entry| entry.what.people()) {
            names.insert(person.id, person.display_name.clone());
        }
        names.extend(known);
        Self(names)
    }

    /// Everybody whom the entries name.
    pub fn wanted(entries: &[Entry]) -> Vec<Uuid> {
        let matched = entries
            .iter()
            .flat_map(|entry| entry.what.people())
            .map(|person| person.id);
        let acting = entries
            .iter()
            .filter_map(|entry| colleague(entry.actor))
            .map(|id| id.0);
        matched.chain(acting).collect()
    }

    /// That person's name, if anybody has told it.
    pub fn name(&self, id: SalesmanId) -> Option<&str> {
        self.0.get(&id.0).map(String::as_str)
    }

    /// Puts these names on the people of an entry.
    pub fn put_on(&self, what: &mut Happening) {
        for person in what.people_mut() {
            if let Some(name) = self.0.get(&person.id) {
                person.display_name.clone_from(name);
            }
        }
    }
}

/// The salesman or consultant who did it.
pub const fn colleague(actor: Actor) -> Option<SalesmanId> {
    match actor {
        Actor::Salesman(id) | Actor::Consultant(id) => Some(id),
        Actor::Customer(_) | Actor::Staff(_) | Actor::System => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(at: i64, version: i64, what: Happening) -> Entry {
        let at = DateTime::from_timestamp(at, 0).unwrap();
        Entry {
            id: Uuid::from_u128(7),
            at,
            actor: Actor::System,
            version,
            what,
        }
    }

    fn matched(name: &str) -> Happening {
        let salesman = PersonView {
            id: Uuid::from_u128(1),
            display_name: name.to_owned(),
        };
        Happening::Matched {
            salesman,
            consultant: None,
        }
    }

    fn progressed() -> Happening {
        Happening::Progressed {
            from: Step::Apply,
            to: Step::Approved,
            reason: None,
        }
    }

    #[test]
    fn a_match_of_a_clock_that_is_behind_does_not_precede_the_request() {
        let requested = Happening::Requested {
            desired_date: NaiveDate::default(),
        };
        let mut entries = [
            entry(9, 2, progressed()),
            entry(9, 1, matched("가")),
            entry(3, 1, requested.clone()),
            entry(2, 1, matched("나")),
        ];
        sort(&mut entries);
        assert_eq!(
            entries.map(|entry| entry.what),
            [requested, matched("나"), matched("가"), progressed()]
        );
    }

    #[test]
    fn whoever_was_not_heard_of_is_named_by_the_last_match() {
        let entries = [entry(1, 1, matched("처음")), entry(2, 2, matched("다음"))];
        let id = SalesmanId(Uuid::from_u128(1));
        assert_eq!(
            Names::of(&entries, std::iter::empty(), HashMap::new()).name(id),
            Some("다음")
        );
        let told = HashMap::from([(id.0, "새 이름".to_owned())]);
        let names = Names::of(&entries, std::iter::empty(), told);
        let mut what = matched("처음");
        names.put_on(&mut what);
        assert_eq!(
            (names.name(id), what),
            (Some("새 이름"), matched("새 이름"))
        );
    }
}
