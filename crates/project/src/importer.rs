//! Carries out the plans that staff committed: one leader, batch by batch. A batch and the mark that its rows are done are one unit of work,
//! so that a commit that was killed half way goes on where it stopped, and nothing happens twice.

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
use crate::import::plan::{self, Action, Imported};
use crate::project::{Command, Project, Refusal, Source};
use crate::search;
use crate::store;
use crate::store::imports::rows::{self, StoredFault, WaitingRow};
use crate::store::imports::{self, Committed};

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
    let mut importer = Importer {
        db,
        bell,
        stop: stop.clone(),
        forgot_at: None,
    };
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
/// A row that the database itself refuses, or that cannot be read any more, spoils its batch: then rows are carried out one by one, and that
/// row fails alone.
pub(crate) async fn carry_out_next(db: &Db, lease: Option<&Lease>) -> Result<bool, sqlx::Error> {
    // Series are recognised by what is computed. Whoever computes it meanwhile is waited for until the next look.
    if !search::is_computed(db).await? {
        return Ok(false);
    }
    match carry_out_batch(db, lease, BATCH).await {
        Err(error) if is_the_rows_fault(&error) => match carry_out_batch(db, lease, 1).await {
            Err(error) if is_the_rows_fault(&error) => {
                tracing::warn!(%error, "a row of an import cannot be carried out");
                fail_next(db, lease, &error).await
            }
            other => other,
        },
        other => other,
    }
}

fn is_the_rows_fault(error: &sqlx::Error) -> bool {
    matches!(error, sqlx::Error::Database(_)) && !db::is_transient(error) || is_unreadable(error)
}

fn is_unreadable(error: &sqlx::Error) -> bool {
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

/// What all rows of a batch have in common.
struct Batch {
    import: Uuid,
    actor: Actor,
    today: NaiveDate,
    /// The editions that were imported with the rows' keys.
    imported: HashMap<Source, Imported>,
    /// By the key of the series, whether it has editions already or the first of them is in this batch.
    series: HashMap<String, SeriesId>,
}

async fn carry_out_batch(db: &Db, lease: Option<&Lease>, most: i64) -> Result<bool, sqlx::Error> {
    let mut tx = begin(db, lease).await?;
    let Some(Committed {
        id: import,
        by,
        mut counts,
    }) = imports::lock_committed(&mut tx).await?
    else {
        return Ok(false);
    };
    let waiting = rows::waiting(&mut tx, import, most).await?;
    if waiting.is_empty() {
        imports::finish(&mut tx, import).await?;
    } else {
        let series = lock_all(&mut tx, &waiting).await?;
        let sources: Vec<Source> = waiting.iter().map(|it| it.row.source()).collect();
        let imported = rows::imported(&mut tx, &sources).await?;
        let batch = Batch {
            import,
            actor: Actor::Staff(StaffId(by)),
            today: seoul_date(tx.now()),
            imported,
            series,
        };
        let mut results = Vec::with_capacity(waiting.len());
        for it in waiting {
            let (number, action) = (it.number, it.action);
            let result = done_or_failed(carry_out(&mut tx, it, &batch).await)?;
            counts.carried_out(action, result.is_ok());
            results.push((number, result));
        }
        rows::carried_out(&mut tx, import, results).await?;
        imports::keep_counts(&mut tx, import, &counts).await?;
    }
    tx.commit().await?;
    Ok(true)
}

/// Takes every key and then every series that the rows are about, each kind in its order, before any row of a project is locked: so that two
/// who want the same wait for each other in the same order. Gives the series of those that create an edition.
async fn lock_all(
    tx: &mut Tx,
    waiting: &[WaitingRow],
) -> Result<HashMap<String, SeriesId>, sqlx::Error> {
    let creating = waiting.iter().filter(|it| it.action == Action::Create);
    let keys: BTreeSet<String> = creating.map(|it| it.row.series_key()).collect();
    for key in &keys {
        store::lock_key(tx, key).await?;
    }
    let mut series = HashMap::with_capacity(keys.len());
    let editions: Vec<Uuid> = waiting
        .iter()
        .filter_map(|it| it.edition.map(|(id, _)| id))
        .collect();
    let mut all: BTreeSet<SeriesId> = rows::series_of(tx, &editions).await?.into_iter().collect();
    for key in keys {
        let of_key = store::recognise(tx, &key)
            .await?
            .unwrap_or_else(|| SeriesId(tx.new_id()));
        all.insert(of_key);
        series.insert(key, of_key);
    }
    for id in all {
        store::lock_series(tx, id).await?;
    }
    Ok(series)
}

async fn fail_next(
    db: &Db,
    lease: Option<&Lease>,
    error: &sqlx::Error,
) -> Result<bool, sqlx::Error> {
    let mut tx = begin(db, lease).await?;
    let Some(Committed { id: import, .. }) = imports::lock_committed(&mut tx).await? else {
        return Ok(false);
    };
    let why = if is_unreadable(error) {
        Text::new(
            "저장된 내용을 읽을 수 없습니다",
            "what is stored of it cannot be read",
        )
    } else {
        Text::new(
            "데이터베이스가 받아들이지 않았습니다",
            "the database refuses it",
        )
    };
    let next = rows::next_waiting(&mut tx, import).await?;
    rows::carried_out(
        &mut tx,
        import,
        next.map(|number| (number, Err(refused(&why).into())))
            .into_iter()
            .collect(),
    )
    .await?;
    imports::count(&mut tx, import).await?;
    tx.commit().await?;
    Ok(true)
}

fn refused(why: &Text) -> Fault {
    let message = Text::new(
        format!("저장할 수 없습니다: {}", why.ko),
        format!("It cannot be stored: {}", why.en),
    );
    Fault {
        column: None,
        code: "refused",
        message,
    }
}

/// What keeps one row from being carried out is noted with it; what the store cannot do now is tried again.
fn done_or_failed(
    result: Result<ProjectId, ChangeError<Refusal>>,
) -> Result<Result<Uuid, StoredFault>, sqlx::Error> {
    Ok(match result {
        Ok(id) => Ok(id.0),
        Err(ChangeError::Store(error)) => return Err(error),
        Err(
            ChangeError::NotFound
            | ChangeError::Stale { .. }
            | ChangeError::Refused(Refusal::NotPlanned(_)),
        ) => Err(plan::changed_meanwhile().into()),
        Err(ChangeError::Refused(refusal)) => Err(refused(&refusal.sentence()).into()),
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
    let known = batch.imported.get(&row.source()).map(|known| &known.it);
    match (action, edition) {
        (Action::Create, _) => {
            // Another import was faster.
            if let Some(known) = known {
                return Err(ChangeError::Stale {
                    current: known.version,
                });
            }
            let series_id = *batch
                .series
                .get(&row.series_key())
                .ok_or(ChangeError::NotFound)?;
            if rows::is_newly_expected(tx, batch.import, series_id, row.year).await? {
                return Err(ChangeError::NotFound);
            }
            let predecessor = store::predecessor_of(tx, series_id, row.year).await?;
            let command = plan::create(row, ProjectId(tx.new_id()), series_id, predecessor, today);
            let (it, event) = Project::create(command, actor).map_err(ChangeError::Refused)?;
            store::create(tx, &it, &event).await?;
            Ok(it.id)
        }
        (Action::Edit | Action::FillsPlanned, Some((id, version))) => {
            // Another import was faster.
            if let Some(known) = known.filter(|known| known.id.0 != id) {
                return Err(ChangeError::Stale {
                    current: known.version,
                });
            }
            let found = rows::imported_edition(tx, id)
                .await?
                .ok_or(ChangeError::NotFound)?;
            let may = |it: &Project| match it.version {
                current if current != version => Err(ChangeError::Stale { current }),
                _ => Ok(()),
            };
            let command = match action {
                Action::FillsPlanned => plan::fill(&row, &found.it),
                _ => Command::Edit(Box::new(plan::edit_imported(&row, &found, today))),
            };
            let edited = store::change(tx, found.it.id, may, command, actor).await?;
            if plan::starts(&row, &edited, today) {
                let start = Command::Start {
                    on: plan::began_on(&row, today),
                    today,
                };
                store::change(tx, edited.id, |_| Ok(()), start, actor).await?;
            }
            Ok(edited.id)
        }
        // Nothing else waits.
        (Action::Edit | Action::FillsPlanned, None) | (Action::Same | Action::Error, _) => {
            Err(ChangeError::NotFound)
        }
    }
}
