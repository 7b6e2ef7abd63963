//! Authentication by the gateway's tokens, and authorization by the permission table.

use axum::http::{Method, StatusCode, header};
use axum::routing::get;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::TimeDelta;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use service_kit::auth::{Identity, Role, Signer, TOKEN_LIFETIME, new_private_pem};
use service_kit::clock::SystemClock;
use service_kit::http::permissions::{All, No, Permission};
use service_kit::testing::{TestApp, signer};
use service_kit::{Clock as _, Context, Service};
use utoipa_axum::router::OpenApiRouter;
use uuid::Uuid;

use crate::{NAME, migrations, publishing};

const TABLE: &[Permission] = &[Permission::new("GET", "/ping", [No, No, No, No, All])];

/// `/ping` is for staff; `/slow` has no row.
async fn guarded() -> Service {
    publishing().await.permissions(TABLE)
}

/// `DELETE /ping` has a handler, but no row; `PUT` has no handler.
fn routes_without_rows() -> OpenApiRouter<Context> {
    OpenApiRouter::new().route(
        "/ping",
        get(|| async { "pong" }).delete(|| async { "it was reached" }),
    )
}

fn identity(role: Role) -> Identity {
    Identity {
        role,
        subject: Uuid::from_u128(7),
        phone: None,
    }
}

async fn status(app: &TestApp, path: &str, headers: &[(&str, &str)]) -> StatusCode {
    app.anonymous()
        .send(Method::GET, path, headers, Vec::new())
        .await
        .status
}

#[tokio::test]
async fn table_allows_named_roles_and_refuses_paths_without_row() {
    let app = TestApp::start(guarded().await).await;
    assert_eq!(app.anonymous().get("/ping").await.status, 401);
    assert_eq!(
        app.with(&identity(Role::Salesman))
            .get("/ping")
            .await
            .status,
        403
    );
    assert_eq!(
        app.with(&identity(Role::Staff)).get("/ping").await.status,
        200
    );
    assert_eq!(
        app.with(&identity(Role::Staff)).get("/slow").await.status,
        403
    );
    assert_eq!(
        app.with(&identity(Role::Staff))
            .get("/nowhere")
            .await
            .status,
        404
    );
}

#[tokio::test]
async fn handler_without_row_is_unreachable() {
    let app = TestApp::start(
        Service::new(NAME, 0, migrations().await)
            .routes(routes_without_rows)
            .permissions(TABLE),
    )
    .await;
    for caller in [app.anonymous(), app.with(&identity(Role::Staff))] {
        for method in [Method::DELETE, Method::PUT] {
            let answer = caller.send(method, "/ping", &[], Vec::new()).await;
            assert_eq!(answer.headers[header::ALLOW], "GET,HEAD");
            assert_eq!(answer.problem(405).0, "method-not-allowed");
        }
    }
    let answer = app
        .with(&identity(Role::Staff))
        .send(Method::HEAD, "/ping", &[], Vec::new())
        .await;
    assert_eq!(answer.status, 200);
}

/// Tokens that an attacker without the gateway's key could send, and an expired one.
fn forged() -> Vec<(&'static str, String)> {
    let (staff, now) = (identity(Role::Staff), SystemClock.now());
    let good = signer()
        .sign(&staff, "project", now, TOKEN_LIFETIME)
        .unwrap();
    let [head, claims, signature] = good.split('.').collect::<Vec<_>>().try_into().unwrap();
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let other: Signer = new_private_pem().parse().unwrap();
    let other_key = other.sign(&staff, "project", now, TOKEN_LIFETIME).unwrap();
    let other_staff = Identity {
        subject: Uuid::from_u128(8),
        ..identity(Role::Staff)
    };
    let other_subject = signer()
        .sign(&other_staff, "project", now, TOKEN_LIFETIME)
        .unwrap();
    let swapped = format!("{}.{signature}", other_subject.rsplit_once('.').unwrap().0);
    // The public key, used as the secret of a symmetric signature.
    // The public key, which is no secret, taken for the secret of a symmetric signature.
    let symmetric = {
        let claims: Value =
            serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap();
        let secret = EncodingKey::from_secret(signer().public_pem().unwrap().as_bytes());
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &secret).unwrap()
    };
    let as_salesman = signer()
        .sign(&identity(Role::Salesman), "project", now, TOKEN_LIFETIME)
        .unwrap();
    let escalated = format!(
        "{head}.{claims}.{}",
        as_salesman.rsplit('.').next().unwrap()
    );
    let mut forged = vec![
        (
            "wrong audience",
            signer()
                .sign(&staff, "interest", now, TOKEN_LIFETIME)
                .unwrap(),
        ),
        (
            "no audience",
            signer().sign(&staff, "", now, TOKEN_LIFETIME).unwrap(),
        ),
        (
            "expired",
            signer()
                .sign(
                    &staff,
                    "project",
                    now - TimeDelta::minutes(3),
                    TOKEN_LIFETIME,
                )
                .unwrap(),
        ),
        ("swapped key", other_key),
        ("claims and signature of different tokens", swapped),
        ("the signature of another role", escalated),
        ("HS256 with the public key", symmetric),
        ("no signature", format!("{head}.{claims}.")),
        ("two parts", format!("{head}.{claims}")),
        ("nothing", String::new()),
    ];
    for alg in ["none", "None", "NONE", "HS256", "ES256"] {
        let head = part(&json!({ "alg": alg, "typ": "JWT" }));
        forged.push(("another alg", format!("{head}.{claims}.")));
        forged.push((
            "another alg, signed",
            format!("{head}.{claims}.{signature}"),
        ));
    }
    forged
}

#[tokio::test]
async fn forged_and_expired_tokens_are_refused() {
    let app = TestApp::start(guarded().await).await;
    let forged = forged();
    assert_eq!(forged.len(), 20);
    for (kind, token) in forged {
        let status = status(
            &app,
            "/ping",
            &[("authorization", &format!("Bearer {token}"))],
        )
        .await;
        assert_eq!(status, 401, "{kind}");
    }
    for header in [
        "x-user-id",
        "x-user-role",
        "x-forwarded-user",
        "x-auth-request-user",
        "x-internal-role",
        "ktgg-identity",
        "cookie",
    ] {
        assert_eq!(
            status(&app, "/ping", &[(header, "staff")]).await,
            401,
            "{header}"
        );
    }
}
