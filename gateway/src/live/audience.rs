//! Who may see an event, and which of its fields. Pure functions of the event.
//!
//! Events name everybody concerned, so nothing has to be looked up. A stream event contains only
//! what a page needs to know what to fetch again, and to say in one line what happened.

#[cfg(test)]
mod tests;

use events::{
    Actor, ConsultationCreated, ConsultationEdited, ConsultationProgressed, CustomerId, Envelope,
    Event, HasPeople, InterestCreated, InterestUpdated, Profile, SalesmanId, SalesmanMatched,
    SalesmanRegistered, SalesmanUnmatched, SalesmanUpdated, Topic,
};
use serde_json::{Value, json};
use service_kit::auth::{Identity, Role};
use service_kit::messaging::policy;
use uuid::Uuid;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum StreamEvent {
    /// Any event of a project. Projects are public and pages list hundreds of them, so browsers
    /// learn only which ones changed.
    Project,
    InterestCreated(InterestCreated),
    InterestUpdated(InterestUpdated),
    ConsultationCreated(ConsultationCreated),
    ConsultationEdited(ConsultationEdited),
    ConsultationProgressed(ConsultationProgressed),
    SalesmanMatched(SalesmanMatched),
    SalesmanUnmatched(SalesmanUnmatched),
    /// A salesman or consultant was registered or updated.
    Salesman(SalesmanId, Profile, Actor),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DecodeError {
    /// A type of a newer build.
    UnknownType,
    /// The payload does not have the form of its type.
    Unreadable,
}

/// Who may see an event.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Audience {
    pub(crate) customer: Option<CustomerId>,
    /// The present salesman and consultant.
    pub(crate) people: Vec<SalesmanId>,
    /// Those who lost access with this event.
    pub(crate) removed: Vec<SalesmanId>,
    pub(crate) staff: bool,
    /// Everybody who is signed in.
    pub(crate) everyone: bool,
}

/// A person on the stream. Salesmen and consultants share their ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Subscriber {
    Customer(Uuid),
    Person(Uuid),
    Staff,
}

/// What a subscriber sees of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Visibility {
    /// The customer's own data, and who looks after it.
    Customer,
    /// What a salesman or consultant works on, and whose it is.
    Person,
    Staff,
    /// Only that the aggregate is gone.
    Removed,
}

impl Visibility {
    pub(crate) const ALL: [Self; 4] = [Self::Customer, Self::Person, Self::Staff, Self::Removed];
}

impl From<&Identity> for Subscriber {
    fn from(identity: &Identity) -> Self {
        match identity.role {
            Role::Customer => Self::Customer(identity.subject),
            Role::Salesman | Role::Consultant => Self::Person(identity.subject),
            Role::Staff => Self::Staff,
        }
    }
}

impl Audience {
    fn of_customer(customer: CustomerId, people: [Option<SalesmanId>; 2]) -> Self {
        Self {
            customer: Some(customer),
            people: people.into_iter().flatten().collect(),
            staff: true,
            ..Self::default()
        }
    }

    /// Of an event about a match. Those who changed between the two roles keep access.
    fn of_match(event: &impl HasPeople) -> Self {
        let people = event.people();
        let present = [people.salesman, people.consultant].map(|person| person.map(|it| it.id));
        Self {
            removed: people.unassigned(),
            ..Self::of_customer(people.customer.customer_id, present)
        }
    }

    pub(crate) fn subscribers(&self) -> impl Iterator<Item = Subscriber> {
        let people = self.people.iter().chain(&self.removed);
        let customer = self.customer.map(|id| Subscriber::Customer(id.0));
        let staff = self.staff.then_some(Subscriber::Staff);
        customer
            .into_iter()
            .chain(people.map(|id| Subscriber::Person(id.0)))
            .chain(staff)
    }

    /// `None` if the subscriber must not know of the event.
    pub(crate) fn visibility(&self, subscriber: Subscriber) -> Option<Visibility> {
        match subscriber {
            Subscriber::Customer(id) => {
                (self.customer == Some(CustomerId(id))).then_some(Visibility::Customer)
            }
            Subscriber::Person(id) if self.people.contains(&SalesmanId(id)) => {
                Some(Visibility::Person)
            }
            Subscriber::Person(id) => self
                .removed
                .contains(&SalesmanId(id))
                .then_some(Visibility::Removed),
            Subscriber::Staff => self.staff.then_some(Visibility::Staff),
        }
    }

    /// Whether some subscriber has this visibility.
    pub(crate) fn has(&self, visibility: Visibility) -> bool {
        match visibility {
            Visibility::Customer => self.customer.is_some(),
            Visibility::Person => !self.people.is_empty(),
            Visibility::Staff => self.staff,
            Visibility::Removed => !self.removed.is_empty(),
        }
    }
}

impl StreamEvent {
    /// Decodes the payload of a record.
    pub(crate) fn decode(envelope: &Envelope, payload: &[u8]) -> Result<Self, DecodeError> {
        fn decode<E: Event>(
            payload: &[u8],
            event: fn(E) -> StreamEvent,
        ) -> Result<StreamEvent, DecodeError> {
            policy::decode(payload)
                .map(event)
                .map_err(|_| DecodeError::Unreadable)
        }
        match envelope.type_name.as_str() {
            InterestCreated::TYPE => decode(payload, Self::InterestCreated),
            InterestUpdated::TYPE => decode(payload, Self::InterestUpdated),
            ConsultationCreated::TYPE => decode(payload, Self::ConsultationCreated),
            ConsultationEdited::TYPE => decode(payload, Self::ConsultationEdited),
            ConsultationProgressed::TYPE => decode(payload, Self::ConsultationProgressed),
            SalesmanMatched::TYPE => decode(payload, Self::SalesmanMatched),
            SalesmanUnmatched::TYPE => decode(payload, Self::SalesmanUnmatched),
            SalesmanRegistered::TYPE => decode(payload, |event: SalesmanRegistered| {
                Self::Salesman(event.salesman_id, event.profile, event.actor)
            }),
            SalesmanUpdated::TYPE => decode(payload, |event: SalesmanUpdated| {
                Self::Salesman(event.salesman_id, event.profile, event.actor)
            }),
            type_name
                if envelope.aggregate_type == Topic::Project.aggregate()
                    && events::is_known_type(type_name) =>
            {
                Ok(Self::Project)
            }
            _ => Err(DecodeError::UnknownType),
        }
    }

    pub(crate) fn audience(&self) -> Audience {
        match self {
            Self::Project => Audience {
                everyone: true,
                ..Audience::default()
            },
            Self::InterestCreated(event) => {
                Audience::of_customer(event.customer.customer_id, [None, None])
            }
            Self::InterestUpdated(event) => {
                let people = [event.salesman_id, event.consultant_id];
                Audience::of_customer(event.customer.customer_id, people)
            }
            Self::ConsultationCreated(event) => {
                Audience::of_customer(event.customer.customer_id, [None, None])
            }
            Self::ConsultationEdited(event) => {
                let people = [event.salesman_id, event.consultant_id];
                Audience::of_customer(event.customer.customer_id, people)
            }
            Self::ConsultationProgressed(event) => {
                let people = [event.salesman_id, event.consultant_id];
                Audience::of_customer(event.customer.customer_id, people)
            }
            Self::SalesmanMatched(event) => Audience::of_match(event),
            Self::SalesmanUnmatched(event) => Audience::of_match(event),
            Self::Salesman(id, ..) => Audience {
                people: vec![*id],
                staff: true,
                ..Audience::default()
            },
        }
    }

    /// The fields for this visibility, besides those of the envelope.
    ///
    /// Customers see no ids except those of the people who look after them. Events have no phone
    /// numbers, memos or reasons.
    pub(crate) fn fields(&self, visibility: Visibility) -> Value {
        let is_staff = visibility == Visibility::Staff;
        let (mut fields, actor) = match self {
            Self::Project => (json!({}), None),
            Self::InterestCreated(event) => (
                json!({ "projectId": event.project_id, "projectName": event.project_name }),
                Some(event.actor),
            ),
            Self::InterestUpdated(event) => (
                json!({
                    "projectId": event.project_id,
                    "projectName": event.project_name,
                    "interested": event.interested,
                    "salesmanId": event.salesman_id,
                    "consultantId": event.consultant_id,
                }),
                Some(event.actor),
            ),
            Self::ConsultationCreated(event) => (
                json!({
                    "projectId": event.project_id,
                    "projectName": event.project_name,
                    "desiredOn": event.desired_on,
                }),
                Some(event.actor),
            ),
            Self::ConsultationEdited(event) => (
                json!({
                    "projectId": event.project_id,
                    "desiredOn": event.desired_on,
                    "memoChanged": event.memo_changed,
                    "salesmanId": event.salesman_id,
                    "consultantId": event.consultant_id,
                }),
                Some(event.actor),
            ),
            Self::ConsultationProgressed(event) => (
                json!({
                    "projectId": event.project_id,
                    "from": event.from,
                    "to": event.to,
                    "salesmanId": event.salesman_id,
                    "consultantId": event.consultant_id,
                }),
                Some(event.actor),
            ),
            Self::SalesmanMatched(event) => (
                json!({
                    "projectId": event.project_id,
                    "projectName": event.project_name,
                    "origin": event.origin,
                    "salesman": event.salesman,
                    "consultant": event.consultant,
                    "strategy": is_staff.then_some(event.strategy),
                    "previousSalesmanId": event.previous_salesman_id.filter(|_| is_staff),
                    "previousConsultantId": event.previous_consultant_id.filter(|_| is_staff),
                }),
                Some(event.actor),
            ),
            Self::SalesmanUnmatched(event) => (
                json!({
                    "projectId": event.project_id,
                    "projectName": event.project_name,
                    "origin": event.origin,
                    "salesman": event.salesman,
                    "consultant": event.consultant,
                    "previousSalesmanId": event.previous_salesman_id.filter(|_| is_staff),
                    "previousConsultantId": event.previous_consultant_id.filter(|_| is_staff),
                }),
                Some(event.actor),
            ),
            Self::Salesman(_, profile, actor) => (
                json!({
                    "displayName": profile.display_name,
                    "role": profile.role,
                    "active": profile.active,
                }),
                Some(*actor),
            ),
        };
        if visibility != Visibility::Customer {
            fields["customerId"] = json!(self.audience().customer);
        }
        // The role is enough for a page not to announce what its own user did.
        if is_staff {
            fields["actor"] = json!(actor);
        } else {
            fields["by"] = json!(actor.map(role_of));
        }
        if let Some(fields) = fields.as_object_mut() {
            fields.retain(|_, value| !value.is_null());
        }
        fields
    }

    /// What those who lost access do not see any more: the interest or consultation, not the match.
    pub(crate) fn removed_aggregate(&self, envelope: &Envelope) -> (String, Uuid) {
        match self {
            Self::SalesmanMatched(SalesmanMatched { origin, .. })
            | Self::SalesmanUnmatched(SalesmanUnmatched { origin, .. }) => {
                (origin.kind().to_owned(), origin.id())
            }
            _ => (envelope.aggregate_type.clone(), envelope.aggregate_id),
        }
    }
}

fn role_of(actor: Actor) -> &'static str {
    match actor {
        Actor::Customer(_) => Role::Customer.as_str(),
        Actor::Staff(_) => Role::Staff.as_str(),
        Actor::Salesman(_) => Role::Salesman.as_str(),
        Actor::Consultant(_) => Role::Consultant.as_str(),
        Actor::System => "system",
    }
}
