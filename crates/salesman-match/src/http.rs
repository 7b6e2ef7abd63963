//! What callers can see of matches, and how staff match by hand; `me` is for the gateway, which asks for a customer.

mod me;

use axum::extract::State;
use axum::http::StatusCode;
use chrono::{DateTime, NaiveDate, Utc};
use events::{MatchId, PersonRef, PersonRole, SalesmanId};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use service_kit::auth::{Identity, Staff};
use service_kit::clock::seoul_date;
use service_kit::http::page::{decode_cursor, parse_limit};
use service_kit::http::problem::Text;
use service_kit::http::problem::invalid_query;
use service_kit::http::{Field, Fields, IfMatch, Json, PageQuery, Paged, Path, Query, Versioned};
use service_kit::{Context, Problem, Tx};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::salesman_match::{Command, Refusal};
use crate::store::lists::{self, Filter};
use crate::store::queue::{self, QueuePlace};
use crate::store::{self, Reasons, Stored, copies};
use crate::strategy::{self, Choice, Reason, Unavailable};
use crate::view::{MatchView, sees};

pub(crate) fn routes() -> OpenApiRouter<Context> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(show, match_by_hand))
        .routes(routes!(me::data))
        .routes(routes!(me::erase))
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let en = refusal.to_string();
        match refusal {
            Refusal::Closed => {
                Self::conflict("match-closed", Text::new("이미 끝난 배정입니다", en))
            }
            Refusal::NoSalesman => Self::conflict(
                "salesman-missing",
                Text::new("영업대표를 먼저 배정해 주세요", en),
            ),
        }
    }
}

/// One example of each problem of this service's own.
pub(crate) fn problems() -> Vec<Problem> {
    let mut fields = Fields::default();
    refuse_unavailable(&mut fields, "/salesmanId", Unavailable::AtCapacity);
    refuse_role(&mut fields, "/consultantId", PersonRole::Consultant);
    vec![
        Refusal::Closed.into(),
        Refusal::NoSalesman.into(),
        fields.problem(),
    ]
}

/// Which matches.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct MatchQuery {
    /// The interest or the consultation it was made for.
    #[param(example = "0193a5d0-8f00-7c3b-9d21-6f0a4e2b7c18")]
    origin: Option<Uuid>,
    /// Only those that this salesman or consultant is on.
    #[param(example = "0193a5d0-8c5e-7b64-9a3f-5f2c1b7e4d01")]
    salesman: Option<Uuid>,
    /// Only open ones, or with `false` only closed ones. `?open` is enough.
    #[serde(default, deserialize_with = "flag")]
    #[param(value_type = Option<bool>)]
    open: Option<bool>,
    /// Only the queue, oldest first: open matches that lack somebody. `?unassigned` is enough.
    #[serde(default, deserialize_with = "flag")]
    #[param(value_type = Option<bool>)]
    unassigned: Option<bool>,
    /// How many at most: 1 to 100, 50 unless given.
    #[param(minimum = 1, maximum = 100, default = 50)]
    limit: Option<u32>,
    /// Where the page before this one ended: the `next` of its answer.
    after: Option<String>,
}

/// A flag of a query string: `?name` alone means yes.
fn flag<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<bool>, D::Error> {
    match String::deserialize(deserializer)?.as_str() {
        "" | "true" => Ok(Some(true)),
        "false" => Ok(Some(false)),
        _ => Err(D::Error::custom("it is `true` or `false`")),
    }
}

/// The matches the caller may see: newest first, or the queue, oldest first.
#[utoipa::path(
    get, path = "/salesman-matches", tag = "salesman-match", params(MatchQuery),
    responses((status = 200, body = Paged<MatchView>, description = "Customers see who, the people on it also why they, staff everything")),
)]
async fn list(
    State(context): State<Context>,
    who: Identity,
    Query(query): Query<MatchQuery>,
) -> Result<Paged<MatchView>, Problem> {
    let filter = Filter {
        origin: query.origin,
        person: query.salesman,
        open: query.open,
    };
    let views = |stored: Vec<Stored>| {
        stored
            .into_iter()
            .map(|stored| MatchView::for_reader(stored, &who))
            .collect()
    };
    if query.unassigned == Some(true) {
        let limit = parse_limit(query.limit)?;
        let after = query.after.as_deref().map(queue_place).transpose()?;
        let stored = queue::list(context.db.pool(), &who, filter, after, limit + 1).await?;
        return Ok(Paged::from_rows_by(
            views(stored),
            limit,
            |view: &MatchView| (view.requested_at, view.id),
        ));
    }
    let page = PageQuery {
        limit: query.limit,
        after: query.after,
    }
    .page()?;
    let stored = lists::newest(context.db.pool(), &who, filter, page).await?;
    Ok(Paged::from_rows(views(stored), page, |view: &MatchView| {
        view.id
    }))
}

/// The instants a queue can hold: anything else is no cursor of ours, and some of it Postgres cannot read.
const EARLIEST: DateTime<Utc> = DateTime::UNIX_EPOCH;
const LATEST_YEAR: i32 = 9999;

/// The place in the queue that a cursor names.
fn queue_place(after: &str) -> Result<QueuePlace, Problem> {
    use chrono::Datelike as _;

    let found: QueuePlace = decode_cursor(after)?;
    if found.0 < EARLIEST || found.0.year() > LATEST_YEAR {
        return Err(invalid_query(Text::new(
            "after는 이전 응답의 next 값이어야 합니다",
            "after must be the `next` of an earlier answer",
        )));
    }
    Ok(found)
}

/// One match, with why these people.
#[utoipa::path(
    get, path = "/salesman-matches/{id}", tag = "salesman-match", params(("id" = Uuid, Path)),
    responses((status = 200, body = MatchView, description = "The people on it see of the candidates only themselves")),
)]
async fn show(
    State(context): State<Context>,
    who: Identity,
    Path(id): Path<MatchId>,
) -> Result<Versioned<MatchView>, Problem> {
    let stored = store::load(context.db.pool(), id)
        .await?
        .filter(|stored| sees(&who, stored));
    Ok(shown(stored.ok_or_else(Problem::not_found)?, &who))
}

fn shown(stored: Stored, who: &Identity) -> Versioned<MatchView> {
    let version = stored.version;
    Versioned {
        status: StatusCode::OK,
        location: None,
        version,
        view: MatchView::for_reader(stored, who),
    }
}

/// Whom staff put on a match. A place that is not named stays as it is.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MatchByHand {
    /// The salesman.
    #[serde(default)]
    #[schema(value_type = Option<Uuid>)]
    salesman_id: Field<SalesmanId>,
    /// The consultant. One alone is no match: the salesman's place is filled first, or with it.
    #[serde(default)]
    #[schema(value_type = Option<Uuid>)]
    consultant_id: Field<SalesmanId>,
}

/// `MatchSalesman`: staff put people on an open match by hand, or others in their place. Whoever is replaced loses access to it.
///
/// The same people again change nothing. While nobody was ever on it, its version is 0.
#[utoipa::path(
    patch, path = "/salesman-matches/{id}", tag = "salesman-match", request_body = MatchByHand,
    params(("id" = Uuid, Path), ("If-Match" = String, Header, description = "The version that is meant, as its ETag")),
    responses((status = 200, body = MatchView, description = "These people are on it")),
    extensions(
        ("x-command" = json!("MatchSalesman")),
        ("x-events" = json!(["SalesmanMatched"])),
        ("x-problems" = json!(["match-closed", "salesman-missing", "wrong-fields"])),
    ),
)]
async fn match_by_hand(
    State(context): State<Context>,
    _: Staff,
    who: Identity,
    Path(id): Path<MatchId>,
    if_match: IfMatch,
    Json { body, .. }: Json<MatchByHand>,
) -> Result<Versioned<MatchView>, Problem> {
    let mut fields = Fields::default();
    if matches!(
        (&body.salesman_id, &body.consultant_id),
        (Field::Missing, Field::Missing)
    ) {
        fields.refuse(
            "/salesmanId",
            "required",
            Text::new("배정할 사람을 골라 주세요", "Name at least one of the two"),
        );
    }
    let salesman = fields.optional("/salesmanId", body.salesman_id);
    let consultant = fields.optional("/consultantId", body.consultant_id);
    if !fields.is_valid() {
        return Err(fields.problem());
    }
    let mut tx = context.db.begin().await?;
    // As the assigner does: capacity is read by one at a time.
    store::alone(&mut tx).await?;
    let mut it = store::lock(&mut tx, id)
        .await?
        .ok_or_else(Problem::not_found)?;
    if !if_match.allows(it.version) {
        return Err(Problem::stale(it.version));
    }
    it.check_open()?;
    let (salesman, why_salesman) = chosen(
        &mut tx,
        &mut fields,
        PersonRole::Salesman,
        salesman,
        it.salesman.as_ref(),
    )
    .await?
    .map(parts)
    .unzip();
    let (consultant, why_consultant) = chosen(
        &mut tx,
        &mut fields,
        PersonRole::Consultant,
        consultant,
        it.consultant.as_ref(),
    )
    .await?
    .map(parts)
    .unzip();
    if !fields.is_valid() {
        return Err(fields.problem());
    }
    let command = Command::MatchSalesman {
        salesman,
        consultant,
        strategy: events::Strategy::ByHand,
    };
    if let Some(change) = it.handle(command, who.actor())? {
        it.apply(&change);
        store::save_matched(
            &mut tx,
            &it,
            &change,
            &Reasons {
                salesman: why_salesman,
                consultant: why_consultant,
            },
        )
        .await?;
    }
    let stored = store::load(&mut *tx, id)
        .await?
        .ok_or_else(Problem::not_found)?;
    tx.commit().await?;
    Ok(shown(stored, &who))
}

fn parts(choice: Choice) -> (PersonRef, Reason) {
    (choice.person, choice.reason)
}

/// Whom staff named for a place, if somebody else than who has it; notes why he cannot be put there.
async fn chosen(
    tx: &mut Tx,
    fields: &mut Fields,
    role: PersonRole,
    named: Option<SalesmanId>,
    now: Option<&PersonRef>,
) -> Result<Option<Choice>, Problem> {
    // Whoever is there already stays, on leave or not: the command leaves his place as it is.
    let Some(id) = named.filter(|id| now.is_none_or(|person| person.id != *id)) else {
        return Ok(None);
    };
    let today: NaiveDate = seoul_date(tx.now());
    let pointer = match role {
        PersonRole::Salesman => "/salesmanId",
        PersonRole::Consultant => "/consultantId",
    };
    match copies::candidate(tx, id).await? {
        None => fields.refuse(
            pointer,
            "unknown",
            Text::new("등록되지 않은 사람입니다", "There is no such person"),
        ),
        Some((his, _)) if his != role => refuse_role(fields, pointer, role),
        Some((_, candidate)) => match candidate.unavailable(today) {
            Some(why) => refuse_unavailable(fields, pointer, why),
            None => return Ok(Some(strategy::by_hand(&candidate))),
        },
    }
    Ok(None)
}

fn refuse_role(fields: &mut Fields, pointer: &str, wanted: PersonRole) {
    let message = match wanted {
        PersonRole::Salesman => Text::new("영업대표가 아닙니다", "This person is no salesman"),
        PersonRole::Consultant => Text::new("컨설턴트가 아닙니다", "This person is no consultant"),
    };
    fields.refuse(pointer, "wrong-role", message);
}

fn refuse_unavailable(fields: &mut Fields, pointer: &str, why: Unavailable) {
    match why {
        Unavailable::Inactive => {
            fields.refuse(
                pointer,
                "inactive",
                Text::new(
                    "지금은 활동하지 않는 사람입니다",
                    "This person is not active",
                ),
            );
        }
        Unavailable::OnLeave(leave) => {
            let (from, until) = (leave.from, leave.until);
            let message = Text::new(
                format!("{from}부터 {until}까지 휴가입니다"),
                format!("On leave from {from} to {until}"),
            );
            fields.refuse(pointer, "on-leave", message);
        }
        Unavailable::AtCapacity => {
            let message = Text::new(
                "더 맡을 수 없습니다",
                "This person holds as many open matches as he can",
            );
            fields.refuse(pointer, "at-capacity", message);
        }
    }
}
