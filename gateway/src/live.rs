//! The live stream: from the topics to the browsers that may see an event.

pub(crate) mod audience;
pub(crate) mod feed;
pub(crate) mod hub;
pub(crate) mod session_watch;
