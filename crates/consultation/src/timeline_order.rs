//! The order of a timeline, whose entries come from the clocks of several hosts.

use std::collections::{HashSet, VecDeque};

use events::Step;
use uuid::Uuid;

use crate::timeline::{Entry, TimelineEvent, colleague};

/// Merges the consultation's own entries, its matches and its notes by time.
///
/// Clocks of hosts differ, so time does not decide what versions or causes decide: the request is
/// first, own entries and matches are in the order of their versions, and what a person does, as
/// every step that needs a salesman, follows the match of that person.
pub(crate) fn in_order(entries: Vec<Entry>) -> Vec<Entry> {
    let mut queues: [VecDeque<Entry>; 3] = Default::default();
    let mut sorted = Vec::with_capacity(entries.len());
    let mut by_origin: [Vec<Entry>; 3] = Default::default();
    for entry in entries {
        by_origin[origin(&entry.event)].push(entry);
    }
    for (queue, mut entries) in queues.iter_mut().zip(by_origin) {
        entries.sort_by_key(|entry| (entry.version, entry.at, entry.id));
        queue.extend(entries);
    }
    let mut met = HashSet::new();
    while let Some(next) = next(&queues, &met) {
        let Some(entry) = queues[next].pop_front() else {
            break;
        };
        met.extend(entry.event.people().map(|person| person.id));
        sorted.push(entry);
    }
    sorted
}

const OWN: usize = 0;
const MATCHES: usize = 1;
const NOTES: usize = 2;

const fn origin(event: &TimelineEvent) -> usize {
    match event {
        TimelineEvent::Requested { .. }
        | TimelineEvent::Edited { .. }
        | TimelineEvent::Progressed { .. } => OWN,
        TimelineEvent::Matched { .. }
        | TimelineEvent::Rematched { .. }
        | TimelineEvent::Unmatched { .. } => MATCHES,
        TimelineEvent::Noted { .. } => NOTES,
    }
}

/// The queue with the next entry. `met` are the people of the matches before it.
fn next(queues: &[VecDeque<Entry>; 3], met: &HashSet<Uuid>) -> Option<usize> {
    let is_request = |entry: &Entry| matches!(entry.event, TimelineEvent::Requested { .. });
    if queues[OWN].front().is_some_and(is_request) {
        return Some(OWN);
    }
    let heads = queues.iter().enumerate();
    let (earliest, entry) = heads
        .filter_map(|(origin, queue)| Some((origin, queue.front()?)))
        // At the same time, a match precedes what its people do, and a note is last.
        .min_by_key(|(origin, entry)| (entry.at, [1, 0, 2][*origin]))?;
    let needs_match = match (colleague(entry.actor), &entry.event) {
        (Some(person), _) => !met.contains(&person.0) && is_awaited(&queues[MATCHES], person.0),
        (None, TimelineEvent::Progressed { to, .. }) => {
            *to != Step::Cancelled && met.is_empty() && !queues[MATCHES].is_empty()
        }
        _ => false,
    };
    Some(if needs_match { MATCHES } else { earliest })
}

/// Whether one of these matches brings the person.
fn is_awaited(matches: &VecDeque<Entry>, person: Uuid) -> bool {
    let mut people = matches.iter().flat_map(|entry| entry.event.people());
    people.any(|matched| matched.id == person)
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, NaiveDate};
    use events::{Actor, SalesmanId, StaffId};
    use service_kit::forms::on_behalf_of::PersonView;

    use super::*;

    const SALESMAN: Uuid = Uuid::from_u128(1);
    const OTHER: Uuid = Uuid::from_u128(2);
    const STAFF: Actor = Actor::Staff(StaffId(Uuid::from_u128(3)));

    fn entry(at: i64, version: i64, actor: Actor, event: TimelineEvent) -> Entry {
        Entry {
            id: Uuid::from_u128(7),
            at: DateTime::from_timestamp(at, 0).unwrap(),
            actor,
            version,
            event,
        }
    }

    fn requested(at: i64) -> Entry {
        let desired_date = NaiveDate::default();
        entry(at, 1, STAFF, TimelineEvent::Requested { desired_date })
    }

    fn matched(at: i64, version: i64, person: Uuid) -> Entry {
        let salesman = PersonView {
            id: person,
            display_name: "김영업".to_owned(),
        };
        let matched = TimelineEvent::Matched {
            salesman,
            consultant: None,
        };
        entry(at, version, Actor::System, matched)
    }

    fn progressed(at: i64, version: i64, actor: Actor, to: Step) -> Entry {
        let from = Step::Apply;
        let progressed = TimelineEvent::Progressed {
            from,
            to,
            reason: None,
        };
        entry(at, version, actor, progressed)
    }

    fn noted(at: i64, by: Uuid) -> Entry {
        let actor = Actor::Salesman(SalesmanId(by));
        entry(at, 0, actor, TimelineEvent::Noted { text: None })
    }

    /// Sorts the entries from their last to their first, and expects the order in which they are.
    fn assert_order(expected: &[Entry]) {
        let reversed: Vec<Entry> = expected.iter().rev().cloned().collect();
        assert_eq!(in_order(reversed), expected);
    }

    #[test]
    fn entries_are_in_order_of_time() {
        assert_order(&[
            requested(1),
            matched(2, 1, SALESMAN),
            progressed(2, 2, STAFF, Step::Approved),
            noted(3, SALESMAN),
            matched(4, 2, OTHER),
        ]);
    }

    #[test]
    fn match_by_a_slow_clock_does_not_precede_the_request() {
        assert_order(&[requested(9), matched(2, 1, SALESMAN)]);
    }

    #[test]
    fn match_by_a_fast_clock_precedes_what_its_people_do() {
        let salesman = Actor::Salesman(SalesmanId(SALESMAN));
        assert_order(&[
            requested(1),
            matched(60, 1, SALESMAN),
            progressed(5, 2, salesman, Step::Approved),
        ]);
        // And every step that needs one.
        let approved = progressed(5, 2, STAFF, Step::Approved);
        assert_order(&[requested(1), matched(60, 1, SALESMAN), approved]);
        assert_order(&[requested(1), matched(60, 1, SALESMAN), noted(5, SALESMAN)]);
        // Not a step that needs none.
        let cancelled = progressed(5, 2, STAFF, Step::Cancelled);
        assert_order(&[requested(1), cancelled, matched(60, 1, SALESMAN)]);
    }

    #[test]
    fn versions_decide_where_the_clocks_of_replicas_differ() {
        assert_order(&[
            requested(1),
            matched(60, 1, SALESMAN),
            matched(50, 2, OTHER),
            progressed(70, 2, STAFF, Step::Approved),
            progressed(40, 3, STAFF, Step::Succeeded),
        ]);
    }

    #[test]
    fn person_without_a_match_delays_nothing() {
        assert_order(&[requested(1), noted(2, OTHER), matched(3, 1, SALESMAN)]);
    }
}
