//! Refusals of the aggregate as problems.

use std::borrow::Cow;

use service_kit::Problem;
use service_kit::http::Fields;
use service_kit::http::problem::Text;

use crate::salesman::{MAX_CAPACITY, Refusal, WEIGHTS};

/// Adds refusals of single fields to the other invalid fields.
pub(super) fn refuse_fields(fields: &mut Fields, refusals: Vec<Refusal>) {
    for refusal in refusals {
        let (pointer, code, ko): (_, _, Cow<'static, str>) = match refusal {
            Refusal::RoleIsFixed => ("/role", "fixed", "역할은 바꿀 수 없습니다".into()),
            Refusal::CapacityTooLarge => {
                let ko = format!("{MAX_CAPACITY} 이하로 입력해 주세요");
                ("/capacity", "too-large", ko.into())
            }
            Refusal::WeightOutOfRange => {
                let (min, max) = (WEIGHTS.start(), WEIGHTS.end());
                let ko = format!("{min}에서 {max} 사이로 입력해 주세요");
                ("/weight", "out-of-range", ko.into())
            }
            Refusal::LeaveBackwards => {
                let ko = "휴가 종료일은 시작일보다 빠를 수 없습니다";
                ("/leave/until", "before-from", ko.into())
            }
            Refusal::LeaveTooLong => {
                let ko = "휴가는 1년 이내로 입력해 주세요";
                ("/leave/until", "too-long", ko.into())
            }
            Refusal::LeaveOutOfCalendar => {
                ("/leave", "out-of-range", "날짜를 확인해 주세요".into())
            }
            Refusal::PhoneTaken => continue,
        };
        fields.refuse(pointer, code, Text::new(ko, refusal.to_string()));
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        if refusal == Refusal::PhoneTaken {
            let title = Text::new("이미 등록된 전화번호입니다", refusal.to_string());
            return Self::conflict("phone-taken", title);
        }
        let mut fields = Fields::default();
        refuse_fields(&mut fields, vec![refusal]);
        fields.problem()
    }
}
