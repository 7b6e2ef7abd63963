//! Values of one group that the other must not see, and the search for them in responses and
//! streams.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex};

use ktgg::client::{Response, Stream};
use service_kit::forms::phone::Phone;
use service_kit::tasks;
use tokio::task::JoinHandle;

use crate::actors::{Actors, Group};

/// The kind of a value, and the value.
pub(crate) type PrivateValue = (&'static str, String);

/// The group's customer and all of their data.
pub(crate) fn customer_values(group: &Group) -> Vec<PrivateValue> {
    let mut values = vec![
        ("customer", group.customer.to_string()),
        ("name", group.name.to_owned()),
        ("memo", group.memo.to_owned()),
        ("why", group.why.to_owned()),
        ("masked phone", group.phone.masked()),
    ];
    values.extend(phone_values(&group.phone));
    values.extend(group.notes.iter().map(|note| ("note", (*note).to_owned())));
    for (what, ids) in [
        ("interest", &group.interests),
        ("consultation", &group.consultations),
        ("match", &group.matches),
        ("customer's notification", &group.customer_notifications),
        ("salesman's notification", &group.salesman_notifications),
        ("consultant's notification", &group.consultant_notifications),
    ] {
        values.extend(ids.iter().map(|id| (what, id.to_string())));
    }
    values
}

/// The ids and names of the group's salesman and consultant.
pub(crate) fn colleague_values(group: &Group) -> Vec<PrivateValue> {
    let colleagues = [
        ("salesman", &group.salesman),
        ("consultant", &group.consultant),
    ];
    colleagues
        .into_iter()
        .flat_map(|(what, colleague)| {
            [
                (what, colleague.id.to_string()),
                (what, colleague.name.to_owned()),
            ]
        })
        .collect()
}

/// The notes of colleagues.
pub(crate) fn note_values(group: &Group) -> Vec<PrivateValue> {
    group
        .notes
        .iter()
        .map(|note| ("note", (*note).to_owned()))
        .collect()
}

/// The ids of staff.
pub(crate) fn staff_values(actors: &Actors) -> Vec<PrivateValue> {
    actors
        .staff
        .iter()
        .map(|colleague| ("staff", colleague.id.to_string()))
        .collect()
}

/// The unmasked phone number in its usual spellings.
pub(crate) fn phone_values(phone: &Phone) -> Vec<PrivateValue> {
    phone
        .spellings()
        .into_iter()
        .map(|spelling| ("unmasked phone", spelling))
        .collect()
}

/// Those of the values that the text contains.
pub(crate) fn values_in<'a>(text: &str, values: &'a [PrivateValue]) -> Vec<&'a PrivateValue> {
    values
        .iter()
        .filter(|(_, value)| text.contains(value.as_str()))
        .collect()
}

/// The headers and the body of a response.
pub(crate) fn full_text(response: &Response) -> String {
    let headers = response
        .headers
        .iter()
        .map(|(name, value)| format!("{name}: {}\n", String::from_utf8_lossy(value.as_bytes())));
    format!("{}\n{}", headers.collect::<String>(), response.json)
}

/// Records the events of a stream, and keeps it open.
pub(crate) struct StreamRecorder {
    text: Arc<Mutex<String>>,
    reading: JoinHandle<()>,
}

impl StreamRecorder {
    pub(crate) fn start(mut stream: Stream) -> Self {
        let text = Arc::new(Mutex::new(String::new()));
        let writer = text.clone();
        let reading = tasks::spawn(async move {
            while let Ok(Some(event)) = stream.next().await {
                writeln!(
                    writer.lock().unwrap(),
                    "{} {} {}",
                    event.id.unwrap_or_default(),
                    event.event,
                    event.data
                )
                .unwrap();
            }
        });
        Self { text, reading }
    }

    pub(crate) fn text(&self) -> String {
        self.text.lock().unwrap().clone()
    }
}

impl Drop for StreamRecorder {
    fn drop(&mut self) {
        self.reading.abort();
    }
}
