//! The salesman and the consultant of an interest or a consultation.

use events::{PersonRef, SalesmanId};
use sqlx::postgres::PgRow;
use sqlx::{FromRow, Row as _};
use uuid::Uuid;

/// Read from `salesman_id`, `salesman_name`, `consultant_id` and `consultant_name`.
#[derive(Debug)]
pub(crate) struct Assigned {
    pub(crate) salesman: Option<PersonRef>,
    pub(crate) consultant: Option<PersonRef>,
}

impl FromRow<'_, PgRow> for Assigned {
    fn from_row(row: &PgRow) -> Result<Self, sqlx::Error> {
        let person = |id: &str, name: &str| -> Result<Option<PersonRef>, sqlx::Error> {
            let id: Option<Uuid> = row.try_get(id)?;
            let name: Option<String> = row.try_get(name)?;
            Ok(id.zip(name).map(|(id, display_name)| PersonRef {
                id: SalesmanId(id),
                display_name,
            }))
        };
        Ok(Self {
            salesman: person("salesman_id", "salesman_name")?,
            consultant: person("consultant_id", "consultant_name")?,
        })
    }
}
