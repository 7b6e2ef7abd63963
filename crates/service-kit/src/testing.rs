//! Support for the tests of services: a database on a real Postgres, callers of every role, a clock
//! that tests move, and events delivered without a broker. Feature `testing`.

mod app;
mod caller;
mod clock;
mod fixtures;
mod logs;
mod plans;
mod raw_connection;
mod servers;
mod texts;

pub use app::TestApp;
pub use caller::{Caller, TestResponse};
pub use clock::MockClock;
pub use fixtures::{PASTED_NUMBERS, a_profile, an_edition, customer, envelope, signer, unmatched};
pub use logs::Logs;
pub use plans::{Plans, ROUNDS};
pub use raw_connection::{RawAnswer, RawConnection};
pub use servers::{
    PostgresLog, database, kafka, kafka_without_topics, postgres_url, superuser_pool,
};
pub use texts::{INVISIBLE, as_pasted, text_fields};
