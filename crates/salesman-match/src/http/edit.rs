//! Matching by hand.

use axum::extract::State;
use events::{Leave, MatchId, PersonRef, PersonRole, SalesmanId};
use serde::Deserialize;
use service_kit::auth::{Identity, Staff};
use service_kit::clock::seoul_date;
use service_kit::http::problem::Text;
use service_kit::http::{Field, Fields, IfMatch, Json, Path, Versioned};
use service_kit::{Context, Problem, Tx};
use utoipa::ToSchema;

use super::views::MatchView;
use crate::salesman_match::Refusal;
use crate::store::{matches, projections};
use crate::strategy::{self, Choice, Choices, Unavailable};

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let (slug, ko) = match refusal {
            Refusal::Closed => ("match-closed", "이미 끝난 배정이라 바꿀 수 없습니다"),
            Refusal::NoSalesman => ("salesman-missing", "영업대표를 먼저 배정해 주세요"),
        };
        Self::conflict(slug, Text::new(ko, refusal.to_string()))
    }
}

/// One example of each problem that only this service has.
pub(crate) fn problems() -> Vec<Problem> {
    let mut fields = Fields::default();
    for (pointer, (code, message)) in [
        ("/salesmanId", unavailable(Unavailable::AtCapacity)),
        ("/consultantId", wrong_role(PersonRole::Consultant)),
    ] {
        fields.refuse(pointer, code, message);
    }
    vec![
        Refusal::Closed.into(),
        Refusal::NoSalesman.into(),
        fields.problem(),
    ]
}

/// The people to put on a match. A field that is absent leaves that role as it is.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct MatchByHand {
    /// The salesman.
    #[serde(default)]
    #[schema(value_type = Option<Uuid>)]
    salesman_id: Field<SalesmanId>,
    /// The consultant. The match must already have a salesman, or get one with this request.
    #[serde(default)]
    #[schema(value_type = Option<Uuid>)]
    consultant_id: Field<SalesmanId>,
}

/// `MatchSalesman`: staff put people on an open match, or replace them.
///
/// A replaced person loses access to the match. The same people again change nothing. The version
/// of a match without people is 0.
#[utoipa::path(
    patch, path = "/salesman-matches/{id}", tag = "salesman-match", request_body = MatchByHand,
    params(("id" = Uuid, Path), IfMatch),
    responses((status = 200, body = MatchView, description = "The match, with these people")),
    extensions(
        ("x-command" = json!("MatchSalesman")),
        ("x-events" = json!(["SalesmanMatched"])),
        ("x-problems" = json!(["match-closed", "salesman-missing", "wrong-fields"])),
    ),
)]
pub(super) async fn match_by_hand(
    State(context): State<Context>,
    _: Staff,
    caller: Identity,
    Path(id): Path<MatchId>,
    if_match: IfMatch,
    Json { body, .. }: Json<MatchByHand>,
) -> Result<Versioned<MatchView>, Problem> {
    let mut fields = Fields::default();
    if let (Field::Missing, Field::Missing) = (&body.salesman_id, &body.consultant_id) {
        let message = Text::new("배정할 사람을 선택해 주세요", "Select at least one person");
        fields.refuse("/salesmanId", "required", message);
    }
    let salesman = fields.optional("/salesmanId", body.salesman_id);
    let consultant = fields.optional("/consultantId", body.consultant_id);
    if !fields.is_valid() {
        return Err(fields.problem());
    }
    let mut tx = context.db.begin().await?;
    matches::lock_assignments(&mut tx).await?;
    let mut salesman_match = matches::lock(&mut tx, id)
        .await?
        .ok_or_else(Problem::not_found)?;
    if !if_match.allows(salesman_match.version) {
        return Err(Problem::stale(salesman_match.version));
    }
    salesman_match.check_open()?;
    let salesman = other_than(salesman_match.salesman.as_ref(), salesman);
    let consultant = other_than(salesman_match.consultant.as_ref(), consultant);
    let choices = Choices {
        salesman: choose(&mut tx, &mut fields, PersonRole::Salesman, salesman).await?,
        consultant: choose(&mut tx, &mut fields, PersonRole::Consultant, consultant).await?,
    };
    if !fields.is_valid() {
        return Err(fields.problem());
    }
    if let Some(change) = salesman_match.handle(choices.command(), caller.actor())? {
        salesman_match.apply(&change);
        matches::save_matched(&mut tx, &salesman_match, &change, &choices).await?;
    }
    let row = matches::load(&mut *tx, id).await?;
    tx.commit().await?;
    Ok(MatchView::new(row.ok_or_else(Problem::not_found)?, &caller).versioned())
}

/// The selected person, unless they have the role already: they stay, even if they are on leave.
fn other_than(current: Option<&PersonRef>, selected: Option<SalesmanId>) -> Option<SalesmanId> {
    selected.filter(|id| current.is_none_or(|person| person.id != *id))
}

/// Checks that the selected person can take the role now. Adds the obstacle to `fields`.
async fn choose(
    tx: &mut Tx,
    fields: &mut Fields,
    role: PersonRole,
    selected: Option<SalesmanId>,
) -> Result<Option<Choice>, Problem> {
    let Some(id) = selected else { return Ok(None) };
    let (code, message) = match projections::candidate(tx, id).await? {
        None => (
            "unknown",
            Text::new("등록되지 않은 사람입니다", "Unknown person"),
        ),
        Some(candidate) if candidate.role != role => wrong_role(role),
        Some(candidate) => match candidate.unavailable(seoul_date(tx.now())) {
            Some(why) => unavailable(why),
            None => return Ok(Some(strategy::by_hand(candidate))),
        },
    };
    let pointer = match role {
        PersonRole::Salesman => "/salesmanId",
        PersonRole::Consultant => "/consultantId",
    };
    fields.refuse(pointer, code, message);
    Ok(None)
}

fn wrong_role(expected: PersonRole) -> (&'static str, Text) {
    let message = match expected {
        PersonRole::Salesman => Text::new("영업대표가 아닙니다", "Not a salesman"),
        PersonRole::Consultant => Text::new("컨설턴트가 아닙니다", "Not a consultant"),
    };
    ("wrong-role", message)
}

fn unavailable(why: Unavailable) -> (&'static str, Text) {
    match why {
        Unavailable::Inactive => (
            "inactive",
            Text::new("현재 활동하지 않는 사람입니다", "This person is not active"),
        ),
        Unavailable::OnLeave(Leave { from, until, .. }) => (
            "on-leave",
            Text::new(
                format!("{from}부터 {until}까지 휴가입니다"),
                format!("On leave from {from} to {until}"),
            ),
        ),
        Unavailable::AtCapacity => (
            "at-capacity",
            Text::new(
                "담당할 수 있는 건수가 가득 찼습니다",
                "This person has no free capacity",
            ),
        ),
    }
}
