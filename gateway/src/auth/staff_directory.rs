//! The directory of salesmen and consultants: a projection of the salesman topic for sign-in.
//!
//! The feed reads the topic from its beginning and hands over each profile. Only the newest of each
//! person is pending here, until a task has stored it; an unreachable database delays nothing else.
//! Every gateway stores all of them: the version decides, so repeated writes have no effect.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use events::{PersonRole, Profile, SalesmanId};
use service_kit::auth::Role;
use service_kit::{Db, db};
use sqlx::PgPool;
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// The pause after a failed write.
const RETRY_BACKOFF: Duration = Duration::from_secs(1);

/// How long an invitation waits for a salesman that is registered at the same moment.
const LOOKUP_TIMEOUT: Duration = Duration::from_secs(2);
const LOOKUP_POLL_INTERVAL: Duration = Duration::from_millis(50);

/// A salesman or consultant.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub(crate) struct Person {
    pub(crate) id: Uuid,
    pub(crate) display_name: String,
    #[sqlx(try_from = "String")]
    pub(crate) role: Role,
    /// Inactive people cannot sign in.
    pub(crate) active: bool,
    /// The version at the salesman service.
    pub(crate) version: i64,
}

/// People whose newest profile is not stored yet.
#[derive(Debug, Default)]
pub(crate) struct StaffDirectory {
    pending: Mutex<HashMap<Uuid, Person>>,
    changed: Notify,
}

impl StaffDirectory {
    /// Queues a profile of an event. It never waits.
    pub(crate) fn update(&self, id: SalesmanId, profile: &Profile, version: i64) {
        let person = Person {
            id: id.0,
            display_name: profile.display_name.clone(),
            role: match profile.role {
                PersonRole::Salesman => Role::Salesman,
                PersonRole::Consultant => Role::Consultant,
            },
            active: profile.active,
            version,
        };
        keep_newest(&mut self.lock(), person);
        self.changed.notify_one();
    }

    /// Stores pending people until `stop`. Unstored ones are read again at the next start.
    pub(crate) async fn run(&self, db: &Db, stop: &CancellationToken) {
        tokio::select! {
            () = stop.cancelled() => {}
            () = self.store_forever(db) => {}
        }
    }

    async fn store_forever(&self, db: &Db) {
        loop {
            self.changed.notified().await;
            let pending: Vec<Person> = self.lock().drain().map(|(_, person)| person).collect();
            if pending.is_empty() {
                continue;
            }
            let failed = store_each(db, pending).await;
            if !failed.is_empty() {
                {
                    let mut pending = self.lock();
                    for person in failed {
                        keep_newest(&mut pending, person);
                    }
                }
                tokio::time::sleep(RETRY_BACKOFF).await;
                self.changed.notify_one();
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Uuid, Person>> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn keep_newest(pending: &mut HashMap<Uuid, Person>, person: Person) {
    match pending.get(&person.id) {
        Some(newest) if newest.version >= person.version => {}
        _ => drop(pending.insert(person.id, person)),
    }
}

/// Stores people, in one statement if the database accepts all of them. Returns those to retry.
async fn store_each(db: &Db, people: Vec<Person>) -> Vec<Person> {
    let Err(error) = store(db, &people).await else {
        return Vec::new();
    };
    if db::is_transient(&error) {
        tracing::warn!(%error, people = people.len(), "storing people failed: retrying");
        return people;
    }
    // One of them is invalid, and must not hold back the others.
    let mut failed = Vec::new();
    for person in people {
        match store(db, std::slice::from_ref(&person)).await {
            Ok(()) => {}
            Err(error) if db::is_transient(&error) => {
                tracing::warn!(%error, person = %person.id, "storing a person failed: retrying");
                failed.push(person);
            }
            Err(error) => {
                let (id, version) = (person.id, person.version);
                tracing::error!(%error, person = %id, version, "a person cannot be stored");
            }
        }
    }
    failed
}

/// Stores people that are newer than their rows, and ends the sessions of inactive ones.
async fn store(db: &Db, people: &[Person]) -> Result<(), sqlx::Error> {
    let text = |get: fn(&Person) -> &str| people.iter().map(get).collect::<Vec<&str>>();
    let mut tx = db.begin().await?;
    // Ordered by id, so that two gateways that store the same people do not deadlock.
    let inactive: Vec<Uuid> = sqlx::query_scalar(
        "with stored as (
             insert into person (id, display_name, role, active, version)
             select id, display_name, role, active, version
             from unnest($1::uuid[], $2::text[], $3::text[], $4::boolean[], $5::bigint[])
                 profile (id, display_name, role, active, version)
             order by id
             on conflict (id) do update
                 set display_name = excluded.display_name, active = excluded.active,
                     version = excluded.version
                 where person.version < excluded.version
             returning id, active)
         select id from stored where not active",
    )
    .bind(people.iter().map(|person| person.id).collect::<Vec<_>>())
    .bind(text(|person| &person.display_name))
    .bind(text(|person| person.role.as_str()))
    .bind(
        people
            .iter()
            .map(|person| person.active)
            .collect::<Vec<_>>(),
    )
    .bind(
        people
            .iter()
            .map(|person| person.version)
            .collect::<Vec<_>>(),
    )
    .fetch_all(&mut *tx)
    .await?;
    if !inactive.is_empty() {
        sqlx::query(
            "delete from session where role in ('salesman', 'consultant') and subject = any($1)",
        )
        .bind(&inactive)
        .execute(&mut *tx)
        .await?;
    }
    tx.commit().await
}

/// Waits for a person who may have been registered just now. `None` after [`LOOKUP_TIMEOUT`].
pub(crate) async fn wait_for(pool: &PgPool, id: SalesmanId) -> Result<Option<Person>, sqlx::Error> {
    let deadline = Instant::now() + LOOKUP_TIMEOUT;
    loop {
        let person = find(pool, id).await?;
        if person.is_some() || Instant::now() >= deadline {
            return Ok(person);
        }
        tokio::time::sleep(LOOKUP_POLL_INTERVAL).await;
    }
}

async fn find(pool: &PgPool, id: SalesmanId) -> Result<Option<Person>, sqlx::Error> {
    sqlx::query_as("select id, display_name, role, active, version from person where id = $1")
        .bind(id.0)
        .fetch_optional(pool)
        .await
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use service_kit::clock::SystemClock;
    use service_kit::config::Migrate;
    use service_kit::testing::{self, a_profile};

    use super::*;

    #[tokio::test]
    async fn a_person_the_database_refuses_does_not_hold_back_others() {
        let url = db::service_url(
            &testing::database(&[crate::NAME]).await,
            crate::NAME,
            "test",
        )
        .unwrap();
        let db = Db::new(crate::NAME, &url, Arc::new(SystemClock)).unwrap();
        db.migrate(&crate::migrations(), Migrate::Apply)
            .await
            .unwrap();
        let directory = StaffDirectory::default();
        // Postgres refuses a text with a NUL character.
        for (id, name) in [(1, "하늘"), (2, "바\u{0}다"), (3, "구름")] {
            directory.update(
                SalesmanId(Uuid::from_u128(id)),
                &a_profile(name, PersonRole::Salesman, 1),
                1,
            );
        }
        let stored = async {
            for id in [1, 3] {
                while find(db.pool(), SalesmanId(Uuid::from_u128(id)))
                    .await
                    .unwrap()
                    .is_none()
                {
                    tokio::time::sleep(LOOKUP_POLL_INTERVAL).await;
                }
            }
        };
        tokio::select! {
            () = directory.store_forever(&db) => {}
            () = stored => {}
            () = tokio::time::sleep(Duration::from_secs(20)) => panic!("the others are not stored"),
        }
        assert_eq!(
            find(db.pool(), SalesmanId(Uuid::from_u128(2)))
                .await
                .unwrap(),
            None
        );
    }

    #[test]
    fn only_the_newest_version_of_a_person_is_pending() {
        let directory = StaffDirectory::default();
        for (id, version, name) in [(1, 2, "둘"), (1, 3, "셋"), (1, 1, "하나"), (2, 1, "하나")]
        {
            directory.update(
                SalesmanId(Uuid::from_u128(id)),
                &a_profile(name, PersonRole::Salesman, 1),
                version,
            );
        }
        let pending = directory.lock();
        let newest = |id: u128| {
            (
                pending[&Uuid::from_u128(id)].version,
                pending[&Uuid::from_u128(id)].display_name.clone(),
            )
        };
        assert_eq!(
            (newest(1), newest(2)),
            ((3, "셋".to_owned()), (1, "하나".to_owned()))
        );
    }
}
