//! The view of one project: who is assigned, for which customers, and how far they are.

use axum::extract::State;
use chrono::{DateTime, NaiveDate, Utc};
use events::{ProjectId, Step};
use serde::{Deserialize, Serialize};
use service_kit::auth::Identity;
use service_kit::clock::seoul_date;
use service_kit::forms::on_behalf_of::PersonView;
use service_kit::http::describe::StepName;
use service_kit::http::page::{decode_cursor, fetch_limit, parse_limit};
use service_kit::http::{Paged, Path, Query, View};
use service_kit::{Context, Problem};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::problems::load_project;
use super::views::ProjectView;
use crate::store::work::{
    self as store, Customer, CustomerPosition, Progress, SalesmanWork, Scope, Steps,
};

pub(super) fn routes() -> OpenApiRouter<Context> {
    OpenApiRouter::new().routes(routes!(show))
}

/// Who works on a project, for which customers, and how far they are.
#[derive(Debug, Serialize, ToSchema)]
struct WorkView {
    project: ProjectView,
    /// By name. A salesman sees only their own work, a consultant the salesmen they work with.
    salesmen: Vec<SalesmanWorkView>,
    /// The newest first. A salesman or consultant sees their own.
    customers: Paged<CustomerView>,
    /// Totals, the same for every caller.
    progress: ProgressView,
    /// Totals, the same for every caller.
    reached: ReachedView,
}

/// A salesman's work on the project.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct SalesmanWorkView {
    id: Uuid,
    /// The present display name.
    display_name: String,
    /// The number of interested customers.
    interests: i64,
    consultations: ConsultationsView,
}

/// The number of open consultations, and of all by their present step.
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
    "consultation": {
        "id": "0193a5d0-8c5e-7b64-9a3f-5f2c1b7e4d07",
        "step": "approved",
        "desiredDate": "2026-12-01"
    },
    "salesman": { "id": "0193a5d0-8c5e-7b64-9a3f-5f2c1b7e4d05", "displayName": "김하늘" },
    "consultant": null,
    "since": "2026-11-24T01:00:00Z",
}))]
struct CustomerView {
    /// Null after the customer's erasure.
    customer_id: Option<Uuid>,
    /// The last digits of the phone number. Names and numbers are in the interest and the
    /// consultation. Null after the customer's erasure.
    #[schema(example = "5678")]
    last_four: Option<String>,
    /// Whether the customer marked the programme.
    interested: bool,
    /// The newest one about this project.
    consultation: Option<CustomersConsultationView>,
    /// Assigned to the consultation, else to the interest; null until matched (배정 중).
    salesman: Option<PersonView>,
    consultant: Option<PersonView>,
    /// When the customer marked the programme or first applied for a consultation.
    since: DateTime<Utc>,
    /// When the customer was erased (삭제됨); visible to staff only. Anything later counts as another
    /// customer's.
    #[serde(skip_serializing_if = "Option::is_none")]
    erased_at: Option<DateTime<Utc>>,
}

/// A consultation in the view of its project.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct CustomersConsultationView {
    id: Uuid,
    #[schema(value_type = StepName)]
    step: Step,
    /// The day that the customer wishes for, in Seoul.
    desired_date: NaiveDate,
}

/// The funnel: the number of interested customers, of consultations by their present step, and of
/// those that are not assigned.
#[derive(Debug, Serialize, ToSchema)]
struct ProgressView {
    /// 관심: customers who marked the programme. 0 once the edition has ended: the interest continues
    /// with the next one.
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
    /// Interests and open consultations without a salesman (배정 중).
    unassigned: i64,
}

/// 이 단계까지 온 것: the number of consultations that came as far as a step, wherever they are now.
///
/// No consultation succeeds or fails without approval. A cancelled one counts as applied only, also
/// if it had been approved.
#[derive(Debug, Default, Serialize, ToSchema)]
pub(super) struct ReachedView {
    /// 신청: all consultations.
    applied: i64,
    /// 승인: the approved, succeeded and failed ones.
    approved: i64,
    /// 성공.
    succeeded: i64,
}

impl From<Steps> for ReachedView {
    fn from(steps: Steps) -> Self {
        let approved = steps.approved + steps.succeeded + steps.failed;
        Self {
            applied: steps.apply + approved + steps.cancelled,
            approved,
            succeeded: steps.succeeded,
        }
    }
}

impl From<SalesmanWork> for SalesmanWorkView {
    fn from(work: SalesmanWork) -> Self {
        Self {
            id: work.id,
            display_name: work.display_name,
            interests: work.interests,
            consultations: ConsultationsView {
                open: work.steps.apply + work.steps.approved,
                apply: work.steps.apply,
                approved: work.steps.approved,
                succeeded: work.steps.succeeded,
                failed: work.steps.failed,
                cancelled: work.steps.cancelled,
            },
        }
    }
}

impl From<Customer> for CustomerView {
    fn from(customer: Customer) -> Self {
        let consultation =
            customer
                .consultation
                .map(|(id, step, desired_date)| CustomersConsultationView {
                    id,
                    step,
                    desired_date,
                });
        Self {
            customer_id: customer.erased_at.is_none().then_some(customer.id.0),
            last_four: customer.last_four,
            interested: customer.interested,
            consultation,
            salesman: customer.assigned.salesman.map(PersonView::from),
            consultant: customer.assigned.consultant.map(PersonView::from),
            since: customer.since,
            erased_at: customer.erased_at,
        }
    }
}

impl From<Progress> for ProgressView {
    fn from(progress: Progress) -> Self {
        let Progress {
            interested,
            steps,
            unassigned,
        } = progress;
        Self {
            interested,
            applied: steps.apply,
            approved: steps.approved,
            succeeded: steps.succeeded,
            failed: steps.failed,
            cancelled: steps.cancelled,
            unassigned,
        }
    }
}

/// The page of customers.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct CustomersQuery {
    /// The size of the page of customers: 1 to 100, 50 by default.
    #[param(minimum = 1, maximum = 100, default = 50)]
    limit: Option<u32>,
    /// The `next` of the previous page of customers.
    after: Option<String>,
}

/// Who works on a project, for which customers, and how far they are: everything for staff, the
/// totals and their own customers for others.
#[utoipa::path(
    get, path = "/projects/{id}/view", tag = "project", params(("id" = Uuid, Path), CustomersQuery),
    responses((status = 200, body = WorkView)),
)]
async fn show(
    State(context): State<Context>,
    caller: Identity,
    Path(id): Path<ProjectId>,
    Query(query): Query<CustomersQuery>,
) -> Result<View<WorkView>, Problem> {
    let limit = parse_limit(query.limit)?;
    let after = query
        .after
        .as_deref()
        .map(decode_cursor::<CustomerPosition>)
        .transpose()?;
    let mut connection = context.db.pool().acquire().await?;
    let stored = load_project(&mut connection, id).await?;
    let scope = Scope::new(&stored.project, &caller);
    let progress = store::progress(&mut connection, scope).await?;
    let salesmen = store::salesmen(&mut connection, scope).await?;
    let fetched = fetch_limit(limit);
    let customers = store::customers(&mut connection, scope, after.as_ref(), fetched).await?;
    let page = Paged::from_rows_by(customers, limit, |customer| {
        CustomerPosition::from(customer)
    });
    Ok(View(WorkView {
        project: ProjectView::new(stored, seoul_date(context.db.now())),
        salesmen: salesmen.into_iter().map(SalesmanWorkView::from).collect(),
        customers: page.map(CustomerView::from),
        reached: progress.steps.into(),
        progress: progress.into(),
    }))
}
