//! What other services' events do here.

use events::{HasEdition, HasProfile, Origin, SalesmanMatched};
use service_kit::{PolicyError, Received, Tx};

use crate::consultation::Command;
use crate::store::{self, Cause, copies};

/// `EditSalesman`: whenever a salesman is matched to a consultation, store him and the consultant on it.
///
/// A match made for an interest is the interest service's business: acknowledge and move on.
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
    store::change(
        tx,
        id,
        |_| Ok(()),
        command,
        Cause::event(&received.envelope, event.actor),
    )
    .await?;
    Ok(())
}

/// `KeepProjects`: whenever anything happens to an edition, keep what consultations about it show, and by what names it can be asked for.
pub(crate) async fn keep_projects<E: HasEdition>(
    tx: &mut Tx,
    received: &Received<E>,
) -> Result<(), PolicyError> {
    let (id, edition) = received.event.edition();
    copies::keep_project(tx, id, edition).await?;
    Ok(())
}

/// `KeepSalesmen`: whenever anything is told of a salesman or consultant, keep the name that he is shown by.
pub(crate) async fn keep_salesmen<E: HasProfile>(
    tx: &mut Tx,
    received: &Received<E>,
) -> Result<(), PolicyError> {
    let (id, profile) = received.event.profile();
    copies::keep_salesman(tx, id, profile).await?;
    Ok(())
}
