//! Schemas of the enums of `events` and of [`Role`]: `events` must not depend on utoipa.

use events::{Category, PeriodKind, PersonRole, Phase, ProjectStatus, Region, Step};
use utoipa::openapi::schema::{Schema, Type};
use utoipa::openapi::{ObjectBuilder, RefOr};
use utoipa::{PartialSchema, ToSchema};

use crate::auth::Role;

/// One schema for each enum, for `#[schema(value_type = RoleName)]`.
macro_rules! enum_schemas {
    ($($name:ident: $enum:ident, $description:literal;)*) => {$(
        #[doc = $description]
        #[derive(Debug)]
        pub struct $name;

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                let object = ObjectBuilder::new()
                    .schema_type(Type::String)
                    .description(Some($description))
                    .enum_values(Some($enum::ALL.map($enum::as_str)));
                object.into()
            }
        }

        impl ToSchema for $name {}
    )*};
}

enum_schemas! {
    CategoryName: Category, "분야.";
    RegionName: Region, "시도 of the present or the past, or 전국.";
    StatusName: ProjectStatus, "예정, 진행, 종료.";
    PhaseName: Phase, "예정, 접수중, D-7 to D-day, 상시, 예산소진시, 마감, 종료.";
    PeriodKindName: PeriodKind, "How an application period is written.";
    StepName: Step, "신청, 승인, 성공, 실패, 취소.";
    PersonRoleName: PersonRole, "영업대표 or 컨설턴트.";
    RoleName: Role, "The role of a signed-in caller.";
}
