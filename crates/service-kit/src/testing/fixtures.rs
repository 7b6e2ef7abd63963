//! Identities and events.

use std::sync::OnceLock;

use chrono::{DateTime, Utc};
use events::{
    Actor, Category, DEFAULT_WEIGHT, Edition, Envelope, Event, Period, PeriodKind, PersonRole,
    Profile, ProjectStatus, Region, SalesmanMatched, SalesmanUnmatched, SeriesId,
};
use uuid::Uuid;

use crate::auth::token::{Identity, Role, Signer, new_private_pem};
use crate::forms::phone::{CustomerIdKey, Phone};

/// The time at which tests start: a Monday, 10:00 in Seoul.
pub(super) fn start_time() -> DateTime<Utc> {
    "2026-11-23T01:00:00Z".parse().unwrap()
}

/// Signs the tokens that services accept in tests.
pub fn signer() -> &'static Signer {
    static SIGNER: OnceLock<Signer> = OnceLock::new();
    SIGNER.get_or_init(|| new_private_pem().parse().unwrap())
}

/// Numbers as they are pasted from a messenger or typed full-width, and the same ones as they are
/// usually written.
pub const PASTED_NUMBERS: [(&str, &str); 6] = [
    ("\u{202A}010\u{A0}1234\u{A0}5678\u{202C}", "010-1234-5678"),
    ("010\u{200B}.1234\u{2060}.5678\u{FEFF}", "010-1234-5678"),
    ("０１０－１２３４－５６７８", "010-1234-5678"),
    ("+82 (0)10 1234 5678", "010-1234-5678"),
    ("+82 507 1234 5670", "0507-1234-5670"),
    ("０５０７–1234–5670", "0507-1234-5670"),
];

/// The customer with this number.
pub fn customer(phone: &str) -> Identity {
    let phone: Phone = phone.parse().unwrap();
    Identity {
        role: Role::Customer,
        subject: customer_id_key().customer_id(&phone).0,
        phone: Some(phone),
    }
}

/// The key for customer ids in tests.
pub(super) fn customer_id_key() -> CustomerIdKey {
    "a key that nothing but tests uses".parse().unwrap()
}

/// An envelope for the event, recorded at the start time.
pub fn envelope<E: Event>(id: Uuid, version: i64, event: &E) -> Envelope {
    Envelope {
        id,
        type_name: E::TYPE.to_owned(),
        aggregate_type: E::TOPIC.aggregate().to_owned(),
        aggregate_id: event.aggregate_id(),
        version,
        recorded_at: start_time(),
        traceparent: None,
    }
}

/// A planned edition: nationwide, open at any time.
pub fn an_edition(series: Uuid, name: &str) -> Edition {
    Edition {
        series_id: SeriesId(series),
        name: name.to_owned(),
        year: 2026,
        category: Category::Technology,
        regions: vec![Region::Nationwide],
        target: None,
        agency: "중소벤처기업부".to_owned(),
        host: "소상공인시장진흥공단".to_owned(),
        period: Period {
            kind: PeriodKind::Always,
            text: "상시".to_owned(),
            starts_on: None,
            ends_on: None,
        },
        status: ProjectStatus::Planned,
        started_on: None,
        ended_on: None,
        predecessor: None,
    }
}

/// An active salesman or consultant without leave.
pub fn a_profile(display_name: &str, role: PersonRole, capacity: u32) -> Profile {
    Profile {
        display_name: display_name.to_owned(),
        role,
        regions: Vec::new(),
        categories: Vec::new(),
        capacity,
        weight: DEFAULT_WEIGHT,
        active: true,
        leave: None,
    }
}

/// The next event of a match whose salesman or consultant, or both, left.
pub fn unmatched(matched: &SalesmanMatched, left: &[Uuid]) -> SalesmanUnmatched {
    let stays = |id: Uuid| !left.contains(&id);
    SalesmanUnmatched {
        match_id: matched.match_id,
        origin: matched.origin,
        origin_version: matched.origin_version.unwrap_or(1),
        project_id: matched.project_id,
        project_name: matched.project_name.clone(),
        customer: matched.customer.clone(),
        salesman: Some(matched.salesman.clone()).filter(|person| stays(person.id.0)),
        consultant: matched
            .consultant
            .clone()
            .filter(|person| stays(person.id.0)),
        previous_salesman_id: Some(matched.salesman.id),
        previous_consultant_id: matched.consultant.as_ref().map(|person| person.id),
        actor: Actor::System,
    }
}
