//! Runs the gateway on its own; the process that hosts all services binds it beside them.

#[tokio::main]
async fn main() {
    gateway::run().await;
}
