//! Messages by SMS, through an HTTP webhook that is signed as Standard Webhooks specifies, so that
//! adapters for SMS and 알림톡 relays can verify it with existing libraries.

pub(crate) mod queue;
pub(crate) mod webhook;
