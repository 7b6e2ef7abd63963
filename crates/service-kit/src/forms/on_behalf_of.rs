//! Who is shown to others, and for whom something is entered.

use chrono::{DateTime, Utc};
use events::{Actor, CustomerId, PersonRef};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::auth::{Identity, Role};
use crate::db::decode_enum;
use crate::forms::phone::{CustomerIdKey, Phone};
use crate::http::problem::Text;
use crate::http::{Field, Fields};

/// The longest name of a person, in characters.
pub const LONGEST_NAME: usize = 200;

/// A salesman or consultant as others see him.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({ "id": "0193a5d0-8c5e-7b64-9a3f-5f2c1b7e4d01", "displayName": "김하늘" }))]
pub struct PersonView {
    /// Who.
    pub id: Uuid,
    /// The name he chose to be shown by.
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

/// For whom something is entered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OnBehalfOf {
    /// Who.
    pub customer_id: CustomerId,
    /// His number.
    pub phone: Phone,
    /// His name, where it was told.
    pub name: Option<String>,
    /// Whether someone else entered it and confirmed that the customer agreed.
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

/// The fields by which a body says for whom it is: a customer is who he signed in as, staff and salesmen tell number, name and consent.
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
    /// Reads them; notes what is wrong with them in `fields`.
    pub fn read(
        self,
        who: &Identity,
        key: &CustomerIdKey,
        fields: &mut Fields,
    ) -> Option<OnBehalfOf> {
        let name = fields
            .optional_text("/customerName", self.customer_name, LONGEST_NAME)
            .filter(|name| !name.is_empty());
        let typed = fields.optional("/phone", self.phone);
        let consent = fields.optional("/consent", self.consent);
        if who.role == Role::Customer {
            let phone = who.phone.clone()?;
            if typed.is_some_and(|typed| typed != phone) {
                let message = Text::new(
                    "로그인한 번호와 다릅니다",
                    "It is not the number you signed in with",
                );
                fields.refuse("/phone", "not-yours", message);
            }
            return Some(OnBehalfOf {
                customer_id: CustomerId(who.subject),
                phone,
                name,
                consent_recorded: false,
            });
        }
        let required = || Text::new("필수 항목입니다", "This field is required");
        if typed.is_none() {
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
        let phone = typed?;
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

    fn somebody(role: Role) -> Identity {
        let phone = (role == Role::Customer).then(|| "010-1234-5678".parse().unwrap());
        Identity {
            role,
            subject: Uuid::from_u128(7),
            phone,
        }
    }

    fn given(body: &Value) -> OnBehalfOfFields {
        let field = |name: &str| body.get(name).cloned().unwrap_or_default();
        OnBehalfOfFields {
            phone: serde_json::from_value(field("phone")).unwrap(),
            customer_name: serde_json::from_value(field("customerName")).unwrap(),
            consent: serde_json::from_value(field("consent")).unwrap(),
        }
    }

    /// For whom it is, or the wrong fields with their codes.
    async fn read(role: Role, body: Value) -> Result<OnBehalfOf, Vec<(String, String)>> {
        let mut fields = Fields::default();
        let read = given(&body).read(&somebody(role), &a_key(), &mut fields);
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
    async fn a_customer_is_who_he_signed_in_as_whatever_the_body_says() {
        let whom = read(Role::Customer, json!({ "customerName": "홍길동" }))
            .await
            .unwrap();
        assert_eq!(
            (whom.customer_id.0, whom.consent_recorded),
            (Uuid::from_u128(7), false)
        );
        assert_eq!(
            (whom.phone.e164(), whom.name.as_deref()),
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
    async fn staff_and_salesmen_tell_number_name_and_consent_all_three() {
        for role in [Role::Staff, Role::Salesman] {
            let whole =
                json!({ "phone": "010-9999-0000", "customerName": "홍길동", "consent": true });
            let whom = read(role, whole).await.unwrap();
            assert_eq!(
                whom.customer_id,
                a_key().customer_id(&"+82 10 9999 0000".parse().unwrap())
            );
            assert!(whom.consent_recorded);
            let wrong = [
                ("/phone", "required"),
                ("/customerName", "required"),
                ("/consent", "consent-required"),
            ];
            let wrong = wrong.map(|(pointer, code)| (pointer.to_owned(), code.to_owned()));
            assert_eq!(read(role, json!({})).await, Err(wrong.to_vec()));
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
