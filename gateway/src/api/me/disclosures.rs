//! Who was shown the customer's whole phone number.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::State;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use service_kit::auth::{Identity, Role};
use service_kit::http::View;
use service_kit::http::describe::RoleName;
use service_kit::{Db, Problem};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::api::me::services::get_all;
use crate::config::Service;
use crate::edge::client_ip::ClientIp;
use crate::state::AppState;

/// A disclosure of the customer's whole phone number.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DisclosureView {
    /// When the number was shown.
    at: DateTime<Utc>,
    /// Who saw it.
    viewer: ViewerView,
    /// The reason, if the viewer gave one.
    #[schema(value_type = Option<String>)]
    why: Option<String>,
    /// The interest or consultation with the number.
    about: About,
}

/// Who saw a phone number.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ViewerView {
    /// The viewer's role at that time.
    #[schema(value_type = RoleName)]
    role: Role,
    /// The viewer's present name; null if it is unknown.
    #[schema(value_type = Option<String>)]
    name: Option<String>,
}

/// The interest or consultation that a phone number is stored with.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct About {
    /// `interest` or `consultation`.
    kind: String,
    /// The interest's or consultation's id.
    id: Uuid,
}

/// The disclosures of the customer's phone number.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DisclosuresView {
    /// All of them, newest first.
    items: Vec<DisclosureView>,
}

/// The response of a service.
#[derive(Deserialize)]
struct ServiceDisclosures {
    items: Vec<ServiceDisclosure>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ServiceDisclosure {
    at: DateTime<Utc>,
    viewer_role: Role,
    viewer_id: Uuid,
    why: Option<String>,
    about: About,
}

/// Who was shown the customer's whole phone number, when, and why.
#[utoipa::path(
    get,
    path = "/api/me/disclosures",
    tag = "me",
    responses((status = OK, description = "Newest first", body = DisclosuresView)),
    extensions(("x-problems" = json!(["service-unavailable", "too-many-requests"]))),
)]
pub(crate) async fn disclosures(
    State(state): State<Arc<AppState>>,
    client: ClientIp,
    customer: Identity,
) -> Result<View<DisclosuresView>, Problem> {
    let services = Service::ALL
        .into_iter()
        .filter(|service| service.receives_phone());
    let responses: Vec<(Service, ServiceDisclosures)> = get_all(
        &state,
        "disclosures",
        services,
        "/me/disclosures",
        (client, &customer),
    )
    .await?;
    let mut disclosures: Vec<ServiceDisclosure> = responses
        .into_iter()
        .flat_map(|(_, response)| response.items)
        .collect();
    disclosures.sort_by_key(|disclosure| Reverse((disclosure.at, disclosure.about.id)));
    let viewers = disclosures.iter().map(|disclosure| disclosure.viewer_id);
    let names = names(&state.db, viewers.collect()).await?;
    let items = disclosures.into_iter().map(|disclosure| DisclosureView {
        at: disclosure.at,
        viewer: ViewerView {
            role: disclosure.viewer_role,
            name: names.get(&disclosure.viewer_id).cloned(),
        },
        why: disclosure.why,
        about: disclosure.about,
    });
    Ok(View(DisclosuresView {
        items: items.collect(),
    }))
}

/// The present names of staff, salesmen and consultants.
async fn names(db: &Db, ids: Vec<Uuid>) -> Result<HashMap<Uuid, String>, sqlx::Error> {
    let names: Vec<(Uuid, String)> = sqlx::query_as(
        "select id, name from account where id = any($1)
         union all select id, display_name from person where id = any($1)",
    )
    .bind(&ids)
    .fetch_all(db.pool())
    .await?;
    Ok(names.into_iter().collect())
}
