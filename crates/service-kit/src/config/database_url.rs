//! The URL of a database.

use std::str::FromStr;

use sqlx::ConnectOptions as _;
use sqlx::postgres::{PgConnectOptions, PgSslMode};

use super::CaFile;

/// A Postgres URL. It contains a password, so its `Debug` is `***`.
#[derive(Clone, PartialEq, Eq)]
pub struct DatabaseUrl(String);

impl DatabaseUrl {
    /// The URL itself, for the driver.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The variable that contains the URL of a service.
    pub fn variable(service: &str) -> String {
        let prefix = service.replace('-', "_").to_uppercase();
        format!("{prefix}_DATABASE_URL")
    }
}

crate::redacted_debug!(DatabaseUrl);

impl FromStr for DatabaseUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let is_postgres = text.starts_with("postgres://") || text.starts_with("postgresql://");
        // The driver's error could repeat the password.
        let options: PgConnectOptions = text
            .parse()
            .ok()
            .filter(|_| is_postgres)
            .ok_or("expected a postgres:// URL, with an sslmode of Postgres if any")?;
        check_tls(&options)?;
        Ok(Self(text.to_owned()))
    }
}

/// The driver also accepts what only looks like protection.
fn check_tls(options: &PgConnectOptions) -> Result<(), String> {
    let url = options.to_url_lossy();
    let root = url.query_pairs().find(|(name, _)| name == "sslrootcert");
    match (options.get_ssl_mode(), root) {
        // The driver trusts the public authorities beside sslrootcert, and anybody gets a
        // certificate from them: only the host name tells whose it is.
        (PgSslMode::VerifyCa, _) => {
            Err("sslmode=verify-ca does not check the host: use verify-full".to_owned())
        }
        // As the driver writes it; a certificate may also be in the URL itself.
        (PgSslMode::VerifyFull, Some((_, root))) => match root.strip_prefix("file: ") {
            Some(path) => match path.parse::<CaFile>() {
                Ok(_) => Ok(()),
                Err(error) => Err(format!("sslrootcert={path}: {error}")),
            },
            None => Ok(()),
        },
        (_, Some(_)) => Err("sslrootcert is used by sslmode=verify-full only".to_owned()),
        (_, None) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn url_that_only_looks_protected_is_refused_without_its_password() {
        for (parameters, expected) in [
            ("", None),
            ("?sslmode=disable", None),
            ("?sslmode=require", None),
            ("?sslmode=verify-full", None),
            ("?sslmode=on", Some("sslmode")),
            ("?sslmode=verify-ca", Some("use verify-full")),
            (
                "?sslmode=require&sslrootcert=/ca.pem",
                Some("verify-full only"),
            ),
            ("?sslrootcert=/ca.pem", Some("verify-full only")),
            (
                "?sslmode=verify-full&sslrootcert=/no/such/file",
                Some("sslrootcert=/no/such/file: it cannot be read"),
            ),
            (
                "?sslmode=verify-full&sslrootcert=/dev/null",
                Some("no certificate"),
            ),
        ] {
            let url = format!("postgres://ktgg:geheim@db.example/ktgg{parameters}");
            match (url.parse::<DatabaseUrl>(), expected) {
                (Ok(_), None) => {}
                (Err(error), Some(expected)) => {
                    assert!(error.contains(expected), "{parameters}: {error}");
                    assert!(!error.contains("geheim"), "{error}");
                }
                (read, _) => panic!("{parameters}: {read:?}"),
            }
        }
    }
}
