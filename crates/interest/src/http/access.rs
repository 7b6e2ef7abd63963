//! Which interests a caller may see, and whose phone number.

use service_kit::auth::{Identity, Role};

use crate::interest::Interest;

/// Whether the caller may know that the interest exists; otherwise the answer is 404, not 403.
///
/// A merged interest is hidden from its salesman and consultant: the people of the older interest
/// serve the customer. Only staff see an erased interest.
pub(crate) fn can_see(caller: &Identity, interest: &Interest) -> bool {
    match caller.role {
        Role::Staff => true,
        _ if interest.erased_at.is_some() => false,
        Role::Customer => interest.customer_id.0 == caller.subject,
        Role::Salesman => interest.merged_into.is_none() && caller.is(interest.salesman.as_ref()),
        Role::Consultant => {
            interest.merged_into.is_none() && caller.is(interest.consultant.as_ref())
        }
    }
}

/// Whether the caller may read the whole number: while the interest is on, because only then does
/// the customer expect a call. Staff may always read it.
pub(crate) fn can_call(caller: &Identity, interest: &Interest) -> bool {
    can_see(caller, interest) && (interest.interested || caller.role == Role::Staff)
}
