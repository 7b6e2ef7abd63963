//! One service with its inbox and its progress switched off: the negative control of the kill test, which must find what goes wrong then.
//! `UNDEDUPLICATED` names the service; everything else is as in that service's own program.

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
