//! What counts for each of several projects: interests, consultations and their salesmen.

use std::collections::HashMap;

use events::{PersonRef, SalesmanId};
use sqlx::postgres::{PgConnection, PgRow};
use sqlx::{FromRow, Row as _};
use uuid::Uuid;

/// The numbers of one project, as in its view.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    pub(crate) interests: i64,
    pub(crate) consultations: i64,
    /// The number of salesmen.
    pub(crate) salesmen: i64,
    /// The one with the most interests and consultations.
    pub(crate) salesman: Option<PersonRef>,
}

impl FromRow<'_, PgRow> for Figures {
    fn from_row(row: &PgRow) -> Result<Self, sqlx::Error> {
        let salesman: Option<Uuid> = row.try_get("salesman_id")?;
        let name: Option<String> = row.try_get("display_name")?;
        Ok(Self {
            interests: row.try_get("interests")?,
            consultations: row.try_get("consultations")?,
            salesmen: row.try_get("salesmen")?,
            salesman: salesman.map(|id| PersonRef {
                id: SalesmanId(id),
                display_name: name.unwrap_or_default(),
            }),
        })
    }
}

/// Those of a page of projects, by id. A project without any has no entry.
pub(crate) async fn of_projects(
    connection: &mut PgConnection,
    ids: &[Uuid],
) -> Result<HashMap<Uuid, Figures>, sqlx::Error> {
    // The scopes of a project are those of `work::SCOPE`.
    let rows: Vec<PgRow> = sqlx::query(
        "with scope as (
             select id, 'consultation' as kind, id as scope_id from project where id = any($1)
             union all
             select id, 'interest', series_id from project
             where id = any($1) and status <> 'ended'
             union all
             select project.id, 'interest', edition.id from project
             join project edition on edition.series_id = project.series_id
             where project.id = any($1) and project.status <> 'ended'
         ),
         work as (
             select scope.id, nullif(salesman_id, '00000000-0000-0000-0000-000000000000')
                        as salesman_id,
                    coalesce(sum(count) filter (where kind = 'interest'), 0) as interests,
                    coalesce(sum(count) filter (where kind = 'consultation'), 0)
                        as consultations
             from scope join engagement_count using (kind, scope_id)
             group by 1, 2
         ),
         total as (
             select id, sum(interests)::bigint as interests,
                    sum(consultations)::bigint as consultations, count(salesman_id) as salesmen,
                    (array_agg(salesman_id order by interests + consultations desc, salesman_id)
                         filter (where salesman_id is not null))[1] as salesman_id
             from work group by id
         )
         select total.*, display_name
         from total left join known_salesman on known_salesman.id = salesman_id",
    )
    .bind(ids)
    .fetch_all(connection)
    .await?;
    rows.iter()
        .map(|row| Ok((row.try_get("id")?, Figures::from_row(row)?)))
        .collect()
}
