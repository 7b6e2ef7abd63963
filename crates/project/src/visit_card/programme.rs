//! What the lines of a card are made of.

use chrono::NaiveDate;

use crate::project::Project;

/// An edition of a series that was open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct EarlierEdition {
    pub(crate) year: i32,
    /// The first day of its period.
    pub(crate) starts_on: Option<NaiveDate>,
}

/// A programme on a card.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Programme<'a> {
    pub(crate) project: &'a Project,
    /// The editions of its series that were open; those of its own year or later do not count.
    pub(crate) earlier: &'a [EarlierEdition],
}
