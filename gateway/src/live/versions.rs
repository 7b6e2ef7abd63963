//! The last published version of each aggregate, to drop what a relay sends twice.

use std::collections::{HashMap, VecDeque};

use uuid::Uuid;

/// In about 5 MB.
const MAX_AGGREGATES: usize = 50_000;

/// The versions of the aggregates that appeared most recently.
#[derive(Default)]
pub(super) struct Versions {
    last: HashMap<Uuid, i64>,
    /// In the order of their appearance.
    order: VecDeque<Uuid>,
}

impl Versions {
    /// Whether this version is newer than the last one.
    pub(super) fn update(&mut self, id: Uuid, version: i64) -> bool {
        if let Some(last) = self.last.get_mut(&id) {
            let is_new = version > *last;
            *last = version.max(*last);
            return is_new;
        }
        if self.order.len() >= MAX_AGGREGATES
            && let Some(oldest) = self.order.pop_front()
        {
            self.last.remove(&oldest);
        }
        self.last.insert(id, version);
        self.order.push_back(id);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_aggregates_is_bounded() {
        let mut versions = Versions::default();
        for id in 0..(MAX_AGGREGATES as u128 + 5) {
            assert!(versions.update(Uuid::from_u128(id), 1));
        }
        assert_eq!(
            (versions.last.len(), versions.order.len()),
            (MAX_AGGREGATES, MAX_AGGREGATES)
        );
        assert!(!versions.update(Uuid::from_u128(MAX_AGGREGATES as u128), 1));
    }
}
