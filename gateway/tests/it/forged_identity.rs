//! Only a session cookie identifies a caller: no token, header or override does.

use axum::http::Method;
use chrono::TimeDelta;
use gateway::config::Service;
use gateway::upstream::routes::ROUTES;
use service_kit::Clock as _;
use service_kit::auth::{Role, TOKEN_LIFETIME};
use service_kit::clock::SystemClock;

use crate::test_gateway::{identity, start};

#[tokio::test]
async fn authorization_header_is_not_accepted_as_identity() {
    let gateway = start().await;
    let (staff, now) = (identity(Role::Staff), SystemClock.now());
    let sign = |audience: &str| {
        gateway
            .signer
            .sign(&staff, audience, now, TOKEN_LIFETIME)
            .unwrap()
    };
    let mut tokens: Vec<String> = Service::ALL
        .into_iter()
        .map(|service| format!("Bearer {}", sign(service.as_str())))
        .collect();
    tokens.extend(
        ["gateway", "ktgg-gateway", "ktgg-sandbox", ""]
            .map(|audience| format!("Bearer {}", sign(audience))),
    );
    let long = gateway
        .signer
        .sign(&staff, "interest", now, TimeDelta::days(1))
        .unwrap();
    tokens.extend([
        format!("bearer {long}"),
        long,
        "Basic c3RhZmY6c3RhZmY=".to_owned(),
        "Bearer x.y.z".to_owned(),
    ]);
    let session = gateway.cookie(&staff).await;
    tokens.push(format!("Bearer {}", session.strip_prefix("ktgg=").unwrap()));
    let mut accepted = 0;
    for token in &tokens {
        for row in ROUTES {
            for (method, path) in [
                (Method::GET, ""),
                (Method::POST, ""),
                (Method::PATCH, "/1"),
                (Method::DELETE, "/1"),
            ] {
                let path = format!("/api{}{path}", row.prefix);
                let answer = gateway
                    .request(method, &path)
                    .header("authorization", token)
                    .send()
                    .await;
                if row.prefix == "/projects" {
                    // The request passes, but as an anonymous one.
                    assert!(
                        answer.json()["headers"].get("authorization").is_none(),
                        "{path}"
                    );
                } else {
                    accepted += usize::from(answer.status != 401);
                }
            }
        }
        for row in gateway::api::permissions::PERMISSIONS {
            let path = row
                .path
                .replace("{id}", "0193a5d0-8c5e-7b64-9a3f-5f2c1b7e4d01");
            let request = gateway
                .request(row.method.parse().unwrap(), &path)
                .header("authorization", token);
            if row.actors() != ["anyone"] {
                accepted += usize::from(request.send().await.status != 401);
            }
        }
        let me = gateway
            .get("/api/auth/me")
            .header("authorization", token)
            .send()
            .await;
        assert_eq!(me.json()["signedIn"], false);
    }
    assert_eq!(accepted, 0);
}

#[tokio::test]
async fn authorization_header_is_ignored_beside_a_session() {
    let gateway = start().await;
    let customer = gateway.caller(&identity(Role::Customer)).await;
    let staff = gateway
        .signer
        .sign(
            &identity(Role::Staff),
            "interest",
            SystemClock.now(),
            TOKEN_LIFETIME,
        )
        .unwrap();
    let echoed = customer
        .get("/api/interests")
        .header("authorization", &format!("Bearer {staff}"))
        .send()
        .await
        .json();
    let token = echoed["headers"]["authorization"]
        .as_str()
        .unwrap()
        .strip_prefix("Bearer ")
        .unwrap()
        .to_owned();
    assert_eq!(
        gateway.verifier().verify(&token, "interest").unwrap().role,
        Role::Customer
    );
    assert_eq!(
        customer
            .get("/api/accounts")
            .header("authorization", &format!("Bearer {staff}"))
            .send()
            .await
            .status,
        403
    );
}

#[tokio::test]
async fn identity_headers_are_not_accepted() {
    let gateway = start().await;
    let id = identity(Role::Staff).subject.to_string();
    let claims = [
        "x-user",
        "x-user-id",
        "x-user-role",
        "x-role",
        "x-forwarded-user",
        "x-forwarded-email",
        "x-forwarded-preferred-username",
        "x-auth-request-user",
        "x-authenticated-user",
        "x-internal-role",
        "x-internal-token",
        "x-remote-user",
        "remote-user",
        "ktgg-identity",
        "ktgg-identity-role",
        "x-client-verify",
        "x-ssl-client-cert",
        "x-original-user",
        "from",
    ];
    for row in ROUTES.into_iter().filter(|row| row.prefix != "/projects") {
        for value in [id.as_str(), "staff", "admin"] {
            let request = claims.iter().fold(
                gateway.get(&format!("/api{}", row.prefix)),
                |request, name| request.header(name, value),
            );
            assert_eq!(
                request.send().await.problem(),
                (401, "sign-in-required".to_owned()),
                "{}",
                row.prefix
            );
        }
    }
    for name in claims {
        let me = gateway.get("/api/auth/me").header(name, &id).send().await;
        assert_eq!(me.json()["signedIn"], false, "{name}");
    }
}

#[tokio::test]
async fn path_and_method_override_headers_are_ignored() {
    let gateway = start().await;
    for name in [
        "x-http-method-override",
        "x-method-override",
        "x-original-url",
        "x-rewrite-url",
    ] {
        let answer = gateway
            .get("/api/auth/me")
            .header(name, "/api/accounts")
            .send()
            .await;
        assert_eq!(answer.json()["signedIn"], false, "{name}");
        let echoed = gateway
            .get("/api/projects")
            .header(name, "DELETE")
            .send()
            .await
            .json();
        assert_eq!(
            (&echoed["method"], &echoed["target"]),
            (&"GET".into(), &"/projects".into()),
            "{name}"
        );
    }
}
