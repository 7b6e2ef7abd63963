//! Notifications about who serves an interest or a consultation of the customer.

use events::{Envelope, MatchedPeople};
use service_kit::Tx;
use service_kit::forms::on_behalf_of::PersonView;
use sqlx::AssertSqlSafe;
use sqlx::types::Json;
use uuid::Uuid;

use super::notifications::{Kind, PeopleView, new_id_sql};

/// Removes the notification that another person is sought, because one was found, or none is
/// sought any more. `false` if there was none.
pub(crate) async fn remove_rematching(tx: &mut Tx, origin: Uuid) -> Result<bool, sqlx::Error> {
    let removed = sqlx::query(
        "delete from notification
         where origin_id = $1 and kind = 'rematching'",
    )
    .bind(origin)
    .execute(&mut **tx)
    .await?;
    Ok(removed.rows_affected() > 0)
}

/// Notifies the customer. The same event twice adds nothing; neither does a match from before the
/// interest was last turned on, nor that another person is sought for what is off or closed.
pub(crate) async fn notify(
    tx: &mut Tx,
    event: &Envelope,
    kind: Kind,
    people: &MatchedPeople<'_>,
) -> Result<(), sqlx::Error> {
    let view = PeopleView {
        salesman: people.salesman.cloned().map(PersonView::from),
        consultant: people.consultant.cloned().map(PersonView::from),
    };
    let sql = format!(
        "insert into notification (id, customer_id, kind, event_id, series_id, project_id,
                                   project_name, origin_kind, origin_id, people, created_at)
         select {id}, $2, $3, $4, known.series_id, $5, known.name, $6, $7, $8, $1
         from (select 1) one left join known_project known on known.id = $5
         where not exists (select 1 from interest
                           where id = $7 and (on_version > $9 or $10 and not interested))
           and not exists (select 1 from known_consultation
                           where id = $7 and $10 and not is_open)
         on conflict (customer_id, event_id) do nothing",
        id = new_id_sql("$1::timestamptz"),
    );
    sqlx::query(AssertSqlSafe(sql))
        .bind(event.recorded_at)
        .bind(people.customer.customer_id.0)
        .bind(kind)
        .bind(event.id)
        .bind(people.project_id.0)
        .bind(people.origin.kind())
        .bind(people.origin.id())
        .bind(Json(view))
        .bind(people.origin_version)
        .bind(kind == Kind::Rematching)
        .execute(&mut **tx)
        .await?;
    Ok(())
}
