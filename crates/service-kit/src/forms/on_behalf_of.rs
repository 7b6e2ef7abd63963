//! People: how others see them, and on whose behalf something is entered.

use chrono::{DateTime, Utc};
use events::{Actor, CustomerId, PersonRef};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::auth::token::{Identity, Role};
use crate::db::decode_enum;
use crate::forms::phone::{CustomerIdKey, Phone};
use crate::http::fields::{Field, Fields, required};
use crate::http::problem::Text;

/// Of a person's name, in characters.
pub const MAX_NAME_LENGTH: usize = 200;

/// A salesman or consultant, as others see them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({ "id": "0193a5d0-8c5e-7b64-9a3f-5f2c1b7e4d01", "displayName": "김하늘" }))]
pub struct PersonView {
    /// The id of the salesman or consultant.
    pub id: Uuid,
    /// Chosen by the person.
    pub display_name: String,
}

impl From<PersonRef> for PersonView {
    fn from(person: PersonRef) -> Self {
        Self {
            id: person.id.0,
            display_name: person.display_name,
        }
    }
}

/// The customer on whose behalf something is entered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OnBehalfOf {
    /// The customer.
    pub customer_id: CustomerId,
    /// The customer's number.
    pub phone: Phone,
    /// The customer's name, if known.
    pub name: Option<String>,
    /// Whether staff or a salesman entered it, and confirmed the customer's consent.
    pub consent_recorded: bool,
}

impl OnBehalfOf {
    /// The consent that the caller recorded for the customer.
    pub fn consent(&self, caller: &Identity, at: DateTime<Utc>) -> Option<Consent> {
        self.consent_recorded.then(|| Consent::new(caller, at))
    }
}

/// A record that a customer agreed to what was entered for them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Consent {
    /// The role of the person who recorded it: staff or salesman.
    pub role: Role,
    /// The id of the person who recorded it.
    pub by: Uuid,
    /// When it was recorded.
    pub at: DateTime<Utc>,
}

impl Consent {
    /// The caller records it.
    pub fn new(caller: &Identity, at: DateTime<Utc>) -> Self {
        let (role, by) = (caller.role, caller.subject);
        Self { role, by, at }
    }

    /// Reads the three columns of a consent; `None` when one of them is null.
    ///
    /// # Errors
    /// When the role is unknown.
    pub fn decode(
        role: Option<String>,
        by: Option<Uuid>,
        at: Option<DateTime<Utc>>,
    ) -> Result<Option<Self>, sqlx::Error> {
        let (Some(role), Some(by), Some(at)) = (role, by, at) else {
            return Ok(None);
        };
        let role = decode_enum(role)?;
        Ok(Some(Self { role, by, at }))
    }

    /// The person who recorded it, as an event's actor.
    pub fn actor(&self) -> Actor {
        self.role.actor(self.by)
    }
}

/// The fields for the customer. A customer can only enter for themselves; staff and salesmen must
/// send all three fields.
#[derive(Debug, Default)]
pub struct OnBehalfOfFields {
    /// `/phone`.
    pub phone: Field<Phone>,
    /// `/customerName`.
    pub customer_name: Field<String>,
    /// `/consent`.
    pub consent: Field<bool>,
}

impl OnBehalfOfFields {
    /// Reads the fields, and reports errors in `fields`.
    pub fn read(
        self,
        caller: &Identity,
        key: &CustomerIdKey,
        fields: &mut Fields,
    ) -> Option<OnBehalfOf> {
        let name = fields.optional_name("/customerName", self.customer_name, MAX_NAME_LENGTH);
        let sent_phone = fields.optional_phone("/phone", self.phone);
        let consent = fields.optional("/consent", self.consent);
        if caller.role == Role::Customer {
            let phone = caller.phone.clone()?;
            if sent_phone.is_some_and(|sent| sent != phone) {
                let message = Text::new(
                    "로그인한 번호를 입력해 주세요",
                    "This is not the number you signed in with",
                );
                fields.refuse("/phone", "not-yours", message);
            }
            return Some(OnBehalfOf {
                customer_id: CustomerId(caller.subject),
                phone,
                name,
                consent_recorded: false,
            });
        }
        if sent_phone.is_none() {
            fields.refuse("/phone", "required", required());
        }
        if name.is_none() {
            fields.refuse("/customerName", "required", required());
        }
        if consent != Some(true) {
            let message = Text::new(
                "고객의 동의를 받았는지 확인해 주세요",
                "Confirm that the customer agreed",
            );
            fields.refuse("/consent", "consent-required", message);
        }
        let phone = sent_phone?;
        Some(OnBehalfOf {
            customer_id: key.customer_id(&phone),
            phone,
            name: Some(name?),
            consent_recorded: true,
        })
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;
    use serde_json::{Value, json};

    use super::*;
    use crate::http::problem::Language;

    fn a_key() -> CustomerIdKey {
        "0123456789abcdef0123456789abcdef".parse().unwrap()
    }

    fn caller(role: Role) -> Identity {
        let phone = (role == Role::Customer).then(|| "010-1234-5678".parse().unwrap());
        Identity {
            role,
            subject: Uuid::from_u128(7),
            phone,
        }
    }

    fn fields_of(body: &Value) -> OnBehalfOfFields {
        let field = |name: &str| body.get(name).cloned().unwrap_or_default();
        OnBehalfOfFields {
            phone: serde_json::from_value(field("phone")).unwrap(),
            customer_name: serde_json::from_value(field("customerName")).unwrap(),
            consent: serde_json::from_value(field("consent")).unwrap(),
        }
    }

    /// The customer, or the invalid fields with their codes.
    async fn read(role: Role, body: Value) -> Result<OnBehalfOf, Vec<(String, String)>> {
        let mut fields = Fields::default();
        let read = fields_of(&body).read(&caller(role), &a_key(), &mut fields);
        if fields.is_valid() {
            return Ok(read.unwrap());
        }
        let document = fields
            .problem()
            .render(Language::English)
            .into_body()
            .collect()
            .await
            .unwrap()
            .to_bytes();
        let document: Value = serde_json::from_slice(&document).unwrap();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let errors = document["errors"].as_array().unwrap().iter();
        Err(errors
            .map(|error| (text(&error["pointer"]), text(&error["code"])))
            .collect())
    }

    #[tokio::test]
    async fn customer_is_always_the_signed_in_one() {
        let customer = read(Role::Customer, json!({ "customerName": "홍길동" }))
            .await
            .unwrap();
        assert_eq!(
            (customer.customer_id.0, customer.consent_recorded),
            (Uuid::from_u128(7), false)
        );
        assert_eq!(
            (customer.phone.e164(), customer.name.as_deref()),
            ("+821012345678", Some("홍길동"))
        );
        assert!(
            read(Role::Customer, json!({ "phone": "01012345678" }))
                .await
                .is_ok()
        );
        let other = read(Role::Customer, json!({ "phone": "010-9999-0000" })).await;
        assert_eq!(
            other,
            Err(vec![("/phone".to_owned(), "not-yours".to_owned())])
        );
    }

    #[tokio::test]
    async fn staff_and_salesmen_send_phone_name_and_consent() {
        for role in [Role::Staff, Role::Salesman] {
            let complete =
                json!({ "phone": "010-9999-0000", "customerName": "홍길동", "consent": true });
            let customer = read(role, complete).await.unwrap();
            assert_eq!(
                customer.customer_id,
                a_key().customer_id(&"+82 10 9999 0000".parse().unwrap())
            );
            assert!(customer.consent_recorded);
            let errors = [
                ("/phone", "required"),
                ("/customerName", "required"),
                ("/consent", "consent-required"),
            ];
            let errors = errors.map(|(pointer, code)| (pointer.to_owned(), code.to_owned()));
            assert_eq!(read(role, json!({})).await, Err(errors.to_vec()));
            assert_eq!(
                read(
                    role,
                    json!({ "phone": "", "customerName": " ", "consent": false })
                )
                .await
                .unwrap_err()
                .len(),
                3
            );
        }
    }
}
