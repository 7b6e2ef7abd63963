//! Stories across services: a programme over its year, a consultation to its end, a visit, the
//! demo.

use std::collections::BTreeSet;

use hyper::{Method, StatusCode};
use ktgg::client::Client;
use ktgg::host::Installation;
use ktgg::keys::Keys;
use ktgg::{demo, topic};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::system::{self, InProcess, InboxServer, Scratch, SessionIssuer, eventually};

/// A system in this process, with a session of staff.
struct World {
    _scratch: Scratch,
    installation: Installation,
    keys: Keys,
    in_process: InProcess,
    client: Client,
    sessions: SessionIssuer,
    staff: String,
}

impl World {
    async fn start(purpose: &str) -> Self {
        let scratch = Scratch::new(purpose);
        let installation = system::on_shared_servers(&scratch).await;
        let keys = Keys::of(&installation.data).unwrap();
        let system = InProcess::start(&installation, &keys).await;
        let (client, sessions) = (
            installation.client(),
            SessionIssuer::new(&installation, &keys),
        );
        let staff = sessions.staff().await;
        Self {
            _scratch: scratch,
            installation,
            keys,
            in_process: system,
            client,
            sessions,
            staff,
        }
    }

    async fn customer(&self, phone: &str) -> String {
        self.sessions.customer(phone).await
    }

    async fn salesman(&self, id: Uuid) -> String {
        self.sessions.salesman(id).await
    }

    /// Registers a salesman and a consultant who can be matched.
    async fn register_two(&self) -> (Uuid, Uuid) {
        let (salesmen, consultants) = system::register(&self.client, &self.staff, 1, 1).await;
        system::wait_until_on_roster(
            &self.client,
            &self.staff,
            salesmen.iter().chain(&consultants),
        )
        .await;
        (salesmen[0], consultants[0])
    }

    async fn create_project(&self, name: &str) -> Value {
        let body = json!({
            "name": name, "year": 2026, "category": "기술", "agency": "가상부", "regions": ["서울"],
        });
        self.client
            .post("/api/projects", &self.staff, &body)
            .await
            .unwrap()
    }

    /// A write with `If-Match: *` that must succeed.
    async fn write(&self, method: Method, path: &str, session: &str, body: &Value) -> Value {
        self.client
            .call(method, path, session, &[("if-match", "*")], Some(body))
            .await
            .unwrap()
            .ok()
            .unwrap()
    }

    async fn get(&self, path: &str, session: &str) -> Value {
        self.client.get(path, session).await.unwrap()
    }

    /// Polls until the view satisfies the condition.
    async fn until(
        &self,
        what: &str,
        path: &str,
        session: &str,
        is_done: impl Fn(&Value) -> bool,
    ) -> Value {
        eventually(what, async || {
            Some(self.get(path, session).await).filter(&is_done)
        })
        .await
    }

    async fn stop(self) {
        self.in_process.stop().await;
    }
}

fn id(view: &Value) -> String {
    view["id"].as_str().unwrap().to_owned()
}

fn items(list: &Value) -> &[Value] {
    list["items"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default()
}

fn kinds(list: &Value) -> Vec<&str> {
    items(list)
        .iter()
        .filter_map(|item| item["kind"].as_str())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn programme_year_notifies_at_each_step_and_next_edition() {
    let world = World::start("year").await;
    let (salesman, _) = world.register_two().await;
    let (customer, salesman) = (
        world.customer("010-1234-5678").await,
        world.salesman(salesman).await,
    );
    let project = world.create_project("2026년 스마트상점 기술보급사업").await;
    let path = format!("/api/projects/{}", id(&project));
    let mark = json!({ "projectId": project["id"], "projectName": project["name"] });
    let interest = format!(
        "/api/interests/{}",
        id(&world
            .client
            .post("/api/interests", &customer, &mark)
            .await
            .unwrap())
    );
    world
        .until(
            "the interest has its salesman",
            &interest,
            &customer,
            |view| !view["salesman"].is_null(),
        )
        .await;
    world
        .until(
            "the salesman is notified",
            "/api/salesmen/me/notifications",
            &salesman,
            |view| kinds(view).contains(&"assigned"),
        )
        .await;

    let none = json!({});
    world
        .write(Method::POST, &format!("{path}/start"), &world.staff, &none)
        .await;
    let edit = json!({ "period": { "startsOn": "2026-11-02", "endsOn": "2026-12-11" } });
    world.write(Method::PATCH, &path, &world.staff, &edit).await;
    let ended = world
        .write(Method::POST, &format!("{path}/end"), &world.staff, &none)
        .await;
    assert_eq!(
        (&ended["status"], &ended["phase"]),
        (&json!("ended"), &json!("ended"))
    );

    let notified = world
        .until(
            "the customer has all four notifications",
            "/api/interests/notifications",
            &customer,
            |view| kinds(view).len() >= 4,
        )
        .await;
    assert_eq!(
        kinds(&notified),
        ["new_edition", "ended", "edited", "started"]
    );
    let notified = world
        .until(
            "the salesman has them too",
            "/api/salesmen/me/notifications",
            &salesman,
            |view| kinds(view).len() >= 5,
        )
        .await;
    for kind in [
        "project_started",
        "deadline_moved",
        "project_ended",
        "new_edition",
    ] {
        assert!(kinds(&notified).contains(&kind), "{notified}");
    }

    check_next_edition(&world, &path, &interest, &customer).await;
    let read = world
        .client
        .post(
            "/api/interests/notifications/read",
            &customer,
            &json!({ "all": true }),
        )
        .await
        .unwrap();
    assert_eq!(read["unread"], 0);
    world.stop().await;
}

/// There is one planned edition for next year in the same series, and the interest follows it.
async fn check_next_edition(world: &World, path: &str, interest: &str, customer: &str) {
    let next = world
        .until("the next edition is planned", path, &world.staff, |view| {
            list_in(view, "editions").len() == 2
        })
        .await;
    let next = list_in(&next, "editions")
        .iter()
        .find(|item| item["year"] == 2027)
        .unwrap()
        .clone();
    assert_eq!(
        (&next["name"], &next["status"]),
        (&json!("2027년 스마트상점 기술보급사업"), &json!("planned"))
    );
    let followed = world
        .until("the interest follows", interest, customer, |view| {
            view["projectId"] == next["id"]
        })
        .await;
    assert_eq!(followed["interested"], true);
}

fn list_in<'a>(view: &'a Value, name: &str) -> &'a [Value] {
    view[name].as_array().map(Vec::as_slice).unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn succeeded_consultation_counts_once_and_frees_capacity() {
    let world = World::start("end").await;
    let (salesman_id, _) = world.register_two().await;
    let (customer, salesman) = (
        world.customer("010-1234-5678").await,
        world.salesman(salesman_id).await,
    );
    let project = world.create_project("2026년 가상 지원사업").await;
    let body = json!({
        "projectId": project["id"], "projectName": project["name"], "desiredDate": "2099-12-31",
        "memo": "오전에",
    });
    let consultation = format!(
        "/api/consultations/{}",
        id(&world
            .client
            .post("/api/consultations", &customer, &body)
            .await
            .unwrap())
    );
    world
        .until(
            "the consultation is matched",
            &consultation,
            &customer,
            |view| !view["salesman"].is_null(),
        )
        .await;
    for step in ["approved", "succeeded"] {
        world
            .write(
                Method::POST,
                &format!("{consultation}/progress"),
                &salesman,
                &json!({ "step": step }),
            )
            .await;
    }
    let me = world
        .until(
            "the success is counted",
            "/api/salesmen/me",
            &salesman,
            |view| view["successCount"] == 1 && view["openCount"] == 0,
        )
        .await;
    assert_eq!(
        (&me["failureCount"], &me["successRate"]),
        (&json!(0), &json!(1.0))
    );
    let matches = format!(
        "/api/salesman-matches?origin={}",
        consultation.rsplit('/').next().unwrap()
    );
    world
        .until("the match is closed", &matches, &world.staff, |view| {
            !view["items"][0]["closedAt"].is_null()
        })
        .await;
    let view = format!("/api/projects/{}/view", id(&project));
    let view = world
        .until("the project's view shows it", &view, &world.staff, |view| {
            view["progress"]["succeeded"] == 1
        })
        .await;
    assert_eq!(view["salesmen"][0]["id"], salesman_id.to_string());
    assert!(!view.to_string().contains("12345678"));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn match_by_hand_moves_access_to_the_new_salesman() {
    let world = World::start("hand").await;
    let (salesmen, _) = system::register(&world.client, &world.staff, 2, 0).await;
    system::wait_until_on_roster(&world.client, &world.staff, &salesmen).await;
    let customer = world.customer("010-1234-5678").await;
    let project = world.create_project("2026년 가상 지원사업").await;
    let body = json!({
        "projectId": project["id"], "projectName": project["name"], "desiredDate": "2099-12-31",
        "memo": "",
    });
    let created = world
        .client
        .post("/api/consultations", &customer, &body)
        .await
        .unwrap();
    let consultation = format!("/api/consultations/{}", id(&created));
    let shown = world
        .until(
            "the consultation is matched",
            &consultation,
            &customer,
            |view| !view["salesman"].is_null(),
        )
        .await;
    let before: Uuid = shown["salesman"]["id"].as_str().unwrap().parse().unwrap();
    let after = *salesmen.iter().find(|id| **id != before).unwrap();
    let mut stream = world
        .client
        .stream(&world.salesman(before).await)
        .await
        .unwrap();

    let matches = world
        .get(
            &format!("/api/salesman-matches?origin={}", id(&created)),
            &world.staff,
        )
        .await;
    let path = format!("/api/salesman-matches/{}", id(&matches["items"][0]));
    world
        .write(
            Method::PATCH,
            &path,
            &world.staff,
            &json!({ "salesmanId": after }),
        )
        .await;

    world
        .until(
            "the other salesman is on it",
            &consultation,
            &customer,
            |view| view["salesman"]["id"] == after.to_string(),
        )
        .await;
    let lost = world
        .client
        .call(
            Method::GET,
            &consultation,
            &world.salesman(before).await,
            &[],
            None,
        )
        .await
        .unwrap();
    assert_eq!(lost.status, StatusCode::NOT_FOUND);
    world.get(&consultation, &world.salesman(after).await).await;
    let removed = async {
        loop {
            let next = stream.next().await.unwrap().expect("the stream ended");
            if next.event == "removed" {
                return next;
            }
        }
    };
    let removed = tokio::time::timeout(system::TIMEOUT, removed)
        .await
        .expect("the stream has a `removed`");
    assert_eq!(removed.data["aggregateId"], created["id"]);
    for record in topic::read(&world.installation.kafka, events::Topic::SalesmanMatch)
        .await
        .unwrap()
    {
        if record.envelope.version == 2 {
            assert_eq!(record.payload["previousSalesmanId"], before.to_string());
        }
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn customer_entered_on_a_visit_gets_that_salesman() {
    let world = World::start("visit").await;
    let (salesmen, _) = system::register(&world.client, &world.staff, 3, 0).await;
    system::wait_until_on_roster(&world.client, &world.staff, &salesmen).await;
    let project = world.create_project("2026년 가상 지원사업").await;
    world
        .write(
            Method::POST,
            &format!("/api/projects/{}/start", id(&project)),
            &world.staff,
            &json!({}),
        )
        .await;
    for (number, salesman) in salesmen.iter().enumerate() {
        let phone = format!("010-7000-000{number}");
        let body = json!({
            "projectId": project["id"], "projectName": project["name"], "phone": phone,
            "customerName": "홍길동", "consent": true,
        });
        let session = world.salesman(*salesman).await;
        let entered = world
            .client
            .post("/api/interests", &session, &body)
            .await
            .unwrap();
        let path = format!("/api/interests/{}", id(&entered));
        // The match is with that salesman, whatever the last digits of the number are.
        world
            .until(
                "the interest has that salesman",
                &path,
                &world.customer(&phone).await,
                |view| view["salesman"]["id"] == salesman.to_string(),
            )
            .await;
        let card = format!(
            "/api/projects/visit-card?customer={}",
            entered["customerId"].as_str().unwrap()
        );
        let card = eventually("the visit card has an item", async || {
            let response = world
                .client
                .call(Method::GET, &card, &session, &[], None)
                .await
                .unwrap();
            Some(response.json).filter(|view| !items(view).is_empty())
        })
        .await;
        assert_eq!(items(&card)[0]["project"]["id"], project["id"]);
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn demo_covers_every_state_and_reloading_keeps_changes() {
    let world = World::start("demo").await;
    let inbox = InboxServer::start(&world.installation, &world.keys).await;
    let data = world.installation.data.clone();
    demo::load(&world.installation, &world.keys).await.unwrap();
    for phase in events::Phase::ALL {
        let list = world
            .get(
                &format!("/api/projects?phase={}&limit=1", phase.as_str()),
                &world.staff,
            )
            .await;
        assert_eq!(items(&list).len(), 1, "{}", phase.as_str());
    }
    for step in events::Step::ALL {
        let list = world
            .get(
                &format!("/api/consultations?step={step}&limit=1"),
                &world.staff,
            )
            .await;
        assert_eq!(items(&list).len(), 1, "{step}");
    }
    let (mut kinds, mut page) = (BTreeSet::new(), "/api/projects?limit=100".to_owned());
    loop {
        let list = world.get(&page, &world.staff).await;
        kinds.extend(
            items(&list)
                .iter()
                .map(|item| item["period"]["kind"].as_str().unwrap().to_owned()),
        );
        let Some(next) = list["next"].as_str() else {
            break;
        };
        page = format!("/api/projects?limit=100&after={next}");
    }
    assert_eq!(
        kinds,
        events::PeriodKind::ALL
            .map(|kind| kind.as_str().to_owned())
            .into()
    );
    let kept_salesman = world.until(
        "a customer stays with the salesman who entered them",
        "/api/salesman-matches?limit=100",
        &world.staff,
        |view| {
            items(view)
                .iter()
                .any(|item| item["reason"]["salesman"]["rule"] == "brought")
        },
    );
    kept_salesman.await;

    let count = async || {
        let count = async |path: &str| items(&world.get(path, &world.staff).await).len();
        [
            count("/api/consultations?limit=100").await,
            count("/api/interests?limit=100").await,
            count("/api/salesmen?limit=100").await,
        ]
    };
    // Interrupted before the marker file was written: everything is recognised.
    let before = count().await;
    assert_eq!(before[2], 15);
    std::fs::remove_file(data.join("demo-loaded")).unwrap();
    demo::load(&world.installation, &world.keys).await.unwrap();
    assert_eq!(count().await, before);
    // A later change is not undone.
    let customer = world.customer("010-1234-5678").await;
    let interest = world.get("/api/interests?limit=1", &customer).await["items"][0].clone();
    let interest = format!("/api/interests/{}", id(&interest));
    world
        .write(
            Method::PATCH,
            &interest,
            &customer,
            &json!({ "interested": false }),
        )
        .await;
    demo::load(&world.installation, &world.keys).await.unwrap();
    assert_eq!(world.get(&interest, &customer).await["interested"], false);
    assert_eq!(count().await, before);
    world.stop().await;
    inbox.stop().await;
}
