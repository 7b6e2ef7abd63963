//! Leader election: a session-level advisory lock on a dedicated connection, plus a heartbeat row.
//!
//! A frozen process keeps its TCP connection, and so the lock. Therefore the leader writes a
//! heartbeat, and a follower terminates the leader's backend when the heartbeat is older than
//! [`HEARTBEAT_TIMEOUT`]. A leader uses the lock's own connection for its queue, so that after a
//! thaw it can change nothing; its other writes are fenced with its epoch ([`Lease::fence`]).

use std::future::Future;
use std::time::Duration;

use sqlx::postgres::PgConnection;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::db::bounded;
use crate::{Db, Tx};

/// A follower terminates the leader's backend when the heartbeat is older than this.
pub const HEARTBEAT_TIMEOUT: Duration = Duration::from_secs(10);

const HEARTBEAT_INTERVAL: Duration = Duration::from_secs(2);

/// How often a follower tries to become the leader.
const FOLLOW_INTERVAL: Duration = Duration::from_secs(1);

/// The leadership, for as long as its connection lives.
#[derive(Debug)]
pub struct Lease {
    connection: PgConnection,
    name: &'static str,
    epoch: i64,
    last_heartbeat: Instant,
}

impl Lease {
    /// Becomes the leader if there is none. Terminates the backend of a leader without a heartbeat.
    async fn acquire(db: &Db, name: &'static str) -> Result<Option<Self>, sqlx::Error> {
        let mut connection = db.connect().await?;
        let key: i64 = sqlx::query_scalar("select hashtextextended('ktgg/' || $1 || '/' || $2, 0)")
            .bind(db.service())
            .bind(name)
            .fetch_one(&mut connection)
            .await?;
        let is_leader: bool = sqlx::query_scalar("select pg_try_advisory_lock($1)")
            .bind(key)
            .fetch_one(&mut connection)
            .await?;
        if !is_leader {
            terminate_silent_leader(&mut connection, name, key).await?;
            return Ok(None);
        }
        let epoch = sqlx::query_scalar(
            "insert into leader (name, epoch, backend_pid, beat_at)
             values ($1, 1, pg_backend_pid(), clock_timestamp())
             on conflict (name) do update
                 set epoch = leader.epoch + 1, backend_pid = excluded.backend_pid,
                     beat_at = excluded.beat_at
             returning epoch",
        )
        .bind(name)
        .fetch_one(&mut connection)
        .await?;
        Ok(Some(Self {
            connection,
            name,
            epoch,
            last_heartbeat: Instant::now(),
        }))
    }

    /// The connection that holds the lock.
    pub fn connection(&mut self) -> &mut PgConnection {
        &mut self.connection
    }

    /// Writes the heartbeat when it is due. To be called at least every two seconds.
    ///
    /// # Errors
    /// When the connection is lost: then another process leads, or soon will.
    pub async fn beat(&mut self) -> Result<(), sqlx::Error> {
        if self.last_heartbeat.elapsed() >= HEARTBEAT_INTERVAL {
            let beat = sqlx::query(
                "update leader set beat_at = clock_timestamp() where name = $1 and epoch = $2",
            )
            .bind(self.name)
            .bind(self.epoch)
            .execute(&mut self.connection);
            bounded(beat).await?;
            self.last_heartbeat = Instant::now();
        }
        Ok(())
    }

    /// Ensures until the end of `tx` that no other process has become the leader.
    ///
    /// # Errors
    /// `RowNotFound` when one has.
    pub async fn fence(&self, tx: &mut Tx) -> Result<(), sqlx::Error> {
        sqlx::query("select 1 from leader where name = $1 and epoch = $2 for share")
            .bind(self.name)
            .bind(self.epoch)
            .fetch_one(&mut **tx)
            .await?;
        Ok(())
    }
}

async fn terminate_silent_leader(
    connection: &mut PgConnection,
    name: &str,
    key: i64,
) -> Result<(), sqlx::Error> {
    // Materialized, because the planner may reorder conditions: `pg_terminate_backend` ran first,
    // for every lock of the server.
    let terminated: Option<i32> = sqlx::query_scalar(
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
    .bind(HEARTBEAT_TIMEOUT.as_secs_f64())
    .fetch_optional(connection)
    .await?;
    if let Some(pid) = terminated {
        tracing::warn!(
            leader.name = name,
            postgres.pid = pid,
            "the leader has no heartbeat: its backend was terminated"
        );
    }
    Ok(())
}

/// The work of a leader.
pub trait Duty: Send {
    /// There is one leader per service and name.
    const NAME: &'static str;

    /// One round of work, or of waiting for work with [`Lease::beat`]; called repeatedly. An error
    /// ends the leadership.
    fn lead(&mut self, lease: &mut Lease) -> impl Future<Output = anyhow::Result<()>> + Send;

    /// Runs while another process leads; dropped at each attempt to become the leader.
    fn follow(&mut self) -> impl Future<Output = ()> + Send {
        std::future::pending()
    }
}

/// Leads whenever no other process does, until `stop`.
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
                            "lost the leadership"
                        );
                        break;
                    }
                }
                // Closing the connection releases the lock.
                let closed = sqlx::Connection::close(lease.connection);
                drop(tokio::time::timeout(FOLLOW_INTERVAL, closed).await);
            }
            Ok(None) => {}
            Err(error) => {
                tracing::debug!(
                    service = db.service(),
                    leader.name = D::NAME,
                    %error,
                    "cannot try to become the leader"
                );
            }
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(FOLLOW_INTERVAL) => {}
            () = duty.follow() => {}
        }
    }
}
