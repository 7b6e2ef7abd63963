//! Who signs in by login and password: members of staff, salesmen and consultants. Here staff read accounts, close and open them;
//! `invitations` makes them, `sign_in` is for the people themselves, `delay` makes whoever guesses wait.

mod invitations;
mod sign_in;

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use service_kit::auth::{Role, Staff};
use service_kit::http::describe::RoleName;
use service_kit::http::problem::Text;
use service_kit::http::{Field, Fields, IfMatch, Json, PageQuery, Paged, Path, Query, Versioned};
use service_kit::{Db, Problem};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::auth::sessions;
use crate::state::AppState;
use crate::auth::accounts::{self as store, Account, Wanted};
use crate::auth::backoff;

pub use invitations::{Invited, invite_staff};

pub(crate) fn routes() -> OpenApiRouter<Arc<AppState>> {
    OpenApiRouter::new()
        .routes(routes!(sign_in::sign_in))
        .routes(routes!(invitations::set_password))
        .routes(routes!(sign_in::change_password))
        .routes(routes!(invitations::invite))
        .routes(routes!(list))
        .routes(routes!(show, change))
}

/// Drops what need not be remembered.
pub(crate) async fn prune(db: &Db) -> Result<(), sqlx::Error> {
    backoff::prune(db.pool(), db.now()).await
}

/// One example of each problem that only these routes have.
pub(crate) fn problems() -> Vec<Problem> {
    [
        vec![own_account(), last_staff()],
        invitations::problems(),
        sign_in::problems(),
    ]
    .concat()
}

/// An account as staff see it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AccountView {
    /// Which. A member of staff is known by it everywhere.
    id: Uuid,
    /// What he types, in lower case.
    login: String,
    /// His name.
    name: String,
    /// What he is; for good.
    #[schema(value_type = RoleName)]
    role: Role,
    /// Who he is among salesmen and consultants; null for a member of staff.
    person_id: Option<Uuid>,
    /// Whether it lets him in.
    active: bool,
    /// Whether he is active among salesmen and consultants: without that, it lets him in neither. Null for a member of staff.
    person_active: Option<bool>,
    /// Whether he has set a password.
    password_set: bool,
    /// Until when the link can be used that he was sent last; null when it was used, or there is none.
    invited_until: Option<DateTime<Utc>>,
    /// When it was made.
    created_at: DateTime<Utc>,
    /// When he signed in the last time.
    signed_in_at: Option<DateTime<Utc>>,
    /// Also the `ETag`: it moves as the account is closed and opened.
    version: i64,
}

impl AccountView {
    fn of(it: Account, now: DateTime<Utc>) -> Self {
        Self {
            id: it.id,
            login: it.login,
            name: it.name,
            role: it.role.0,
            person_id: it.person_id,
            active: it.active,
            person_active: it.person_active,
            password_set: it.password_hash.is_some(),
            invited_until: it.invited_until.filter(|until| *until > now),
            created_at: it.created_at,
            signed_in_at: it.signed_in_at,
            version: it.version,
        }
    }
}

fn shown(it: Account, now: DateTime<Utc>) -> Versioned<AccountView> {
    Versioned {
        status: StatusCode::OK,
        location: None,
        version: it.version,
        view: AccountView::of(it, now),
    }
}

/// `?limit&after&role&active` of the accounts.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct AccountsQuery {
    /// How many at most: 1 to 100, 50 unless given.
    #[param(minimum = 1, maximum = 100, default = 50)]
    limit: Option<u32>,
    /// Where the page before this one ended: the `next` of its answer.
    after: Option<String>,
    /// Only these. Customers have no account.
    #[param(inline, value_type = Option<RoleName>)]
    role: Option<Role>,
    /// Only those that let somebody in, or only those that do not.
    active: Option<bool>,
}

/// Every account, newest first.
#[utoipa::path(
    get, path = "/api/accounts", tag = "accounts", params(AccountsQuery),
    responses((status = 200, body = Paged<AccountView>, description = "A page of the accounts")),
)]
async fn list(
    State(door): State<Arc<AppState>>,
    Query(query): Query<AccountsQuery>,
) -> Result<Paged<AccountView>, Problem> {
    let AccountsQuery {
        limit,
        after,
        role,
        active,
    } = query;
    let page = PageQuery { limit, after }.page()?;
    let now = door.db.now();
    let accounts = store::list(door.db.pool(), &Wanted { role, active }, page).await?;
    let views = accounts
        .into_iter()
        .map(|account| AccountView::of(account, now))
        .collect();
    Ok(Paged::from_rows(views, page, |view: &AccountView| view.id))
}

/// One account.
#[utoipa::path(
    get, path = "/api/accounts/{id}", tag = "accounts", params(("id" = Uuid, Path, description = "Which")),
    responses((status = 200, body = AccountView, description = "The account")),
)]
async fn show(
    State(door): State<Arc<AppState>>,
    Path(id): Path<Uuid>,
) -> Result<Versioned<AccountView>, Problem> {
    let mut connection = door.db.pool().acquire().await?;
    let account = store::by_id(&mut connection, id)
        .await?
        .ok_or_else(Problem::not_found)?;
    Ok(shown(account, door.db.now()))
}

/// What is changed of an account.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct ChangeAccount {
    /// Whether it lets somebody in. One that is closed has no session left, no stream and no link.
    #[serde(default)]
    #[schema(value_type = bool)]
    active: Field<bool>,
}

/// `ChangeAccount`: closes an account, or opens it again. Its sessions and streams end at once.
#[utoipa::path(
    patch, path = "/api/accounts/{id}", tag = "accounts",
    params(("id" = Uuid, Path, description = "Which"), ("If-Match" = String, Header, description = "The `ETag` of what was read")),
    request_body = ChangeAccount,
    responses((status = 200, body = AccountView, description = "The account as it is now")),
    extensions(
        ("x-command" = json!("ChangeAccount")), ("x-events" = json!([])), ("x-problems" = json!(["own-account", "last-staff"])),
    ),
)]
async fn change(
    State(door): State<Arc<AppState>>,
    Staff(who): Staff,
    Path(id): Path<Uuid>,
    wanted: IfMatch,
    Json { body, .. }: Json<ChangeAccount>,
) -> Result<Versioned<AccountView>, Problem> {
    let mut fields = Fields::default();
    let active = fields.required("/active", body.active);
    let Some(active) = active.filter(|_| fields.is_valid()) else {
        return Err(fields.problem());
    };
    let mut tx = door.db.begin().await?;
    // Whoever closes somebody of staff waits here for whoever does the same: two who close each other must not both.
    let staff = store::hold_staff(&mut tx).await?;
    // His own may have been closed while he waited: he is nobody then. Whoever is signed in without an account, as in a test, is not judged by one.
    if !staff.contains(&who.0) && store::hold(&mut tx, who.0).await?.is_some() {
        return Err(Problem::unauthorized());
    }
    let (version, is_active) = store::hold(&mut tx, id)
        .await?
        .ok_or_else(Problem::not_found)?;
    if !wanted.allows(version) {
        return Err(Problem::stale(version));
    }
    if is_active && !active {
        if id == who.0 {
            return Err(own_account());
        }
        if staff == [id] {
            return Err(last_staff());
        }
        store::void(&mut tx, id).await?;
        sessions::end_of_account(&mut tx, id).await?;
    }
    if is_active != active {
        store::set_active(&mut tx, id, active).await?;
    }
    let account = store::by_id(&mut tx, id)
        .await?
        .ok_or_else(Problem::not_found)?;
    let now = tx.now();
    tx.commit().await?;
    Ok(shown(account, now))
}

/// 409: whoever closed his own could not open it again.
fn own_account() -> Problem {
    Problem::conflict(
        "own-account",
        Text::new(
            "자신의 계정은 비활성화할 수 없습니다",
            "You cannot close your own account",
        ),
    )
}

/// 409: nobody would be left who could open it again.
fn last_staff() -> Problem {
    Problem::conflict(
        "last-staff",
        Text::new(
            "활성 관리자가 한 명은 있어야 합니다",
            "There must be one active member of staff left",
        ),
    )
}
