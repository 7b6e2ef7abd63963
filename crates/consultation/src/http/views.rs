//! What callers are shown.

use std::collections::HashMap;

use chrono::{DateTime, NaiveDate, Utc};
use events::{Actor, PersonRef, Phase, ProjectStatus, Step};
use serde::Serialize;
use service_kit::auth::{Identity, Role};
use service_kit::forms::on_behalf_of::PersonView;
use service_kit::forms::phone::Phone;
use service_kit::http::describe::{PhaseName, RoleName, StatusName, StepName};
use sqlx::postgres::PgConnection;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{moves_to, sees};
use crate::holidays::{self, Mark};
use crate::known_project::ProjectState;
use crate::store::{Stored, copies, timeline};
use crate::timeline::{self as happenings, Entry, Happening, Names, Note};

/// A consultation as its reader may see it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ConsultationView {
    /// Which.
    pub(super) id: Uuid,
    /// What it is about.
    project_id: Uuid,
    /// Its name: the one that this service was told last, and until then the one that the page sent, which is forgotten with the customer.
    project_name: String,
    /// Whether this service was told of the project, and by the name that the page sent.
    project_state: ProjectState,
    /// The name that the page sent, where the project never had it (`projectState` is `differs`).
    sent_project_name: Option<String>,
    /// Where the project stands; `null` while it is `unheard`. An ended one can still be talked about.
    #[schema(value_type = Option<StatusName>)]
    project_status: Option<ProjectStatus>,
    /// What people see of the project today; `null` while that is not known.
    #[schema(value_type = Option<PhaseName>)]
    project_phase: Option<Phase>,
    /// Whose it is; `null` since he was forgotten.
    customer_id: Option<Uuid>,
    /// His name, where it was told.
    customer_name: Option<String>,
    /// His number with its middle hidden; `null` since he was forgotten.
    phone: Option<String>,
    /// The day the customer wishes for, in Seoul.
    pub(super) desired_date: NaiveDate,
    /// Why that day is no working day. Public holidays are known until 2035, weekends for ever.
    desired_date_mark: Option<Mark>,
    /// What the customer wrote; nothing since he was forgotten.
    memo: String,
    /// Where it stands.
    #[schema(value_type = StepName)]
    step: Step,
    /// The steps that whoever is shown it can move it to from here.
    #[schema(value_type = Vec<StepName>)]
    next_steps: Vec<Step>,
    /// Why it was cancelled, or failed.
    reason: Option<String>,
    /// Nobody until matched (배정 중).
    salesman: Option<PersonView>,
    /// The consultant, where one is on it.
    consultant: Option<PersonView>,
    /// When it was asked for.
    created_at: DateTime<Utc>,
    /// When its customer was forgotten at his wish (삭제됨), and with him his id here, his name, his number, and what was said. Only staff are
    /// shown one that was.
    erased_at: Option<DateTime<Utc>>,
    /// Also the `ETag`.
    version: i64,
}

impl ConsultationView {
    /// What it is like on that day.
    pub(super) fn of(stored: Stored, reader: &Identity, today: NaiveDate) -> Self {
        let next_steps = if sees(reader, &stored.it) {
            stored.it.next_steps()
        } else {
            &[]
        };
        let Stored {
            it,
            project,
            salesman_known_as,
            consultant_known_as,
            created_at,
            erased_at,
        } = stored;
        let asked_name = (!it.is_erased()).then_some(it.project_name.as_str());
        let project_state = ProjectState::of(project.as_ref(), asked_name);
        Self {
            id: it.id.0,
            project_id: it.project_id.0,
            project_state,
            sent_project_name: (project_state == ProjectState::Differs)
                .then(|| it.project_name.clone()),
            project_status: project.as_ref().map(|project| project.status),
            project_phase: project.as_ref().and_then(|project| project.phase(today)),
            customer_id: (!it.is_erased()).then_some(it.customer_id.0),
            phone: it.phone.as_ref().map(Phone::masked),
            desired_date: it.desired_on,
            desired_date_mark: holidays::mark(it.desired_on),
            step: it.step,
            next_steps: next_steps
                .iter()
                .copied()
                .filter(|to| moves_to(reader.role, *to))
                .collect(),
            version: it.version,
            project_name: project.map_or(it.project_name, |project| project.name),
            customer_name: it.customer_name,
            memo: it.memo,
            reason: it.reason,
            salesman: it
                .salesman
                .map(|person| shown_as(person, salesman_known_as)),
            consultant: it
                .consultant
                .map(|person| shown_as(person, consultant_known_as)),
            created_at,
            erased_at,
        }
    }
}

/// By the name that is known of him, or else by the one his match told.
fn shown_as(person: PersonRef, known_as: Option<String>) -> PersonView {
    let mut view = PersonView::from(person);
    if let Some(name) = known_as {
        view.display_name = name;
    }
    view
}

/// A consultation with all that happened to it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WholeConsultationView {
    /// The consultation.
    #[serde(flatten)]
    it: ConsultationView,
    /// Where a colleague entered it: who recorded that the customer agreed.
    consent: Option<ConsentView>,
    /// What happened, in order; the newest 500 entries. Notes are among them for those who are shown `notes`.
    timeline: Vec<EntryView>,
    /// What colleagues wrote, in order; the newest 500. Absent for customers.
    #[serde(skip_serializing_if = "Option::is_none")]
    notes: Option<Vec<NoteView>>,
}

impl WholeConsultationView {
    /// The consultation as that reader may see it.
    pub(super) async fn of(
        connection: &mut PgConnection,
        stored: Stored,
        reader: &Identity,
        today: NaiveDate,
    ) -> Result<Self, sqlx::Error> {
        let mut entries = timeline::entries(connection, stored.it.id).await?;
        let notes = match reader.role {
            Role::Customer => None,
            Role::Staff | Role::Salesman | Role::Consultant => {
                Some(timeline::notes(connection, stored.it.id).await?)
            }
        };
        entries.extend(notes.iter().flatten().map(Entry::from));
        happenings::sort(&mut entries);
        Self::told(connection, stored, entries, notes, reader, today).await
    }

    /// The consultation as somebody entered it who does not see it: nothing that others wrote or did, and nobody who is on it.
    pub(super) async fn as_requested(
        connection: &mut PgConnection,
        stored: Stored,
        reader: &Identity,
        today: NaiveDate,
    ) -> Result<Self, sqlx::Error> {
        let entries = timeline::request(connection, stored.it.id)
            .await?
            .into_iter()
            .collect();
        Self::told(connection, stored, entries, Some(Vec::new()), reader, today).await
    }

    /// These consultations with all that happened to each, as their customer takes them away: without the notes of colleagues.
    pub(super) async fn all(
        connection: &mut PgConnection,
        kept: Vec<Stored>,
        reader: &Identity,
        today: NaiveDate,
    ) -> Result<Vec<Self>, sqlx::Error> {
        let ids: Vec<Uuid> = kept.iter().map(|stored| stored.it.id.0).collect();
        let mut entries = timeline::all_entries(connection, &ids).await?;
        let of_each: Vec<(Stored, Vec<Entry>)> = kept
            .into_iter()
            .map(|stored| {
                let mut entries = entries.remove(&stored.it.id).unwrap_or_default();
                happenings::sort(&mut entries);
                (stored, entries)
            })
            .collect();
        let wanted: Vec<Uuid> = of_each
            .iter()
            .flat_map(|(stored, entries)| wanted(stored, entries))
            .collect();
        let known = copies::names(connection, &wanted).await?;
        let views = of_each.into_iter().map(|(stored, entries)| {
            Self::named(stored, entries, None, reader, today, known.clone())
        });
        Ok(views.collect())
    }

    /// The consultation with these entries and notes, everybody by his name.
    async fn told(
        connection: &mut PgConnection,
        stored: Stored,
        entries: Vec<Entry>,
        notes: Option<Vec<Note>>,
        reader: &Identity,
        today: NaiveDate,
    ) -> Result<Self, sqlx::Error> {
        let known = copies::names(connection, &wanted(&stored, &entries)).await?;
        Ok(Self::named(stored, entries, notes, reader, today, known))
    }

    /// The same, where it is known how everybody is called of whom this service has heard.
    fn named(
        stored: Stored,
        entries: Vec<Entry>,
        mut notes: Option<Vec<Note>>,
        reader: &Identity,
        today: NaiveDate,
        known: HashMap<Uuid, String>,
    ) -> Self {
        let names = Names::of(&entries, stored.it.people(), known);
        let is_erased = stored.it.is_erased();
        let by = |actor| {
            ByView::of(actor, &names, reader).map(|by| if is_erased { by.nobodys() } else { by })
        };
        if let Some(notes) = &mut notes {
            notes.sort_by_key(|note| (note.at, note.id));
        }
        let consent = stored.it.consent.map(|consent| ConsentView {
            by: by(consent.actor()),
            at: consent.at,
        });
        let timeline = entries
            .into_iter()
            .map(|mut entry| {
                names.put_on(&mut entry.what);
                EntryView {
                    id: entry.id,
                    at: entry.at,
                    by: by(entry.actor),
                    what: entry.what,
                }
            })
            .collect();
        let notes = notes.map(|notes| {
            notes
                .into_iter()
                .map(|note| NoteView::of(note, &names, reader))
                .collect()
        });
        Self {
            it: ConsultationView::of(stored, reader, today),
            consent,
            timeline,
            notes,
        }
    }
}

/// Everybody whom a consultation with these entries names.
fn wanted(stored: &Stored, entries: &[Entry]) -> Vec<Uuid> {
    let vouching = stored
        .it
        .consent
        .and_then(|consent| happenings::colleague(consent.actor()))
        .map(|id| id.0);
    Names::wanted(entries).into_iter().chain(vouching).collect()
}

/// Somebody vouches that the customer agreed to be entered.
#[derive(Debug, Serialize, ToSchema)]
struct ConsentView {
    /// Who recorded it.
    by: Option<ByView>,
    /// When.
    at: DateTime<Utc>,
}

/// Who did it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ByView {
    /// What they are.
    #[schema(value_type = RoleName)]
    role: Role,
    /// Who; `null` where a customer reads of staff, and for a customer who was forgotten.
    id: Option<Uuid>,
    /// The name of a salesman or consultant, where this service has heard of him.
    display_name: Option<String>,
}

impl ByView {
    /// `None`: it happened by itself.
    fn of(actor: Actor, names: &Names, reader: &Identity) -> Option<Self> {
        let named = |role, id: Uuid, display_name: Option<&str>| {
            let is_hidden = reader.role == Role::Customer && role == Role::Staff;
            Self {
                role,
                id: (!is_hidden).then_some(id),
                display_name: display_name.map(str::to_owned),
            }
        };
        Some(match actor {
            Actor::Customer(id) => named(Role::Customer, id.0, None),
            Actor::Staff(id) => named(Role::Staff, id.0, None),
            Actor::Salesman(id) => named(Role::Salesman, id.0, names.name(id)),
            Actor::Consultant(id) => named(Role::Consultant, id.0, names.name(id)),
            Actor::System => return None,
        })
    }

    /// Without the customer, who was forgotten.
    fn nobodys(self) -> Self {
        Self {
            id: self.id.filter(|_| self.role != Role::Customer),
            ..self
        }
    }
}

/// One line of the timeline: when, by whom, and what, told by `kind`.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct EntryView {
    /// Which.
    id: Uuid,
    /// When.
    at: DateTime<Utc>,
    /// By whom; `null`: by itself.
    by: Option<ByView>,
    /// What.
    #[serde(flatten)]
    what: Happening,
}

/// What a colleague wrote about a consultation. No customer is shown it, and no event tells it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct NoteView {
    /// Which.
    id: Uuid,
    /// When.
    at: DateTime<Utc>,
    /// By whom.
    by: Option<ByView>,
    /// What; `null` since the customer was forgotten.
    text: Option<String>,
}

impl NoteView {
    pub(super) fn of(note: Note, names: &Names, reader: &Identity) -> Self {
        Self {
            id: note.id,
            at: note.at,
            by: ByView::of(note.actor, names, reader),
            text: note.text,
        }
    }
}
