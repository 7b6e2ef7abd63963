//! What callers can do with interests: read and turn them here, [`create`] them, read the customer's number ([`phone`]), see who was left
//! alone ([`unattended`]) and what moved ([`notifications`]); and what the gateway asks for a customer ([`me`]).

mod create;
mod me;
mod notifications;
mod phone;
mod unattended;

use axum::extract::State;
use axum::http::StatusCode;
use chrono::{DateTime, NaiveDate, Utc};
use events::{
    Category, CustomerId, InterestId, PeriodKind, Phase, ProjectId, ProjectStatus, SeriesId, phase,
};
use serde::{Deserialize, Serialize};
use service_kit::auth::{Identity, Role};
use service_kit::clock::seoul_date;
use service_kit::forms::on_behalf_of::PersonView;
use service_kit::forms::phone::Phone;
use service_kit::forms::project_ref;
use service_kit::http::describe::{CategoryName, PeriodKindName, PhaseName, RoleName, StatusName};
use service_kit::http::problem::{ChangeError, Text};
use service_kit::http::{Field, Fields, IfMatch, Json, PageQuery, Paged, Path, Query, Versioned};
use service_kit::{Context, Problem, Tx};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::interest::{Command, Consent, Interest, Refusal};
use crate::store::{self, Standing, Stored, Wanted};

pub(crate) fn routes() -> OpenApiRouter<Context> {
    OpenApiRouter::new()
        .routes(routes!(create::create, list))
        .routes(routes!(show, update))
        .routes(routes!(phone::phone))
        .routes(routes!(unattended::unattended))
        .routes(routes!(notifications::notifications))
        .routes(routes!(notifications::read))
        .routes(routes!(me::data))
        .routes(routes!(me::disclosures))
        .routes(routes!(me::erase))
}

/// One example of each problem of this service's own.
pub(crate) fn problems() -> Vec<Problem> {
    let older = InterestId(Uuid::from_u128(0x0193_a5d0_8c5e_7b64_9a3f_5f2c_1b7e_4d11));
    vec![
        project_ref::ambiguous_example(),
        Refusal::Merged { into: older }.into(),
        Refusal::Erased.into(),
    ]
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let en = refusal.to_string();
        match refusal {
            Refusal::Merged { into } => Self::conflict(
                "interest-merged",
                Text::new("같은 사업의 먼저 등록한 관심에 합쳐졌습니다", en),
            )
            .with("into", into.to_string()),
            Refusal::Erased => Self::conflict(
                "interest-erased",
                Text::new("고객이 개인정보를 삭제한 관심입니다", en),
            ),
        }
    }
}

/// An interest as its reader may see it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct InterestView {
    pub(crate) id: Uuid,
    /// The programme, over all of its editions; null while this service has not heard of the project.
    pub(crate) series_id: Option<Uuid>,
    /// The newest edition of the series that has not ended; when all have, the newest.
    pub(crate) project_id: Uuid,
    /// Its name.
    pub(crate) project_name: String,
    /// How it stands; null while this service has not heard of it.
    pub(crate) project: Option<ProjectStateView>,
    /// Whose; null once he was erased, like all that says who he is.
    pub(crate) customer_id: Option<Uuid>,
    pub(crate) customer_name: Option<String>,
    /// The middle is hidden.
    pub(crate) phone: Option<String>,
    pub(crate) interested: bool,
    /// Nobody until matched (배정 중).
    pub(crate) salesman: Option<PersonView>,
    pub(crate) consultant: Option<PersonView>,
    /// Who vouches that the customer agreed; null when the customer marked it himself.
    pub(crate) consent: Option<ConsentView>,
    /// The older interest of the same customer in the same programme that stands for this one, which then is off for good.
    pub(crate) merged_into: Option<Uuid>,
    /// When its customer was erased (삭제됨): it is off for good, and only staff still see it.
    pub(crate) erased_at: Option<DateTime<Utc>>,
    /// When it was marked first; null for a salesman who enters one that exists and is not on it.
    pub(crate) created_at: Option<DateTime<Utc>>,
    /// Also the `ETag`.
    pub(crate) version: i64,
}

/// How an edition stands today.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = InterestProjectState)]
pub(crate) struct ProjectStateView {
    year: i32,
    /// 분야.
    #[schema(value_type = CategoryName)]
    category: Category,
    /// 소관기관.
    agency: String,
    #[schema(value_type = StatusName)]
    status: ProjectStatus,
    /// What people see of it today, in Seoul.
    #[schema(value_type = PhaseName)]
    phase: Phase,
    /// Days until the last day of the application period, 0 on that day; null when there is none, or it has passed, or the edition is not
    /// running: a planned one's period is an expectation.
    days_left: Option<i64>,
    period: PeriodView,
}

/// When one can apply.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = InterestPeriod)]
pub(crate) struct PeriodView {
    /// How to read it.
    #[schema(value_type = PeriodKindName)]
    kind: PeriodKind,
    /// As it was written.
    text: String,
    starts_on: Option<NaiveDate>,
    /// It ends at 23:59:59 in Seoul.
    ends_on: Option<NaiveDate>,
}

/// Who vouches that the customer agreed.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = InterestConsent)]
pub(crate) struct ConsentView {
    /// `staff` or `salesman`.
    #[schema(value_type = RoleName)]
    role: Role,
    /// His id; null where a customer reads of staff.
    by: Option<Uuid>,
    /// When he recorded it.
    at: DateTime<Utc>,
}

impl From<Consent> for ConsentView {
    fn from(Consent { role, by, at }: Consent) -> Self {
        Self {
            role,
            by: Some(by),
            at,
        }
    }
}

impl ConsentView {
    /// For these eyes: which member of staff it was is no customer's business.
    pub(crate) fn for_reader(consent: Consent, reader: Role) -> Self {
        let view = Self::from(consent);
        let is_hidden = reader == Role::Customer && view.role == Role::Staff;
        Self {
            by: view.by.filter(|_| !is_hidden),
            ..view
        }
    }
}

impl ProjectStateView {
    fn on(standing: Standing, today: NaiveDate) -> Self {
        let Standing {
            year,
            category,
            agency,
            status,
            period,
        } = standing;
        let phase = phase(status, &period, today);
        let left = period.ends_on.map(|end| (end - today).num_days());
        let days_left = left.filter(|left| *left >= 0 && status == ProjectStatus::Ongoing);
        let period = PeriodView {
            kind: period.kind,
            text: period.text,
            starts_on: period.starts_on,
            ends_on: period.ends_on,
        };
        Self {
            year,
            category,
            agency,
            status,
            phase,
            days_left,
            period,
        }
    }
}

impl InterestView {
    /// The interest as that reader sees it on that day in Seoul.
    pub(crate) fn on(
        Stored {
            it,
            created_at,
            standing,
            ..
        }: Stored,
        reader: Role,
        today: NaiveDate,
    ) -> Self {
        Self {
            id: it.id.0,
            series_id: it.series_id.map(|series| series.0),
            project_id: it.project_id.0,
            project: standing.map(|standing| ProjectStateView::on(standing, today)),
            customer_id: it.erased_at.is_none().then_some(it.customer_id.0),
            phone: it.phone.as_ref().map(Phone::masked),
            interested: it.interested,
            merged_into: it.merged_into.map(|older| older.0),
            erased_at: it.erased_at,
            version: it.version,
            project_name: it.project_name,
            customer_name: it.customer_name,
            salesman: it.salesman.map(PersonView::from),
            consultant: it.consultant.map(PersonView::from),
            consent: it
                .consent
                .map(|consent| ConsentView::for_reader(consent, reader)),
            created_at: Some(created_at),
        }
    }
}

/// Whether somebody may know that the interest exists. Another person's is 404, not 403; of one that was merged, the people of the older one
/// are to know; and one that was erased is nobody's.
pub(crate) fn sees(who: &Identity, it: &Interest) -> bool {
    match who.role {
        Role::Staff => true,
        _ if it.erased_at.is_some() => false,
        Role::Customer => it.customer_id.0 == who.subject,
        Role::Salesman => it.merged_into.is_none() && who.is(it.salesman.as_ref()),
        Role::Consultant => it.merged_into.is_none() && who.is(it.consultant.as_ref()),
    }
}

/// The interest as it is in this transaction.
pub(crate) async fn shown(
    tx: &mut Tx,
    who: &Identity,
    status: StatusCode,
    id: InterestId,
) -> Result<Versioned<InterestView>, Problem> {
    let stored = store::load(tx, id).await?.ok_or_else(Problem::not_found)?;
    let location = (status == StatusCode::CREATED).then(|| format!("/interests/{id}"));
    let today = seoul_date(tx.now());
    Ok(Versioned {
        status,
        location,
        version: stored.it.version,
        view: InterestView::on(stored, who.role, today),
    })
}

/// Which interests, and which page of them.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListQuery {
    /// How many at most: 1 to 100, 50 unless given.
    #[param(minimum = 1, maximum = 100, default = 50)]
    limit: Option<u32>,
    /// Where the page before this one ended: the `next` of its answer.
    after: Option<String>,
    /// Only those in the series of this edition, whichever edition of it they show.
    #[param(value_type = Option<Uuid>)]
    project: Option<ProjectId>,
    /// Only those in this series.
    #[param(value_type = Option<Uuid>)]
    series: Option<SeriesId>,
    /// Only this customer's.
    #[param(value_type = Option<Uuid>)]
    customer: Option<CustomerId>,
    /// Only those that are on, or only those that are off.
    interested: Option<bool>,
}

/// The interests the caller may see, newest first, each with its project's live state.
///
/// A customer sees his own, a salesman or consultant those he is on, staff all, those whose customer was erased too.
#[utoipa::path(
    get, path = "/interests", tag = "interest", params(ListQuery),
    responses((status = 200, body = Paged<InterestView>)),
)]
async fn list(
    State(context): State<Context>,
    who: Identity,
    Query(query): Query<ListQuery>,
) -> Result<Paged<InterestView>, Problem> {
    let ListQuery {
        limit,
        after,
        project,
        series,
        customer,
        interested,
    } = query;
    let page = PageQuery { limit, after }.page()?;
    let stored = store::list(
        context.db.pool(),
        &who,
        Wanted {
            project,
            series,
            customer,
            interested,
        },
        page,
    )
    .await?;
    let today = seoul_date(context.db.now());
    let views = stored
        .into_iter()
        .map(|stored| InterestView::on(stored, who.role, today))
        .collect();
    Ok(Paged::from_rows(views, page, |view: &InterestView| view.id))
}

/// One interest, with its project's live state.
#[utoipa::path(
    get, path = "/interests/{id}", tag = "interest", params(("id" = Uuid, Path)),
    responses((status = 200, body = InterestView)),
)]
async fn show(
    State(context): State<Context>,
    who: Identity,
    Path(id): Path<InterestId>,
) -> Result<Versioned<InterestView>, Problem> {
    let mut connection = context.db.pool().acquire().await?;
    let stored = store::load(&mut connection, id)
        .await?
        .filter(|stored| sees(&who, &stored.it))
        .ok_or_else(Problem::not_found)?;
    let today = seoul_date(context.db.now());
    let version = stored.it.version;
    Ok(Versioned {
        status: StatusCode::OK,
        location: None,
        version,
        view: InterestView::on(stored, who.role, today),
    })
}

/// Off, or on again.
#[derive(Deserialize, ToSchema)]
pub(crate) struct UpdateInterest {
    /// Which of the two.
    #[serde(default)]
    #[schema(value_type = bool)]
    interested: Field<bool>,
    /// That the customer agreed: `true` from staff who turn it on, recorded with who they are and when.
    #[serde(default)]
    #[schema(value_type = Option<bool>)]
    consent: Field<bool>,
}

/// `UpdateInterest`: its customer, or staff for him, turns it off, or on again, which begins with nobody on it (배정 중).
#[utoipa::path(
    patch, path = "/interests/{id}", tag = "interest", request_body = UpdateInterest,
    params(("id" = Uuid, Path), ("If-Match" = String, Header, description = "The version that is meant, as its ETag")),
    responses((status = 200, body = InterestView)),
    extensions(
        ("x-command" = json!("UpdateInterest")),
        ("x-events" = json!(["InterestUpdated"])),
        ("x-problems" = json!(["interest-merged", "interest-erased"])),
    ),
)]
async fn update(
    State(context): State<Context>,
    who: Identity,
    Path(id): Path<InterestId>,
    if_match: IfMatch,
    Json { body, .. }: Json<UpdateInterest>,
) -> Result<Versioned<InterestView>, Problem> {
    let mut fields = Fields::default();
    let interested = fields.required("/interested", body.interested);
    let has_agreed = fields.optional("/consent", body.consent) == Some(true);
    if who.role == Role::Staff && interested == Some(true) && !has_agreed {
        let message = Text::new(
            "고객의 동의를 받았는지 확인해 주세요",
            "Confirm that the customer agreed",
        );
        fields.refuse("/consent", "consent-required", message);
    }
    let (Some(interested), true) = (interested, fields.is_valid()) else {
        return Err(fields.problem());
    };
    let mut tx = context.db.begin().await?;
    let may = |it: &Interest| match it.version {
        _ if !sees(&who, it) => Err(ChangeError::NotFound),
        current if !if_match.allows(current) => Err(ChangeError::Stale { current }),
        _ => Ok(()),
    };
    let now = tx.now();
    let is_vouched_for = who.role == Role::Staff && interested;
    let consent = is_vouched_for.then_some(Consent {
        role: who.role,
        by: who.subject,
        at: now,
    });
    let command = Command::Turn {
        interested,
        consent,
        at: now,
    };
    store::change(&mut tx, id, now, may, command, who.actor()).await?;
    let answer = shown(&mut tx, &who, StatusCode::OK, id).await?;
    tx.commit().await?;
    Ok(answer)
}
