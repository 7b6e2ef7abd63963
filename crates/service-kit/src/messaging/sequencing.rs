//! What to do with one record: the consumer's whole decision, without any I/O.

/// What is known about a record's aggregate when the record arrives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Known {
    /// The last version taken in; 0 before the first.
    pub(crate) last: i64,
    /// Whether this very event is parked.
    pub(crate) parked_itself: bool,
    /// Whether any record of the aggregate is parked.
    pub(crate) parked_any: bool,
}

/// What to do with the record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Taking {
    /// Next in order: apply it.
    Apply,
    /// Taken in before, or parked already: drop it.
    Drop,
    /// An earlier record of the aggregate is parked: park this one behind it.
    Hold,
    /// A version is missing before this one, and nothing says where it is: park it, and raise an alarm.
    Gap,
}

/// Decides by version alone.
pub(crate) fn decide(version: i64, known: Known) -> Taking {
    if version <= known.last || known.parked_itself {
        Taking::Drop
    } else if version == known.last + 1 {
        Taking::Apply
    } else if known.parked_any {
        Taking::Hold
    } else {
        Taking::Gap
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    /// A consumer of one aggregate in ten lines: what the SQL around `decide` does.
    #[derive(Default)]
    struct Consumer {
        last: i64,
        parked: BTreeSet<i64>,
        applied: Vec<i64>,
    }

    impl Consumer {
        fn take(&mut self, version: i64) {
            let known = Known {
                last: self.last,
                parked_itself: self.parked.contains(&version),
                parked_any: !self.parked.is_empty(),
            };
            match decide(version, known) {
                Taking::Apply => {
                    self.apply(version);
                    while self.parked.remove(&(self.last + 1)) {
                        self.apply(self.last + 1);
                    }
                }
                Taking::Drop => {}
                Taking::Hold | Taking::Gap => {
                    self.parked.insert(version);
                }
            }
        }

        fn apply(&mut self, version: i64) {
            self.last = version;
            self.applied.push(version);
        }
    }

    /// Every version from 1 to `count`, each sent once or more, in any order.
    fn deliveries(count: i64) -> impl Strategy<Value = Vec<i64>> {
        (
            Just((1..=count).collect::<Vec<_>>()),
            prop::collection::vec(1..=count, 0..40),
        )
            .prop_map(|(each, again)| [each, again].concat())
            .prop_shuffle()
    }

    proptest! {
        #[test]
        fn however_records_arrive_each_is_applied_once_and_in_order(sent in (1..20_i64).prop_flat_map(deliveries)) {
            let mut consumer = Consumer::default();
            let count = sent.iter().copied().max().unwrap_or(0);
            for version in sent {
                consumer.take(version);
            }
            prop_assert_eq!(consumer.applied, (1..=count).collect::<Vec<_>>());
            prop_assert!(consumer.parked.is_empty());
        }

        #[test]
        fn nothing_beyond_a_missing_version_is_applied(
            sent in (2..20_i64).prop_flat_map(deliveries),
            missing in 1..20_i64,
        ) {
            let mut consumer = Consumer::default();
            for version in sent.into_iter().filter(|version| *version != missing) {
                consumer.take(version);
            }
            prop_assert!(consumer.applied.iter().all(|version| *version < missing));
        }
    }
}
