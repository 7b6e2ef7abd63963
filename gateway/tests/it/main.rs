//! What browsers and services can rely on, against services that only repeat what they were sent.

mod description;
mod fixture;
mod forwarding;
mod limits;
mod process;
mod stopping;
mod stream;
mod stream_kafka;
mod table;
