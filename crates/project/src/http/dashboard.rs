//! What staff see first: what began within a time, and the deadlines that come next.

use axum::extract::State;
use chrono::{Datelike as _, Days, NaiveDate};
use serde::{Deserialize, Serialize};
use service_kit::clock::seoul_date;
use service_kit::http::problem::{Text, invalid_query};
use service_kit::http::{Date, Query, View};
use service_kit::{Context, Problem};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::views::ListedProjectView;
use super::work::ReachedView;
use crate::store::dashboard::{self as store, Unit};
use crate::store::figures;
use crate::store::work::Steps;

pub(super) fn routes() -> OpenApiRouter<Context> {
    OpenApiRouter::new().routes(routes!(show))
}

/// Days in Seoul. Empty parameters count as absent.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct DashboardQuery {
    /// The first day; 29 days before the last one by default.
    #[param(value_type = Option<NaiveDate>)]
    from: Option<Date>,
    /// The last day, today by default; at most 366 days with the first one.
    #[param(value_type = Option<NaiveDate>)]
    until: Option<Date>,
    /// `day` by default.
    #[param(value_type = Option<PartName>, inline)]
    by: Option<PartName>,
}

/// A part of the time.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum PartName {
    Day,
    Month,
}

/// What began within a time, and the deadlines that come next.
#[derive(Debug, Serialize, ToSchema)]
struct DashboardView {
    /// The first day, in Seoul.
    from: NaiveDate,
    /// The last day.
    until: NaiveDate,
    total: FunnelView,
    /// Each day or month, the earliest first; also those in which nothing began.
    parts: Vec<PartView>,
    deadlines: NextDeadlinesView,
}

/// From interest to success (관심, 신청, 승인, 성공), of what began within the time.
///
/// Interests and consultations are counted on the day of their creation, independently of each
/// other: a consultation needs no interest. An interest stays counted when it is turned off.
#[derive(Debug, Default, Serialize, ToSchema)]
struct FunnelView {
    /// 관심: interests.
    interests: i64,
    /// How far the consultations came.
    reached: ReachedView,
    /// 실패: consultations that failed.
    failed: i64,
    /// 취소: cancelled consultations.
    cancelled: i64,
}

/// What began within a day or a month.
#[derive(Debug, Serialize, ToSchema)]
struct PartView {
    /// Its first day within the time.
    from: NaiveDate,
    /// Its last day within the time.
    until: NaiveDate,
    #[serde(flatten)]
    funnel: FunnelView,
}

/// Ongoing projects whose last day is today or within 14 days.
#[derive(Debug, Serialize, ToSchema)]
struct NextDeadlinesView {
    /// How many there are.
    total: i64,
    /// At most 50, the soonest first.
    items: Vec<ListedProjectView>,
}

impl FunnelView {
    fn new(interests: i64, steps: Steps) -> Self {
        Self {
            interests,
            reached: steps.into(),
            failed: steps.failed,
            cancelled: steps.cancelled,
        }
    }
}

const MAX_DAYS: i64 = 366;

/// By default, until the last day.
const DEFAULT_DAYS: Days = Days::new(29);

impl DashboardQuery {
    /// The first and the last day.
    fn days(&self, today: NaiveDate) -> Result<(NaiveDate, NaiveDate), Problem> {
        let until = self.until.map_or(today, NaiveDate::from);
        let default = || until.checked_sub_days(DEFAULT_DAYS).unwrap_or(until);
        let from = self.from.map_or_else(default, NaiveDate::from);
        match (until - from).num_days() + 1 {
            1..=MAX_DAYS => Ok((from, until)),
            ..1 => Err(invalid_query(Text::new(
                "from은 until보다 늦을 수 없습니다",
                "from must not be after until",
            ))),
            _ => Err(invalid_query(Text::new(
                format!("{MAX_DAYS}일까지 볼 수 있습니다"),
                format!("from and until include at most {MAX_DAYS} days"),
            ))),
        }
    }
}

/// The first and the last day of each part.
fn parts((from, until): (NaiveDate, NaiveDate), unit: Unit) -> Vec<(NaiveDate, NaiveDate)> {
    let is_new = |day: &NaiveDate| *day == from || unit == Unit::Day || day.day() == 1;
    let days = from.iter_days().take_while(|day| *day <= until);
    let starts: Vec<NaiveDate> = days.filter(is_new).collect();
    let ends = starts
        .iter()
        .skip(1)
        .map(|start| start.pred_opt().unwrap_or(*start));
    let ends: Vec<NaiveDate> = ends.chain([until]).collect();
    starts.into_iter().zip(ends).collect()
}

/// What began within a time, day by day or month by month, and the deadlines of the next 14 days.
///
/// A consultation counts in the part in which it was created, however late it moved on.
#[utoipa::path(
    get, path = "/projects/dashboard", tag = "project", params(DashboardQuery),
    responses((status = 200, body = DashboardView)),
)]
async fn show(
    State(context): State<Context>,
    Query(query): Query<DashboardQuery>,
) -> Result<View<DashboardView>, Problem> {
    let today = seoul_date(context.db.now());
    let days = query.days(today)?;
    let unit = match query.by {
        None | Some(PartName::Day) => Unit::Day,
        Some(PartName::Month) => Unit::Month,
    };
    let mut connection = context.db.pool().acquire().await?;
    let interests = store::interests(&mut connection, days, unit).await?;
    let consultations = store::consultations(&mut connection, days, unit).await?;
    let (deadlines, total) = store::deadlines(&mut connection, today).await?;
    let ids: Vec<Uuid> = deadlines.iter().map(|stored| stored.project.id.0).collect();
    let mut figures = figures::of_projects(&mut connection, &ids).await?;
    let funnel = |of_part: &dyn Fn(NaiveDate) -> bool| {
        let interests = interests.iter().filter(|found| of_part(found.part));
        let consultations = consultations.iter().filter(|found| of_part(found.part));
        FunnelView::new(
            interests.map(|found| found.count).sum(),
            consultations.map(|found| found.steps).sum(),
        )
    };
    let in_part = |from: NaiveDate, found: NaiveDate| match unit {
        Unit::Day => found == from,
        Unit::Month => (found.year(), found.month()) == (from.year(), from.month()),
    };
    Ok(View(DashboardView {
        from: days.0,
        until: days.1,
        total: funnel(&|_| true),
        parts: parts(days, unit)
            .into_iter()
            .map(|(from, until)| PartView {
                from,
                until,
                funnel: funnel(&|found| in_part(from, found)),
            })
            .collect(),
        deadlines: NextDeadlinesView {
            total,
            items: deadlines
                .into_iter()
                .map(|stored| {
                    let figures = figures.remove(&stored.project.id.0).unwrap_or_default();
                    ListedProjectView::new(stored, today, Some(figures))
                })
                .collect(),
        },
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn parts_cover_all_days_once_and_the_first_month_may_be_cut() {
        let days = (day("2026-01-30"), day("2026-03-01"));
        assert_eq!(parts(days, Unit::Day).len(), 31);
        let months = [
            ("2026-01-30", "2026-01-31"),
            ("2026-02-01", "2026-02-28"),
            ("2026-03-01", "2026-03-01"),
        ];
        assert_eq!(
            parts(days, Unit::Month),
            months.map(|(from, until)| (day(from), day(until)))
        );
        let one = (day("2026-03-01"), day("2026-03-01"));
        assert_eq!(parts(one, Unit::Month), [one]);
    }
}
