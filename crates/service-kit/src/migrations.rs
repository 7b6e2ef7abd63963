//! Bringing a schema up to date, or checking that it is.

use std::time::Duration;

use sqlx::migrate::{Migrate as _, MigrateError, Migrator};
use tokio_util::sync::CancellationToken;

use crate::config::Migrate;
use crate::db::{self, Db};

/// How long a database that is away at the start is waited for between two looks.
const LOOK: Duration = Duration::from_millis(300);

/// Brings a schema up to date, or checks that it is, as soon as the database is there. `false`: told to stop before that.
///
/// # Errors
/// On what no waiting can mend: a schema that is older than this build, a broken migration, a wrong password.
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
            Err(error) if is_away(&error) => {
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
            () = tokio::time::sleep(LOOK) => {}
        }
    }
}

/// Whether the database is away, or another replica migrates it just now; a wrong password or a broken migration is not that.
fn is_away(error: &anyhow::Error) -> bool {
    let cause = match error.downcast_ref::<MigrateError>() {
        Some(MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _)) => {
            Some(error)
        }
        _ => error.downcast_ref::<sqlx::Error>(),
    };
    match cause {
        // 57P0x: the server starts up or shuts down; 55: a lock was not to be had; 53: too many connections; 40: a serialization failure.
        Some(sqlx::Error::Database(database)) => database.code().is_some_and(|code| {
            ["57P0", "55", "53", "40"]
                .iter()
                .any(|class| code.starts_with(class))
        }),
        Some(error) => db::is_transient(error),
        None => false,
    }
}

impl Db {
    /// Brings the schema up to date, or checks that it is.
    ///
    /// # Errors
    /// When the database cannot be reached, or the schema is older than this build (`check`).
    pub async fn migrate(&self, migrations: &Migrator, how: Migrate) -> anyhow::Result<()> {
        let mut connection = self.connect().await?;
        // A migration may take as long as it takes; it must not wait behind a lock for ever, though.
        sqlx::raw_sql("set statement_timeout = 0; set lock_timeout = '60s'")
            .execute(&mut connection)
            .await?;
        match how {
            // `run` would make this future not `Send` (a higher-ranked bound of its `Acquire`).
            Migrate::Apply => migrations.run_direct(None, &mut connection, false).await?,
            Migrate::Check => {
                let table = &migrations.table_name;
                let exists: bool = sqlx::query_scalar("select to_regclass($1) is not null")
                    .bind(&**table)
                    .fetch_one(&mut connection)
                    .await?;
                let applied = if exists {
                    connection.list_applied_migrations(table).await?
                } else {
                    Vec::new()
                };
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
