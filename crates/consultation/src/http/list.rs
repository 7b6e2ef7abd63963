//! `GET /consultations`: filters, orders and pages.

use axum::extract::State;
use events::{LastFour, SalesmanId, Step};
use serde::Deserialize;
use service_kit::auth::{Identity, Role};
use service_kit::clock::seoul_date;
use service_kit::http::describe::StepName;
use service_kit::http::page::{decode_cursor, fetch_limit, parse_limit};
use service_kit::http::problem::{Text, invalid_query};
use service_kit::http::{Date, PageQuery, Paged, Query};
use service_kit::{Context, Problem};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::views::ConsultationView;
use crate::store::list::{self, ClosedCursor, DateCursor, Filter};

#[derive(Debug, Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Sort {
    /// Newest first.
    #[default]
    Newest,
    /// By desired date: coming days, soonest first; then past days, latest first.
    Desired,
    /// Only closed ones, latest closing first.
    Closed,
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(super) struct ListQuery {
    /// Only consultations in this step, or in one of several: `step=apply&step=approved`.
    #[serde(default)]
    #[param(value_type = Vec<StepName>, inline)]
    step: Vec<Step>,
    /// Only consultations about this project.
    project: Option<Uuid>,
    /// Only consultations of this customer, without erased ones. Not for customers, who see only
    /// their own.
    customer: Option<Uuid>,
    /// Only consultations for this day or a later one.
    #[param(value_type = Option<NaiveDate>)]
    from: Option<Date>,
    /// Only consultations for this day or an earlier one.
    #[param(value_type = Option<NaiveDate>)]
    until: Option<Date>,
    /// Only consultations assigned to this salesman.
    #[param(value_type = Option<Uuid>)]
    salesman: Option<SalesmanId>,
    /// Only consultations assigned to this consultant.
    #[param(value_type = Option<Uuid>)]
    consultant: Option<SalesmanId>,
    /// `true`: only open consultations without a salesman (배정 중).
    unassigned: Option<bool>,
    /// Only consultations of customers whose number ends with these four digits.
    #[param(value_type = Option<String>, pattern = r"^\d{4}$", example = "5678")]
    last_four: Option<LastFour>,
    /// The order; default `newest`.
    #[param(inline)]
    sort: Option<Sort>,
    /// Maximum number of items, 1 to 100; default 50.
    #[param(minimum = 1, maximum = 100, default = 50)]
    limit: Option<u32>,
    /// The `next` of the previous page.
    after: Option<String>,
}

/// Consultations: a customer's own, those assigned to a salesman or consultant, or all for staff.
#[utoipa::path(
    get, path = "/consultations", tag = "consultation", params(ListQuery),
    responses((status = 200, body = Paged<ConsultationView>, description = "One page")),
)]
pub(super) async fn list(
    State(context): State<Context>,
    caller: Identity,
    Query(query): Query<ListQuery>,
) -> Result<Paged<ConsultationView>, Problem> {
    if caller.role == Role::Customer && query.customer.is_some() {
        return Err(invalid_query(Text::new(
            "고객은 본인의 상담만 조회할 수 있습니다",
            "Customers see only their own consultations: omit customer",
        )));
    }
    let days = query.from.zip(query.until);
    if days.is_some_and(|(from, until)| until < from) {
        return Err(invalid_query(Text::new(
            "시작일(from)은 종료일(until)보다 늦을 수 없습니다",
            "from must not be later than until",
        )));
    }
    let sort = query.sort.unwrap_or_default();
    if matches!(sort, Sort::Closed)
        && !query.step.is_empty()
        && !query.step.iter().any(|step| step.is_closed())
    {
        return Err(invalid_query(Text::new(
            "마친 순서(sort=closed)로는 끝난 단계만 조회할 수 있습니다",
            "sort=closed lists closed consultations: choose a closed step, or omit step",
        )));
    }
    let filter = Filter {
        steps: query.step,
        project: query.project,
        customer: query.customer,
        from: query.from.map(|day| day.0),
        until: query.until.map(|day| day.0),
        salesman: query.salesman,
        consultant: query.consultant,
        is_unassigned: query.unassigned == Some(true),
        last_four: query.last_four,
    };
    let today = seoul_date(context.db.now());
    let view = |stored| ConsultationView::new(stored, &caller, today);
    let mut connection = context.db.pool().acquire().await?;
    match sort {
        Sort::Newest => {
            let (limit, after) = (query.limit, query.after);
            let page = PageQuery { limit, after }.page()?;
            let rows = list::newest(&mut connection, &caller, &filter, page).await?;
            let views = rows.into_iter().map(view).collect();
            Ok(Paged::from_rows(views, page, |view: &ConsultationView| {
                view.id
            }))
        }
        Sort::Desired => {
            let limit = parse_limit(query.limit)?;
            let after: Option<DateCursor> =
                query.after.as_deref().map(decode_cursor).transpose()?;
            let order_of = after.map_or(today, |cursor| cursor.today);
            let fetch = fetch_limit(limit);
            let rows =
                list::by_desired_date(&mut connection, &caller, &filter, order_of, after, fetch)
                    .await?;
            let cursor = |view: &ConsultationView| DateCursor {
                today: order_of,
                desired_on: view.desired_date,
                id: view.id,
            };
            let views = rows.into_iter().map(view).collect();
            Ok(Paged::from_rows_by(views, limit, cursor))
        }
        Sort::Closed => {
            let limit = parse_limit(query.limit)?;
            let after: Option<ClosedCursor> =
                query.after.as_deref().map(decode_cursor).transpose()?;
            let fetch = fetch_limit(limit);
            let rows = list::by_closing(&mut connection, &caller, &filter, after, fetch).await?;
            let views = rows.into_iter().map(view).collect();
            Ok(Paged::from_rows_by(
                views,
                limit,
                |view: &ConsultationView| (view.closed_at, view.id),
            ))
        }
    }
}
