//! A customer with data of every kind is erased. Afterwards no table, topic or log contains
//! personal data. Six processes, which log at the level `trace`.

use std::collections::{BTreeMap, BTreeSet};
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

use crate::actors::{
    Colleague, create_project, id, invite_first_staff, is_not_found, path, read_to_end,
    register_colleague, try_get, write,
};
use crate::checker::Checker;
use crate::personal_data::{self, PersonalData};
use crate::system::{
    self, InboxServer, PROCESSES, Processes, Programs, Scratch, SessionIssuer, eventually,
};

const PHONE: &str = "010-3141-5926";
const NAME: &str = "표상길동무";
/// Contains the number in several spellings.
const MEMO: &str = "memomark7713: 01031415926 또는 010-3141-5926, +82 10-3141-5926, \
    010 3141 5926, 010.3141.5926 (표상길동무)";
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

/// An open stream must end within this time.
const STREAM_ENDS_WITHIN: Duration = Duration::from_secs(2);

/// Every list that a customer can read.
const LISTS: [&str; 5] = [
    "/api/interests",
    "/api/consultations",
    "/api/salesman-matches",
    "/api/interests/notifications",
    "/api/me/disclosures",
];

/// A system with colleagues, projects and the customer to erase.
struct World {
    installation: Installation,
    client: Client,
    pool: PgPool,
    staff: Colleague,
    salesman: Colleague,
    consultant: Colleague,
    projects: Vec<Value>,
    phone: Phone,
    customer: Uuid,
}

/// The ids of the customer's data.
#[derive(Default)]
struct Created {
    interests: Vec<Uuid>,
    consultations: Vec<Uuid>,
    matches: Vec<Uuid>,
    notifications: Vec<Uuid>,
}

impl Created {
    /// The paths of the views.
    fn paths(&self) -> Vec<String> {
        let paths =
            |what, ids: &[Uuid]| ids.iter().map(|id| path(what, *id, "")).collect::<Vec<_>>();
        [
            paths("interests", &self.interests),
            paths("consultations", &self.consultations),
            paths("salesman-matches", &self.matches),
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
    async fn new(installation: Installation, keys: &Keys) -> Self {
        let client = installation.client();
        let staff = invite_first_staff(&installation, keys, "관리하나", "staff.hana").await;
        let staff_session = &staff.session;
        let salesman = register_colleague(
            &client,
            staff_session,
            Role::Salesman,
            "김영업하나",
            "010-9300-0001",
            "salesman.hana",
        )
        .await;
        let consultant = register_colleague(
            &client,
            staff_session,
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
            projects.push(create_project(&client, staff_session, name).await);
        }
        let phone: Phone = PHONE.parse().unwrap();
        let customer = keys.customer(&phone).subject;
        let pool = testing::superuser_pool(&installation.postgres).await;
        Self {
            installation,
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

    async fn sign_in(&self) -> String {
        self.client
            .sign_in_by_phone(&self.installation.inbox(), &self.phone)
            .await
            .unwrap()
    }

    /// Creates an interest and a consultation, as the customer, and waits until both are matched.
    async fn create_pair(&self, session: &str, name: &str, number: usize, memo: &str) -> Created {
        let (project, project_name) =
            (&self.projects[number]["id"], &self.projects[number]["name"]);
        let interest = json!({
            "projectId": project, "projectName": project_name, "customerName": name,
        });
        let key = format!("interest-{number}");
        let interest = id(&self
            .client
            .post_with_key("/api/interests", session, &key, &interest)
            .await
            .unwrap());
        let consultation = json!({
            "projectId": project, "projectName": project_name, "desiredDate": "2099-12-31",
            "memo": memo, "customerName": name,
        });
        let key = format!("consultation-{number}");
        let consultation = id(&self
            .client
            .post_with_key("/api/consultations", session, &key, &consultation)
            .await
            .unwrap());
        let mut created = Created {
            interests: vec![interest],
            consultations: vec![consultation],
            ..Created::default()
        };
        for (what, origin) in [("interests", interest), ("consultations", consultation)] {
            created
                .matches
                .push(self.wait_for_match(what, origin, session).await);
        }
        created
    }

    async fn wait_for_match(&self, what: &str, origin: Uuid, session: &str) -> Uuid {
        eventually("the customer sees the matched people", async || {
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

    /// Creates data of every kind.
    async fn create_everything(&self, session: &str) -> Created {
        let client = &self.client;
        let mut all = self.create_pair(session, NAME, 0, MEMO).await;
        let edit = json!({ "memo": MEMO_LATER, "desiredDate": "2099-12-30" });
        write(
            client,
            &path("consultations", all.consultations[0], ""),
            session,
            Method::PATCH,
            &edit,
        )
        .await;
        // A cancelled one, with a reason.
        let more = self.create_pair(session, NAME, 1, MEMO).await;
        let cancel = json!({ "step": "cancelled", "reason": REASON });
        write(
            client,
            &path("consultations", more.consultations[0], "/progress"),
            session,
            Method::POST,
            &cancel,
        )
        .await;
        // An interest on behalf of the customer.
        let entry = json!({
            "projectId": self.projects[2]["id"], "projectName": self.projects[2]["name"],
            "phone": self.phone.national(), "customerName": NAME, "consent": true,
        });
        let entered = client
            .post_with_key("/api/interests", &self.salesman.session, "visit", &entry)
            .await
            .unwrap();
        let entered = id(&entered);
        all.matches
            .push(self.wait_for_match("interests", entered, session).await);
        all.interests.extend(more.interests);
        all.interests.push(entered);
        all.consultations.extend(more.consultations);
        all.matches.extend(more.matches);
        // Notes and disclosures of colleagues.
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
        let why = json!({ "why": WHY });
        for viewer in [&self.salesman, &self.consultant, &self.staff] {
            for path in [
                path("consultations", all.consultations[0], "/phone"),
                path("interests", all.interests[0], "/phone"),
            ] {
                let shown = client.post(&path, &viewer.session, &why).await.unwrap();
                assert_eq!(shown["phone"], self.phone.e164());
            }
        }
        // A notification, because the project of an interest starts.
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
        all.notifications = eventually("the customer is notified", async || {
            let list = client
                .get("/api/interests/notifications", session)
                .await
                .unwrap();
            let ids: Vec<Uuid> = list["items"].as_array().unwrap().iter().map(id).collect();
            (!ids.is_empty()).then_some(ids)
        })
        .await;
        all
    }

    /// Parks records that contain personal data, which no topic should.
    async fn insert_parked(&self) {
        for schema in ["consultation", "interest"] {
            let payload = json!({
                "customerId": self.customer, "customerName": NAME, "phone": self.phone.e164(),
                "memo": "parkedmark5590",
                "texts": ["표상길동무, 010-3141-5926"],
            });
            let detail = format!(
                "invalid type: string \"{}\", expected a map",
                self.phone.national()
            );
            let sql = format!(
                "insert into {schema}.parked
                   (topic, partition, \"offset\", headers, payload, reason, detail, parked_at)
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

    /// Requests the erasure, and waits until it is finished.
    async fn erase(&self, session: &str) -> Duration {
        let started = Instant::now();
        let response = self
            .client
            .call(Method::DELETE, "/api/me", session, &[], None)
            .await
            .unwrap();
        assert_eq!(response.status, StatusCode::ACCEPTED, "{}", response.json);
        self.wait_until_erased().await;
        started.elapsed()
    }

    async fn wait_until_erased(&self) {
        eventually("the erasure is finished", async || {
            let sql = "select count(*) filter (where finished_at is null)
                       from gateway.erasure where customer_id = $1";
            let unfinished: i64 = sqlx::query_scalar(sql)
                .bind(self.customer)
                .fetch_one(&self.pool)
                .await
                .unwrap();
            (unfinished == 0).then_some(())
        })
        .await;
    }
}

/// Everything that another customer sees.
async fn views_of(client: &Client, session: &str) -> Vec<Value> {
    let mut views = Vec::new();
    for list in LISTS {
        views.push(client.get(list, session).await.unwrap());
    }
    for item in views[1]["items"].as_array().cloned().unwrap_or_default() {
        views.push(
            client
                .get(&path("consultations", id(&item), ""), session)
                .await
                .unwrap(),
        );
    }
    views
}

#[expect(clippy::print_stdout, reason = "shows how much was searched")]
#[tokio::test(flavor = "multi_thread")]
async fn erased_customer_is_in_no_table_topic_or_log() {
    let scratch = Scratch::new("erasure");
    let installation = system::on_shared_servers(&scratch).await;
    let keys = Keys::of(&installation.data).unwrap();
    let mut processes = Processes::start_with(
        &installation,
        &keys,
        Programs::Real,
        &[("LOG", "trace"), ("LOG_FORMAT", "json")],
    )
    .await;
    system::wait_until_serving(&installation, &keys).await;
    let inbox = InboxServer::start(&installation, &keys).await;
    let world = World::new(installation.clone(), &keys).await;
    let (client, pool) = (&world.client, &world.pool);
    let other = SessionIssuer::new(&installation, &keys)
        .customer("010-2718-2845")
        .await;
    world.create_pair(&other, "손님둘", 0, "문어").await;

    let session = world.sign_in().await;
    let created = world.create_everything(&session).await;
    world.insert_parked().await;
    let checker = Checker::new(&installation.postgres, installation.kafka.clone()).await;
    let settled = async || {
        eventually("all events are consumed", async || {
            checker.is_quiet(true).await.unwrap().then_some(())
        })
        .await;
    };
    settled().await;

    let personal_data = PersonalData::new(&world.phone, &MARKS);
    let before = check_data_before(&world, &personal_data, &created, &session).await;
    let others_before = views_of(client, &other).await;

    // The erasure request.
    let mut stream = client.stream(&session).await.unwrap();
    let mut others_stream = client.stream(&other).await.unwrap();
    let started = Instant::now();
    let response = client
        .call(Method::DELETE, "/api/me", &session, &[], None)
        .await
        .unwrap();
    assert_eq!(response.status, StatusCode::ACCEPTED, "{}", response.json);
    assert_eq!(
        try_get(client, "/api/interests", &session).await.status,
        StatusCode::UNAUTHORIZED
    );
    read_to_end(&mut stream).await;
    assert!(
        started.elapsed() < STREAM_ENDS_WITHIN,
        "{:?}",
        started.elapsed()
    );
    check_access_during_erasure(&world, &created).await;
    world.wait_until_erased().await;
    let took = started.elapsed();
    settled().await;

    assert_eq!(
        personal_data::in_tables(pool, &personal_data).await,
        [].into(),
        "of {before:?}"
    );
    assert_eq!(
        personal_data::on_topics(&installation.kafka, &personal_data),
        0
    );
    check_remaining_data(&world, &created).await;
    assert_eq!(
        views_of(client, &other).await,
        others_before,
        "the data of another customer has changed"
    );
    // Its end would have arrived by now.
    let ends = async { while others_stream.next().await.unwrap().is_some() {} };
    assert!(
        tokio::time::timeout(Duration::from_millis(100), ends)
            .await
            .is_err(),
        "the stream of another customer ended"
    );

    check_returning_customer(&world, &created).await;
    settled().await;
    assert_eq!(
        personal_data::in_tables(pool, &personal_data).await,
        [].into(),
        "after the second erasure"
    );
    let count = personal_data::records(&installation.kafka).len();
    assert_eq!(
        personal_data::on_topics(&installation.kafka, &personal_data),
        0
    );
    let (logged, detailed) = check_logs(&mut processes, &personal_data).await;
    println!(
        "found in {} tables before and in none after {took:?}; in none of {count} records and \
         {logged} bytes of logs ({detailed} lines below info) of {} processes",
        before.len(),
        PROCESSES.len(),
    );
    inbox.stop().await;
}

/// Before the erasure, the search finds the data in its tables, and the customer can read it.
/// Returns the matching rows by table.
async fn check_data_before(
    world: &World,
    personal_data: &PersonalData,
    created: &Created,
    session: &str,
) -> BTreeMap<String, usize> {
    let client = &world.client;
    let before = personal_data::in_tables(&world.pool, personal_data).await;
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
        .get("/api/me/data", session)
        .await
        .unwrap()
        .to_string();
    for text in [NAME, "memomark7714", "reasonmark6602", PHONE]
        .into_iter()
        .chain(created.ids().iter().map(String::as_str))
    {
        let is_contained = data.contains(text);
        assert!(is_contained, "{text} is not in the customer's data");
    }
    assert!(
        !data.contains("notemark"),
        "notes of colleagues are not the customer's data"
    );
    let disclosed = client.get("/api/me/disclosures", session).await.unwrap();
    assert_eq!(disclosed["items"].as_array().map(Vec::len), Some(6));
    before
}

/// Colleagues lose access, and the customer cannot sign in while the erasure runs.
async fn check_access_during_erasure(world: &World, created: &Created) {
    for path in created.paths() {
        for colleague in [&world.salesman, &world.consultant] {
            eventually("the colleague loses access", async || {
                is_not_found(&world.client, &path, &colleague.session)
                    .await
                    .then_some(())
            })
            .await;
        }
    }
    let refused = world
        .client
        .sign_in_by_phone(&world.installation.inbox(), &world.phone)
        .await
        .unwrap_err()
        .to_string();
    assert!(refused.contains("erasure-in-progress"), "{refused}");
}

/// Stops the processes. Their logs contain no personal data, and lines below `info`. Returns the
/// bytes and the number of those lines.
async fn check_logs(processes: &mut Processes, personal_data: &PersonalData) -> (usize, usize) {
    let (mut logged, mut detailed) = (0, 0);
    for (name, status, _) in processes.terminate().await {
        assert!(status.success(), "{name} ended with {status}");
        let log = processes.log(name);
        logged += log.len();
        let matching: Vec<&str> = log
            .lines()
            .filter(|line| personal_data.is_in(line.as_bytes()))
            .take(3)
            .collect();
        assert_eq!(matching, Vec::<&str>::new(), "{name}");
        detailed += log
            .lines()
            .filter(|line| {
                [r#""level":"DEBUG""#, r#""level":"TRACE""#]
                    .iter()
                    .any(|level| line.contains(level))
            })
            .count();
        assert!(
            log.contains(r#""level":"INFO""#),
            "{name} logs nothing at `info`"
        );
    }
    assert!(detailed > 0, "the level is not `trace`");
    (logged, detailed)
}

/// Staff still see that the data existed, but not whose it was.
async fn check_remaining_data(world: &World, created: &Created) {
    for consultation in &created.consultations {
        let shown = world
            .client
            .get(
                &path("consultations", *consultation, ""),
                &world.staff.session,
            )
            .await
            .unwrap();
        assert_eq!(
            shown["step"], "cancelled",
            "an open consultation is cancelled"
        );
        let erased = ["phone", "customerName", "reason"].map(|field| shown[field].clone());
        assert_eq!(
            (erased, &shown["memo"]),
            ([Value::Null, Value::Null, Value::Null], &json!(""))
        );
        assert!(!shown["erasedAt"].is_null());
    }
    for interest in &created.interests {
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

/// The same number signs in again, as a new customer without data, who can be erased again.
async fn check_returning_customer(world: &World, old: &Created) {
    let client = &world.client;
    let session = world.sign_in().await;
    let me = client.get("/api/auth/me", &session).await.unwrap();
    assert_eq!(
        me["id"],
        json!(world.customer),
        "the id is derived from the number"
    );
    for list in LISTS {
        assert_eq!(
            client.get(list, &session).await.unwrap()["items"],
            json!([]),
            "{list}"
        );
    }
    // Customers cannot read any match.
    for path in old
        .paths()
        .iter()
        .filter(|path| !path.contains("salesman-matches"))
    {
        assert!(is_not_found(client, path, &session).await, "{path}");
    }
    assert!(
        is_not_found(
            client,
            &path("salesmen", world.salesman.id, "/card"),
            &session
        )
        .await,
        "the customer has no salesman yet"
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

    // The same project and idempotency keys create new data.
    let new = world.create_pair(&session, NAME, 0, MEMO).await;
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
    world.erase(&session).await;
}
