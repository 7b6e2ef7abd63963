//! 「전화 보기」: showing a customer's whole phone number, and recording who was shown it, when and why.
//!
//! A service that shows phone numbers has a table `disclosure`, whose column `{aggregate}_id`
//! refers to the row with the number. The table of that row has a column `erased_at`: after an
//! erasure, earlier disclosures are not listed.

use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use events::CustomerId;
use serde::Deserialize;
use sqlx::{AssertSqlSafe, PgExecutor};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::Tx;
use crate::auth::{Identity, Role};
use crate::forms::phone::Phone;
use crate::http::problem::Problem;
use crate::http::{Field, Fields, IdempotencyKey, idempotency};

/// In characters.
pub const MAX_REASON_LENGTH: usize = 200;

/// The body of 「전화 보기」. The reason is in no URL: those are in access logs and browser histories.
#[derive(Debug, Deserialize, ToSchema)]
pub struct ShowPhone {
    /// Why the number is needed. Recorded with the caller and the time; the customer can read it.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 200, example = "방문 일정 확인")]
    why: Field<String>,
}

impl ShowPhone {
    /// The reason; `None` when it is absent or empty.
    ///
    /// # Errors
    /// 422 when it is too long or contains a control character.
    pub fn read(self) -> Result<Option<String>, Problem> {
        let mut fields = Fields::default();
        let why = fields.optional_text("/why", self.why, MAX_REASON_LENGTH);
        if !fields.is_valid() {
            return Err(fields.problem());
        }
        Ok(why.filter(|why| !why.is_empty()))
    }
}

/// A row with a customer's phone number, which the caller may see.
#[derive(Debug, Clone, Copy)]
pub struct StoredPhone<'a> {
    /// The row's table and aggregate: `interest`.
    pub aggregate: &'static str,
    /// The row's id.
    pub id: Uuid,
    /// The customer.
    pub customer: CustomerId,
    /// `None` after an erasure.
    pub phone: Option<&'a Phone>,
}

impl StoredPhone<'_> {
    /// Records the disclosure, commits, and returns the number in E.164. A repeated request is not
    /// recorded again.
    ///
    /// # Errors
    /// 404 when the number was erased; those of [`idempotency::find`].
    pub async fn disclose(
        self,
        mut tx: Tx,
        caller: &Identity,
        why: Option<String>,
        key: Option<&IdempotencyKey>,
    ) -> Result<String, Problem> {
        let phone = self.phone.ok_or_else(Problem::not_found)?.e164().to_owned();
        if idempotency::find(&mut tx, caller.subject, key)
            .await?
            .is_some()
        {
            return Ok(phone);
        }
        self.record(&mut tx, caller, why).await?;
        idempotency::store(&mut tx, caller.subject, key, StatusCode::OK, self.id).await?;
        tx.commit().await?;
        Ok(phone)
    }

    async fn record(
        self,
        tx: &mut Tx,
        caller: &Identity,
        why: Option<String>,
    ) -> Result<(), sqlx::Error> {
        let (id, now) = (tx.new_id(), tx.now());
        let insert = format!(
            "insert into disclosure (id, role, viewer_id, customer_id, {}_id, why, at)
             values ($1, $2, $3, $4, $5, $6, $7)",
            self.aggregate
        );
        sqlx::query(AssertSqlSafe(insert))
            .bind(id)
            .bind(caller.role.as_str())
            .bind(caller.subject)
            .bind(self.customer.0)
            .bind(self.id)
            .bind(why)
            .bind(now)
            .execute(&mut **tx)
            .await?;
        Ok(())
    }
}

/// A caller was shown a customer's phone number.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Disclosure {
    /// When.
    pub at: DateTime<Utc>,
    /// The role of the caller.
    #[sqlx(rename = "role", try_from = "String")]
    pub viewer_role: Role,
    /// The caller's id; `None` after [`Disclosure::visible_to`] has hidden it.
    pub viewer_id: Option<Uuid>,
    /// The reason that the caller gave.
    pub why: Option<String>,
    /// The row with the number.
    pub about_id: Uuid,
}

impl Disclosure {
    /// Hides the viewer's id where `reader` must not see it.
    #[must_use]
    pub fn visible_to(self, reader: Role) -> Self {
        let viewer_id = self
            .viewer_id
            .and_then(|id| self.viewer_role.visible_id(id, reader));
        Self { viewer_id, ..self }
    }
}

/// The disclosures of a customer's number by the rows of this aggregate, newest first; none from
/// before an erasure.
///
/// # Errors
/// When the statement fails.
pub async fn of_customer(
    executor: impl PgExecutor<'_>,
    aggregate: &'static str,
    customer: CustomerId,
) -> Result<Vec<Disclosure>, sqlx::Error> {
    let select = format!(
        "select disclosure.at, disclosure.role, disclosure.viewer_id, disclosure.why,
                about.id as about_id
         from disclosure join {aggregate} about on about.id = disclosure.{aggregate}_id
         where disclosure.customer_id = $1 and about.erased_at is null
         order by disclosure.at desc, disclosure.id desc"
    );
    sqlx::query_as(AssertSqlSafe(select))
        .bind(customer.0)
        .fetch_all(executor)
        .await
}

/// Declares the views of a service's disclosures. Each service has schemas of its own, whose names
/// are the given ones: `disclosure_views!("interest": InterestDisclosures, InterestDisclosure,
/// InterestDisclosureAbout);`
#[macro_export]
macro_rules! disclosure_views {
    ($aggregate:literal: $list:ident, $view:ident, $about:ident) => {
        /// Who was shown the customer's whole phone number.
        #[derive(Debug, serde::Serialize, utoipa::ToSchema)]
        pub(crate) struct $list {
            /// Newest first.
            items: Vec<$view>,
        }

        impl From<Vec<$crate::privacy::disclosure::Disclosure>> for $list {
            fn from(disclosures: Vec<$crate::privacy::disclosure::Disclosure>) -> Self {
                Self {
                    items: disclosures.into_iter().map($view::from).collect(),
                }
            }
        }

        /// A caller was shown the customer's whole phone number.
        #[derive(Debug, serde::Serialize, utoipa::ToSchema)]
        #[serde(rename_all = "camelCase")]
        pub(crate) struct $view {
            at: chrono::DateTime<chrono::Utc>,
            #[schema(value_type = $crate::http::describe::RoleName)]
            viewer_role: $crate::auth::Role,
            /// Null in `GET /me/data` for a member of staff.
            viewer_id: Option<uuid::Uuid>,
            /// The reason that the caller gave.
            why: Option<String>,
            about: $about,
        }

        /// The record that has the number.
        #[derive(Debug, serde::Serialize, utoipa::ToSchema)]
        pub(crate) struct $about {
            #[doc = concat!("Always `", $aggregate, "`.")]
            kind: &'static str,
            id: uuid::Uuid,
        }

        impl From<$crate::privacy::disclosure::Disclosure> for $view {
            fn from(disclosure: $crate::privacy::disclosure::Disclosure) -> Self {
                Self {
                    at: disclosure.at,
                    viewer_role: disclosure.viewer_role,
                    viewer_id: disclosure.viewer_id,
                    why: disclosure.why,
                    about: $about {
                        kind: $aggregate,
                        id: disclosure.about_id,
                    },
                }
            }
        }
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(why: &str) -> Result<Option<String>, &'static str> {
        let why = Field::Present(why.to_owned());
        ShowPhone { why }.read().map_err(|problem| problem.slug())
    }

    #[test]
    fn reason_is_trimmed_and_bounded() {
        assert_eq!(
            read(" 방문 일정 확인\n"),
            Ok(Some("방문 일정 확인".to_owned()))
        );
        assert_eq!(read(" "), Ok(None));
        let absent = ShowPhone {
            why: Field::Missing,
        };
        assert!(absent.read().unwrap().is_none());
        assert!(read(&"가".repeat(MAX_REASON_LENGTH)).is_ok());
        for invalid in [
            "가".repeat(MAX_REASON_LENGTH + 1),
            "a\0b".to_owned(),
            "a\u{7}b".to_owned(),
        ] {
            assert_eq!(read(&invalid), Err("wrong-fields"), "{invalid:?}");
        }
    }
}
