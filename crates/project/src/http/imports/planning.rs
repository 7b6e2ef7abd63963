//! Plans a batch of rows and stores the plan.

use std::collections::{HashMap, HashSet};

use service_kit::clock::seoul_date;
use service_kit::{Context, Problem, Tx};
use uuid::Uuid;

use crate::import::plan::{
    Action, ImportedProject, Matches, RowPlan, is_same_announcement, plan_row,
};
use crate::import::{MAYBE_CUT_OFF, ParsedRow, Row};
use crate::project::{Project, Source};
use crate::store::import_matches;
use crate::store::import_rows::{self, PlannedRow};

pub(super) async fn plan_batch(
    context: &Context,
    id: Uuid,
    rows: Vec<ParsedRow>,
) -> Result<(), Problem> {
    if rows.is_empty() {
        return Ok(());
    }
    let mut tx = context.db.begin().await?;
    let today = seoul_date(tx.now());
    let sources: Vec<Source> = rows
        .iter()
        .filter_map(|parsed| Some(parsed.row.as_ref().ok()?.source()))
        .collect();
    let mut earlier_rows = import_matches::earlier_rows(&mut tx, id, &sources).await?;
    let imported = import_matches::imported(&mut tx, &sources).await?;
    let new_rows = new_rows(&rows, &earlier_rows, &imported);
    let shortened = find_shortened(&mut tx, &new_rows).await?;
    let mut expected = find_expected(&mut tx, id, &new_rows).await?;
    let mut planned = Vec::with_capacity(rows.len());
    for parsed in rows {
        let number = parsed.number;
        let (row, plan) = match parsed.row {
            Ok(row) => {
                let source = row.source();
                let imported = imported.get(&source).or_else(|| shortened.get(&number));
                let matches = Matches {
                    earlier_row: earlier_rows.get(&source),
                    imported,
                    expected: expected.get(&number),
                };
                let plan = plan_row(&row, matches, today);
                if let (Action::FillsPlanned, Some((edition, _))) = (plan.action, plan.edition) {
                    // The next row of the same series is another announcement.
                    expected.retain(|_, project| project.id != edition);
                }
                earlier_rows.entry(source).or_insert_with(|| row.clone());
                (Some(row), plan)
            }
            Err(faults) => (None, RowPlan::error(faults)),
        };
        planned.push(PlannedRow {
            number,
            line: parsed.line,
            row,
            plan,
            warnings: parsed.warnings,
        });
    }
    import_rows::insert(&mut tx, id, &planned).await?;
    tx.commit().await?;
    Ok(())
}

/// A row whose source is new: neither of an earlier row nor of an edition.
#[derive(Clone, Copy)]
struct NewRow<'a> {
    number: u64,
    row: &'a Row,
    may_be_cut_off: bool,
}

fn new_rows<'a>(
    rows: &'a [ParsedRow],
    earlier_rows: &HashMap<Source, Row>,
    imported: &HashMap<Source, ImportedProject>,
) -> Vec<NewRow<'a>> {
    let mut seen = HashSet::new();
    let mut is_new = |source: Source| {
        let is_known = earlier_rows.contains_key(&source) || imported.contains_key(&source);
        !is_known && seen.insert(source)
    };
    rows.iter()
        .filter_map(|parsed| Some((parsed, parsed.row.as_ref().ok()?)))
        .filter(|(_, row)| is_new(row.source()))
        .map(|(parsed, row)| NewRow {
            number: parsed.number,
            row,
            may_be_cut_off: parsed
                .warnings
                .iter()
                .any(|warning| warning.code == MAYBE_CUT_OFF),
        })
        .collect()
}

/// By row number, the imported edition that is the same announcement with a shortened id on one
/// side.
async fn find_shortened(
    tx: &mut Tx,
    rows: &[NewRow<'_>],
) -> Result<HashMap<u64, ImportedProject>, sqlx::Error> {
    let sources: Vec<Source> = rows.iter().map(|new| new.row.source()).collect();
    let keys: Vec<String> = rows
        .iter()
        .map(|new| new.row.details.series_key())
        .collect();
    let (mut found, mut taken) = (HashMap::new(), HashSet::new());
    for (index, imported) in import_matches::with_shortened_id(tx, &sources, &keys).await? {
        let NewRow {
            number,
            row,
            may_be_cut_off,
        } = rows[index];
        let project = &imported.project;
        if is_same_announcement(row, may_be_cut_off, project)
            && !found.contains_key(&number)
            && taken.insert(project.id)
        {
            found.insert(number, imported);
        }
    }
    Ok(found)
}

/// By row number, the expected edition that it may announce.
async fn find_expected(
    tx: &mut Tx,
    import: Uuid,
    rows: &[NewRow<'_>],
) -> Result<HashMap<u64, Project>, sqlx::Error> {
    let keys: Vec<String> = rows
        .iter()
        .map(|new| new.row.details.series_key())
        .collect();
    let years: Vec<i32> = rows.iter().map(|new| new.row.details.year).collect();
    let found = import_matches::expected(tx, import, &keys, &years).await?;
    Ok(found
        .into_iter()
        .map(|(index, project)| (rows[index].number, project))
        .collect())
}
