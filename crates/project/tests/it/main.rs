//! The project service through its routes, on a real Postgres. It hears of no other service's events, so it has no policies to test.

mod http;
mod importing;
mod real_data;
