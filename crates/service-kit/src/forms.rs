//! Request fields that several services share.

pub mod notifications;
pub mod on_behalf_of;
pub mod phone;
pub mod project_ref;
pub mod text;
