//! What every service forgets of a customer who wants to be forgotten, beside what its own tables hold: in records that were kept aside, and
//! in the keys of writes that were sent again.
//!
//! Events name nobody by contract, so what is taken out of a parked record is what should never have been in it; it can still be retried. A
//! record that holds the number and does not name the customer is found only by a service that knows the number: one that is told it, or
//! keeps it.

use events::CustomerId;
use serde_json::{Map, Value};

use crate::Tx;
use crate::forms::phone::Phone;

/// The names under which somebody might have written who a customer is or what he said.
const PERSONAL: [&str; 7] = [
    "name",
    "customerName",
    "phone",
    "memo",
    "reason",
    "note",
    "why",
];

/// A parked record, as far as somebody else wrote it. What is copied from its headers is in `aggregatetype` and `type` too.
#[derive(sqlx::FromRow)]
struct Parked {
    id: i64,
    key: Option<Vec<u8>>,
    headers: Value,
    payload: Option<Vec<u8>>,
    aggregatetype: Option<String>,
    #[sqlx(rename = "type")]
    type_name: Option<String>,
}

/// Blanks parked records that name the customer, or hold his number where that is known, and drops the keys of his writes. Ids stay.
///
/// # Errors
/// When a statement fails.
pub async fn erase(
    tx: &mut Tx,
    customer: CustomerId,
    phone: Option<&Phone>,
) -> Result<(), sqlx::Error> {
    sqlx::query("delete from idempotency_key where principal = $1")
        .bind(customer.0)
        .execute(&mut **tx)
        .await?;
    let spellings = phone.map(Phone::spellings).unwrap_or_default();
    let sought: Vec<String> = std::iter::once(customer.0.to_string())
        .chain(spellings.iter().cloned())
        .collect();
    // In their order, so that two who forget at once do not wait for each other.
    let parked: Vec<Parked> = sqlx::query_as(
        "select id, key, headers, payload, aggregatetype, type from parked
         where exists (select from unnest($1::text[]) sought
                       where position(convert_to(sought, 'UTF8') in payload) > 0 or position(convert_to(sought, 'UTF8') in key) > 0
                          or position(sought in headers::text) > 0 or position(sought in detail) > 0)
         order by id for update",
    )
    .bind(&sought)
    .fetch_all(&mut **tx)
    .await?;
    for it in parked {
        let spelled = |text: &String| holds(text, &spellings);
        let key = it
            .key
            .filter(|key| !holds(&String::from_utf8_lossy(key), &spellings));
        // Why it was parked may repeat a piece of it; `reason` still says in a word.
        sqlx::query(
            "update parked set key = $2, headers = $3, payload = $4, aggregatetype = $5, type = $6, detail = '' where id = $1",
        )
        .bind(it.id)
        .bind(key)
        .bind(without(it.headers, &spellings))
        .bind(it.payload.and_then(|payload| blanked(&payload, &spellings)))
        .bind(it.aggregatetype.filter(|text| !spelled(text)))
        .bind(it.type_name.filter(|text| !spelled(text)))
        .execute(&mut **tx)
        .await?;
    }
    Ok(())
}

fn holds(text: &str, spellings: &[String]) -> bool {
    spellings.iter().any(|spelling| text.contains(spelling))
}

/// The headers without the number: a value that holds it becomes null, as one that nobody can read, and a name that holds it goes.
fn without(headers: Value, spellings: &[String]) -> Value {
    let Value::Object(headers) = headers else {
        return Value::Object(Map::new());
    };
    let kept = headers
        .into_iter()
        .filter(|(name, _)| !holds(name, spellings));
    kept.map(|(name, value)| {
        let is_his = value.as_str().is_some_and(|text| holds(text, spellings));
        (name, if is_his { Value::Null } else { value })
    })
    .collect()
}

/// The payload without what says who somebody is; nothing of one that cannot be read.
fn blanked(payload: &[u8], spellings: &[String]) -> Option<Vec<u8>> {
    let mut value: Value = serde_json::from_slice(payload).ok()?;
    blank(&mut value, spellings);
    serde_json::to_vec(&value).ok()
}

fn blank(value: &mut Value, spellings: &[String]) {
    match value {
        Value::Object(fields) => {
            fields.retain(|name, _| !PERSONAL.contains(&name.as_str()) && !holds(name, spellings));
            fields
                .values_mut()
                .for_each(|field| blank(field, spellings));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| blank(item, spellings)),
        Value::String(text) if holds(text, spellings) => text.clear(),
        // Written without its sign, the number is one.
        Value::Number(number) if holds(&number.to_string(), spellings) => *value = Value::Null,
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_record_keeps_its_ids_and_loses_who_it_is_about() {
        let phone: Phone = "010-1234-5678".parse().unwrap();
        let payload = json!({
            "customerId": "8f1c2a30-5b7d-8e21-9c44-1a2b3c4d5e6f", "phone": "+821012345678", "projectName": "스마트상점",
            "notes": [{ "by": "staff", "note": "전화함" }, "01012345678로 연락", 821_012_345_678_u64, 5678], "010-1234-5678": true,
        });
        let spellings = phone.spellings();
        let left: Value =
            serde_json::from_slice(&blanked(payload.to_string().as_bytes(), &spellings).unwrap())
                .unwrap();
        let expected = json!({
            "customerId": "8f1c2a30-5b7d-8e21-9c44-1a2b3c4d5e6f", "projectName": "스마트상점", "notes": [{ "by": "staff" }, "", null, 5678],
        });
        assert_eq!(left, expected);
        assert_eq!(blanked(b"\xff not JSON", &spellings), None);
    }
}
