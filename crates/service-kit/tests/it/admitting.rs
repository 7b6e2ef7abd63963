//! Who is let in: by a token that the gateway signed for this service a moment ago, and by the table.

use axum::http::{Method, StatusCode, header};
use axum::routing::get;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::TimeDelta;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use service_kit::auth::{Identity, LIFETIME, Role, Signer, new_private_pem};
use service_kit::clock::SystemClock;
use service_kit::http::permissions::{All, No, Permission};
use service_kit::testing::{TestApp, signer};
use service_kit::{Clock as _, Context, Service};
use utoipa_axum::router::OpenApiRouter;
use uuid::Uuid;

use crate::{NAME, migrations, publishing};

const TABLE: &[Permission] = &[Permission::new("GET", "/ping", [No, No, No, No, All])];

/// `/ping` is for staff; `/slow` was forgotten in the table.
async fn guarded() -> Service {
    publishing().await.permissions(TABLE)
}

/// `DELETE /ping` is there, and no table names it; `PUT` is not there.
fn with_more_than_is_named() -> OpenApiRouter<Context> {
    OpenApiRouter::new().route(
        "/ping",
        get(|| async { "pong" }).delete(|| async { "it was reached" }),
    )
}

fn a(role: Role) -> Identity {
    Identity {
        role,
        subject: Uuid::from_u128(7),
        phone: None,
    }
}

async fn status(app: &TestApp, path: &str, headers: &[(&str, &str)]) -> StatusCode {
    app.anyone()
        .send(Method::GET, path, headers, Vec::new())
        .await
        .status
}

#[tokio::test]
async fn the_table_lets_in_whom_it_names_and_what_it_does_not_name_is_for_nobody() {
    let app = TestApp::start(guarded().await).await;
    assert_eq!(app.anyone().get("/ping").await.status, 401);
    assert_eq!(app.with(&a(Role::Salesman)).get("/ping").await.status, 403);
    assert_eq!(app.with(&a(Role::Staff)).get("/ping").await.status, 200);
    assert_eq!(app.with(&a(Role::Staff)).get("/slow").await.status, 403);
    assert_eq!(app.with(&a(Role::Staff)).get("/nowhere").await.status, 404);
}

#[tokio::test]
async fn a_handler_that_the_table_does_not_name_is_never_reached() {
    let app = TestApp::start(
        Service::new(NAME, 0, migrations().await)
            .routes(with_more_than_is_named)
            .permissions(TABLE),
    )
    .await;
    for caller in [app.anyone(), app.with(&a(Role::Staff))] {
        for method in [Method::DELETE, Method::PUT] {
            let answer = caller.send(method, "/ping", &[], Vec::new()).await;
            assert_eq!(answer.headers[header::ALLOW], "GET,HEAD");
            assert_eq!(answer.problem(405).0, "method-not-allowed");
        }
    }
    let answer = app
        .with(&a(Role::Staff))
        .send(Method::HEAD, "/ping", &[], Vec::new())
        .await;
    assert_eq!(answer.status, 200);
}

/// Everything that somebody without the gateway's key could send who knows one good token's form, and one that is too old.
fn forged() -> Vec<(&'static str, String)> {
    let (staff, now) = (a(Role::Staff), SystemClock.now());
    let good = signer().sign(&staff, "project", now, LIFETIME).unwrap();
    let [head, claims, signature] = good.split('.').collect::<Vec<_>>().try_into().unwrap();
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let other: Signer = new_private_pem().parse().unwrap();
    let of_another_key = other.sign(&staff, "project", now, LIFETIME).unwrap();
    let somebody_else = Identity {
        subject: Uuid::from_u128(8),
        ..a(Role::Staff)
    };
    let anothers = signer()
        .sign(&somebody_else, "project", now, LIFETIME)
        .unwrap();
    let swapped = format!("{}.{signature}", anothers.rsplit_once('.').unwrap().0);
    // The public key, which is no secret, taken for the secret of a symmetric signature.
    let symmetric = {
        let claims: Value =
            serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap();
        let secret = EncodingKey::from_secret(signer().public_pem().unwrap().as_bytes());
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &secret).unwrap()
    };
    let as_salesman = signer()
        .sign(&a(Role::Salesman), "project", now, LIFETIME)
        .unwrap();
    let raised = format!(
        "{head}.{claims}.{}",
        as_salesman.rsplit('.').next().unwrap()
    );
    let mut forged = vec![
        (
            "wrong audience",
            signer().sign(&staff, "interest", now, LIFETIME).unwrap(),
        ),
        (
            "no audience",
            signer().sign(&staff, "", now, LIFETIME).unwrap(),
        ),
        (
            "expired",
            signer()
                .sign(&staff, "project", now - TimeDelta::minutes(2), LIFETIME)
                .unwrap(),
        ),
        ("swapped key", of_another_key),
        ("a claim of one and a signature of another", swapped),
        ("a signature of another role", raised),
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
async fn of_forged_and_expired_tokens_none_is_accepted() {
    let app = TestApp::start(guarded().await).await;
    let forged = forged();
    assert_eq!(forged.len(), 20);
    for (what, token) in forged {
        let status = status(
            &app,
            "/ping",
            &[("authorization", &format!("Bearer {token}"))],
        )
        .await;
        assert_eq!(status, 401, "{what}");
    }
    for claim in [
        "x-user-id",
        "x-user-role",
        "x-forwarded-user",
        "x-auth-request-user",
        "x-internal-role",
        "ktgg-identity",
        "cookie",
    ] {
        assert_eq!(
            status(&app, "/ping", &[(claim, "staff")]).await,
            401,
            "{claim}"
        );
    }
}
