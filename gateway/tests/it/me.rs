//! What customers are told of themselves.

use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::http::Method;
use chrono::TimeDelta;
use gateway::config::{Rate, Services};
use gateway::upstream::routes::Service;
use serde_json::{Value, json};
use service_kit::auth::{Identity, Role};
use uuid::Uuid;

use crate::codes::{PHONE, a_clock, ask, config_with, verify};
use crate::fixture::{BOUND, Running, config, nobody, somebody, start, start_at};
use crate::standing_in::StandIns;
use crate::telephone::Telephone;

/// A gateway with services behind it that keep something of a customer.
async fn start_with_keepers() -> (Running, StandIns) {
    // Nobody is late here, however busy the machine is.
    start_with_patience(BOUND).await
}

async fn start_with_patience(answer: Duration) -> (Running, StandIns) {
    let mut config = config().await;
    config.patience.answer = answer;
    let keepers = StandIns::behind(&mut config).await;
    (start_at(config, a_clock()).await, keepers)
}

#[tokio::test]
async fn everything_that_is_kept_of_a_customer_comes_as_one_file() {
    let telephone = Telephone::new().await;
    let mut config = config_with(&telephone).await;
    let keepers = StandIns::behind(&mut config).await;
    let gateway = start_at(config, a_clock()).await;
    for (number, phone) in [(1, "010-8765-4321"), (2, PHONE)] {
        let challenge = ask(&gateway, phone).await;
        let answer = verify(&gateway, &challenge, &telephone.code(number).await).await;
        let who = answer.json();
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
        let told = answer.json();
        let kept: Value = Service::ALL
            .map(|service| (service.name().to_owned(), json!({ "kept": service.name() })))
            .into_iter()
            .collect();
        assert_eq!(told["services"], kept);
        assert_eq!(
            (&told["customerId"], told["phone"].as_str()),
            (&who["id"], Some(phone))
        );
        let version = gateway.get("/api/auth/consent").send().await.json()["version"].clone();
        assert_eq!(
            told["consents"],
            json!([{ "version": version, "givenAt": "2026-11-24T01:00:00Z" }])
        );
        assert_eq!(told["sessions"].as_array().unwrap().len(), 1, "{told}");
        assert_eq!(told["sessions"][0]["expiresAt"], who["expiresAt"]);
        for service in Service::ALL {
            let seen = keepers.of(service).asked_to(&Method::GET).pop().unwrap();
            assert_eq!(
                (seen.role, json!(seen.subject)),
                (Role::Customer, who["id"].clone())
            );
            assert_eq!(
                seen.phone.is_some(),
                service.is_told_the_phone(),
                "{}",
                service.name()
            );
        }
    }
}

#[tokio::test]
async fn without_one_service_there_is_no_file_and_the_answer_names_it() {
    let (gateway, keepers) = start_with_keepers().await;
    let customer = gateway.as_(&somebody(Role::Customer)).await;
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
    let salesman = keepers.of(Service::Salesman);
    salesman.is_away.store(true, Ordering::SeqCst);
    assert_eq!(refused("/api/me/data").await, "salesman");
    // It keeps no number, and is not asked who saw it.
    assert_eq!(customer.get("/api/me/disclosures").send().await.status, 200);
    salesman.is_away.store(false, Ordering::SeqCst);
    for nonsense in ["", "nonsense", "[]", "7"] {
        nonsense.clone_into(&mut keepers.of(Service::Interest).data.lock().unwrap());
        assert_eq!(refused("/api/me/data").await, "interest", "{nonsense}");
    }
    *keepers.of(Service::Interest).disclosures.lock().unwrap() =
        json!({ "items": [{ "at": "yesterday" }] });
    assert_eq!(refused("/api/me/disclosures").await, "interest");
}

#[tokio::test]
async fn a_service_that_does_not_answer_in_time_is_away() {
    let (gateway, keepers) = start_with_patience(Duration::from_secs(3)).await;
    keepers
        .of(Service::Consultation)
        .hangs
        .store(true, Ordering::SeqCst);
    let answer = gateway
        .as_(&somebody(Role::Customer))
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
async fn a_service_at_which_nobody_listens_is_away() {
    let mut config = config().await;
    config.services = Services {
        project: nobody().await,
        ..config.services
    };
    let gateway = start_at(config, a_clock()).await;
    let answer = gateway
        .as_(&somebody(Role::Customer))
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
async fn who_saw_the_number_is_told_by_role_and_name_newest_first() {
    let (gateway, keepers) = start_with_keepers().await;
    let [staff, salesman, gone, thing] = [1, 2, 3, 4].map(Uuid::from_u128);
    sqlx::query("insert into account (id, login, role, name, created_at) values ($1, 'staff', 'staff', '이관리', now())")
        .bind(staff)
        .execute(gateway.db.pool())
        .await
        .unwrap();
    sqlx::query("insert into person (id, display_name, role, active, version) values ($1, '김영업', 'salesman', false, 1)")
        .bind(salesman)
        .execute(gateway.db.pool())
        .await
        .unwrap();
    let seen = |at: &str, role: &str, id: Uuid, why: Option<&str>, kind: &str| json!({ "at": at, "viewerRole": role, "viewerId": id, "why": why, "about": { "kind": kind, "id": thing } });
    *keepers.of(Service::Interest).disclosures.lock().unwrap() = json!({ "items": [
        seen("2026-11-24T00:30:00Z", "salesman", salesman, Some("방문 일정 확인"), "interest"),
        seen("2026-11-23T00:30:00Z", "salesman", gone, None, "interest"),
    ] });
    *keepers
        .of(Service::Consultation)
        .disclosures
        .lock()
        .unwrap() =
        json!({ "items": [seen("2026-11-24T00:00:00.5Z", "staff", staff, None, "consultation")] });
    let told = gateway
        .as_(&somebody(Role::Customer))
        .await
        .get("/api/me/disclosures")
        .send()
        .await
        .json();
    let shown = |at: &str, role: &str, name: Option<&str>, why: Option<&str>, kind: &str| json!({ "at": at, "viewer": { "role": role, "name": name }, "why": why, "about": { "kind": kind, "id": thing } });
    let expected = json!({ "items": [
        shown("2026-11-24T00:30:00Z", "salesman", Some("김영업"), Some("방문 일정 확인"), "interest"),
        shown("2026-11-24T00:00:00.500Z", "staff", Some("이관리"), None, "consultation"),
        shown("2026-11-23T00:30:00Z", "salesman", None, None, "interest"),
    ] });
    assert_eq!(told, expected);
}

#[tokio::test]
async fn to_whom_nobody_looked_there_is_an_empty_list() {
    let (gateway, _keepers) = start_with_keepers().await;
    let told = gateway
        .as_(&somebody(Role::Customer))
        .await
        .get("/api/me/disclosures")
        .send()
        .await
        .json();
    assert_eq!(told, json!({ "items": [] }));
}

#[tokio::test]
async fn each_customer_may_ask_for_what_is_kept_of_him_so_often_and_services_are_asked_no_more_than_that()
 {
    let (mut config, clock) = (config().await, a_clock());
    config.limits.data = Rate::new(2, 3600);
    let services = StandIns::behind(&mut config).await;
    let gateway = start_at(config, clock.clone()).await;
    let customer = gateway.as_(&somebody(Role::Customer)).await;
    for path in ["/api/me/data", "/api/me/disclosures"] {
        let asked = || services.of(Service::Interest).asked_to(&Method::GET).len();
        let before = asked();
        for _ in 0..2 {
            assert_eq!(customer.get(path).send().await.status, 200, "{path}");
        }
        // In whichever browser.
        let elsewhere = gateway.as_(&somebody(Role::Customer)).await;
        for refused in [
            customer.get(path).send().await,
            elsewhere.get(path).send().await,
        ] {
            assert_eq!(
                refused.problem(),
                (429, "too-many-requests".to_owned()),
                "{path}"
            );
            assert_eq!(refused.header("retry-after"), Some("1800"));
        }
        assert_eq!(asked(), before + 2, "{path}");
        let other = gateway
            .as_(&Identity {
                subject: Uuid::from_u128(8),
                ..somebody(Role::Customer)
            })
            .await;
        assert_eq!(other.get(path).send().await.status, 200, "{path}");
    }
    clock.advance(TimeDelta::minutes(30));
    assert_eq!(customer.get("/api/me/data").send().await.status, 200);
}

#[tokio::test]
async fn only_customers_have_something_that_is_kept_of_them() {
    let gateway = start().await;
    for (method, path) in [
        (Method::GET, "/api/me/data"),
        (Method::GET, "/api/me/disclosures"),
        (Method::DELETE, "/api/me"),
    ] {
        let nobody = gateway.ask(method.clone(), path).send().await;
        assert_eq!(
            nobody.problem(),
            (401, "sign-in-required".to_owned()),
            "{path}"
        );
        for role in [Role::Staff, Role::Salesman, Role::Consultant] {
            let who = Identity {
                role,
                subject: Uuid::from_u128(9),
                phone: None,
            };
            let answer = gateway
                .as_(&who)
                .await
                .ask(method.clone(), path)
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
async fn what_services_keep_of_a_customer_is_reached_through_the_gateway_alone() {
    let gateway = start().await;
    let customer = gateway.as_(&somebody(Role::Customer)).await;
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
