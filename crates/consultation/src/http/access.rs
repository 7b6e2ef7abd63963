//! What a caller may see and do of one consultation, once [`permissions`](crate::permissions)
//! admits the role. `store::list` has the same rules in SQL.

use events::Step;
use service_kit::auth::{Identity, Role};

use crate::consultation::Consultation;

/// Whether the caller may know that the consultation exists; otherwise the answer is 404, not 403.
///
/// Only staff see a consultation whose customer was erased.
pub(super) fn can_see(caller: &Identity, consultation: &Consultation) -> bool {
    match caller.role {
        Role::Staff => true,
        _ if consultation.is_erased() => false,
        Role::Customer => consultation.customer_id.0 == caller.subject,
        Role::Salesman => caller.is(consultation.salesman.as_ref()),
        Role::Consultant => caller.is(consultation.consultant.as_ref()),
    }
}

/// Whether the role may move a consultation that it sees to that step.
pub(super) fn can_move_to(role: Role, to: Step) -> bool {
    match role {
        Role::Customer => to == Step::Cancelled,
        Role::Consultant => false,
        Role::Salesman | Role::Staff => true,
    }
}

/// Whether the role sees the notes that colleagues write for each other.
pub(super) fn can_see_notes(role: Role) -> bool {
    role != Role::Customer
}
