//! How a request is read, authorized and answered.

pub mod body;
pub mod describe;
pub mod extract;
pub mod fields;
pub mod idempotency;
mod layers;
pub mod page;
pub mod permissions;
pub mod problem;
pub(crate) mod read_your_writes;
mod respond;

pub use body::{BODY_LIMIT, Json};
pub use extract::{IfMatch, Path, Query};
pub use fields::{Field, Fields};
pub use idempotency::IdempotencyKey;
pub use layers::{REQUEST_ID, layers};
pub(crate) use layers::{Timeouts, limit_time};
pub use page::{NextPage, Page, PageQuery, Paged};
pub use respond::{NoStore, Versioned, View};
