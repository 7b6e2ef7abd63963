//! People and programmes to try things on: loaded once, through the same door that everybody uses.

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::client::Client;
use crate::keys::{self, Keys};

/// A customer of the demo: a label and the number to sign in with.
const CUSTOMERS: [(&str, &str); 2] = [("고객 하나", "010-1234-5678"), ("고객 둘", "010-8765-4321")];

/// Name, phone, role, regions, categories.
const PEOPLE: [(&str, &str, &str, &[&str], &[&str]); 6] = [
    ("김하늘", "010-9000-0001", "salesman", &["서울", "경기"], &["기술", "수출"]),
    ("이바다", "010-9000-0002", "salesman", &["부산", "울산", "경남"], &["금융", "경영"]),
    ("박나무", "010-9000-0003", "salesman", &["대전", "세종", "충남"], &["창업", "인력"]),
    ("최구름", "010-9000-0004", "salesman", &["전국"], &["내수", "기타"]),
    ("정강산", "010-9000-0101", "consultant", &["전국"], &["기술", "금융"]),
    ("한들판", "010-9000-0102", "consultant", &["전국"], &["창업", "수출"]),
];

/// Name, year, category, agency, host, period text, first day, last day.
const PROJECTS: [(&str, i32, &str, &str, &str, &str, Option<&str>, Option<&str>); 4] = [
    ("2026년 동네가게 스마트 설비 보급사업", 2026, "기술", "가상중소기업부", "가상소상공인진흥원", "", Some("2026-11-02"), Some("2026-12-11")),
    ("2026년 수출 첫걸음 바우처", 2026, "수출", "가상산업통상부", "가상무역지원센터", "예산 소진시까지", None, None),
    ("2027년 청년 창업 디딤돌 자금", 2027, "창업", "가상중소기업부", "가상창업지원원", "", Some("2027-01-11"), Some("2027-02-05")),
    ("지역 일자리 상시 채용 지원", 2026, "인력", "가상고용부", "가상지역고용센터", "상시 접수", None, None),
];

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
    if registered["items"].as_array().is_none_or(Vec::is_empty) {
        for (name, phone, role, regions, categories) in PEOPLE {
            let body = json!({ "name": name, "phone": phone, "role": role, "regions": regions, "categories": categories });
            client.post_with_key("/api/salesmen", &staff, &format!("demo-{phone}"), &body).await.with_context(|| format!("cannot register {name}"))?;
        }
        for (name, year, category, agency, host, text, starts_on, ends_on) in PROJECTS {
            let period = json!({ "text": text, "startsOn": starts_on, "endsOn": ends_on });
            let body = json!({ "name": name, "year": year, "category": category, "agency": agency, "host": host, "period": period });
            client.post_with_key("/api/projects", &staff, &format!("demo-{name}-key").replace(|letter: char| !letter.is_ascii(), "_"), &body).await.with_context(|| format!("cannot create {name}"))?;
        }
    }
    people(client, &staff).await
}

/// Who is there to try things as.
///
/// # Errors
/// When the gateway refuses.
pub async fn people(client: &Client, staff: &str) -> Result<Vec<Person>> {
    let registered = client.get("/api/salesmen?limit=100", staff).await?;
    let person = |it: &Value| {
        let text = |name: &str| it[name].as_str().unwrap_or_default();
        let id: Uuid = text("id").parse().ok()?;
        Some(Person { name: text("displayName").to_owned(), token: format!("{} {id}", text("role")) })
    };
    let mut people = vec![Person { name: "관리자".to_owned(), token: "staff".to_owned() }];
    people.extend(CUSTOMERS.map(|(name, phone)| Person { name: name.to_owned(), token: format!("customer {phone}") }));
    people.extend(registered["items"].as_array().into_iter().flatten().rev().filter_map(person).take(PEOPLE.len()));
    Ok(people)
}
