//! Projections of other services: editions, names of people, consultations.
//!
//! Each is one upsert from the newest event of its aggregate, so that the order in which topics
//! are consumed does not matter.

use chrono::{DateTime, NaiveDate, Utc};
use events::{
    ConsultationId, CustomerId, CustomerRef, Edition, Period, PersonRef, ProjectId, ProjectStatus,
    SalesmanId, SeriesId, phase,
};
use service_kit::Tx;
use service_kit::forms::project_ref::{Candidate, MAX_CANDIDATES, ProjectRef, name_key};
use service_kit::http::problem::ChangeError;
use service_kit::privacy::erased_customers;
use sqlx::postgres::PgRow;
use sqlx::types::Json;
use sqlx::{FromRow, PgPool, Row as _};
use uuid::Uuid;

use crate::interest::Refusal;
use crate::store::row::{decode_enum, decode_person};
use crate::store::{merging, served};

/// An edition that this service has consumed an event of.
#[derive(Debug)]
pub(crate) struct KnownEdition {
    pub(crate) id: ProjectId,
    pub(crate) series_id: SeriesId,
    pub(crate) name: String,
    year: i32,
    agency: String,
    status: ProjectStatus,
    period: Period,
}

impl FromRow<'_, PgRow> for KnownEdition {
    fn from_row(row: &PgRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            id: ProjectId(row.try_get("id")?),
            series_id: SeriesId(row.try_get("series_id")?),
            name: row.try_get("name")?,
            year: row.try_get("year")?,
            agency: row.try_get("agency")?,
            status: decode_enum(row, "status")?,
            period: row.try_get::<Json<Period>, _>("period")?.0,
        })
    }
}

impl KnownEdition {
    /// The edition as a choice for a caller who sent an ambiguous name.
    pub(crate) fn candidate(&self, today: NaiveDate) -> Candidate {
        // Rows that were stored before migration 0003 have no year and no agency.
        Candidate {
            id: self.id,
            name: self.name.clone(),
            year: (self.year != 0).then_some(self.year),
            agency: Some(self.agency.clone()).filter(|agency| !agency.is_empty()),
            phase: Some(phase(self.status, &self.period, today)),
        }
    }
}

/// Blocks events about the project until `tx` ends. Otherwise an interest that is created at the
/// same time would never get its series.
async fn lock_project_shared(tx: &mut Tx, id: ProjectId) -> Result<(), sqlx::Error> {
    tx.lock_shared(&format!("project/{}", id.0)).await
}

/// The edition that an interest in the series of `id` shows: the newest that has not ended, or
/// the newest of all. `None` if the project is unknown; it stays unknown until `tx` ends.
pub(crate) async fn shown_edition(
    tx: &mut Tx,
    id: ProjectId,
) -> Result<Option<KnownEdition>, sqlx::Error> {
    lock_project_shared(tx, id).await?;
    sqlx::query_as(
        "select shown.id, shown.series_id, shown.name, shown.year, shown.agency, shown.status,
                shown.period
         from known_project marked
         join known_project shown on shown.series_id = marked.series_id
         where marked.id = $1
         order by (shown.status = 'ended'), shown.year desc, shown.id desc limit 1",
    )
    .bind(id.0)
    .fetch_optional(&mut **tx)
    .await
}

/// For an id: the edition, if it is known. For a name: the editions of that name that have not
/// ended, newest first.
pub(crate) async fn find_editions(
    tx: &mut Tx,
    project: &ProjectRef,
) -> Result<Vec<KnownEdition>, sqlx::Error> {
    let query = match project {
        ProjectRef::ById { id, .. } => {
            lock_project_shared(tx, *id).await?;
            sqlx::query_as(
                "select id, series_id, name, year, agency, status, period from known_project
                 where id = $1",
            )
            .bind(id.0)
        }
        ProjectRef::ByName(name) => sqlx::query_as(
            "select id, series_id, name, year, agency, status, period from known_project
             where name_key = $1 and status <> 'ended'
             order by year desc, id desc limit $2",
        )
        .bind(name_key(name))
        .bind(MAX_CANDIDATES),
    };
    query.fetch_all(&mut **tx).await
}

/// Stores an edition, and moves the interests that marked it into its series.
pub(crate) async fn upsert_project(
    tx: &mut Tx,
    id: ProjectId,
    edition: &Edition,
) -> Result<(), ChangeError<Refusal>> {
    tx.lock(&format!("project/{}", id.0)).await?;
    sqlx::query(
        "insert into known_project (id, series_id, name, name_key, year, category, agency, status,
                                    period, ends_on)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
         on conflict (id) do update
             set series_id = excluded.series_id, name = excluded.name,
                 name_key = excluded.name_key, year = excluded.year, category = excluded.category,
                 agency = excluded.agency, status = excluded.status, period = excluded.period,
                 ends_on = excluded.ends_on",
    )
    .bind(id.0)
    .bind(edition.series_id.0)
    .bind(&edition.name)
    .bind(name_key(&edition.name))
    .bind(edition.year)
    .bind(edition.category.as_str())
    .bind(&edition.agency)
    .bind(edition.status.as_str())
    .bind(Json(&edition.period))
    .bind(edition.period.ends_on)
    .execute(&mut **tx)
    .await?;
    merging::move_to_series(tx, id, edition.series_id).await
}

pub(crate) async fn upsert_salesman(
    tx: &mut Tx,
    id: SalesmanId,
    display_name: &str,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "insert into known_salesman (id, display_name) values ($1, $2)
         on conflict (id) do update set display_name = excluded.display_name",
    )
    .bind(id.0)
    .bind(display_name)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// What one event says about a consultation.
#[derive(Debug)]
pub(crate) struct ConsultationUpdate<'a> {
    pub(crate) id: ConsultationId,
    pub(crate) customer: &'a CustomerRef,
    pub(crate) recorded_at: DateTime<Utc>,
    pub(crate) is_closed: bool,
    /// The salesman and the consultant from now on, exactly if the event is about them.
    pub(crate) people: Option<[Option<&'a PersonRef>; 2]>,
}

/// Stores the activity on a consultation. A closed consultation stays closed, and the people
/// change only with a match. Ignores a consultation that predates the customer's erasure.
pub(crate) async fn upsert_consultation(
    tx: &mut Tx,
    update: ConsultationUpdate<'_>,
) -> Result<(), sqlx::Error> {
    let ConsultationUpdate {
        id,
        customer,
        recorded_at,
        is_closed,
        people,
    } = update;
    let customer_id = customer.customer_id;
    if erased_customers::predates_erasure(tx, customer_id, id.0, recorded_at).await? {
        return Ok(());
    }
    served::upsert_customer(tx, customer).await?;
    let [salesman, consultant] = people.unwrap_or_default();
    sqlx::query(
        "insert into known_consultation as known
             (id, customer_id, is_open, updated_at, salesman_id, salesman_name, consultant_id,
              consultant_name)
         values ($1, $2, $3, $4, $5, $6, $7, $8)
         on conflict (id) do update
             set is_open = known.is_open and excluded.is_open,
                 updated_at = greatest(known.updated_at, excluded.updated_at),
                 salesman_id = case when $9 then excluded.salesman_id else known.salesman_id end,
                 salesman_name = case when $9 then excluded.salesman_name
                                      else known.salesman_name end,
                 consultant_id = case when $9 then excluded.consultant_id
                                      else known.consultant_id end,
                 consultant_name = case when $9 then excluded.consultant_name
                                        else known.consultant_name end",
    )
    .bind(id.0)
    .bind(customer_id.0)
    .bind(!is_closed)
    .bind(recorded_at)
    .bind(salesman.map(|person| person.id.0))
    .bind(salesman.map(|person| &person.display_name))
    .bind(consultant.map(|person| person.id.0))
    .bind(consultant.map(|person| &person.display_name))
    .bind(people.is_some())
    .execute(&mut **tx)
    .await?;
    served::recompute(tx, customer_id).await
}

/// A consultation as this service knows it, with the newest known names.
#[derive(Debug)]
pub(crate) struct KnownConsultation {
    pub(crate) id: Uuid,
    pub(crate) is_open: bool,
    pub(crate) salesman: Option<PersonRef>,
    pub(crate) consultant: Option<PersonRef>,
    pub(crate) updated_at: DateTime<Utc>,
}

impl FromRow<'_, PgRow> for KnownConsultation {
    fn from_row(row: &PgRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            id: row.try_get("id")?,
            is_open: row.try_get("is_open")?,
            salesman: decode_person(row, "salesman_id", "salesman_name")?,
            consultant: decode_person(row, "consultant_id", "consultant_name")?,
            updated_at: row.try_get("updated_at")?,
        })
    }
}

/// The consultations of a customer, oldest first.
pub(crate) async fn consultations_of(
    pool: &PgPool,
    customer: CustomerId,
) -> Result<Vec<KnownConsultation>, sqlx::Error> {
    sqlx::query_as(
        "select known.id, known.is_open, known.updated_at, known.salesman_id, known.consultant_id,
                coalesce(salesman.display_name, known.salesman_name) as salesman_name,
                coalesce(consultant.display_name, known.consultant_name) as consultant_name
         from known_consultation known
         left join known_salesman salesman on salesman.id = known.salesman_id
         left join known_salesman consultant on consultant.id = known.consultant_id
         where known.customer_id = $1 order by known.id",
    )
    .bind(customer.0)
    .fetch_all(pool)
    .await
}
