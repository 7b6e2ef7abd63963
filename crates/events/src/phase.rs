//! What people see of an edition on a given day.
//!
//! Commands move the status, and the period is more often free text than two dates; a chip shows
//! one phase. The pages have the same function, and `tests/it/phase_cases.json` holds both to the
//! same cases.

use chrono::NaiveDate;

use crate::{Period, PeriodKind, ProjectStatus, text_enum};

/// The days before a deadline that count as closing: D-7 to D-day.
const CLOSING_DAYS: i64 = 7;

text_enum! {
    /// What people see of an edition.
    pub enum Phase {
        /// 예정: applications are not accepted yet.
        Upcoming = "upcoming",
        /// 접수중: applications are accepted.
        Open = "open",
        /// D-7 to D-day: applications are still accepted.
        Closing = "closing",
        /// 상시: applications are always accepted.
        Always = "always",
        /// 예산소진시: applications are accepted until the budget is used up.
        UntilBudget = "until_budget",
        /// 마감: the last day has passed, and staff have not ended it yet.
        Closed = "closed",
        /// 종료: it was ended.
        Ended = "ended",
    }
}

impl Phase {
    /// Whether applications are accepted.
    pub const fn is_open(self) -> bool {
        matches!(
            self,
            Self::Open | Self::Closing | Self::Always | Self::UntilBudget
        )
    }
}

/// The phase of an edition with this status and period, on a day in Seoul.
///
/// A planned edition is 예정 regardless of its period, because an expected period is not an
/// announcement; after its last day it is 마감. The phase of an ongoing edition depends on the dates,
/// or without them on the kind of period.
pub fn phase(status: ProjectStatus, period: &Period, today: NaiveDate) -> Phase {
    let days_left = period.ends_on.map(|end| (end - today).num_days());
    match (status, days_left) {
        (ProjectStatus::Ended, _) => Phase::Ended,
        (_, Some(..0)) => Phase::Closed,
        (ProjectStatus::Planned, _) => Phase::Upcoming,
        _ if period.starts_on.is_some_and(|start| today < start) => Phase::Upcoming,
        (_, Some(..=CLOSING_DAYS)) => Phase::Closing,
        (_, Some(_)) => Phase::Open,
        (_, None) => match period.kind {
            PeriodKind::Always => Phase::Always,
            PeriodKind::UntilBudget => Phase::UntilBudget,
            PeriodKind::AnnouncedLater => Phase::Upcoming,
            PeriodKind::Range
            | PeriodKind::FirstCome
            | PeriodKind::UntilFilled
            | PeriodKind::Varies
            | PeriodKind::Recurring
            | PeriodKind::Invalid
            | PeriodKind::Missing
            | PeriodKind::Other => Phase::Open,
        },
    }
}
