//! `GET /consultations/counts`.

use axum::extract::State;
use events::Step;
use serde::Serialize;
use service_kit::auth::Identity;
use service_kit::clock::seoul_date;
use service_kit::http::View;
use service_kit::{Context, Problem};
use utoipa::ToSchema;

use crate::store::counts;

/// Numbers of the consultations that the caller may see.
#[derive(Debug, Default, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ConsultationCounts)]
pub(super) struct CountsView {
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
    /// Open ones without a salesman (배정 중), counted up to 1,000.
    #[schema(minimum = 0, maximum = 1000)]
    unassigned: i64,
    /// Open ones for today, in Seoul.
    #[schema(minimum = 0, maximum = 1000)]
    today: i64,
    /// Open ones whose desired day has passed. Today's and these are counted up to 1,000 together.
    #[schema(minimum = 0, maximum = 1000)]
    overdue: i64,
    /// Those of `overdue` that are in step `apply`.
    #[schema(minimum = 0, maximum = 1000)]
    apply_overdue: i64,
}

/// How many consultations stand at each step, and how many are due: a customer's own, those
/// assigned to a salesman or consultant, or all for staff.
#[utoipa::path(
    get, path = "/consultations/counts", tag = "consultation",
    responses((status = 200, body = CountsView, description = "The numbers now")),
)]
pub(super) async fn show(
    State(context): State<Context>,
    caller: Identity,
) -> Result<View<CountsView>, Problem> {
    let mut connection = context.db.pool().acquire().await?;
    let today = seoul_date(context.db.now());
    let due = counts::due(&mut connection, &caller, today).await?;
    let mut view = CountsView {
        unassigned: counts::unassigned(&mut connection, &caller).await?,
        today: due.today,
        overdue: due.overdue,
        apply_overdue: due.apply_overdue,
        ..CountsView::default()
    };
    for (step, count) in counts::by_step(&mut connection, &caller).await? {
        *match step {
            Step::Apply => &mut view.apply,
            Step::Approved => &mut view.approved,
            Step::Succeeded => &mut view.succeeded,
            Step::Failed => &mut view.failed,
            Step::Cancelled => &mut view.cancelled,
        } = count;
    }
    Ok(View(view))
}
