//! What once let somebody in, and what services believe, lets nobody in at the gateway: a bearer, whoever signed it.

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

use crate::system::{self, LetIn, Scratch, Together};

/// For whom the sandbox's bearers were.
const SANDBOX: &str = "ktgg-sandbox";

/// Whatever can be signed with the gateway's own key: as everybody, for the sandbox of before, for every service and for the gateway itself.
fn bearers(keys: &Keys) -> Vec<String> {
    let somebody = SalesmanId(Uuid::from_u128(7));
    let customer = keys.customer(&"010-1234-5678".parse().unwrap());
    let everybody = [
        keys::staff(),
        keys::salesman(somebody),
        keys::consultant(somebody),
        customer,
    ];
    let services = services();
    let audiences = services
        .iter()
        .map(service_kit::Service::name)
        .chain([SANDBOX, gateway::NAME]);
    audiences
        .flat_map(|audience| everybody.iter().map(move |who| (who, audience)))
        .map(|(who, audience)| {
            keys.signer
                .sign(who, audience, SystemClock.now(), TOKEN_LIFETIME)
                .unwrap()
        })
        .collect()
}

/// Calls an operation with nothing that would let it go far: an id of nothing, an empty body.
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

/// What a caller can learn from an answer, the number under which it is found in the logs left out.
fn said(answer: &Response) -> (StatusCode, Value) {
    let mut json = answer.json.clone();
    if let Some(fields) = json.as_object_mut() {
        fields.remove("traceId");
    }
    (answer.status, json)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bearer_of_the_gateways_own_key_is_nobody_on_every_route() {
    let scratch = Scratch::new("bearers");
    let place = system::shared_place(&scratch).await;
    let keys = Keys::of(&place.data).unwrap();
    let together = Together::start(&place, &keys).await;
    let client = place.client();
    let bearers = bearers(&keys);
    let described = client.get("/api/openapi.json", "").await.unwrap();
    let mut refused = 0;
    for (path, method, operation) in operations(&described) {
        let is_public = operation["x-actors"]
            .as_array()
            .unwrap()
            .iter()
            .any(|actor| actor == "anyone");
        let stranger = said(&call(&client, method, path, "", &[]).await);
        for bearer in &bearers {
            let header = format!("Bearer {bearer}");
            let answer = call(&client, method, path, "", &[("authorization", &header)]).await;
            assert_eq!(said(&answer), stranger, "{method} {path}");
            assert_eq!(answer.session(), None, "{method} {path}");
            let as_cookie = call(&client, method, path, bearer, &[]).await;
            assert_eq!(said(&as_cookie), stranger, "{method} {path}, as a cookie");
        }
        if !is_public {
            assert_eq!(
                (stranger.0, &stranger.1["type"]),
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

    // Beside a session a bearer makes nobody else of whoever it is: neither more nor less.
    let customer = LetIn::to(&place, &keys).customer("010-0000-0000").await;
    for bearer in &bearers {
        let header = format!("Bearer {bearer}");
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
    together.stop().await;
}
