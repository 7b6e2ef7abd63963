//! The visit card (Door Open Tool): which programmes a salesman can talk about with a customer, and
//! one line to say for each. Pure.

mod clause;
mod money;
mod pitch;
mod programme;
#[cfg(test)]
mod tests;
mod traits;

pub(crate) use self::pitch::pitch_lines;
pub(crate) use self::programme::{EarlierEdition, Programme};
pub(crate) use self::traits::{Mark, Shared, Traits, target_words};
