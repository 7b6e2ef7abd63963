//! Runs the salesman service as a process of its own; `crates/ktgg` runs it with the others.

#[tokio::main]
async fn main() {
    service_kit::run(salesman::service()).await;
}
