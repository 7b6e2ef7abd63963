//! Words of the contract as the description lists them: the events' own types must not depend on utoipa.

use utoipa::ToSchema;

/// One enumeration for each of them.
macro_rules! words {
    ($($(#[$doc:meta])* $name:ident { $($variant:ident $word:literal)* })*) => {$(
        $(#[$doc])*
        #[derive(Debug, ToSchema)]
        #[expect(missing_docs, reason = "only the description uses it; each variant is the word it is described as")]
        pub enum $name {
            $(#[schema(rename = $word)] $variant,)*
        }
    )*};
}

words! {
    /// 분야.
    CategoryName { Finance "금융" Technology "기술" Workforce "인력" Export "수출" Domestic "내수" Startup "창업" Management "경영" Other "기타" }
    /// 시도, or 전국.
    RegionName {
        Nationwide "전국" Seoul "서울" Busan "부산" Daegu "대구" Incheon "인천" Gwangju "광주" Daejeon "대전" Ulsan "울산" Sejong "세종"
        Gyeonggi "경기" Gangwon "강원" Chungbuk "충북" Chungnam "충남" Jeonbuk "전북" Jeonnam "전남" Gyeongbuk "경북" Gyeongnam "경남" Jeju "제주"
    }
    /// Planned, running, over.
    StatusName { Planned "planned" Ongoing "ongoing" Ended "ended" }
    /// 예정, 접수중, D-7 to D-day, 상시, 예산소진시, 마감, 종료.
    PhaseName {
        Upcoming "upcoming" Open "open" Closing "closing" Always "always" UntilBudget "until_budget" Closed "closed" Ended "ended"
    }
    /// How an application period is written.
    PeriodKindName {
        Range "range" UntilBudget "until_budget" Always "always" FirstCome "first_come" UntilFilled "until_filled"
        AnnouncedLater "announced_later" Varies "varies" Recurring "recurring" Invalid "invalid" Missing "missing" Other "other"
    }
    /// 신청, 승인, 성공, 실패, 취소.
    StepName { Apply "apply" Approved "approved" Succeeded "succeeded" Failed "failed" Cancelled "cancelled" }
    /// 영업대표 or 컨설턴트.
    PersonRoleName { Salesman "salesman" Consultant "consultant" }
    /// What somebody who is signed in may be.
    RoleName { Customer "customer" Staff "staff" Salesman "salesman" Consultant "consultant" }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed<T: utoipa::PartialSchema>() -> Vec<String> {
        let schema = serde_json::to_value(T::schema()).unwrap();
        schema["enum"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(serde_json::Value::as_str)
            .map(str::to_owned)
            .collect()
    }

    #[test]
    fn every_word_of_the_contract_is_described_and_no_other() {
        assert_eq!(
            listed::<CategoryName>(),
            events::Category::ALL.map(events::Category::as_str)
        );
        assert_eq!(
            listed::<RegionName>(),
            events::Region::ALL.map(events::Region::as_str)
        );
        assert_eq!(
            listed::<StatusName>(),
            events::ProjectStatus::ALL.map(events::ProjectStatus::as_str)
        );
        assert_eq!(
            listed::<PhaseName>(),
            events::Phase::ALL.map(events::Phase::as_str)
        );
        assert_eq!(
            listed::<PeriodKindName>(),
            events::PeriodKind::ALL.map(events::PeriodKind::as_str)
        );
        assert_eq!(
            listed::<StepName>(),
            events::Step::ALL.map(events::Step::as_str)
        );
        assert_eq!(listed::<PersonRoleName>(), ["salesman", "consultant"]);
        assert_eq!(
            listed::<RoleName>(),
            ["customer", "staff", "salesman", "consultant"]
        );
    }
}
