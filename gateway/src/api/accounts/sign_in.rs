//! Signing in by login and password, and changing one's own password.
//!
//! Whatever is wrong, the answer is the same and takes as long: whether there is such an account, nobody finds out here.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;
use service_kit::http::problem::Text;
use service_kit::http::{Field, Fields, Json};
use service_kit::{Problem, Tx};
use utoipa::ToSchema;

use crate::auth::backoff;
use crate::auth::accounts::{self as store, Account};
use crate::api::session::{SignedInView, signed_in, with_cookie};
use crate::auth::passwords::{Password, Turn, Verdict};
use crate::auth::sessions::{self, Brought, Session};
use crate::edge::client_ip::Address;
use crate::edge::rate_limit::{self, LimitKey, network, too_many};
use crate::state::AppState;

/// No login is longer than this, in characters: what is cannot be anybody's.
const LONGEST_LOGIN: usize = 64;

/// One example of each problem of these routes.
pub(super) fn problems() -> Vec<Problem> {
    vec![wrong_credentials()]
}

/// Who signs in.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct SignIn {
    /// In either case.
    #[serde(default)]
    #[schema(value_type = String, max_length = 64)]
    login: Field<String>,
    /// As it was typed when it was set.
    #[serde(default)]
    #[schema(value_type = String)]
    password: Field<Password>,
}

/// `SignIn`: a member of staff, salesman or consultant signs in. The session that was there before ends.
///
/// Wrong is wrong: whether there is such a login is not told. Whoever is wrong too often waits, longer each time.
#[utoipa::path(
    post, path = "/api/auth/sign-in", tag = "auth", request_body = SignIn,
    responses((status = 200, body = SignedInView, description = "Who is signed in now; the session is in a cookie")),
    extensions(("x-command" = json!("SignIn")), ("x-events" = json!([])), ("x-problems" = json!(["wrong-credentials", "too-many-requests"]))),
)]
pub(super) async fn sign_in(
    State(door): State<Arc<AppState>>,
    Address(address): Address,
    brought: Brought,
    Json { body, .. }: Json<SignIn>,
) -> Result<Response, Problem> {
    let mut fields = Fields::default();
    let login = fields.text("/login", body.login, LONGEST_LOGIN);
    let password = fields.required("/password", body.password);
    let (Some(login), Some(password), true) = (login, password, fields.is_valid()) else {
        return Err(fields.problem());
    };
    let login = login.to_lowercase();
    let of_address = LimitKey::of_address(&door.sign_in_key, "sign-ins", address);
    rate_limit::take(&door.db, &of_address, door.limits.sign_ins_per_address).await?;
    let (turn, attempt) = Attempt::begin(&door, &login, address).await?;
    let account = store::by_login(door.db.pool(), &login).await?;
    let kept = account
        .as_ref()
        .and_then(|account| account.password_hash.clone());
    let verdict = turn.verify(password, kept).await?;
    drop(turn);
    let (Some(account), Verdict::Right { rehashed }) = (account.filter(Account::is_open), verdict)
    else {
        return Err(wrong_credentials());
    };
    let mut tx = door.db.begin().await?;
    if !store::signed_in(&mut tx, &account, rehashed.as_deref()).await? {
        return Err(wrong_credentials());
    }
    let begun = sessions::begin(&mut tx, &brought, &account.identity(), Some(account.id)).await?;
    attempt.forgive(&mut tx).await?;
    tx.commit().await?;
    let view = SignedInView::new(
        &account.identity(),
        begun.expires_at,
        Some(account.name),
        Some(account.login),
    );
    Ok(signed_in(&door, &begun, view))
}

/// Somebody who tells a password, charged before he is judged.
struct Attempt(Vec<u8>);

impl Attempt {
    /// Charges nobody whose password is not judged then: the turn comes first, and what the login's limit refuses is not charged to the address
    /// either. The login's limit comes last, so that no burst from one address uses it up.
    ///
    /// # Errors
    /// 429 for whoever has to wait, 503 when there is no turn.
    async fn begin<'a>(
        door: &'a AppState,
        login: &str,
        address: IpAddr,
    ) -> Result<(Turn<'a>, Self), Problem> {
        let key = door.sign_in_key.mac(
            "sign-in-delay",
            &[login.as_bytes(), network(address).to_string().as_bytes()],
        );
        let (pool, now) = (door.db.pool(), door.db.now());
        // Whoever has to wait for longer than a moment waits for no turn either.
        if let Some(left) = backoff::left(pool, &key, now).await? {
            return Err(too_many(left));
        }
        let turn = door.passwords.turn().await?;
        let of_login = LimitKey::of(&door.sign_in_key, "sign-ins", login);
        let mut tx = door.db.begin().await?;
        let now = tx.now();
        backoff::charge(&mut tx, &key, now).await?.map_err(too_many)?;
        rate_limit::take_in(&mut tx, now, &of_login, door.limits.sign_ins_per_login).await?;
        tx.commit().await?;
        Ok((turn, Self(key)))
    }

    /// Forgets it, and those before it: the password was right.
    async fn forgive(self, tx: &mut Tx) -> Result<(), sqlx::Error> {
        backoff::clear(tx, &self.0).await
    }
}

/// 401: there is no such login, or it has another password, or none, or it is closed. Which of them, nobody is told.
fn wrong_credentials() -> Problem {
    Problem::new(
        StatusCode::UNAUTHORIZED,
        "wrong-credentials",
        Text::new(
            "아이디 또는 비밀번호가 올바르지 않습니다",
            "The login or the password is wrong",
        ),
    )
}

/// How somebody changes his password.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct ChangePassword {
    /// The one he has.
    #[serde(default)]
    #[schema(value_type = String)]
    current: Field<Password>,
    /// The one he wants: 10 to 128 characters that are hard to guess. It is taken as it is typed.
    #[serde(default)]
    #[schema(value_type = String, min_length = 10, max_length = 128)]
    password: Field<Password>,
}

/// `ChangePassword`: somebody sets another password for himself. His other sessions end, and this one goes on under a new number.
#[utoipa::path(
    post, path = "/api/auth/password/change", tag = "auth", request_body = ChangePassword,
    responses((status = 204, description = "He signs in with it from now on; the session is in a new cookie")),
    extensions(("x-command" = json!("ChangePassword")), ("x-events" = json!([])), ("x-problems" = json!(["too-many-requests"]))),
)]
pub(super) async fn change_password(
    State(door): State<Arc<AppState>>,
    Address(address): Address,
    session: Session,
    brought: Brought,
    Json { body, .. }: Json<ChangePassword>,
) -> Result<Response, Problem> {
    let mut fields = Fields::default();
    let current = fields.required("/current", body.current);
    let password = fields.required("/password", body.password);
    let (Some(current), Some(password), true) = (current, password, fields.is_valid()) else {
        return Err(fields.problem());
    };
    // Who was signed in without an account has no password.
    let id = session.account.ok_or_else(Problem::forbidden)?;
    let mut connection = door.db.pool().acquire().await?;
    let account = store::by_id(&mut connection, id)
        .await?
        .ok_or_else(Problem::forbidden)?;
    drop(connection);
    let (turn, attempt) = Attempt::begin(&door, &account.login, address).await?;
    let is_same = current == password;
    let is_right = turn.verify(current, account.password_hash.clone()).await? != Verdict::Wrong;
    if !is_right {
        refuse_current(&mut fields);
    }
    if is_right && is_same {
        fields.refuse(
            "/password",
            "the-same",
            Text::new(
                "지금 쓰는 비밀번호와 같습니다",
                "It is the password you have",
            ),
        );
    } else if let Some((code, why)) = turn
        .weakness(
            password.clone(),
            account.login.clone(),
            account.name.clone(),
        )
        .await?
    {
        fields.refuse("/password", code, why);
    }
    if !fields.is_valid() {
        if is_right {
            // Whoever looks for a better one does not wait for having told the one he has.
            let mut tx = door.db.begin().await?;
            attempt.forgive(&mut tx).await?;
            tx.commit().await?;
        }
        return Err(fields.problem());
    }
    let hash = turn.hash(password).await?;
    drop(turn);
    let mut tx = door.db.begin().await?;
    // Another password was set at the same moment: this one was right no longer.
    if !store::change_password(&mut tx, &account, &hash).await? {
        refuse_current(&mut fields);
        return Err(fields.problem());
    }
    // A link that somebody may have seen sets no password behind this one.
    store::void(&mut tx, id).await?;
    attempt.forgive(&mut tx).await?;
    sessions::end_of_account(&mut tx, id).await?;
    let begun = sessions::begin(&mut tx, &brought, &session.identity, Some(id)).await?;
    tx.commit().await?;
    Ok(with_cookie(
        StatusCode::NO_CONTENT.into_response(),
        &door.cookies.begun(&begun),
    ))
}

/// Whoever sits at somebody else's page cannot set another password.
fn refuse_current(fields: &mut Fields) {
    fields.refuse(
        "/current",
        "wrong-password",
        Text::new(
            "현재 비밀번호가 아닙니다",
            "It is not the password you have",
        ),
    );
}
