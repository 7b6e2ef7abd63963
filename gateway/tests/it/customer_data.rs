//! A customer's own data and disclosures.

use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::http::Method;
use chrono::TimeDelta;
use gateway::config::{Rate, Service, Services};
use serde_json::{Value, json};
use service_kit::auth::{Identity, Role};
use uuid::Uuid;

use crate::fake_services::FakeServices;
use crate::one_time_codes::{PHONE, config_with, mock_clock, request_code, verify};
use crate::sms_relay::SmsRelay;
use crate::test_gateway::{
    TEST_TIMEOUT, TestGateway, closed_port, config, identity, start, start_at,
};

/// A gateway with fake services that have a customer's data.
async fn start_with_services() -> (TestGateway, FakeServices) {
    // No request times out, however busy the machine is.
    start_with_response_timeout(TEST_TIMEOUT).await
}

async fn start_with_response_timeout(timeout: Duration) -> (TestGateway, FakeServices) {
    let mut config = config().await;
    config.timeouts.response = timeout;
    let services = FakeServices::start(&mut config).await;
    (start_at(config, mock_clock()).await, services)
}

#[tokio::test]
async fn customer_data_is_returned_as_one_file() {
    let relay = SmsRelay::new().await;
    let mut config = config_with(&relay).await;
    let services = FakeServices::start(&mut config).await;
    let gateway = start_at(config, mock_clock()).await;
    for (number, phone) in [(1, "010-8765-4321"), (2, PHONE)] {
        let challenge = request_code(&gateway, phone).await;
        let answer = verify(&gateway, &challenge, &relay.code(number).await).await;
        let session = answer.json();
        let answer = gateway
            .get("/api/me/data")
            .cookie(&answer.cookie().unwrap())
            .send()
            .await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(answer.header("content-type"), Some("application/json"));
        assert_eq!(
            answer.header("content-disposition"),
            Some("attachment; filename=\"ktgg-my-data.json\"")
        );
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        let file = answer.json();
        let expected: Value = Service::ALL
            .map(|service| {
                (
                    service.as_str().to_owned(),
                    json!({ "data": service.as_str() }),
                )
            })
            .into_iter()
            .collect();
        assert_eq!(file["services"], expected);
        assert_eq!(
            (&file["customerId"], file["phone"].as_str()),
            (&session["id"], Some(phone))
        );
        let version = gateway.get("/api/auth/consent").send().await.json()["version"].clone();
        assert_eq!(
            file["consents"],
            json!([{ "version": version, "givenAt": "2026-11-24T01:00:00Z" }])
        );
        assert_eq!(file["sessions"].as_array().unwrap().len(), 1, "{file}");
        assert_eq!(file["sessions"][0]["expiresAt"], session["expiresAt"]);
        for service in Service::ALL {
            let caller = services.get(service).callers(&Method::GET).pop().unwrap();
            assert_eq!(
                (caller.role, json!(caller.subject)),
                (Role::Customer, session["id"].clone())
            );
            assert_eq!(
                caller.phone.is_some(),
                service.receives_phone(),
                "{}",
                service.as_str()
            );
        }
    }
}

#[tokio::test]
async fn unavailable_or_invalid_service_fails_the_file_and_is_named() {
    let (gateway, services) = start_with_services().await;
    let customer = gateway.caller(&identity(Role::Customer)).await;
    let refused = async |path: &str| {
        let answer = customer.get(path).send().await;
        assert_eq!(
            answer.problem(),
            (503, "service-unavailable".to_owned()),
            "{path}"
        );
        assert_eq!(answer.header("content-disposition"), None);
        assert!(answer.header("retry-after").is_some());
        answer.json()["service"].as_str().unwrap().to_owned()
    };
    let salesman = services.get(Service::Salesman);
    salesman.is_unavailable.store(true, Ordering::SeqCst);
    assert_eq!(refused("/api/me/data").await, "salesman");
    // The salesman service has no disclosures, and is not asked for them.
    assert_eq!(customer.get("/api/me/disclosures").send().await.status, 200);
    salesman.is_unavailable.store(false, Ordering::SeqCst);
    for invalid in ["", "nonsense", "[]", "7"] {
        invalid.clone_into(&mut services.get(Service::Interest).data.lock().unwrap());
        assert_eq!(refused("/api/me/data").await, "interest", "{invalid}");
    }
    *services.get(Service::Interest).disclosures.lock().unwrap() =
        json!({ "items": [{ "at": "yesterday" }] });
    assert_eq!(refused("/api/me/disclosures").await, "interest");
}

#[tokio::test]
async fn service_timeout_is_reported_as_unavailable() {
    let (gateway, services) = start_with_response_timeout(Duration::from_secs(3)).await;
    services
        .get(Service::Consultation)
        .hangs
        .store(true, Ordering::SeqCst);
    let answer = gateway
        .caller(&identity(Role::Customer))
        .await
        .get("/api/me/disclosures")
        .send()
        .await;
    assert_eq!(
        (answer.problem(), &answer.json()["service"]),
        (
            (503, "service-unavailable".to_owned()),
            &json!("consultation")
        )
    );
}

#[tokio::test]
async fn refused_connection_is_reported_as_unavailable() {
    let mut config = config().await;
    config.services = Services {
        project: closed_port().await,
        ..config.services
    };
    let gateway = start_at(config, mock_clock()).await;
    let answer = gateway
        .caller(&identity(Role::Customer))
        .await
        .get("/api/me/data")
        .send()
        .await;
    assert_eq!(
        (answer.problem(), &answer.json()["service"]),
        ((503, "service-unavailable".to_owned()), &json!("project"))
    );
}

#[tokio::test]
async fn disclosures_show_viewer_role_and_name_newest_first() {
    let (gateway, services) = start_with_services().await;
    let [staff, salesman, unknown, item] = [1, 2, 3, 4].map(Uuid::from_u128);
    sqlx::query(
        "insert into account (id, login, role, name, created_at)
         values ($1, 'staff', 'staff', '이관리', now())",
    )
    .bind(staff)
    .execute(gateway.db.pool())
    .await
    .unwrap();
    sqlx::query(
        "insert into person (id, display_name, role, active, version)
         values ($1, '김영업', 'salesman', false, 1)",
    )
    .bind(salesman)
    .execute(gateway.db.pool())
    .await
    .unwrap();
    let stored = |at: &str, role: &str, id: Uuid, why: Option<&str>, kind: &str| {
        json!({
            "at": at,
            "viewerRole": role,
            "viewerId": id,
            "why": why,
            "about": { "kind": kind, "id": item },
        })
    };
    *services.get(Service::Interest).disclosures.lock().unwrap() = json!({ "items": [
        stored("2026-11-24T00:30:00Z", "salesman", salesman, Some("방문 일정 확인"), "interest"),
        stored("2026-11-23T00:30:00Z", "salesman", unknown, None, "interest"),
    ] });
    let of_staff = stored(
        "2026-11-24T00:00:00.5Z",
        "staff",
        staff,
        None,
        "consultation",
    );
    let consultation = services.get(Service::Consultation);
    *consultation.disclosures.lock().unwrap() = json!({ "items": [of_staff] });
    let disclosures = gateway
        .caller(&identity(Role::Customer))
        .await
        .get("/api/me/disclosures")
        .send()
        .await
        .json();
    let shown = |at: &str, role: &str, name: Option<&str>, why: Option<&str>, kind: &str| {
        json!({
            "at": at,
            "viewer": { "role": role, "name": name },
            "why": why,
            "about": { "kind": kind, "id": item },
        })
    };
    let expected = json!({ "items": [
        shown("2026-11-24T00:30:00Z", "salesman", Some("김영업"), Some("방문 일정 확인"), "interest"),
        shown("2026-11-24T00:00:00.500Z", "staff", Some("이관리"), None, "consultation"),
        shown("2026-11-23T00:30:00Z", "salesman", None, None, "interest"),
    ] });
    assert_eq!(disclosures, expected);
}

#[tokio::test]
async fn disclosures_are_empty_without_any() {
    let (gateway, _services) = start_with_services().await;
    let disclosures = gateway
        .caller(&identity(Role::Customer))
        .await
        .get("/api/me/disclosures")
        .send()
        .await
        .json();
    assert_eq!(disclosures, json!({ "items": [] }));
}

#[tokio::test]
async fn data_requests_are_limited_per_customer() {
    let (mut config, clock) = (config().await, mock_clock());
    config.limits.data = Rate::new(2, 3600);
    let services = FakeServices::start(&mut config).await;
    let gateway = start_at(config, clock.clone()).await;
    let customer = gateway.caller(&identity(Role::Customer)).await;
    for path in ["/api/me/data", "/api/me/disclosures"] {
        let request_count = || services.get(Service::Interest).callers(&Method::GET).len();
        let before = request_count();
        for _ in 0..2 {
            assert_eq!(customer.get(path).send().await.status, 200, "{path}");
        }
        // Other sessions share the limit.
        let other_session = gateway.caller(&identity(Role::Customer)).await;
        for refused in [
            customer.get(path).send().await,
            other_session.get(path).send().await,
        ] {
            assert_eq!(
                refused.problem(),
                (429, "too-many-requests".to_owned()),
                "{path}"
            );
            assert_eq!(refused.header("retry-after"), Some("1800"));
        }
        assert_eq!(request_count(), before + 2, "{path}");
        let other = gateway
            .caller(&Identity {
                subject: Uuid::from_u128(8),
                ..identity(Role::Customer)
            })
            .await;
        assert_eq!(other.get(path).send().await.status, 200, "{path}");
    }
    clock.advance(TimeDelta::minutes(30));
    assert_eq!(customer.get("/api/me/data").send().await.status, 200);
}

#[tokio::test]
async fn customer_data_is_only_accessible_to_customers() {
    let gateway = start().await;
    for (method, path) in [
        (Method::GET, "/api/me/data"),
        (Method::GET, "/api/me/disclosures"),
        (Method::DELETE, "/api/me"),
    ] {
        let anonymous = gateway.request(method.clone(), path).send().await;
        assert_eq!(
            anonymous.problem(),
            (401, "sign-in-required".to_owned()),
            "{path}"
        );
        for role in [Role::Staff, Role::Salesman, Role::Consultant] {
            let identity = Identity {
                role,
                subject: Uuid::from_u128(9),
                phone: None,
            };
            let answer = gateway
                .caller(&identity)
                .await
                .request(method.clone(), path)
                .send()
                .await;
            assert_eq!(
                answer.problem(),
                (403, "not-allowed".to_owned()),
                "{path} {role:?}"
            );
        }
    }
}

#[tokio::test]
async fn data_paths_of_the_services_are_not_reachable() {
    let gateway = start().await;
    let customer = gateway.caller(&identity(Role::Customer)).await;
    for path in [
        "/me",
        "/me/data",
        "/api/me",
        "/api/me/nothing",
        "/api/interests/../me/data",
    ] {
        assert_eq!(
            customer.get(path).send().await.status.as_u16() / 100,
            4,
            "{path}"
        );
    }
}
