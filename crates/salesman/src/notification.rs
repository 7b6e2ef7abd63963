//! Who is told what when something happened, and what he can do about it: no I/O.
//!
//! What is told of an interest, a consultation or a match follows from the event alone. What is told of a programme goes to whoever serves
//! its series, which the store knows.

use chrono::NaiveDate;
use events::{
    Actor, ConsultationEdited, ConsultationProgressed, CustomerRef, Edition, HasEdition as _,
    InterestUpdated, Origin, ProjectCreated, ProjectEdited, ProjectEnded, ProjectId,
    ProjectStarted, ProjectStatus, SalesmanId, SalesmanMatched, Step,
};
use serde::{Deserialize, Serialize};
use service_kit::http::describe::StepName;
use utoipa::ToSchema;
use uuid::Uuid;

/// What a notification is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// He is on it now.
    Assigned,
    /// He is not on it any more.
    TakenAway,
    /// A customer turned his interest on again.
    InterestOn,
    /// A customer turned his interest off.
    InterestOff,
    /// The date or the memo of a consultation is another.
    ConsultationEdited,
    /// A consultation moved to another step.
    ConsultationProgressed,
    /// An edition of a programme was started.
    ProjectStarted,
    /// An edition of a programme was ended.
    ProjectEnded,
    /// The last day on which one can apply is another.
    DeadlineMoved,
    /// There is another edition of a programme.
    NewEdition,
}

impl Kind {
    /// The kind's name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Assigned => "assigned",
            Self::TakenAway => "taken_away",
            Self::InterestOn => "interest_on",
            Self::InterestOff => "interest_off",
            Self::ConsultationEdited => "consultation_edited",
            Self::ConsultationProgressed => "consultation_progressed",
            Self::ProjectStarted => "project_started",
            Self::ProjectEnded => "project_ended",
            Self::DeadlineMoved => "deadline_moved",
            Self::NewEdition => "new_edition",
        }
    }
}

/// What sort of thing a link leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum LinkKind {
    /// An interest.
    Interest,
    /// A consultation.
    Consultation,
    /// An edition of a programme.
    Project,
}

impl LinkKind {
    /// The sort's name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Interest => "interest",
            Self::Consultation => "consultation",
            Self::Project => "project",
        }
    }

    /// The sort that has this name.
    pub fn named(name: &str) -> Option<Self> {
        [Self::Interest, Self::Consultation, Self::Project]
            .into_iter()
            .find(|kind| kind.as_str() == name)
    }
}

/// Where he can do something about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Link {
    /// What sort of thing it is.
    pub kind: LinkKind,
    /// Which.
    pub id: Uuid,
}

impl Link {
    fn project(id: ProjectId) -> Self {
        Self {
            kind: LinkKind::Project,
            id: id.0,
        }
    }
}

impl From<Origin> for Link {
    fn from(origin: Origin) -> Self {
        let kind = match origin {
            Origin::Interest(_) => LinkKind::Interest,
            Origin::Consultation(_) => LinkKind::Consultation,
        };
        Self {
            kind,
            id: origin.id(),
        }
    }
}

/// What a page shows of it besides the programme: only what belongs to its kind. Never a name or a number of a customer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Details {
    /// What he was taken off: `taken_away`. Shown once he is on it again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin: Option<Link>,
    /// Whose interest or consultation it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub customer_id: Option<Uuid>,
    /// The last four digits of that customer's number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_four: Option<String>,
    /// The day the customer wishes for now, in Seoul: `consultation_edited`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub desired_date: Option<NaiveDate>,
    /// Whether the memo is another: `consultation_edited`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memo_changed: Option<bool>,
    /// The step it was at: `consultation_progressed`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<StepName>)]
    pub from: Option<Step>,
    /// The step it is at: `consultation_progressed`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<StepName>)]
    pub to: Option<Step>,
    /// The last day before; absent where there was none: `deadline_moved`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub previous: Option<NaiveDate>,
    /// The last day now; absent where there is none, and `periodText` says what holds instead: `deadline_moved`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub new: Option<NaiveDate>,
    /// The application period as it is written: what is told of programmes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub period_text: Option<String>,
    /// The edition's year: what is told of programmes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub year: Option<i32>,
    /// How many customers of his it concerns: what is told of programmes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub customers: Option<i64>,
}

impl Details {
    fn of_customer(customer: &CustomerRef) -> Self {
        Self {
            customer_id: Some(customer.customer_id.0),
            last_four: Some(customer.last_four.to_string()),
            ..Self::default()
        }
    }

    fn of_edition(edition: &Edition) -> Self {
        Self {
            period_text: Some(edition.period.text.clone()),
            year: Some(edition.year),
            ..Self::default()
        }
    }
}

/// What somebody is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// Who.
    pub person: SalesmanId,
    /// What about.
    pub news: News,
}

/// What is told, whoever hears it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct News {
    /// What it is about.
    pub kind: Kind,
    /// Where one can do something about it.
    pub link: Link,
    /// The edition it is about.
    pub project_id: ProjectId,
    /// Its name, where the event tells it.
    pub project_name: Option<String>,
    /// The rest.
    pub details: Details,
}

impl News {
    fn to(self, people: impl IntoIterator<Item = SalesmanId>) -> Vec<Told> {
        people
            .into_iter()
            .map(|person| Told {
                person,
                news: self.clone(),
            })
            .collect()
    }

    /// The same for somebody of whose customers it concerns so many.
    pub fn to_one(&self, person: SalesmanId, customers: i64) -> Told {
        let details = Details {
            customers: Some(customers),
            ..self.details.clone()
        };
        Told {
            person,
            news: Self {
                details,
                ..self.clone()
            },
        }
    }
}

/// Those of the two who are there and did not do it themselves.
fn others(
    salesman: Option<SalesmanId>,
    consultant: Option<SalesmanId>,
    actor: Actor,
) -> Vec<SalesmanId> {
    let himself = match actor {
        Actor::Salesman(id) | Actor::Consultant(id) => Some(id),
        Actor::Customer(_) | Actor::Staff(_) | Actor::System => None,
    };
    [salesman, consultant]
        .into_iter()
        .flatten()
        .filter(|id| Some(*id) != himself)
        .collect()
}

/// Who is on it and was not before, and who no longer is. The latter cannot open it any more: he is led to the programme.
pub fn of_match(event: &SalesmanMatched) -> Vec<Told> {
    let assigned = News {
        kind: Kind::Assigned,
        link: event.origin.into(),
        project_id: event.project_id,
        project_name: event.project_name.clone(),
        details: Details::of_customer(&event.customer),
    };
    let taken_away = News {
        kind: Kind::TakenAway,
        link: Link::project(event.project_id),
        details: Details {
            origin: Some(event.origin.into()),
            ..assigned.details.clone()
        },
        ..assigned.clone()
    };
    [
        assigned.to(event.newly_assigned()),
        taken_away.to(event.unassigned()),
    ]
    .concat()
}

/// Both who are on it, when its customer himself turned it off or on.
pub fn of_interest(event: &InterestUpdated) -> Vec<Told> {
    if !matches!(event.actor, Actor::Customer(_)) {
        return Vec::new();
    }
    let news = News {
        kind: if event.interested {
            Kind::InterestOn
        } else {
            Kind::InterestOff
        },
        link: Origin::Interest(event.interest_id).into(),
        project_id: event.project_id,
        project_name: event.project_name.clone(),
        details: Details::of_customer(&event.customer),
    };
    news.to(others(event.salesman_id, event.consultant_id, event.actor))
}

/// Both who are on it, but for whoever did it.
pub fn of_edit(event: &ConsultationEdited) -> Vec<Told> {
    let news = News {
        kind: Kind::ConsultationEdited,
        link: Origin::Consultation(event.consultation_id).into(),
        project_id: event.project_id,
        project_name: None,
        details: Details {
            desired_date: Some(event.desired_on),
            memo_changed: Some(event.memo_changed),
            ..Details::of_customer(&event.customer)
        },
    };
    news.to(others(event.salesman_id, event.consultant_id, event.actor))
}

/// Both who are on it, but for whoever did it.
pub fn of_progress(event: &ConsultationProgressed) -> Vec<Told> {
    let news = News {
        kind: Kind::ConsultationProgressed,
        link: Origin::Consultation(event.consultation_id).into(),
        project_id: event.project_id,
        project_name: None,
        details: Details {
            from: Some(event.from),
            to: Some(event.to),
            ..Details::of_customer(&event.customer)
        },
    };
    news.to(others(event.salesman_id, event.consultant_id, event.actor))
}

fn of_edition(kind: Kind, (project_id, edition): (ProjectId, &Edition)) -> News {
    News {
        kind,
        link: Link::project(project_id),
        project_id,
        project_name: Some(edition.name.clone()),
        details: Details::of_edition(edition),
    }
}

/// What whoever serves the series is told.
pub fn of_start(event: &ProjectStarted) -> News {
    of_edition(Kind::ProjectStarted, event.edition())
}

/// What whoever serves the series is told.
pub fn of_end(event: &ProjectEnded) -> News {
    of_edition(Kind::ProjectEnded, event.edition())
}

/// What whoever serves the series is told, if the deadline moved.
pub fn of_deadline(event: &ProjectEdited) -> Option<News> {
    let mut news = of_edition(Kind::DeadlineMoved, event.edition());
    news.details.previous = event
        .previous_period
        .as_ref()
        .and_then(|before| before.ends_on);
    news.details.new = event.edition.period.ends_on;
    event.deadline_moved().then_some(news)
}

/// What whoever serves another edition of the series is told. An edition that is over already is history that was imported.
pub fn of_new_edition(event: &ProjectCreated) -> Option<News> {
    (event.edition.status != ProjectStatus::Ended)
        .then(|| of_edition(Kind::NewEdition, event.edition()))
}
