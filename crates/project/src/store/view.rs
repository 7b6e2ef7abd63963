//! What is kept of interests, consultations, matches and people, and the view of a project that is made of it.

use chrono::{DateTime, NaiveDate, Utc};
use events::{
    CustomerId, CustomerRef, InterestId, PersonRef, ProjectId, SalesmanId, SalesmanMatched,
    SeriesId, Step,
};
use serde::{Deserialize, Serialize};
use service_kit::auth::{Identity, Role};
use service_kit::privacy::erased_customers;
use service_kit::{Received, Tx};
use sqlx::PgPool;
use sqlx::postgres::PgConnection;
use uuid::Uuid;

use super::word;
use crate::project::Project;

/// What an event tells of an interest.
#[derive(Debug)]
pub(crate) struct ToldInterest<'a> {
    pub(crate) id: InterestId,
    pub(crate) series_id: Option<SeriesId>,
    pub(crate) project_id: ProjectId,
    pub(crate) customer: &'a CustomerRef,
    pub(crate) interested: bool,
    pub(crate) at: DateTime<Utc>,
}

/// Keeps an interest as it is now. Nobody has one of before he was erased: it is kept as if it had been here then.
pub(crate) async fn keep_interest(tx: &mut Tx, told: ToldInterest<'_>) -> Result<(), sqlx::Error> {
    let predates_erasure =
        erased_customers::predates_erasure(tx, told.customer.customer_id, told.id.0, told.at)
            .await?;
    sqlx::query(
        "insert into known_interest as known (id, series_id, project_id, customer_id, last_four, interested, since, erased_at)
         values ($1, $2, $3, $4, $5, $6, $7, case when $8 then (select at from erased_customer where customer_id = $4) end)
         on conflict (id) do update
             set series_id = coalesce(excluded.series_id, known.series_id),
                 project_id = excluded.project_id,
                 since = case when excluded.interested and not known.interested then excluded.since else known.since end,
                 interested = excluded.interested",
    )
    .bind(told.id.0)
    .bind(told.series_id.map(|id| id.0))
    .bind(told.project_id.0)
    .bind(told.customer.customer_id.0)
    .bind((!predates_erasure).then(|| told.customer.last_four.to_string()))
    .bind(told.interested && !predates_erasure)
    .bind(told.at)
    .bind(predates_erasure)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Keeps a new consultation. One of before its customer was erased is none that anybody works on.
pub(crate) async fn keep_consultation(
    tx: &mut Tx,
    received: &Received<events::ConsultationCreated>,
) -> Result<(), sqlx::Error> {
    let (event, at) = (&received.event, received.envelope.recorded_at);
    let predates_erasure = erased_customers::predates_erasure(
        tx,
        event.customer.customer_id,
        event.consultation_id.0,
        at,
    )
    .await?;
    sqlx::query(
        "insert into known_consultation (id, project_id, customer_id, last_four, desired_on, step, since, erased_at)
         values ($1, $2, $3, $4, $5, $6, $7, case when $8 then (select at from erased_customer where customer_id = $3) end)
         on conflict (id) do nothing",
    )
    .bind(event.consultation_id.0)
    .bind(event.project_id.0)
    .bind(event.customer.customer_id.0)
    .bind((!predates_erasure).then(|| event.customer.last_four.to_string()))
    .bind(event.desired_on)
    .bind(if predates_erasure { Step::Cancelled } else { Step::Apply }.as_str())
    .bind(at)
    .bind(predates_erasure)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Keeps the day that a consultation is wished for now.
pub(crate) async fn keep_desired_date(
    tx: &mut Tx,
    event: &events::ConsultationEdited,
) -> Result<(), sqlx::Error> {
    erased_customers::lock_shared(tx, event.customer.customer_id).await?;
    sqlx::query("update known_consultation set desired_on = $2 where id = $1")
        .bind(event.consultation_id.0)
        .bind(event.desired_on)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Keeps the step that a consultation is on now. An erased customer's is open no more, whatever is still told of it.
pub(crate) async fn keep_step(
    tx: &mut Tx,
    event: &events::ConsultationProgressed,
) -> Result<(), sqlx::Error> {
    erased_customers::lock_shared(tx, event.customer.customer_id).await?;
    sqlx::query(
        "update known_consultation set step = $2 where id = $1 and (erased_at is null or $3)",
    )
    .bind(event.consultation_id.0)
    .bind(event.to.as_str())
    .bind(event.to.is_closed())
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Keeps who is on an interest or a consultation, unless a newer match has been told.
pub(crate) async fn keep_match(
    tx: &mut Tx,
    received: &Received<SalesmanMatched>,
) -> Result<(), sqlx::Error> {
    let event = &received.event;
    sqlx::query(
        "insert into known_match as known (origin_kind, origin_id, match_id, version, matched_at, salesman_id, salesman_name,
                                           consultant_id, consultant_name)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
         on conflict (origin_kind, origin_id) do update
             set match_id = excluded.match_id, version = excluded.version, matched_at = excluded.matched_at,
                 salesman_id = excluded.salesman_id, salesman_name = excluded.salesman_name,
                 consultant_id = excluded.consultant_id, consultant_name = excluded.consultant_name
             where (known.match_id, known.version) < (excluded.match_id, excluded.version)",
    )
    .bind(event.origin.kind())
    .bind(event.origin.id())
    .bind(event.match_id.0)
    .bind(received.envelope.version)
    .bind(received.envelope.recorded_at)
    .bind(event.salesman.id.0)
    .bind(&event.salesman.display_name)
    .bind(event.consultant.as_ref().map(|person| person.id.0))
    .bind(event.consultant.as_ref().map(|person| person.display_name.as_str()))
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Keeps the name that a salesman or consultant is shown by.
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

/// Every interest that counts for a project and every consultation about it, each with who is on it.
///
/// `$1` is the project, `$2` its series, and `$3` whether it has ended: an interest belongs to the series, and counts for its editions that have
/// not. Its match may be that of the time before it was turned off; then nobody is on it, until it is matched again. The clocks of two
/// services may differ by the five seconds. `$4` is the salesman and `$5` the consultant who asks: of others' he sees nothing.
const ENGAGED: &str = "engaged as (
        select 'interest' as kind, interest.id, interest.customer_id, interest.last_four, interest.erased_at,
               null as step, null::date as desired_on, true as is_open, interest.since, matched.matched_at,
               matched.salesman_id, matched.salesman_name, matched.consultant_id, matched.consultant_name
        from known_interest interest
        left join known_match matched on matched.origin_kind = 'interest' and matched.origin_id = interest.id
             and matched.matched_at > interest.since - interval '5 seconds'
        where interest.interested and not $3
          and (interest.series_id = $2
               or interest.series_id is null and interest.project_id in (select id from project where series_id = $2))
        union all
        select 'consultation', consultation.id, consultation.customer_id, consultation.last_four, consultation.erased_at,
               consultation.step, consultation.desired_on, consultation.step in ('apply', 'approved'), consultation.since, matched.matched_at,
               matched.salesman_id, matched.salesman_name, matched.consultant_id, matched.consultant_name
        from known_consultation consultation
        left join known_match matched on matched.origin_kind = 'consultation' and matched.origin_id = consultation.id
        where consultation.project_id = $1
    ),
    visible as (
        select * from engaged
        where ($4::uuid is null or salesman_id = $4) and ($5::uuid is null or consultant_id = $5)
    )";

/// Whose work a view shows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asking<'a> {
    project: &'a Project,
    salesman: Option<Uuid>,
    consultant: Option<Uuid>,
}

impl<'a> Asking<'a> {
    /// Somebody who asks about that project.
    pub(crate) fn new(project: &'a Project, who: &Identity) -> Self {
        let if_he_is = |role: Role| (who.role == role).then_some(who.subject);
        Self {
            project,
            salesman: if_he_is(Role::Salesman),
            consultant: if_he_is(Role::Consultant),
        }
    }

    fn query<T>(
        self,
        sql: &'static str,
    ) -> sqlx::query::QueryAs<'static, sqlx::Postgres, T, sqlx::postgres::PgArguments>
    where
        T: for<'r> sqlx::FromRow<'r, sqlx::postgres::PgRow>,
    {
        sqlx::query_as(sqlx::AssertSqlSafe(format!("with {ENGAGED} {sql}")))
            .bind(self.project.id.0)
            .bind(self.project.series_id.0)
            .bind(self.project.status == events::ProjectStatus::Ended)
            .bind(self.salesman)
            .bind(self.consultant)
    }
}

/// How many there are of each, whoever asks.
#[derive(Debug, PartialEq, Eq, sqlx::FromRow)]
pub(crate) struct Progress {
    pub(crate) interested: i64,
    pub(crate) apply: i64,
    pub(crate) approved: i64,
    pub(crate) succeeded: i64,
    pub(crate) failed: i64,
    pub(crate) cancelled: i64,
    pub(crate) unassigned: i64,
}

/// The numbers of the project.
pub(crate) async fn progress(
    connection: &mut PgConnection,
    asking: Asking<'_>,
) -> Result<Progress, sqlx::Error> {
    asking
        .query(
            "select count(*) filter (where kind = 'interest') as interested,
                    count(*) filter (where step = 'apply') as apply,
                    count(*) filter (where step = 'approved') as approved,
                    count(*) filter (where step = 'succeeded') as succeeded,
                    count(*) filter (where step = 'failed') as failed,
                    count(*) filter (where step = 'cancelled') as cancelled,
                    count(*) filter (where is_open and salesman_id is null) as unassigned
             from engaged",
        )
        .fetch_one(connection)
        .await
}

/// A salesman, and what he has to do with the project.
#[derive(Debug, sqlx::FromRow)]
pub(crate) struct SalesmansWork {
    pub(crate) id: Uuid,
    pub(crate) display_name: String,
    pub(crate) interests: i64,
    pub(crate) open_consultations: i64,
    pub(crate) apply: i64,
    pub(crate) approved: i64,
    pub(crate) succeeded: i64,
    pub(crate) failed: i64,
    pub(crate) cancelled: i64,
}

/// How many salesmen a view shows: more than an organisation of this kind has.
const MOST_SALESMEN: i64 = 500;

/// Who works on the project, by name.
pub(crate) async fn salesmen(
    connection: &mut PgConnection,
    asking: Asking<'_>,
) -> Result<Vec<SalesmansWork>, sqlx::Error> {
    asking
        .query(
            "select salesman_id as id,
                    coalesce((select display_name from known_salesman where known_salesman.id = salesman_id),
                             (array_agg(salesman_name order by matched_at desc))[1]) as display_name,
                    count(*) filter (where kind = 'interest') as interests,
                    count(*) filter (where kind = 'consultation' and is_open) as open_consultations,
                    count(*) filter (where step = 'apply') as apply,
                    count(*) filter (where step = 'approved') as approved,
                    count(*) filter (where step = 'succeeded') as succeeded,
                    count(*) filter (where step = 'failed') as failed,
                    count(*) filter (where step = 'cancelled') as cancelled
             from visible where salesman_id is not null
             group by salesman_id order by display_name, salesman_id limit $6",
        )
        .bind(MOST_SALESMEN)
        .fetch_all(connection)
        .await
}

#[derive(sqlx::FromRow)]
struct CustomerRow {
    customer_id: Uuid,
    newest_id: Uuid,
    last_four: Option<String>,
    erased_at: Option<DateTime<Utc>>,
    interested: bool,
    consultation_id: Option<Uuid>,
    step: Option<String>,
    desired_on: Option<NaiveDate>,
    salesman_id: Option<Uuid>,
    salesman_name: Option<String>,
    consultant_id: Option<Uuid>,
    consultant_name: Option<String>,
    since: DateTime<Utc>,
}

/// A customer of the project: his interest and his newest consultation, and who is on the latter, or else on the former. Whoever comes again
/// after he was erased is another one, each time.
#[derive(Debug)]
pub(crate) struct Customer {
    pub(crate) id: CustomerId,
    /// His newest consultation, or else his interest.
    pub(crate) newest_id: Uuid,
    pub(crate) last_four: Option<String>,
    pub(crate) erased_at: Option<DateTime<Utc>>,
    pub(crate) interested: bool,
    pub(crate) consultation: Option<(Uuid, Step, NaiveDate)>,
    pub(crate) salesman: Option<PersonRef>,
    pub(crate) consultant: Option<PersonRef>,
    pub(crate) since: DateTime<Utc>,
}

/// A place in the list of customers: since when, and what of his is newest. It does not say whose it is, because whoever was erased has a place
/// too.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CustomerPlace(pub(crate) DateTime<Utc>, pub(crate) Uuid);

/// At most that many customers behind that place, who came last first.
pub(crate) async fn customers(
    connection: &mut PgConnection,
    asking: Asking<'_>,
    after: Option<&CustomerPlace>,
    limit: usize,
) -> Result<Vec<Customer>, sqlx::Error> {
    let rows: Vec<CustomerRow> = asking
        .query(
            ", customer as (
                 select distinct on (customer_id, erased_at) customer_id, id, last_four, erased_at,
                        bool_or(kind = 'interest') over theirs as interested,
                        case kind when 'consultation' then id end as consultation_id, step, desired_on,
                        salesman_id, salesman_name, consultant_id, consultant_name,
                        min(since) over theirs as since
                 from visible
                 -- Who is erased is lost access of by everybody but staff.
                 where erased_at is null or $4::uuid is null and $5::uuid is null
                 window theirs as (partition by customer_id, erased_at)
                 order by customer_id, erased_at, kind = 'consultation' desc, id desc
             )
             select customer_id, customer.id as newest_id, last_four, erased_at, interested, consultation_id, step, desired_on,
                    salesman_id, coalesce(salesman.display_name, salesman_name) as salesman_name,
                    consultant_id, coalesce(consultant.display_name, consultant_name) as consultant_name, since
             from customer
             left join known_salesman salesman on salesman.id = salesman_id
             left join known_salesman consultant on consultant.id = consultant_id
             where $6::timestamptz is null or (since, customer.id) < ($6, $7)
             order by since desc, customer.id desc limit $8",
        )
        .bind(after.map(|place| place.0))
        .bind(after.map(|place| place.1))
        .bind(i64::try_from(limit).unwrap_or(i64::MAX))
        .fetch_all(connection)
        .await?;
    rows.into_iter().map(Customer::try_from).collect()
}

impl TryFrom<CustomerRow> for Customer {
    type Error = sqlx::Error;

    fn try_from(row: CustomerRow) -> Result<Self, sqlx::Error> {
        let person = |id: Option<Uuid>, name: Option<String>| {
            Some(PersonRef {
                id: SalesmanId(id?),
                display_name: name?,
            })
        };
        let step = row.step.map(word::<Step>).transpose()?;
        Ok(Self {
            id: CustomerId(row.customer_id),
            newest_id: row.newest_id,
            last_four: row.last_four,
            erased_at: row.erased_at,
            interested: row.interested,
            consultation: row
                .consultation_id
                .zip(step)
                .zip(row.desired_on)
                .map(|((id, step), on)| (id, step, on)),
            salesman: person(row.salesman_id, row.salesman_name),
            consultant: person(row.consultant_id, row.consultant_name),
            since: row.since,
        })
    }
}

/// Whether that salesman or consultant is on something open of that customer.
pub(crate) async fn is_on(
    pool: &PgPool,
    customer: CustomerId,
    who: &Identity,
) -> Result<bool, sqlx::Error> {
    let place = if who.role == Role::Salesman {
        "salesman_id"
    } else {
        "consultant_id"
    };
    sqlx::query_scalar(sqlx::AssertSqlSafe(format!(
        "select exists (
             select 1 from known_interest interest
             join known_match matched on matched.origin_kind = 'interest' and matched.origin_id = interest.id
                  and matched.matched_at > interest.since - interval '5 seconds'
             where interest.customer_id = $1 and interest.interested and matched.{place} = $2
             union all
             select 1 from known_consultation consultation
             join known_match matched on matched.origin_kind = 'consultation' and matched.origin_id = consultation.id
             where consultation.customer_id = $1 and consultation.step in ('apply', 'approved') and matched.{place} = $2)"
    )))
    .bind(customer.0)
    .bind(who.subject)
    .fetch_one(pool)
    .await
}
