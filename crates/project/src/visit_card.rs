//! The visit card (Door Open Tool): which programmes a salesman can talk about with a customer, and
//! one line to begin with. Pure.

mod pitch;
#[cfg(test)]
mod tests;
mod traits;

pub(crate) use self::pitch::pitch_line;
pub(crate) use self::traits::{Mark, Shared, Traits, target_words};
