//! A salesman who goes on leave hands over: the consultation moves to another one, and all
//! concerned see it.

use chrono::TimeDelta;
use hyper::Method;
use serde_json::{Value, json};
use service_kit::Clock as _;
use service_kit::auth::Role;
use service_kit::clock::{SystemClock, seoul_date};
use uuid::Uuid;

use crate::actors::{
    Colleague, create_project, id, invite_first_staff, is_not_found, next_event, path,
    register_colleague, write,
};
use crate::system::{SessionIssuer, TestSystem, eventually};

const CUSTOMER_LIST: &str = "/api/interests/notifications";
const OWN_LIST: &str = "/api/salesmen/me/notifications";

/// Who takes part, and a consultation of the customer that is approved.
struct Scene {
    system: TestSystem,
    staff: Colleague,
    salesmen: Vec<Colleague>,
    customer: String,
    consultation: Uuid,
}

impl Scene {
    async fn start(purpose: &str, names: &[&'static str]) -> Self {
        let system = TestSystem::start(purpose).await;
        let client = &system.client;
        let staff =
            invite_first_staff(&system.installation, &system.keys, "관리하나", "staff.hana").await;
        let mut salesmen = Vec::new();
        for (number, name) in names.iter().enumerate() {
            let (phone, login) = (
                format!("010-9300-000{number}"),
                format!("salesman.{number}"),
            );
            let role = Role::Salesman;
            let salesman =
                register_colleague(client, &staff.session, role, name, &phone, &login).await;
            salesmen.push(salesman);
        }
        let customer = SessionIssuer::new(&system.installation, &system.keys)
            .customer("010-3141-5926")
            .await;
        let project = create_project(client, &staff.session, "2026년 가상 지원사업").await;
        let body = json!({
            "projectId": project["id"], "projectName": project["name"],
            "desiredDate": "2099-12-31",
        });
        let created = client.post("/api/consultations", &customer, &body).await;
        let consultation = id(&created.unwrap());
        Self {
            system,
            staff,
            salesmen,
            customer,
            consultation,
        }
    }

    /// The consultation as the customer sees it, once its salesman is this one.
    async fn served_by(&self, is_expected: impl Fn(&Value) -> bool) -> Value {
        let path = path("consultations", self.consultation, "");
        eventually("the consultation has the expected salesman", async || {
            let seen = self.system.client.get(&path, &self.customer).await.unwrap();
            is_expected(&seen["salesman"]).then_some(seen)
        })
        .await
    }

    /// The kinds in a list of notifications, newest first, once the newest is this one.
    async fn notified(&self, list: &str, session: &str, newest: &str) -> Vec<Value> {
        eventually("the notification arrives", async || {
            let page = self.system.client.get(list, session).await.unwrap();
            let items = page["items"].as_array().unwrap().iter();
            let kinds: Vec<Value> = items.map(|item| item["kind"].clone()).collect();
            (kinds.first() == Some(&json!(newest))).then_some(kinds)
        })
        .await
    }

    async fn change_salesman(&self, salesman: &Colleague, change: &Value) -> Value {
        let path = path("salesmen", salesman.id, "");
        let (client, session) = (&self.system.client, &self.staff.session);
        write(client, &path, session, Method::PATCH, change).await
    }

    /// How many matches staff see that the salesman would hand over.
    async fn open_matches(&self, salesman: &Colleague) -> Value {
        let path = format!("/api/salesman-matches?salesman={}&open", salesman.id);
        let page = self.system.client.get(&path, &self.staff.session).await;
        page.unwrap()["total"].clone()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn leave_moves_a_consultation_and_all_concerned_are_notified() {
    let scene = Scene::start("hand-over", &["김영업하나", "이영업둘"]).await;
    let client = &scene.system.client;
    let seen = scene.served_by(Value::is_object).await;
    let (before, after): (Vec<_>, Vec<_>) = scene
        .salesmen
        .iter()
        .partition(|person| seen["salesman"]["id"] == json!(person.id));
    let (before, after) = (before[0], after[0]);
    let shown = path("consultations", scene.consultation, "");
    let approve = path("consultations", scene.consultation, "/progress");
    let step = json!({ "step": "approved" });
    write(client, &approve, &before.session, Method::POST, &step).await;
    let mut streams = Vec::new();
    for session in [&before.session, &after.session, &scene.customer] {
        streams.push(client.stream(session).await.unwrap());
    }
    assert_eq!(scene.open_matches(before).await, 1);

    let today = seoul_date(SystemClock.now());
    // A day around today, so that midnight changes nothing.
    let leave = json!({ "leave": {
        "from": today - TimeDelta::days(1), "until": today + TimeDelta::days(1), "handOver": true,
    } });
    scene.change_salesman(before, &leave).await;
    let seen = scene
        .served_by(|salesman| salesman["id"] == json!(after.id))
        .await;
    assert_eq!(seen["step"], "approved");
    let entries = seen["timeline"].as_array().unwrap().iter();
    let kinds: Vec<_> = entries.map(|entry| entry["kind"].clone()).collect();
    assert_eq!(
        kinds,
        ["requested", "matched", "progressed", "unmatched", "matched"]
    );
    assert_eq!(scene.open_matches(before).await, 0);

    // All concerned are notified, live and in the list.
    let [of_before, of_after, of_customer] = streams.try_into().ok().unwrap();
    let (mut of_before, mut of_after, mut of_customer) = (of_before, of_after, of_customer);
    let removed = next_event(&mut of_before, "removed").await;
    assert_eq!(removed.data["aggregateId"], json!(scene.consultation));
    next_event(&mut of_after, "SalesmanMatched").await;
    let waiting = next_event(&mut of_customer, "SalesmanUnmatched").await;
    assert_eq!(waiting.data.get("salesman"), None);
    let matched = next_event(&mut of_customer, "SalesmanMatched").await;
    assert_eq!(matched.data["salesman"]["id"], json!(after.id));
    scene
        .notified(OWN_LIST, &before.session, "taken_away")
        .await;
    scene.notified(OWN_LIST, &after.session, "assigned").await;
    let kinds = scene
        .notified(CUSTOMER_LIST, &scene.customer, "rematched")
        .await;
    assert!(!kinds.contains(&json!("rematching")), "{kinds:?}");

    // The access is gone everywhere.
    assert!(is_not_found(client, &shown, &before.session).await);
    for list in ["/api/consultations", "/api/salesman-matches"] {
        let page = client.get(list, &before.session).await.unwrap();
        assert_eq!(page["items"], json!([]), "{list}");
    }
    client.get(&shown, &after.session).await.unwrap();
    scene.system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn customer_waits_while_no_other_salesman_is_free() {
    let scene = Scene::start("none-free", &["김영업하나"]).await;
    let salesman = &scene.salesmen[0];
    scene.served_by(Value::is_object).await;
    let inactive = json!({ "active": false });
    scene.change_salesman(salesman, &inactive).await;
    scene.served_by(Value::is_null).await;
    let kinds = scene
        .notified(CUSTOMER_LIST, &scene.customer, "rematching")
        .await;
    assert_eq!(kinds.len(), 1);
    let (client, staff) = (&scene.system.client, &scene.staff.session);
    let queue = client.get("/api/salesman-matches?unassigned", staff).await;
    assert_eq!(
        queue.unwrap()["items"][0]["origin"]["id"],
        json!(scene.consultation)
    );
    let active = json!({ "active": true });
    scene.change_salesman(salesman, &active).await;
    scene
        .served_by(|person| person["id"] == json!(salesman.id))
        .await;
    let kinds = scene
        .notified(CUSTOMER_LIST, &scene.customer, "rematched")
        .await;
    assert_eq!(kinds.len(), 1);
    scene.system.stop().await;
}
