//! What this and other services' events do here.

use events::{
    Actor, ConsultationCreated, ConsultationEdited, ConsultationProgressed, HasProfile,
    InterestCreated, InterestUpdated, ProjectEnded, ProjectId, SalesmanMatched,
};
use service_kit::{PolicyError, Received, Tx};

use crate::project::{Command, EditProject, Neighbour, Patch, Project};
use crate::store::{self, view};

/// `AnnualProjectCreate`: whenever a project is ended, next year's edition of the same series exists, exactly once.
///
/// Causes `ProjectCreated`, or `ProjectEdited` of the edition that is there already.
///
/// However often the event comes: an edition that has a successor gets no other. One that is there already is linked, and where it follows
/// another edition of this year (1차, 2차), it is next year's edition of both.
pub(crate) async fn annual_project_create(
    tx: &mut Tx,
    received: &Received<ProjectEnded>,
) -> Result<(), PolicyError> {
    let event = &received.event;
    let Some(ended) = store::load_with_series(tx, event.project_id).await? else {
        return Err(PolicyError::Park("there is no such project".to_owned()));
    };
    if ended.successor.is_some() {
        return Ok(());
    }
    let ended = ended.it;
    match store::edition_of(tx, ended.series_id, ended.year + 1).await? {
        Some((_, Some(_))) => Ok(()),
        Some((next, None)) => {
            let edit = EditProject {
                predecessor: Patch::Set(Neighbour::from(&ended)),
                ..EditProject::default()
            };
            store::change(
                tx,
                next,
                |_: &Project| Ok(()),
                Command::Edit(Box::new(edit)),
                Actor::System,
            )
            .await?;
            Ok(())
        }
        None => {
            let id = ProjectId(tx.new_id());
            // After the last year there is no next one.
            let Some(command) = ended.next_edition(id) else {
                return Ok(());
            };
            let (it, event) = Project::create(command, Actor::System)
                .map_err(|refusal| PolicyError::Park(refusal.to_string()))?;
            Ok(store::create(tx, &it, &event).await?)
        }
    }
}

/// `ProjectView`: whenever an interest is created, keep it.
pub(crate) async fn keep_new_interest(
    tx: &mut Tx,
    received: &Received<InterestCreated>,
) -> Result<(), PolicyError> {
    let event = &received.event;
    let told = view::ToldInterest {
        id: event.interest_id,
        series_id: event.series_id,
        project_id: event.project_id,
        customer: &event.customer,
        interested: true,
        at: received.envelope.recorded_at,
    };
    Ok(view::keep_interest(tx, told).await?)
}

/// `ProjectView`: whenever an interest is turned off or on, keep which.
pub(crate) async fn keep_interest(
    tx: &mut Tx,
    received: &Received<InterestUpdated>,
) -> Result<(), PolicyError> {
    let event = &received.event;
    let told = view::ToldInterest {
        id: event.interest_id,
        series_id: event.series_id,
        project_id: event.project_id,
        customer: &event.customer,
        interested: event.interested,
        at: received.envelope.recorded_at,
    };
    Ok(view::keep_interest(tx, told).await?)
}

/// `ProjectView`: whenever a consultation is created, keep it.
pub(crate) async fn keep_new_consultation(
    tx: &mut Tx,
    received: &Received<ConsultationCreated>,
) -> Result<(), PolicyError> {
    Ok(view::keep_consultation(tx, received).await?)
}

/// `ProjectView`: whenever a consultation is edited, keep the day it is wished for.
pub(crate) async fn keep_desired_date(
    tx: &mut Tx,
    received: &Received<ConsultationEdited>,
) -> Result<(), PolicyError> {
    Ok(view::keep_desired_date(tx, &received.event).await?)
}

/// `ProjectView`: whenever a consultation moves to another step, keep that.
pub(crate) async fn keep_step(
    tx: &mut Tx,
    received: &Received<ConsultationProgressed>,
) -> Result<(), PolicyError> {
    Ok(view::keep_step(tx, &received.event).await?)
}

/// `ProjectView`: whenever a salesman is matched, keep who is on what.
pub(crate) async fn keep_match(
    tx: &mut Tx,
    received: &Received<SalesmanMatched>,
) -> Result<(), PolicyError> {
    Ok(view::keep_match(tx, received).await?)
}

/// `KeepSalesmen`: whenever anything happens to a salesman or consultant, keep the name he is shown by.
pub(crate) async fn keep_salesmen<E: HasProfile>(
    tx: &mut Tx,
    received: &Received<E>,
) -> Result<(), PolicyError> {
    let (id, profile) = received.event.profile();
    Ok(view::keep_salesman(tx, id, &profile.display_name).await?)
}
