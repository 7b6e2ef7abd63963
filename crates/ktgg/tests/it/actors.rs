//! Two of each role, in two groups with their data. A member of one group must not see data of the
//! other.

use std::time::Duration;

use gateway::invite_staff;
use hyper::{Method, StatusCode};
use ktgg::client::{Client, Response, Stream, StreamEvent};
use ktgg::demo::PASSWORD;
use ktgg::host::{self, Installation};
use ktgg::keys::Keys;
use serde_json::{Value, json};
use service_kit::auth::{Identity, Role};
use service_kit::forms::phone::Phone;
use uuid::Uuid;

use crate::system::{self, TIMEOUT, TestSystem, eventually};

/// A member of staff, a salesman or a consultant.
#[derive(Debug, Clone)]
pub(crate) struct Colleague {
    pub(crate) role: Role,
    /// The id in events and views: of the salesman, or of the account for staff.
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

/// Invites and signs in the first member of staff, as `ktgg accounts add` does.
pub(crate) async fn invite_first_staff(
    installation: &Installation,
    keys: &Keys,
    name: &'static str,
    login: &str,
) -> Colleague {
    let db = host::gateway_db(installation, keys).unwrap();
    let invited = eventually("the first account is created", async || {
        invite_staff(&db, &host::origin(installation.port), login, name)
            .await
            .ok()
    })
    .await;
    let client = installation.client();
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

/// Registers, invites and signs in a salesman or consultant, and waits until they can be matched.
pub(crate) async fn register_colleague(
    client: &Client,
    staff: &str,
    role: Role,
    name: &'static str,
    phone: &str,
    login: &str,
) -> Colleague {
    let body = json!({ "name": name, "phone": phone, "role": role.as_str(), "capacity": 100 });
    let id = id(&client.post("/api/salesmen", staff, &body).await.unwrap());
    system::wait_until_on_roster(client, staff, [&id]).await;
    let (account, session) = invite(
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

async fn invite(client: &Client, staff: &str, body: &Value, login: &str) -> (Uuid, String) {
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

/// A customer, their salesman and consultant, and their data.
#[derive(Debug, Clone)]
pub(crate) struct Group {
    pub(crate) customer: Uuid,
    pub(crate) name: &'static str,
    pub(crate) phone: Phone,
    pub(crate) memo: &'static str,
    pub(crate) why: &'static str,
    /// Of the salesman and of the consultant.
    pub(crate) notes: [&'static str; 2],
    pub(crate) session: String,
    pub(crate) salesman: Colleague,
    pub(crate) consultant: Colleague,
    /// The first was entered by the customer, the second by staff on their behalf.
    pub(crate) interests: Vec<Uuid>,
    /// Two, about two projects, both in the step `apply`.
    pub(crate) consultations: Vec<Uuid>,
    pub(crate) matches: Vec<Uuid>,
    /// The ids of notifications.
    pub(crate) customer_notifications: Vec<Uuid>,
    pub(crate) salesman_notifications: Vec<Uuid>,
    pub(crate) consultant_notifications: Vec<Uuid>,
}

impl Group {
    pub(crate) fn identity(&self) -> Identity {
        Identity {
            role: Role::Customer,
            subject: self.customer,
            phone: Some(self.phone.clone()),
        }
    }
}

/// The two groups, staff, and what belongs to neither group.
pub(crate) struct Actors {
    pub(crate) staff: [Colleague; 2],
    pub(crate) groups: [Group; 2],
    /// Ongoing, planned and planned. The interests are in the first and the third.
    pub(crate) projects: Vec<Value>,
    /// A planned import.
    pub(crate) import: Uuid,
    /// Invited, without a password yet.
    pub(crate) account: Uuid,
}

/// The texts of one group, each of which occurs nowhere else.
struct GroupTexts {
    name: &'static str,
    phone: &'static str,
    memo: &'static str,
    why: &'static str,
    /// The names of the salesman and the consultant.
    colleagues: [&'static str; 2],
    notes: [&'static str; 2],
}

/// The last digits of the numbers select different salesmen.
const GROUPS: [GroupTexts; 2] = [
    GroupTexts {
        name: "고객하나",
        phone: "010-3141-5926",
        memo: "하나의 메모: 오징어",
        why: "why-of-hana",
        colleagues: ["김영업하나", "박상담하나"],
        notes: ["하나 영업 노트", "하나 상담 노트"],
    },
    GroupTexts {
        name: "손님둘",
        phone: "010-2718-2845",
        memo: "둘의 메모: 문어",
        why: "why-of-dul",
        colleagues: ["이영업둘", "최상담둘"],
        notes: ["둘 영업 노트", "둘 상담 노트"],
    },
];

const IMPORTED: &str = "번호,분야,사업명,신청시작일자,신청종료일자,소관기관,수행기관,등록일자,상세URL\n\
    1,기술,2026년 들여올 사업,2026-01-02,2026-12-31,가상부,가상원,2026-01-02,\
    https://www.bizinfo.go.kr/x?pblancId=PBLN_1\n";

impl Actors {
    /// Creates two members of staff, two salesmen and two consultants.
    pub(crate) async fn create_colleagues(system: &TestSystem) -> (Vec<Colleague>, Vec<Colleague>) {
        let client = &system.client;
        let first =
            invite_first_staff(&system.installation, &system.keys, "관리하나", "staff.hana").await;
        let body = json!({ "role": "staff", "name": "관리둘", "login": "staff.dul" });
        let (account, session) = invite(client, &first.session, &body, "staff.dul").await;
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
            for (group, texts) in GROUPS.iter().enumerate() {
                let (phone, login) = (
                    format!("010-9300-{number}{group}00"),
                    format!("{}.{group}", role.as_str()),
                );
                people.push(
                    register_colleague(
                        client,
                        &first.session,
                        role,
                        texts.colleagues[number],
                        &phone,
                        &login,
                    )
                    .await,
                );
            }
        }
        (vec![first, second], people)
    }

    /// Creates the data of both groups.
    pub(crate) async fn seed(
        system: &TestSystem,
        staff: Vec<Colleague>,
        people: Vec<Colleague>,
        customers: [String; 2],
    ) -> Self {
        let (client, by_staff) = (&system.client, staff[0].session.clone());
        let mut projects = Vec::new();
        for name in [
            "2026년 가상 스마트상점",
            "2026년 가상 수출바우처",
            "2026년 가상 창업패키지",
        ] {
            projects.push(create_project(client, &by_staff, name).await);
        }
        let mut groups = Vec::new();
        for (number, texts) in GROUPS.into_iter().enumerate() {
            let colleagues = [&people[number], &people[number + 2]];
            let session = customers[number].clone();
            let mut group =
                create_group(system, &by_staff, texts, colleagues, session, &projects).await;
            match_by_hand(client, &by_staff, &mut group).await;
            groups.push(group);
        }
        let mut groups = <[Group; 2]>::try_from(groups).unwrap();
        write(
            client,
            &path("projects", id(&projects[0]), "/start"),
            &by_staff,
            Method::POST,
            &json!({}),
        )
        .await;
        let moved = json!({ "period": { "startsOn": "2026-11-02", "endsOn": "2026-12-11" } });
        projects[0] = write(
            client,
            &path("projects", id(&projects[0]), ""),
            &by_staff,
            Method::PATCH,
            &moved,
        )
        .await;
        for group in &mut groups {
            add_activity(client, group).await;
        }
        let uploaded = client
            .upload(
                "/api/projects/imports?name=routes.csv",
                &by_staff,
                IMPORTED.as_bytes().to_vec(),
            )
            .await
            .unwrap();
        let import = id(&uploaded.ok().unwrap());
        eventually("the import is planned", async || {
            let view = client
                .get(&path("projects/imports", import, ""), &by_staff)
                .await
                .unwrap();
            (view["state"] == "planned").then_some(())
        })
        .await;
        let body = json!({ "role": "staff", "name": "관리셋", "login": "staff.set" });
        let invited = client
            .post("/api/accounts/invitations", &by_staff, &body)
            .await
            .unwrap();
        let account = invited["accountId"].as_str().unwrap().parse().unwrap();
        let staff = <[Colleague; 2]>::try_from(staff).unwrap();
        Self {
            staff,
            groups,
            projects,
            import,
            account,
        }
    }
}

/// Creates the interests and consultations of a group, which are not matched by hand yet.
async fn create_group(
    system: &TestSystem,
    staff: &str,
    texts: GroupTexts,
    [salesman, consultant]: [&Colleague; 2],
    session: String,
    projects: &[Value],
) -> Group {
    let GroupTexts {
        name,
        phone,
        memo,
        why,
        notes,
        ..
    } = texts;
    let client = &system.client;
    let phone: Phone = phone.parse().unwrap();
    let own = json!({
        "projectId": projects[0]["id"], "projectName": projects[0]["name"], "customerName": name,
    });
    let on_behalf = json!({
        "projectId": projects[2]["id"], "customerName": name, "phone": phone.national(),
        "consent": true,
    });
    let mut interests = Vec::new();
    for (creator, body) in [(session.as_str(), own), (staff, on_behalf)] {
        let interest = client.post("/api/interests", creator, &body).await.unwrap();
        interests.push(id(&interest));
    }
    let mut consultations = Vec::new();
    for project in &projects[..2] {
        let body = json!({
            "projectId": project["id"], "projectName": project["name"],
            "desiredDate": "2099-12-31", "memo": memo, "customerName": name,
        });
        let consultation = client
            .post("/api/consultations", &session, &body)
            .await
            .unwrap();
        consultations.push(id(&consultation));
    }
    Group {
        customer: system.keys.customer(&phone).subject,
        name,
        phone,
        memo,
        why,
        notes,
        session,
        salesman: salesman.clone(),
        consultant: consultant.clone(),
        interests,
        consultations,
        matches: Vec::new(),
        customer_notifications: Vec::new(),
        salesman_notifications: Vec::new(),
        consultant_notifications: Vec::new(),
    }
}

/// Signs in both customers by one-time code.
pub(crate) async fn sign_in_customers(system: &TestSystem) -> [String; 2] {
    let mut sessions = Vec::new();
    for GroupTexts { phone, .. } in GROUPS {
        sessions.push(
            system
                .client
                .sign_in_by_phone(&system.installation.inbox(), &phone.parse().unwrap())
                .await
                .unwrap(),
        );
    }
    sessions.try_into().unwrap()
}

/// Matches the group's salesman and consultant with everything of its customer, as staff.
async fn match_by_hand(client: &Client, staff: &str, group: &mut Group) {
    let interests = group.interests.iter().map(|id| ("interests", *id));
    let origins: Vec<_> = interests
        .chain(group.consultations.iter().map(|id| ("consultations", *id)))
        .collect();
    for (what, origin) in origins {
        let query = format!("/api/salesman-matches?origin={origin}");
        let matched = eventually("the origin is matched", async || {
            let list = client.get(&query, staff).await.unwrap();
            Some(list["items"][0].clone())
                .filter(|item| !item["salesman"].is_null() && !item["consultant"].is_null())
        })
        .await;
        let people =
            json!({ "salesmanId": group.salesman.id, "consultantId": group.consultant.id });
        let matched = write(
            client,
            &path("salesman-matches", id(&matched), ""),
            staff,
            Method::PATCH,
            &people,
        )
        .await;
        group.matches.push(id(&matched));
        eventually("the origin has its new people", async || {
            let shown = client
                .get(&path(what, origin, ""), &group.session)
                .await
                .unwrap();
            let is_matched = shown["salesman"]["id"] == json!(group.salesman.id)
                && shown["consultant"]["id"] == json!(group.consultant.id);
            is_matched.then_some(())
        })
        .await;
    }
}

/// Adds notes and disclosures, and collects the notifications of the group.
async fn add_activity(client: &Client, group: &mut Group) {
    let consultation = group.consultations[0];
    for (writer, text) in [&group.salesman, &group.consultant]
        .into_iter()
        .zip(group.notes)
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
    let why = json!({ "why": group.why });
    for (path, viewer) in [
        (
            path("consultations", consultation, "/phone"),
            &group.salesman,
        ),
        (
            path("interests", group.interests[0], "/phone"),
            &group.consultant,
        ),
    ] {
        client.post(&path, &viewer.session, &why).await.unwrap();
    }
    let notifications = async |list: &str, session: &str, count: usize| {
        eventually("notifications arrive", async || {
            let list = client.get(list, session).await.unwrap();
            let ids: Vec<Uuid> = list["items"].as_array().unwrap().iter().map(id).collect();
            (ids.len() >= count).then_some(ids)
        })
        .await
    };
    group.customer_notifications =
        notifications("/api/interests/notifications", &group.session, 2).await;
    group.salesman_notifications =
        notifications("/api/salesmen/me/notifications", &group.salesman.session, 4).await;
    group.consultant_notifications = notifications(
        "/api/salesmen/me/notifications",
        &group.consultant.session,
        4,
    )
    .await;
}

/// Creates a project, as staff.
pub(crate) async fn create_project(client: &Client, staff: &str, name: &str) -> Value {
    let body = json!({
        "name": name, "year": 2026, "category": "기술", "agency": "가상부", "regions": ["서울"],
    });
    client.post("/api/projects", staff, &body).await.unwrap()
}

/// The id of a view.
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

/// A write with `If-Match: *` that must succeed.
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

/// `GET` with any status.
pub(crate) async fn try_get(client: &Client, path: &str, session: &str) -> Response {
    client
        .call(Method::GET, path, session, &[], None)
        .await
        .unwrap()
}

/// `GET` with `Ktgg-After`, and with any status.
pub(crate) async fn get_after(client: &Client, path: &str, session: &str, after: &str) -> Response {
    client
        .call(Method::GET, path, session, &[("ktgg-after", after)], None)
        .await
        .unwrap()
}

/// Whether a `GET` answers with 404.
pub(crate) async fn is_not_found(client: &Client, path: &str, session: &str) -> bool {
    try_get(client, path, session).await.status == StatusCode::NOT_FOUND
}

/// Reads a stream to its end. Returns the duration.
pub(crate) async fn read_to_end(stream: &mut Stream) -> Duration {
    let started = std::time::Instant::now();
    // A broken connection counts as an end.
    let rest = async { while let Ok(Some(_)) = stream.next().await {} };
    tokio::time::timeout(TIMEOUT, rest)
        .await
        .expect("the stream ends");
    started.elapsed()
}

/// The next event of this type.
pub(crate) async fn next_event(stream: &mut Stream, event: &str) -> StreamEvent {
    let next = async {
        loop {
            let next = stream.next().await.unwrap().expect("the stream ended");
            if next.event == event {
                return next;
            }
        }
    };
    tokio::time::timeout(TIMEOUT, next)
        .await
        .unwrap_or_else(|_| panic!("no {event} on the stream"))
}
