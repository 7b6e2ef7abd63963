//! Lists of interests.

use events::{CustomerId, ProjectId, SeriesId};
use serde::Deserialize;
use service_kit::auth::{Identity, Role};
use service_kit::http::Page;
use sqlx::{AssertSqlSafe, PgPool, QueryBuilder};
use utoipa::IntoParams;

use crate::store::row::{COLUMNS, FROM, StoredInterest};

/// Filters of a list; all of them must match.
#[derive(Debug, Clone, Copy, Deserialize, IntoParams)]
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
