//! A customer does everything there is, and is forgotten: looked for afterwards in every table, on every topic and in everything that was
//! logged, he is nowhere. Each service and the gateway is a process of its own that logs whatever it can.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use hyper::{Method, StatusCode};
use ktgg::client::Client;
use ktgg::host::Installation;
use ktgg::keys::Keys;
use serde_json::{Value, json};
use service_kit::auth::Role;
use service_kit::forms::phone::Phone;
use service_kit::testing;
use sqlx::{AssertSqlSafe, PgPool};
use uuid::Uuid;

use crate::checker::Checker;
use crate::everybody::{
    Colleague, Telephones, ended, first_staff, id, is_gone, joins, look, path, project, write,
};
use crate::grepping::{self, Sought};
use crate::system::{self, Alone, LetIn, PROCESSES, Programs, Scratch, eventually};

const PHONE: &str = "010-3141-5926";
const NAME: &str = "표상길동무";
/// The number as it is said, and as somebody types it who does not think of being found.
const MEMO: &str = "memomark7713: 01031415926 또는 010-3141-5926, +82 10-3141-5926, 010 3141 5926, 010.3141.5926 (표상길동무)";
const MEMO_LATER: &str = "memomark7714: 오후에는 +821031415926";
const REASON: &str = "reasonmark6602: 표상길동무 010-3141-5926";
const WHY: &str = "whymark8851";
const NOTES: [&str; 3] = [
    "notemark1: 표상길동무, 01031415926",
    "notemark2: 010-3141-5926",
    "notemark3",
];
const MARKS: [&str; 9] = [
    NAME,
    "memomark7713",
    "memomark7714",
    "reasonmark6602",
    WHY,
    "notemark1",
    "notemark2",
    "notemark3",
    "parkedmark5590",
];

/// How long after he asked for it his open stream may still be open.
const AT_ONCE: Duration = Duration::from_secs(2);

/// Every list in which a customer can find something.
const LISTS: [&str; 5] = [
    "/api/interests",
    "/api/consultations",
    "/api/salesman-matches",
    "/api/interests/notifications",
    "/api/me/disclosures",
];

/// Whoever is there, and what there is.
struct World {
    place: Installation,
    client: Client,
    pool: PgPool,
    staff: Colleague,
    salesman: Colleague,
    consultant: Colleague,
    projects: Vec<Value>,
    phone: Phone,
    customer: Uuid,
}

/// What he has.
#[derive(Default)]
struct Things {
    interests: Vec<Uuid>,
    consultations: Vec<Uuid>,
    matches: Vec<Uuid>,
    notifications: Vec<Uuid>,
}

impl Things {
    /// Where each of them is shown.
    fn paths(&self) -> Vec<String> {
        let of = |what, ids: &[Uuid]| ids.iter().map(|id| path(what, *id, "")).collect::<Vec<_>>();
        [
            of("interests", &self.interests),
            of("consultations", &self.consultations),
            of("salesman-matches", &self.matches),
        ]
        .concat()
    }

    fn ids(&self) -> Vec<String> {
        let all = [
            &self.interests,
            &self.consultations,
            &self.matches,
            &self.notifications,
        ];
        all.into_iter().flatten().map(Uuid::to_string).collect()
    }
}

impl World {
    async fn at(place: Installation, keys: &Keys) -> Self {
        let client = place.client();
        let staff = first_staff(&place, keys, "관리하나", "staff.hana").await;
        let by = &staff.session;
        let salesman = joins(
            &client,
            by,
            Role::Salesman,
            "김영업하나",
            "010-9300-0001",
            "salesman.hana",
        )
        .await;
        let consultant = joins(
            &client,
            by,
            Role::Consultant,
            "박상담하나",
            "010-9300-0002",
            "consultant.hana",
        )
        .await;
        let mut projects = Vec::new();
        for name in [
            "2026년 가상 스마트상점",
            "2026년 가상 수출바우처",
            "2026년 가상 창업패키지",
        ] {
            projects.push(project(&client, by, name).await);
        }
        let phone: Phone = PHONE.parse().unwrap();
        let customer = keys.customer(&phone).subject;
        let pool = testing::superuser_pool(&place.postgres).await;
        Self {
            place,
            client,
            pool,
            staff,
            salesman,
            consultant,
            projects,
            phone,
            customer,
        }
    }

    async fn signs_in(&self) -> String {
        self.client
            .sign_in_by_phone(&self.place.inbox(), &self.phone)
            .await
            .unwrap()
    }

    /// He marks a programme and asks for a consultation; gives what came of it once somebody is on both.
    async fn marks_and_asks(
        &self,
        session: &str,
        called: &str,
        number: usize,
        memo: &str,
    ) -> Things {
        let (project, name) = (&self.projects[number]["id"], &self.projects[number]["name"]);
        let mark = json!({ "projectId": project, "projectName": name, "customerName": called });
        let key = format!("mark-{number}");
        let interest = id(&self
            .client
            .post_with_key("/api/interests", session, &key, &mark)
            .await
            .unwrap());
        let ask = json!({
            "projectId": project, "projectName": name, "desiredDate": "2099-12-31", "memo": memo, "customerName": called,
        });
        let key = format!("ask-{number}");
        let consultation = id(&self
            .client
            .post_with_key("/api/consultations", session, &key, &ask)
            .await
            .unwrap());
        let mut things = Things {
            interests: vec![interest],
            consultations: vec![consultation],
            ..Things::default()
        };
        for (what, origin) in [("interests", interest), ("consultations", consultation)] {
            things
                .matches
                .push(self.matched(what, origin, session).await);
        }
        things
    }

    async fn matched(&self, what: &str, origin: Uuid, session: &str) -> Uuid {
        eventually("the customer is shown who is on it", async || {
            let shown = self
                .client
                .get(&path(what, origin, ""), session)
                .await
                .unwrap();
            (!shown["salesman"].is_null() && !shown["consultant"].is_null()).then_some(())
        })
        .await;
        let list = self
            .client
            .get(
                &format!("/api/salesman-matches?origin={origin}"),
                &self.staff.session,
            )
            .await
            .unwrap();
        id(&list["items"][0])
    }

    /// Everything there is to do, by him and of him.
    async fn everything(&self, session: &str) -> Things {
        let client = &self.client;
        let mut all = self.marks_and_asks(session, NAME, 0, MEMO).await;
        let edit = json!({ "memo": MEMO_LATER, "desiredDate": "2099-12-30" });
        write(
            client,
            &path("consultations", all.consultations[0], ""),
            session,
            Method::PATCH,
            &edit,
        )
        .await;
        // Another one, which he cancels.
        let more = self.marks_and_asks(session, NAME, 1, MEMO).await;
        let cancel = json!({ "step": "cancelled", "reason": REASON });
        write(
            client,
            &path("consultations", more.consultations[0], "/progress"),
            session,
            Method::POST,
            &cancel,
        )
        .await;
        // A salesman enters one for him.
        let entry = json!({
            "projectId": self.projects[2]["id"], "projectName": self.projects[2]["name"], "phone": self.phone.national(),
            "customerName": NAME, "consent": true,
        });
        let entered = client
            .post_with_key("/api/interests", &self.salesman.session, "visit", &entry)
            .await
            .unwrap();
        let entered = id(&entered);
        all.matches
            .push(self.matched("interests", entered, session).await);
        all.interests.extend(more.interests);
        all.interests.push(entered);
        all.consultations.extend(more.consultations);
        all.matches.extend(more.matches);
        // Colleagues write of him, and call him.
        for (writer, text) in [&self.salesman, &self.consultant, &self.staff]
            .into_iter()
            .zip(NOTES)
        {
            let notes = path("consultations", all.consultations[0], "/notes");
            client
                .post_with_key(&notes, &writer.session, "note", &json!({ "text": text }))
                .await
                .unwrap();
        }
        let why = format!("/phone?why={WHY}");
        for viewer in [&self.salesman, &self.consultant, &self.staff] {
            for path in [
                path("consultations", all.consultations[0], &why),
                path("interests", all.interests[0], &why),
            ] {
                let shown = client.get(&path, &viewer.session).await.unwrap();
                assert_eq!(shown["phone"], self.phone.e164());
            }
        }
        // What he marked moves.
        let start = path(
            "projects",
            self.projects[0]["id"].as_str().unwrap().parse().unwrap(),
            "/start",
        );
        write(
            client,
            &start,
            &self.staff.session,
            Method::POST,
            &json!({}),
        )
        .await;
        all.notifications = eventually("he is told", async || {
            let told = client
                .get("/api/interests/notifications", session)
                .await
                .unwrap();
            let ids: Vec<Uuid> = told["items"].as_array().unwrap().iter().map(id).collect();
            (!ids.is_empty()).then_some(ids)
        })
        .await;
        all
    }

    /// What should never have been on a topic was kept aside with who he is.
    async fn park(&self) {
        for schema in ["consultation", "interest"] {
            let payload = json!({
                "customerId": self.customer, "customerName": NAME, "phone": self.phone.e164(), "memo": "parkedmark5590",
                "said": ["표상길동무, 010-3141-5926"],
            });
            let detail = format!(
                "invalid type: string \"{}\", expected a map",
                self.phone.national()
            );
            let sql = format!(
                "insert into {schema}.parked (topic, partition, \"offset\", headers, payload, reason, detail, parked_at)
                 values ('ktgg.elsewhere', 0, 1, '{{}}', $1, 'unreadable', $2, now())"
            );
            let payload = payload.to_string().into_bytes();
            sqlx::query(AssertSqlSafe(sql))
                .bind(payload)
                .bind(detail)
                .execute(&self.pool)
                .await
                .unwrap();
        }
    }

    /// Asks to be forgotten, and waits until that is done.
    async fn is_forgotten(&self, session: &str) -> Duration {
        let asked = Instant::now();
        let answer = self
            .client
            .call(Method::DELETE, "/api/me", session, &[], None)
            .await
            .unwrap();
        assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.json);
        self.until_finished().await;
        asked.elapsed()
    }

    async fn until_finished(&self) {
        eventually("he is forgotten everywhere", async || {
            let sql = "select count(*) filter (where finished_at is null) from gateway.erasure where customer_id = $1";
            let left: i64 = sqlx::query_scalar(sql).bind(self.customer).fetch_one(&self.pool).await.unwrap();
            (left == 0).then_some(())
        })
        .await;
    }
}

/// What another customer is shown of his own.
async fn shown_to(client: &Client, session: &str) -> Vec<Value> {
    let mut shown = Vec::new();
    for list in LISTS {
        shown.push(client.get(list, session).await.unwrap());
    }
    for item in shown[1]["items"].as_array().cloned().unwrap_or_default() {
        shown.push(
            client
                .get(&path("consultations", id(&item), ""), session)
                .await
                .unwrap(),
        );
    }
    shown
}

#[expect(
    clippy::print_stdout,
    reason = "the count says how much the test is worth"
)]
#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_forgotten_is_found_in_no_table_on_no_topic_and_in_no_log() {
    let scratch = Scratch::new("erasing");
    let place = system::shared_place(&scratch).await;
    let keys = Keys::of(&place.data).unwrap();
    let mut alone = Alone::start_with(
        &place,
        &keys,
        Programs::Real,
        &[("LOG", "trace"), ("LOG_FORMAT", "json")],
    )
    .await;
    system::until_serving(&place, &keys).await;
    let telephones = Telephones::of(&place, &keys).await;
    let world = World::at(place.clone(), &keys).await;
    let (client, pool) = (&world.client, &world.pool);
    let other = LetIn::to(&place, &keys).customer("010-2718-2845").await;
    world.marks_and_asks(&other, "손님둘", 0, "문어").await;

    let session = world.signs_in().await;
    let things = world.everything(&session).await;
    world.park().await;
    let checker = Checker::new(&place.postgres, place.kafka.clone()).await;
    let settled = async || {
        eventually("the dust settles", async || {
            checker.is_quiet(true).await.unwrap().then_some(())
        })
        .await;
    };
    settled().await;

    // Until then he is found, and is told himself what there is of him.
    let sought = Sought::new(&world.phone, &MARKS);
    let before = grepping::in_tables(pool, &sought).await;
    for table in [
        "consultation.consultation",
        "consultation.note",
        "consultation.timeline",
        "consultation.disclosure",
        "consultation.parked",
        "interest.interest",
        "interest.disclosure",
        "interest.parked",
        "gateway.session",
        "gateway.one_time_code",
    ] {
        assert!(before.contains_key(table), "{table}: {before:?}");
    }
    let data = client
        .get("/api/me/data", &session)
        .await
        .unwrap()
        .to_string();
    for said in [NAME, "memomark7714", "reasonmark6602", PHONE]
        .into_iter()
        .chain(things.ids().iter().map(String::as_str))
    {
        let is_there = data.contains(said);
        assert!(is_there, "{said} is not in his data");
    }
    assert!(
        !data.contains("notemark"),
        "what colleagues write for each other is not his"
    );
    let disclosed = client.get("/api/me/disclosures", &session).await.unwrap();
    assert_eq!(disclosed["items"].as_array().map(Vec::len), Some(6));
    let others = shown_to(client, &other).await;

    // He wants to be forgotten.
    let mut stream = client.stream(&session).await.unwrap();
    let mut others_stream = client.stream(&other).await.unwrap();
    let asked = Instant::now();
    let answer = client
        .call(Method::DELETE, "/api/me", &session, &[], None)
        .await
        .unwrap();
    assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.json);
    assert_eq!(
        look(client, "/api/interests", &session).await.status,
        StatusCode::UNAUTHORIZED
    );
    ended(&mut stream).await;
    assert!(asked.elapsed() < AT_ONCE, "{:?}", asked.elapsed());
    for path in things.paths() {
        for colleague in [&world.salesman, &world.consultant] {
            eventually("whoever was on it loses access to it", async || {
                is_gone(client, &path, &colleague.session)
                    .await
                    .then_some(())
            })
            .await;
        }
    }
    let refused = world
        .client
        .sign_in_by_phone(&place.inbox(), &world.phone)
        .await
        .unwrap_err()
        .to_string();
    assert!(refused.contains("erasure-in-progress"), "{refused}");
    world.until_finished().await;
    let took = asked.elapsed();
    settled().await;

    assert_eq!(
        grepping::in_tables(pool, &sought).await,
        [].into(),
        "of {before:?}"
    );
    assert_eq!(grepping::on_topics(&place.kafka, &sought), 0);
    staff_see_that_there_was_something(&world, &things).await;
    assert_eq!(
        shown_to(client, &other).await,
        others,
        "another customer's things are as they were"
    );
    // Whatever it has told: an end would be there by now.
    let ends = async { while others_stream.next().await.unwrap().is_some() {} };
    assert!(
        tokio::time::timeout(Duration::from_millis(100), ends)
            .await
            .is_err(),
        "another's stream goes on"
    );

    he_comes_back(&world, &things).await;
    settled().await;
    assert_eq!(
        grepping::in_tables(pool, &sought).await,
        [].into(),
        "once more"
    );
    let count = grepping::records(&place.kafka).len();
    assert_eq!(grepping::on_topics(&place.kafka, &sought), 0);
    let (mut logged, mut fine) = (0, 0);
    for (name, status, _) in alone.terminate().await {
        assert!(status.success(), "{name} ended with {status}");
        let log = alone.log(name);
        logged += log.len();
        let told: Vec<&str> = log
            .lines()
            .filter(|line| sought.is_in(line.as_bytes()))
            .take(3)
            .collect();
        assert_eq!(told, Vec::<&str>::new(), "{name}");
        fine += log
            .lines()
            .filter(|line| {
                [r#""level":"DEBUG""#, r#""level":"TRACE""#]
                    .iter()
                    .any(|it| line.contains(it))
            })
            .count();
        assert!(
            log.contains(r#""level":"INFO""#),
            "{name} was asked to log everything"
        );
    }
    assert!(fine > 0, "whatever can be logged is logged");
    println!(
        "found in {} tables before and in none after {took:?}; in none of {count} records and {logged} bytes of logs ({fine} lines finer than info) of {} processes",
        before.len(),
        PROCESSES.len(),
    );
    telephones.stop().await;
}

/// What is left says that there was something, and not whose.
async fn staff_see_that_there_was_something(world: &World, things: &Things) {
    for consultation in &things.consultations {
        let shown = world
            .client
            .get(
                &path("consultations", *consultation, ""),
                &world.staff.session,
            )
            .await
            .unwrap();
        assert_eq!(shown["step"], "cancelled", "what was open is cancelled");
        let gone = ["phone", "customerName", "reason"].map(|field| shown[field].clone());
        assert_eq!(
            (gone, &shown["memo"]),
            ([Value::Null, Value::Null, Value::Null], &json!(""))
        );
        assert!(!shown["erasedAt"].is_null());
    }
    for interest in &things.interests {
        let shown = world
            .client
            .get(&path("interests", *interest, ""), &world.staff.session)
            .await
            .unwrap();
        assert_eq!(
            (
                &shown["interested"],
                &shown["phone"],
                &shown["customerName"]
            ),
            (&json!(false), &Value::Null, &Value::Null)
        );
    }
}

/// The same number signs in again: he is new here, can do everything anew, and be forgotten once more.
async fn he_comes_back(world: &World, old: &Things) {
    let client = &world.client;
    let session = world.signs_in().await;
    let me = client.get("/api/auth/me", &session).await.unwrap();
    assert_eq!(
        me["id"],
        json!(world.customer),
        "he is known by the same id"
    );
    for list in LISTS {
        assert_eq!(
            client.get(list, &session).await.unwrap()["items"],
            json!([]),
            "{list}"
        );
    }
    // A match is no customer's to look at, his or not.
    for path in old
        .paths()
        .iter()
        .filter(|path| !path.contains("salesman-matches"))
    {
        assert!(is_gone(client, path, &session).await, "{path}");
    }
    assert!(
        is_gone(
            client,
            &path("salesmen", world.salesman.id, "/card"),
            &session
        )
        .await,
        "nobody is there for him yet"
    );
    let data = client
        .get("/api/me/data", &session)
        .await
        .unwrap()
        .to_string();
    let left: Vec<String> = old
        .ids()
        .into_iter()
        .filter(|id| data.contains(id))
        .collect();
    assert_eq!(left, Vec::<String>::new(), "{data}");

    // The same programme again, and the same keys: what is made is new.
    let new = world.marks_and_asks(&session, NAME, 0, MEMO).await;
    let (new_ids, old_ids): (BTreeSet<_>, BTreeSet<_>) = (
        new.ids().into_iter().collect(),
        old.ids().into_iter().collect(),
    );
    assert!(new_ids.is_disjoint(&old_ids));
    for list in [
        "/api/interests",
        "/api/consultations",
        "/api/salesman-matches",
    ] {
        for session in [&session, &world.salesman.session, &world.consultant.session] {
            let shown = client.get(list, session).await.unwrap().to_string();
            let left: Vec<&String> = old_ids.iter().filter(|id| shown.contains(*id)).collect();
            assert_eq!(left, Vec::<&String>::new(), "{list}");
        }
    }
    for path in new
        .paths()
        .iter()
        .filter(|path| !path.contains("salesman-matches"))
    {
        client.get(path, &session).await.unwrap();
        client.get(path, &world.salesman.session).await.unwrap();
    }
    world.is_forgotten(&session).await;
}
