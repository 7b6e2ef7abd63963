//! Carrying out a command that a caller sent.

use axum::http::StatusCode;
use events::ConsultationId;
use service_kit::auth::Identity;
use service_kit::clock::seoul_date;
use service_kit::http::problem::ChangeError;
use service_kit::http::{IdempotencyKey, IfMatch, Versioned, idempotency};
use service_kit::{Context, Problem};

use super::access::can_see;
use super::show;
use super::views::WholeConsultationView;
use crate::consultation::{Command, Consultation};
use crate::store::{self, Cause};

/// Changes a consultation that the caller can see, and answers with its new state. A repeated
/// request only answers.
pub(super) async fn change(
    context: &Context,
    caller: &Identity,
    id: ConsultationId,
    if_match: IfMatch,
    command: Command,
    idempotency_key: Option<&IdempotencyKey>,
) -> Result<Versioned<WholeConsultationView>, Problem> {
    let mut tx = context.db.begin().await?;
    let today = seoul_date(tx.now());
    let (subject, status) = (caller.subject, StatusCode::OK);
    let earlier = idempotency::find(&mut tx, subject, idempotency_key).await?;
    if earlier.is_none() {
        let check = |consultation: &Consultation| match consultation.version {
            _ if !can_see(caller, consultation) => Err(ChangeError::NotFound),
            current if !if_match.allows(current) => Err(ChangeError::Stale { current }),
            _ => Ok(()),
        };
        let cause = Cause::command(&tx, caller.actor());
        store::change(&mut tx, id, check, command, cause).await?;
        idempotency::store(&mut tx, subject, idempotency_key, status, id.0).await?;
    }
    let stored = show::find(&mut tx, caller, id).await?;
    let answer = show::answer(&mut tx, caller, today, status, stored).await?;
    tx.commit().await?;
    Ok(answer)
}
