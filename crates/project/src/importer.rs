//! Carries out committed plans: one leader, batch by batch. A batch and the outcomes of its rows
//! are one transaction, so that an interrupted import continues where it stopped, and no row is
//! carried out twice.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use chrono::NaiveDate;
use events::{Actor, ProjectId, SeriesId, StaffId};
use service_kit::clock::seoul_date;
use service_kit::http::problem::{ChangeError, Text};
use service_kit::messaging::leader::{self, Duty, Lease};
use service_kit::{Context, Db, Tx, db};
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::import::Fault;
use crate::import::plan::{self, Action, ImportedProject};
use crate::project::{Command, Project, Refusal, Source};
use crate::reindex;
use crate::store::import_rows::{self, WaitingRow};
use crate::store::imports::{self, CommittedImport};
use crate::store::{import_matches, projects, series};

/// Rows per transaction: about 200 ms, for which others may wait for a series.
const BATCH: i64 = 100;

/// Another replica may have received the commit and not wake this one.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// Between two searches for abandoned imports.
const CLEANUP_INTERVAL: Duration = Duration::from_mins(1);

struct Importer {
    db: Db,
    committed: watch::Receiver<u64>,
    stop: CancellationToken,
    cleaned_up_at: Option<Instant>,
}

/// Carries out imports until the token is cancelled.
pub(crate) async fn run(context: Context, stop: CancellationToken) {
    let mut importer = Importer {
        db: context.db.clone(),
        committed: context.db.committed(),
        stop: stop.clone(),
        cleaned_up_at: None,
    };
    leader::lead(&context.db, &stop, &mut importer).await;
}

impl Duty for Importer {
    const NAME: &'static str = "importer";

    async fn lead(&mut self, lease: &mut Lease) -> anyhow::Result<()> {
        self.committed.mark_unchanged();
        lease.beat().await?;
        if carry_out_next(&self.db, Some(lease)).await? {
            return Ok(());
        }
        if self
            .cleaned_up_at
            .is_none_or(|at| at.elapsed() >= CLEANUP_INTERVAL)
        {
            delete_expired(&self.db).await?;
            self.cleaned_up_at = Some(Instant::now());
        }
        tokio::select! {
            () = self.stop.cancelled() => {}
            changed = self.committed.changed() => changed?,
            () = tokio::time::sleep(POLL_INTERVAL) => {}
        }
        Ok(())
    }
}

pub(crate) async fn delete_expired(db: &Db) -> Result<(), sqlx::Error> {
    let mut connection = db.pool().acquire().await?;
    imports::delete_expired(&mut connection, db.now()).await
}

/// Carries out one batch; returns whether there was one.
///
/// A row that the database refuses or that cannot be decoded fails its batch. Then rows are carried
/// out one at a time, so that only that row fails.
pub(crate) async fn carry_out_next(db: &Db, lease: Option<&Lease>) -> Result<bool, sqlx::Error> {
    // Series are recognized by computed keys. If these are not current yet, the next poll tries
    // again.
    if !reindex::is_current(db).await? {
        return Ok(false);
    }
    match carry_out_batch(db, lease, BATCH).await {
        Err(error) if is_caused_by_row(&error) => match carry_out_batch(db, lease, 1).await {
            Err(error) if is_caused_by_row(&error) => {
                tracing::warn!(%error, "a row of an import cannot be carried out");
                fail_next(db, lease, &error).await
            }
            other => other,
        },
        other => other,
    }
}

fn is_caused_by_row(error: &sqlx::Error) -> bool {
    matches!(error, sqlx::Error::Database(_)) && !db::is_transient(error) || is_decode_error(error)
}

fn is_decode_error(error: &sqlx::Error) -> bool {
    matches!(
        error,
        sqlx::Error::Decode(_) | sqlx::Error::ColumnDecode { .. }
    )
}

async fn begin(db: &Db, lease: Option<&Lease>) -> Result<Tx, sqlx::Error> {
    let mut tx = db.begin().await?;
    if let Some(lease) = lease {
        lease.fence(&mut tx).await?;
    }
    Ok(tx)
}

/// What all rows of a batch share.
struct Batch {
    import: Uuid,
    actor: Actor,
    today: NaiveDate,
    /// The editions that were imported with the rows' keys.
    imported: HashMap<Source, ImportedProject>,
    /// By series key; a new id if the first edition of the series is in this batch.
    series: HashMap<String, SeriesId>,
}

async fn carry_out_batch(db: &Db, lease: Option<&Lease>, limit: i64) -> Result<bool, sqlx::Error> {
    let mut tx = begin(db, lease).await?;
    let Some(CommittedImport {
        id: import,
        committed_by,
        mut counts,
    }) = imports::lock_next_committed(&mut tx).await?
    else {
        return Ok(false);
    };
    let waiting = import_rows::waiting(&mut tx, import, limit).await?;
    if waiting.is_empty() {
        imports::finish(&mut tx, import).await?;
    } else {
        let series = lock_series(&mut tx, &waiting).await?;
        let sources: Vec<Source> = waiting.iter().map(|waiting| waiting.row.source()).collect();
        let batch = Batch {
            import,
            actor: Actor::Staff(StaffId(committed_by)),
            today: seoul_date(tx.now()),
            imported: import_matches::imported(&mut tx, &sources).await?,
            series,
        };
        let mut outcomes = Vec::with_capacity(waiting.len());
        for row in waiting {
            let (number, action) = (row.number, row.action);
            let outcome = outcome(carry_out(&mut tx, row, &batch).await)?;
            counts.carry_out(action, outcome.is_ok());
            outcomes.push((number, outcome));
        }
        import_rows::store_outcomes(&mut tx, import, outcomes).await?;
        imports::store_counts(&mut tx, import, &counts).await?;
    }
    tx.commit().await?;
    Ok(true)
}

/// Locks all keys and then all series of the rows, each kind sorted, before any row of a project,
/// so that two transactions cannot deadlock. Returns the series of the rows that create an edition.
async fn lock_series(
    tx: &mut Tx,
    waiting: &[WaitingRow],
) -> Result<HashMap<String, SeriesId>, sqlx::Error> {
    let creating = waiting.iter().filter(|row| row.action == Action::Create);
    let keys: BTreeSet<String> = creating.map(|row| row.row.details.series_key()).collect();
    for key in &keys {
        series::lock_key(tx, key).await?;
    }
    let editions: Vec<Uuid> = waiting
        .iter()
        .filter_map(|row| row.edition.map(|(id, _)| id))
        .collect();
    let ids = import_matches::series_of(tx, &editions).await?;
    let mut ids: BTreeSet<SeriesId> = ids.into_iter().collect();
    let mut series_by_key = HashMap::with_capacity(keys.len());
    for key in keys {
        let id = series::find_or_new(tx, &key).await?;
        ids.insert(id);
        series_by_key.insert(key, id);
    }
    for id in ids {
        series::lock(tx, id).await?;
    }
    Ok(series_by_key)
}

async fn fail_next(
    db: &Db,
    lease: Option<&Lease>,
    error: &sqlx::Error,
) -> Result<bool, sqlx::Error> {
    let mut tx = begin(db, lease).await?;
    let Some(CommittedImport { id: import, .. }) = imports::lock_next_committed(&mut tx).await?
    else {
        return Ok(false);
    };
    let reason = if is_decode_error(error) {
        let ko = "저장된 내용을 읽을 수 없습니다";
        Text::new(ko, "its stored content cannot be decoded")
    } else {
        let ko = "데이터베이스가 받아들이지 않았습니다";
        Text::new(ko, "the database refuses it")
    };
    let next = import_rows::next_waiting(&mut tx, import).await?;
    let outcomes = next.map(|number| (number, Err(refused(&reason))));
    import_rows::store_outcomes(&mut tx, import, outcomes.into_iter().collect()).await?;
    imports::recount(&mut tx, import).await?;
    tx.commit().await?;
    Ok(true)
}

fn refused(reason: &Text) -> Fault {
    let message = Text::new(
        format!("저장할 수 없습니다: {}", reason.ko),
        format!("It cannot be stored: {}", reason.en),
    );
    Fault::new(None, "refused", message)
}

/// A refusal is the outcome of its row; an error of the store is retried with the batch.
fn outcome(
    result: Result<ProjectId, ChangeError<Refusal>>,
) -> Result<Result<Uuid, Fault>, sqlx::Error> {
    Ok(match result {
        Ok(id) => Ok(id.0),
        Err(ChangeError::Store(error)) => return Err(error),
        Err(
            ChangeError::NotFound
            | ChangeError::Stale { .. }
            | ChangeError::Refused(Refusal::NotPlanned(_)),
        ) => Err(plan::changed_meanwhile()),
        Err(ChangeError::Refused(refusal)) => Err(refused(&refusal.sentence())),
    })
}

async fn carry_out(
    tx: &mut Tx,
    waiting: WaitingRow,
    batch: &Batch,
) -> Result<ProjectId, ChangeError<Refusal>> {
    let WaitingRow {
        action,
        row,
        edition,
        ..
    } = waiting;
    let Batch { actor, today, .. } = *batch;
    let imported = batch.imported.get(&row.source());
    let imported = imported.map(|imported| &imported.project);
    match (action, edition) {
        (Action::Create, _) => {
            // Another import created it.
            if let Some(imported) = imported {
                return Err(ChangeError::Stale {
                    current: imported.version,
                });
            }
            let series_id = *batch
                .series
                .get(&row.details.series_key())
                .ok_or(ChangeError::NotFound)?;
            let year = row.details.year;
            if import_matches::is_newly_expected(tx, batch.import, series_id, year).await? {
                return Err(ChangeError::NotFound);
            }
            let predecessor = series::predecessor_for(tx, series_id, year).await?;
            let command = plan::create(row, ProjectId(tx.new_id()), series_id, predecessor, today);
            let (project, event) = Project::create(command, actor).map_err(ChangeError::Refused)?;
            projects::create(tx, &project, &event).await?;
            Ok(project.id)
        }
        (Action::Edit | Action::FillsPlanned, Some((id, version))) => {
            // Another import gave the key to another edition.
            if let Some(imported) = imported.filter(|imported| imported.id.0 != id) {
                return Err(ChangeError::Stale {
                    current: imported.version,
                });
            }
            let found = import_matches::imported_by_id(tx, id)
                .await?
                .ok_or(ChangeError::NotFound)?;
            let command = match action {
                Action::FillsPlanned => plan::fill(&row, &found.project),
                _ => Command::Edit(Box::new(plan::edit_imported(&row, &found, today))),
            };
            let id = found.project.id;
            let edited =
                projects::change(tx, id, |current| current == version, command, actor).await?;
            if plan::starts(&row, &edited, today) {
                let start = Command::Start {
                    on: plan::started_on(&row, today),
                    today,
                };
                projects::change(tx, id, |_| true, start, actor).await?;
            }
            Ok(id)
        }
        // The other actions are never waiting.
        (Action::Edit | Action::FillsPlanned, None) | (Action::Same | Action::Error, _) => {
            Err(ChangeError::NotFound)
        }
    }
}
