//! Applies or checks migrations.

use std::fmt::Write as _;
use std::io;
use std::time::Duration;

use anyhow::Context as _;
use sqlx::migrate::{AppliedMigration, Migrate as _, MigrateError, Migrator};
use sqlx::postgres::PgConnection;
use tokio_util::sync::CancellationToken;

use crate::config::{DatabaseUrl, Migrate};
use crate::db::{self, Db};

/// How often an unreachable database is tried at the start.
const POLL_INTERVAL: Duration = Duration::from_millis(300);

/// Applies or checks the migrations as soon as the database is reachable; `false` when `stop` came
/// first.
///
/// # Errors
/// When waiting does not help: an outdated schema, a failing migration, a wrong password, a
/// certificate that is not trusted.
pub async fn migrate_when_available(
    db: &Db,
    migrations: &Migrator,
    how: Migrate,
    stop: &CancellationToken,
) -> anyhow::Result<bool> {
    loop {
        let result = tokio::select! {
            () = stop.cancelled() => return Ok(false),
            result = db.migrate(migrations, how) => result,
        };
        match result {
            Ok(()) => return Ok(true),
            Err(error) if is_unavailable(&error) => {
                tracing::info!(
                    service = db.service(),
                    error = format!("{error:#}"),
                    "waiting for the database"
                );
            }
            Err(error) => return Err(error),
        }
        tokio::select! {
            () = stop.cancelled() => return Ok(false),
            () = tokio::time::sleep(POLL_INTERVAL) => {}
        }
    }
}

/// Whether the database is unreachable, or another replica is migrating it. Not a wrong password, a
/// wrong certificate or a failing migration.
fn is_unavailable(error: &anyhow::Error) -> bool {
    let cause = match error.downcast_ref::<MigrateError>() {
        Some(MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _)) => {
            Some(error)
        }
        _ => error.downcast_ref::<sqlx::Error>(),
    };
    match cause {
        // 57P0x: starting or shutting down; 55: lock not available; 53: too many connections;
        // 40: serialization failure.
        Some(sqlx::Error::Database(database)) => database.code().is_some_and(|code| {
            ["57P0", "55", "53", "40"]
                .iter()
                .any(|class| code.starts_with(class))
        }),
        // rustls reports a wrong certificate as invalid data.
        Some(sqlx::Error::Io(error)) if error.kind() == io::ErrorKind::InvalidData => false,
        Some(sqlx::Error::Tls(_)) | None => false,
        Some(error) => db::is_transient(error),
    }
}

impl Db {
    /// Applies the migrations, or checks that all of them are applied.
    ///
    /// # Errors
    /// When the database is unreachable, or the schema is older than this build (`Check`).
    pub async fn migrate(&self, migrations: &Migrator, how: Migrate) -> anyhow::Result<()> {
        let mut connection = self.connect().await.with_context(|| {
            let variable = DatabaseUrl::variable(self.service());
            format!("cannot connect to the database that {variable} names")
        })?;
        // A migration may run long, but must not wait for a lock without end.
        sqlx::raw_sql("set statement_timeout = 0; set lock_timeout = '60s'")
            .execute(&mut connection)
            .await?;
        match how {
            Migrate::Apply => {
                accept_reworded(self.service(), migrations, &mut connection).await?;
                // `run` would make this future not `Send` (a higher-ranked bound of its `Acquire`).
                migrations.run_direct(None, &mut connection, false).await?;
            }
            Migrate::Check => {
                let applied = applied(migrations, &mut connection).await?;
                let missing: Vec<String> = migrations
                    .iter()
                    .filter(|wanted| !applied.iter().any(|has| has.version == wanted.version))
                    .map(|wanted| format!("{:04}_{}", wanted.version, wanted.description))
                    .collect();
                anyhow::ensure!(
                    missing.is_empty(),
                    "the schema of {service} lacks {}: run `{service} migrate` first",
                    missing.join(", "),
                    service = self.service(),
                );
            }
        }
        Ok(())
    }
}

/// Migrations in their wording before only comments changed: service, version and SHA-384 per line.
const REWORDED: &str = include_str!("../sql/reworded_migrations.txt");

/// Replaces the checksum of a migration that was applied in its old wording: sqlx refuses a
/// database whose checksums differ from today's files.
async fn accept_reworded(
    service: &str,
    migrations: &Migrator,
    connection: &mut PgConnection,
) -> Result<(), MigrateError> {
    for applied in applied(migrations, connection).await? {
        let mut old = format!("{service} {} ", applied.version);
        for byte in applied.checksum.iter() {
            let _ = write!(old, "{byte:02x}");
        }
        let current = migrations
            .iter()
            .find(|current| current.version == applied.version);
        if let Some(current) = current
            && REWORDED.lines().any(|line| line == old)
        {
            sqlx::query("update _sqlx_migrations set checksum = $2 where version = $1")
                .bind(current.version)
                .bind(&*current.checksum)
                .execute(&mut *connection)
                .await?;
        }
    }
    Ok(())
}

/// The migrations that the database has; none before the first.
async fn applied(
    migrations: &Migrator,
    connection: &mut PgConnection,
) -> Result<Vec<AppliedMigration>, MigrateError> {
    let table = &migrations.table_name;
    let exists: bool = sqlx::query_scalar("select to_regclass($1) is not null")
        .bind(&**table)
        .fetch_one(&mut *connection)
        .await?;
    if exists {
        connection.list_applied_migrations(table).await
    } else {
        Ok(Vec::new())
    }
}
