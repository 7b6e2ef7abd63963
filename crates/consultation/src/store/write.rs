//! Creating and changing consultations, with their events and timeline entries.

use chrono::{DateTime, Utc};
use events::{Actor, ConsultationCreated, ConsultationId, Envelope, PersonRef};
use service_kit::Tx;
use service_kit::forms::phone::Phone;
use service_kit::http::problem::ChangeError;
use service_kit::messaging::event_log;
use uuid::Uuid;

use super::{read, timeline};
use crate::consultation::{Change, Command, Consultation, Refusal};
use crate::timeline::{Entry, TimelineEvent};

/// Who caused a change and when, for the timeline.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cause {
    id: Uuid,
    at: DateTime<Utc>,
    actor: Actor,
    /// The version of the other service's aggregate, if an event of it is the cause.
    version: Option<i64>,
}

impl Cause {
    pub(crate) fn command(tx: &Tx, actor: Actor) -> Self {
        Self {
            id: tx.new_id(),
            at: tx.now(),
            actor,
            version: None,
        }
    }

    /// An event of another service. The entry gets its id and time, so that the same event makes
    /// the same row whenever it is consumed.
    pub(crate) fn event(envelope: &Envelope, actor: Actor) -> Self {
        Self {
            id: envelope.id,
            at: envelope.recorded_at,
            actor,
            version: Some(envelope.version),
        }
    }

    fn entry(self, consultation: &Consultation, event: TimelineEvent) -> Entry {
        Entry {
            id: self.id,
            at: self.at,
            actor: self.actor,
            version: self.version.unwrap_or(consultation.version),
            event,
        }
    }
}

/// Stores a new consultation with its first event and its first timeline entry.
pub(crate) async fn create(
    tx: &mut Tx,
    consultation: &Consultation,
    event: &ConsultationCreated,
) -> Result<(), sqlx::Error> {
    let now = tx.now();
    sqlx::query(
        "insert into consultation (id, project_id, project_name, customer_id, phone, customer_name,
                                   consent_role, consent_by, consent_at, desired_on, memo, step,
                                   version, created_at, updated_at, asked_project_id)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $14, $15)",
    )
    .bind(consultation.id.0)
    .bind(consultation.project_id.0)
    .bind(&consultation.project_name)
    .bind(consultation.customer_id.0)
    .bind(consultation.phone.as_ref().map(Phone::e164))
    .bind(&consultation.customer_name)
    .bind(consultation.consent.map(|consent| consent.role.as_str()))
    .bind(consultation.consent.map(|consent| consent.by))
    .bind(consultation.consent.map(|consent| consent.at))
    .bind(consultation.desired_on)
    .bind(&consultation.memo)
    .bind(consultation.step.as_str())
    .bind(consultation.version)
    .bind(now)
    .bind(consultation.asked_project_id.map(|id| id.0))
    .execute(&mut **tx)
    .await?;
    let requested = TimelineEvent::Requested {
        desired_date: consultation.desired_on,
    };
    let entry = Cause::command(tx, event.actor).entry(consultation, requested);
    timeline::store(tx, consultation.id, &entry).await?;
    event_log::append(tx, consultation.version, event).await
}

/// The only way to change a consultation: lock, check, decide, save and record the timeline entry
/// and the event, in the caller's transaction.
pub(crate) async fn change(
    tx: &mut Tx,
    id: ConsultationId,
    check: impl FnOnce(&Consultation) -> Result<(), ChangeError<Refusal>>,
    command: Command,
    cause: Cause,
) -> Result<(), ChangeError<Refusal>> {
    sqlx::query("select 1 from consultation where id = $1 for update")
        .bind(id.0)
        .execute(&mut **tx)
        .await?;
    let stored = read::load(tx, id).await?.ok_or(ChangeError::NotFound)?;
    let mut consultation = stored.consultation;
    check(&consultation)?;
    let change = consultation.handle(command, cause.actor);
    let Some(change) = change.map_err(ChangeError::Refused)? else {
        return Ok(());
    };
    let event = TimelineEvent::new(&consultation, &change);
    consultation.apply(&change);
    save(tx, &consultation, cause.at).await?;
    timeline::store(tx, id, &cause.entry(&consultation, event)).await?;
    match &change {
        Change::Edited { event, .. } => event_log::append(tx, consultation.version, event).await?,
        Change::Progressed { event, .. } => {
            event_log::append(tx, consultation.version, event).await?;
        }
        Change::Assigned { .. } => {}
    }
    Ok(())
}

async fn save(
    tx: &mut Tx,
    consultation: &Consultation,
    at: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    let id = |person: &PersonRef| person.id.0;
    let name = |person: &PersonRef| person.display_name.clone();
    sqlx::query(
        "update consultation
         set desired_on = $2, memo = $3, step = $4, reason = $5, salesman_id = $6,
             salesman_name = $7, consultant_id = $8, consultant_name = $9, version = $10,
             updated_at = greatest(updated_at, $11)
         where id = $1",
    )
    .bind(consultation.id.0)
    .bind(consultation.desired_on)
    .bind(&consultation.memo)
    .bind(consultation.step.as_str())
    .bind(&consultation.reason)
    .bind(consultation.salesman.as_ref().map(id))
    .bind(consultation.salesman.as_ref().map(name))
    .bind(consultation.consultant.as_ref().map(id))
    .bind(consultation.consultant.as_ref().map(name))
    .bind(consultation.version)
    .bind(at)
    .execute(&mut **tx)
    .await?;
    Ok(())
}
