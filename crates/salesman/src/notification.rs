//! Notifications of salesmen and consultants: the events that cause them, recipients and content.
//!
//! Pure: no I/O. Notifications about an interest, a consultation or a match follow from the event
//! alone. Those about an edition go to the people who serve its series, which the store knows.

use chrono::NaiveDate;
use events::{
    Actor, ConsultationEdited, ConsultationProgressed, CustomerRef, Edition, Event, HasEdition,
    HasPeople, InterestUpdated, MatchedPeople, Origin, ProjectCreated, ProjectEdited, ProjectEnded,
    ProjectId, ProjectStarted, ProjectStatus, SalesmanId, SalesmanMatched, SalesmanUnmatched, Step,
};
use serde::{Deserialize, Serialize};
use service_kit::http::describe::StepName;
use utoipa::ToSchema;
use uuid::Uuid;

events::text_enum! {
    /// The reason of a notification.
    #[derive(ToSchema)]
    #[schema(rename_all = "snake_case")]
    pub enum Kind {
        /// The recipient was matched.
        Assigned = "assigned",
        /// The recipient was replaced, or the matches of the recipient were handed over.
        TakenAway = "taken_away",
        /// The customer turned the interest on again.
        InterestOn = "interest_on",
        /// The customer turned the interest off.
        InterestOff = "interest_off",
        /// The desired date or the memo of a consultation changed.
        ConsultationEdited = "consultation_edited",
        /// A consultation moved to another step.
        ConsultationProgressed = "consultation_progressed",
        /// An edition started.
        ProjectStarted = "project_started",
        /// An edition ended.
        ProjectEnded = "project_ended",
        /// The last day of the application period changed.
        DeadlineMoved = "deadline_moved",
        /// A new edition of the series was created.
        NewEdition = "new_edition",
    }
}

events::text_enum! {
    /// The type of a link's target.
    #[derive(ToSchema)]
    #[schema(rename_all = "snake_case")]
    pub enum LinkKind {
        Interest = "interest",
        Consultation = "consultation",
        /// An edition of a series.
        Project = "project",
    }
}

/// Where the recipient can react.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Link {
    pub kind: LinkKind,
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

/// Details besides the project, depending on the kind. Never a name or phone number of a customer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Details {
    /// `taken_away`: what the recipient was removed from. Shown only after being matched again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin: Option<Link>,
    /// The customer of the interest or consultation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub customer_id: Option<Uuid>,
    /// The last four digits of the customer's phone number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_four: Option<String>,
    /// `consultation_edited`: the date that the customer asks for now, in Seoul.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub desired_date: Option<NaiveDate>,
    /// `consultation_edited`: whether the memo changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memo_changed: Option<bool>,
    /// `consultation_progressed`: the step before.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<StepName>)]
    pub from: Option<Step>,
    /// `consultation_progressed`: the step now.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<StepName>)]
    pub to: Option<Step>,
    /// `deadline_moved`: the last day before; absent if there was none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub previous: Option<NaiveDate>,
    /// `deadline_moved`: the last day now; absent if there is none, then see `periodText`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub new: Option<NaiveDate>,
    /// Kinds about an edition: the application period as written in the announcement.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub period_text: Option<String>,
    /// Kinds about an edition: its year.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub year: Option<i32>,
    /// Kinds about an edition: how many of the recipient's customers are concerned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub customers: Option<i64>,
}

/// A notification of one person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notification {
    pub recipient: SalesmanId,
    pub content: Content,
}

/// A notification without its recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    pub kind: Kind,
    pub link: Link,
    pub project_id: ProjectId,
    /// `None` if the event does not contain it.
    pub project_name: Option<String>,
    pub details: Details,
}

impl Content {
    /// About an interest or a consultation, with a link to it.
    fn of_origin(
        kind: Kind,
        (origin, customer): (Origin, &CustomerRef),
        project_id: ProjectId,
    ) -> Self {
        Self {
            kind,
            link: origin.into(),
            project_id,
            project_name: None,
            details: Details {
                customer_id: Some(customer.customer_id.0),
                last_four: Some(customer.last_four.to_string()),
                ..Details::default()
            },
        }
    }

    /// About an edition, with a link to it.
    fn of_edition(kind: Kind, (project_id, edition): (ProjectId, &Edition)) -> Self {
        Self {
            kind,
            link: Link::project(project_id),
            project_id,
            project_name: Some(edition.name.clone()),
            details: Details {
                period_text: Some(edition.period.text.clone()),
                year: Some(edition.year),
                ..Details::default()
            },
        }
    }

    fn send_to(&self, recipients: impl IntoIterator<Item = SalesmanId>) -> Vec<Notification> {
        let notification = |recipient| Notification {
            recipient,
            content: self.clone(),
        };
        recipients.into_iter().map(notification).collect()
    }

    /// For the assigned people, except the one who caused the event.
    fn send_to_others(&self, assigned: [Option<SalesmanId>; 2], actor: Actor) -> Vec<Notification> {
        let is_other = |id: &SalesmanId| match actor {
            Actor::Salesman(actor) | Actor::Consultant(actor) => *id != actor,
            Actor::Customer(_) | Actor::Staff(_) | Actor::System => true,
        };
        self.send_to(assigned.into_iter().flatten().filter(is_other))
    }

    /// For a person with this number of concerned customers.
    pub fn for_customers(&self, recipient: SalesmanId, customers: i64) -> Notification {
        let mut content = self.clone();
        content.details.customers = Some(customers);
        Notification { recipient, content }
    }
}

/// An event about a customer's interest or consultation that causes notifications.
pub trait CustomerEvent: Event {
    /// The interest or consultation, and its customer.
    fn subject(&self) -> (Origin, &CustomerRef);

    /// The notifications that follow from the event alone; can be empty.
    fn notifications(&self) -> Vec<Notification>;
}

impl CustomerEvent for SalesmanMatched {
    fn subject(&self) -> (Origin, &CustomerRef) {
        (self.origin, &self.customer)
    }

    fn notifications(&self) -> Vec<Notification> {
        of_people(&self.people(), self.project_name.as_ref())
    }
}

impl CustomerEvent for SalesmanUnmatched {
    fn subject(&self) -> (Origin, &CustomerRef) {
        (self.origin, &self.customer)
    }

    fn notifications(&self) -> Vec<Notification> {
        of_people(&self.people(), self.project_name.as_ref())
    }
}

/// For the newly matched, and for those who were removed, whose link leads to the project because
/// they have no access to the interest or consultation any more.
fn of_people(people: &MatchedPeople<'_>, project_name: Option<&String>) -> Vec<Notification> {
    let subject = (people.origin, people.customer);
    let assigned = Content {
        project_name: project_name.cloned(),
        ..Content::of_origin(Kind::Assigned, subject, people.project_id)
    };
    let taken_away = Content {
        kind: Kind::TakenAway,
        link: Link::project(people.project_id),
        details: Details {
            origin: Some(people.origin.into()),
            ..assigned.details.clone()
        },
        ..assigned.clone()
    };
    [
        assigned.send_to(people.newly_assigned()),
        taken_away.send_to(people.unassigned()),
    ]
    .concat()
}

impl CustomerEvent for InterestUpdated {
    fn subject(&self) -> (Origin, &CustomerRef) {
        (Origin::Interest(self.interest_id), &self.customer)
    }

    /// For the assigned people, if the customer turned the interest on or off.
    fn notifications(&self) -> Vec<Notification> {
        if !matches!(self.actor, Actor::Customer(_)) {
            return Vec::new();
        }
        let kind = if self.interested {
            Kind::InterestOn
        } else {
            Kind::InterestOff
        };
        let content = Content {
            project_name: self.project_name.clone(),
            ..Content::of_origin(kind, self.subject(), self.project_id)
        };
        content.send_to_others([self.salesman_id, self.consultant_id], self.actor)
    }
}

impl CustomerEvent for ConsultationEdited {
    fn subject(&self) -> (Origin, &CustomerRef) {
        (Origin::Consultation(self.consultation_id), &self.customer)
    }

    fn notifications(&self) -> Vec<Notification> {
        let kind = Kind::ConsultationEdited;
        let mut content = Content::of_origin(kind, self.subject(), self.project_id);
        content.details.desired_date = Some(self.desired_on);
        content.details.memo_changed = Some(self.memo_changed);
        content.send_to_others([self.salesman_id, self.consultant_id], self.actor)
    }
}

impl CustomerEvent for ConsultationProgressed {
    fn subject(&self) -> (Origin, &CustomerRef) {
        (Origin::Consultation(self.consultation_id), &self.customer)
    }

    fn notifications(&self) -> Vec<Notification> {
        let kind = Kind::ConsultationProgressed;
        let mut content = Content::of_origin(kind, self.subject(), self.project_id);
        content.details.from = Some(self.from);
        content.details.to = Some(self.to);
        content.send_to_others([self.salesman_id, self.consultant_id], self.actor)
    }
}

/// Who is notified of an event about an edition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recipients {
    /// The people who serve any edition of the series.
    Series,
    /// The people who serve another edition of the series: this one is new to them.
    OtherEditions,
}

/// An event about an edition that causes notifications.
pub trait SeriesEvent: HasEdition {
    const RECIPIENTS: Recipients = Recipients::Series;

    /// `None` if the event causes no notification.
    fn content(&self) -> Option<Content>;
}

impl SeriesEvent for ProjectStarted {
    fn content(&self) -> Option<Content> {
        Some(Content::of_edition(Kind::ProjectStarted, self.edition()))
    }
}

impl SeriesEvent for ProjectEnded {
    fn content(&self) -> Option<Content> {
        Some(Content::of_edition(Kind::ProjectEnded, self.edition()))
    }
}

impl SeriesEvent for ProjectEdited {
    /// `None` unless the deadline moved.
    fn content(&self) -> Option<Content> {
        let mut content = Content::of_edition(Kind::DeadlineMoved, self.edition());
        content.details.previous = self
            .previous_period
            .as_ref()
            .and_then(|period| period.ends_on);
        content.details.new = self.edition.period.ends_on;
        self.deadline_moved().then_some(content)
    }
}

impl SeriesEvent for ProjectCreated {
    const RECIPIENTS: Recipients = Recipients::OtherEditions;

    /// `None` for an edition that has ended: imported history.
    fn content(&self) -> Option<Content> {
        (self.edition.status != ProjectStatus::Ended)
            .then(|| Content::of_edition(Kind::NewEdition, self.edition()))
    }
}
