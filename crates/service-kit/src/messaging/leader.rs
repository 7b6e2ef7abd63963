//! One of many: a session advisory lock on a connection of its own decides who leads, a heartbeat shows that he still does.
//!
//! A frozen process keeps its TCP connection alive and so keeps the lock. That is why the leader writes a heartbeat, and why a follower ends
//! the holder's backend when the heartbeat is older than [`PATIENCE`]. What the leader does with the queue it does on the lock's own
//! connection, so that a thawed leader can change nothing; what it does elsewhere it fences with its epoch ([`Lease::fence`]).

use std::future::Future;
use std::time::Duration;

use sqlx::postgres::PgConnection;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::db::bounded;
use crate::{Db, Tx};

/// How old a heartbeat may be before a follower ends its writer's backend.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// How often the leader writes its heartbeat.
const BEAT: Duration = Duration::from_secs(2);

/// How often a follower tries again.
const FOLLOW: Duration = Duration::from_secs(1);

/// The right to lead, for as long as its connection lives.
#[derive(Debug)]
pub struct Lease {
    connection: PgConnection,
    name: &'static str,
    epoch: i64,
    beat_at: Instant,
}

impl Lease {
    /// Takes the lead if nobody has it; ends the backend of a leader that has gone silent.
    async fn acquire(db: &Db, name: &'static str) -> Result<Option<Self>, sqlx::Error> {
        let mut connection = db.connect().await?;
        let key: i64 = sqlx::query_scalar("select hashtextextended('ktgg/' || $1 || '/' || $2, 0)")
            .bind(db.service())
            .bind(name)
            .fetch_one(&mut connection)
            .await?;
        let taken: bool = sqlx::query_scalar("select pg_try_advisory_lock($1)")
            .bind(key)
            .fetch_one(&mut connection)
            .await?;
        if !taken {
            end_silent_leader(&mut connection, name, key).await?;
            return Ok(None);
        }
        let epoch = sqlx::query_scalar(
            "insert into leader (name, epoch, backend_pid, beat_at)
             values ($1, 1, pg_backend_pid(), clock_timestamp())
             on conflict (name) do update
                 set epoch = leader.epoch + 1, backend_pid = excluded.backend_pid, beat_at = excluded.beat_at
             returning epoch",
        )
        .bind(name)
        .fetch_one(&mut connection)
        .await?;
        Ok(Some(Self {
            connection,
            name,
            epoch,
            beat_at: Instant::now(),
        }))
    }

    /// The lock's own connection.
    pub fn connection(&mut self) -> &mut PgConnection {
        &mut self.connection
    }

    /// Writes the heartbeat when it is due. Call it at least every two seconds, also while waiting.
    ///
    /// # Errors
    /// When the connection was ended: then somebody else leads, or soon will.
    pub async fn beat(&mut self) -> Result<(), sqlx::Error> {
        if self.beat_at.elapsed() >= BEAT {
            let beat = sqlx::query(
                "update leader set beat_at = clock_timestamp() where name = $1 and epoch = $2",
            )
            .bind(self.name)
            .bind(self.epoch)
            .execute(&mut self.connection);
            bounded(beat).await?;
            self.beat_at = Instant::now();
        }
        Ok(())
    }

    /// Makes sure, until `tx` ends, that this lease is the newest one.
    ///
    /// # Errors
    /// `RowNotFound` when somebody else leads.
    pub async fn fence(&self, tx: &mut Tx) -> Result<(), sqlx::Error> {
        sqlx::query("select 1 from leader where name = $1 and epoch = $2 for share")
            .bind(self.name)
            .bind(self.epoch)
            .fetch_one(&mut **tx)
            .await?;
        Ok(())
    }
}

async fn end_silent_leader(
    connection: &mut PgConnection,
    name: &str,
    key: i64,
) -> Result<(), sqlx::Error> {
    // Materialized, because the planner may put conditions in any order: beside the others, the one that ends a backend was asked first
    // of all, for every lock there is.
    let ended: Option<i32> = sqlx::query_scalar(
        "with silent as materialized (
             select lock.pid from pg_locks lock, leader
             where leader.name = $1
               and leader.beat_at < clock_timestamp() - make_interval(secs => $3)
               and lock.locktype = 'advisory' and lock.granted and lock.objsubid = 1
               and lock.database = (select oid from pg_database where datname = current_database())
               and ((lock.classid::bigint << 32) | lock.objid::bigint) = $2)
         select pid from silent where pg_terminate_backend(pid)",
    )
    .bind(name)
    .bind(key)
    .bind(PATIENCE.as_secs_f64())
    .fetch_optional(connection)
    .await?;
    if let Some(pid) = ended {
        tracing::warn!(
            leader.name = name,
            postgres.pid = pid,
            "the leader went silent: its backend was ended"
        );
    }
    Ok(())
}

/// What one of many does.
pub trait Duty: Send {
    /// The name under which it is led, one leader for each service and name.
    const NAME: &'static str;

    /// One turn of the leader, called again and again; waiting for work is part of it, and so is [`Lease::beat`] while waiting. When it fails,
    /// the connection is dropped and with it the lock.
    fn lead(&mut self, lease: &mut Lease) -> impl Future<Output = anyhow::Result<()>> + Send;

    /// What to do while somebody else leads; dropped when it is time to try again.
    fn follow(&mut self) -> impl Future<Output = ()> + Send {
        std::future::pending()
    }
}

/// Leads whenever nobody else does, until told to stop.
pub async fn lead<D: Duty>(db: &Db, stop: &CancellationToken, duty: &mut D) {
    while !stop.is_cancelled() {
        match bounded(Lease::acquire(db, D::NAME)).await {
            Ok(Some(mut lease)) => {
                tracing::info!(
                    service = db.service(),
                    leader.name = D::NAME,
                    leader.epoch = lease.epoch,
                    "leading"
                );
                while !stop.is_cancelled() {
                    if let Err(error) = duty.lead(&mut lease).await {
                        tracing::warn!(
                            service = db.service(),
                            leader.name = D::NAME,
                            error = format!("{error:#}"),
                            "lost the lead"
                        );
                        break;
                    }
                }
                // Closing the connection gives the lock back; when the server is away there is nothing to give back.
                drop(tokio::time::timeout(FOLLOW, sqlx::Connection::close(lease.connection)).await);
            }
            Ok(None) => {}
            Err(error) => {
                tracing::debug!(service = db.service(), leader.name = D::NAME, %error, "cannot try to lead");
            }
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(FOLLOW) => {}
            () = duty.follow() => {}
        }
    }
}
