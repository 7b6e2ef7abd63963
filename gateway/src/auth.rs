//! Who signs in, and how: sessions, passwords, accounts and one-time codes.

pub(crate) mod accounts;
pub(crate) mod backoff;
pub(crate) mod consent;
pub(crate) mod one_time_code;
pub(crate) mod passwords;
pub(crate) mod sessions;
pub(crate) mod staff_directory;
