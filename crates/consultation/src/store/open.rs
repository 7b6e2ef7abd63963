//! A customer's open consultations, before one more is created.

use events::{ConsultationId, SeriesId};
use service_kit::Tx;
use uuid::Uuid;

use crate::consultation::NewConsultation;

/// A customer's open consultations.
#[derive(Debug)]
pub(crate) struct OpenConsultations {
    pub(crate) count: i64,
    /// The one about the edition itself, else the oldest one about the programme.
    pub(crate) of_programme: Option<ConsultationId>,
}

/// Reads them, and lets no other request create one for the customer until the transaction ends.
///
/// The programme is the series where it is known, else the edition. It is looked up when it is
/// needed, because the series may become known after the request. An edition that was asked for
/// belongs to it, whatever became of its successor.
pub(crate) async fn lock_and_read(
    tx: &mut Tx,
    new: &NewConsultation,
    series: Option<SeriesId>,
) -> Result<OpenConsultations, sqlx::Error> {
    tx.lock(&format!("open-consultations/{}", new.customer_id.0))
        .await?;
    // A separate statement: it must see what was committed while the first one waited.
    let (count, of_programme): (i64, Option<Uuid>) = sqlx::query_as(
        "select count(*),
                (array_agg(consultation.id order by consultation.project_id <> $2, consultation.id)
                     filter (where consultation.project_id = $2 or project.series_id = $3
                                    or consultation.asked_project_id = $4))[1]
         from consultation left join known_project project on project.id = consultation.project_id
         where consultation.customer_id = $1 and consultation.step in ('apply', 'approved')
           and consultation.erased_at is null",
    )
    .bind(new.customer_id.0)
    .bind(new.project_id.0)
    .bind(series.map(|series| series.0))
    .bind(new.asked_project_id.unwrap_or(new.project_id).0)
    .fetch_one(&mut **tx)
    .await?;
    Ok(OpenConsultations {
        count,
        of_programme: of_programme.map(ConsultationId),
    })
}
