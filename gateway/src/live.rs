//! The live stream: from the topics to the browsers of those who may see an event.

pub(crate) mod audience;
mod cursor;
pub(crate) mod feed;
pub(crate) mod hub;
mod queue;
pub(crate) mod session_watch;
mod versions;
mod wire;
