//! A salesman or consultant in responses.

use axum::http::StatusCode;
use chrono::{DateTime, NaiveDate, Utc};
use events::{Category, Leave, PersonRole, Region};
use serde::Serialize;
use service_kit::clock::seoul_date;
use service_kit::http::Versioned;
use service_kit::http::describe::{CategoryName, PersonRoleName, RegionName};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::store::assignments::AssignmentView;
use crate::store::roster::RosterEntry;

/// A salesman or consultant, visible to staff and to the person.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SalesmanView {
    pub(super) id: Uuid,
    /// The full name.
    name: String,
    /// The name that customers see.
    display_name: String,
    /// In E.164.
    phone: String,
    /// 영업대표 or 컨설턴트; never changes.
    #[schema(value_type = PersonRoleName)]
    role: PersonRole,
    /// Empty: the whole country.
    #[schema(value_type = Vec<RegionName>)]
    regions: Vec<Region>,
    /// The fields of expertise.
    #[schema(value_type = Vec<CategoryName>)]
    categories: Vec<Category>,
    /// The maximum number of open matches.
    capacity: u32,
    /// The share of matches, for strategies that use weights.
    weight: u32,
    /// Whether the person can be matched at all.
    active: bool,
    /// The entered leave, if any.
    leave: Option<LeaveView>,
    /// Whether the person is on leave today, in Seoul.
    on_leave: bool,
    /// The number of succeeded consultations.
    success_count: i64,
    /// The number of failed consultations.
    failure_count: i64,
    /// The number of open interests and consultations.
    open_count: i64,
    /// Succeeded among ended consultations, 0 to 1, rounded to four digits; null before the first.
    #[schema(minimum = 0, maximum = 1)]
    success_rate: Option<f64>,
    /// The same as the `ETag`. The counts change without it.
    pub(super) version: i64,
}

/// A leave (휴가), in Seoul, including both days.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LeaveView {
    /// The first day.
    from: NaiveDate,
    /// The last day: at most a year after the first.
    until: NaiveDate,
    /// Whether the open matches go to others on the first day (인계); by default they stay.
    #[schema(required = false, default = false)]
    hand_over: bool,
}

impl From<Leave> for LeaveView {
    fn from(leave: Leave) -> Self {
        Self {
            from: leave.from,
            until: leave.until,
            hand_over: leave.hand_over,
        }
    }
}

impl SalesmanView {
    pub(super) fn new(entry: RosterEntry, now: DateTime<Utc>) -> Self {
        let salesman = entry.salesman;
        let profile = salesman.profile;
        Self {
            id: salesman.id.0,
            name: salesman.name,
            display_name: profile.display_name,
            phone: salesman.phone.e164().to_owned(),
            role: profile.role,
            regions: profile.regions,
            categories: profile.categories,
            capacity: profile.capacity,
            weight: profile.weight,
            active: profile.active,
            leave: profile.leave.map(LeaveView::from),
            on_leave: profile
                .leave
                .is_some_and(|leave| leave.covers(seoul_date(now))),
            success_count: entry.succeeded,
            failure_count: entry.failed,
            open_count: entry.open,
            success_rate: success_rate(entry.succeeded, entry.failed),
            version: salesman.version,
        }
    }

    /// The answer with the version as its `ETag`, and for 201 with the location.
    pub(super) fn respond(self, status: StatusCode) -> Versioned<Self> {
        Versioned {
            status,
            location: (status == StatusCode::CREATED).then(|| format!("/salesmen/{}", self.id)),
            version: self.version,
            view: self,
        }
    }
}

pub(super) fn success_rate(succeeded: i64, failed: i64) -> Option<f64> {
    const DIGITS: f64 = 10_000.0;
    let number = |count: i64| u32::try_from(count).map(f64::from).ok();
    let (succeeded, ended) = (number(succeeded)?, number(succeeded.checked_add(failed)?)?);
    (ended > 0.0).then(|| (succeeded / ended * DIGITS).round() / DIGITS)
}

/// A salesman or consultant with the newest assignments.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SalesmanDetail {
    #[serde(flatten)]
    pub(super) person: SalesmanView,
    /// The newest 50 that are open; `openCount` is the number of all of them.
    pub(super) open_assignments: Vec<AssignmentView>,
    /// The newest 50 that are closed.
    pub(super) closed_assignments: Vec<AssignmentView>,
}
