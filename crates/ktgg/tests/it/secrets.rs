//! What nobody of the one side may be shown of the other, looked for in everything that anybody is answered or told.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex};

use ktgg::client::{Response, Stream};
use service_kit::forms::phone::Phone;
use service_kit::tasks;
use tokio::task::JoinHandle;

use crate::everybody::{Everybody, Side};

/// Something that must not be shown: what it is, and how it is written.
pub(crate) type Secret = (&'static str, String);

/// Who a customer is, what he has, and what was said of him.
pub(crate) fn of_customer(side: &Side) -> Vec<Secret> {
    let mut secrets = vec![
        ("customer", side.customer.to_string()),
        ("name", side.name.to_owned()),
        ("memo", side.memo.to_owned()),
        ("why", side.why.to_owned()),
        ("masked phone", side.phone.masked()),
    ];
    secrets.extend(whole_phone(&side.phone));
    secrets.extend(side.notes.iter().map(|note| ("note", (*note).to_owned())));
    for (what, ids) in [
        ("interest", &side.interests),
        ("consultation", &side.consultations),
        ("match", &side.matches),
        ("customer's notification", &side.told_customer),
        ("salesman's notification", &side.told_salesman),
        ("consultant's notification", &side.told_consultant),
    ] {
        secrets.extend(ids.iter().map(|id| (what, id.to_string())));
    }
    secrets
}

/// Who is there for a customer.
pub(crate) fn of_colleagues(side: &Side) -> Vec<Secret> {
    let colleagues = [
        ("salesman", &side.salesman),
        ("consultant", &side.consultant),
    ];
    colleagues
        .into_iter()
        .flat_map(|(what, it)| [(what, it.id.to_string()), (what, it.name.to_owned())])
        .collect()
}

/// What colleagues write for each other.
pub(crate) fn notes_of(side: &Side) -> Vec<Secret> {
    side.notes
        .iter()
        .map(|note| ("note", (*note).to_owned()))
        .collect()
}

/// Who the members of staff are.
pub(crate) fn of_staff(everybody: &Everybody) -> Vec<Secret> {
    everybody
        .staff
        .iter()
        .map(|it| ("staff", it.id.to_string()))
        .collect()
}

/// The number with nothing hidden, as people write it.
pub(crate) fn whole_phone(phone: &Phone) -> Vec<Secret> {
    phone
        .spellings()
        .into_iter()
        .map(|spelling| ("whole phone", spelling))
        .collect()
}

/// Which of the secrets are in the text.
pub(crate) fn found<'a>(text: &str, secrets: &'a [Secret]) -> Vec<&'a Secret> {
    secrets
        .iter()
        .filter(|(_, written)| text.contains(written.as_str()))
        .collect()
}

/// Everything that an answer says: its headers and its body.
pub(crate) fn said(answer: &Response) -> String {
    let headers = answer
        .headers
        .iter()
        .map(|(name, value)| format!("{name}: {}\n", String::from_utf8_lossy(value.as_bytes())));
    format!("{}\n{}", headers.collect::<String>(), answer.json)
}

/// Everything that a stream has told, while it is held open.
pub(crate) struct Overheard {
    told: Arc<Mutex<String>>,
    reading: JoinHandle<()>,
}

impl Overheard {
    pub(crate) fn of(mut stream: Stream) -> Self {
        let told = Arc::new(Mutex::new(String::new()));
        let writing = told.clone();
        let reading = tasks::spawn(async move {
            while let Ok(Some(it)) = stream.next().await {
                writeln!(
                    writing.lock().unwrap(),
                    "{} {} {}",
                    it.id.unwrap_or_default(),
                    it.event,
                    it.data
                )
                .unwrap();
            }
        });
        Self { told, reading }
    }

    pub(crate) fn text(&self) -> String {
        self.told.lock().unwrap().clone()
    }
}

impl Drop for Overheard {
    fn drop(&mut self) {
        self.reading.abort();
    }
}
