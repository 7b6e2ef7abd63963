//! What a customer is told of himself: all that is kept of him, and who saw his number. And the wish to be forgotten.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::State;
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use events::CustomerId;
use futures_util::future::try_join_all;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use service_kit::auth::{Identity, Role};
use service_kit::forms::phone::Phone;
use service_kit::http::View;
use service_kit::http::describe::RoleName;
use service_kit::{Db, Problem};
use tokio::time::Instant;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::api::proxy::service_unavailable;
use crate::api::session::signed_out;
use crate::edge::rate_limit::{self, LimitKey};
use crate::erasure;
use crate::state::AppState;
use crate::upstream::customer_request::{Asked, ask};
use crate::upstream::routes::Service;

pub(crate) fn routes() -> OpenApiRouter<Arc<AppState>> {
    OpenApiRouter::new()
        .routes(routes!(data))
        .routes(routes!(disclosures))
        .routes(routes!(erase))
}

/// One example of each problem that only these routes have.
pub(crate) fn problems() -> Vec<Problem> {
    vec![service_unavailable(Service::Interest)]
}

/// Everything that is kept of a customer, as one file.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DataView {
    /// By what the customer is known everywhere.
    customer_id: Uuid,
    /// The number that he signed in with.
    #[schema(value_type = Option<String>)]
    phone: Option<String>,
    /// When this was put together.
    collected_at: DateTime<Utc>,
    /// What he agreed to.
    consents: Vec<ConsentGiven>,
    /// Where he is signed in.
    sessions: Vec<SessionView>,
    /// What each service keeps, by its name.
    #[schema(value_type = Object)]
    services: Map<String, Value>,
}

/// That a customer agreed.
#[derive(Debug, Serialize, ToSchema, sqlx::FromRow)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ConsentGiven {
    /// To which text.
    version: String,
    /// When.
    given_at: DateTime<Utc>,
}

/// A browser in which a customer is signed in.
#[expect(
    clippy::struct_field_names,
    reason = "they are instants, named as everywhere"
)]
#[derive(Debug, Serialize, ToSchema, sqlx::FromRow)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SessionView {
    /// Since when.
    created_at: DateTime<Utc>,
    /// When it was last used, to the minute.
    used_at: DateTime<Utc>,
    /// Until when.
    expires_at: DateTime<Utc>,
}

/// Everything that is kept of the customer, as a file: whole, or not at all.
#[utoipa::path(
    get,
    path = "/api/me/data",
    tag = "me",
    responses((
        status = OK,
        description = "JSON to be saved as a file",
        body = DataView,
        headers(("Content-Disposition" = String, description = "Under which name to save it")),
    )),
    extensions(("x-problems" = json!(["service-unavailable", "too-many-requests"]))),
)]
pub(crate) async fn data(
    State(door): State<Arc<AppState>>,
    who: Identity,
) -> Result<Response, Problem> {
    let deadline = Instant::now() + door.upstream.patience.answer;
    take(&door, "data", &who).await?;
    let asked = Service::ALL.map(async |service| {
        let answer = ask(&door, service, Method::GET, "/me/data", &who, deadline).await?;
        let kept: Map<String, Value> = read(service, &answer)?;
        Ok::<_, Problem>((service.name().to_owned(), Value::Object(kept)))
    });
    let services: Map<String, Value> = try_join_all(asked).await?.into_iter().collect();
    let consents =
        sqlx::query_as("select version, given_at from consent where customer_id = $1 and withdrawn_at is null order by given_at")
            .bind(who.subject)
            .fetch_all(door.db.pool())
            .await?;
    let sessions = sqlx::query_as(
        "select created_at, used_at, expires_at from session where role = 'customer' and subject = $1 order by created_at",
    )
    .bind(who.subject)
    .fetch_all(door.db.pool())
    .await?;
    let view = DataView {
        customer_id: who.subject,
        phone: who.phone.as_ref().map(Phone::national),
        collected_at: door.db.now(),
        consents,
        sessions,
        services,
    };
    let headers = [
        (
            header::CONTENT_DISPOSITION,
            "attachment; filename=\"ktgg-my-data.json\"",
        ),
        (header::CACHE_CONTROL, "no-store"),
    ];
    Ok((headers, View(view)).into_response())
}

/// Takes one of what the customer may ask all services for.
async fn take(door: &AppState, what: &'static str, who: &Identity) -> Result<(), Problem> {
    let of_customer = LimitKey::of(&door.sign_in_key, what, &who.subject.to_string());
    rate_limit::take(&door.db, &of_customer, door.limits.data).await
}

/// The body of an answer that says yes; anything else leaves the whole out.
fn read<'a, T: Deserialize<'a>>(service: Service, answer: &'a Asked) -> Result<T, Problem> {
    let value = (answer.status == StatusCode::OK)
        .then(|| serde_json::from_slice(&answer.body))
        .and_then(Result::ok);
    value.ok_or_else(|| {
        tracing::warn!(service = service.name(), status = %answer.status, "a service did not tell what it keeps of a customer");
        service_unavailable(service)
    })
}

/// That somebody saw the customer's whole number.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DisclosureView {
    /// When.
    at: DateTime<Utc>,
    /// Who.
    viewer: ViewerView,
    /// What the number was needed for, where that was said.
    #[schema(value_type = Option<String>)]
    why: Option<String>,
    /// At which interest or consultation.
    about: About,
}

/// Somebody who saw a number.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ViewerView {
    /// What he was.
    #[schema(value_type = RoleName)]
    role: Role,
    /// How he is called; null where nobody knows any more.
    #[schema(value_type = Option<String>)]
    name: Option<String>,
}

/// What a number was kept with.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct About {
    /// `interest` or `consultation`.
    kind: String,
    /// Which one.
    id: Uuid,
}

/// Who saw the customer's number, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DisclosuresView {
    /// All of it.
    items: Vec<DisclosureView>,
}

/// As the services tell it.
#[derive(Deserialize)]
struct Told {
    items: Vec<Disclosed>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Disclosed {
    at: DateTime<Utc>,
    viewer_role: Role,
    viewer_id: Uuid,
    why: Option<String>,
    about: About,
}

/// Who saw the customer's whole number, when, and what for.
#[utoipa::path(
    get,
    path = "/api/me/disclosures",
    tag = "me",
    responses((status = OK, description = "Newest first", body = DisclosuresView)),
    extensions(("x-problems" = json!(["service-unavailable", "too-many-requests"]))),
)]
pub(crate) async fn disclosures(
    State(door): State<Arc<AppState>>,
    who: Identity,
) -> Result<View<DisclosuresView>, Problem> {
    let deadline = Instant::now() + door.upstream.patience.answer;
    take(&door, "disclosures", &who).await?;
    // Those are told a number, and show it.
    let keepers = Service::ALL
        .into_iter()
        .filter(|service| service.is_told_the_phone());
    let asked = keepers.map(async |service| {
        let answer = ask(
            &door,
            service,
            Method::GET,
            "/me/disclosures",
            &who,
            deadline,
        )
        .await?;
        read::<Told>(service, &answer)
    });
    let mut told: Vec<Disclosed> = try_join_all(asked)
        .await?
        .into_iter()
        .flat_map(|told| told.items)
        .collect();
    told.sort_by_key(|it| std::cmp::Reverse((it.at, it.about.id)));
    let names = names(&door.db, told.iter().map(|it| it.viewer_id).collect()).await?;
    let items = told.into_iter().map(|it| DisclosureView {
        at: it.at,
        viewer: ViewerView {
            role: it.viewer_role,
            name: names.get(&it.viewer_id).cloned(),
        },
        why: it.why,
        about: it.about,
    });
    Ok(View(DisclosuresView {
        items: items.collect(),
    }))
}

/// How they are called: people of the salesman service, and members of staff.
async fn names(db: &Db, ids: Vec<Uuid>) -> Result<HashMap<Uuid, String>, sqlx::Error> {
    let named: Vec<(Uuid, String)> = sqlx::query_as(
        "select id, name from account where id = any($1) union all select id, display_name from person where id = any($1)",
    )
    .bind(&ids)
    .fetch_all(db.pool())
    .await?;
    Ok(named.into_iter().collect())
}

/// `EraseCustomer`: the customer is forgotten everywhere. He is signed out at once; the rest is done in the background.
#[utoipa::path(
    delete,
    path = "/api/me",
    tag = "me",
    responses((status = ACCEPTED, description = "It has begun, and does not end before it is done")),
    extensions(("x-command" = json!("EraseCustomer")), ("x-events" = json!([]))),
)]
pub(crate) async fn erase(
    State(door): State<Arc<AppState>>,
    who: Identity,
) -> Result<Response, Problem> {
    let mut tx = door.db.begin().await?;
    erasure::request(&mut tx, CustomerId(who.subject)).await?;
    tx.commit().await?;
    Ok(signed_out(&door, StatusCode::ACCEPTED))
}
