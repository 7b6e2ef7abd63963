//! What nobody but the gateway can make: tokens that services believe. StreamEvent to every service on its own port, and to the gateway.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::TimeDelta;
use hyper::{Method, StatusCode};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use ktgg::client::Client;
use ktgg::host::port_of;
use ktgg::keys::{self, Keys};
use ktgg::services;
use serde_json::{Value, json};
use service_kit::Clock as _;
use service_kit::auth::{Identity, Role, Signer, TOKEN_LIFETIME, new_private_pem};
use service_kit::clock::SystemClock;
use service_kit::http::permissions::{Access, Permission};
use uuid::Uuid;

use crate::everybody::House;

/// Everything that somebody without the gateway's key could send who has seen good tokens, and good ones that are not for this service.
fn forged(keys: &Keys, service: &str, as_whom: &Identity) -> Vec<(&'static str, String)> {
    let now = SystemClock.now();
    let sign = |who: &Identity, audience: &str| {
        keys.signer
            .sign(who, audience, now, TOKEN_LIFETIME)
            .unwrap()
    };
    let good = sign(as_whom, service);
    let [head, claims, signature] = good.split('.').collect::<Vec<_>>().try_into().unwrap();
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let read: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap();
    let with = |name: &str, value: Value| {
        let mut claims = read.clone();
        claims[name] = value;
        format!("{head}.{}.{signature}", part(&claims))
    };
    let other: Signer = new_private_pem().parse().unwrap();
    let symmetric = |secret: &[u8]| {
        jsonwebtoken::encode(
            &Header::new(Algorithm::HS256),
            &read,
            &EncodingKey::from_secret(secret),
        )
        .unwrap()
    };
    let embedded = part(
        &json!({ "alg": "EdDSA", "typ": "JWT", "jku": "https://keys.example/", "kid": "../../dev/null" }),
    );
    let mut forged = vec![
        (
            "expired",
            keys.signer
                .sign(
                    as_whom,
                    service,
                    now - TimeDelta::minutes(2),
                    TOKEN_LIFETIME,
                )
                .unwrap(),
        ),
        (
            "another key",
            other.sign(as_whom, service, now, TOKEN_LIFETIME).unwrap(),
        ),
        (
            "another's signature",
            format!(
                "{head}.{claims}.{}",
                sign(&keys::staff(), "elsewhere")
                    .rsplit('.')
                    .next()
                    .unwrap()
            ),
        ),
        ("a raised role", with("role", json!("staff"))),
        ("another subject", with("sub", json!(Uuid::from_u128(8)))),
        (
            "a longer life",
            with("exp", json!(now.timestamp() + 1_000_000)),
        ),
        (
            "several audiences",
            with("aud", json!([service, "gateway"])),
        ),
        (
            "HS256 with the public key",
            symmetric(keys.signer.public_pem().unwrap().as_bytes()),
        ),
        ("HS256 without a secret", symmetric(b"")),
        (
            "a key of its own",
            format!("{embedded}.{claims}.{signature}"),
        ),
        ("no signature", format!("{head}.{claims}.")),
        ("two parts", format!("{head}.{claims}")),
        ("nothing", String::new()),
    ];
    let elsewhere = services()
        .map(|it| it.name())
        .into_iter()
        .filter(|name| *name != service);
    forged.extend(
        elsewhere
            .chain([gateway::NAME, "ktgg-sandbox", "*", ""])
            .map(|name| ("wrong audience", sign(as_whom, name))),
    );
    for alg in ["none", "None", "NONE", "nOnE", "HS256", "RS256", "ES256"] {
        let head = part(&json!({ "alg": alg, "typ": "JWT" }));
        forged.push(("another alg", format!("{head}.{claims}.")));
        forged.push((
            "another alg, signed",
            format!("{head}.{claims}.{signature}"),
        ));
    }
    forged
}

/// Headers by which others tell who somebody is.
const TELLING: [&str; 8] = [
    "x-user-id",
    "x-user-role",
    "x-forwarded-user",
    "x-auth-request-user",
    "x-internal-role",
    "x-internal-token",
    "ktgg-identity",
    "cookie",
];

fn table(service: &str) -> &'static [Permission] {
    match service {
        "interest" => interest::permissions::TABLE,
        "consultation" => consultation::permissions::TABLE,
        "project" => project::permissions::TABLE,
        "salesman-match" => salesman_match::permissions::TABLE,
        "salesman" => salesman::permissions::TABLE,
        other => panic!("{other} has no table"),
    }
}

/// Somebody whom the row lets in.
fn let_in_by(keys: &Keys, row: &Permission) -> Identity {
    let role = Role::ALL
        .into_iter()
        .find(|role| row.access(Some(*role)) != Access::No)
        .unwrap();
    match role {
        Role::Customer => keys.customer(&"010-3141-5926".parse().unwrap()),
        Role::Staff => keys::staff(),
        Role::Salesman | Role::Consultant => Identity {
            role,
            subject: Uuid::from_u128(7),
            phone: None,
        },
    }
}

/// How often it was believed.
async fn asked(
    client: &Client,
    row: &Permission,
    prefix: &str,
    headers: &[(&str, &str)],
) -> StatusCode {
    let nobodys = Uuid::from_u128(0xDD).to_string();
    let segments = row.path.split('/').map(|segment| {
        if segment.starts_with('{') {
            nobodys.as_str()
        } else {
            segment
        }
    });
    let path = format!("{prefix}{}", segments.collect::<Vec<_>>().join("/"));
    let method: Method = row.method.parse().unwrap();
    client
        .call(method, &path, "", headers, None)
        .await
        .unwrap()
        .status
}

#[expect(
    clippy::print_stdout,
    reason = "the count says how much the test is worth"
)]
#[tokio::test(flavor = "multi_thread")]
async fn of_forged_expired_and_borrowed_tokens_no_service_and_no_gateway_accepts_one() {
    let house = House::open("forged").await;
    let keys = &house.keys;
    let (mut sent, mut accepted, mut services_asked) = (0, Vec::new(), 0);
    for service in services().map(|it| it.name()) {
        let own = Client::new(format!(
            "http://127.0.0.1:{}",
            port_of(house.place.port, service).unwrap()
        ));
        services_asked += 1;
        for row in table(service)
            .iter()
            .filter(|row| row.access(None) == Access::No)
        {
            let who = let_in_by(keys, row);
            let good = format!(
                "Bearer {}",
                keys.signer
                    .sign(&who, service, SystemClock.now(), TOKEN_LIFETIME)
                    .unwrap()
            );
            let believed = asked(&own, row, "", &[("authorization", &good)]).await;
            assert!(
                believed != StatusCode::UNAUTHORIZED && believed != StatusCode::FORBIDDEN,
                "{service} {row:?}: {believed}"
            );
            let is_internal = row.path.starts_with("/me");
            for (what, token) in forged(keys, service, &who) {
                let header = format!("Bearer {token}");
                sent += 1;
                if asked(&own, row, "", &[("authorization", &header)]).await
                    != StatusCode::UNAUTHORIZED
                {
                    accepted.push(format!("{service}: {} {}: {what}", row.method, row.path));
                }
                if is_internal {
                    continue;
                }
                sent += 1;
                if asked(
                    &house.client,
                    row,
                    "/api",
                    &[
                        ("authorization", &header),
                        ("cookie", &format!("ktgg={token}")),
                    ],
                )
                .await
                    != StatusCode::UNAUTHORIZED
                {
                    accepted.push(format!("gateway: {} {}: {what}", row.method, row.path));
                }
            }
            for name in TELLING {
                for (client, prefix) in [(&own, ""), (&house.client, "/api")] {
                    if prefix == "/api" && is_internal {
                        continue;
                    }
                    sent += 1;
                    if asked(client, row, prefix, &[(name, "staff")]).await
                        != StatusCode::UNAUTHORIZED
                    {
                        accepted.push(format!(
                            "{service} {prefix}: {} {}: {name}",
                            row.method, row.path
                        ));
                    }
                }
            }
            if !is_internal {
                // Not even the good one: what services believe only the gateway may say.
                sent += 1;
                if asked(&house.client, row, "/api", &[("authorization", &good)]).await
                    != StatusCode::UNAUTHORIZED
                {
                    accepted.push(format!("gateway: {} {}: a good one", row.method, row.path));
                }
            }
        }
    }
    assert_eq!((services_asked, accepted), (5, Vec::<String>::new()));
    assert!(sent > 2000, "{sent}");
    println!("{sent} forged, expired and borrowed tokens and claims: 0 accepted");
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_services_offer_the_gateway_alone_no_browser_reaches() {
    let house = House::open("internal").await;
    let let_in = crate::system::LetIn::to(&house.place, &house.keys);
    let sessions = [
        let_in.customer("010-3141-5926").await,
        let_in.staff().await,
        String::new(),
    ];
    let description = house.client.get("/api/openapi.json", "").await.unwrap();
    let mut tried = 0;
    for row in services()
        .iter()
        .flat_map(|it| table(it.name()))
        .filter(|row| row.path.starts_with("/me"))
    {
        assert!(description["paths"].get(row.path).is_none());
        for prefix in [
            "",
            "/api/interests",
            "/api/consultations",
            "/api/projects",
            "/api/salesmen",
            "/api/salesman-matches",
            "/api/interests/..",
        ] {
            for session in &sessions {
                let method: Method = row.method.parse().unwrap();
                let path = format!("{prefix}{}", row.path);
                let answer = house
                    .client
                    .call(method, &path, session, &[], None)
                    .await
                    .unwrap();
                tried += 1;
                // There is `GET /salesmen/me`, and `GET /interests/{id}`: neither of them is this.
                let status = answer.status.as_u16();
                assert!(
                    matches!(status, 401 | 403 | 404 | 405),
                    "{} {path}: {status}",
                    row.method
                );
            }
        }
    }
    assert!(tried > 200, "{tried}");
    house.close().await;
}
