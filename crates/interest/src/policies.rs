//! What other services' events do here.

use events::{Actor, Origin, ProjectCreated, SalesmanMatched};
use service_kit::{PolicyError, Received, Tx};

use crate::interest::Command;
use crate::store;

/// `EditSalesman`: whenever a salesman is matched to an interest, store him and the consultant on it.
///
/// A match made for a consultation is the consultation service's business: acknowledge and move on.
pub(crate) async fn edit_salesman(tx: &mut Tx, received: &Received<SalesmanMatched>) -> Result<(), PolicyError> {
    let Origin::Interest(id) = received.event.origin else {
        return Ok(());
    };
    let command =
        Command::EditSalesman { salesman: received.event.salesman.clone(), consultant: received.event.consultant.clone() };
    store::change(tx, id, |_| Ok(()), command, Actor::System).await?;
    Ok(())
}

/// `KeepProjects`: whenever a project is created, keep its series and the name that interests in it show.
pub(crate) async fn keep_projects(tx: &mut Tx, received: &Received<ProjectCreated>) -> Result<(), PolicyError> {
    store::keep_project(tx, &received.event).await?;
    Ok(())
}
