//! The route table: which service a path leads to, and who may use it.

use axum::http::Method;
use gateway::config::Service;
use gateway::upstream::routes::{Callers, ROUTES};
use service_kit::auth::Role;

use crate::test_gateway::{identity, start};

#[tokio::test]
async fn every_route_forwards_with_a_token_for_its_service() {
    let gateway = start().await;
    let verifier = gateway.verifier();
    for row in ROUTES {
        for role in [
            Role::Customer,
            Role::Staff,
            Role::Salesman,
            Role::Consultant,
        ] {
            let identity = identity(role);
            let answer = gateway
                .get(&format!("/api{}/1?q=a%20b", row.prefix))
                .cookie(&gateway.cookie(&identity).await)
                .send()
                .await;
            let echoed = answer.json();
            assert_eq!(echoed["service"], row.service.as_str());
            assert_eq!(echoed["target"], format!("{}/1?q=a%20b", row.prefix));
            let token = echoed["headers"]["authorization"]
                .as_str()
                .unwrap()
                .strip_prefix("Bearer ")
                .unwrap();
            let verified = verifier.verify(token, row.service.as_str()).unwrap();
            assert_eq!((verified.role, verified.subject), (role, identity.subject));
            assert_eq!(
                verified.phone.is_some(),
                identity.phone.is_some() && row.service.receives_phone(),
                "{}",
                row.prefix
            );
            for other in Service::ALL
                .into_iter()
                .filter(|other| *other != row.service)
            {
                assert!(
                    verifier.verify(token, other.as_str()).is_none(),
                    "{} accepts a token for {}",
                    other.as_str(),
                    row.prefix
                );
            }
        }
    }
}

#[tokio::test]
async fn anonymous_requests_pass_only_routes_open_to_anyone() {
    let gateway = start().await;
    for row in ROUTES {
        let answer = gateway.get(&format!("/api{}", row.prefix)).send().await;
        if row.callers == Callers::Anyone {
            assert_eq!(answer.status, 200);
            assert!(answer.json()["headers"].get("authorization").is_none());
        } else {
            assert_eq!(
                answer.problem(),
                (401, "sign-in-required".to_owned()),
                "{}",
                row.prefix
            );
        }
    }
}

#[tokio::test]
async fn unknown_paths_are_not_found() {
    let gateway = start().await;
    let staff = gateway.cookie(&identity(Role::Staff)).await;
    for path in [
        "/",
        "/api",
        "/api/nothing",
        "/projects",
        "/api/projectsx",
        "/api/interests/openapi.json",
        "/api/projects/..%2f..%2fopenapi.json",
    ] {
        let answer = gateway.get(path).cookie(&staff).send().await;
        assert_eq!(answer.problem(), (404, "not-found".to_owned()), "{path}");
    }
    let english = gateway
        .get("/api/nothing")
        .header("accept-language", "en")
        .send()
        .await;
    assert_eq!(english.json()["title"], "Not found");
}

#[tokio::test]
async fn unsupported_methods_are_refused() {
    let gateway = start().await;
    let answer = gateway.request(Method::TRACE, "/api/projects").send().await;
    assert_eq!(answer.problem(), (405, "method-not-allowed".to_owned()));
    let answer = gateway.request(Method::POST, "/api/stream").send().await;
    assert_eq!(answer.problem(), (405, "method-not-allowed".to_owned()));
}
