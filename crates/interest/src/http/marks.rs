//! What a customer has marked, for the pressed ♥ in a list of programmes.

use axum::extract::State;
use events::CustomerId;
use serde::Serialize;
use service_kit::auth::Identity;
use service_kit::http::View;
use service_kit::{Context, Problem};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::store::list::{self, Mark};

/// The largest number of marks in an answer.
const MAX_MARKS: i64 = 1000;

/// An interest that is on, without what it shows.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = InterestMark)]
pub(crate) struct MarkView {
    /// The interest.
    id: Uuid,
    /// The programme over all of its editions; null while the project is unknown.
    series_id: Option<Uuid>,
    /// The edition that was marked.
    project_id: Uuid,
    /// The `ETag` of the interest, to turn it off.
    version: i64,
}

/// What the caller has marked.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = InterestMarks)]
pub(crate) struct MarksView {
    /// The newest 1,000 interests that are on, newest first.
    #[schema(max_items = 1000)]
    items: Vec<MarkView>,
}

impl From<Mark> for MarkView {
    fn from(mark: Mark) -> Self {
        Self {
            id: mark.id,
            series_id: mark.series_id,
            project_id: mark.project_id,
            version: mark.version,
        }
    }
}

/// The programmes that the caller has marked, in one answer: which ♥ of a list are pressed.
#[utoipa::path(
    get, path = "/interests/marks", tag = "interest",
    responses((status = 200, body = MarksView, description = "The interests that are on")),
)]
pub(crate) async fn marks(
    State(context): State<Context>,
    caller: Identity,
) -> Result<View<MarksView>, Problem> {
    let customer = CustomerId(caller.subject);
    let marks = list::marks(context.db.pool(), customer, MAX_MARKS).await?;
    Ok(View(MarksView {
        items: marks.into_iter().map(MarkView::from).collect(),
    }))
}
