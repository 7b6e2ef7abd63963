//! The people in events.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{CustomerId, SalesmanId, StaffId};

/// Who caused the event. Every write has an actor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "role", content = "id", rename_all = "kebab-case")]
pub enum Actor {
    /// A customer, signed in by phone.
    Customer(CustomerId),
    /// A member of staff.
    Staff(StaffId),
    /// A salesman.
    Salesman(SalesmanId),
    /// A consultant.
    Consultant(SalesmanId),
    /// A policy or the clock.
    System,
}

/// The customer of an event, without anything that an erasure would have to remove.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct CustomerRef {
    /// The customer.
    pub customer_id: CustomerId,
    /// The last four digits of the phone number.
    pub last_four: LastFour,
}

/// A salesman or consultant by id and display name, never by phone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct PersonRef {
    /// The person.
    pub id: SalesmanId,
    /// The name that is shown.
    pub display_name: String,
}

/// The last four digits of a phone number.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(extend("pattern" = "^[0-9]{4}$"))
)]
#[serde(try_from = "String", into = "String")]
pub struct LastFour(u16);

impl LastFour {
    /// The digits as a number, 0 to 9999: `phone-suffix` takes it modulo the size of the roster.
    pub fn number(self) -> u16 {
        self.0
    }
}

impl fmt::Display for LastFour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}", self.0)
    }
}

impl From<LastFour> for String {
    fn from(four: LastFour) -> Self {
        four.to_string()
    }
}

impl TryFrom<String> for LastFour {
    type Error = NotFourDigits;
    fn try_from(text: String) -> Result<Self, NotFourDigits> {
        if text.len() == 4 && text.bytes().all(|byte| byte.is_ascii_digit()) {
            text.parse().map(Self).map_err(|_| NotFourDigits)
        } else {
            Err(NotFourDigits)
        }
    }
}

/// The text is not four digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotFourDigits;

impl fmt::Display for NotFourDigits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not four digits")
    }
}

impl std::error::Error for NotFourDigits {}
