//! How an event names people.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{CustomerId, SalesmanId, StaffId};

/// Who did it. Every write names its actor.
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
    /// A policy or the clock: nobody in person.
    System,
}

/// The customer an event is about, without anything that would have to be erased.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct CustomerRef {
    /// Who.
    pub customer_id: CustomerId,
    /// The last four digits of the phone number.
    pub last_four: LastFour,
}

/// A salesman or a consultant as others may show him: by id and display name, never by phone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct PersonRef {
    /// Who.
    pub id: SalesmanId,
    /// The name he chose to be shown by.
    pub display_name: String,
}

/// The last four digits of a phone number.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(extend("pattern" = "^[0-9]{4}$")))]
#[serde(try_from = "String", into = "String")]
pub struct LastFour(u16);

impl LastFour {
    /// The digits as a number, 0 to 9999: what `phone-suffix` divides by the size of the roster.
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

/// The text was something other than four digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotFourDigits;

impl fmt::Display for NotFourDigits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not four digits")
    }
}

impl std::error::Error for NotFourDigits {}
