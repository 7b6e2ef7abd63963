//! What the services do together: a programme through its year, a consultation to its end, a visit, a file.

use std::collections::BTreeSet;

use hyper::{Method, StatusCode};
use ktgg::client::Client;
use ktgg::host::Installation;
use ktgg::keys::Keys;
use ktgg::{demo, topic};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::everybody::Telephones;
use crate::system::{self, LetIn, Scratch, Together, eventually};

/// A whole system in this process, and its callers.
struct World {
    _scratch: Scratch,
    place: Installation,
    keys: Keys,
    together: Together,
    client: Client,
    let_in: LetIn,
    staff: String,
}

impl World {
    async fn start(purpose: &str) -> Self {
        let scratch = Scratch::new(purpose);
        let place = system::shared_place(&scratch).await;
        let keys = Keys::of(&place.data).unwrap();
        let together = Together::start(&place, &keys).await;
        let (client, let_in) = (place.client(), LetIn::to(&place, &keys));
        let staff = let_in.staff().await;
        Self {
            _scratch: scratch,
            place,
            keys,
            together,
            client,
            let_in,
            staff,
        }
    }

    async fn customer(&self, phone: &str) -> String {
        self.let_in.customer(phone).await
    }

    async fn salesman(&self, id: Uuid) -> String {
        self.let_in.salesman(id).await
    }

    /// A salesman and a consultant who are on the roster.
    async fn two_people(&self) -> (Uuid, Uuid) {
        let (salesmen, consultants) = system::register(&self.client, &self.staff, 1, 1).await;
        system::until_on_the_roster(
            &self.client,
            &self.staff,
            salesmen.iter().chain(&consultants),
        )
        .await;
        (salesmen[0], consultants[0])
    }

    async fn project(&self, name: &str) -> Value {
        let body = json!({ "name": name, "year": 2026, "category": "기술", "agency": "가상부", "regions": ["서울"] });
        self.client
            .post("/api/projects", &self.staff, &body)
            .await
            .unwrap()
    }

    /// A write on an existing thing, whatever its version.
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

    /// Waits until the answer has what is looked for.
    async fn until(
        &self,
        what: &str,
        path: &str,
        session: &str,
        is_so: impl Fn(&Value) -> bool,
    ) -> Value {
        eventually(what, async || {
            Some(self.get(path, session).await).filter(&is_so)
        })
        .await
    }

    async fn stop(self) {
        self.together.stop().await;
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
        .filter_map(|it| it["kind"].as_str())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_programme_goes_through_its_year_comes_again_and_whoever_marked_it_is_told_each_time() {
    let world = World::start("year").await;
    let (salesman, _) = world.two_people().await;
    let (customer, salesman) = (
        world.customer("010-1234-5678").await,
        world.salesman(salesman).await,
    );
    let project = world.project("2026년 스마트상점 기술보급사업").await;
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
            |it| !it["salesman"].is_null(),
        )
        .await;
    world
        .until(
            "he is told",
            "/api/salesmen/me/notifications",
            &salesman,
            |it| kinds(it).contains(&"assigned"),
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

    let told = world
        .until(
            "the customer is told of all four",
            "/api/interests/notifications",
            &customer,
            |it| kinds(it).len() >= 4,
        )
        .await;
    assert_eq!(kinds(&told), ["new_edition", "ended", "edited", "started"]);
    let told = world
        .until(
            "the salesman too",
            "/api/salesmen/me/notifications",
            &salesman,
            |it| kinds(it).len() >= 5,
        )
        .await;
    for kind in [
        "project_started",
        "deadline_moved",
        "project_ended",
        "new_edition",
    ] {
        assert!(kinds(&told).contains(&kind), "{told}");
    }

    // Next year's edition: once, expected, of the same series, and the interest follows it.
    let next = world
        .until("it comes again", &path, &world.staff, |it| {
            items_of(it, "editions").len() == 2
        })
        .await;
    let next = items_of(&next, "editions")
        .iter()
        .find(|it| it["year"] == 2027)
        .unwrap()
        .clone();
    assert_eq!(
        (&next["name"], &next["status"]),
        (&json!("2027년 스마트상점 기술보급사업"), &json!("planned"))
    );
    let followed = world
        .until("the interest follows", &interest, &customer, |it| {
            it["projectId"] == next["id"]
        })
        .await;
    assert_eq!(followed["interested"], true);
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

fn items_of<'a>(view: &'a Value, name: &str) -> &'a [Value] {
    view[name].as_array().map(Vec::as_slice).unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consultation_goes_to_its_end_counts_once_and_leaves_room_for_the_next() {
    let world = World::start("end").await;
    let (salesman_id, _) = world.two_people().await;
    let (customer, salesman) = (
        world.customer("010-1234-5678").await,
        world.salesman(salesman_id).await,
    );
    let project = world.project("2026년 가상 지원사업").await;
    let body = json!({ "projectId": project["id"], "projectName": project["name"], "desiredDate": "2099-12-31", "memo": "오전에" });
    let consultation = format!(
        "/api/consultations/{}",
        id(&world
            .client
            .post("/api/consultations", &customer, &body)
            .await
            .unwrap())
    );
    world
        .until("somebody is on it", &consultation, &customer, |it| {
            !it["salesman"].is_null()
        })
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
        .until("it counts", "/api/salesmen/me", &salesman, |it| {
            it["successCount"] == 1 && it["openCount"] == 0
        })
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
        .until("the match is closed", &matches, &world.staff, |it| {
            !it["items"][0]["closedAt"].is_null()
        })
        .await;
    let view = format!("/api/projects/{}/view", id(&project));
    let view = world
        .until("the project's view shows it", &view, &world.staff, |it| {
            it["progress"]["succeeded"] == 1
        })
        .await;
    assert_eq!(view["salesmen"][0]["id"], salesman_id.to_string());
    assert!(!view.to_string().contains("12345678"));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_matched_anew_by_hand_takes_over_and_the_one_before_loses_sight_of_it() {
    let world = World::start("hand").await;
    let (salesmen, _) = system::register(&world.client, &world.staff, 2, 0).await;
    system::until_on_the_roster(&world.client, &world.staff, &salesmen).await;
    let customer = world.customer("010-1234-5678").await;
    let project = world.project("2026년 가상 지원사업").await;
    let body = json!({ "projectId": project["id"], "projectName": project["name"], "desiredDate": "2099-12-31", "memo": "" });
    let asked = world
        .client
        .post("/api/consultations", &customer, &body)
        .await
        .unwrap();
    let consultation = format!("/api/consultations/{}", id(&asked));
    let shown = world
        .until("somebody is on it", &consultation, &customer, |it| {
            !it["salesman"].is_null()
        })
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
            &format!("/api/salesman-matches?origin={}", id(&asked)),
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
        .until("the other one is on it", &consultation, &customer, |it| {
            it["salesman"]["id"] == after.to_string()
        })
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
            let told = stream.next().await.unwrap().expect("the stream goes on");
            if told.event == "removed" {
                return told;
            }
        }
    };
    let removed = tokio::time::timeout(system::PATIENCE, removed)
        .await
        .expect("he is told that it is gone");
    assert_eq!(removed.data["aggregateId"], asked["id"]);
    for record in topic::read(&world.place.kafka, events::Topic::SalesmanMatch)
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
async fn whom_a_salesman_enters_on_a_visit_is_his_and_sees_it_when_he_signs_in() {
    let world = World::start("visit").await;
    let (salesmen, _) = system::register(&world.client, &world.staff, 3, 0).await;
    system::until_on_the_roster(&world.client, &world.staff, &salesmen).await;
    let project = world.project("2026년 가상 지원사업").await;
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
        let body = json!({ "projectId": project["id"], "projectName": project["name"], "phone": phone, "customerName": "홍길동", "consent": true });
        let session = world.salesman(*salesman).await;
        let entered = world
            .client
            .post("/api/interests", &session, &body)
            .await
            .unwrap();
        let path = format!("/api/interests/{}", id(&entered));
        // His, whatever the last digits of the number say.
        world
            .until("it is his", &path, &world.customer(&phone).await, |it| {
                it["salesman"]["id"] == salesman.to_string()
            })
            .await;
        let card = format!(
            "/api/projects/visit-card?customer={}",
            entered["customerId"].as_str().unwrap()
        );
        let card = eventually("there is something to talk about", async || {
            let answer = world
                .client
                .call(Method::GET, &card, &session, &[], None)
                .await
                .unwrap();
            Some(answer.json).filter(|it| !items(it).is_empty())
        })
        .await;
        assert_eq!(items(&card)[0]["project"]["id"], project["id"]);
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_has_something_of_everything_and_what_is_done_to_it_stays() {
    let world = World::start("demo").await;
    let telephones = Telephones::of(&world.place, &world.keys).await;
    let data = world.place.data.clone();
    demo::load(&world.place, &world.keys).await.unwrap();
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
                .map(|it| it["period"]["kind"].as_str().unwrap().to_owned()),
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
    let brought = world.until(
        "a salesman keeps whom he brought in",
        "/api/salesman-matches?limit=100",
        &world.staff,
        |it| {
            items(it)
                .iter()
                .any(|it| it["reason"]["salesman"]["rule"] == "brought")
        },
    );
    brought.await;

    let count = async || {
        let count = async |path: &str| items(&world.get(path, &world.staff).await).len();
        [
            count("/api/consultations?limit=100").await,
            count("/api/interests?limit=100").await,
            count("/api/salesmen?limit=100").await,
        ]
    };
    // Broken off before the note was written: everything is recognised.
    let before = count().await;
    assert_eq!(before[2], 15);
    std::fs::remove_file(data.join("demo-loaded")).unwrap();
    demo::load(&world.place, &world.keys).await.unwrap();
    assert_eq!(count().await, before);
    // Somebody works with it: nothing of that is undone.
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
    demo::load(&world.place, &world.keys).await.unwrap();
    assert_eq!(world.get(&interest, &customer).await["interested"], false);
    assert_eq!(count().await, before);
    world.stop().await;
    telephones.stop().await;
}
