//! Reactions to events of this and other services.

use events::{
    Actor, ConsultationCreated, ConsultationEdited, ConsultationProgressed, HasPeople, HasProfile,
    InterestCreated, InterestUpdated, ProjectEnded, ProjectId,
};
use service_kit::{PolicyError, Received, Tx};

use crate::project::{Command, EditProject, Patch, Project};
use crate::store::projections::{self, PublishedInterest};
use crate::store::{projects, series};

/// `AnnualProjectCreate`: whenever a project is ended, next year's edition of the same series
/// exists, exactly once.
///
/// Causes `ProjectCreated`, or `ProjectEdited` of the edition that is there already.
///
/// An edition that has a successor gets no other, however often the event arrives. An existing
/// edition of next year is linked. If it follows another edition of this year (1차, 2차), it counts
/// as next year's edition of both.
pub(crate) async fn annual_project_create(
    tx: &mut Tx,
    received: &Received<ProjectEnded>,
) -> Result<(), PolicyError> {
    let Some(ended) = series::load_locked(tx, received.event.project_id).await? else {
        return Err(PolicyError::Park("there is no such project".to_owned()));
    };
    if ended.successor.is_some() {
        return Ok(());
    }
    let ended = ended.project;
    let next_year = ended.details.year + 1;
    match series::edition_of_year(tx, ended.series_id, next_year).await? {
        Some((_, Some(_))) => {}
        Some((next, None)) => {
            let edit = Command::Edit(Box::new(EditProject {
                predecessor: Patch::Set(ended.as_neighbour()),
                ..EditProject::default()
            }));
            projects::change(tx, next, |_| true, edit, Actor::System).await?;
        }
        None => {
            let id = ProjectId(tx.new_id());
            // `None` after the last plausible year.
            if let Some(command) = ended.next_edition(id) {
                let (project, event) = Project::create(command, Actor::System)
                    .map_err(|refusal| PolicyError::Park(refusal.to_string()))?;
                projects::create(tx, &project, &event).await?;
            }
        }
    }
    Ok(())
}

/// `ProjectView`: whenever an interest is created, store it.
pub(crate) async fn keep_new_interest(
    tx: &mut Tx,
    received: &Received<InterestCreated>,
) -> Result<(), PolicyError> {
    projections::take_batch_lock(tx).await?;
    let event = &received.event;
    let interest = PublishedInterest {
        id: event.interest_id,
        series_id: event.series_id,
        project_id: event.project_id,
        customer: &event.customer,
        interested: true,
        at: received.envelope.recorded_at,
        version: received.envelope.version,
    };
    Ok(projections::store_interest(tx, interest).await?)
}

/// `ProjectView`: whenever an interest is turned off or on, store which.
pub(crate) async fn keep_interest(
    tx: &mut Tx,
    received: &Received<InterestUpdated>,
) -> Result<(), PolicyError> {
    projections::take_batch_lock(tx).await?;
    let event = &received.event;
    let interest = PublishedInterest {
        id: event.interest_id,
        series_id: event.series_id,
        project_id: event.project_id,
        customer: &event.customer,
        interested: event.interested,
        at: received.envelope.recorded_at,
        version: received.envelope.version,
    };
    Ok(projections::store_interest(tx, interest).await?)
}

/// `ProjectView`: whenever a consultation is created, store it.
pub(crate) async fn keep_new_consultation(
    tx: &mut Tx,
    received: &Received<ConsultationCreated>,
) -> Result<(), PolicyError> {
    projections::take_batch_lock(tx).await?;
    Ok(projections::store_consultation(tx, received).await?)
}

/// `ProjectView`: whenever a consultation is edited, store its desired date.
pub(crate) async fn keep_desired_date(
    tx: &mut Tx,
    received: &Received<ConsultationEdited>,
) -> Result<(), PolicyError> {
    projections::take_batch_lock(tx).await?;
    Ok(projections::store_desired_date(tx, &received.event).await?)
}

/// `ProjectView`: whenever a consultation moves to another step, store the step.
pub(crate) async fn keep_step(
    tx: &mut Tx,
    received: &Received<ConsultationProgressed>,
) -> Result<(), PolicyError> {
    projections::take_batch_lock(tx).await?;
    Ok(projections::store_step(tx, &received.event).await?)
}

/// `ProjectView`: whenever people are matched or leave a match, store who is assigned.
pub(crate) async fn keep_match<E: HasPeople>(
    tx: &mut Tx,
    received: &Received<E>,
) -> Result<(), PolicyError> {
    projections::take_batch_lock(tx).await?;
    Ok(projections::store_match(tx, received).await?)
}

/// `KeepSalesmen`: whenever anything happens to a salesman or consultant, store the display name.
pub(crate) async fn keep_salesmen<E: HasProfile>(
    tx: &mut Tx,
    received: &Received<E>,
) -> Result<(), PolicyError> {
    let (id, profile) = received.event.profile();
    Ok(projections::store_salesman(tx, id, &profile.display_name).await?)
}
