//! Response bodies that show an interest.

use axum::http::StatusCode;
use chrono::{DateTime, NaiveDate, Utc};
use events::{Category, InterestId, PeriodKind, Phase, ProjectStatus, phase};
use serde::Serialize;
use service_kit::auth::{Identity, Role};
use service_kit::clock::seoul_date;
use service_kit::forms::on_behalf_of::{Consent, PersonView};
use service_kit::forms::phone::Phone;
use service_kit::http::Versioned;
use service_kit::http::describe::{CategoryName, PeriodKindName, PhaseName, RoleName, StatusName};
use service_kit::{Problem, Tx};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::store::interests;
use crate::store::projections::KnownConsultation;
use crate::store::row::{ProjectState, StoredInterest};

/// An interest, as the caller may see it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct InterestView {
    pub(crate) id: Uuid,
    /// The programme over all of its editions; null while the project is unknown.
    pub(crate) series_id: Option<Uuid>,
    /// The newest edition of the series that has not ended; if all have ended, the newest.
    pub(crate) project_id: Uuid,
    pub(crate) project_name: String,
    /// The state of the edition; null while the project is unknown.
    pub(crate) project: Option<ProjectStateView>,
    /// Null once the customer was erased, like all personal data.
    pub(crate) customer_id: Option<Uuid>,
    pub(crate) customer_name: Option<String>,
    /// With hidden middle digits.
    pub(crate) phone: Option<String>,
    pub(crate) interested: bool,
    /// Null until matched, and after a departure until another is matched (배정 중).
    pub(crate) salesman: Option<PersonView>,
    pub(crate) consultant: Option<PersonView>,
    /// The recorded consent; null if the customer created the interest.
    pub(crate) consent: Option<ConsentView>,
    /// The older interest of the same customer in the same programme, into which this one was
    /// merged. A merged interest is off permanently.
    pub(crate) merged_into: Option<Uuid>,
    /// When the customer was erased (삭제됨). An erased interest is off permanently, and only
    /// staff see it.
    pub(crate) erased_at: Option<DateTime<Utc>>,
    /// Null for a salesman who enters an existing interest without being assigned to it.
    pub(crate) created_at: Option<DateTime<Utc>>,
    /// Equals the `ETag`.
    pub(crate) version: i64,
}

/// The state of an edition today, in Seoul.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = InterestProjectState)]
pub(crate) struct ProjectStateView {
    year: i32,
    /// 분야.
    #[schema(value_type = CategoryName)]
    category: Category,
    /// 소관기관.
    agency: String,
    #[schema(value_type = StatusName)]
    status: ProjectStatus,
    /// Follows from status, period and today's date in Seoul.
    #[schema(value_type = PhaseName)]
    phase: Phase,
    /// Days until the last day of the application period, 0 on that day. Null without a last day,
    /// after it, and unless the edition is ongoing: the period of a planned one is an expectation.
    days_left: Option<i64>,
    period: PeriodView,
}

/// The application period.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = InterestPeriod)]
pub(crate) struct PeriodView {
    #[schema(value_type = PeriodKindName)]
    kind: PeriodKind,
    /// The text of the announcement.
    text: String,
    starts_on: Option<NaiveDate>,
    /// The period ends at 23:59:59 in Seoul.
    ends_on: Option<NaiveDate>,
}

/// The colleague who recorded that the customer agreed.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = InterestConsent)]
pub(crate) struct ConsentView {
    /// `staff` or `salesman`.
    #[schema(value_type = RoleName)]
    pub(crate) role: Role,
    /// Null if the reader is a customer and the role is `staff`.
    pub(crate) by: Option<Uuid>,
    at: DateTime<Utc>,
}

impl ConsentView {
    fn new(Consent { role, by, at }: Consent, reader: Role) -> Self {
        let by = role.visible_id(by, reader);
        Self { role, by, at }
    }
}

impl ProjectStateView {
    pub(crate) fn new(state: ProjectState, today: NaiveDate) -> Self {
        let period = state.period;
        let days_left = period.ends_on.map(|end| (end - today).num_days());
        Self {
            year: state.year,
            category: state.category,
            agency: state.agency,
            status: state.status,
            phase: phase(state.status, &period, today),
            days_left: days_left
                .filter(|days| *days >= 0 && state.status == ProjectStatus::Ongoing),
            period: PeriodView {
                kind: period.kind,
                text: period.text,
                starts_on: period.starts_on,
                ends_on: period.ends_on,
            },
        }
    }
}

impl InterestView {
    pub(crate) fn new(stored: StoredInterest, reader: Role, today: NaiveDate) -> Self {
        let interest = stored.interest;
        Self {
            id: interest.id.0,
            series_id: interest.series_id.map(|series| series.0),
            project_id: interest.project_id.0,
            project_name: interest.project_name,
            project: stored
                .project
                .map(|state| ProjectStateView::new(state, today)),
            customer_id: interest
                .erased_at
                .is_none()
                .then_some(interest.customer_id.0),
            customer_name: interest.customer_name,
            phone: interest.phone.as_ref().map(Phone::masked),
            interested: interest.interested,
            salesman: interest.salesman.map(PersonView::from),
            consultant: interest.consultant.map(PersonView::from),
            consent: interest
                .consent
                .map(|consent| ConsentView::new(consent, reader)),
            merged_into: interest.merged_into.map(|older| older.0),
            erased_at: interest.erased_at,
            created_at: Some(stored.created_at),
            version: interest.version,
        }
    }

    /// The interest with its version as `ETag`.
    pub(crate) fn versioned(
        stored: StoredInterest,
        status: StatusCode,
        reader: Role,
        today: NaiveDate,
    ) -> Versioned<Self> {
        let (id, version) = (stored.interest.id, stored.interest.version);
        Versioned {
            status,
            location: (status == StatusCode::CREATED).then(|| format!("/interests/{id}")),
            version,
            view: Self::new(stored, reader, today),
        }
    }

    /// Loads the interest in the caller's transaction, after a write.
    pub(crate) async fn load(
        tx: &mut Tx,
        id: InterestId,
        status: StatusCode,
        caller: &Identity,
    ) -> Result<Versioned<Self>, Problem> {
        let stored = interests::load(tx, id)
            .await?
            .ok_or_else(Problem::not_found)?;
        let today = seoul_date(tx.now());
        Ok(Self::versioned(stored, status, caller.role, today))
    }
}

/// An interest in the customer's data export.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = InterestKept)]
pub(crate) struct InterestExport {
    id: Uuid,
    /// The programme; null while the project is unknown.
    series_id: Option<Uuid>,
    /// The edition that the customer marked.
    marked_project_id: Uuid,
    /// The edition that the interest shows.
    project_id: Uuid,
    project_name: String,
    /// The whole number.
    pub(crate) phone: Option<String>,
    customer_name: Option<String>,
    interested: bool,
    /// When the interest was last turned on.
    on_since: DateTime<Utc>,
    salesman: Option<PersonView>,
    consultant: Option<PersonView>,
    /// The recorded consent; null if the customer created the interest.
    consent: Option<ConsentView>,
    /// The older interest into which this one was merged.
    merged_into: Option<Uuid>,
    created_at: DateTime<Utc>,
    last_activity_at: DateTime<Utc>,
    version: i64,
}

impl From<StoredInterest> for InterestExport {
    fn from(stored: StoredInterest) -> Self {
        let interest = stored.interest;
        Self {
            id: interest.id.0,
            series_id: interest.series_id.map(|series| series.0),
            marked_project_id: interest.marked_project_id.0,
            project_id: interest.project_id.0,
            project_name: interest.project_name,
            phone: interest.phone.map(String::from),
            customer_name: interest.customer_name,
            interested: interest.interested,
            on_since: interest.on_since,
            salesman: interest.salesman.map(PersonView::from),
            consultant: interest.consultant.map(PersonView::from),
            consent: interest
                .consent
                .map(|consent| ConsentView::new(consent, Role::Customer)),
            merged_into: interest.merged_into.map(|older| older.0),
            created_at: stored.created_at,
            last_activity_at: stored.updated_at,
            version: interest.version,
        }
    }
}

/// A consultation in the customer's data export, as far as this service knows it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = InterestKeptConsultation)]
pub(crate) struct ConsultationExport {
    id: Uuid,
    is_open: bool,
    salesman: Option<PersonView>,
    consultant: Option<PersonView>,
    last_activity_at: DateTime<Utc>,
}

impl From<KnownConsultation> for ConsultationExport {
    fn from(consultation: KnownConsultation) -> Self {
        Self {
            id: consultation.id,
            is_open: consultation.is_open,
            salesman: consultation.salesman.map(PersonView::from),
            consultant: consultation.consultant.map(PersonView::from),
            last_activity_at: consultation.updated_at,
        }
    }
}
