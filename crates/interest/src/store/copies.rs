//! What this service keeps of others: editions, names of people, consultations. Each is one upsert of what the newest event of its aggregate
//! tells, so that it does not matter which topic is read first.

use chrono::{DateTime, NaiveDate, Utc};
use events::{
    ConsultationId, CustomerRef, Edition, Period, PersonRef, ProjectId, ProjectStatus, SalesmanId,
    SeriesId, phase,
};
use service_kit::Tx;
use service_kit::forms::project_ref::{Candidate, MAX_CANDIDATES, ProjectRef, name_key};
use service_kit::http::problem::ChangeError;
use service_kit::privacy::erased_customers;
use sqlx::AssertSqlSafe;
use sqlx::types::Json;
use uuid::Uuid;

use crate::interest::Refusal;
use crate::store::{merging, served, word};

/// An edition and its series, as far as this service has heard.
#[derive(Debug, Clone)]
pub(crate) struct Known {
    /// The series.
    pub(crate) series_id: SeriesId,
    /// The edition that an interest in the series shows: the newest that has not ended, or the newest of all.
    pub(crate) shown: ProjectId,
    /// Its name.
    pub(crate) name: String,
}

/// Until `tx` ends nobody else completes what was marked by this id: an interest that is created meanwhile would be missed, and never learn
/// its series.
async fn await_no_event(tx: &mut Tx, id: ProjectId) -> Result<(), sqlx::Error> {
    sqlx::query("select pg_advisory_xact_lock_shared(hashtextextended(current_schema() || '/project/' || $1::text, 2))")
        .bind(id.0)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// The series of a project, if this service has heard of it; it stays so until `tx` ends.
pub(crate) async fn known_project(
    tx: &mut Tx,
    id: ProjectId,
) -> Result<Option<Known>, sqlx::Error> {
    await_no_event(tx, id).await?;
    let found: Option<(Uuid, Uuid, String)> = sqlx::query_as(
        "select shown.series_id, shown.id, shown.name from known_project marked
         join known_project shown on shown.series_id = marked.series_id
         where marked.id = $1
         order by (shown.status = 'ended'), shown.year desc, shown.id desc limit 1",
    )
    .bind(id.0)
    .fetch_optional(&mut **tx)
    .await?;
    Ok(found.map(|(series, shown, name)| Known {
        series_id: SeriesId(series),
        shown: ProjectId(shown),
        name,
    }))
}

/// An edition that somebody asks for.
#[derive(Debug, sqlx::FromRow)]
struct EditionRow {
    id: Uuid,
    series_id: Uuid,
    name: String,
    year: i32,
    agency: String,
    status: String,
    period: Json<Period>,
}

/// An edition that somebody may ask for.
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

impl TryFrom<EditionRow> for KnownEdition {
    type Error = sqlx::Error;

    fn try_from(row: EditionRow) -> Result<Self, sqlx::Error> {
        let EditionRow {
            id,
            series_id,
            name,
            year,
            agency,
            status,
            period: Json(period),
        } = row;
        Ok(Self {
            id: ProjectId(id),
            series_id: SeriesId(series_id),
            name,
            year,
            agency,
            status: word(status)?,
            period,
        })
    }
}

impl KnownEdition {
    /// As somebody is shown it who has to say which programme he means.
    pub(crate) fn candidate(&self, today: NaiveDate) -> Candidate {
        let phase = phase(self.status, &self.period, today);
        // What was kept before this service kept more of an edition says nothing of them.
        let year = (self.year != 0).then_some(self.year);
        let agency = Some(self.agency.clone()).filter(|agency| !agency.is_empty());
        Candidate {
            id: self.id,
            name: self.name.clone(),
            year,
            agency,
            phase: Some(phase),
        }
    }
}

/// Of an id, the edition if this service has heard of it; of a name, the editions of it that have not ended, the newest first.
pub(crate) async fn editions_asked_for(
    tx: &mut Tx,
    asked: &ProjectRef,
) -> Result<Vec<KnownEdition>, sqlx::Error> {
    const COLUMNS: &str = "id, series_id, name, year, agency, status, period";
    let by_id = format!("select {COLUMNS} from known_project where id = $1");
    let by_name = format!(
        "select {COLUMNS} from known_project
         where name_key = $1 and status <> 'ended' order by year desc, id desc limit {MAX_CANDIDATES}"
    );
    let query = match asked {
        ProjectRef::ById { id, .. } => {
            await_no_event(tx, *id).await?;
            sqlx::query_as(AssertSqlSafe(by_id)).bind(id.0)
        }
        ProjectRef::ByName(name) => sqlx::query_as(AssertSqlSafe(by_name)).bind(name_key(name)),
    };
    let rows: Vec<EditionRow> = query.fetch_all(&mut **tx).await?;
    rows.into_iter().map(KnownEdition::try_from).collect()
}

/// Keeps what this service shows of an edition, and completes what was marked by its id.
pub(crate) async fn keep_project(
    tx: &mut Tx,
    id: ProjectId,
    edition: &Edition,
) -> Result<(), ChangeError<Refusal>> {
    sqlx::query("select pg_advisory_xact_lock(hashtextextended(current_schema() || '/project/' || $1::text, 2))")
        .bind(id.0)
        .execute(&mut **tx)
        .await?;
    sqlx::query(
        "insert into known_project (id, series_id, name, name_key, year, category, agency, status, period, ends_on)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
         on conflict (id) do update
             set series_id = excluded.series_id, name = excluded.name, name_key = excluded.name_key, year = excluded.year,
                 category = excluded.category, agency = excluded.agency, status = excluded.status, period = excluded.period,
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
    merging::settle(tx, id, edition.series_id).await
}

/// Keeps the name somebody is shown by.
pub(crate) async fn keep_salesman(
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

/// What an event tells of a consultation.
#[derive(Debug)]
pub(crate) struct Told<'a> {
    pub(crate) id: ConsultationId,
    pub(crate) customer: &'a CustomerRef,
    /// When it happened.
    pub(crate) at: DateTime<Utc>,
}

impl Told<'_> {
    /// Whether it is a consultation of before its customer was erased, of which nothing is kept any more.
    async fn is_forgotten(&self, tx: &mut Tx) -> Result<bool, sqlx::Error> {
        erased_customers::predates_erasure(tx, self.customer.customer_id, self.id.0, self.at).await
    }
}

/// Keeps that something happened on a consultation, and whether that was its end.
pub(crate) async fn keep_consultation(
    tx: &mut Tx,
    told: Told<'_>,
    is_over: bool,
) -> Result<(), sqlx::Error> {
    if told.is_forgotten(tx).await? {
        return Ok(());
    }
    served::meet(tx, told.customer).await?;
    sqlx::query(
        "insert into known_consultation (id, customer_id, is_open, updated_at) values ($1, $2, $3, $4)
         on conflict (id) do update
             set is_open = known_consultation.is_open and excluded.is_open,
                 updated_at = greatest(known_consultation.updated_at, excluded.updated_at)",
    )
    .bind(told.id.0)
    .bind(told.customer.customer_id.0)
    .bind(!is_over)
    .bind(told.at)
    .execute(&mut **tx)
    .await?;
    served::reckon(tx, told.customer.customer_id).await
}

/// Keeps who is on a consultation.
pub(crate) async fn keep_people_of_consultation(
    tx: &mut Tx,
    told: Told<'_>,
    salesman: &PersonRef,
    consultant: Option<&PersonRef>,
) -> Result<(), sqlx::Error> {
    if told.is_forgotten(tx).await? {
        return Ok(());
    }
    served::meet(tx, told.customer).await?;
    sqlx::query(
        "insert into known_consultation (id, customer_id, salesman_id, salesman_name, consultant_id, consultant_name, updated_at)
         values ($1, $2, $3, $4, $5, $6, $7)
         on conflict (id) do update
             set salesman_id = excluded.salesman_id, salesman_name = excluded.salesman_name, consultant_id = excluded.consultant_id,
                 consultant_name = excluded.consultant_name,
                 updated_at = greatest(known_consultation.updated_at, excluded.updated_at)",
    )
    .bind(told.id.0)
    .bind(told.customer.customer_id.0)
    .bind(salesman.id.0)
    .bind(&salesman.display_name)
    .bind(consultant.map(|person| person.id.0))
    .bind(consultant.map(|person| person.display_name.as_str()))
    .bind(told.at)
    .execute(&mut **tx)
    .await?;
    served::reckon(tx, told.customer.customer_id).await
}
