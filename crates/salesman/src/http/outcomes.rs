//! The outcomes of one salesman, month by month.

use axum::extract::State;
use chrono::{Datelike as _, Months, NaiveDate};
use events::SalesmanId;
use serde::Serialize;
use service_kit::auth::{Identity, Staff};
use service_kit::clock::seoul_date;
use service_kit::http::{Path, View};
use service_kit::{Context, Problem};
use utoipa::ToSchema;

use super::views::success_rate;
use crate::store::outcomes::{self, Outcomes};
use crate::store::roster;

/// The present month and those before it.
const MONTHS: u32 = 12;

/// The outcomes of one month.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct MonthView {
    /// Year and month in Seoul, as `YYYY-MM`.
    #[schema(pattern = r"^\d{4}-\d{2}$")]
    month: String,
    /// Consultations that succeeded in it.
    succeeded: i64,
    /// Consultations that failed in it.
    failed: i64,
}

/// The outcomes of a salesman.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct OutcomesView {
    /// The last 12 months with the present one, oldest first.
    #[schema(min_items = 12, max_items = 12)]
    months: Vec<MonthView>,
    /// Succeeded in these months.
    succeeded: i64,
    /// Failed in these months.
    failed: i64,
    /// Succeeded among the ended ones of these months, 0 to 1, rounded to four digits; null without
    /// one.
    #[schema(minimum = 0, maximum = 1)]
    success_rate: Option<f64>,
}

impl OutcomesView {
    /// `known` are the months with an outcome, by their first day.
    fn new(first: NaiveDate, known: &[(NaiveDate, Outcomes)]) -> Self {
        let month = |index| {
            let month = first + Months::new(index);
            let of_month = known.iter().find(|(known, _)| *known == month);
            let outcomes = of_month.map(|(_, outcomes)| *outcomes).unwrap_or_default();
            MonthView {
                month: month.format("%Y-%m").to_string(),
                succeeded: outcomes.succeeded,
                failed: outcomes.failed,
            }
        };
        let months: Vec<MonthView> = (0..MONTHS).map(month).collect();
        let succeeded = months.iter().map(|month| month.succeeded).sum();
        let failed = months.iter().map(|month| month.failed).sum();
        Self {
            months,
            succeeded,
            failed,
            success_rate: success_rate(succeeded, failed),
        }
    }
}

/// The caller's outcomes in each of the last 12 months. Consultants have none.
#[utoipa::path(
    get, path = "/salesmen/me/outcomes", tag = "salesman",
    responses((status = 200, body = OutcomesView, description = "The months")),
)]
pub(super) async fn own(
    State(context): State<Context>,
    caller: Identity,
) -> Result<View<OutcomesView>, Problem> {
    of_person(&context, SalesmanId(caller.subject)).await
}

/// A salesman's outcomes in each of the last 12 months. Consultants have none.
#[utoipa::path(
    get, path = "/salesmen/{id}/outcomes", tag = "salesman",
    params(("id" = Uuid, Path, description = "The id of the salesman or consultant")),
    responses((status = 200, body = OutcomesView, description = "The months")),
)]
pub(super) async fn show(
    State(context): State<Context>,
    _: Staff,
    Path(id): Path<SalesmanId>,
) -> Result<View<OutcomesView>, Problem> {
    of_person(&context, id).await
}

async fn of_person(context: &Context, id: SalesmanId) -> Result<View<OutcomesView>, Problem> {
    let mut connection = context.db.pool().acquire().await?;
    roster::load(&mut connection, id)
        .await?
        .ok_or_else(Problem::not_found)?;
    let today = seoul_date(context.db.now());
    let month = today.with_day(1).unwrap_or(today);
    let first = month - Months::new(MONTHS - 1);
    let known = outcomes::by_month(&mut connection, id, first).await?;
    Ok(View(OutcomesView::new(first, &known)))
}
