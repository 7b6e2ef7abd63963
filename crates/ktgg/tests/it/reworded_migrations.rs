//! Databases whose migrations were applied before their comments were reworded.

use std::sync::Arc;

use service_kit::clock::SystemClock;
use service_kit::config::Migrate;
use service_kit::{Db, db, testing};
use sqlx::migrate::Migrator;

const REWORDED: &str = include_str!("../../../service-kit/sql/reworded_migrations.txt");

/// Migrates a new database, and gives its migrations the checksums of their old wording.
async fn with_old_wording(url: &str, service: &'static str, migrations: &Migrator) -> Db {
    let url = db::service_url(url, service, "test").unwrap();
    let db = Db::new(service, &url, Arc::new(SystemClock)).unwrap();
    db.migrate(migrations, Migrate::Apply).await.unwrap();
    for line in REWORDED.lines() {
        let [name, version, checksum] = line.split(' ').collect::<Vec<_>>()[..] else {
            panic!("{line}");
        };
        if name == service {
            let updated = sqlx::query(
                "update _sqlx_migrations set checksum = decode($2, 'hex') where version = $1",
            )
            .bind(version.parse::<i64>().unwrap())
            .bind(checksum)
            .execute(db.pool())
            .await
            .unwrap();
            assert_eq!(updated.rows_affected(), 1, "{line}");
        }
    }
    db
}

#[tokio::test]
async fn databases_with_reworded_migrations_still_migrate() {
    let services = ktgg::services();
    let mut all: Vec<(&'static str, &Migrator)> = services
        .iter()
        .map(|service| (service.name(), service.migrations()))
        .collect();
    let gateway = gateway::migrations();
    all.push((gateway::NAME, &gateway));
    let names: Vec<&str> = all.iter().map(|(name, _)| *name).collect();
    let url = testing::database(&names).await;
    for (service, migrations) in all {
        let db = with_old_wording(&url, service, migrations).await;
        db.migrate(migrations, Migrate::Apply).await.unwrap();
    }
}

#[tokio::test]
async fn a_migration_with_an_unknown_checksum_is_refused() {
    let service = consultation::service();
    let url = testing::database(&[service.name()]).await;
    let db = with_old_wording(&url, service.name(), service.migrations()).await;
    sqlx::query("update _sqlx_migrations set checksum = 'other' where version = 2")
        .execute(db.pool())
        .await
        .unwrap();
    let error = db
        .migrate(service.migrations(), Migrate::Apply)
        .await
        .unwrap_err();
    assert!(
        error
            .to_string()
            .contains("previously applied but has been modified"),
        "{error}"
    );
}
