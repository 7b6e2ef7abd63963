//! Demo data: people, programmes, interests and consultations, loaded once through the public API.
//!
//! The first member of staff gets an account as on the command line; staff invite the other people
//! with logins; customers read their codes in the inbox. Every name, number and address is made up,
//! and the password is public: the demo is loaded into a sandbox on loopback only.
//!
//! Existing items are recognised by their content, so that an interrupted load continues. A note in
//! the data folder says that the demo is complete; after that, nothing is loaded again.

mod people;
mod programmes;

use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use chrono::{Datelike as _, NaiveDate, TimeDelta};
use gateway::invite_staff;
use hyper::{Method, StatusCode};
use serde_json::{Value, json};
use service_kit::Clock as _;
use service_kit::clock::{SystemClock, seoul_date};

use crate::client::{Client, Inbox};
use crate::host::{self, Installation};
use crate::keys::Keys;

use people::{CONSULTANTS, CUSTOMERS, MET_ON_VISIT, Progress, SALESMEN};
pub use people::{Person, STAFF, people};

/// The password of every demo login. It is public, and for a sandbox on loopback only.
pub const PASSWORD: &str = "jangteo-gukbap-46";

/// Open matches that a demo salesman and a demo consultant may have.
const CAPACITY: [u32; 2] = [20, 60];

/// Programmes that staff enter by hand: name, first and last day from today, what staff do.
const BY_HAND: [(&str, i64, i64, &[&str]); 3] = [
    // 마감: the last day has passed, and staff have not ended it yet.
    ("동네가게 간판 개선 지원사업", -40, -2, &["start"]),
    // 종료: next year's edition follows.
    ("소상공인 안심보증 지원사업", -60, -20, &["start", "end"]),
    // 예정.
    ("전통시장 주차환경 개선 지원사업", 30, 60, &[]),
];

/// The name of the demo's import.
const IMPORT: &str = "demo.jsonl";

/// Bounds matching, and the import, which took over 30 s on a disk that others kept busy.
const TIMEOUT: Duration = Duration::from_mins(2);

const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// The note that every person can sign in. Data from before there was a sign-in lacks this one.
const INVITED: &str = "demo-invited";

/// The note that the demo is complete.
const LOADED: &str = "demo-loaded";

/// Loads the demo unless this data folder has it.
///
/// # Errors
/// When the gateway or the inbox refuses a request, or a note cannot be written.
pub async fn load(installation: &Installation, keys: &Keys) -> Result<()> {
    let (invited, loaded) = (
        installation.data.join(INVITED),
        installation.data.join(LOADED),
    );
    if invited.exists() && loaded.exists() {
        return Ok(());
    }
    let client = installation.client();
    let staff = staff_session(installation, keys, &client)
        .await
        .context("cannot sign the first member of staff in")?;
    let mut demo = Demo {
        client,
        inbox: installation.inbox(),
        staff,
        customers: HashMap::new(),
        today: seoul_date(SystemClock.now()),
    };
    if !loaded.exists() {
        demo.register_people().await?;
    }
    if !invited.exists() {
        demo.invite_people().await?;
        write_note(&invited, demo.today)?;
    }
    if !loaded.exists() {
        demo.import_programmes().await?;
        demo.act_as_customers().await?;
        write_note(&loaded, demo.today)?;
    }
    Ok(())
}

fn write_note(path: &Path, today: NaiveDate) -> Result<()> {
    std::fs::write(path, format!("{today}\n"))
        .with_context(|| format!("cannot write {}", path.display()))
}

/// The session of the first member of staff. Makes the account if there is none.
async fn staff_session(
    installation: &Installation,
    keys: &Keys,
    client: &Client,
) -> Result<String> {
    let (login, name) = STAFF;
    if let Some(session) = client.try_sign_in(login, PASSWORD).await? {
        return Ok(session);
    }
    let db = host::gateway_db(installation, keys)?;
    let invited = invite_staff(&db, &host::origin(installation.port), login, name).await?;
    client.set_password(&invited.link, PASSWORD).await?;
    client.sign_in(login, PASSWORD).await
}

struct Demo {
    client: Client,
    inbox: Inbox,
    /// The session of a member of staff.
    staff: String,
    /// Sessions of customers by phone number.
    customers: HashMap<&'static str, String>,
    today: NaiveDate,
}

impl Demo {
    async fn list(&self, path: &str, session: &str) -> Result<Vec<Value>> {
        match self.client.get(path, session).await?["items"].take() {
            Value::Array(items) => Ok(items),
            other => bail!("{path} is not a list: {other}"),
        }
    }

    /// Sends a write of staff. A conflict means that an interrupted load did it before.
    async fn ensure(&self, path: &str, body: &Value) -> Result<()> {
        let headers = [("if-match", "*")];
        let staff = &self.staff;
        let response = self
            .client
            .call(Method::POST, path, staff, &headers, Some(body))
            .await?;
        if response.status != StatusCode::CONFLICT {
            response.ok()?;
        }
        Ok(())
    }

    async fn register_people(&self) -> Result<()> {
        let list = |names: &str| json!(names.split(',').collect::<Vec<_>>());
        let salesmen = SALESMEN.iter().zip(1..).map(|((_, name, regions, categories), number)| {
            json!({
                "name": name, "phone": format!("010-9000-{number:04}"), "regions": list(regions),
                "categories": list(categories), "capacity": CAPACITY[0],
            })
        });
        let consultants = CONSULTANTS
            .iter()
            .zip(101..)
            .map(|((_, name, categories), number)| {
                json!({
                    "name": name, "phone": format!("010-9000-{number:04}"), "regions": ["전국"],
                    "categories": list(categories), "role": "consultant", "capacity": CAPACITY[1],
                })
            });
        for person in salesmen.chain(consultants) {
            self.ensure("/api/salesmen", &person)
                .await
                .with_context(|| format!("cannot register {}", person["name"]))?;
        }
        Ok(())
    }

    /// Gives every salesman and consultant a login, except those renamed or inactive by now.
    async fn invite_people(&self) -> Result<()> {
        let registered = self.list("/api/salesmen?limit=100", &self.staff).await?;
        let salesmen = SALESMEN.iter().map(|(login, name, ..)| (login, name));
        let consultants = CONSULTANTS.iter().map(|(login, name, _)| (login, name));
        for (login, name) in salesmen.chain(consultants) {
            let is_named = |person: &&Value| person["name"] == *name && person["active"] == true;
            let Some(person) = registered.iter().find(is_named) else {
                continue;
            };
            self.invite(login, text(person, "id"))
                .await
                .with_context(|| format!("cannot invite {login}"))?;
        }
        Ok(())
    }

    /// An existing login gets another link, and the same password.
    async fn invite(&self, login: &str, person: &str) -> Result<()> {
        let body = json!({ "salesmanId": person, "login": login });
        let invited = self
            .client
            .post("/api/accounts/invitations", &self.staff, &body)
            .await?;
        self.client
            .set_password(text(&invited, "link"), PASSWORD)
            .await
    }

    async fn import_programmes(&self) -> Result<()> {
        let imports = self
            .list("/api/projects/imports?limit=100", &self.staff)
            .await?;
        let existing = imports.into_iter().find(|import| import["name"] == IMPORT);
        let mut import = if let Some(import) = existing {
            import
        } else {
            self.enter_by_hand().await?;
            self.upload_programmes()
                .await
                .context("cannot import the programmes")?
        };
        let path = format!("/api/projects/imports/{}", text(&import, "id"));
        let committed = async {
            loop {
                match import["state"].as_str() {
                    Some("committed") => return Ok(()),
                    Some("planned") => {
                        let headers = [("if-match", "*"), ("idempotency-key", "demo")];
                        let body = json!({ "confirm": "all" });
                        let (commit, staff) = (format!("{path}/commit"), &self.staff);
                        self.client
                            .call(Method::POST, &commit, staff, &headers, Some(&body))
                            .await?
                            .ok()?;
                    }
                    Some(_) => tokio::time::sleep(POLL_INTERVAL).await,
                    None => bail!("an import without a state: {import}"),
                }
                import = self.client.get(&path, &self.staff).await?;
            }
        };
        tokio::time::timeout(TIMEOUT, committed)
            .await
            .context("the programmes were not imported in time")?
    }

    async fn upload_programmes(&self) -> Result<Value> {
        let lines: Vec<String> = programmes::around(self.today)?
            .iter()
            .map(Value::to_string)
            .collect();
        let path = format!("/api/projects/imports?name={IMPORT}");
        self.client
            .upload(&path, &self.staff, lines.join("\n").into_bytes())
            .await?
            .ok()
    }

    async fn enter_by_hand(&self) -> Result<()> {
        // category=경영
        const LIST: &str = "/api/projects?sort=name&limit=100&category=%EA%B2%BD%EC%98%81";
        let day = |offset: i64| self.today + TimeDelta::days(offset);
        for (name, from, until, steps) in BY_HAND {
            let year = self.today.year();
            let name = format!("{year}년 {name}");
            let existing = self.list(LIST, &self.staff).await?;
            let existing = existing
                .into_iter()
                .find(|project| project["name"] == *name);
            let project = if let Some(project) = existing {
                project
            } else {
                let body = json!({
                    "name": name, "year": year, "category": "경영",
                    "agency": "가상중소기업부", "target": "소상공인",
                    "period": { "startsOn": day(from), "endsOn": day(until) },
                });
                self.client
                    .post("/api/projects", &self.staff, &body)
                    .await?
            };
            for step in steps {
                let path = format!("/api/projects/{}/{step}", text(&project, "id"));
                self.ensure(&path, &json!({}))
                    .await
                    .with_context(|| format!("cannot {step} {name}"))?;
            }
        }
        Ok(())
    }

    async fn act_as_customers(&mut self) -> Result<()> {
        let open = "/api/projects?phase=open&limit=50&sort=deadline";
        let open = self.list(open, &self.staff).await?;
        anyhow::ensure!(!open.is_empty(), "no programme of the demo is open");
        for (number, (name, phone, marks, progress)) in CUSTOMERS.into_iter().enumerate() {
            let customer = self.customer_session(phone).await?;
            for project in open.iter().cycle().skip(number * 3).take(marks) {
                let body = json!({
                    "projectId": project["id"], "projectName": project["name"],
                    "customerName": name,
                });
                self.client.post("/api/interests", &customer, &body).await?;
            }
            let project = &open[number % open.len()];
            self.consult(&customer, name, project, number, progress)
                .await
                .with_context(|| format!("{name}: {progress:?}"))?;
        }
        let (_, phone, ..) = CUSTOMERS[5];
        self.turn_first_interest_off(phone).await?;
        let salesman = self
            .client
            .sign_in(SALESMEN[0].0, PASSWORD)
            .await
            .context("a salesman cannot sign in")?;
        let (name, phone) = MET_ON_VISIT;
        let body = json!({
            "projectId": open[0]["id"], "projectName": open[0]["name"], "phone": phone,
            "customerName": name, "consent": true,
        });
        self.client.post("/api/interests", &salesman, &body).await?;
        Ok(())
    }

    async fn turn_first_interest_off(&mut self, phone: &'static str) -> Result<()> {
        let customer = self.customer_session(phone).await?;
        if let Some(interest) = self.list("/api/interests", &customer).await?.first() {
            let path = format!("/api/interests/{}", text(interest, "id"));
            let (headers, body) = ([("if-match", "*")], json!({ "interested": false }));
            self.client
                .call(Method::PATCH, &path, &customer, &headers, Some(&body))
                .await?
                .ok()?;
        }
        Ok(())
    }

    /// Requests a consultation, waits until it is matched, and moves it on.
    async fn consult(
        &self,
        customer: &str,
        name: &str,
        project: &Value,
        number: usize,
        progress: Progress,
    ) -> Result<()> {
        let steps: &[(&str, Option<&str>)] = match progress {
            Progress::None => return Ok(()),
            Progress::Applied => &[],
            Progress::Approved => &[("approved", None)],
            Progress::Succeeded => &[("approved", None), ("succeeded", None)],
            Progress::Failed => &[
                ("approved", None),
                ("failed", Some("자격 요건이 맞지 않았습니다")),
            ],
            Progress::Cancelled => &[("cancelled", Some("일정이 바뀌었습니다"))],
        };
        let existing = self.list("/api/consultations?limit=1", customer).await?;
        let consultation = if let Some(consultation) = existing.into_iter().next() {
            consultation
        } else {
            let desired = self.today + TimeDelta::days(2 + i64::try_from(number)?);
            let body = json!({
                "projectId": project["id"], "projectName": project["name"],
                "customerName": name, "desiredDate": desired,
                "memo": "오전에 연락 부탁드립니다.",
            });
            self.client
                .post("/api/consultations", customer, &body)
                .await?
        };
        let path = format!("/api/consultations/{}", text(&consultation, "id"));
        let matched = async {
            while self.client.get(&path, &self.staff).await?["salesman"].is_null() {
                tokio::time::sleep(POLL_INTERVAL).await;
            }
            anyhow::Ok(())
        };
        tokio::time::timeout(TIMEOUT, matched)
            .await
            .context("not matched in time")??;
        for (step, reason) in steps {
            let body = json!({ "step": step, "reason": reason });
            self.ensure(&format!("{path}/progress"), &body).await?;
        }
        Ok(())
    }

    /// The customer's session. Signs in on first use.
    async fn customer_session(&mut self, phone: &'static str) -> Result<String> {
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

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_default()
}
