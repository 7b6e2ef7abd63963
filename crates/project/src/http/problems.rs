//! Refusals as problems, and lookups that answer 404.

use events::{Phase, ProjectId, ProjectStatus};
use service_kit::http::Fields;
use service_kit::{Db, Problem};
use sqlx::postgres::PgConnection;

use crate::project::Refusal;
use crate::reindex;
use crate::store::projects::{StoredProject, load};

/// One example of each problem.
pub(super) fn examples() -> Vec<Problem> {
    [
        Refusal::NotPlanned(ProjectStatus::Ongoing),
        Refusal::NotOngoing(ProjectStatus::Ended),
        Refusal::NotOverdue(Phase::Closing),
    ]
    .map(Problem::from)
    .into()
}

/// The project, or 404.
pub(super) async fn load_project(
    connection: &mut PgConnection,
    id: ProjectId,
) -> Result<StoredProject, Problem> {
    load(connection, id).await?.ok_or_else(Problem::not_found)
}

/// 503 until all series keys are current. Without its key, a series could be created twice.
pub(super) async fn require_series_keys(db: &Db) -> Result<(), Problem> {
    if reindex::is_current(db).await? {
        Ok(())
    } else {
        Err(Problem::unavailable("series keys are being recomputed"))
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let sentence = refusal.sentence();
        match refusal {
            Refusal::NotPlanned(status) => Self::conflict("project-not-planned", sentence)
                .with("projectStatus", status.as_str()),
            Refusal::NotOngoing(status) => Self::conflict("project-not-ongoing", sentence)
                .with("projectStatus", status.as_str()),
            Refusal::NotOverdue(phase) => {
                Self::conflict("project-not-overdue", sentence).with("phase", phase.as_str())
            }
            _ => {
                let mut fields = Fields::default();
                refuse_field(&mut fields, refusal);
                fields.problem()
            }
        }
    }
}

/// Adds a refusal that concerns one field. Those that concern the state are ignored.
pub(super) fn refuse_field(fields: &mut Fields, refusal: Refusal) {
    let (pointer, code) = match refusal {
        Refusal::EndsBeforeItStarts => ("/period/endsOn", "ends-before-it-starts"),
        Refusal::ImplausibleDate => ("/period", "no-such-date"),
        Refusal::ImplausibleYear => ("/year", "no-such-year"),
        Refusal::StartedInTheFuture => ("/startedOn", "in-the-future"),
        Refusal::ImplausibleStartDay => ("/startedOn", "no-such-date"),
        Refusal::EndedInTheFuture => ("/endedOn", "in-the-future"),
        Refusal::ImplausibleEndDay => ("/endedOn", "no-such-date"),
        Refusal::EndedBeforeStarted => ("/endedOn", "before-it-was-started"),
        Refusal::PredecessorElsewhere => ("/predecessor", "another-series"),
        Refusal::PredecessorNotEarlier => ("/predecessor", "not-earlier"),
        Refusal::SuccessorElsewhere => ("/seriesId", "has-a-successor"),
        Refusal::NotAfterPredecessor => ("/year", "not-after-predecessor"),
        Refusal::NotBeforeSuccessor => ("/year", "not-before-successor"),
        Refusal::NotPlanned(_) | Refusal::NotOngoing(_) | Refusal::NotOverdue(_) => return,
    };
    fields.refuse(pointer, code, refusal.sentence());
}
