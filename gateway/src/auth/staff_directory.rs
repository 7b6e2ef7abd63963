//! Who there is among salesmen and consultants: what the salesman topic tells of them, as far as signing in needs it.
//!
//! `KeepSalesmen`: the feed reads the topic from its beginning and tells what it read here, where only the newest of everybody waits; a task
//! writes that down as soon as the database lets it. So a database that is away holds back nothing but this. Every gateway does it, each for
//! all of them: versions decide, and what was written before is not written again.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use events::{PersonRole, Profile, SalesmanId};
use service_kit::Db;
use sqlx::PgPool;
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::state::AppState;

/// How long a database that failed is left alone.
const AGAIN: Duration = Duration::from_secs(1);

/// How long somebody is waited for of whom nothing was heard yet: staff register him and invite him in one go.
const HEARD: Duration = Duration::from_secs(2);
const LOOK: Duration = Duration::from_millis(50);

/// A salesman or consultant as the gateway knows him.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Person {
    pub(crate) id: SalesmanId,
    /// The name customers see.
    pub(crate) display_name: String,
    /// 영업대표 or 컨설턴트; for good.
    pub(crate) role: PersonRole,
    /// Whether he can be chosen, and may sign in.
    pub(crate) active: bool,
    /// His version at the salesman service.
    pub(crate) version: i64,
}

/// What was read and is not written down yet: the newest of everybody, so never more than there are people.
#[derive(Debug, Default)]
pub(crate) struct People {
    waiting: Mutex<HashMap<Uuid, Person>>,
    heard: Notify,
}

impl People {
    /// Takes in what an event tells of somebody. It never waits.
    pub(crate) fn keep(&self, id: SalesmanId, profile: &Profile, version: i64) {
        let person = Person {
            id,
            display_name: profile.display_name.clone(),
            role: profile.role,
            active: profile.active,
            version,
        };
        keep_newest(&mut self.lock(), person);
        self.heard.notify_one();
    }

    /// Writes down what waits, for as long as it is polled. What it is interrupted in comes again with the topic's beginning.
    async fn write_on(&self, db: &Db) {
        loop {
            self.heard.notified().await;
            let waiting: Vec<Person> = self.lock().drain().map(|(_, person)| person).collect();
            if waiting.is_empty() {
                continue;
            }
            let again = write_each(db, waiting).await;
            if !again.is_empty() {
                self.put_back(again);
                tokio::time::sleep(AGAIN).await;
                self.heard.notify_one();
            }
        }
    }

    fn put_back(&self, people: Vec<Person>) {
        let mut waiting = self.lock();
        for person in people {
            keep_newest(&mut waiting, person);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Uuid, Person>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes people down for as long as the gateway runs.
pub(crate) async fn write_down(door: Arc<AppState>, ending: CancellationToken) {
    tokio::select! {
        () = ending.cancelled() => {}
        () = door.people.write_on(&door.db) => {}
    }
}

fn keep_newest(waiting: &mut HashMap<Uuid, Person>, person: Person) {
    match waiting.get(&person.id.0) {
        Some(there) if there.version >= person.version => {}
        _ => drop(waiting.insert(person.id.0, person)),
    }
}

/// Writes people down, together if the database takes them so. Gives back whoever is to be tried again.
async fn write_each(db: &Db, people: Vec<Person>) -> Vec<Person> {
    let Err(error) = write(db, &people).await else {
        return Vec::new();
    };
    if !is_for_good(&error) {
        tracing::warn!(%error, people = people.len(), "people could not be written down: trying again");
        return people;
    }
    // It is one of them, and holds back nobody else.
    let mut again = Vec::new();
    for person in people {
        match write(db, std::slice::from_ref(&person)).await {
            Ok(()) => {}
            Err(error) if is_for_good(&error) => {
                tracing::error!(%error, person = %person.id.0, version = person.version, "somebody can never be written down");
            }
            Err(error) => {
                tracing::warn!(%error, person = %person.id.0, "somebody could not be written down: trying again");
                again.push(person);
            }
        }
    }
    again
}

/// Whether the database refuses what it is given, whenever it is: wrong data (class 22), or data that may not be there (class 23).
fn is_for_good(error: &sqlx::Error) -> bool {
    let code = error
        .as_database_error()
        .and_then(sqlx::error::DatabaseError::code);
    code.is_some_and(|code| code.starts_with("22") || code.starts_with("23"))
}

/// Writes down what is newer than what is there. Who is inactive now has no session left.
async fn write(db: &Db, people: &[Person]) -> Result<(), sqlx::Error> {
    let column = |of: fn(&Person) -> String| people.iter().map(of).collect::<Vec<String>>();
    let mut tx = db.begin().await?;
    // In the order of their ids, so that two gateways that write the same people do not wait for each other.
    let left: Vec<Uuid> = sqlx::query_scalar(
        "with written as (
             insert into person (id, display_name, role, active, version)
             select id, display_name, role, active, version
             from unnest($1::uuid[], $2::text[], $3::text[], $4::boolean[], $5::bigint[]) it (id, display_name, role, active, version)
             order by id
             on conflict (id) do update
                 set display_name = excluded.display_name, active = excluded.active, version = excluded.version
                 where person.version < excluded.version
             returning id, active)
         select id from written where not active",
    )
    .bind(people.iter().map(|person| person.id.0).collect::<Vec<Uuid>>())
    .bind(column(|person| person.display_name.clone()))
    .bind(column(|person| person.role.as_str().to_owned()))
    .bind(people.iter().map(|person| person.active).collect::<Vec<bool>>())
    .bind(people.iter().map(|person| person.version).collect::<Vec<i64>>())
    .fetch_all(&mut *tx)
    .await?;
    if !left.is_empty() {
        sqlx::query(
            "delete from session where role in ('salesman', 'consultant') and subject = any($1)",
        )
        .bind(&left)
        .execute(&mut *tx)
        .await?;
    }
    tx.commit().await
}

/// Somebody, as soon as he is heard of; `None` when that takes too long.
pub(crate) async fn wait_for(pool: &PgPool, id: SalesmanId) -> Result<Option<Person>, sqlx::Error> {
    let until = Instant::now() + HEARD;
    loop {
        let found = find(pool, id).await?;
        if found.is_some() || Instant::now() >= until {
            return Ok(found);
        }
        tokio::time::sleep(LOOK).await;
    }
}

async fn find(pool: &PgPool, id: SalesmanId) -> Result<Option<Person>, sqlx::Error> {
    let row: Option<(String, String, bool, i64)> =
        sqlx::query_as("select display_name, role, active, version from person where id = $1")
            .bind(id.0)
            .fetch_optional(pool)
            .await?;
    Ok(row.map(|(display_name, role, active, version)| {
        let role = if role == PersonRole::Consultant.as_str() {
            PersonRole::Consultant
        } else {
            PersonRole::Salesman
        };
        Person {
            id,
            display_name,
            role,
            active,
            version,
        }
    }))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use service_kit::clock::SystemClock;
    use service_kit::config::Migrate;
    use service_kit::db;
    use service_kit::testing::{self, a_profile};

    use super::*;

    #[tokio::test]
    async fn somebody_whom_the_database_refuses_holds_back_nobody_else() {
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
        let people = People::default();
        // No text holds a zero.
        for (id, name) in [(1, "하늘"), (2, "바\u{0}다"), (3, "구름")] {
            people.keep(
                SalesmanId(Uuid::from_u128(id)),
                &a_profile(name, PersonRole::Salesman, 1),
                1,
            );
        }
        let written = async {
            for id in [1, 3] {
                while find(db.pool(), SalesmanId(Uuid::from_u128(id)))
                    .await
                    .unwrap()
                    .is_none()
                {
                    tokio::time::sleep(LOOK).await;
                }
            }
        };
        tokio::select! {
            () = people.write_on(&db) => {}
            () = written => {}
            () = tokio::time::sleep(Duration::from_secs(20)) => panic!("waited in vain: the others are written down"),
        }
        assert_eq!(
            find(db.pool(), SalesmanId(Uuid::from_u128(2)))
                .await
                .unwrap(),
            None
        );
    }

    #[test]
    fn only_the_newest_of_everybody_waits_in_whatever_order_it_is_heard() {
        let people = People::default();
        for (id, version, name) in [(1, 2, "둘"), (1, 3, "셋"), (1, 1, "하나"), (2, 1, "하나")]
        {
            people.keep(
                SalesmanId(Uuid::from_u128(id)),
                &a_profile(name, PersonRole::Salesman, 1),
                version,
            );
        }
        let waiting = people.lock();
        let newest = |id: u128| {
            (
                waiting[&Uuid::from_u128(id)].version,
                waiting[&Uuid::from_u128(id)].display_name.clone(),
            )
        };
        assert_eq!(
            (newest(1), newest(2)),
            ((3, "셋".to_owned()), (1, "하나".to_owned()))
        );
    }
}
