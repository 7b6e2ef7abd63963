//! What every service forgets of a customer who wants to be forgotten, beside what its own tables hold: in records that were kept aside, and
//! in the keys of writes that were sent again.
//!
//! Events name nobody by contract, so what is taken out of a parked record is what should never have been in it; it can still be retried.

use events::CustomerId;
use serde_json::Value;

use crate::Tx;
use crate::phone::Phone;

/// The names under which somebody might have written who a customer is or what he said.
const PERSONAL: [&str; 7] = ["name", "customerName", "phone", "memo", "reason", "note", "why"];

/// Blanks parked records that name the customer, or hold his number where that is known, and drops the keys of his writes. Ids stay.
///
/// # Errors
/// When a statement fails.
pub async fn forget(tx: &mut Tx, customer: CustomerId, phone: Option<&Phone>) -> Result<(), sqlx::Error> {
    sqlx::query("delete from idempotency_key where principal = $1").bind(customer.0).execute(&mut **tx).await?;
    let sought: Vec<Vec<u8>> = std::iter::once(customer.0.to_string())
        .chain(phone.into_iter().flat_map(Phone::spellings))
        .map(String::into_bytes)
        .collect();
    let parked: Vec<(i64, Vec<u8>)> = sqlx::query_as(
        "select id, payload from parked where exists (select from unnest($1::bytea[]) sought where position(sought in payload) > 0)
         for update",
    )
    .bind(&sought)
    .fetch_all(&mut **tx)
    .await?;
    for (id, payload) in parked {
        // Why it was parked may repeat a piece of it; `reason` still says in a word.
        sqlx::query("update parked set payload = $2, detail = '' where id = $1")
            .bind(id)
            .bind(blanked(&payload, phone))
            .execute(&mut **tx)
            .await?;
    }
    Ok(())
}

/// The payload without what says who somebody is; nothing of one that cannot be read.
fn blanked(payload: &[u8], phone: Option<&Phone>) -> Option<Vec<u8>> {
    let mut value: Value = serde_json::from_slice(payload).ok()?;
    blank(&mut value, &phone.map(Phone::spellings).unwrap_or_default());
    serde_json::to_vec(&value).ok()
}

fn blank(value: &mut Value, spellings: &[String]) {
    match value {
        Value::Object(fields) => {
            fields.retain(|name, _| !PERSONAL.contains(&name.as_str()));
            fields.values_mut().for_each(|field| blank(field, spellings));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| blank(item, spellings)),
        Value::String(text) if spellings.iter().any(|spelling| text.contains(spelling)) => text.clear(),
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
            "notes": [{ "by": "staff", "note": "전화함" }, "01012345678로 연락"],
        });
        let left: Value = serde_json::from_slice(&blanked(payload.to_string().as_bytes(), Some(&phone)).unwrap()).unwrap();
        let expected = json!({
            "customerId": "8f1c2a30-5b7d-8e21-9c44-1a2b3c4d5e6f", "projectName": "스마트상점", "notes": [{ "by": "staff" }, ""],
        });
        assert_eq!(left, expected);
        assert_eq!(blanked(b"\xff not JSON", Some(&phone)), None);
    }
}
