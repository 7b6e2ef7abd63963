//! Reading consultations together with the projections of their project and people.

use chrono::{DateTime, NaiveDate, Utc};
use events::{ConsultationId, CustomerId, PersonRef, ProjectId, SalesmanId, Step};
use service_kit::Tx;
use service_kit::forms::on_behalf_of::Consent;
use service_kit::forms::phone::Phone;
use sqlx::postgres::{PgConnection, PgRow};
use sqlx::{AssertSqlSafe, FromRow, Row as _};
use uuid::Uuid;

use super::projections::PROJECT_COLUMNS;
use crate::consultation::Consultation;
use crate::known_project::KnownProject;

/// A consultation with what the table and the projections know beside its state.
#[derive(Debug)]
pub(crate) struct Stored {
    pub(crate) consultation: Consultation,
    pub(crate) project: Option<KnownProject>,
    /// The name of the ended edition that was asked for.
    pub(crate) asked_project_name: Option<String>,
    /// The assignees by their current display names. The consultation has those of its match, so
    /// that the order in which events arrive does not change its row.
    pub(crate) salesman: Option<PersonRef>,
    pub(crate) consultant: Option<PersonRef>,
    pub(crate) created_at: DateTime<Utc>,
    /// When it was approved.
    pub(crate) approved_at: Option<DateTime<Utc>>,
    /// When it reached a closed step.
    pub(crate) closed_at: Option<DateTime<Utc>>,
    /// When the customer was erased.
    pub(crate) erased_at: Option<DateTime<Utc>>,
}

impl Stored {
    /// The state right after the request, with that day and memo.
    pub(crate) fn into_requested(self, desired_on: NaiveDate, memo: String) -> Self {
        Self {
            consultation: self.consultation.into_requested(desired_on, memo),
            salesman: None,
            consultant: None,
            approved_at: None,
            closed_at: None,
            ..self
        }
    }
}

const COLUMNS: &str = "
    consultation.id, consultation.project_id, consultation.project_name, consultation.customer_id,
    consultation.phone, consultation.customer_name, consultation.consent_role,
    consultation.consent_by, consultation.consent_at, consultation.desired_on, consultation.memo,
    consultation.step, consultation.reason, consultation.version,
    consultation.salesman_id, consultation.salesman_name,
    consultation.consultant_id, consultation.consultant_name,
    coalesce(salesman.display_name, consultation.salesman_name) as salesman_current_name,
    coalesce(consultant.display_name, consultation.consultant_name) as consultant_current_name,
    consultation.created_at, consultation.approved_at, consultation.closed_at,
    consultation.erased_at,
    consultation.asked_project_id, asked.name as asked_project_name";

const JOINS: &str = "
    left join known_project project on project.id = consultation.project_id
    left join known_project asked on asked.id = consultation.asked_project_id
    left join known_salesman salesman on salesman.id = consultation.salesman_id
    left join known_salesman consultant on consultant.id = consultation.consultant_id";

/// SQL that selects [`Stored`] rows. What follows `where` may also contain an order and a limit.
pub(super) fn select_where(condition: &str) -> String {
    format!("select {COLUMNS}, {PROJECT_COLUMNS} from consultation {JOINS} where {condition}")
}

/// SQL around a query that selects rows of `consultation` in an order and with a limit: only these
/// are joined.
pub(super) fn select_page() -> (String, String) {
    let head =
        format!("select {COLUMNS}, {PROJECT_COLUMNS} from (select * from consultation where ");
    (head, format!(") consultation {JOINS}"))
}

impl FromRow<'_, PgRow> for Stored {
    fn from_row(row: &PgRow) -> Result<Self, sqlx::Error> {
        let phone: Option<String> = row.try_get("phone")?;
        let step: &str = row.try_get("step")?;
        let step = Step::ALL.into_iter().find(|known| known.as_str() == step);
        let known_id: Option<Uuid> = row.try_get("known_id")?;
        let asked_project_id: Option<Uuid> = row.try_get("asked_project_id")?;
        let consultation = Consultation {
            id: ConsultationId(row.try_get("id")?),
            project_id: ProjectId(row.try_get("project_id")?),
            asked_project_id: asked_project_id.map(ProjectId),
            project_name: row.try_get("project_name")?,
            customer_id: CustomerId(row.try_get("customer_id")?),
            phone: phone
                .map(Phone::try_from)
                .transpose()
                .map_err(|error| sqlx::Error::Decode(error.into()))?,
            customer_name: row.try_get("customer_name")?,
            consent: Consent::decode(
                row.try_get("consent_role")?,
                row.try_get("consent_by")?,
                row.try_get("consent_at")?,
            )?,
            desired_on: row.try_get("desired_on")?,
            memo: row.try_get("memo")?,
            step: step.ok_or_else(|| sqlx::Error::Decode("unknown step".into()))?,
            reason: row.try_get("reason")?,
            salesman: person(row, "salesman_id", "salesman_name")?,
            consultant: person(row, "consultant_id", "consultant_name")?,
            version: row.try_get("version")?,
        };
        Ok(Self {
            consultation,
            asked_project_name: row.try_get("asked_project_name")?,
            project: known_id.map(|_| KnownProject::from_row(row)).transpose()?,
            salesman: person(row, "salesman_id", "salesman_current_name")?,
            consultant: person(row, "consultant_id", "consultant_current_name")?,
            created_at: row.try_get("created_at")?,
            approved_at: row.try_get("approved_at")?,
            closed_at: row.try_get("closed_at")?,
            erased_at: row.try_get("erased_at")?,
        })
    }
}

fn person(row: &PgRow, id: &str, name: &str) -> Result<Option<PersonRef>, sqlx::Error> {
    let (id, name): (Option<Uuid>, Option<String>) = (row.try_get(id)?, row.try_get(name)?);
    Ok(id.zip(name).map(|(id, display_name)| PersonRef {
        id: SalesmanId(id),
        display_name,
    }))
}

pub(crate) async fn load(
    connection: &mut PgConnection,
    id: ConsultationId,
) -> Result<Option<Stored>, sqlx::Error> {
    sqlx::query_as(AssertSqlSafe(select_where("consultation.id = $1")))
        .bind(id.0)
        .fetch_optional(connection)
        .await
}

/// Loads a consultation and prevents changes to it, such as an erasure, until the transaction
/// ends. Use it before writing something that belongs to the consultation.
pub(crate) async fn load_shared(
    tx: &mut Tx,
    id: ConsultationId,
) -> Result<Option<Stored>, sqlx::Error> {
    sqlx::query("select 1 from consultation where id = $1 for share")
        .bind(id.0)
        .execute(&mut **tx)
        .await?;
    load(tx, id).await
}
