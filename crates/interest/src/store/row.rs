//! Reads an interest together with the edition and the names that are shown with it.

use chrono::{DateTime, Utc};
use events::{
    Category, CustomerId, InterestId, Period, PersonRef, ProjectId, ProjectStatus, SalesmanId,
    SeriesId,
};
use serde::de::DeserializeOwned;
use service_kit::forms::on_behalf_of::Consent;
use service_kit::forms::phone::{InvalidPhone, Phone};
use sqlx::postgres::PgRow;
use sqlx::types::Json;
use sqlx::{FromRow, Row as _};
use uuid::Uuid;

use crate::interest::Interest;

/// The columns of a [`StoredInterest`], to be selected [`FROM`].
pub(super) const COLUMNS: &str = "interest.id, interest.series_id,
    interest.project_id as marked_project_id,
    coalesce(edition.id, interest.project_id) as project_id,
    coalesce(edition.name, interest.project_name, '') as project_name,
    interest.customer_id, interest.phone, interest.customer_name, interest.interested,
    interest.on_since, interest.on_version, interest.salesman_id,
    coalesce(salesman.display_name, interest.salesman_name) as salesman_name,
    interest.consultant_id,
    coalesce(consultant.display_name, interest.consultant_name) as consultant_name,
    interest.consent_role, interest.consent_by, interest.consent_at, interest.merged_into,
    interest.erased_at, interest.version, interest.created_at, interest.updated_at,
    edition.year, edition.category, edition.agency, edition.status, edition.period";

/// Joins the newest edition of the series that has not ended (or the newest of all) and the
/// newest known names.
pub(super) const FROM: &str = "from interest
    left join lateral (select * from known_project where series_id = interest.series_id
                       order by (status = 'ended'), year desc, id desc limit 1) edition on true
    left join known_salesman salesman on salesman.id = interest.salesman_id
    left join known_salesman consultant on consultant.id = interest.consultant_id";

/// The state of an edition, as this service knows it.
#[derive(Debug, Clone)]
pub(crate) struct ProjectState {
    pub(crate) year: i32,
    pub(crate) category: Category,
    pub(crate) agency: String,
    pub(crate) status: ProjectStatus,
    pub(crate) period: Period,
}

impl ProjectState {
    /// Reads the columns of the joined edition. `None` if there is none.
    pub(super) fn decode(row: &PgRow) -> Result<Option<Self>, sqlx::Error> {
        let Some(year) = row.try_get("year")? else {
            return Ok(None);
        };
        Ok(Some(Self {
            year,
            category: decode_enum(row, "category")?,
            agency: row.try_get("agency")?,
            status: decode_enum(row, "status")?,
            period: row.try_get::<Json<Period>, _>("period")?.0,
        }))
    }
}

#[derive(Debug)]
pub(crate) struct StoredInterest {
    pub(crate) interest: Interest,
    pub(crate) created_at: DateTime<Utc>,
    /// The time of the last activity on the interest.
    pub(crate) updated_at: DateTime<Utc>,
    /// `None` while the project is unknown.
    pub(crate) project: Option<ProjectState>,
}

/// Reads an enum that is stored under its wire name.
pub(super) fn decode_enum<T: DeserializeOwned>(
    row: &PgRow,
    column: &str,
) -> Result<T, sqlx::Error> {
    let name: String = row.try_get(column)?;
    serde_json::from_value(name.into()).map_err(|error| sqlx::Error::Decode(error.into()))
}

/// Reads a salesman or consultant from a nullable id and name.
pub(super) fn decode_person(
    row: &PgRow,
    id: &str,
    name: &str,
) -> Result<Option<PersonRef>, sqlx::Error> {
    let id: Option<Uuid> = row.try_get(id)?;
    let name: Option<String> = row.try_get(name)?;
    Ok(id.zip(name).map(|(id, display_name)| PersonRef {
        id: SalesmanId(id),
        display_name,
    }))
}

impl FromRow<'_, PgRow> for StoredInterest {
    fn from_row(row: &PgRow) -> Result<Self, sqlx::Error> {
        let phone: Option<String> = row.try_get("phone")?;
        let phone: Option<Phone> = phone
            .map(|phone| phone.parse())
            .transpose()
            .map_err(|error: InvalidPhone| sqlx::Error::Decode(error.into()))?;
        let consent = Consent::decode(
            row.try_get("consent_role")?,
            row.try_get("consent_by")?,
            row.try_get("consent_at")?,
        )?;
        let project = ProjectState::decode(row)?;
        let interest = Interest {
            id: InterestId(row.try_get("id")?),
            series_id: row.try_get::<Option<_>, _>("series_id")?.map(SeriesId),
            marked_project_id: ProjectId(row.try_get("marked_project_id")?),
            project_id: ProjectId(row.try_get("project_id")?),
            project_name: row.try_get("project_name")?,
            customer_id: CustomerId(row.try_get("customer_id")?),
            phone,
            customer_name: row.try_get("customer_name")?,
            interested: row.try_get("interested")?,
            on_since: row.try_get("on_since")?,
            on_version: row.try_get("on_version")?,
            salesman: decode_person(row, "salesman_id", "salesman_name")?,
            consultant: decode_person(row, "consultant_id", "consultant_name")?,
            consent,
            merged_into: row.try_get::<Option<_>, _>("merged_into")?.map(InterestId),
            erased_at: row.try_get("erased_at")?,
            version: row.try_get("version")?,
        };
        Ok(Self {
            interest,
            created_at: row.try_get("created_at")?,
            updated_at: row.try_get("updated_at")?,
            project,
        })
    }
}
