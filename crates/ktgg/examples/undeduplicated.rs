//! One service without inbox and progress: the negative control of the kill test, which must find
//! events that were applied twice. `UNDEDUPLICATED` names the service; everything else is as in the
//! service's own binary.

#[tokio::main]
async fn main() {
    let wanted = service_kit::config::Env::process().or("UNDEDUPLICATED", String::new());
    match ktgg::services()
        .into_iter()
        .find(|service| service.name() == wanted)
    {
        Some(service) => service_kit::run(service.without_deduplication()).await,
        None => std::process::exit(64),
    }
}
