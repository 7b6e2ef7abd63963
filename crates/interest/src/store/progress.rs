//! Notifications about the step of a consultation of the customer.

use events::{ConsultationProgressed, Envelope};
use service_kit::Tx;
use sqlx::AssertSqlSafe;

use super::notifications::{Kind, new_id_sql};

/// Notifies the customer. The same event twice adds nothing.
pub(crate) async fn notify(
    tx: &mut Tx,
    envelope: &Envelope,
    event: &ConsultationProgressed,
) -> Result<(), sqlx::Error> {
    let sql = format!(
        "insert into notification (id, customer_id, kind, event_id, series_id, project_id,
                                   project_name, origin_kind, origin_id, step, people, created_at)
         select {id}, $2, $3, $4, known.series_id, $5, known.name, 'consultation', $6, $7,
                jsonb_build_object('salesman', case when person.id is not null
                    then jsonb_build_object('id', person.id, 'displayName', person.display_name)
                    end, 'consultant', null),
                $1
         from (select 1) one
         left join known_project known on known.id = $5
         left join known_salesman person on person.id = $8
         on conflict (customer_id, event_id) do nothing",
        id = new_id_sql("$1::timestamptz"),
    );
    sqlx::query(AssertSqlSafe(sql))
        .bind(envelope.recorded_at)
        .bind(event.customer.customer_id.0)
        .bind(Kind::Progressed)
        .bind(envelope.id)
        .bind(event.project_id.0)
        .bind(event.consultation_id.0)
        .bind(event.to.as_str())
        .bind(event.salesman_id.map(|id| id.0))
        .execute(&mut **tx)
        .await?;
    Ok(())
}
