//! Reactions to events of other services.

use events::{HasEdition, HasProfile, Origin, SalesmanMatched};
use service_kit::{PolicyError, Received, Tx};

use crate::consultation::Command;
use crate::store::{self, Cause, projections};

/// `EditSalesman`: whenever a salesman is matched to a consultation, store the salesman and the
/// consultant on it.
///
/// Matches of interests belong to the interest service and have no effect here.
pub(crate) async fn edit_salesman(
    tx: &mut Tx,
    received: &Received<SalesmanMatched>,
) -> Result<(), PolicyError> {
    let event = &received.event;
    let Origin::Consultation(id) = event.origin else {
        return Ok(());
    };
    let command = Command::EditSalesman {
        salesman: event.salesman.clone(),
        consultant: event.consultant.clone(),
    };
    let cause = Cause::event(&received.envelope, event.actor);
    Ok(store::change(tx, id, |_| Ok(()), command, cause).await?)
}

/// `KeepProjects`: whenever a project changes, update its projection.
pub(crate) async fn keep_projects<E: HasEdition>(
    tx: &mut Tx,
    received: &Received<E>,
) -> Result<(), PolicyError> {
    let (id, edition) = received.event.edition();
    Ok(projections::store_project(tx, id, edition).await?)
}

/// `KeepSalesmen`: whenever a salesman or consultant changes, update the display name.
pub(crate) async fn keep_salesmen<E: HasProfile>(
    tx: &mut Tx,
    received: &Received<E>,
) -> Result<(), PolicyError> {
    let (id, profile) = received.event.profile();
    Ok(projections::store_salesman(tx, id, profile).await?)
}
