//! Every row of the table leads where it says.

use axum::http::Method;
use gateway::upstream::routes::{Callers, Service, TABLE};
use service_kit::auth::Role;

use crate::fixture::{somebody, start};

#[tokio::test]
async fn every_row_leads_to_its_service_as_somebody_that_service_believes() {
    let gateway = start().await;
    let verifier = gateway.verifier();
    for row in TABLE {
        for role in [
            Role::Customer,
            Role::Staff,
            Role::Salesman,
            Role::Consultant,
        ] {
            let identity = somebody(role);
            let answer = gateway
                .get(&format!("/api{}/1?q=a%20b", row.prefix))
                .cookie(&gateway.cookie(&identity).await)
                .send()
                .await;
            let said = answer.json();
            assert_eq!(said["service"], row.service.name());
            assert_eq!(said["target"], format!("{}/1?q=a%20b", row.prefix));
            let token = said["headers"]["authorization"]
                .as_str()
                .unwrap()
                .strip_prefix("Bearer ")
                .unwrap();
            let seen = verifier.verify(token, row.service.name()).unwrap();
            assert_eq!((seen.role, seen.subject), (role, identity.subject));
            assert_eq!(
                seen.phone.is_some(),
                identity.phone.is_some() && row.service.is_told_the_phone(),
                "{}",
                row.prefix
            );
            for other in Service::ALL
                .into_iter()
                .filter(|other| *other != row.service)
            {
                assert!(
                    verifier.verify(token, other.name()).is_none(),
                    "{} accepts a token for {}",
                    other.name(),
                    row.prefix
                );
            }
        }
    }
}

#[tokio::test]
async fn a_stranger_gets_through_where_the_table_says_anyone_and_nowhere_else() {
    let gateway = start().await;
    for row in TABLE {
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
async fn what_the_table_does_not_know_is_not_found() {
    let gateway = start().await;
    let staff = gateway.cookie(&somebody(Role::Staff)).await;
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
    assert_eq!(english.json()["title"], "There is no such thing");
}

#[tokio::test]
async fn a_method_no_service_speaks_is_refused_here() {
    let gateway = start().await;
    let answer = gateway.ask(Method::TRACE, "/api/projects").send().await;
    assert_eq!(answer.problem(), (405, "method-not-allowed".to_owned()));
    let answer = gateway.ask(Method::POST, "/api/stream").send().await;
    assert_eq!(answer.problem(), (405, "method-not-allowed".to_owned()));
}
