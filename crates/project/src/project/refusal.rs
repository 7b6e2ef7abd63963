//! Why a command is refused.

use chrono::{Datelike as _, NaiveDate};
use events::{Period, Phase, ProjectStatus};
use service_kit::http::problem::Text;

use crate::period::YEARS;

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("the application period ends before it starts")]
    EndsBeforeItStarts,
    #[error("a date of the period is not between {} and {}", YEARS.start(), YEARS.end())]
    ImplausibleDate,
    #[error("the year is not between {} and {}", YEARS.start(), YEARS.end())]
    ImplausibleYear,
    #[error("only a planned project can be started: this one is {}", .0.as_str())]
    NotPlanned(ProjectStatus),
    #[error("only an ongoing project can be ended: this one is {}", .0.as_str())]
    NotOngoing(ProjectStatus),
    /// The deadline is today or later, or unknown.
    #[error("its deadline has not passed: it is {}", .0.as_str())]
    NotOverdue(Phase),
    #[error("the start day is after today")]
    StartedInTheFuture,
    #[error("the end day is after today")]
    EndedInTheFuture,
    #[error("the start day is not between {} and {}", YEARS.start(), YEARS.end())]
    ImplausibleStartDay,
    #[error("the end day is not between {} and {}", YEARS.start(), YEARS.end())]
    ImplausibleEndDay,
    #[error("the end day is before the start day")]
    EndedBeforeStarted,
    #[error("the predecessor is an edition of another series")]
    PredecessorElsewhere,
    #[error("the predecessor is not of an earlier year")]
    PredecessorNotEarlier,
    #[error("the next edition is of another series")]
    SuccessorElsewhere,
    #[error("the year is not after that of the previous edition")]
    NotAfterPredecessor,
    #[error("the year is not before that of the next edition")]
    NotBeforeSuccessor,
}

impl Refusal {
    /// The sentence in both languages of the pages.
    pub fn sentence(&self) -> Text {
        let ko = match self {
            Self::EndsBeforeItStarts => "마감일이 시작일보다 빠릅니다",
            Self::ImplausibleDate => "신청기간의 날짜를 확인해 주세요",
            Self::ImplausibleYear => "연도를 확인해 주세요",
            Self::NotPlanned(_) => "예정인 사업만 시작할 수 있습니다",
            Self::NotOngoing(_) => "진행 중인 사업만 종료할 수 있습니다",
            Self::NotOverdue(_) => "마감이 지나지 않은 사업입니다",
            Self::StartedInTheFuture => "오늘보다 늦은 날은 시작일이 될 수 없습니다",
            Self::EndedInTheFuture => "오늘보다 늦은 날은 종료일이 될 수 없습니다",
            Self::ImplausibleStartDay | Self::ImplausibleEndDay => "날짜를 확인해 주세요",
            Self::EndedBeforeStarted => "종료일이 시작일보다 빠릅니다",
            Self::PredecessorElsewhere => "이전 회차가 다른 계열의 사업입니다",
            Self::PredecessorNotEarlier => "이전 연도의 사업이어야 합니다",
            Self::SuccessorElsewhere => "다음 회차가 다른 계열의 사업이 됩니다",
            Self::NotAfterPredecessor => "이전 회차보다 늦은 연도여야 합니다",
            Self::NotBeforeSuccessor => "다음 회차보다 이른 연도여야 합니다",
        };
        Text::new(ko, self.to_string())
    }
}

/// Checks that the year of an edition is plausible.
///
/// # Errors
/// [`Refusal::ImplausibleYear`].
pub fn check_year(year: i32) -> Result<(), Refusal> {
    if YEARS.contains(&year) {
        Ok(())
    } else {
        Err(Refusal::ImplausibleYear)
    }
}

/// Checks the dates of a period, either of which may be absent.
///
/// # Errors
/// [`Refusal::EndsBeforeItStarts`], [`Refusal::ImplausibleDate`].
pub fn check_period(period: &Period) -> Result<(), Refusal> {
    let is_plausible = |date: NaiveDate| YEARS.contains(&date.year());
    let mut dates = [period.starts_on, period.ends_on].into_iter().flatten();
    if !dates.all(is_plausible) {
        return Err(Refusal::ImplausibleDate);
    }
    match (period.starts_on, period.ends_on) {
        (Some(start), Some(end)) if end < start => Err(Refusal::EndsBeforeItStarts),
        _ => Ok(()),
    }
}

/// Whether a page may link to it: an http(s) address of a host, without blanks.
pub fn is_web_address(link: &str) -> bool {
    let behind = |scheme: &str| {
        let start = link.get(..scheme.len())?;
        start
            .eq_ignore_ascii_case(scheme)
            .then(|| &link[scheme.len()..])
    };
    let Some(rest) = behind("https://").or_else(|| behind("http://")) else {
        return false;
    };
    let authority = rest.split(['/', '?', '#', '\\']).next();
    let (_, host) = authority.map_or(("", ""), |whole| {
        whole.rsplit_once('@').unwrap_or(("", whole))
    });
    let (host, port) = host.split_once(':').unwrap_or((host, "80"));
    let is_in_host = |letter: char| letter.is_alphanumeric() || matches!(letter, '-' | '.' | '_');
    host.starts_with(char::is_alphanumeric)
        && host.chars().all(is_in_host)
        && port.bytes().all(|byte| byte.is_ascii_digit())
        && !rest.contains(|letter: char| letter.is_whitespace() || letter.is_control())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_of_hosts_are_links() {
        for link in [
            "https://www.bizinfo.go.kr/view.do?pblancId=1&a=b#c",
            "HTTP://A.KR",
            "http://한글.kr:8080/가",
            "https://a.kr?next=javascript:alert(1)",
        ] {
            assert!(is_web_address(link), "{link}");
        }
        for text in [
            "javascript:alert(1)",
            "JavaScript://a.kr/%0aalert(1)",
            "data:text/html,a",
            "vbscript:a",
            "https://javascript:alert(1)",
            "https://",
            "https:///a",
            "https://java%73cript/a",
            "https://a.kr/b c",
            "https://a.kr/\u{1}",
            "ftp://a.kr",
            "a.kr",
            "",
            "가",
        ] {
            assert!(!is_web_address(text), "{text}");
        }
    }
}
