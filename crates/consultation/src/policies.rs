//! Reactions to events of other services.

use events::{HasEdition, HasPeople, HasProfile, Origin};
use service_kit::{PolicyError, Received, Tx};

use crate::consultation::Command;
use crate::store::{self, Cause, projections};

/// `EditSalesman`: whenever people are matched to a consultation or leave it, store its salesman
/// and its consultant.
///
/// Matches of interests belong to the interest service and have no effect here.
pub(crate) async fn edit_salesman<E: HasPeople>(
    tx: &mut Tx,
    received: &Received<E>,
) -> Result<(), PolicyError> {
    let people = received.event.people();
    let Origin::Consultation(id) = people.origin else {
        return Ok(());
    };
    let command = Command::EditSalesman {
        salesman: people.salesman.cloned(),
        consultant: people.consultant.cloned(),
    };
    let cause = Cause::event(&received.envelope, people.actor);
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
