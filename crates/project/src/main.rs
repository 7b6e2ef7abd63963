//! Runs the project service alone; `crates/ktgg` runs all services.

#[tokio::main]
async fn main() {
    service_kit::run(project::service()).await;
}
