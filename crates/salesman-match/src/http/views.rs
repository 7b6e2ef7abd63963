//! Matches as callers see them: customers see the people, the people also the reasons, staff
//! everything.

use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use events::PersonRole;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use service_kit::auth::{Identity, Role};
use service_kit::forms::on_behalf_of::PersonView;
use service_kit::http::Versioned;
use service_kit::http::describe::{CategoryName, RegionName};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::salesman_match::missing_roles;
use crate::store::row::MatchRow;

/// A match, without what the caller may not see.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct MatchView {
    id: Uuid,
    /// The interest or consultation of the match.
    origin: OriginView,
    project_id: Uuid,
    /// The current name. Absent while the project is unknown.
    project_name: Option<String>,
    /// The field of the project (분야). Null while the project is unknown.
    #[schema(value_type = Option<CategoryName>)]
    category: Option<String>,
    /// Where the project applies. Empty while the project is unknown.
    #[schema(value_type = Vec<RegionName>)]
    regions: Vec<String>,
    /// Null once the customer was erased.
    customer_id: Option<Uuid>,
    /// The last four digits of the customer's number. Null for customers, and once the customer was
    /// erased.
    last_four: Option<String>,
    /// Null until matched, and again after the person left (배정 중).
    salesman: Option<PersonView>,
    /// Null until matched, and again after the person left (배정 중).
    consultant: Option<PersonView>,
    /// The roles that wait for free capacity. Empty for a closed match.
    #[schema(value_type = Vec<PlaceName>)]
    lacks: Vec<PersonRole>,
    /// How the salesman was chosen. Hidden from customers.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<StrategyName>)]
    strategy: Option<String>,
    /// Why these people were chosen. Hidden from customers.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<ReasonsView>,
    /// When the match was requested the last time: the order of the queue.
    requested_at: DateTime<Utc>,
    /// When the current people were matched. Null while there is none.
    matched_at: Option<DateTime<Utc>>,
    /// When the interest was turned off, or the consultation closed.
    closed_at: Option<DateTime<Utc>>,
    /// When the customer was erased (삭제됨). Only staff still see the match then.
    #[serde(skip_serializing_if = "Option::is_none")]
    erased_at: Option<DateTime<Utc>>,
    /// Also the `ETag`. 0 until a salesman is matched.
    version: i64,
}

/// What a match was requested for.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct OriginView {
    #[schema(value_type = OriginKind)]
    pub(super) kind: String,
    pub(super) id: Uuid,
}

/// What matches are requested for: 관심사업 or 상담.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "kebab-case")]
#[expect(dead_code, reason = "only describes the texts of `OriginView`")]
pub(super) enum OriginKind {
    Interest,
    Consultation,
}

/// A role on a match: 영업대표 or 컨설턴트.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "kebab-case")]
#[expect(dead_code, reason = "only describes the texts of `PersonRole`")]
pub(super) enum PlaceName {
    Salesman,
    Consultant,
}

/// How the salesman was chosen: automatically, or by staff.
///
/// `phone-suffix` is the strategy in force. It also covers the customer's current salesman and a
/// salesman who brought the customer in.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "kebab-case")]
#[expect(dead_code, reason = "only describes the texts of `events::Strategy`")]
pub(super) enum StrategyName {
    PhoneSuffix,
    ByHand,
}

/// The rule that chose a person.
///
/// `kept`: the customer already had this person. `brought`: this salesman brought the customer in.
/// `phone-suffix`: the last digits of the customer's number. `by-hand`: staff.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "kebab-case")]
#[expect(dead_code, reason = "only describes the texts of `strategy::Rule`")]
pub(super) enum RuleName {
    Kept,
    Brought,
    PhoneSuffix,
    ByHand,
}

/// Why these people were chosen.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(super) struct ReasonsView {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    salesman: Option<ReasonView>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    consultant: Option<ReasonView>,
}

/// Why one person was chosen.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ReasonView {
    #[schema(value_type = RuleName)]
    rule: String,
    /// The last four digits of the customer's number, if they decided: `picked` is their remainder
    /// modulo `among`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    last_four: Option<String>,
    /// The number of eligible candidates.
    // Absent in older rows, which have all candidates.
    #[serde(default)]
    among: usize,
    /// The index of the chosen candidate among them in id order, from 0.
    picked: usize,
    /// The chosen candidate and those with the most free capacity as of the choice, in id order: at
    /// most 10, in older matches all. Salesmen and consultants see only themselves.
    candidates: Vec<CandidateView>,
}

/// An eligible candidate.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct CandidateView {
    id: Uuid,
    /// The display name as of the choice.
    display_name: String,
    /// The number of open matches.
    open: i64,
    /// The maximum number of open matches.
    capacity: i64,
}

impl MatchView {
    pub(super) fn new(row: MatchRow, caller: &Identity) -> Self {
        let shows_why = caller.role != Role::Customer;
        let (salesman, consultant) = (row.salesman(), row.consultant());
        let reason = row.reason.filter(|_| shows_why);
        Self {
            id: row.id,
            origin: OriginView {
                kind: row.origin_kind,
                id: row.origin_id,
            },
            project_id: row.project_id,
            project_name: row.project_name,
            category: row.category,
            regions: row.regions.unwrap_or_default(),
            last_four: row.last_four.filter(|_| shows_why),
            customer_id: row.erased_at.is_none().then_some(row.customer_id),
            lacks: missing_roles(
                row.closed_at.is_some(),
                salesman.is_some(),
                consultant.is_some(),
            ),
            salesman: salesman.map(PersonView::from),
            consultant: consultant.map(PersonView::from),
            strategy: row.strategy.filter(|_| shows_why),
            reason: reason.and_then(|reason| ReasonsView::decode(reason, caller)),
            requested_at: row.requested_at,
            matched_at: row.matched_at,
            closed_at: row.closed_at,
            erased_at: row.erased_at,
            version: row.version,
        }
    }

    pub(super) fn versioned(self) -> Versioned<Self> {
        Versioned {
            status: StatusCode::OK,
            location: None,
            version: self.version,
            view: self,
        }
    }
}

impl ReasonsView {
    /// `None` for a reason in the form of another build: the match is shown without it.
    fn decode(reasons: Value, caller: &Identity) -> Option<Self> {
        let mut reasons: Self = serde_json::from_value(reasons).ok()?;
        let shown = [&mut reasons.salesman, &mut reasons.consultant];
        if shown.iter().all(|reason| reason.is_none()) {
            return None;
        }
        for reason in shown.into_iter().flatten() {
            reason.among = reason.among.max(reason.candidates.len());
            if caller.role != Role::Staff {
                reason
                    .candidates
                    .retain(|candidate| candidate.id == caller.subject);
            }
        }
        Some(reasons)
    }
}
