//! What callers see of a consultation.

use axum::http::StatusCode;
use chrono::{DateTime, NaiveDate, Utc};
use events::{Actor, Phase, ProjectStatus, Step};
use serde::Serialize;
use service_kit::auth::{Identity, Role};
use service_kit::forms::on_behalf_of::PersonView;
use service_kit::forms::phone::Phone;
use service_kit::http::Versioned;
use service_kit::http::describe::{PhaseName, RoleName, StatusName, StepName};
use utoipa::ToSchema;
use uuid::Uuid;

use super::access::{can_move_to, can_see};
use crate::holidays::{self, Mark};
use crate::known_project::ProjectState;
use crate::names::Names;
use crate::store::{Detail, Stored};
use crate::timeline::{Note, TimelineEvent, colleague};

/// A consultation in a list.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ConsultationView {
    pub(super) id: Uuid,
    project_id: Uuid,
    /// The current name of the project or, while the project is `unknown`, the name that was sent,
    /// which is erased with the customer.
    project_name: String,
    /// Whether this service knows the project, and by the name that was sent.
    project_state: ProjectState,
    /// The name that was sent, if the project never had it (`projectState` is `differs`).
    sent_project_name: Option<String>,
    /// The ended edition that was asked for, if the consultation is about its successor.
    redirected_from: Option<AskedProjectView>,
    /// `null` while the project is `unknown`. Consultations about ended projects are possible.
    #[schema(value_type = Option<StatusName>)]
    project_status: Option<ProjectStatus>,
    /// The phase today; `null` while it is not known.
    #[schema(value_type = Option<PhaseName>)]
    project_phase: Option<Phase>,
    /// `null` after the customer was erased.
    customer_id: Option<Uuid>,
    customer_name: Option<String>,
    /// The number with its middle hidden; `null` after the customer was erased.
    phone: Option<String>,
    /// The desired day in Seoul.
    pub(super) desired_date: NaiveDate,
    /// Why the desired day is not a working day. Public holidays are known until 2035.
    desired_date_mark: Option<Mark>,
    /// What the customer wrote; empty after the customer was erased.
    memo: String,
    #[schema(value_type = StepName)]
    step: Step,
    /// The steps that the caller can move the consultation to.
    #[schema(value_type = Vec<StepName>)]
    next_steps: Vec<Step>,
    /// Why it was cancelled or failed.
    reason: Option<String>,
    /// `null` until matched, and after a departure until another is matched (배정 중).
    salesman: Option<PersonView>,
    /// `null` if no consultant is assigned.
    consultant: Option<PersonView>,
    created_at: DateTime<Utc>,
    /// When it was approved; `null` if it never was.
    approved_at: Option<DateTime<Utc>>,
    /// When it succeeded, failed or was cancelled; `null` while it is open.
    pub(super) closed_at: Option<DateTime<Utc>>,
    /// When the customer was erased (삭제됨): id, name, number and texts of the customer are removed.
    /// Only staff see erased consultations.
    erased_at: Option<DateTime<Utc>>,
    /// Also the `ETag`.
    version: i64,
}

impl ConsultationView {
    pub(super) fn new(stored: Stored, reader: &Identity, today: NaiveDate) -> Self {
        let Stored {
            consultation,
            project,
            asked_project_name,
            salesman,
            consultant,
            created_at,
            approved_at,
            closed_at,
            erased_at,
        } = stored;
        let is_erased = consultation.is_erased();
        let sent_name = (!is_erased).then_some(consultation.project_name.as_str());
        let project_state = ProjectState::new(project.as_ref(), sent_name);
        let can_move = |to: &Step| can_see(reader, &consultation) && can_move_to(reader.role, *to);
        Self {
            id: consultation.id.0,
            project_id: consultation.project_id.0,
            project_state,
            sent_project_name: (project_state == ProjectState::Differs)
                .then(|| consultation.project_name.clone()),
            redirected_from: consultation.asked_project_id.map(|id| AskedProjectView {
                id: id.0,
                name: asked_project_name,
            }),
            project_status: project.as_ref().map(|project| project.status),
            project_phase: project.as_ref().and_then(|project| project.phase(today)),
            customer_id: (!is_erased).then_some(consultation.customer_id.0),
            phone: consultation.phone.as_ref().map(Phone::masked),
            desired_date: consultation.desired_on,
            desired_date_mark: holidays::mark(consultation.desired_on),
            step: consultation.step,
            next_steps: consultation.next_steps().filter(can_move).collect(),
            version: consultation.version,
            project_name: project.map_or(consultation.project_name, |project| project.name),
            customer_name: consultation.customer_name,
            memo: consultation.memo,
            reason: consultation.reason,
            salesman: salesman.map(PersonView::from),
            consultant: consultant.map(PersonView::from),
            created_at,
            approved_at,
            closed_at,
            erased_at,
        }
    }
}

/// An edition that has ended.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AskedProject)]
struct AskedProjectView {
    id: Uuid,
    /// The current name.
    name: Option<String>,
}

/// A consultation with its timeline.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WholeConsultationView {
    #[serde(flatten)]
    consultation: ConsultationView,
    /// Present and `true` in the answer to a request that the customer had made before: this is the
    /// open consultation about the programme, unchanged.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schema(required = false)]
    already_requested: bool,
    /// Present if a colleague entered the consultation on behalf of the customer.
    consent: Option<ConsentView>,
    /// Oldest first; the newest 500 entries. Contains notes if `notes` is present.
    timeline: Vec<EntryView>,
    /// Oldest first; the newest 500 notes. Absent for customers.
    #[serde(skip_serializing_if = "Option::is_none")]
    notes: Option<Vec<NoteView>>,
}

impl WholeConsultationView {
    pub(super) fn new(detail: Detail, reader: &Identity, today: NaiveDate) -> Self {
        let Detail {
            stored,
            entries,
            notes,
            names,
        } = detail;
        let is_erased = stored.consultation.is_erased();
        let by = |actor| {
            let mut by = ByView::new(actor, &names, reader.role)?;
            if is_erased && by.role == Role::Customer {
                by.id = None;
            }
            Some(by)
        };
        let consent = stored.consultation.consent.map(|consent| ConsentView {
            by: by(consent.actor()),
            at: consent.at,
        });
        let timeline = entries
            .into_iter()
            .map(|entry| EntryView {
                id: entry.id,
                at: entry.at,
                by: by(entry.actor),
                event: entry.event,
            })
            .collect();
        let note_view = |note| NoteView::new(note, &names, reader.role);
        Self {
            consultation: ConsultationView::new(stored, reader, today),
            already_requested: false,
            consent,
            timeline,
            notes: notes.map(|notes| notes.into_iter().map(note_view).collect()),
        }
    }

    /// Says that the consultation existed before the request.
    pub(super) fn into_already_requested(self) -> Self {
        Self {
            already_requested: true,
            ..self
        }
    }

    /// The answer with its `ETag` and, if it was just created, its `Location`.
    pub(super) fn into_answer(self, status: StatusCode) -> Versioned<Self> {
        let id = self.consultation.id;
        Versioned {
            status,
            location: (status == StatusCode::CREATED).then(|| format!("/consultations/{id}")),
            version: self.consultation.version,
            view: self,
        }
    }
}

/// Who recorded the consent of the customer.
#[derive(Debug, Serialize, ToSchema)]
struct ConsentView {
    by: Option<ByView>,
    at: DateTime<Utc>,
}

/// The author of an entry, a note or a consent.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ByView {
    #[schema(value_type = RoleName)]
    role: Role,
    /// `null` for staff if a customer reads it, and for an erased customer.
    id: Option<Uuid>,
    /// The name of a salesman or consultant, if it is known.
    display_name: Option<String>,
}

impl ByView {
    /// `None` for the system.
    fn new(actor: Actor, names: &Names, reader: Role) -> Option<Self> {
        let (role, id) = match actor {
            Actor::Customer(id) => (Role::Customer, id.0),
            Actor::Staff(id) => (Role::Staff, id.0),
            Actor::Salesman(id) => (Role::Salesman, id.0),
            Actor::Consultant(id) => (Role::Consultant, id.0),
            Actor::System => return None,
        };
        let display_name = colleague(actor).and_then(|id| names.get(id));
        Some(Self {
            role,
            id: role.visible_id(id, reader),
            display_name: display_name.map(str::to_owned),
        })
    }
}

/// One entry of the timeline; `kind` says what happened.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct EntryView {
    id: Uuid,
    at: DateTime<Utc>,
    /// `null` for the system.
    by: Option<ByView>,
    #[serde(flatten)]
    event: TimelineEvent,
}

/// A note that colleagues write for each other. Customers do not see it, and no event contains it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct NoteView {
    id: Uuid,
    at: DateTime<Utc>,
    by: Option<ByView>,
    /// `null` after the customer was erased.
    text: Option<String>,
}

impl NoteView {
    pub(super) fn new(note: Note, names: &Names, reader: Role) -> Self {
        Self {
            id: note.id,
            at: note.at,
            by: ByView::new(note.actor, names, reader),
            text: note.text,
        }
    }
}
