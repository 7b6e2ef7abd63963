//! `UpdateInterest`.

use axum::extract::State;
use axum::http::StatusCode;
use events::InterestId;
use serde::Deserialize;
use service_kit::auth::{Identity, Role};
use service_kit::forms::on_behalf_of::Consent;
use service_kit::http::problem::{ChangeError, Text};
use service_kit::http::{Field, Fields, IfMatch, Json, Path, Versioned};
use service_kit::{Context, Problem};
use utoipa::ToSchema;

use crate::http::access::can_see;
use crate::http::views::InterestView;
use crate::interest::{Command, Interest};
use crate::store::interests;

#[derive(Deserialize, ToSchema)]
pub(crate) struct UpdateInterest {
    /// `false` turns the interest off, `true` turns it on again.
    #[serde(default)]
    #[schema(value_type = bool)]
    interested: Field<bool>,
    /// The customer agreed: must be `true` if staff turn the interest on. Recorded with their id
    /// and the time.
    #[serde(default)]
    #[schema(value_type = Option<bool>)]
    consent: Field<bool>,
}

/// `UpdateInterest`: the customer, or staff on behalf of the customer, turn the interest off or on.
///
/// An interest that is turned on again has no salesman and no consultant until it is matched
/// (배정 중).
#[utoipa::path(
    patch, path = "/interests/{id}", tag = "interest", request_body = UpdateInterest,
    params(("id" = Uuid, Path), IfMatch),
    responses((status = 200, body = InterestView)),
    extensions(
        ("x-command" = json!("UpdateInterest")),
        ("x-events" = json!(["InterestUpdated"])),
        ("x-problems" = json!(["interest-merged", "interest-erased"])),
    ),
)]
pub(crate) async fn update(
    State(context): State<Context>,
    caller: Identity,
    Path(id): Path<InterestId>,
    if_match: IfMatch,
    Json { body, .. }: Json<UpdateInterest>,
) -> Result<Versioned<InterestView>, Problem> {
    let mut fields = Fields::default();
    let interested = fields.required("/interested", body.interested);
    let has_agreed = fields.optional("/consent", body.consent) == Some(true);
    let needs_consent = caller.role == Role::Staff && interested == Some(true);
    if needs_consent && !has_agreed {
        let message = Text::new(
            "고객의 동의를 받았는지 확인해 주세요",
            "Confirm that the customer agreed",
        );
        fields.refuse("/consent", "consent-required", message);
    }
    let (Some(interested), true) = (interested, fields.is_valid()) else {
        return Err(fields.problem());
    };
    let mut tx = context.db.begin().await?;
    let check = |interest: &Interest| match interest.version {
        _ if !can_see(&caller, interest) => Err(ChangeError::NotFound),
        current if !if_match.allows(current) => Err(ChangeError::Stale { current }),
        _ => Ok(()),
    };
    let now = tx.now();
    let command = Command::SetInterested {
        interested,
        consent: needs_consent.then(|| Consent::new(&caller, now)),
        at: now,
    };
    interests::change_if(&mut tx, id, now, check, command, caller.actor()).await?;
    let answer = InterestView::load(&mut tx, id, StatusCode::OK, &caller).await?;
    tx.commit().await?;
    Ok(answer)
}
