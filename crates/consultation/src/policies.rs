//! What other services' events do here.

use events::{Actor, Origin, ProjectCreated, SalesmanMatched};
use service_kit::{PolicyError, Received, Tx};

use crate::consultation::Command;
use crate::store;

/// `EditSalesman`: whenever a salesman is matched to a consultation, store him and the consultant on it.
///
/// A match made for an interest is the interest service's business: acknowledge and move on.
pub(crate) async fn edit_salesman(tx: &mut Tx, received: &Received<SalesmanMatched>) -> Result<(), PolicyError> {
    let Origin::Consultation(id) = received.event.origin else {
        return Ok(());
    };
    let command =
        Command::EditSalesman { salesman: received.event.salesman.clone(), consultant: received.event.consultant.clone() };
    store::change(tx, id, |_| Ok(()), command, Actor::System).await?;
    Ok(())
}

/// `KeepProjects`: whenever a project is created, keep the name that consultations about it show.
pub(crate) async fn keep_projects(tx: &mut Tx, received: &Received<ProjectCreated>) -> Result<(), PolicyError> {
    store::keep_project(tx, &received.event).await?;
    Ok(())
}
