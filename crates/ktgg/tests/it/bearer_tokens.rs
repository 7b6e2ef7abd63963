//! The gateway accepts no bearer token, not even one with a valid signature.

use events::SalesmanId;
use hyper::{Method, StatusCode};
use ktgg::client::{Client, Response};
use ktgg::contract::board::operations;
use ktgg::keys::{self, Keys};
use ktgg::services;
use serde_json::{Value, json};
use service_kit::Clock as _;
use service_kit::auth::TOKEN_LIFETIME;
use service_kit::clock::SystemClock;
use uuid::Uuid;

use crate::system::{self, InProcess, Scratch, SessionIssuer};

/// The audience of bearer tokens in earlier sandboxes.
const SANDBOX: &str = "ktgg-sandbox";

/// Tokens signed with the gateway's key, for every role and every audience: each service, earlier
/// sandboxes and the gateway itself.
fn bearer_tokens(keys: &Keys) -> Vec<String> {
    let salesman = SalesmanId(Uuid::from_u128(7));
    let customer = keys.customer(&"010-1234-5678".parse().unwrap());
    let identities = [
        keys::staff(),
        keys::salesman(salesman),
        keys::consultant(salesman),
        customer,
    ];
    let services = services();
    let audiences = services
        .iter()
        .map(service_kit::Service::name)
        .chain([SANDBOX, gateway::NAME]);
    audiences
        .flat_map(|audience| identities.iter().map(move |identity| (identity, audience)))
        .map(|(identity, audience)| {
            keys.signer
                .sign(identity, audience, SystemClock.now(), TOKEN_LIFETIME)
                .unwrap()
        })
        .collect()
}

/// Calls an operation with a nil id and an empty body.
async fn call(
    client: &Client,
    method: &str,
    path: &str,
    session: &str,
    headers: &[(&str, &str)],
) -> Response {
    let segments = path.split('/').map(|segment| {
        if segment.starts_with('{') {
            Uuid::nil().to_string()
        } else {
            segment.to_owned()
        }
    });
    let path = segments.collect::<Vec<_>>().join("/");
    let method: Method = method.to_uppercase().parse().unwrap();
    let empty = json!({});
    let body = (!method.is_safe()).then_some(&empty);
    client
        .call(method, &path, session, headers, body)
        .await
        .unwrap()
}

/// The status and the body, without the trace id, which differs between requests.
fn comparable(response: &Response) -> (StatusCode, Value) {
    let mut json = response.json.clone();
    if let Some(fields) = json.as_object_mut() {
        fields.remove("traceId");
    }
    (response.status, json)
}

#[tokio::test(flavor = "multi_thread")]
async fn bearer_token_is_anonymous_on_every_route() {
    let scratch = Scratch::new("bearers");
    let installation = system::on_shared_servers(&scratch).await;
    let keys = Keys::of(&installation.data).unwrap();
    let system = InProcess::start(&installation, &keys).await;
    let client = installation.client();
    let tokens = bearer_tokens(&keys);
    let described = client.get("/api/openapi.json", "").await.unwrap();
    let mut refused = 0;
    for (path, method, operation) in operations(&described) {
        let is_public = operation["x-actors"]
            .as_array()
            .unwrap()
            .iter()
            .any(|actor| actor == "anyone");
        let anonymous = comparable(&call(&client, method, path, "", &[]).await);
        for token in &tokens {
            let header = format!("Bearer {token}");
            let response = call(&client, method, path, "", &[("authorization", &header)]).await;
            assert_eq!(comparable(&response), anonymous, "{method} {path}");
            assert_eq!(response.session(), None, "{method} {path}");
            let as_cookie = call(&client, method, path, token, &[]).await;
            assert_eq!(
                comparable(&as_cookie),
                anonymous,
                "{method} {path}, as a cookie"
            );
        }
        if !is_public {
            assert_eq!(
                (anonymous.0, &anonymous.1["type"]),
                (
                    StatusCode::UNAUTHORIZED,
                    &json!("/problems/sign-in-required")
                ),
                "{path}"
            );
            refused += 1;
        }
    }
    assert!(refused > 30, "{refused}");
    assert!(described["paths"]["/api/stream"]["get"].is_object());

    // With a session, the token does not change who the caller is.
    let customer = SessionIssuer::new(&installation, &keys)
        .customer("010-0000-0000")
        .await;
    for token in &tokens {
        let header = format!("Bearer {token}");
        let me = call(
            &client,
            "get",
            "/api/auth/me",
            &customer,
            &[("authorization", &header)],
        )
        .await;
        assert_eq!(
            (&me.json["signedIn"], &me.json["role"]),
            (&json!(true), &json!("customer"))
        );
        let salesmen = call(
            &client,
            "get",
            "/api/salesmen",
            &customer,
            &[("authorization", &header)],
        )
        .await;
        assert_eq!(salesmen.status, StatusCode::FORBIDDEN);
    }
    system.stop().await;
}
