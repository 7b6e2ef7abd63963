//! Erasure in the tables that every service has: parked records and idempotency keys.
//!
//! By contract, events contain no personal data, so a parked record can still be applied after the
//! erasure. A record that contains the number but not the customer's id is found only by a service
//! that knows the number.

use events::CustomerId;
use serde_json::{Map, Value};

use crate::Tx;
use crate::forms::phone::Phone;

/// JSON keys of personal data, in records that break the contract.
const PERSONAL_KEYS: [&str; 7] = [
    "name",
    "customerName",
    "phone",
    "memo",
    "reason",
    "note",
    "why",
];

/// The columns of a parked record that contain the sender's data. `aggregatetype` and `type` are
/// from the headers.
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

/// Deletes the customer's idempotency keys, and removes personal data from parked records with the
/// customer's id or number. Ids stay.
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
    let needles: Vec<String> = std::iter::once(customer.0.to_string())
        .chain(spellings.iter().cloned())
        .collect();
    // Ordered, so that two concurrent erasures do not deadlock.
    let parked: Vec<Parked> = sqlx::query_as(
        "select id, key, headers, payload, aggregatetype, type from parked
         where exists (select from unnest($1::text[]) needle
                       where position(convert_to(needle, 'UTF8') in payload) > 0
                          or position(convert_to(needle, 'UTF8') in key) > 0
                          or position(needle in headers::text) > 0
                          or position(needle in detail) > 0)
         order by id for update",
    )
    .bind(&needles)
    .fetch_all(&mut **tx)
    .await?;
    for record in parked {
        let is_clean = |text: &str| !contains_any(text, &spellings);
        let key = record
            .key
            .filter(|key| is_clean(&String::from_utf8_lossy(key)));
        // The detail may quote the payload; the reason remains.
        sqlx::query(
            "update parked set key = $2, headers = $3, payload = $4, aggregatetype = $5, type = $6,
                               detail = ''
             where id = $1",
        )
        .bind(record.id)
        .bind(key)
        .bind(clean_headers(record.headers, &spellings))
        .bind(
            record
                .payload
                .and_then(|payload| clean_payload(&payload, &spellings)),
        )
        .bind(record.aggregatetype.filter(|text| is_clean(text)))
        .bind(record.type_name.filter(|text| is_clean(text)))
        .execute(&mut **tx)
        .await?;
    }
    Ok(())
}

fn contains_any(text: &str, spellings: &[String]) -> bool {
    spellings.iter().any(|spelling| text.contains(spelling))
}

/// Replaces values with the number by null, and removes keys with it.
fn clean_headers(headers: Value, spellings: &[String]) -> Value {
    let Value::Object(headers) = headers else {
        return Value::Object(Map::new());
    };
    headers
        .into_iter()
        .filter(|(name, _)| !contains_any(name, spellings))
        .map(|(name, value)| match value.as_str() {
            Some(text) if contains_any(text, spellings) => (name, Value::Null),
            _ => (name, value),
        })
        .collect()
}

/// The payload without personal data; `None` if it is not JSON.
fn clean_payload(payload: &[u8], spellings: &[String]) -> Option<Vec<u8>> {
    let mut value: Value = serde_json::from_slice(payload).ok()?;
    clean(&mut value, spellings);
    serde_json::to_vec(&value).ok()
}

fn clean(value: &mut Value, spellings: &[String]) {
    match value {
        Value::Object(fields) => {
            fields.retain(|name, _| {
                !PERSONAL_KEYS.contains(&name.as_str()) && !contains_any(name, spellings)
            });
            fields
                .values_mut()
                .for_each(|field| clean(field, spellings));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| clean(item, spellings)),
        Value::String(text) if contains_any(text, spellings) => text.clear(),
        // `821012345678` is a JSON number.
        Value::Number(number) if contains_any(&number.to_string(), spellings) => {
            *value = Value::Null;
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn payload_keeps_ids_and_loses_personal_data() {
        let phone: Phone = "010-1234-5678".parse().unwrap();
        let payload = json!({
            "customerId": "8f1c2a30-5b7d-8e21-9c44-1a2b3c4d5e6f",
            "phone": "+821012345678",
            "projectName": "스마트상점",
            "notes": [
                { "by": "staff", "note": "전화함" }, "01012345678로 연락", 821_012_345_678_u64, 5678,
            ],
            "010-1234-5678": true,
        });
        let spellings = phone.spellings();
        let cleaned: Value = serde_json::from_slice(
            &clean_payload(payload.to_string().as_bytes(), &spellings).unwrap(),
        )
        .unwrap();
        let expected = json!({
            "customerId": "8f1c2a30-5b7d-8e21-9c44-1a2b3c4d5e6f",
            "projectName": "스마트상점",
            "notes": [{ "by": "staff" }, "", null, 5678],
        });
        assert_eq!(cleaned, expected);
        assert_eq!(clean_payload(b"\xff not JSON", &spellings), None);
    }
}
