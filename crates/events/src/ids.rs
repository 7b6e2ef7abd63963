//! Distinct id types over `Uuid`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::parse_str(text).map(Self)
            }
        }
    )*};
}

ids! {
    /// One consultation. `UUIDv7`.
    ConsultationId
    /// A customer: `UUIDv8` of a keyed hash of the E.164 phone number.
    CustomerId
    /// One customer's interest in one series. `UUIDv7`.
    InterestId
    /// One match of people to an interest or a consultation. `UUIDv7`.
    MatchId
    /// One edition of a programme. `UUIDv7`.
    ProjectId
    /// A salesman or a consultant. `UUIDv7`.
    SalesmanId
    /// All editions of one programme. `UUIDv7`.
    SeriesId
    /// A member of staff. `UUIDv7`.
    StaffId
}
