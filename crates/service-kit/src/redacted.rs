//! `Debug` for secrets and personal data.

/// Implements `Debug` so that it prints `***`, and a secret cannot get into a log by accident.
#[macro_export]
macro_rules! redacted_debug {
    ($($name:ty),+ $(,)?) => {$(
        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("***")
            }
        }
    )+};
}
