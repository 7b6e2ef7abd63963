//! Where the events of an aggregate are published.

use std::fmt;

/// A domain topic: one per service, named after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Topic {
    /// Events of the project service.
    Project,
    /// Events of the interest service.
    Interest,
    /// Events of the consultation service.
    Consultation,
    /// Events of the salesman-match service.
    SalesmanMatch,
    /// Events of the salesman service.
    Salesman,
}

impl Topic {
    /// Every topic.
    pub const ALL: [Self; 5] = [
        Self::Project,
        Self::Interest,
        Self::Consultation,
        Self::SalesmanMatch,
        Self::Salesman,
    ];

    /// Partitions of every domain topic. Never changes: another count would move keys to other
    /// partitions, and lose their order.
    pub const PARTITIONS: i32 = 12;

    /// The publishing service, which is also the aggregate's type in the event log.
    pub const fn aggregate(self) -> &'static str {
        match self {
            Self::Project => "project",
            Self::Interest => "interest",
            Self::Consultation => "consultation",
            Self::SalesmanMatch => "salesman-match",
            Self::Salesman => "salesman",
        }
    }

    /// The topic of an aggregate's type.
    pub fn of_aggregate(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|topic| topic.aggregate() == name)
    }

    /// The topic's name on a broker. `prefix` is `ktgg`, unless installations share the broker.
    pub fn name(self, prefix: &str) -> String {
        format!("{prefix}.{}", self.aggregate())
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.aggregate())
    }
}
