//! The roster and its outcomes in a period, for staff.

use axum::extract::State;
use chrono::{Days, NaiveDate};
use events::PersonRole;
use serde::{Deserialize, Serialize};
use service_kit::auth::Staff;
use service_kit::clock::seoul_date;
use service_kit::http::problem::{Text, invalid_query};
use service_kit::http::{Date, Query, View};
use service_kit::{Context, Problem};
use sqlx::PgConnection;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::views::success_rate;
use crate::store::outcomes::{self, SalesmanOutcomes, Staffing};

/// The longest period, in days: a leap year.
const MAX_DAYS: u64 = 366;

/// Days of the period without `from`.
const DEFAULT_DAYS: u64 = 30;

/// `?from&until`.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct PeriodQuery {
    /// The first day, in Seoul; by default 29 days before the last one.
    #[param(value_type = Option<NaiveDate>)]
    from: Option<Date>,
    /// The last day, in Seoul; by default today. The period has at most 366 days.
    #[param(value_type = Option<NaiveDate>)]
    until: Option<Date>,
}

impl PeriodQuery {
    fn days(&self, today: NaiveDate) -> Result<Period, Problem> {
        let until = self.until.map_or(today, NaiveDate::from);
        let default = until.checked_sub_days(Days::new(DEFAULT_DAYS - 1));
        let from = self.from.map(NaiveDate::from).or(default).unwrap_or(until);
        let days = (until - from).num_days() + 1;
        match u64::try_from(days) {
            Ok(days @ 1..=MAX_DAYS) => Ok(Period { from, until, days }),
            _ => Err(invalid_query(Text::new(
                format!("기간은 1일에서 {MAX_DAYS}일까지로 보내 주세요"),
                format!("The period must have 1 to {MAX_DAYS} days"),
            ))),
        }
    }
}

#[derive(Debug, Clone, Copy)]
struct Period {
    from: NaiveDate,
    until: NaiveDate,
    days: u64,
}

impl Period {
    /// As many days, right before this period.
    fn before(self) -> Option<Self> {
        let until = self.from.pred_opt()?;
        let from = until.checked_sub_days(Days::new(self.days - 1))?;
        Some(Self {
            from,
            until,
            ..self
        })
    }
}

/// The outcomes of a period.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct PeriodView {
    /// The first day, in Seoul.
    from: NaiveDate,
    /// The last day, in Seoul.
    until: NaiveDate,
    /// Consultations that succeeded.
    succeeded: i64,
    /// Consultations that failed.
    failed: i64,
    /// Succeeded among ended consultations, 0 to 1, rounded to four digits; null without one.
    #[schema(minimum = 0, maximum = 1)]
    success_rate: Option<f64>,
}

impl PeriodView {
    async fn load(connection: &mut PgConnection, period: Period) -> Result<Self, sqlx::Error> {
        let total = outcomes::total(connection, period.from, period.until).await?;
        Ok(Self {
            from: period.from,
            until: period.until,
            succeeded: total.succeeded,
            failed: total.failed,
            success_rate: success_rate(total.succeeded, total.failed),
        })
    }
}

/// A salesman's outcomes in the period.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct SalesmanOutcomesView {
    id: Uuid,
    /// The name that customers see.
    display_name: String,
    /// Whether the person can be matched at all.
    active: bool,
    /// Consultations that succeeded in the period.
    succeeded: i64,
    /// Consultations that failed in the period.
    failed: i64,
    /// Succeeded among ended consultations of the period, 0 to 1, rounded to four digits; null
    /// without one.
    #[schema(minimum = 0, maximum = 1)]
    success_rate: Option<f64>,
    /// The number of open interests and consultations now.
    open_count: i64,
    /// The maximum number of open matches.
    capacity: i32,
}

impl From<SalesmanOutcomes> for SalesmanOutcomesView {
    fn from(salesman: SalesmanOutcomes) -> Self {
        let outcomes = salesman.outcomes;
        Self {
            id: salesman.id,
            display_name: salesman.display_name,
            active: salesman.active,
            succeeded: outcomes.succeeded,
            failed: outcomes.failed,
            success_rate: success_rate(outcomes.succeeded, outcomes.failed),
            open_count: salesman.open,
            capacity: salesman.capacity,
        }
    }
}

/// How many people of a role there are. Each is counted once, for the first reason that applies.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct StaffingView {
    /// All of them.
    total: i64,
    /// Those who can be matched now.
    available: i64,
    /// Those who are not active.
    inactive: i64,
    /// Those who are active and on leave today.
    on_leave: i64,
    /// Those who are active, not on leave, and at capacity.
    full: i64,
}

impl From<Staffing> for StaffingView {
    fn from(staffing: Staffing) -> Self {
        let Staffing {
            available,
            on_leave,
            inactive,
            full,
        } = staffing;
        Self {
            total: available + on_leave + inactive + full,
            available,
            inactive,
            on_leave,
            full,
        }
    }
}

/// The roster and its outcomes.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct DashboardView {
    /// The outcomes of all salesmen.
    period: PeriodView,
    /// The same over as many days before the period.
    previous: PeriodView,
    /// The salesmen who are active or have an outcome in the period: most succeeded first, at most
    /// 500.
    #[schema(max_items = 500)]
    outcomes: Vec<SalesmanOutcomesView>,
    /// 영업대표.
    salesmen: StaffingView,
    /// 컨설턴트.
    consultants: StaffingView,
}

/// How consultations ended in a period, in all and by salesman, and who can be matched now.
#[utoipa::path(
    get, path = "/salesmen/dashboard", tag = "salesman", params(PeriodQuery),
    responses((status = 200, body = DashboardView, description = "The numbers now")),
)]
pub(super) async fn show(
    State(context): State<Context>,
    _: Staff,
    Query(query): Query<PeriodQuery>,
) -> Result<View<DashboardView>, Problem> {
    let today = seoul_date(context.db.now());
    let period = query.days(today)?;
    let before = period.before().unwrap_or(period);
    let mut connection = context.db.pool().acquire().await?;
    let salesmen = outcomes::by_salesman(&mut connection, period.from, period.until).await?;
    let staffing = outcomes::staffing(&mut connection, PersonRole::Salesman, today).await?;
    let consultants = outcomes::staffing(&mut connection, PersonRole::Consultant, today).await?;
    Ok(View(DashboardView {
        period: PeriodView::load(&mut connection, period).await?,
        previous: PeriodView::load(&mut connection, before).await?,
        outcomes: salesmen
            .into_iter()
            .map(SalesmanOutcomesView::from)
            .collect(),
        salesmen: staffing.into(),
        consultants: consultants.into(),
    }))
}
