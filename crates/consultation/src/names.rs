//! Display names of salesmen and consultants.

use std::collections::HashMap;

use events::{PersonRef, SalesmanId};
use uuid::Uuid;

use crate::timeline::{Entry, TimelineEvent};

/// Display names by id: the current name of a known person, otherwise the name in the last match.
#[derive(Debug, Default)]
pub(crate) struct Names(HashMap<Uuid, String>);

impl Names {
    /// `current` are the names of the projection.
    pub(crate) fn new<'a>(
        assignees: impl Iterator<Item = &'a PersonRef>,
        entries: &[Entry],
        current: HashMap<Uuid, String>,
    ) -> Self {
        let assigned = assignees.map(|person| (person.id.0, person.display_name.clone()));
        let matched = entries
            .iter()
            .flat_map(|entry| entry.event.people())
            .map(|person| (person.id, person.display_name.clone()));
        Self(assigned.chain(matched).chain(current).collect())
    }

    pub(crate) fn get(&self, id: SalesmanId) -> Option<&str> {
        self.0.get(&id.0).map(String::as_str)
    }

    /// Replaces the names in a timeline event.
    pub(crate) fn apply(&self, event: &mut TimelineEvent) {
        for person in event.people_mut() {
            if let Some(name) = self.0.get(&person.id) {
                person.display_name.clone_from(name);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use events::Actor;
    use service_kit::forms::on_behalf_of::PersonView;

    use super::*;

    const SALESMAN: Uuid = Uuid::from_u128(1);

    fn matched(name: &str) -> TimelineEvent {
        let salesman = PersonView {
            id: SALESMAN,
            display_name: name.to_owned(),
        };
        TimelineEvent::Matched {
            salesman,
            consultant: None,
        }
    }

    #[test]
    fn unknown_person_has_the_name_of_the_last_match() {
        let entries = [(1, "처음"), (2, "다음")].map(|(version, name)| Entry {
            id: Uuid::from_u128(7),
            at: DateTime::from_timestamp(version, 0).unwrap(),
            actor: Actor::System,
            version,
            event: matched(name),
        });
        let id = SalesmanId(SALESMAN);
        let none = std::iter::empty;
        assert_eq!(
            Names::new(none(), &entries, HashMap::new()).get(id),
            Some("다음")
        );
        let current = HashMap::from([(SALESMAN, "새 이름".to_owned())]);
        let names = Names::new(none(), &entries, current);
        let mut event = matched("처음");
        names.apply(&mut event);
        assert_eq!(
            (names.get(id), event),
            (Some("새 이름"), matched("새 이름"))
        );
    }
}
