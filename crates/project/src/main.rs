//! Runs the project service on its own; `crates/ktgg` runs it beside the others.

#[tokio::main]
async fn main() {
    service_kit::run(project::service()).await;
}
