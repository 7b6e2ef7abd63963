//! What people see of an edition on a given day.
//!
//! The status is moved by commands, the period is more often free text than two dates; a chip has to say one thing. The pages have the
//! same function, and `tests/it/phase_cases.json` holds both to the same cases.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::{Period, PeriodKind, ProjectStatus};

/// The last days before a deadline, in which people count: D-7 to D-day.
const CLOSING_DAYS: i64 = 7;

/// What people see of an edition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// 예정: nobody can apply yet.
    Upcoming,
    /// 접수중: one can apply.
    Open,
    /// D-7 to D-day: one can still apply.
    Closing,
    /// 상시: one can apply at any time.
    Always,
    /// 예산소진시: one can apply until the budget is used up.
    UntilBudget,
    /// 마감: the last day has passed, and nobody has ended it yet.
    Closed,
    /// 종료: it was ended.
    Ended,
}

impl Phase {
    /// Every phase there is.
    pub const ALL: [Self; 7] = [
        Self::Upcoming,
        Self::Open,
        Self::Closing,
        Self::Always,
        Self::UntilBudget,
        Self::Closed,
        Self::Ended,
    ];

    /// The phase's name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Upcoming => "upcoming",
            Self::Open => "open",
            Self::Closing => "closing",
            Self::Always => "always",
            Self::UntilBudget => "until_budget",
            Self::Closed => "closed",
            Self::Ended => "ended",
        }
    }

    /// Whether one can apply.
    pub const fn is_open(self) -> bool {
        matches!(
            self,
            Self::Open | Self::Closing | Self::Always | Self::UntilBudget
        )
    }
}

/// What people see of an edition with that status and that period on that day in Seoul.
///
/// A planned edition is 예정 whatever its period says, because an expected period is no announcement; once its last day has passed it is
/// 마감. Of an ongoing one the dates decide, and where there are none, how the period is written.
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
