//! People, programmes and what they have to do with each other, to try things on: loaded once, through the same doors that everybody uses.
//! The first member of staff is made as on the command line, whoever else has a login is invited by staff, customers read their codes in the
//! inbox.
//!
//! Every name, number and address is made up, and the password is for this machine alone: nothing but a sandbox on loopback is ever loaded.
//! What is there already is recognised by what it is, so that a start that was broken off goes on where it stopped; once all is there a note
//! in the data folder says so, and whatever is done to it since is left alone.

mod programmes;

use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use chrono::{Datelike as _, NaiveDate, TimeDelta};
use gateway::api::accounts::invite_staff;
use hyper::{Method, StatusCode};
use serde_json::{Value, json};
use service_kit::Clock as _;
use service_kit::auth::Role;
use service_kit::clock::{SystemClock, seoul_date};

use crate::client::{Client, Inbox};
use crate::host::{self, Place};
use crate::keys::Keys;

/// The password of every login of the demo. Anybody can read it here, so it is good for a sandbox on loopback and for nothing else.
pub const PASSWORD: &str = "jangteo-gukbap-46";

/// The first member of staff: login and name.
pub const STAFF: (&str, &str) = ("staff", "관리자");

/// Salesmen: login, name, regions, categories.
const SALESMEN: [(&str, &str, &[&str], &[&str]); 12] = [
    ("haneul", "김하늘", &["서울", "경기"], &["기술", "수출"]),
    (
        "bada",
        "이바다",
        &["부산", "울산", "경남"],
        &["금융", "경영"],
    ),
    (
        "namu",
        "박나무",
        &["대전", "세종", "충남"],
        &["창업", "인력"],
    ),
    ("gureum", "최구름", &["전국"], &["내수", "기타"]),
    ("byeolnim", "정별님", &["인천", "경기"], &["금융", "기술"]),
    ("noeul", "강노을", &["대구", "경북"], &["수출", "경영"]),
    (
        "iseul",
        "조이슬",
        &["광주", "전남", "전북"],
        &["창업", "내수"],
    ),
    ("saebyeok", "윤새벽", &["강원", "충북"], &["인력", "기타"]),
    ("mireu", "장미르", &["서울"], &["금융", "창업"]),
    ("garam", "임가람", &["제주", "전남"], &["내수", "수출"]),
    ("bora", "한보라", &["경기"], &["기술", "경영"]),
    ("solgil", "오솔길", &["전국"], &["금융", "인력"]),
];

/// Consultants: login, name, categories.
const CONSULTANTS: [(&str, &str, &[&str]); 3] = [
    ("gangsan", "정강산", &["기술", "금융"]),
    ("deulpan", "한들판", &["창업", "수출"]),
    ("yeoul", "서여울", &["경영", "인력"]),
];

/// How many matches a salesman of the demo can hold at once, and a consultant.
const CAPACITY: [u32; 2] = [20, 60];

/// Where a customer's consultation stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stands {
    /// He has not asked for one.
    Nowhere,
    /// 신청.
    Applied,
    /// 승인.
    Approved,
    /// 성공.
    Succeeded,
    /// 실패.
    Failed,
    /// 취소.
    Cancelled,
}

/// Customers: name, number, how many programmes he marked, where his consultation stands.
const CUSTOMERS: [(&str, &str, usize, Stands); 9] = [
    ("고객 하나", "010-1234-5678", 3, Stands::Applied),
    ("고객 둘", "010-8765-4321", 2, Stands::Approved),
    ("고객 셋", "010-2222-3333", 1, Stands::Succeeded),
    ("고객 넷", "010-3333-4444", 2, Stands::Failed),
    ("고객 다섯", "010-4444-5555", 1, Stands::Cancelled),
    ("고객 여섯", "010-5555-6666", 4, Stands::Nowhere),
    ("고객 일곱", "010-6666-7777", 0, Stands::Applied),
    ("고객 여덟", "010-7777-8888", 1, Stands::Succeeded),
    ("고객 아홉", "010-8888-9999", 2, Stands::Applied),
];

/// A customer whom a salesman brought in on a visit.
const BROUGHT_IN: (&str, &str) = ("고객 열", "010-9999-1111");

/// Programmes that staff entered themselves: what, from and until how many days from today, and what staff did with each.
const BY_HAND: [(&str, i64, i64, &[&str]); 3] = [
    // 마감: its last day has passed, and nobody has ended it yet.
    ("동네가게 간판 개선 지원사업", -40, -2, &["start"]),
    // 종료: next year's edition follows from it by itself.
    ("소상공인 안심보증 지원사업", -60, -20, &["start", "end"]),
    // 예정.
    ("전통시장 주차환경 개선 지원사업", 30, 60, &[]),
];

/// The name under which the demo's programmes are imported.
const IMPORT: &str = "demo.jsonl";

/// How long matching, planning and committing may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// How often it is looked at meanwhile.
const LOOK: Duration = Duration::from_millis(20);

/// Somebody to try things as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Person {
    /// What they are called.
    pub name: &'static str,
    /// What they are.
    pub role: Role,
    /// How they sign in: a customer's number, to which the code goes; anybody else's login, whose password is [`PASSWORD`].
    pub who: &'static str,
}

/// Who is there to try things as.
pub fn people() -> Vec<Person> {
    let (login, name) = STAFF;
    let mut people = vec![Person {
        name,
        role: Role::Staff,
        who: login,
    }];
    people.extend(CUSTOMERS.map(|(name, who, ..)| Person {
        name,
        role: Role::Customer,
        who,
    }));
    people.extend(SALESMEN.map(|(who, name, ..)| Person {
        name,
        role: Role::Salesman,
        who,
    }));
    people.extend(CONSULTANTS.map(|(who, name, ..)| Person {
        name,
        role: Role::Consultant,
        who,
    }));
    people
}

/// The note in the data folder that everybody of the demo can sign in. One of its own: what was loaded before there was a sign-in has
/// everything else.
const INVITED: &str = "demo-invited";

/// The note in the data folder that the demo was loaded whole.
const LOADED: &str = "demo-loaded";

/// Loads the demo unless it was loaded into this data folder before.
///
/// # Errors
/// When the gateway or the inbox refuses, or a note cannot be written.
pub async fn load(place: &Place, keys: &Keys) -> Result<()> {
    let (invited, loaded) = (place.data.join(INVITED), place.data.join(LOADED));
    if invited.exists() && loaded.exists() {
        return Ok(());
    }
    let client = place.client();
    let staff = staff(place, keys, &client)
        .await
        .context("cannot sign the first member of staff in")?;
    let mut demo = Demo {
        client,
        inbox: place.inbox(),
        staff,
        customers: HashMap::new(),
        today: seoul_date(SystemClock.now()),
    };
    if !loaded.exists() {
        demo.register().await?;
    }
    if !invited.exists() {
        demo.invite().await?;
        note(&invited, demo.today)?;
    }
    if !loaded.exists() {
        demo.programmes().await?;
        demo.customers().await?;
        note(&loaded, demo.today)?;
    }
    Ok(())
}

fn note(path: &Path, today: NaiveDate) -> Result<()> {
    std::fs::write(path, format!("{today}\n"))
        .with_context(|| format!("cannot write {}", path.display()))
}

/// The session of the first member of staff, whose account is made if nobody signs in with it yet.
async fn staff(place: &Place, keys: &Keys, client: &Client) -> Result<String> {
    let (login, name) = STAFF;
    if let Some(session) = client.try_sign_in(login, PASSWORD).await? {
        // From a start that was broken off.
        return Ok(session);
    }
    let invited = invite_staff(
        &host::gateway_db(place, keys)?,
        &host::origin(place.port),
        login,
        name,
    )
    .await?;
    client.set_password(&invited.link, PASSWORD).await?;
    client.sign_in(login, PASSWORD).await
}

struct Demo {
    client: Client,
    inbox: Inbox,
    /// The session of a member of staff.
    staff: String,
    /// The sessions of the customers who have signed in, by their numbers.
    customers: HashMap<&'static str, String>,
    today: NaiveDate,
}

impl Demo {
    async fn registered(&self) -> Result<Vec<Value>> {
        items(
            self.client
                .get("/api/salesmen?limit=100", &self.staff)
                .await?,
        )
    }

    /// Everybody of the salesman service.
    async fn register(&self) -> Result<()> {
        let salesmen = SALESMEN.iter().enumerate().map(|(number, (_, name, regions, categories))| {
            json!({ "name": name, "phone": format!("010-9000-{:04}", number + 1), "regions": regions, "categories": categories,
                    "capacity": CAPACITY[0] })
        });
        let consultants = CONSULTANTS.iter().enumerate().map(|(number, (_, name, categories))| {
            json!({ "name": name, "phone": format!("010-9000-{:04}", number + 101), "regions": ["전국"], "categories": categories,
                    "role": "consultant", "capacity": CAPACITY[1] })
        });
        for person in salesmen.chain(consultants) {
            let answer = self
                .client
                .call(
                    Method::POST,
                    "/api/salesmen",
                    &self.staff,
                    &[],
                    Some(&person),
                )
                .await?;
            // Somebody has that number already: he, from a start that was broken off.
            if answer.status != StatusCode::CONFLICT {
                answer
                    .ok()
                    .with_context(|| format!("cannot register {}", person["name"]))?;
            }
        }
        Ok(())
    }

    /// Gives everybody of the salesman service a login.
    async fn invite(&self) -> Result<()> {
        let registered = self.registered().await?;
        let logins = SALESMEN.iter().map(|(login, name, ..)| (login, name));
        for (login, name) in logins.chain(CONSULTANTS.iter().map(|(login, name, _)| (login, name)))
        {
            // Whoever has been renamed or left since is let be.
            let Some(person) = registered
                .iter()
                .find(|it| it["name"] == *name && it["active"] == true)
            else {
                continue;
            };
            self.invite_one(login, text(person, "id"))
                .await
                .with_context(|| format!("cannot invite {login}"))?;
        }
        Ok(())
    }

    /// Somebody who has the login from a start that was broken off gets another link, and the same password.
    async fn invite_one(&self, login: &str, person: &str) -> Result<()> {
        let body = json!({ "salesmanId": person, "login": login });
        let invited = self
            .client
            .post("/api/accounts/invitations", &self.staff, &body)
            .await?;
        self.client
            .set_password(text(&invited, "link"), PASSWORD)
            .await
    }

    /// Imports the programmes, the way staff do.
    async fn programmes(&self) -> Result<()> {
        let imports = items(
            self.client
                .get("/api/projects/imports?limit=100", &self.staff)
                .await?,
        )?;
        let known = imports.into_iter().find(|it| it["name"] == IMPORT);
        let mut import = if let Some(import) = known {
            import
        } else {
            self.enter_by_hand().await?;
            let lines: Vec<String> = programmes::around(self.today)
                .iter()
                .map(Value::to_string)
                .collect();
            let path = format!("/api/projects/imports?name={IMPORT}");
            self.client
                .upload(&path, &self.staff, lines.join("\n").into_bytes())
                .await?
                .ok()
                .context("cannot import the programmes")?
        };
        let path = format!("/api/projects/imports/{}", text(&import, "id"));
        let committing = async {
            loop {
                match import["state"].as_str() {
                    Some("committed") => return Ok(()),
                    Some("planned") => {
                        let headers = [("if-match", "*"), ("idempotency-key", "demo")];
                        let body = json!({ "confirm": "all" });
                        let commit = format!("{path}/commit");
                        self.client
                            .call(Method::POST, &commit, &self.staff, &headers, Some(&body))
                            .await?
                            .ok()?;
                    }
                    Some(_) => tokio::time::sleep(LOOK).await,
                    None => bail!("an import without a state: {import}"),
                }
                import = self.client.get(&path, &self.staff).await?;
            }
        };
        tokio::time::timeout(PATIENCE, committing)
            .await
            .context("the programmes were not imported in time")?
    }

    /// What staff entered themselves, and moved.
    async fn enter_by_hand(&self) -> Result<()> {
        let day = |offset: i64| self.today + TimeDelta::days(offset);
        for (name, from, until, steps) in BY_HAND {
            let year = self.today.year();
            let name = format!("{year}년 {name}");
            let body = json!({
                "name": name, "year": year, "category": "경영", "agency": "가상중소기업부", "target": "소상공인",
                "period": { "startsOn": day(from), "endsOn": day(until) },
            });
            let there = items(
                self.client
                    .get(
                        "/api/projects?sort=name&limit=100&category=%EA%B2%BD%EC%98%81",
                        &self.staff,
                    )
                    .await?,
            )?;
            let project = match there.into_iter().find(|it| it["name"] == name.as_str()) {
                Some(project) => project,
                None => {
                    self.client
                        .post("/api/projects", &self.staff, &body)
                        .await?
                }
            };
            for step in steps {
                let path = format!("/api/projects/{}/{step}", text(&project, "id"));
                let answer = self
                    .client
                    .call(
                        Method::POST,
                        &path,
                        &self.staff,
                        &[("if-match", "*")],
                        Some(&json!({})),
                    )
                    .await?;
                // It was moved already, in a start that was broken off.
                if answer.status != StatusCode::CONFLICT {
                    answer
                        .ok()
                        .with_context(|| format!("cannot {step} {name}"))?;
                }
            }
        }
        Ok(())
    }

    /// What customers did, and what became of it.
    async fn customers(&mut self) -> Result<()> {
        let open = items(
            self.client
                .get(
                    "/api/projects?phase=open&limit=50&sort=deadline",
                    &self.staff,
                )
                .await?,
        )?;
        anyhow::ensure!(!open.is_empty(), "no programme of the demo is open");
        for (number, (name, phone, marks, stands)) in CUSTOMERS.into_iter().enumerate() {
            let customer = self.customer(phone).await?;
            for project in open.iter().cycle().skip(number * 3).take(marks) {
                let body = json!({ "projectId": project["id"], "projectName": project["name"], "customerName": name });
                self.client.post("/api/interests", &customer, &body).await?;
            }
            if stands != Stands::Nowhere {
                let project = &open[number % open.len()];
                self.consult(&customer, name, project, number, stands)
                    .await
                    .with_context(|| format!("{name}: {stands:?}"))?;
            }
        }
        // One who changed his mind, and one whom a salesman met.
        let (_, phone, ..) = CUSTOMERS[5];
        let customer = self.customer(phone).await?;
        if let Some(interest) = items(self.client.get("/api/interests", &customer).await?)?.first()
        {
            let path = format!("/api/interests/{}", text(interest, "id"));
            let body = json!({ "interested": false });
            self.client
                .call(
                    Method::PATCH,
                    &path,
                    &customer,
                    &[("if-match", "*")],
                    Some(&body),
                )
                .await?
                .ok()?;
        }
        let salesman = self
            .client
            .sign_in(SALESMEN[0].0, PASSWORD)
            .await
            .context("a salesman cannot sign in")?;
        let (name, phone) = BROUGHT_IN;
        let body = json!({
            "projectId": open[0]["id"], "projectName": open[0]["name"], "phone": phone, "customerName": name, "consent": true,
        });
        self.client.post("/api/interests", &salesman, &body).await?;
        Ok(())
    }

    /// His consultation, moved to where it shall stand.
    async fn consult(
        &self,
        customer: &str,
        name: &str,
        project: &Value,
        number: usize,
        stands: Stands,
    ) -> Result<()> {
        let desired = self.today + TimeDelta::days(2 + i64::try_from(number)?);
        let body = json!({
            "projectId": project["id"], "projectName": project["name"], "customerName": name, "desiredDate": desired,
            "memo": "오전에 연락 부탁드립니다.",
        });
        let his = items(
            self.client
                .get("/api/consultations?limit=1", customer)
                .await?,
        )?;
        let consultation = match his.into_iter().next() {
            Some(his) => his,
            None => {
                self.client
                    .post("/api/consultations", customer, &body)
                    .await?
            }
        };
        let path = format!("/api/consultations/{}", text(&consultation, "id"));
        let matched = async {
            loop {
                let now = self.client.get(&path, &self.staff).await?;
                if !now["salesman"].is_null() {
                    return anyhow::Ok(());
                }
                tokio::time::sleep(LOOK).await;
            }
        };
        tokio::time::timeout(PATIENCE, matched)
            .await
            .context("nobody was matched in time")??;
        let steps: &[(&str, Option<&str>)] = match stands {
            Stands::Nowhere | Stands::Applied => &[],
            Stands::Approved => &[("approved", None)],
            Stands::Succeeded => &[("approved", None), ("succeeded", None)],
            Stands::Failed => &[
                ("approved", None),
                ("failed", Some("자격 요건이 맞지 않았습니다")),
            ],
            Stands::Cancelled => &[("cancelled", Some("일정이 바뀌었습니다"))],
        };
        for (step, reason) in steps {
            let body = json!({ "step": step, "reason": reason });
            let path = format!("{path}/progress");
            let answer = self
                .client
                .call(
                    Method::POST,
                    &path,
                    &self.staff,
                    &[("if-match", "*")],
                    Some(&body),
                )
                .await?;
            // It went that way already, in a start that was broken off.
            if answer.status != StatusCode::CONFLICT {
                answer.ok()?;
            }
        }
        Ok(())
    }

    /// The customer's session, who signs in when he is needed first.
    async fn customer(&mut self, phone: &'static str) -> Result<String> {
        if let Some(session) = self.customers.get(phone) {
            return Ok(session.clone());
        }
        let number = phone.parse().map_err(anyhow::Error::msg)?;
        let session = self
            .client
            .sign_in_by_phone(&self.inbox, &number)
            .await
            .context("a customer cannot sign in")?;
        self.customers.insert(phone, session.clone());
        Ok(session)
    }
}

/// The rows of a list.
fn items(mut list: Value) -> Result<Vec<Value>> {
    match list["items"].take() {
        Value::Array(items) => Ok(items),
        other => bail!("no list: {other}"),
    }
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn everybody_signs_in_as_somebody_else() {
        let people = people();
        let who: HashSet<&str> = people.iter().map(|person| person.who).collect();
        assert_eq!(who.len(), people.len());
        for role in Role::ALL {
            assert!(people.iter().any(|person| person.role == role), "{role:?}");
        }
    }
}
