//! What to do with a record: the consumer's decision, without I/O.

/// The state of a record's aggregate when the record arrives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct AggregateProgress {
    /// The last consumed version; 0 before the first.
    pub(crate) version: i64,
    /// Whether this event is parked.
    pub(crate) is_parked: bool,
    /// Whether another record of the aggregate is parked.
    pub(crate) has_parked: bool,
}

/// What to do with a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Decision {
    /// It is the next version: apply it.
    Apply,
    /// It was applied or parked before.
    Skip,
    /// An earlier record of the aggregate is parked: park this one behind it.
    Hold,
    /// An earlier version is missing, and not parked: park this one, and raise an alarm.
    Gap,
}

/// Decides by the version alone.
pub(crate) fn decide(version: i64, progress: AggregateProgress) -> Decision {
    if version <= progress.version || progress.is_parked {
        Decision::Skip
    } else if version == progress.version + 1 {
        Decision::Apply
    } else if progress.has_parked {
        Decision::Hold
    } else {
        Decision::Gap
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    /// The consumer of one aggregate: what the SQL around `decide` does.
    #[derive(Default)]
    struct Consumer {
        last: i64,
        parked: BTreeSet<i64>,
        applied: Vec<i64>,
    }

    impl Consumer {
        fn consume(&mut self, version: i64) {
            let progress = AggregateProgress {
                version: self.last,
                is_parked: self.parked.contains(&version),
                has_parked: !self.parked.is_empty(),
            };
            match decide(version, progress) {
                Decision::Apply => {
                    self.apply(version);
                    while self.parked.remove(&(self.last + 1)) {
                        self.apply(self.last + 1);
                    }
                }
                Decision::Skip => {}
                Decision::Hold | Decision::Gap => {
                    self.parked.insert(version);
                }
            }
        }

        fn apply(&mut self, version: i64) {
            self.last = version;
            self.applied.push(version);
        }
    }

    /// Each version from 1 to `count`, at least once, in any order.
    fn deliveries(count: i64) -> impl Strategy<Value = Vec<i64>> {
        (
            Just((1..=count).collect::<Vec<_>>()),
            prop::collection::vec(1..=count, 0..40),
        )
            .prop_map(|(each, repeated)| [each, repeated].concat())
            .prop_shuffle()
    }

    proptest! {
        #[test]
        fn records_in_any_order_are_applied_once_and_in_order(
            sent in (1..20_i64).prop_flat_map(deliveries),
        ) {
            let mut consumer = Consumer::default();
            let count = sent.iter().copied().max().unwrap_or(0);
            for version in sent {
                consumer.consume(version);
            }
            prop_assert_eq!(consumer.applied, (1..=count).collect::<Vec<_>>());
            prop_assert!(consumer.parked.is_empty());
        }

        #[test]
        fn nothing_after_a_missing_version_is_applied(
            sent in (2..20_i64).prop_flat_map(deliveries),
            missing in 1..20_i64,
        ) {
            let mut consumer = Consumer::default();
            for version in sent.into_iter().filter(|version| *version != missing) {
                consumer.consume(version);
            }
            prop_assert!(consumer.applied.iter().all(|version| *version < missing));
        }
    }
}
