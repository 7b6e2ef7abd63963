//! The system end to end, on real servers: in one process and in six, during outages, and while
//! processes are killed.

mod access_loss;
mod actors;
mod bearer_tokens;
mod callers;
mod checker;
mod contract;
mod domain;
mod erasure;
mod forged_tokens;
mod hand_over;
mod import_command;
mod outages;
mod pages;
mod personal_data;
mod private_values;
mod random_kills;
mod request_to_match;
mod reworded_migrations;
mod route_matrix;
mod secure_servers;
mod sign_in;
mod system;
mod trace_ids;
