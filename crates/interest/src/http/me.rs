//! What the gateway asks for a customer: everything that is kept of him, who saw his number, and to forget him.

use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use chrono::{DateTime, Utc};
use events::{CustomerId, PersonRef, SalesmanId};
use serde::Serialize;
use service_kit::auth::{Identity, Role};
use service_kit::forms::on_behalf_of::PersonView;
use service_kit::http::View;
use service_kit::http::describe::RoleName;
use service_kit::{Context, Problem};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::http::ConsentView;
use crate::http::notifications::NotificationView;
use crate::store::disclosures::{self, Disclosure};
use crate::store::kept::{self, KnownConsultation};
use crate::store::{Stored, erasure, notifications};

/// Everything that this service keeps of a customer.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = InterestData)]
pub(crate) struct DataView {
    /// His whole number, if one of his interests tells it.
    phone: Option<String>,
    /// Its last four digits, if anything was ever told of him.
    last_four: Option<String>,
    /// His interests, oldest first; those too that were merged into another.
    interests: Vec<KeptInterestView>,
    /// What is known here of his consultations, oldest first.
    consultations: Vec<KeptConsultationView>,
    /// What he was told, oldest first.
    notifications: Vec<NotificationView>,
    /// Who saw his number, newest first.
    disclosures: Vec<DisclosureView>,
}

/// An interest as its customer gets it to take away.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = InterestKept)]
pub(crate) struct KeptInterestView {
    id: Uuid,
    /// The programme; null while this service has not heard of the project.
    series_id: Option<Uuid>,
    /// The edition that he marked.
    marked_project_id: Uuid,
    /// The edition that it shows.
    project_id: Uuid,
    /// Its name.
    project_name: String,
    /// The whole number.
    phone: Option<String>,
    customer_name: Option<String>,
    interested: bool,
    /// When it was turned on last.
    on_since: DateTime<Utc>,
    salesman: Option<PersonView>,
    consultant: Option<PersonView>,
    /// Who vouches that he agreed, where a colleague entered it.
    consent: Option<ConsentView>,
    /// The older interest that stands for this one.
    merged_into: Option<Uuid>,
    created_at: DateTime<Utc>,
    /// When something last happened on it.
    last_activity_at: DateTime<Utc>,
    version: i64,
}

impl From<Stored> for KeptInterestView {
    fn from(
        Stored {
            it,
            created_at,
            updated_at,
            ..
        }: Stored,
    ) -> Self {
        Self {
            id: it.id.0,
            series_id: it.series_id.map(|series| series.0),
            marked_project_id: it.marked_project_id.0,
            project_id: it.project_id.0,
            project_name: it.project_name,
            phone: it.phone.map(String::from),
            customer_name: it.customer_name,
            interested: it.interested,
            on_since: it.on_since,
            salesman: it.salesman.map(PersonView::from),
            consultant: it.consultant.map(PersonView::from),
            consent: it
                .consent
                .map(|consent| ConsentView::for_reader(consent, Role::Customer)),
            merged_into: it.merged_into.map(|older| older.0),
            created_at,
            last_activity_at: updated_at,
            version: it.version,
        }
    }
}

/// What this service knows of a consultation, as its customer gets it to take away.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = InterestKeptConsultation)]
pub(crate) struct KeptConsultationView {
    id: Uuid,
    /// Whether it has not come to its end.
    is_open: bool,
    salesman: Option<PersonView>,
    consultant: Option<PersonView>,
    /// When something last happened on it.
    last_activity_at: DateTime<Utc>,
}

impl From<KnownConsultation> for KeptConsultationView {
    fn from(it: KnownConsultation) -> Self {
        let person = |id: Option<Uuid>, name: Option<String>| {
            Some(PersonView::from(PersonRef {
                id: SalesmanId(id?),
                display_name: name?,
            }))
        };
        Self {
            id: it.id,
            is_open: it.is_open,
            salesman: person(it.salesman_id, it.salesman_name),
            consultant: person(it.consultant_id, it.consultant_name),
            last_activity_at: it.updated_at,
        }
    }
}

/// That somebody was shown the whole number.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = InterestDisclosure)]
pub(crate) struct DisclosureView {
    at: DateTime<Utc>,
    /// What he was who saw it: `staff`, `salesman` or `consultant`.
    #[schema(value_type = RoleName)]
    viewer_role: Role,
    /// Who; null in `GET /me/data` where it was a member of staff.
    viewer_id: Option<Uuid>,
    /// What it was needed for, where that was said.
    why: Option<String>,
    about: AboutView,
}

/// With what a number is kept.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = InterestDisclosureAbout)]
pub(crate) struct AboutView {
    /// Always `interest`.
    kind: &'static str,
    /// Which.
    id: Uuid,
}

impl From<Disclosure> for DisclosureView {
    fn from(it: Disclosure) -> Self {
        let about = AboutView {
            kind: "interest",
            id: it.interest_id,
        };
        Self {
            at: it.at,
            viewer_role: it.role,
            viewer_id: Some(it.viewer_id),
            why: it.why,
            about,
        }
    }
}

impl DisclosureView {
    /// As its customer takes it away: which member of staff it was is no customer's business.
    fn taken_away(it: Disclosure) -> Self {
        let is_hidden = it.role == Role::Staff;
        let view = Self::from(it);
        Self {
            viewer_id: view.viewer_id.filter(|_| !is_hidden),
            ..view
        }
    }
}

/// Who saw the customer's whole number.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = InterestDisclosures)]
pub(crate) struct DisclosuresView {
    /// All of it.
    items: Vec<DisclosureView>,
}

/// Everything that this service keeps of the caller.
#[utoipa::path(
    get, path = "/me/data", tag = "interest",
    responses((
        status = 200, body = DataView, description = "Without what was erased before",
        headers(("Cache-Control" = String, description = "`no-store`")),
    )),
    extensions(("x-internal" = json!(true))),
)]
pub(crate) async fn data(
    State(context): State<Context>,
    who: Identity,
) -> Result<Response, Problem> {
    let (pool, customer) = (context.db.pool(), CustomerId(who.subject));
    let last_four = kept::last_four(pool, customer).await?;
    let interests = kept::interests(pool, customer).await?;
    let view = DataView {
        phone: interests.iter().find_map(|stored| {
            stored
                .it
                .phone
                .as_ref()
                .map(|phone| phone.e164().to_owned())
        }),
        last_four,
        interests: interests.into_iter().map(KeptInterestView::from).collect(),
        consultations: kept::consultations(pool, customer)
            .await?
            .into_iter()
            .map(KeptConsultationView::from)
            .collect(),
        notifications: notifications::all(pool, customer)
            .await?
            .into_iter()
            .map(NotificationView::from)
            .collect(),
        disclosures: disclosures::of_customer(pool, customer)
            .await?
            .into_iter()
            .map(DisclosureView::taken_away)
            .collect(),
    };
    let mut response = View(view).into_response();
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

/// Who saw the caller's whole number here, when, and what for, newest first.
///
/// It tells of everybody who it was, of staff too: the gateway, which alone asks for it, puts names to the ids, and decides there what of it
/// the customer is shown.
#[utoipa::path(
    get, path = "/me/disclosures", tag = "interest",
    responses((status = 200, body = DisclosuresView, description = "Without what was recorded before he was erased")),
    extensions(("x-internal" = json!(true))),
)]
pub(crate) async fn disclosures(
    State(context): State<Context>,
    who: Identity,
) -> Result<View<DisclosuresView>, Problem> {
    let recorded = disclosures::of_customer(context.db.pool(), CustomerId(who.subject)).await?;
    Ok(View(DisclosuresView {
        items: recorded.into_iter().map(DisclosureView::from).collect(),
    }))
}

/// `EraseCustomer`: forget the caller. His interests are turned off and stay with their ids, for staff alone. Saying it again is fine.
#[utoipa::path(
    delete, path = "/me", tag = "interest",
    responses((status = 204, description = "Nothing here says any more who he is, or nothing ever did")),
    extensions(
        ("x-internal" = json!(true)),
        ("x-command" = json!("EraseCustomer")),
        ("x-events" = json!(["InterestUpdated"])),
    ),
)]
pub(crate) async fn erase(
    State(context): State<Context>,
    who: Identity,
) -> Result<StatusCode, Problem> {
    let mut tx = context.db.begin().await?;
    erasure::erase(&mut tx, CustomerId(who.subject), who.phone.as_ref()).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}
