//! How a request is read, authorized and answered.

pub mod body;
mod database_problem;
mod date;
pub mod describe;
pub mod fields;
pub mod idempotency;
mod if_match;
mod layers;
pub mod page;
mod path;
pub mod permissions;
pub mod problem;
mod query;
pub(crate) mod read_your_writes;
mod repeated_keys;
mod respond;
mod unread_body;

pub use body::{BODY_LIMIT, Json};
pub use date::Date;
pub use fields::{Field, Fields};
pub use idempotency::IdempotencyKey;
pub use if_match::IfMatch;
pub use layers::{REQUEST_ID, layers};
pub(crate) use layers::{Timeouts, limit_time};
pub use page::{NextPage, Page, PageQuery, Paged};
pub use path::Path;
pub use query::Query;
pub use respond::{NoStore, Versioned, View};
