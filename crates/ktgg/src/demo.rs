//! People and programmes to try things on: loaded once, through the same door that everybody uses.

use anyhow::{Context as _, Result};
use hyper::{Method, StatusCode};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::client::Client;
use crate::keys::{self, Keys};

/// A customer of the demo: a label and the number to sign in with.
const CUSTOMERS: [(&str, &str); 2] = [("고객 하나", "010-1234-5678"), ("고객 둘", "010-8765-4321")];

/// Salesmen and consultants, as staff would register them.
fn registrations() -> [Value; 6] {
    [
        json!({ "name": "김하늘", "phone": "010-9000-0001", "regions": ["서울", "경기"], "categories": ["기술", "수출"] }),
        json!({ "name": "이바다", "phone": "010-9000-0002", "regions": ["부산", "울산", "경남"], "categories": ["금융", "경영"] }),
        json!({ "name": "박나무", "phone": "010-9000-0003", "regions": ["대전", "세종", "충남"], "categories": ["창업", "인력"] }),
        json!({ "name": "최구름", "phone": "010-9000-0004", "regions": ["전국"], "categories": ["내수", "기타"] }),
        json!({ "name": "정강산", "phone": "010-9000-0101", "role": "consultant", "regions": ["전국"], "categories": ["기술", "금융"] }),
        json!({ "name": "한들판", "phone": "010-9000-0102", "role": "consultant", "regions": ["전국"], "categories": ["창업", "수출"] }),
    ]
}

/// Programmes of the real shape; agencies and hosts are made up.
fn programmes() -> [Value; 4] {
    [
        json!({
            "name": "2026년 동네가게 스마트 설비 보급사업", "year": 2026, "category": "기술", "agency": "가상중소기업부",
            "host": "가상소상공인진흥원", "period": { "startsOn": "2026-11-02", "endsOn": "2026-12-11" }
        }),
        json!({
            "name": "2026년 수출 첫걸음 바우처", "year": 2026, "category": "수출", "agency": "가상산업통상부",
            "host": "가상무역지원센터", "period": { "kind": "until_budget", "text": "예산 소진시까지" }
        }),
        json!({
            "name": "2027년 청년 창업 디딤돌 자금", "year": 2027, "category": "창업", "agency": "가상중소기업부",
            "host": "가상창업지원원", "period": { "startsOn": "2027-01-11", "endsOn": "2027-02-05" }
        }),
        json!({
            "name": "지역 일자리 상시 채용 지원", "year": 2026, "category": "인력", "agency": "가상고용부",
            "host": "가상지역고용센터", "period": { "kind": "always", "text": "상시 접수" }
        }),
    ]
}

/// Somebody to try things as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// What they are called.
    pub name: String,
    /// How to sign in as them: the words after `ktgg token`.
    pub token: String,
}

/// Loads the demo if nobody is registered yet, and tells who is there to try things as.
///
/// # Errors
/// When the gateway refuses.
pub async fn load(client: &Client, keys: &Keys) -> Result<Vec<Person>> {
    let staff = keys.bearer(&keys::staff())?;
    let registered = client.get("/api/salesmen?limit=100", &staff).await?;
    if registered["items"].as_array().is_none_or(|people| people.len() < registrations().len()) {
        for person in registrations() {
            let answer = client.call(Method::POST, "/api/salesmen", &staff, &[], Some(&person)).await?;
            // A start that was broken off goes on where it stopped.
            if answer.status != StatusCode::CONFLICT {
                answer.ok().with_context(|| format!("cannot register {}", person["name"]))?;
            }
        }
    }
    if client.get("/api/projects?limit=1", &staff).await?["items"].as_array().is_none_or(Vec::is_empty) {
        for programme in programmes() {
            client
                .post("/api/projects", &staff, &programme)
                .await
                .with_context(|| format!("cannot create {}", programme["name"]))?;
        }
    }
    Ok(people(&client.get("/api/salesmen?limit=100", &staff).await?))
}

/// Who is there to try things as.
fn people(registered: &Value) -> Vec<Person> {
    let person = |it: &Value| {
        let text = |name: &str| it[name].as_str().unwrap_or_default();
        let id: Uuid = text("id").parse().ok()?;
        Some(Person { name: text("displayName").to_owned(), token: format!("{} {id}", text("role")) })
    };
    let mut people = vec![Person { name: "관리자".to_owned(), token: "staff".to_owned() }];
    people.extend(CUSTOMERS.map(|(name, phone)| Person { name: name.to_owned(), token: format!("customer {phone}") }));
    people.extend(registered["items"].as_array().into_iter().flatten().rev().filter_map(person));
    people
}
