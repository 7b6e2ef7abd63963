//! Who is somebody, and who is refused.

use std::net::SocketAddr;

use chrono::TimeDelta;
use gateway::{Gateway, SANDBOX_AUDIENCE};
use service_kit::Clock as _;
use service_kit::auth::{LIFETIME, Role, Signer, new_private_pem};
use service_kit::clock::SystemClock;
use service_kit::config::WrongVariables;

use crate::fixture::{config, somebody, start, start_with};

#[tokio::test]
async fn outside_the_sandbox_its_bearers_are_nobodys() {
    let mut config = config().await;
    config.sandbox = false;
    let gateway = start_with(config).await;
    let staff = gateway.bearer(&somebody(Role::Staff));
    for path in ["/api/interests", "/api/stream", "/api/projects"] {
        let answer = gateway.get(path).bearer(&staff).send().await;
        assert_eq!(answer.problem(), (401, "sign-in-required".to_owned()), "{path}");
    }
    assert_eq!(gateway.get("/api/projects").send().await.status, 200);
}

#[tokio::test]
async fn an_expired_a_foreign_and_an_internal_token_are_refused() {
    let gateway = start().await;
    let (staff, now) = (somebody(Role::Staff), SystemClock.now());
    let expired = gateway.signer.sign(&staff, SANDBOX_AUDIENCE, now - TimeDelta::minutes(20), TimeDelta::minutes(10)).unwrap();
    let other: Signer = new_private_pem().parse().unwrap();
    let foreign = other.sign(&staff, SANDBOX_AUDIENCE, now, LIFETIME).unwrap();
    let internal = gateway.signer.sign(&staff, "interest", now, LIFETIME).unwrap();
    for (what, token) in [("expired", expired), ("foreign", foreign), ("internal", internal), ("nonsense", "x.y.z".to_owned())] {
        // Not even where a stranger may pass.
        for path in ["/api/interests", "/api/projects"] {
            let answer = gateway.get(path).bearer(&format!("Bearer {token}")).send().await;
            assert_eq!(answer.problem(), (401, "sign-in-required".to_owned()), "{what} {path}");
        }
    }
    let basic = gateway.get("/api/interests").bearer("Basic YTpi").send().await;
    assert_eq!(basic.status, 401);
}

#[tokio::test]
async fn a_sandbox_that_others_could_reach_does_not_start() {
    let mut config = config().await;
    config.listen = SocketAddr::from(([0, 0, 0, 0], 0));
    let refused = Gateway::bind(config.clone()).await.err().unwrap();
    assert!(refused.is::<WrongVariables>(), "{refused:#}");
    config.sandbox = false;
    assert!(Gateway::bind(config).await.is_ok());
}
