//! The gateway as a process of its own. `ktgg` hosts it together with the services.

#[tokio::main]
async fn main() {
    gateway::run().await;
}
