//! Lists of interests.

use events::{CustomerId, LastFour, ProjectId, SalesmanId, SeriesId};
use serde::Deserialize;
use service_kit::auth::{Identity, Role};
use service_kit::http::Page;
use sqlx::{AssertSqlSafe, PgPool, QueryBuilder};
use utoipa::IntoParams;
use uuid::Uuid;

use crate::store::row::{COLUMNS, FROM, StoredInterest};

/// Filters of a list; all of them must match.
#[derive(Debug, Clone, Copy, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(crate) struct InterestFilter {
    /// Only interests in the series of this edition, even if they show another edition.
    #[param(value_type = Option<Uuid>)]
    project: Option<ProjectId>,
    /// Only interests in this series.
    #[param(value_type = Option<Uuid>)]
    series: Option<SeriesId>,
    /// Only interests of this customer.
    #[param(value_type = Option<Uuid>)]
    customer: Option<CustomerId>,
    /// `true`: only interests that are on; `false`: only those that are off.
    interested: Option<bool>,
    /// Only interests that this salesman is assigned to.
    #[param(value_type = Option<Uuid>)]
    salesman: Option<SalesmanId>,
    /// Only interests that this consultant is assigned to.
    #[param(value_type = Option<Uuid>)]
    consultant: Option<SalesmanId>,
    /// `true`: only interests that are on and have no salesman (배정 중).
    unassigned: Option<bool>,
    /// Only interests of customers whose number ends with these four digits.
    #[param(value_type = Option<String>, pattern = r"^\d{4}$", example = "5678")]
    last_four: Option<LastFour>,
}

/// The interests that the caller may see, newest first. Merged interests are left out: the older
/// interest replaces them.
pub(crate) async fn list(
    pool: &PgPool,
    caller: &Identity,
    filter: InterestFilter,
    page: Page,
) -> Result<Vec<StoredInterest>, sqlx::Error> {
    let mut sql = QueryBuilder::new(format!(
        "select {COLUMNS} {FROM} where interest.merged_into is null"
    ));
    let own_column = match caller.role {
        Role::Customer => Some("customer_id"),
        Role::Salesman => Some("salesman_id"),
        Role::Consultant => Some("consultant_id"),
        Role::Staff => None,
    };
    if let Some(column) = own_column {
        sql.push(" and interest.erased_at is null and interest.")
            .push(column)
            .push(" = ")
            .push_bind(caller.subject);
    }
    if let Some(project) = filter.project {
        sql.push(" and (interest.series_id = (select series_id from known_project where id = ")
            .push_bind(project.0)
            .push(") or interest.series_id is null and interest.project_id = ")
            .push_bind(project.0)
            .push(")");
    }
    if let Some(series) = filter.series {
        sql.push(" and interest.series_id = ").push_bind(series.0);
    }
    if let Some(customer) = filter.customer {
        // An erased interest belongs to no customer, even if the same person signs in again.
        sql.push(" and interest.erased_at is null and interest.customer_id = ")
            .push_bind(customer.0);
    }
    if let Some(interested) = filter.interested {
        sql.push(" and interest.interested = ")
            .push_bind(interested);
    }
    for (column, person) in [
        ("salesman_id", filter.salesman),
        ("consultant_id", filter.consultant),
    ] {
        if let Some(person) = person {
            sql.push(format!(" and interest.{column} = "))
                .push_bind(person.0);
        }
    }
    if filter.unassigned == Some(true) {
        sql.push(" and interest.interested and interest.salesman_id is null");
    }
    if let Some(last_four) = filter.last_four {
        sql.push(" and right(interest.phone, 4) = ")
            .push_bind(String::from(last_four));
    }
    if let Some(after) = page.after {
        sql.push(" and interest.id < ").push_bind(after);
    }
    sql.push(" order by interest.id desc limit ")
        .push_bind(page.fetch_limit());
    sql.build_query_as().fetch_all(pool).await
}

/// All interests of a customer that were not erased, oldest first, merged ones included.
pub(crate) async fn of_customer(
    pool: &PgPool,
    customer: CustomerId,
) -> Result<Vec<StoredInterest>, sqlx::Error> {
    let sql = format!(
        "select {COLUMNS} {FROM}
         where interest.customer_id = $1 and interest.erased_at is null
         order by interest.id"
    );
    sqlx::query_as(AssertSqlSafe(sql))
        .bind(customer.0)
        .fetch_all(pool)
        .await
}

/// What a customer has marked: the programme, or the edition while its series is unknown.
#[derive(Debug, sqlx::FromRow)]
pub(crate) struct Mark {
    pub(crate) id: Uuid,
    pub(crate) series_id: Option<Uuid>,
    pub(crate) project_id: Uuid,
    pub(crate) version: i64,
}

/// The customer's interests that are on, newest first.
pub(crate) async fn marks(
    pool: &PgPool,
    customer: CustomerId,
    limit: i64,
) -> Result<Vec<Mark>, sqlx::Error> {
    sqlx::query_as(
        "select id, series_id, project_id, version from interest
         where customer_id = $1 and interested and merged_into is null and erased_at is null
         order by id desc limit $2",
    )
    .bind(customer.0)
    .bind(limit)
    .fetch_all(pool)
    .await
}
