//! Who is on what, how it ended, and which programmes that is about: kept from events of three topics, whichever comes first.

use chrono::{DateTime, Utc};
use events::{
    ConsultationId, CustomerRef, Edition, Envelope, Origin, ProjectId, SalesmanId, SalesmanMatched,
    Step,
};
use service_kit::Tx;
use service_kit::privacy::erased_customers;
use sqlx::{AssertSqlSafe, PgConnection};
use uuid::Uuid;

/// Keeps who is on it, and what it is about. A match that came later already stays, and of an erased customer's nothing is kept that says whose
/// it is.
pub(crate) async fn assign(
    tx: &mut Tx,
    event: &SalesmanMatched,
    envelope: &Envelope,
) -> Result<(), sqlx::Error> {
    let erased_at = erased_at(tx, &event.customer, event.origin, envelope).await?;
    sqlx::query(
        "insert into assignment (origin_kind, origin_id, customer_id, last_four, project_id, salesman_id, consultant_id,
                                 match_version, match_origin_version, matched_at, wanted, closed_at, erased_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11::timestamptz is null, $11, $11)
         on conflict (origin_kind, origin_id) do update
             set project_id = excluded.project_id, salesman_id = excluded.salesman_id, consultant_id = excluded.consultant_id,
                 match_version = excluded.match_version, match_origin_version = excluded.match_origin_version,
                 matched_at = excluded.matched_at
             where assignment.match_version < excluded.match_version",
    )
    .bind(event.origin.kind())
    .bind(event.origin.id())
    .bind(event.customer.customer_id.0)
    .bind(erased_at.is_none().then(|| event.customer.last_four.to_string()))
    .bind(event.project_id.0)
    .bind(event.salesman.id.0)
    .bind(event.consultant.as_ref().map(|person| person.id.0))
    .bind(envelope.version)
    .bind(event.origin_version.unwrap_or(FIRST))
    .bind(envelope.recorded_at)
    .bind(erased_at)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Since when a thing is an erased customer's, if it is one's: as if it had been here when he was erased.
async fn erased_at(
    tx: &mut Tx,
    customer: &CustomerRef,
    origin: Origin,
    envelope: &Envelope,
) -> Result<Option<DateTime<Utc>>, sqlx::Error> {
    let predates_erasure = erased_customers::predates_erasure(
        tx,
        customer.customer_id,
        origin.id(),
        envelope.recorded_at,
    )
    .await?;
    if !predates_erasure {
        return Ok(None);
    }
    sqlx::query_scalar("select at from erased_customer where customer_id = $1")
        .bind(customer.customer_id.0)
        .fetch_optional(&mut **tx)
        .await
}

/// The version by which something exists: what a match that does not say it answers.
const FIRST: i64 = 1;

/// What an interest or a consultation tells of its assignment.
pub(crate) struct State<'a> {
    pub(crate) origin: Origin,
    pub(crate) customer: &'a CustomerRef,
    pub(crate) project_id: ProjectId,
    /// Whether anybody is to be on it.
    pub(crate) is_wanted: bool,
    /// The step that closed a consultation.
    pub(crate) closed_as: Option<Step>,
}

/// Keeps whether it is wanted. One that is wanted again is open only once a match answers that, whichever of the two is heard first. The
/// programme is the match's business: here it is only what is known until then. What is an erased customer's is wanted by nobody any more.
pub(crate) async fn set_state(
    tx: &mut Tx,
    state: State<'_>,
    envelope: &Envelope,
) -> Result<(), sqlx::Error> {
    let erased_at = erased_at(tx, state.customer, state.origin, envelope).await?;
    sqlx::query(
        "insert into assignment (origin_kind, origin_id, customer_id, last_four, project_id, wanted, closed_as, closed_at,
                                 closed_version, state_version, erased_at)
         values ($1, $2, $3, $4, $5, $6 and $10::timestamptz is null, $7, coalesce($8, $10), case when $6 then 0 else $9 end, $9, $10)
         on conflict (origin_kind, origin_id) do update
             set wanted = excluded.wanted and assignment.erased_at is null, closed_as = excluded.closed_as,
                 closed_at = coalesce($8, assignment.closed_at),
                 closed_version = greatest(assignment.closed_version, excluded.closed_version),
                 state_version = excluded.state_version
             where assignment.state_version < excluded.state_version",
    )
    .bind(state.origin.kind())
    .bind(state.origin.id())
    .bind(state.customer.customer_id.0)
    .bind(erased_at.is_none().then(|| state.customer.last_four.to_string()))
    .bind(state.project_id.0)
    .bind(state.is_wanted)
    .bind(state.closed_as.map(Step::as_str))
    .bind((!state.is_wanted).then_some(envelope.recorded_at))
    .bind(envelope.version)
    .bind(erased_at)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Counts how a consultation ended, once.
pub(crate) async fn count(
    tx: &mut Tx,
    consultation: ConsultationId,
    salesman: SalesmanId,
    succeeded: bool,
    envelope: &Envelope,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "insert into outcome (consultation_id, salesman_id, succeeded, ended_at) values ($1, $2, $3, $4)
         on conflict (consultation_id) do nothing",
    )
    .bind(consultation.0)
    .bind(salesman.0)
    .bind(succeeded)
    .bind(envelope.recorded_at)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Keeps what this service needs of a project. What came later already stays.
pub(crate) async fn keep_project(
    tx: &mut Tx,
    id: ProjectId,
    edition: &Edition,
    version: i64,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "insert into known_project (id, series_id, name, ends_on, status, version) values ($1, $2, $3, $4, $5, $6)
         on conflict (id) do update
             set series_id = excluded.series_id, name = excluded.name, ends_on = excluded.ends_on, status = excluded.status,
                 version = excluded.version
             where known_project.version < excluded.version",
    )
    .bind(id.0)
    .bind(edition.series_id.0)
    .bind(&edition.name)
    .bind(edition.period.ends_on)
    .bind(edition.status.as_str())
    .bind(version)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Whether what the project's `version`-th event tells has been kept.
pub(crate) async fn has_kept(
    tx: &mut Tx,
    id: ProjectId,
    version: i64,
) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar(
        "select exists (select 1 from known_project where id = $1 and version >= $2)",
    )
    .bind(id.0)
    .bind(version)
    .fetch_one(&mut **tx)
    .await
}

/// Whom an event about an edition concerns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Serving {
    /// Whoever serves any edition of its series.
    Series,
    /// Whoever serves another edition of its series: to him this one is new.
    OtherEditions,
}

/// Who serves the series of this edition now, and how many customers of his that concerns. The edition itself and its predecessor belong to
/// the series also while this service has not heard of them.
pub(crate) async fn who_serves(
    tx: &mut Tx,
    id: ProjectId,
    edition: &Edition,
    serving: Serving,
) -> Result<Vec<(SalesmanId, i64)>, sqlx::Error> {
    let rows: Vec<(Uuid, i64)> = sqlx::query_as(
        "select person, count(distinct customer_id)
         from assignment cross join lateral (values (salesman_id), (consultant_id)) on_it (person)
         where open and person is not null
           and (project_id = $1 or project_id = $2 or project_id in (select id from known_project where series_id = $3))
           and ($4 or project_id <> $1)
         group by person order by person",
    )
    .bind(id.0)
    .bind(edition.predecessor.map(|id| id.0))
    .bind(edition.series_id.0)
    .bind(serving == Serving::Series)
    .fetch_all(&mut **tx)
    .await?;
    Ok(rows
        .into_iter()
        .map(|(person, customers)| (SalesmanId(person), customers))
        .collect())
}

/// An interest or a consultation that somebody is on.
#[derive(Debug, sqlx::FromRow)]
pub(crate) struct Assignment {
    pub(crate) origin_kind: String,
    pub(crate) origin_id: Uuid,
    pub(crate) customer_id: Uuid,
    pub(crate) last_four: Option<String>,
    pub(crate) project_id: Uuid,
    pub(crate) project_name: Option<String>,
    pub(crate) matched_at: Option<DateTime<Utc>>,
    pub(crate) closed_as: Option<String>,
    pub(crate) closed_at: Option<DateTime<Utc>>,
    pub(crate) erased_at: Option<DateTime<Utc>>,
}

/// How many of each sort are shown beside somebody: what is older is found by the interest and consultation services' own lists.
pub(crate) const NEWEST: i64 = 50;

/// The newest of what somebody is on, open or closed.
pub(crate) async fn newest(
    connection: &mut PgConnection,
    person: SalesmanId,
    open: bool,
) -> Result<Vec<Assignment>, sqlx::Error> {
    sqlx::query_as(AssertSqlSafe(newest_sql(open)))
        .bind(person.0)
        .bind(NEWEST)
        .fetch_all(connection)
        .await
}

/// Each place by an index of its own, in its order, merged: neither is read further than it is shown.
fn newest_sql(open: bool) -> String {
    // As a text of its own it goes by the index of what is open, or of what is not.
    let open = if open { "open" } else { "not open" };
    format!(
        "select origin_kind, origin_id, customer_id, last_four, project_id, known_project.name as project_name, matched_at, closed_as,
                case when open then null else closed_at end as closed_at, erased_at
         from (
             (select * from assignment where salesman_id = $1 and {open} order by origin_id desc, origin_kind limit $2)
             union all
             (select * from assignment where consultant_id = $1 and salesman_id is distinct from $1 and {open}
              order by origin_id desc, origin_kind limit $2)
         ) it left join known_project on known_project.id = project_id
         order by origin_id desc, origin_kind limit $2"
    )
}

/// Whether somebody is on anything of this customer's, or was when it was closed, since that day. Whoever was replaced is not, and nobody is
/// on what was his before he was erased.
pub(crate) async fn is_matched(
    connection: &mut PgConnection,
    person: SalesmanId,
    customer: Uuid,
    closed_after: DateTime<Utc>,
) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar(
        "select exists (select 1 from assignment
                        where customer_id = $1 and erased_at is null and (salesman_id = $2 or consultant_id = $2)
                          and (open or closed_at > $3))",
    )
    .bind(customer)
    .bind(person.0)
    .bind(closed_after)
    .fetch_one(connection)
    .await
}

#[cfg(test)]
mod tests {
    use serde_json::Value;
    use service_kit::testing::TestApp;

    use super::*;

    /// How many rows of assignments a plan read, those that it left out included.
    fn read(plan: &Value) -> f64 {
        let number = |name: &str| plan[name].as_f64().unwrap_or_default();
        let below: f64 = plan["Plans"]
            .as_array()
            .into_iter()
            .flatten()
            .map(read)
            .sum();
        let own = if plan["Relation Name"] == "assignment" {
            (number("Actual Rows") + number("Rows Removed by Filter")) * number("Actual Loops")
        } else {
            0.0
        };
        own + below
    }

    async fn explained(
        connection: &mut PgConnection,
        sql: &str,
        person: Uuid,
        limit: Option<i64>,
    ) -> f64 {
        let sql = AssertSqlSafe(format!("explain (analyze, format json) {sql}"));
        let query = sqlx::query_scalar(sql).bind(person);
        let query = if let Some(limit) = limit {
            query.bind(limit)
        } else {
            query
        };
        let plan: Value = query.fetch_one(connection).await.unwrap();
        read(&plan[0]["Plan"])
    }

    /// Somebody with three thousand closed and a hundred open in each place.
    #[tokio::test]
    async fn the_newest_and_the_count_of_what_is_open_do_not_go_through_everything_somebody_ever_had()
     {
        let app = TestApp::start(crate::service()).await;
        let (person, mut connection) = (Uuid::from_u128(1), app.pool().acquire().await.unwrap());
        let sql = "insert into assignment (origin_kind, origin_id, customer_id, last_four, project_id, salesman_id, consultant_id, wanted,
                                           match_version, match_origin_version, state_version)
                   select 'consultation', gen_random_uuid(), gen_random_uuid(), '0000', gen_random_uuid(),
                          case when place = 1 then $1 end, case when place = 2 then $1 end, number <= 100, 1, 1, 1
                   from generate_series(1, 2) place, generate_series(1, 3100) number";
        sqlx::query(sql)
            .bind(person)
            .execute(&mut *connection)
            .await
            .unwrap();
        sqlx::raw_sql("vacuum analyze")
            .execute(app.pool())
            .await
            .unwrap();
        for open in [true, false] {
            let read = explained(&mut connection, &newest_sql(open), person, Some(NEWEST)).await;
            assert!(read > 0.0 && read <= 102.0, "{read}");
        }
        let sql = "insert into salesman (id, name, display_name, phone, role, regions, categories, capacity, active, version, created_at)
                   values ($1, 'x', 'x', '+821011111111', 'salesman', '[]', '[]', 30, true, 1, now())";
        sqlx::query(sql)
            .bind(person)
            .execute(&mut *connection)
            .await
            .unwrap();
        let sql = format!(
            "select {} from salesman where id = $1",
            crate::store::COLUMNS
        );
        let read = explained(&mut connection, &sql, person, None).await;
        assert!(read > 0.0 && read <= 200.0, "{read}");
    }
}
