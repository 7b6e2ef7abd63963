//! Two of everyone, and all that there is between them: what is of the one side is nothing to the other.

use std::sync::Arc;
use std::time::Duration;

use gateway::invite_staff;
use hyper::{Method, StatusCode};
use ktgg::client::{Client, Response, Stream, StreamEvent};
use ktgg::demo::PASSWORD;
use ktgg::host::{self, Installation};
use ktgg::inbox;
use ktgg::keys::Keys;
use serde_json::{Value, json};
use service_kit::auth::{Identity, Role};
use service_kit::clock::SystemClock;
use service_kit::forms::phone::Phone;
use service_kit::{tasks, testing};
use sqlx::PgPool;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::system::{self, PATIENCE, Scratch, Together, eventually};

/// The telephones of everybody: where codes arrive.
pub(crate) struct Telephones {
    stop: CancellationToken,
    running: JoinHandle<anyhow::Result<()>>,
}

impl Telephones {
    pub(crate) async fn of(place: &Installation, keys: &Keys) -> Self {
        let listener = inbox::listen(host::inbox_port(place.port)).await.unwrap();
        let stop = CancellationToken::new();
        let running = tasks::spawn(inbox::serve(
            listener,
            keys.sender.clone(),
            Arc::new(SystemClock),
            stop.clone(),
        ));
        Self { stop, running }
    }

    pub(crate) async fn stop(self) {
        self.stop.cancel();
        self.running.await.unwrap().unwrap();
    }
}

/// A whole system in this process, with telephones.
pub(crate) struct House {
    _scratch: Scratch,
    pub(crate) place: Installation,
    pub(crate) keys: Keys,
    pub(crate) client: Client,
    /// Every schema of its database.
    pub(crate) pool: PgPool,
    together: Together,
    telephones: Telephones,
}

impl House {
    pub(crate) async fn open(purpose: &str) -> Self {
        let scratch = Scratch::new(purpose);
        let place = system::shared_place(&scratch).await;
        let keys = Keys::of(&place.data).unwrap();
        let together = Together::start(&place, &keys).await;
        let telephones = Telephones::of(&place, &keys).await;
        let (client, pool) = (
            place.client(),
            testing::superuser_pool(&place.postgres).await,
        );
        Self {
            _scratch: scratch,
            place,
            keys,
            client,
            pool,
            together,
            telephones,
        }
    }

    pub(crate) async fn close(self) {
        self.together.stop().await;
        self.telephones.stop().await;
    }
}

/// Somebody with a login.
#[derive(Debug, Clone)]
pub(crate) struct Colleague {
    pub(crate) role: Role,
    /// By what others know him.
    pub(crate) id: Uuid,
    pub(crate) account: Uuid,
    pub(crate) name: &'static str,
    pub(crate) login: String,
    pub(crate) session: String,
}

impl Colleague {
    pub(crate) fn identity(&self) -> Identity {
        Identity {
            role: self.role,
            subject: self.id,
            phone: None,
        }
    }
}

/// The first member of staff, as the command line makes him.
pub(crate) async fn first_staff(
    place: &Installation,
    keys: &Keys,
    name: &'static str,
    login: &str,
) -> Colleague {
    let db = host::gateway_db(place, keys).unwrap();
    let invited = eventually("the first account is made", async || {
        invite_staff(&db, &host::origin(place.port), login, name)
            .await
            .ok()
    })
    .await;
    let client = place.client();
    client.set_password(&invited.link, PASSWORD).await.unwrap();
    let session = client.sign_in(login, PASSWORD).await.unwrap();
    Colleague {
        role: Role::Staff,
        id: invited.account_id,
        account: invited.account_id,
        name,
        login: login.to_owned(),
        session,
    }
}

/// Registers somebody, waits until he can be matched, invites him and signs him in.
pub(crate) async fn joins(
    client: &Client,
    staff: &str,
    role: Role,
    name: &'static str,
    phone: &str,
    login: &str,
) -> Colleague {
    let body = json!({ "name": name, "phone": phone, "role": role.as_str(), "capacity": 100 });
    let id = id(&client.post("/api/salesmen", staff, &body).await.unwrap());
    system::until_on_the_roster(client, staff, [&id]).await;
    let (account, session) = invited(
        client,
        staff,
        &json!({ "salesmanId": id, "login": login }),
        login,
    )
    .await;
    Colleague {
        role,
        id,
        account,
        name,
        login: login.to_owned(),
        session,
    }
}

async fn invited(client: &Client, staff: &str, body: &Value, login: &str) -> (Uuid, String) {
    let invited = client
        .post("/api/accounts/invitations", staff, body)
        .await
        .unwrap();
    client
        .set_password(invited["link"].as_str().unwrap(), PASSWORD)
        .await
        .unwrap();
    let session = client.sign_in(login, PASSWORD).await.unwrap();
    (
        invited["accountId"].as_str().unwrap().parse().unwrap(),
        session,
    )
}

/// A customer, and who is there for him.
#[derive(Debug, Clone)]
pub(crate) struct Side {
    pub(crate) customer: Uuid,
    pub(crate) name: &'static str,
    pub(crate) phone: Phone,
    pub(crate) memo: &'static str,
    pub(crate) why: &'static str,
    /// By the salesman and by the consultant.
    pub(crate) notes: [&'static str; 2],
    pub(crate) session: String,
    pub(crate) salesman: Colleague,
    pub(crate) consultant: Colleague,
    /// He marked one himself; staff another one for him.
    pub(crate) interests: Vec<Uuid>,
    /// Two, about two projects, neither of them moved yet.
    pub(crate) consultations: Vec<Uuid>,
    pub(crate) matches: Vec<Uuid>,
    /// What each of the three was told.
    pub(crate) told_customer: Vec<Uuid>,
    pub(crate) told_salesman: Vec<Uuid>,
    pub(crate) told_consultant: Vec<Uuid>,
}

impl Side {
    pub(crate) fn identity(&self) -> Identity {
        Identity {
            role: Role::Customer,
            subject: self.customer,
            phone: Some(self.phone.clone()),
        }
    }
}

/// Two of everyone.
pub(crate) struct Everybody {
    pub(crate) staff: [Colleague; 2],
    pub(crate) sides: [Side; 2],
    /// Running, planned, planned: the customers marked the first and the third.
    pub(crate) projects: Vec<Value>,
    /// Planned, and not carried out.
    pub(crate) import: Uuid,
    /// Of somebody who was invited, and has set no password.
    pub(crate) account: Uuid,
}

/// Who is on one side, by what can be searched for.
struct Words {
    name: &'static str,
    phone: &'static str,
    memo: &'static str,
    why: &'static str,
    /// The salesman's, and the consultant's.
    colleagues: [&'static str; 2],
    notes: [&'static str; 2],
}

/// The last digits lead to the first and to the second salesman.
const SIDES: [Words; 2] = [
    Words {
        name: "고객하나",
        phone: "010-3141-5926",
        memo: "하나의 메모: 오징어",
        why: "why-of-hana",
        colleagues: ["김영업하나", "박상담하나"],
        notes: ["하나 영업 노트", "하나 상담 노트"],
    },
    Words {
        name: "손님둘",
        phone: "010-2718-2845",
        memo: "둘의 메모: 문어",
        why: "why-of-dul",
        colleagues: ["이영업둘", "최상담둘"],
        notes: ["둘 영업 노트", "둘 상담 노트"],
    },
];

const IMPORTED: &str = "번호,분야,사업명,신청시작일자,신청종료일자,소관기관,수행기관,등록일자,상세URL\n\
    1,기술,2026년 들여올 사업,2026-01-02,2026-12-31,가상부,가상원,2026-01-02,https://www.bizinfo.go.kr/x?pblancId=PBLN_1\n";

impl Everybody {
    /// Registers, invites and signs in whoever works there: staff; the salesmen of both sides, and the consultants.
    pub(crate) async fn gather(house: &House) -> (Vec<Colleague>, Vec<Colleague>) {
        let client = &house.client;
        let first = first_staff(&house.place, &house.keys, "관리하나", "staff.hana").await;
        let body = json!({ "role": "staff", "name": "관리둘", "login": "staff.dul" });
        let (account, session) = invited(client, &first.session, &body, "staff.dul").await;
        let second = Colleague {
            role: Role::Staff,
            id: account,
            account,
            name: "관리둘",
            login: "staff.dul".to_owned(),
            session,
        };
        let mut people = Vec::new();
        for (number, role) in [(0, Role::Salesman), (1, Role::Consultant)] {
            for (side, words) in SIDES.iter().enumerate() {
                let (phone, login) = (
                    format!("010-9300-{number}{side}00"),
                    format!("{}.{side}", role.as_str()),
                );
                people.push(
                    joins(
                        client,
                        &first.session,
                        role,
                        words.colleagues[number],
                        &phone,
                        &login,
                    )
                    .await,
                );
            }
        }
        (vec![first, second], people)
    }

    /// What there is between them.
    pub(crate) async fn seed(
        house: &House,
        staff: Vec<Colleague>,
        people: Vec<Colleague>,
        customers: [String; 2],
    ) -> Self {
        let (client, by) = (&house.client, staff[0].session.clone());
        let mut projects = Vec::new();
        for name in [
            "2026년 가상 스마트상점",
            "2026년 가상 수출바우처",
            "2026년 가상 창업패키지",
        ] {
            projects.push(project(client, &by, name).await);
        }
        let mut sides = Vec::new();
        for (number, words) in SIDES.into_iter().enumerate() {
            let Words {
                name,
                phone,
                memo,
                why,
                notes,
                ..
            } = words;
            let phone: Phone = phone.parse().unwrap();
            let customer = house.keys.customer(&phone).subject;
            let (salesman, consultant) = (people[number].clone(), people[number + 2].clone());
            let session = customers[number].clone();
            let mark = json!({ "projectId": projects[0]["id"], "projectName": projects[0]["name"], "customerName": name });
            let mut interests = vec![id(&client
                .post("/api/interests", &session, &mark)
                .await
                .unwrap())];
            let mark = json!({ "projectId": projects[2]["id"], "customerName": name, "phone": phone.national(), "consent": true });
            interests.push(id(&client
                .post("/api/interests", &by, &mark)
                .await
                .unwrap()));
            let mut consultations = Vec::new();
            for project in &projects[..2] {
                let ask = json!({
                    "projectId": project["id"], "projectName": project["name"], "desiredDate": "2099-12-31", "memo": memo,
                    "customerName": name,
                });
                consultations.push(id(&client
                    .post("/api/consultations", &session, &ask)
                    .await
                    .unwrap()));
            }
            let mut side = Side {
                customer,
                name,
                phone,
                memo,
                why,
                notes,
                session,
                salesman,
                consultant,
                interests,
                consultations,
                matches: Vec::new(),
                told_customer: Vec::new(),
                told_salesman: Vec::new(),
                told_consultant: Vec::new(),
            };
            matched_by_hand(client, &by, &mut side).await;
            sides.push(side);
        }
        let [one, other] = <[Side; 2]>::try_from(sides).unwrap();
        let mut sides = [one, other];
        write(
            client,
            &path("projects", id(&projects[0]), "/start"),
            &by,
            Method::POST,
            &json!({}),
        )
        .await;
        let moved = json!({ "period": { "startsOn": "2026-11-02", "endsOn": "2026-12-11" } });
        projects[0] = write(
            client,
            &path("projects", id(&projects[0]), ""),
            &by,
            Method::PATCH,
            &moved,
        )
        .await;
        for side in &mut sides {
            work(client, side).await;
        }
        let uploaded = client
            .upload(
                "/api/projects/imports?name=walk.csv",
                &by,
                IMPORTED.as_bytes().to_vec(),
            )
            .await
            .unwrap();
        let import = id(&uploaded.ok().unwrap());
        eventually("the import is planned", async || {
            let it = client
                .get(&path("projects/imports", import, ""), &by)
                .await
                .unwrap();
            (it["state"] == "planned").then_some(())
        })
        .await;
        let body = json!({ "role": "staff", "name": "관리셋", "login": "staff.set" });
        let invited = client
            .post("/api/accounts/invitations", &by, &body)
            .await
            .unwrap();
        let account = invited["accountId"].as_str().unwrap().parse().unwrap();
        let staff = <[Colleague; 2]>::try_from(staff).unwrap();
        Self {
            staff,
            sides,
            projects,
            import,
            account,
        }
    }
}

/// Signs the customers of both sides in, by code.
pub(crate) async fn customers(house: &House) -> [String; 2] {
    let mut sessions = Vec::new();
    for Words { phone, .. } in SIDES {
        sessions.push(
            house
                .client
                .sign_in_by_phone(&house.place.inbox(), &phone.parse().unwrap())
                .await
                .unwrap(),
        );
    }
    sessions.try_into().unwrap()
}

/// Staff put the people of this side on all that is its customer's.
async fn matched_by_hand(client: &Client, staff: &str, side: &mut Side) {
    let things = side.interests.iter().map(|id| ("interests", *id));
    let things: Vec<_> = things
        .chain(side.consultations.iter().map(|id| ("consultations", *id)))
        .collect();
    for (what, origin) in things {
        let query = format!("/api/salesman-matches?origin={origin}");
        let it = eventually("it is matched", async || {
            let list = client.get(&query, staff).await.unwrap();
            Some(list["items"][0].clone())
                .filter(|it| !it["salesman"].is_null() && !it["consultant"].is_null())
        })
        .await;
        let people = json!({ "salesmanId": side.salesman.id, "consultantId": side.consultant.id });
        let it = write(
            client,
            &path("salesman-matches", id(&it), ""),
            staff,
            Method::PATCH,
            &people,
        )
        .await;
        side.matches.push(id(&it));
        eventually("they are on it", async || {
            let shown = client
                .get(&path(what, origin, ""), &side.session)
                .await
                .unwrap();
            let is_so = shown["salesman"]["id"] == json!(side.salesman.id)
                && shown["consultant"]["id"] == json!(side.consultant.id);
            is_so.then_some(())
        })
        .await;
    }
}

/// Those who are there for the customer write about him and call him, and all three are told of something.
async fn work(client: &Client, side: &mut Side) {
    let consultation = side.consultations[0];
    for (writer, text) in [&side.salesman, &side.consultant]
        .into_iter()
        .zip(side.notes)
    {
        let note = json!({ "text": text });
        client
            .post(
                &path("consultations", consultation, "/notes"),
                &writer.session,
                &note,
            )
            .await
            .unwrap();
    }
    let why = format!("/phone?why={}", side.why);
    client
        .get(
            &path("consultations", consultation, &why),
            &side.salesman.session,
        )
        .await
        .unwrap();
    client
        .get(
            &path("interests", side.interests[0], &why),
            &side.consultant.session,
        )
        .await
        .unwrap();
    let told = async |list: &str, session: &str, count: usize| {
        eventually("they are told", async || {
            let list = client.get(list, session).await.unwrap();
            let ids: Vec<Uuid> = list["items"].as_array().unwrap().iter().map(id).collect();
            (ids.len() >= count).then_some(ids)
        })
        .await
    };
    side.told_customer = told("/api/interests/notifications", &side.session, 2).await;
    side.told_salesman = told("/api/salesmen/me/notifications", &side.salesman.session, 4).await;
    side.told_consultant = told(
        "/api/salesmen/me/notifications",
        &side.consultant.session,
        4,
    )
    .await;
}

/// Staff enter a programme.
pub(crate) async fn project(client: &Client, staff: &str, name: &str) -> Value {
    let body = json!({ "name": name, "year": 2026, "category": "기술", "agency": "가상부", "regions": ["서울"] });
    client.post("/api/projects", staff, &body).await.unwrap()
}

/// The id of what is shown.
pub(crate) fn id(view: &Value) -> Uuid {
    view["id"]
        .as_str()
        .and_then(|id| id.parse().ok())
        .unwrap_or_else(|| panic!("no id: {view}"))
}

/// `/api/consultations/…/notes`.
pub(crate) fn path(what: &str, id: Uuid, rest: &str) -> String {
    format!("/api/{what}/{id}{rest}")
}

/// A write on an existing thing, whatever its version, that must succeed.
pub(crate) async fn write(
    client: &Client,
    path: &str,
    session: &str,
    method: Method,
    body: &Value,
) -> Value {
    client
        .call(method, path, session, &[("if-match", "*")], Some(body))
        .await
        .unwrap()
        .ok()
        .unwrap()
}

/// `GET`, whatever comes of it.
pub(crate) async fn look(client: &Client, path: &str, session: &str) -> Response {
    client
        .call(Method::GET, path, session, &[], None)
        .await
        .unwrap()
}

/// Whether it is as if there were no such thing.
pub(crate) async fn is_gone(client: &Client, path: &str, session: &str) -> bool {
    look(client, path, session).await.status == StatusCode::NOT_FOUND
}

/// Reads a stream to its end; how long that took.
pub(crate) async fn ended(stream: &mut Stream) -> Duration {
    let begun = std::time::Instant::now();
    // A connection that breaks has ended as well.
    let rest = async { while let Ok(Some(_)) = stream.next().await {} };
    tokio::time::timeout(PATIENCE, rest)
        .await
        .expect("the stream ends");
    begun.elapsed()
}

/// The next event of this kind.
pub(crate) async fn told(stream: &mut Stream, event: &str) -> StreamEvent {
    let next = async {
        loop {
            let told = stream.next().await.unwrap().expect("the stream goes on");
            if told.event == event {
                return told;
            }
        }
    };
    tokio::time::timeout(PATIENCE, next)
        .await
        .unwrap_or_else(|_| panic!("nobody was told of {event}"))
}
