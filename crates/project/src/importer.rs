//! Carries out the plans that staff committed: one leader, batch by batch. A batch and the mark that its rows are done are one unit of work,
//! so that a commit that was killed half way goes on where it stopped, and nothing happens twice.

use std::collections::HashMap;
use std::time::Duration;

use chrono::NaiveDate;
use events::{Actor, ProjectId, SeriesId, StaffId};
use service_kit::clock::seoul_date;
use service_kit::leader::{self, Duty, Lease};
use service_kit::problem::{ChangeError, Text};
use service_kit::{Context, Db, Tx, db};
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::import::Fault;
use crate::import::plan::{self, Action};
use crate::project::{Command, Project, Refusal, Source};
use crate::series;
use crate::store;
use crate::store::imports;
use crate::store::imports::rows::{self, StoredFault, WaitingRow};

/// How many rows are one unit of work: some 200 ms, so that whoever waits for a series waits no longer.
const BATCH: i64 = 100;

/// How often it looks without being woken: another replica may have taken the commit in.
const LOOK: Duration = Duration::from_secs(1);

/// How often it looks for imports that nobody finishes.
const FORGET: Duration = Duration::from_mins(1);

struct Importer {
    db: Db,
    bell: watch::Receiver<u64>,
    stop: CancellationToken,
    forgot_at: Option<Instant>,
}

/// Carries out until told to stop.
pub(crate) async fn run(context: Context, stop: CancellationToken) {
    let (bell, db) = (context.db.committed(), context.db.clone());
    let mut importer = Importer { db, bell, stop: stop.clone(), forgot_at: None };
    leader::lead(&context.db, &stop, &mut importer).await;
}

impl Duty for Importer {
    const NAME: &'static str = "importer";

    async fn lead(&mut self, lease: &mut Lease) -> anyhow::Result<()> {
        self.bell.mark_unchanged();
        lease.beat().await?;
        if carry_out_next(&self.db, Some(lease)).await? {
            return Ok(());
        }
        if self.forgot_at.is_none_or(|at| at.elapsed() >= FORGET) {
            forget_abandoned(&self.db).await?;
            self.forgot_at = Some(Instant::now());
        }
        tokio::select! {
            () = self.stop.cancelled() => {}
            changed = self.bell.changed() => changed?,
            () = tokio::time::sleep(LOOK) => {}
        }
        Ok(())
    }
}

/// Forgets files that never arrived whole, and plans that nobody carries out.
pub(crate) async fn forget_abandoned(db: &Db) -> Result<(), sqlx::Error> {
    let mut connection = db.pool().acquire().await?;
    imports::forget_abandoned(&mut connection, db.now()).await
}

/// Carries out one batch, and tells whether there was one.
///
/// A row that the database itself refuses spoils its batch: then rows are carried out one by one, and that row fails alone.
pub(crate) async fn carry_out_next(db: &Db, lease: Option<&Lease>) -> Result<bool, sqlx::Error> {
    let is_the_rows_fault = |error: &sqlx::Error| matches!(error, sqlx::Error::Database(_)) && !db::is_transient(error);
    match carry_out_batch(db, lease, BATCH).await {
        Err(error) if is_the_rows_fault(&error) => match carry_out_batch(db, lease, 1).await {
            Err(error) if is_the_rows_fault(&error) => {
                tracing::warn!(%error, "a row of an import was refused by the database");
                fail_next(db, lease).await
            }
            other => other,
        },
        other => other,
    }
}

async fn begin(db: &Db, lease: Option<&Lease>) -> Result<Tx, sqlx::Error> {
    let mut tx = db.begin().await?;
    if let Some(lease) = lease {
        lease.fence(&mut tx).await?;
    }
    Ok(tx)
}

async fn carry_out_batch(db: &Db, lease: Option<&Lease>, most: i64) -> Result<bool, sqlx::Error> {
    let mut tx = begin(db, lease).await?;
    let Some((import, committed_by)) = imports::lock_committed(&mut tx).await? else { return Ok(false) };
    let waiting = rows::waiting(&mut tx, import, most).await?;
    if waiting.is_empty() {
        imports::finish(&mut tx, import).await?;
    } else {
        let sources: Vec<Source> = waiting.iter().map(|it| it.row.source()).collect();
        let imported = rows::imported(&mut tx, &sources).await?;
        let today = seoul_date(tx.now());
        let mut results = Vec::with_capacity(waiting.len());
        for it in waiting {
            let number = it.number;
            let result = carry_out(&mut tx, it, &imported, Actor::Staff(StaffId(committed_by)), today).await;
            results.push((number, done_or_failed(result)?));
        }
        rows::carried_out(&mut tx, import, results).await?;
    }
    tx.commit().await?;
    Ok(true)
}

async fn fail_next(db: &Db, lease: Option<&Lease>) -> Result<bool, sqlx::Error> {
    let mut tx = begin(db, lease).await?;
    let Some((import, _)) = imports::lock_committed(&mut tx).await? else { return Ok(false) };
    let waiting = rows::waiting(&mut tx, import, 1).await?;
    let results = waiting.into_iter().map(|it| (it.number, Err(refused("the database refuses it").into()))).collect();
    rows::carried_out(&mut tx, import, results).await?;
    tx.commit().await?;
    Ok(true)
}

fn refused(why: impl std::fmt::Display) -> Fault {
    let message = Text::new("이 사업은 저장할 수 없습니다", format!("It cannot be stored: {why}"));
    Fault { column: None, code: "refused", message }
}

/// What keeps one row from being carried out is noted with it; what the store cannot do now is tried again.
fn done_or_failed(result: Result<ProjectId, ChangeError<Refusal>>) -> Result<Result<Uuid, StoredFault>, sqlx::Error> {
    Ok(match result {
        Ok(id) => Ok(id.0),
        Err(ChangeError::Store(error)) => return Err(error),
        Err(ChangeError::NotFound | ChangeError::Stale { .. } | ChangeError::Refused(Refusal::NotPlanned(_))) => {
            Err(plan::changed_meanwhile().into())
        }
        Err(ChangeError::Refused(refusal)) => Err(refused(refusal).into()),
    })
}

async fn carry_out(
    tx: &mut Tx,
    waiting: WaitingRow,
    imported: &HashMap<Source, Project>,
    actor: Actor,
    today: NaiveDate,
) -> Result<ProjectId, ChangeError<Refusal>> {
    let WaitingRow { action, row, edition, .. } = waiting;
    let known = imported.get(&row.source());
    match (action, edition) {
        (Action::Create, _) => {
            // Another import was faster.
            if let Some(known) = known {
                return Err(ChangeError::Stale { current: known.version });
            }
            let key = series::key(&row.name, &row.agency, &row.host, row.year);
            store::lock_key(tx, &key).await?;
            let series_id = store::recognise(tx, &key).await?.unwrap_or_else(|| SeriesId(tx.new_id()));
            store::lock_series(tx, series_id).await?;
            let predecessor = store::predecessor_of(tx, series_id, row.year).await?;
            let command = plan::create(row, ProjectId(tx.new_id()), series_id, predecessor, today);
            let (it, event) = Project::create(command, actor).map_err(ChangeError::Refused)?;
            store::create(tx, &it, &event).await?;
            Ok(it.id)
        }
        (Action::Edit, Some((id, version))) => {
            let it = known.ok_or(ChangeError::NotFound)?;
            let command = Command::Edit(Box::new(plan::edit(&row, it)));
            let may = |it: &Project| unchanged_since(it, version);
            store::change(tx, ProjectId(id), may, command, actor).await.map(|it| it.id)
        }
        (Action::FillsPlanned, Some((id, version))) => {
            if let Some(known) = known {
                return Err(ChangeError::Stale { current: known.version });
            }
            let it = store::load(tx, ProjectId(id)).await?.ok_or(ChangeError::NotFound)?.it;
            let may = |it: &Project| unchanged_since(it, version);
            let filled = store::change(tx, it.id, may, plan::fill(&row, &it), actor).await?;
            if plan::has_begun(&row, today) {
                let start = Command::Start { on: plan::began_on(&row, today), today };
                store::change(tx, filled.id, |_| Ok(()), start, actor).await?;
            }
            Ok(filled.id)
        }
        // Nothing else waits.
        (Action::Edit | Action::FillsPlanned, None) | (Action::Same | Action::Error, _) => Err(ChangeError::NotFound),
    }
}

fn unchanged_since(it: &Project, version: i64) -> Result<(), ChangeError<Refusal>> {
    if it.version == version { Ok(()) } else { Err(ChangeError::Stale { current: it.version }) }
}
