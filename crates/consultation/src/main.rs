//! Runs the consultation service alone; `crates/ktgg` runs it with the others in one process.

#[tokio::main]
async fn main() {
    service_kit::run(consultation::service()).await;
}
