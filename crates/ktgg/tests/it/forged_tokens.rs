//! Forged, expired and misdirected tokens, sent to every service on its own port and to the
//! gateway.

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

use crate::system::{SessionIssuer, TestSystem};

/// Tokens that an attacker could make from valid tokens without the gateway's key, and valid tokens
/// for another audience.
fn forged_tokens(keys: &Keys, service: &str, identity: &Identity) -> Vec<(&'static str, String)> {
    let now = SystemClock.now();
    let sign = |identity: &Identity, audience: &str| {
        keys.signer
            .sign(identity, audience, now, TOKEN_LIFETIME)
            .unwrap()
    };
    let good = sign(identity, service);
    let [head, claims, signature] = good.split('.').collect::<Vec<_>>().try_into().unwrap();
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let decoded: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap();
    let with = |name: &str, value: Value| {
        let mut claims = decoded.clone();
        claims[name] = value;
        format!("{head}.{}.{signature}", part(&claims))
    };
    let other: Signer = new_private_pem().parse().unwrap();
    let symmetric = |secret: &[u8]| {
        jsonwebtoken::encode(
            &Header::new(Algorithm::HS256),
            &decoded,
            &EncodingKey::from_secret(secret),
        )
        .unwrap()
    };
    let embedded = part(&json!({
        "alg": "EdDSA", "typ": "JWT", "jku": "https://keys.example/", "kid": "../../dev/null",
    }));
    let mut forged_tokens = vec![
        (
            "expired",
            keys.signer
                .sign(
                    identity,
                    service,
                    now - TimeDelta::minutes(3),
                    TOKEN_LIFETIME,
                )
                .unwrap(),
        ),
        (
            "another key",
            other.sign(identity, service, now, TOKEN_LIFETIME).unwrap(),
        ),
        (
            "signature of another token",
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
            "later expiry",
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
        ("embedded key", format!("{embedded}.{claims}.{signature}")),
        ("no signature", format!("{head}.{claims}.")),
        ("two parts", format!("{head}.{claims}")),
        ("nothing", String::new()),
    ];
    let elsewhere = services()
        .map(|service| service.name())
        .into_iter()
        .filter(|name| *name != service);
    forged_tokens.extend(
        elsewhere
            .chain([gateway::NAME, "ktgg-sandbox", "*", ""])
            .map(|name| ("wrong audience", sign(identity, name))),
    );
    for alg in ["none", "None", "NONE", "nOnE", "HS256", "RS256", "ES256"] {
        let head = part(&json!({ "alg": alg, "typ": "JWT" }));
        forged_tokens.push(("another alg", format!("{head}.{claims}.")));
        forged_tokens.push((
            "another alg, signed",
            format!("{head}.{claims}.{signature}"),
        ));
    }
    forged_tokens
}

/// Headers that carry an identity in other systems.
const IDENTITY_HEADERS: [&str; 8] = [
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

/// An identity that the row allows.
fn allowed_identity(keys: &Keys, row: &Permission) -> Identity {
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

/// The status of a request to the row's path with the id of nothing.
async fn status_of(
    client: &Client,
    row: &Permission,
    prefix: &str,
    headers: &[(&str, &str)],
) -> StatusCode {
    let unknown = Uuid::from_u128(0xDD).to_string();
    let segments = row.path.split('/').map(|segment| {
        if segment.starts_with('{') {
            unknown.as_str()
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

#[expect(clippy::print_stdout, reason = "shows how many tokens were sent")]
#[tokio::test(flavor = "multi_thread")]
async fn forged_and_misdirected_tokens_are_refused_everywhere() {
    let system = TestSystem::start("forged").await;
    let keys = &system.keys;
    let (mut sent, mut accepted, mut services_checked) = (0, Vec::new(), 0);
    for service in services().map(|service| service.name()) {
        let own = Client::new(format!(
            "http://127.0.0.1:{}",
            port_of(system.installation.port, service).unwrap()
        ));
        services_checked += 1;
        for row in table(service)
            .iter()
            .filter(|row| row.access(None) == Access::No)
        {
            let identity = allowed_identity(keys, row);
            let good = format!(
                "Bearer {}",
                keys.signer
                    .sign(&identity, service, SystemClock.now(), TOKEN_LIFETIME)
                    .unwrap()
            );
            let status = status_of(&own, row, "", &[("authorization", &good)]).await;
            assert!(
                status != StatusCode::UNAUTHORIZED && status != StatusCode::FORBIDDEN,
                "{service} {row:?}: {status}"
            );
            let is_internal = row.path.starts_with("/me");
            for (what, token) in forged_tokens(keys, service, &identity) {
                let header = format!("Bearer {token}");
                sent += 1;
                if status_of(&own, row, "", &[("authorization", &header)]).await
                    != StatusCode::UNAUTHORIZED
                {
                    accepted.push(format!("{service}: {} {}: {what}", row.method, row.path));
                }
                if is_internal {
                    continue;
                }
                sent += 1;
                if status_of(
                    &system.client,
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
            for name in IDENTITY_HEADERS {
                for (client, prefix) in [(&own, ""), (&system.client, "/api")] {
                    if prefix == "/api" && is_internal {
                        continue;
                    }
                    sent += 1;
                    if status_of(client, row, prefix, &[(name, "staff")]).await
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
                // The gateway refuses even the token that the service accepts.
                sent += 1;
                if status_of(&system.client, row, "/api", &[("authorization", &good)]).await
                    != StatusCode::UNAUTHORIZED
                {
                    accepted.push(format!(
                        "gateway: {} {}: a valid token",
                        row.method, row.path
                    ));
                }
            }
        }
    }
    assert_eq!((services_checked, accepted), (5, Vec::<String>::new()));
    assert!(sent > 2000, "{sent}");
    println!("{sent} forged, expired and misdirected tokens and headers: 0 accepted");
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn browser_cannot_reach_internal_endpoints() {
    let system = TestSystem::start("internal").await;
    let sessions = SessionIssuer::new(&system.installation, &system.keys);
    let sessions = [
        sessions.customer("010-3141-5926").await,
        sessions.staff().await,
        String::new(),
    ];
    let description = system.client.get("/api/openapi.json", "").await.unwrap();
    let mut count = 0;
    for row in services()
        .iter()
        .flat_map(|service| table(service.name()))
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
                let response = system
                    .client
                    .call(method, &path, session, &[], None)
                    .await
                    .unwrap();
                count += 1;
                // `GET /salesmen/me` and `GET /interests/{id}` exist, but are other endpoints.
                let status = response.status.as_u16();
                assert!(
                    matches!(status, 401 | 403 | 404 | 405),
                    "{} {path}: {status}",
                    row.method
                );
            }
        }
    }
    assert!(count > 200, "{count}");
    system.stop().await;
}
