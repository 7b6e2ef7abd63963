//! The view of one project: who works on it, for whom, and how far they are.

use axum::extract::State;
use chrono::{DateTime, NaiveDate, Utc};
use events::{ProjectId, Step};
use serde::Serialize;
use service_kit::auth::Identity;
use service_kit::clock::seoul_date;
use service_kit::forms::on_behalf_of::PersonView;
use service_kit::http::describe::StepName;
use service_kit::http::page::{decode_cursor, parse_limit};
use service_kit::http::{Paged, Path, Query, View};
use service_kit::{Context, Problem};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::ProjectView;
use crate::store;
use crate::store::view::{self, Asking, Customer, CustomerPlace, Progress, SalesmansWork};

pub(super) fn routes() -> OpenApiRouter<Context> {
    OpenApiRouter::new().routes(routes!(show))
}

/// Who works on a project, for whom, and how far they are.
#[derive(Debug, Serialize, ToSchema)]
struct WorkView {
    project: ProjectView,
    /// By name. A salesman sees himself, a consultant those whom he is with.
    salesmen: Vec<SalesmanWorkView>,
    /// Who came last first. A salesman or consultant sees his own.
    customers: Paged<CustomerView>,
    /// Of all of them, whoever asks.
    progress: ProgressView,
}

/// A salesman and what he has to do with the project.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct SalesmanWorkView {
    id: Uuid,
    /// The name he is shown by now.
    display_name: String,
    /// How many interested customers are his.
    interests: i64,
    consultations: ConsultationsView,
}

/// How many consultations are open, and how many stand at each step now.
#[derive(Debug, Serialize, ToSchema)]
struct ConsultationsView {
    /// 신청 and 승인.
    open: i64,
    /// 신청.
    apply: i64,
    /// 승인.
    approved: i64,
    /// 성공.
    succeeded: i64,
    /// 실패.
    failed: i64,
    /// 취소.
    cancelled: i64,
}

/// A customer of the project.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({
    "customerId": "0193a5d0-8c5e-8b64-9a3f-5f2c1b7e4d06",
    "lastFour": "5678",
    "interested": true,
    "consultation": { "id": "0193a5d0-8c5e-7b64-9a3f-5f2c1b7e4d07", "step": "approved", "desiredDate": "2026-12-01" },
    "salesman": { "id": "0193a5d0-8c5e-7b64-9a3f-5f2c1b7e4d05", "displayName": "김하늘" },
    "consultant": null,
    "since": "2026-11-24T01:00:00Z",
}))]
struct CustomerView {
    /// Null once he was erased.
    customer_id: Option<Uuid>,
    /// Of the phone number; names and numbers are with the interest and the consultation. Null once he was erased.
    #[schema(example = "5678")]
    last_four: Option<String>,
    /// Whether he marked the programme.
    interested: bool,
    /// His newest one about this project.
    consultation: Option<CustomersConsultationView>,
    /// Who is on that, or else on the interest; nobody until matched (배정 중).
    salesman: Option<PersonView>,
    consultant: Option<PersonView>,
    /// When he marked it, or first asked for a consultation.
    since: DateTime<Utc>,
    /// When he was erased (삭제됨). Whatever he does afterwards is another customer's here, and only staff see this one.
    #[serde(skip_serializing_if = "Option::is_none")]
    erased_at: Option<DateTime<Utc>>,
}

/// A consultation as the view of its project shows it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct CustomersConsultationView {
    id: Uuid,
    #[schema(value_type = StepName)]
    step: Step,
    /// The day the customer wishes for, in Seoul.
    desired_date: NaiveDate,
}

/// The funnel: how many customers are interested, how many consultations stand at each step now, and how much of all that nobody is on.
#[derive(Debug, Serialize, ToSchema)]
struct ProgressView {
    /// 관심: customers who marked the programme. None once the edition has ended: an interest goes on with the next one.
    interested: i64,
    /// 신청.
    applied: i64,
    /// 승인.
    approved: i64,
    /// 성공.
    succeeded: i64,
    /// 실패.
    failed: i64,
    /// 취소.
    cancelled: i64,
    /// Interests and open consultations that nobody is on (배정 중).
    unassigned: i64,
}

impl From<SalesmansWork> for SalesmanWorkView {
    fn from(work: SalesmansWork) -> Self {
        Self {
            id: work.id,
            display_name: work.display_name,
            interests: work.interests,
            consultations: ConsultationsView {
                open: work.open_consultations,
                apply: work.apply,
                approved: work.approved,
                succeeded: work.succeeded,
                failed: work.failed,
                cancelled: work.cancelled,
            },
        }
    }
}

impl From<Customer> for CustomerView {
    fn from(it: Customer) -> Self {
        let consultation =
            it.consultation
                .map(|(id, step, desired_date)| CustomersConsultationView {
                    id,
                    step,
                    desired_date,
                });
        Self {
            customer_id: it.erased_at.is_none().then_some(it.id.0),
            last_four: it.last_four,
            interested: it.interested,
            consultation,
            salesman: it.salesman.map(PersonView::from),
            consultant: it.consultant.map(PersonView::from),
            since: it.since,
            erased_at: it.erased_at,
        }
    }
}

impl From<Progress> for ProgressView {
    fn from(it: Progress) -> Self {
        Self {
            interested: it.interested,
            applied: it.apply,
            approved: it.approved,
            succeeded: it.succeeded,
            failed: it.failed,
            cancelled: it.cancelled,
            unassigned: it.unassigned,
        }
    }
}

/// `?limit&after` of the customers.
#[derive(Debug, serde::Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct CustomersQuery {
    /// How many customers at most: 1 to 100, 50 unless given.
    #[param(minimum = 1, maximum = 100, default = 50)]
    limit: Option<u32>,
    /// Where the customers before these ended: the `next` of an earlier answer.
    after: Option<String>,
}

/// Who works on a project, for whom, and how far they are: all of it for staff, the totals and their own customers for the others.
#[utoipa::path(
    get, path = "/projects/{id}/view", tag = "project", params(("id" = Uuid, Path), CustomersQuery),
    responses((status = 200, body = WorkView)),
)]
async fn show(
    State(context): State<Context>,
    who: Identity,
    Path(id): Path<ProjectId>,
    Query(query): Query<CustomersQuery>,
) -> Result<View<WorkView>, Problem> {
    let limit = parse_limit(query.limit)?;
    let after = query
        .after
        .as_deref()
        .map(decode_cursor::<CustomerPlace>)
        .transpose()?;
    let mut connection = context.db.pool().acquire().await?;
    let stored = store::load(&mut connection, id)
        .await?
        .ok_or_else(Problem::not_found)?;
    let asking = Asking::new(&stored.it, &who);
    let progress = view::progress(&mut connection, asking).await?;
    let salesmen = view::salesmen(&mut connection, asking).await?;
    let customers = view::customers(&mut connection, asking, after.as_ref(), limit + 1).await?;
    let page = Paged::from_rows_by(customers, limit, |customer| {
        CustomerPlace(customer.since, customer.newest_id)
    });
    Ok(View(WorkView {
        project: ProjectView::on(stored, seoul_date(context.db.now())),
        salesmen: salesmen.into_iter().map(SalesmanWorkView::from).collect(),
        customers: Paged {
            items: page.items.into_iter().map(CustomerView::from).collect(),
            next: page.next,
        },
        progress: progress.into(),
    }))
}
