//! What browsers and services can rely on, against services that only repeat what they were sent.

mod accounts;
mod answers;
mod audit;
mod codes;
mod cross_site;
mod description;
mod erasure;
mod fixture;
mod forged;
mod forwarding;
mod invitations;
mod limits;
mod me;
mod passwords;
mod people;
mod process;
mod sessions;
mod standing_in;
mod stopping;
mod stream;
mod stream_kafka;
mod table;
mod telephone;
