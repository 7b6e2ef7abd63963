//! The only SQL of this service: the consultation itself here, what else is kept beside it in the modules below.

pub(crate) mod copies;
pub(crate) mod disclosures;
pub(crate) mod erasure;
pub(crate) mod listing;
pub(crate) mod timeline;

use chrono::{DateTime, NaiveDate, Utc};
use events::{
    Actor, ConsultationCreated, ConsultationId, CustomerId, Envelope, Period, PersonRef, ProjectId,
    ProjectStatus, SalesmanId, Step,
};
use service_kit::Tx;
use service_kit::forms::phone::Phone;
use service_kit::http::problem::ChangeError;
use service_kit::messaging::event_log;
use sqlx::AssertSqlSafe;
use sqlx::postgres::PgConnection;
use sqlx::types::Json;
use uuid::Uuid;

use crate::consultation::{Change, Command, Consent, Consultation, Refusal};
use crate::known_project::KnownProject;
use crate::timeline::{Entry, Happening};

/// A consultation as it lies in its table, with what is known of its project and its people.
#[derive(Debug, sqlx::FromRow)]
struct Row {
    id: Uuid,
    project_id: Uuid,
    project_name: String,
    customer_id: Uuid,
    phone: Option<String>,
    customer_name: Option<String>,
    consent_role: Option<String>,
    consent_by: Option<Uuid>,
    consent_at: Option<DateTime<Utc>>,
    desired_on: NaiveDate,
    memo: String,
    step: String,
    reason: Option<String>,
    salesman_id: Option<Uuid>,
    salesman_name: Option<String>,
    consultant_id: Option<Uuid>,
    consultant_name: Option<String>,
    salesman_known_as: Option<String>,
    consultant_known_as: Option<String>,
    version: i64,
    created_at: DateTime<Utc>,
    erased_at: Option<DateTime<Utc>>,
    #[sqlx(flatten)]
    known: KnownRow,
}

/// A copy of an edition; all null where there is none.
#[derive(Debug, sqlx::FromRow)]
struct KnownRow {
    known_id: Option<Uuid>,
    known_name: Option<String>,
    names_told: Option<Vec<String>>,
    known_year: Option<i32>,
    known_agency: Option<String>,
    known_status: Option<String>,
    known_period: Option<Json<Period>>,
}

/// A consultation, when it was requested and erased, and what this service was told of its project and its people.
#[derive(Debug)]
pub(crate) struct Stored {
    pub(crate) it: Consultation,
    pub(crate) project: Option<KnownProject>,
    /// By what names the salesman service told them last. The consultation itself keeps those of its match, so that its row is the same
    /// whichever of the two was heard of first.
    pub(crate) salesman_known_as: Option<String>,
    pub(crate) consultant_known_as: Option<String>,
    pub(crate) created_at: DateTime<Utc>,
    /// When its customer was forgotten.
    pub(crate) erased_at: Option<DateTime<Utc>>,
}

impl Stored {
    /// As it was when it was requested, with that day and memo.
    pub(crate) fn into_requested(self, desired_on: NaiveDate, memo: String) -> Self {
        let it = self.it.into_requested(desired_on, memo);
        Self {
            it,
            salesman_known_as: None,
            consultant_known_as: None,
            ..self
        }
    }
}

impl TryFrom<Row> for Stored {
    type Error = sqlx::Error;

    fn try_from(row: Row) -> Result<Self, sqlx::Error> {
        let person = |id: Option<Uuid>, name: Option<String>| {
            Some(PersonRef {
                id: SalesmanId(id?),
                display_name: name?,
            })
        };
        let step = Step::ALL.into_iter().find(|step| step.as_str() == row.step);
        let it = Consultation {
            id: ConsultationId(row.id),
            project_id: ProjectId(row.project_id),
            project_name: row.project_name,
            customer_id: CustomerId(row.customer_id),
            phone: row
                .phone
                .map(|phone| phone.parse())
                .transpose()
                .map_err(|error| sqlx::Error::Decode(Box::new(error)))?,
            customer_name: row.customer_name,
            consent: consent(row.consent_role, row.consent_by, row.consent_at)?,
            desired_on: row.desired_on,
            memo: row.memo,
            step: step.ok_or_else(|| sqlx::Error::Decode("an unknown step".into()))?,
            reason: row.reason,
            salesman: person(row.salesman_id, row.salesman_name),
            consultant: person(row.consultant_id, row.consultant_name),
            version: row.version,
        };
        Ok(Self {
            it,
            project: row.known.project()?,
            salesman_known_as: row.salesman_known_as,
            consultant_known_as: row.consultant_known_as,
            created_at: row.created_at,
            erased_at: row.erased_at,
        })
    }
}

fn consent(
    role: Option<String>,
    by: Option<Uuid>,
    at: Option<DateTime<Utc>>,
) -> Result<Option<Consent>, sqlx::Error> {
    let (Some(role), Some(by), Some(at)) = (role, by, at) else {
        return Ok(None);
    };
    let role = role
        .parse()
        .map_err(|error: &str| sqlx::Error::Decode(error.into()))?;
    Ok(Some(Consent { role, by, at }))
}

impl KnownRow {
    fn project(self) -> Result<Option<KnownProject>, sqlx::Error> {
        let (Some(id), Some(name), Some(status)) =
            (self.known_id, self.known_name, self.known_status)
        else {
            return Ok(None);
        };
        let status = ProjectStatus::ALL
            .into_iter()
            .find(|it| it.as_str() == status);
        Ok(Some(KnownProject {
            id: ProjectId(id),
            name,
            names_told: self.names_told.unwrap_or_default(),
            year: self.known_year,
            agency: self.known_agency,
            status: status.ok_or_else(|| sqlx::Error::Decode("an unknown status".into()))?,
            period: self.known_period.map(|Json(period)| period),
        }))
    }
}

/// What is read of an edition's copy.
const KNOWN: &str = "project.id as known_id, project.name as known_name, project.names_told, project.year as known_year,
    project.agency as known_agency, project.status as known_status, project.period as known_period";

/// What is read of a consultation.
const COLUMNS: &str =
    "it.id, it.project_id, it.project_name, it.customer_id, it.phone, it.customer_name, it.consent_role, it.consent_by, it.consent_at,
    it.desired_on, it.memo, it.step, it.reason, it.salesman_id, it.salesman_name, it.consultant_id, it.consultant_name,
    salesman.display_name as salesman_known_as, consultant.display_name as consultant_known_as, it.version, it.created_at,
    it.erased_at";

/// Where it is read from.
const SOURCES: &str =
    "consultation it left join known_project project on project.id = it.project_id
    left join known_salesman salesman on salesman.id = it.salesman_id
    left join known_salesman consultant on consultant.id = it.consultant_id";

/// One consultation.
pub(crate) async fn load(
    connection: &mut PgConnection,
    id: ConsultationId,
) -> Result<Option<Stored>, sqlx::Error> {
    let sql = format!("select {COLUMNS}, {KNOWN} from {SOURCES} where it.id = $1");
    let row: Option<Row> = sqlx::query_as(AssertSqlSafe(sql))
        .bind(id.0)
        .fetch_optional(connection)
        .await?;
    row.map(Stored::try_from).transpose()
}

/// One consultation, which stays as it is until the caller's transaction ends: for what is written beside it, so that nothing is written
/// about a customer while he is forgotten.
pub(crate) async fn held(tx: &mut Tx, id: ConsultationId) -> Result<Option<Stored>, sqlx::Error> {
    sqlx::query("select 1 from consultation where id = $1 for share")
        .bind(id.0)
        .execute(&mut **tx)
        .await?;
    load(tx, id).await
}

/// What a change is written down with: who caused it, when, and by which event of another service.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cause {
    id: Uuid,
    at: DateTime<Utc>,
    actor: Actor,
    /// The version of the other service's aggregate; `None` when it is a command, whose version is the consultation's own.
    version: Option<i64>,
}

impl Cause {
    /// A command of somebody.
    pub(crate) fn command(tx: &Tx, actor: Actor) -> Self {
        Self {
            id: tx.new_id(),
            at: tx.now(),
            actor,
            version: None,
        }
    }

    /// An event of another service: by its own id and time, so that it makes the same rows whenever it comes.
    pub(crate) fn event(envelope: &Envelope, actor: Actor) -> Self {
        Self {
            id: envelope.id,
            at: envelope.recorded_at,
            actor,
            version: Some(envelope.version),
        }
    }

    fn entry(self, it: &Consultation, what: Happening) -> Entry {
        Entry {
            id: self.id,
            at: self.at,
            actor: self.actor,
            version: self.version.unwrap_or(it.version),
            what,
        }
    }
}

/// Stores a new consultation with its first event and the first entry of its timeline.
pub(crate) async fn create(
    tx: &mut Tx,
    it: &Consultation,
    event: &ConsultationCreated,
) -> Result<(), sqlx::Error> {
    let now = tx.now();
    sqlx::query(
        "insert into consultation (id, project_id, project_name, customer_id, phone, customer_name, consent_role, consent_by,
                                   consent_at, desired_on, memo, step, version, created_at, updated_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $14)",
    )
    .bind(it.id.0)
    .bind(it.project_id.0)
    .bind(&it.project_name)
    .bind(it.customer_id.0)
    .bind(it.phone.as_ref().map(Phone::e164))
    .bind(&it.customer_name)
    .bind(it.consent.map(|consent| consent.role.as_str()))
    .bind(it.consent.map(|consent| consent.by))
    .bind(it.consent.map(|consent| consent.at))
    .bind(it.desired_on)
    .bind(&it.memo)
    .bind(it.step.as_str())
    .bind(it.version)
    .bind(now)
    .execute(&mut **tx)
    .await?;
    let requested = Happening::Requested {
        desired_date: it.desired_on,
    };
    let entry = Cause::command(tx, event.actor).entry(it, requested);
    timeline::write(tx, it.id, &entry).await?;
    event_log::append(tx, it.version, event).await
}

/// The one way to change a consultation: lock, decide, save, and write down what happened and what is told, in the caller's transaction.
pub(crate) async fn change(
    tx: &mut Tx,
    id: ConsultationId,
    may: impl FnOnce(&Consultation) -> Result<(), ChangeError<Refusal>>,
    command: Command,
    cause: Cause,
) -> Result<(), ChangeError<Refusal>> {
    sqlx::query("select 1 from consultation where id = $1 for update")
        .bind(id.0)
        .execute(&mut **tx)
        .await?;
    let mut it = load(tx, id).await?.ok_or(ChangeError::NotFound)?.it;
    may(&it)?;
    if let Some(change) = it
        .handle(command, cause.actor)
        .map_err(ChangeError::Refused)?
    {
        let what = Happening::of(&it, &change);
        it.apply(&change);
        save(tx, &it, cause.at).await?;
        timeline::write(tx, id, &cause.entry(&it, what)).await?;
        match &change {
            Change::Edited { event, .. } => event_log::append(tx, it.version, event).await?,
            Change::Progressed { event, .. } => event_log::append(tx, it.version, event).await?,
            Change::SalesmanStored { .. } => {}
        }
    }
    Ok(())
}

async fn save(tx: &mut Tx, it: &Consultation, at: DateTime<Utc>) -> Result<(), sqlx::Error> {
    sqlx::query(
        "update consultation set desired_on = $2, memo = $3, step = $4, reason = $5, salesman_id = $6, salesman_name = $7,
                consultant_id = $8, consultant_name = $9, version = $10, updated_at = greatest(updated_at, $11)
         where id = $1",
    )
    .bind(it.id.0)
    .bind(it.desired_on)
    .bind(&it.memo)
    .bind(it.step.as_str())
    .bind(&it.reason)
    .bind(it.salesman.as_ref().map(|person| person.id.0))
    .bind(it.salesman.as_ref().map(|person| person.display_name.as_str()))
    .bind(it.consultant.as_ref().map(|person| person.id.0))
    .bind(it.consultant.as_ref().map(|person| person.display_name.as_str()))
    .bind(it.version)
    .bind(at)
    .execute(&mut **tx)
    .await?;
    Ok(())
}
