//! The people of the demo. Every name and number is made up.

use service_kit::auth::Role;

/// The first member of staff: login and name.
pub const STAFF: (&str, &str) = ("staff", "관리자");

/// Salesmen: login, name, regions, categories.
pub(super) const SALESMEN: [(&str, &str, &str, &str); 12] = [
    ("haneul", "김하늘", "서울,경기", "기술,수출"),
    ("bada", "이바다", "부산,울산,경남", "금융,경영"),
    ("namu", "박나무", "대전,세종,충남", "창업,인력"),
    ("gureum", "최구름", "전국", "내수,기타"),
    ("byeolnim", "정별님", "인천,경기", "금융,기술"),
    ("noeul", "강노을", "대구,경북", "수출,경영"),
    ("iseul", "조이슬", "광주,전남,전북", "창업,내수"),
    ("saebyeok", "윤새벽", "강원,충북", "인력,기타"),
    ("mireu", "장미르", "서울", "금융,창업"),
    ("garam", "임가람", "제주,전남", "내수,수출"),
    ("bora", "한보라", "경기", "기술,경영"),
    ("solgil", "오솔길", "전국", "금융,인력"),
];

/// Consultants: login, name, categories.
pub(super) const CONSULTANTS: [(&str, &str, &str); 3] = [
    ("gangsan", "정강산", "기술,금융"),
    ("deulpan", "한들판", "창업,수출"),
    ("yeoul", "서여울", "경영,인력"),
];

/// How far a customer's consultation gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Progress {
    /// No consultation.
    None,
    Applied,
    Approved,
    Succeeded,
    Failed,
    Cancelled,
}

/// Customers: name, number, how many programmes they marked, their consultation.
pub(super) const CUSTOMERS: [(&str, &str, usize, Progress); 9] = [
    ("고객 하나", "010-1234-5678", 3, Progress::Applied),
    ("고객 둘", "010-8765-4321", 2, Progress::Approved),
    ("고객 셋", "010-2222-3333", 1, Progress::Succeeded),
    ("고객 넷", "010-3333-4444", 2, Progress::Failed),
    ("고객 다섯", "010-4444-5555", 1, Progress::Cancelled),
    ("고객 여섯", "010-5555-6666", 4, Progress::None),
    ("고객 일곱", "010-6666-7777", 0, Progress::Applied),
    ("고객 여덟", "010-7777-8888", 1, Progress::Succeeded),
    ("고객 아홉", "010-8888-9999", 2, Progress::Applied),
];

/// The name and number of a customer entered by a salesman on a visit.
pub(super) const MET_ON_VISIT: (&str, &str) = ("고객 열", "010-9999-1111");

/// A person of the demo to sign in as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Person {
    pub name: &'static str,
    pub role: Role,
    /// A customer's number, to which the code is sent; for every other role the login.
    pub login: &'static str,
}

/// Everyone who can sign in.
pub fn people() -> Vec<Person> {
    let person = |role| move |(login, name)| Person { name, role, login };
    let staff = [STAFF].map(person(Role::Staff));
    let customers = CUSTOMERS
        .map(|(name, phone, ..)| (phone, name))
        .map(person(Role::Customer));
    let salesmen = SALESMEN
        .map(|(login, name, ..)| (login, name))
        .map(person(Role::Salesman));
    let consultants = CONSULTANTS
        .map(|(login, name, _)| (login, name))
        .map(person(Role::Consultant));
    [&staff[..], &customers, &salesmen, &consultants].concat()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_role_can_sign_in_and_no_login_is_shared() {
        let people = people();
        let logins: HashSet<&str> = people.iter().map(|person| person.login).collect();
        assert_eq!(logins.len(), people.len());
        for role in Role::ALL {
            assert!(people.iter().any(|person| person.role == role), "{role:?}");
        }
    }
}
