//! What each reader sees of a match: customers who, the people on it why they, staff everything.

use chrono::{DateTime, Utc};
use events::{SalesmanId, Strategy};
use serde::Serialize;
use service_kit::auth::{Identity, Role};
use service_kit::people::PersonView;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::salesman_match::{Place, SalesmanMatch};
use crate::store::{Reasons, Stored};
use crate::strategy::{Reason, Rule, Scored};

/// A match as its reader may see it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({
    "id": "0193a5d0-91c2-7d10-8b7e-2f4f6c1a9e55",
    "origin": { "kind": "consultation", "id": "0193a5d0-8f00-7c3b-9d21-6f0a4e2b7c18" },
    "projectId": "0193a4f7-1b2c-7a90-b6d5-9c8e7f605142",
    "projectName": "2026년 스마트상점 기술보급사업",
    "customerId": "5d1c9f3e-8a44-8e0b-a1f7-3c6b2d9e0f17",
    "salesman": { "id": "0193a5d0-8c5e-7b64-9a3f-5f2c1b7e4d01", "displayName": "김하늘" },
    "consultant": null,
    "lacks": ["consultant"],
    "strategy": "phone-suffix",
    "reason": { "salesman": {
        "rule": "phone-suffix", "lastFour": "5678", "among": 2, "picked": 0,
        "candidates": [
            { "id": "0193a5d0-8c5e-7b64-9a3f-5f2c1b7e4d01", "displayName": "김하늘", "open": 4, "capacity": 30 },
            { "id": "0193a5d0-8c5e-7b64-9a3f-5f2c1b7e4d02", "displayName": "이바다", "open": 7, "capacity": 30 },
        ],
    } },
    "requestedAt": "2026-11-24T01:00:00Z",
    "matchedAt": "2026-11-24T01:00:00.125Z",
    "closedAt": null,
    "version": 1,
}))]
pub(crate) struct MatchView {
    /// Its id.
    pub(crate) id: Uuid,
    /// What it was made for.
    pub(crate) origin: OriginView,
    /// What that is about.
    pub(crate) project_id: Uuid,
    /// Its newest name. Absent while the project is not known.
    pub(crate) project_name: Option<String>,
    /// Whose.
    pub(crate) customer_id: Uuid,
    /// Nobody until matched (배정 중).
    pub(crate) salesman: Option<PersonView>,
    /// Nobody until matched (배정 중).
    pub(crate) consultant: Option<PersonView>,
    /// The places that wait for somebody to be free: nothing, once both are filled or the match is closed.
    pub(crate) lacks: Vec<PlaceName>,
    /// How the salesman was chosen; not for customers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) strategy: Option<StrategyName>,
    /// Why these people; not for customers. Whoever is on it sees of the candidates only himself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<ReasonsView>,
    /// Since when it waits, or waited: the last time it was asked for.
    pub(crate) requested_at: DateTime<Utc>,
    /// Since when somebody is on it.
    pub(crate) matched_at: Option<DateTime<Utc>>,
    /// When what it was made for came to its end.
    pub(crate) closed_at: Option<DateTime<Utc>>,
    /// Also the `ETag`; 0 while nobody was ever on it.
    pub(crate) version: i64,
}

/// What a match was made for.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({ "kind": "consultation", "id": "0193a5d0-8f00-7c3b-9d21-6f0a4e2b7c18" }))]
pub(crate) struct OriginView {
    /// `interest` or `consultation`.
    #[schema(value_type = OriginKind)]
    pub(crate) kind: &'static str,
    /// Its id.
    pub(crate) id: Uuid,
}

/// The kinds of things that matches are made for.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "kebab-case")]
#[expect(dead_code, reason = "only the description uses it: the contract has the words")]
pub(crate) enum OriginKind {
    /// 관심사업.
    Interest,
    /// 상담.
    Consultation,
}

/// A place on a match.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum PlaceName {
    /// 영업대표.
    Salesman,
    /// 컨설턴트.
    Consultant,
}

/// How the salesman was chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum StrategyName {
    /// By the last digits of the phone, or because the customer has him, or because he brought the customer in.
    PhoneSuffix,
    /// By staff.
    ByHand,
}

/// Why these people, for each place.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({ "salesman": {
    "rule": "kept", "among": 1, "picked": 0,
    "candidates": [{ "id": "0193a5d0-8c5e-7b64-9a3f-5f2c1b7e4d01", "displayName": "김하늘", "open": 4, "capacity": 30 }],
} }))]
pub(crate) struct ReasonsView {
    /// Why this salesman.
    #[serde(skip_serializing_if = "Option::is_none")]
    salesman: Option<ReasonView>,
    /// Why this consultant.
    #[serde(skip_serializing_if = "Option::is_none")]
    consultant: Option<ReasonView>,
}

/// Why this one.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({
    "rule": "kept", "among": 1, "picked": 0,
    "candidates": [{ "id": "0193a5d0-8c5e-7b64-9a3f-5f2c1b7e4d01", "displayName": "김하늘", "open": 4, "capacity": 30 }],
}))]
pub(crate) struct ReasonView {
    /// The rule that picked.
    rule: RuleName,
    /// The last four digits of the customer's phone number, where they picked: their remainder by `among` is `picked`.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_four: Option<String>,
    /// How many could have been picked.
    among: usize,
    /// Which of them was, in the order of their ids, counted from 0.
    picked: usize,
    /// Those who could have been picked, as they stood then.
    candidates: Vec<CandidateView>,
}

/// By which rule somebody was chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum RuleName {
    /// The customer has him already.
    Kept,
    /// He brought the customer in.
    Brought,
    /// The last digits of the phone pick from those who are free, in the order of their ids.
    PhoneSuffix,
    /// Staff chose.
    ByHand,
}

/// Somebody who could have been picked.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({ "id": "0193a5d0-8c5e-7b64-9a3f-5f2c1b7e4d01", "displayName": "김하늘", "open": 4, "capacity": 30 }))]
pub(crate) struct CandidateView {
    /// Who.
    id: Uuid,
    /// The name he was shown by then.
    display_name: String,
    /// How many open matches he held.
    open: i64,
    /// How many he could hold.
    capacity: i64,
}

impl MatchView {
    /// What this reader sees of it.
    pub(crate) fn for_reader(stored: Stored, who: &Identity) -> Self {
        let Stored { it, reasons, requested_at, matched_at, closed_at } = stored;
        let is_customer = who.role == Role::Customer;
        let lacks = it.lacks().into_iter().map(PlaceName::from).collect();
        Self {
            id: it.id.0,
            origin: OriginView { kind: it.origin.kind(), id: it.origin.id() },
            project_id: it.project_id.0,
            project_name: it.project_name,
            customer_id: it.customer.customer_id.0,
            salesman: it.salesman.map(PersonView::from),
            consultant: it.consultant.map(PersonView::from),
            lacks,
            strategy: it.strategy.filter(|_| !is_customer).map(StrategyName::from),
            reason: if is_customer { None } else { ReasonsView::for_reader(reasons, who) },
            requested_at,
            matched_at,
            closed_at,
            version: it.version,
        }
    }
}

/// Whether somebody may know that the match exists. Another person's is 404, not 403.
pub(crate) fn sees(who: &Identity, it: &SalesmanMatch) -> bool {
    match who.role {
        Role::Customer => it.customer.customer_id.0 == who.subject,
        Role::Salesman => who.is(it.salesman.as_ref()),
        Role::Consultant => who.is(it.consultant.as_ref()),
        Role::Staff => true,
    }
}

impl ReasonsView {
    fn for_reader(reasons: Reasons, who: &Identity) -> Option<Self> {
        let shown = |reason: Option<Reason>| reason.map(|reason| ReasonView::for_reader(reason, who));
        match (shown(reasons.salesman), shown(reasons.consultant)) {
            (None, None) => None,
            (salesman, consultant) => Some(Self { salesman, consultant }),
        }
    }
}

impl ReasonView {
    fn for_reader(reason: Reason, who: &Identity) -> Self {
        let is_for = |id: SalesmanId| who.role == Role::Staff || id.0 == who.subject;
        Self {
            rule: reason.rule.into(),
            last_four: reason.last_four.map(String::from),
            among: reason.candidates.len(),
            picked: reason.picked,
            candidates: reason.candidates.into_iter().filter(|it| is_for(it.person.id)).map(CandidateView::from).collect(),
        }
    }
}

impl From<Scored> for CandidateView {
    fn from(Scored { person, open, capacity }: Scored) -> Self {
        Self { id: person.id.0, display_name: person.display_name, open, capacity }
    }
}

impl From<Place> for PlaceName {
    fn from(place: Place) -> Self {
        match place {
            Place::Salesman => Self::Salesman,
            Place::Consultant => Self::Consultant,
        }
    }
}

impl From<Strategy> for StrategyName {
    fn from(strategy: Strategy) -> Self {
        match strategy {
            Strategy::PhoneSuffix => Self::PhoneSuffix,
            Strategy::ByHand => Self::ByHand,
        }
    }
}

impl From<Rule> for RuleName {
    fn from(rule: Rule) -> Self {
        match rule {
            Rule::Kept => Self::Kept,
            Rule::Brought => Self::Brought,
            Rule::PhoneSuffix => Self::PhoneSuffix,
            Rule::ByHand => Self::ByHand,
        }
    }
}
