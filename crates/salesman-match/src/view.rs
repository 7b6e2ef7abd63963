//! What each reader sees of a match: customers who, the people on it why they, staff everything.

use chrono::{DateTime, Utc};
use events::Strategy;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use service_kit::auth::{Identity, Role};
use service_kit::forms::on_behalf_of::PersonView;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::{PartialSchema, ToSchema};
use uuid::Uuid;

use crate::salesman_match::{Place, lacking};
use crate::store::Stored;
use crate::strategy::Rule;

/// A match as its reader may see it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MatchView {
    /// Its id.
    pub(crate) id: Uuid,
    /// What it was made for.
    pub(crate) origin: OriginView,
    /// What that is about.
    pub(crate) project_id: Uuid,
    /// Its newest name. Absent while the project is not known.
    pub(crate) project_name: Option<String>,
    /// Whose; nobody's, once he was erased.
    pub(crate) customer_id: Option<Uuid>,
    /// Nobody until matched (배정 중).
    pub(crate) salesman: Option<PersonView>,
    /// Nobody until matched (배정 중).
    pub(crate) consultant: Option<PersonView>,
    /// The places that wait for somebody to be free: nothing, once both are filled or the match is closed.
    pub(crate) lacks: Vec<Place>,
    /// How the salesman was chosen; not for customers.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<StrategyName>)]
    pub(crate) strategy: Option<String>,
    /// Why these people; not for customers. Whoever is on it sees of the candidates only himself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<ReasonsView>,
    /// Since when it waits, or waited: the last time it was asked for.
    pub(crate) requested_at: DateTime<Utc>,
    /// When the people who are on it now came: another one in either place is another instant.
    pub(crate) matched_at: Option<DateTime<Utc>>,
    /// When what it was made for came to its end.
    pub(crate) closed_at: Option<DateTime<Utc>>,
    /// When its customer was erased (삭제됨): only staff still see it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) erased_at: Option<DateTime<Utc>>,
    /// Also the `ETag`; 0 while nobody was ever on it.
    pub(crate) version: i64,
}

/// What a match was made for.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OriginView {
    /// `interest` or `consultation`.
    #[schema(value_type = OriginKind)]
    pub(crate) kind: String,
    /// Its id.
    pub(crate) id: Uuid,
}

/// The kinds of things that matches are made for.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "kebab-case")]
#[expect(
    dead_code,
    reason = "only the description uses it: the contract has the words"
)]
pub(crate) enum OriginKind {
    /// 관심사업.
    Interest,
    /// 상담.
    Consultation,
}

/// How the salesman was chosen: by the last digits of the phone, or because the customer has him, or because he brought the customer in; or by
/// staff.
#[derive(Debug)]
pub(crate) struct StrategyName;

impl PartialSchema for StrategyName {
    fn schema() -> RefOr<Schema> {
        words(
            "How the salesman was chosen",
            Strategy::ALL.map(Strategy::as_str),
        )
    }
}

impl ToSchema for StrategyName {}

/// By which rule somebody was chosen.
#[derive(Debug)]
pub(crate) struct RuleName;

impl PartialSchema for RuleName {
    fn schema() -> RefOr<Schema> {
        let said = "By which rule somebody was chosen: the customer has him already, he brought the customer in, a strategy picked, or staff did";
        words(said, Rule::all().map(Rule::as_str))
    }
}

impl ToSchema for RuleName {}

/// A text that is one of these: the description lists what the code knows. What is shown may be the word of a newer build.
fn words(said: &str, words: impl IntoIterator<Item = &'static str>) -> RefOr<Schema> {
    let words = ObjectBuilder::new()
        .schema_type(Type::String)
        .enum_values(Some(words));
    words.description(Some(said)).into()
}

/// Why these people, for each place.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct ReasonsView {
    /// Why this salesman.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    salesman: Option<ReasonView>,
    /// Why this consultant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    consultant: Option<ReasonView>,
}

/// Why this one.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ReasonView {
    /// The rule that picked.
    #[schema(value_type = RuleName)]
    rule: String,
    /// The last four digits of the customer's phone number, where they picked: their remainder by `among` is `picked`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    last_four: Option<String>,
    /// How many could have been picked.
    #[serde(skip_deserializing)]
    among: usize,
    /// Which of them was, in the order of their ids, counted from 0.
    picked: usize,
    /// Those who could have been picked, as they stood then.
    candidates: Vec<CandidateView>,
}

/// Somebody who could have been picked.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
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
        let is_customer = who.role == Role::Customer;
        let (salesman, consultant) = (stored.salesman(), stored.consultant());
        Self {
            id: stored.id,
            origin: OriginView {
                kind: stored.origin_kind,
                id: stored.origin_id,
            },
            project_id: stored.project_id,
            project_name: stored.project_name,
            customer_id: stored.erased_at.is_none().then_some(stored.customer_id),
            lacks: lacking(
                stored.closed_at.is_some(),
                salesman.is_some(),
                consultant.is_some(),
            ),
            salesman: salesman.map(PersonView::from),
            consultant: consultant.map(PersonView::from),
            strategy: stored.strategy.filter(|_| !is_customer),
            reason: stored
                .reason
                .filter(|_| !is_customer)
                .and_then(|reason| ReasonsView::for_reader(reason, who)),
            requested_at: stored.requested_at,
            matched_at: stored.matched_at,
            closed_at: stored.closed_at,
            erased_at: stored.erased_at,
            version: stored.version,
        }
    }
}

/// Whether somebody may know that the match exists. Another person's is 404, not 403, and an erased customer's is nobody's.
pub(crate) fn sees(who: &Identity, it: &Stored) -> bool {
    match who.role {
        Role::Staff => true,
        _ if it.erased_at.is_some() => false,
        Role::Customer => it.customer_id == who.subject,
        Role::Salesman => who.is(it.salesman().as_ref()),
        Role::Consultant => who.is(it.consultant().as_ref()),
    }
}

impl ReasonsView {
    /// A reason is only shown: what another build wrote in another form is no reason to show nothing at all.
    fn for_reader(reasons: Value, who: &Identity) -> Option<Self> {
        let Self {
            salesman,
            consultant,
        } = serde_json::from_value(reasons).ok()?;
        let shown = |reason: Option<ReasonView>| reason.map(|reason| reason.for_reader(who));
        (salesman.is_some() || consultant.is_some()).then(|| Self {
            salesman: shown(salesman),
            consultant: shown(consultant),
        })
    }
}

impl ReasonView {
    fn for_reader(mut self, who: &Identity) -> Self {
        self.among = self.candidates.len();
        self.candidates
            .retain(|it| who.role == Role::Staff || it.id == who.subject);
        self
    }
}
