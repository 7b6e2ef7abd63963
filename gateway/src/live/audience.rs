//! Who may know of an event, and how much of it. Pure: no clock, no connection, no state.
//!
//! Events name everybody they concern, so nothing has to be looked up. A page refetches what it shows from the service that owns it; what is
//! told here is only enough to know what to refetch, and to say in one line what happened.

use events::{
    Actor, ConsultationCreated, ConsultationEdited, ConsultationProgressed, CustomerId, Envelope,
    Event, InterestCreated, InterestUpdated, Profile, ProjectId, SalesmanId, SalesmanMatched,
    SalesmanRegistered, SalesmanUpdated, Topic,
};
use serde_json::{Map, Value, json};
use service_kit::auth::{Identity, Role};
use uuid::Uuid;

/// What an event says, as far as the stream tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fact {
    /// Anything about a project. Projects are public, and pages list hundreds of them: they are told only that some changed.
    Project,
    InterestCreated(InterestCreated),
    InterestUpdated(InterestUpdated),
    ConsultationCreated(ConsultationCreated),
    ConsultationEdited(ConsultationEdited),
    ConsultationProgressed(ConsultationProgressed),
    SalesmanMatched(SalesmanMatched),
    /// Somebody of the salesman service exists, or is described otherwise.
    Salesman(SalesmanId, Profile, Actor),
}

/// Why an event cannot be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Untold {
    /// This build does not know the type.
    UnknownType,
    /// The payload is not what its type says.
    Unreadable,
}

impl Fact {
    /// Reads the payload as its type says.
    pub(crate) fn read(envelope: &Envelope, payload: &[u8]) -> Result<Self, Untold> {
        fn of<E: Event>(payload: &[u8], fact: fn(E) -> Fact) -> Result<Fact, Untold> {
            serde_json::from_slice(payload)
                .map(fact)
                .map_err(|_| Untold::Unreadable)
        }
        match envelope.type_name.as_str() {
            InterestCreated::TYPE => of(payload, Self::InterestCreated),
            InterestUpdated::TYPE => of(payload, Self::InterestUpdated),
            ConsultationCreated::TYPE => of(payload, Self::ConsultationCreated),
            ConsultationEdited::TYPE => of(payload, Self::ConsultationEdited),
            ConsultationProgressed::TYPE => of(payload, Self::ConsultationProgressed),
            SalesmanMatched::TYPE => of(payload, Self::SalesmanMatched),
            SalesmanRegistered::TYPE => of(payload, |it: SalesmanRegistered| {
                Self::Salesman(it.salesman_id, it.profile, it.actor)
            }),
            SalesmanUpdated::TYPE => of(payload, |it: SalesmanUpdated| {
                Self::Salesman(it.salesman_id, it.profile, it.actor)
            }),
            other
                if envelope.aggregate_type == Topic::Project.aggregate()
                    && events::is_known_type(other) =>
            {
                Ok(Self::Project)
            }
            _ => Err(Untold::UnknownType),
        }
    }
}

/// Who may know.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Audience {
    /// Whose it is.
    pub(crate) customer: Option<CustomerId>,
    /// The salesman and the consultant who are on it.
    pub(crate) people: Vec<SalesmanId>,
    /// Who was on it and no longer is: told that it is gone, and nothing else.
    pub(crate) removed: Vec<SalesmanId>,
    /// Members of staff.
    pub(crate) staff: bool,
    /// Whoever is signed in.
    pub(crate) everybody: bool,
}

/// Who may know of this.
pub(crate) fn audience(fact: &Fact) -> Audience {
    let on_it = |customer: CustomerId,
                 salesman: Option<SalesmanId>,
                 consultant: Option<SalesmanId>| Audience {
        customer: Some(customer),
        people: salesman.into_iter().chain(consultant).collect(),
        staff: true,
        ..Audience::default()
    };
    match fact {
        Fact::Project => Audience {
            everybody: true,
            ..Audience::default()
        },
        Fact::InterestCreated(it) => on_it(it.customer.customer_id, None, None),
        Fact::InterestUpdated(it) => {
            on_it(it.customer.customer_id, it.salesman_id, it.consultant_id)
        }
        Fact::ConsultationCreated(it) => on_it(it.customer.customer_id, None, None),
        Fact::ConsultationEdited(it) => {
            on_it(it.customer.customer_id, it.salesman_id, it.consultant_id)
        }
        Fact::ConsultationProgressed(it) => {
            on_it(it.customer.customer_id, it.salesman_id, it.consultant_id)
        }
        Fact::SalesmanMatched(it) => {
            let consultant = it.consultant.as_ref().map(|consultant| consultant.id);
            let mut audience = on_it(it.customer.customer_id, Some(it.salesman.id), consultant);
            let previous = it
                .previous_salesman_id
                .into_iter()
                .chain(it.previous_consultant_id);
            // Whoever changed places is still on it.
            audience.removed = previous
                .filter(|id| !audience.people.contains(id))
                .collect();
            audience
        }
        Fact::Salesman(id, ..) => Audience {
            people: vec![*id],
            staff: true,
            ..Audience::default()
        },
    }
}

/// A person as the stream knows them: salesmen and consultants share their ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Who {
    Customer(Uuid),
    Person(Uuid),
    Staff,
}

impl Who {
    pub(crate) fn of(identity: &Identity) -> Self {
        match identity.role {
            Role::Customer => Self::Customer(identity.subject),
            Role::Salesman | Role::Consultant => Self::Person(identity.subject),
            Role::Staff => Self::Staff,
        }
    }
}

/// What somebody is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// The event, with the fields for these eyes.
    Event(Eyes),
    /// That it is gone.
    Removed,
    /// Nothing.
    Nothing,
}

/// How much of an event is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Eyes {
    /// His own things, and who looks after them.
    Customer,
    /// What somebody works on, and whose it is.
    Person,
    /// All that the stream tells.
    Staff,
}

impl Audience {
    /// What this person is told.
    pub(crate) fn access(&self, who: Who) -> Access {
        match who {
            Who::Customer(id) if self.customer == Some(CustomerId(id)) => {
                Access::Event(Eyes::Customer)
            }
            Who::Person(id) if self.people.contains(&SalesmanId(id)) => Access::Event(Eyes::Person),
            Who::Person(id) if self.removed.contains(&SalesmanId(id)) => Access::Removed,
            Who::Staff if self.staff => Access::Event(Eyes::Staff),
            _ => Access::Nothing,
        }
    }
}

/// What these eyes are shown of it besides the envelope.
///
/// A customer sees no id of anybody but those who look after him, and nobody sees a phone number, a memo or a reason: no event has one.
pub(crate) fn fields(fact: &Fact, eyes: Eyes) -> Map<String, Value> {
    let mut fields = Map::new();
    let mut put = |name: &str, value: Value| {
        if !value.is_null() {
            fields.insert(name.to_owned(), value);
        }
    };
    let (customer, actor) = match fact {
        Fact::Project => (None, None),
        Fact::InterestCreated(it) => {
            put_project(&mut put, it.project_id, it.project_name.as_ref());
            (Some(it.customer.customer_id), Some(it.actor))
        }
        Fact::InterestUpdated(it) => {
            put_project(&mut put, it.project_id, it.project_name.as_ref());
            put("interested", json!(it.interested));
            put_people(&mut put, it.salesman_id, it.consultant_id);
            (Some(it.customer.customer_id), Some(it.actor))
        }
        Fact::ConsultationCreated(it) => {
            put_project(&mut put, it.project_id, it.project_name.as_ref());
            put("desiredOn", json!(it.desired_on));
            (Some(it.customer.customer_id), Some(it.actor))
        }
        Fact::ConsultationEdited(it) => {
            put_project(&mut put, it.project_id, None);
            put("desiredOn", json!(it.desired_on));
            put("memoChanged", json!(it.memo_changed));
            put_people(&mut put, it.salesman_id, it.consultant_id);
            (Some(it.customer.customer_id), Some(it.actor))
        }
        Fact::ConsultationProgressed(it) => {
            put_project(&mut put, it.project_id, None);
            put("from", json!(it.from));
            put("to", json!(it.to));
            put_people(&mut put, it.salesman_id, it.consultant_id);
            (Some(it.customer.customer_id), Some(it.actor))
        }
        Fact::SalesmanMatched(it) => {
            put_project(&mut put, it.project_id, it.project_name.as_ref());
            put("origin", json!(it.origin));
            put("salesman", json!(it.salesman));
            put("consultant", json!(it.consultant));
            if eyes == Eyes::Staff {
                put("strategy", json!(it.strategy));
                put("previousSalesmanId", json!(it.previous_salesman_id));
                put("previousConsultantId", json!(it.previous_consultant_id));
            }
            (Some(it.customer.customer_id), Some(it.actor))
        }
        Fact::Salesman(_, profile, actor) => {
            put("displayName", json!(profile.display_name));
            put("role", json!(profile.role));
            put("active", json!(profile.active));
            (None, Some(*actor))
        }
    };
    if eyes != Eyes::Customer {
        put("customerId", json!(customer));
    }
    // So that a page need not announce what its own user did. Only staff see who in person.
    match actor {
        Some(actor) if eyes == Eyes::Staff => put("actor", json!(actor)),
        Some(actor) => put("by", json!(role_of(actor))),
        None => {}
    }
    fields
}

fn put_project(put: &mut impl FnMut(&str, Value), id: ProjectId, name: Option<&String>) {
    put("projectId", json!(id));
    put("projectName", json!(name));
}

fn put_people(
    put: &mut impl FnMut(&str, Value),
    salesman: Option<SalesmanId>,
    consultant: Option<SalesmanId>,
) {
    put("salesmanId", json!(salesman));
    put("consultantId", json!(consultant));
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

/// What somebody lost, in the words of the page that shows it: the interest or the consultation, not the match.
pub(crate) fn lost(fact: &Fact, envelope: &Envelope) -> (String, Uuid) {
    match fact {
        Fact::SalesmanMatched(it) => (it.origin.kind().to_owned(), it.origin.id()),
        _ => (envelope.aggregate_type.clone(), envelope.aggregate_id),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    const CUSTOMER: &str = "8f1c2a30-5b7d-8e21-9c44-1a2b3c4d5e6f";
    const SALESMAN: &str = "01890a5d-ac96-774b-bcce-b302099a8005";
    const CONSULTANT: &str = "01890a5d-ac96-774b-bcce-b302099a8006";
    const PREVIOUS_SALESMAN: &str = "01890a5d-ac96-774b-bcce-b302099a8008";
    const PREVIOUS_CONSULTANT: &str = "01890a5d-ac96-774b-bcce-b302099a800a";

    fn id(text: &str) -> Uuid {
        text.parse().unwrap()
    }

    /// The published example of each type, with everybody in it whom the type can name.
    fn golden(type_name: &str) -> Value {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/events/tests/it/golden");
        let mut payload: Value = serde_json::from_slice(
            &std::fs::read(folder.join(format!("{type_name}.json"))).unwrap(),
        )
        .unwrap();
        for (name, id) in [("salesmanId", SALESMAN), ("consultantId", CONSULTANT)] {
            if [
                "ktgg.InterestUpdated.v1",
                "ktgg.ConsultationEdited.v1",
                "ktgg.ConsultationProgressed.v1",
            ]
            .contains(&type_name)
            {
                payload[name] = json!(id);
            }
        }
        if type_name == SalesmanMatched::TYPE {
            payload["salesman"]["id"] = json!(SALESMAN);
            payload["consultant"] = json!({ "id": CONSULTANT, "displayName": "박상담" });
            payload["previousSalesmanId"] = json!(PREVIOUS_SALESMAN);
            payload["previousConsultantId"] = json!(PREVIOUS_CONSULTANT);
        }
        if payload.get("customerId").is_some() {
            payload["customerId"] = json!(CUSTOMER);
        }
        payload
    }

    fn envelope(type_name: &str) -> Envelope {
        let aggregate = [
            "Project",
            "Interest",
            "Consultation",
            "SalesmanMatched",
            "Salesman",
        ]
        .into_iter()
        .find(|noun| type_name.contains(noun))
        .map(|noun| {
            if noun == "SalesmanMatched" {
                "salesman-match".to_owned()
            } else {
                noun.to_lowercase()
            }
        });
        Envelope {
            id: Uuid::from_u128(1),
            type_name: type_name.to_owned(),
            aggregate_type: aggregate.unwrap(),
            aggregate_id: Uuid::from_u128(2),
            version: 1,
            recorded_at: "2026-11-23T01:02:03Z".parse().unwrap(),
            traceparent: None,
        }
    }

    fn fact(type_name: &str) -> Fact {
        Fact::read(
            &envelope(type_name),
            golden(type_name).to_string().as_bytes(),
        )
        .unwrap()
    }

    #[test]
    fn every_published_type_can_be_told() {
        for type_name in events::TYPES {
            fact(type_name);
        }
    }

    #[test]
    fn every_type_is_told_to_whom_it_concerns_and_to_nobody_else() {
        use Access::{Event, Nothing, Removed};
        let somebody = [
            Who::Customer(id(CUSTOMER)),
            Who::Person(id(SALESMAN)),
            Who::Person(id(CONSULTANT)),
            Who::Person(id(PREVIOUS_SALESMAN)),
            Who::Person(id(PREVIOUS_CONSULTANT)),
            Who::Staff,
        ];
        let (customer, person, staff) = (
            Event(Eyes::Customer),
            Event(Eyes::Person),
            Event(Eyes::Staff),
        );
        for type_name in events::TYPES {
            let expected = match type_name {
                "ktgg.InterestCreated.v1" | "ktgg.ConsultationCreated.v1" => {
                    [customer, Nothing, Nothing, Nothing, Nothing, staff]
                }
                "ktgg.InterestUpdated.v1"
                | "ktgg.ConsultationEdited.v1"
                | "ktgg.ConsultationProgressed.v1" => {
                    [customer, person, person, Nothing, Nothing, staff]
                }
                "ktgg.SalesmanMatched.v1" => [customer, person, person, Removed, Removed, staff],
                // The golden event is about the very salesman of the others: he is told of what is changed about himself.
                "ktgg.SalesmanRegistered.v1" | "ktgg.SalesmanUpdated.v1" => {
                    [Nothing, person, Nothing, Nothing, Nothing, staff]
                }
                _ => [Nothing; 6],
            };
            let audience = audience(&fact(type_name));
            assert_eq!(
                somebody.map(|who| audience.access(who)),
                expected,
                "{type_name}"
            );
            // A stranger, and somebody who has one of these ids in another role.
            for who in [Uuid::from_u128(9), id(SALESMAN), id(PREVIOUS_SALESMAN)].map(Who::Customer)
            {
                assert_eq!(audience.access(who), Nothing, "{type_name} {who:?}");
            }
            for who in [Uuid::from_u128(9), id(CUSTOMER)].map(Who::Person) {
                assert_eq!(audience.access(who), Nothing, "{type_name} {who:?}");
            }
            assert_eq!(
                audience.everybody,
                type_name.starts_with("ktgg.Project"),
                "{type_name}"
            );
        }
    }

    #[test]
    fn a_customer_sees_no_id_of_anybody_but_those_who_look_after_him() {
        for type_name in events::TYPES {
            let shown = Value::Object(fields(&fact(type_name), Eyes::Customer)).to_string();
            for (what, value) in [
                ("customer", CUSTOMER),
                ("previous", PREVIOUS_SALESMAN),
                ("previous", PREVIOUS_CONSULTANT),
            ] {
                assert!(
                    !shown.contains(value),
                    "{type_name} shows a {what}: {shown}"
                );
            }
            assert!(
                !shown.contains("actor") && !shown.contains("strategy"),
                "{type_name}: {shown}"
            );
        }
    }

    #[test]
    fn nobody_sees_digits_of_a_phone_number() {
        for type_name in events::TYPES {
            for eyes in [Eyes::Customer, Eyes::Person, Eyes::Staff] {
                assert!(
                    !fields(&fact(type_name), eyes).contains_key("lastFour"),
                    "{type_name}"
                );
            }
        }
    }

    #[test]
    fn whoever_changed_places_has_lost_nothing() {
        let Fact::SalesmanMatched(mut matched) = fact(SalesmanMatched::TYPE) else {
            unreachable!()
        };
        matched.previous_salesman_id = matched.consultant.as_ref().map(|consultant| consultant.id);
        matched.previous_consultant_id = Some(matched.salesman.id);
        assert_eq!(audience(&Fact::SalesmanMatched(matched)).removed, []);
    }

    #[test]
    fn who_lost_something_is_told_of_the_thing_and_not_of_the_match() {
        let fact = fact(SalesmanMatched::TYPE);
        let Fact::SalesmanMatched(matched) = &fact else {
            unreachable!()
        };
        assert_eq!(
            lost(&fact, &envelope(SalesmanMatched::TYPE)),
            (matched.origin.kind().to_owned(), matched.origin.id())
        );
    }

    #[test]
    fn what_cannot_be_read_is_told_to_nobody() {
        assert_eq!(
            Fact::read(&envelope("ktgg.ConsultationSung.v1"), b"{}"),
            Err(Untold::UnknownType)
        );
        assert_eq!(
            Fact::read(&envelope("ktgg.ProjectPainted.v1"), b"{}"),
            Err(Untold::UnknownType)
        );
        assert_eq!(
            Fact::read(&envelope(InterestCreated::TYPE), b"{}"),
            Err(Untold::Unreadable)
        );
        assert_eq!(
            Fact::read(&envelope(InterestCreated::TYPE), b"\xff"),
            Err(Untold::Unreadable)
        );
    }
}
