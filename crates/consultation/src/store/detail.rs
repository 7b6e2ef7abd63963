//! Consultations with everything that their detail view shows.

use chrono::NaiveDate;
use sqlx::postgres::PgConnection;
use uuid::Uuid;

use super::read::Stored;
use super::{notes, projections, timeline};
use crate::names::Names;
use crate::timeline::{Entry, Note, colleague};
use crate::timeline_order::in_order;

/// A consultation with its timeline and the names of the people in it.
#[derive(Debug)]
pub(crate) struct Detail {
    pub(crate) stored: Stored,
    /// Sorted, with one entry for each note.
    pub(crate) entries: Vec<Entry>,
    /// Oldest first; `None` for a reader who may not see notes.
    pub(crate) notes: Option<Vec<Note>>,
    pub(crate) names: Names,
}

impl Detail {
    /// The newest entries and, if the reader can see them, the newest notes.
    pub(crate) async fn load(
        connection: &mut PgConnection,
        stored: Stored,
        can_see_notes: bool,
    ) -> Result<Self, sqlx::Error> {
        let id = stored.consultation.id;
        let mut entries = timeline::newest(connection, id).await?;
        let notes = if can_see_notes {
            Some(notes::newest(connection, id).await?)
        } else {
            None
        };
        entries.extend(notes.iter().flatten().map(Entry::from));
        Self::with_names(connection, stored, entries, notes).await
    }

    /// The consultation as it was right after the request, with the given day and memo: for a
    /// colleague who entered it and may not see what has happened since.
    pub(crate) async fn load_requested(
        connection: &mut PgConnection,
        stored: Stored,
        desired_on: NaiveDate,
        memo: String,
    ) -> Result<Self, sqlx::Error> {
        let request = timeline::request(connection, stored.consultation.id).await?;
        let stored = stored.into_requested(desired_on, memo);
        let entries = request.into_iter().collect();
        Self::with_names(connection, stored, entries, Some(Vec::new())).await
    }

    /// Several consultations with all entries and without notes.
    pub(crate) async fn load_all(
        connection: &mut PgConnection,
        consultations: Vec<Stored>,
    ) -> Result<Vec<Self>, sqlx::Error> {
        let ids: Vec<Uuid> = consultations
            .iter()
            .map(|stored| stored.consultation.id.0)
            .collect();
        let mut entries = timeline::all(connection, &ids).await?;
        let with_entries: Vec<(Stored, Vec<Entry>)> = consultations
            .into_iter()
            .map(|stored| {
                let entries = entries.remove(&stored.consultation.id);
                (stored, entries.unwrap_or_default())
            })
            .collect();
        let people: Vec<Uuid> = with_entries
            .iter()
            .flat_map(|(stored, entries)| people(stored, entries))
            .collect();
        let names = projections::names(connection, &people).await?;
        let details = with_entries.into_iter().map(|(stored, entries)| {
            let names = Names::new(stored.consultation.assignees(), &entries, names.clone());
            Self::new(stored, entries, None, names)
        });
        Ok(details.collect())
    }

    async fn with_names(
        connection: &mut PgConnection,
        stored: Stored,
        entries: Vec<Entry>,
        notes: Option<Vec<Note>>,
    ) -> Result<Self, sqlx::Error> {
        let people: Vec<Uuid> = people(&stored, &entries).collect();
        let current = projections::names(connection, &people).await?;
        let names = Names::new(stored.consultation.assignees(), &entries, current);
        Ok(Self::new(stored, entries, notes, names))
    }

    fn new(stored: Stored, entries: Vec<Entry>, notes: Option<Vec<Note>>, names: Names) -> Self {
        let mut entries = in_order(entries);
        for entry in &mut entries {
            names.apply(&mut entry.event);
        }
        Self {
            stored,
            entries,
            notes,
            names,
        }
    }
}

/// The ids of the salesmen and consultants that the detail view names.
fn people<'a>(stored: &Stored, entries: &'a [Entry]) -> impl Iterator<Item = Uuid> + use<'a> {
    let consent = stored.consultation.consent;
    let matched = entries
        .iter()
        .flat_map(|entry| entry.event.people())
        .map(|person| person.id);
    let actors = entries.iter().map(|entry| entry.actor);
    let colleagues = actors
        .chain(consent.map(|consent| consent.actor()))
        .filter_map(colleague)
        .map(|id| id.0);
    matched.chain(colleagues)
}
