//! What is stored about one customer: the export for `GET /me/data`, and the erasure.

use chrono::{DateTime, Utc};
use events::CustomerId;
use serde::Serialize;
use service_kit::Tx;
use service_kit::forms::on_behalf_of::PersonView;
use service_kit::http::describe::StepName;
use sqlx::{AssertSqlSafe, FromRow, PgPool};
use utoipa::ToSchema;
use uuid::Uuid;

use super::notifications::LinkView;
use crate::notification::{Details, Kind, LinkKind};

/// An interest or a consultation of the customer, with the people assigned to it.
#[derive(Debug, Serialize, ToSchema, FromRow)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AssignedView {
    /// `interest` or `consultation`.
    #[schema(value_type = LinkKind)]
    kind: String,
    id: Uuid,
    /// The last four digits of the customer's phone number.
    last_four: Option<String>,
    project_id: Uuid,
    /// Null while the project is unknown here.
    project_name: Option<String>,
    /// Null until matched.
    #[sqlx(json(nullable))]
    salesman: Option<PersonView>,
    /// Null until matched.
    #[sqlx(json(nullable))]
    consultant: Option<PersonView>,
    /// When these people were matched.
    matched_at: Option<DateTime<Utc>>,
    /// The step that closed a consultation.
    #[schema(value_type = Option<StepName>)]
    step: Option<String>,
    /// When it was closed, or turned off.
    closed_at: Option<DateTime<Utc>>,
}

/// The customer's interests and consultations. People who are not registered are left out.
pub(crate) async fn assignments(
    pool: &PgPool,
    customer: CustomerId,
) -> Result<Vec<AssignedView>, sqlx::Error> {
    sqlx::query_as(
        "select origin_kind as kind, origin_id as id, last_four, project_id,
                (select name from known_project where id = project_id) as project_name,
                (select jsonb_build_object('id', id, 'displayName', display_name)
                 from salesman where id = salesman_id) as salesman,
                (select jsonb_build_object('id', id, 'displayName', display_name)
                 from salesman where id = consultant_id) as consultant,
                matched_at, closed_as as step, case when not open then closed_at end as closed_at
         from assignment
         where customer_id = $1 and erased_at is null order by origin_id, origin_kind",
    )
    .bind(customer.0)
    .fetch_all(pool)
    .await
}

/// A notification about the customer.
#[derive(Debug, Serialize, ToSchema, FromRow)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ToldView {
    /// The reason.
    #[schema(value_type = Kind)]
    kind: String,
    #[sqlx(json)]
    link: LinkView,
    /// Null if the notification does not contain it.
    project_name: Option<String>,
    #[sqlx(json)]
    details: Details,
    /// When the event happened.
    created_at: DateTime<Utc>,
}

/// Selects the notifications about a customer: those that name the customer, and older ones
/// without details that link to an interest or consultation of the customer. Each uses an index.
const ABOUT_CUSTOMER: &str = "id in (
        select id from notification
        where details ? 'customerId' and details ->> 'customerId' = $1::text
        union all
        select notification.id from assignment join notification using (origin_kind, origin_id)
        where customer_id = $1 and not details ? 'customerId'
          and notification.origin_kind <> 'project'
    )";

/// The notifications about the customer, oldest first.
pub(crate) async fn notifications(
    pool: &PgPool,
    customer: CustomerId,
) -> Result<Vec<ToldView>, sqlx::Error> {
    let sql = format!(
        "select kind, jsonb_build_object('kind', origin_kind, 'id', origin_id) as link,
                project_name, details, created_at
         from notification where {ABOUT_CUSTOMER} order by id"
    );
    sqlx::query_as(AssertSqlSafe(sql))
        .bind(customer.0)
        .fetch_all(pool)
        .await
}

/// Deletes the notifications about the customer. Closes the assignments and removes what
/// identifies the customer; their ids, people and counted outcomes stay.
pub(crate) async fn erase(tx: &mut Tx, customer: CustomerId) -> Result<(), sqlx::Error> {
    // Before the assignments, which lead to the older notifications.
    let sql = format!("delete from notification where {ABOUT_CUSTOMER}");
    sqlx::query(AssertSqlSafe(sql))
        .bind(customer.0)
        .execute(&mut **tx)
        .await?;
    let now = tx.now();
    sqlx::query(
        "update assignment
         set last_four = null, wanted = false, erased_at = $2,
             closed_at = case when open then $2 else coalesce(closed_at, $2) end
         where customer_id = $1 and erased_at is null",
    )
    .bind(customer.0)
    .bind(now)
    .execute(&mut **tx)
    .await?;
    Ok(())
}
