//! Authentication: sessions, passwords, accounts, invitations and one-time codes, and the audit
//! log. Nothing here knows HTTP routes.

pub(crate) mod accounts;
pub(crate) mod audit_log;
pub(crate) mod backoff;
pub(crate) mod consent;
pub(crate) mod invitations;
pub(crate) mod one_time_code;
pub(crate) mod passwords;
pub(crate) mod security_log;
pub(crate) mod sessions;
pub(crate) mod staff_directory;
