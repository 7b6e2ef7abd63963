//! How somebody comes to a password: staff invite him, he opens the link, and sets it. The link is shown once, to whoever made it; it can be
//! used once, and a newer one takes its place. So whoever forgot his password is invited again.
//!
//! But no member of staff makes a link for another who has a password: he would be the other once he has used it. Who of staff forgot his is given
//! a link on the command line. Every link and every password that is set by one is in the audit, with whose it is.

use std::fmt;
use std::sync::Arc;

use anyhow::{Context as _, ensure};
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use events::{PersonRole, SalesmanId};
use rand::RngExt as _;
use serde::{Deserialize, Serialize};
use service_kit::auth::{Role, Staff};
use service_kit::http::problem::{ChangeError, Text};
use service_kit::http::{Field, Fields, Json, View};
use service_kit::{Db, Problem, Tx};
use sha2::{Digest as _, Sha256};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::auth::accounts::{self as store, Account, Newcomer};
use crate::api::audit;
use crate::auth::passwords::{Password, Weakness};
use crate::auth::sessions;
use crate::auth::staff_directory;
use crate::config::PublicOrigin;
use crate::state::AppState;

/// The shortest and the longest login, in characters: long enough for an address of e-mail.
const LOGINS: std::ops::RangeInclusive<usize> = 3..=64;

/// The same for people.
const LOGIN_RULE: &str =
    "a login has 3 to 64 letters, digits and . _ - + @, and begins with a letter or a digit";

/// No link holds a longer token, in characters.
const LONGEST_TOKEN: usize = 100;

/// The longest name of a person, in characters.
const LONGEST_NAME: usize = 100;

/// One example of each problem of these routes.
pub(super) fn problems() -> Vec<Problem> {
    vec![
        Refusal::LoginTaken.into(),
        Refusal::OtherLogin("haneul.kim".to_owned()).into(),
        Refusal::AccountClosed.into(),
        Refusal::PasswordSet.into(),
        wrong_link(),
    ]
}

/// Who is invited: a salesman or consultant by his id, or a member of staff by name.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Invite {
    /// Whom of the salesmen and consultants. Nobody of staff has one.
    #[serde(default)]
    #[schema(value_type = Option<Uuid>)]
    salesman_id: Field<SalesmanId>,
    /// `staff`, for a member of staff. A salesman or consultant is what he is.
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "staff")]
    role: Field<Role>,
    /// A member of staff's name. A salesman or consultant is shown by his own.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 100)]
    name: Field<String>,
    /// What he will type: letters, digits and `. _ - + @`, in either case.
    #[serde(default)]
    #[schema(value_type = String, min_length = 3, max_length = 64)]
    login: Field<String>,
}

/// A link, shown this once.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Invited {
    /// Whose.
    pub account_id: Uuid,
    /// Where he sets his password, once.
    pub link: String,
    /// Until when.
    pub expires_at: DateTime<Utc>,
}

/// Whom an invitation is for.
enum Guest {
    Person(SalesmanId),
    Staff { name: String },
}

/// `InviteUser`: makes an account, or a new link for somebody who has one.
///
/// The link is shown in this answer and nowhere else. An older one that was not used is void; a password that is set stays until he sets
/// another. A member of staff who has a password is given no link here: `ktgg accounts add` makes one.
#[utoipa::path(
    post, path = "/api/accounts/invitations", tag = "accounts", request_body = Invite,
    responses((status = 201, body = Invited, description = "The link")),
    extensions(("x-command" = json!("InviteUser")), ("x-events" = json!([])), ("x-problems" = json!(["login-taken", "other-login", "account-closed", "password-set"]))),
)]
pub(super) async fn invite(
    State(door): State<Arc<AppState>>,
    Staff(who): Staff,
    Json { body, .. }: Json<Invite>,
) -> Result<Response, Problem> {
    let mut fields = Fields::default();
    let Invite {
        salesman_id,
        role,
        name,
        login,
    } = body;
    let login = fields
        .text("/login", login, *LOGINS.end())
        .and_then(|typed| {
            let login = read_login(&typed);
            if login.is_none() {
                let ko =
                    "아이디는 영문자나 숫자로 시작하는 3~64자의 영문자, 숫자, . _ - + @ 입니다";
                fields.refuse("/login", "no-login", Text::new(ko, LOGIN_RULE));
            }
            login
        });
    let salesman = fields.optional("/salesmanId", salesman_id);
    let role = fields.optional("/role", role);
    let guest = match role {
        None => salesman.map(Guest::Person).or_else(|| {
            fields.refuse(
                "/salesmanId",
                "required",
                Text::new("누구를 초대하는지 알려 주세요", "Say who is invited"),
            );
            None
        }),
        Some(Role::Staff) => {
            if salesman.is_some() {
                let text = Text::new(
                    "관리자는 영업대표나 컨설턴트가 아닙니다",
                    "A member of staff is no salesman or consultant",
                );
                fields.refuse("/salesmanId", "not-of-staff", text);
            }
            fields
                .text("/name", name, LONGEST_NAME)
                .map(|name| Guest::Staff { name })
        }
        Some(_) => {
            let text = Text::new(
                "영업대표와 컨설턴트는 salesmanId로 초대합니다",
                "Salesmen and consultants are invited by their id",
            );
            fields.refuse("/role", "not-invited-so", text);
            None
        }
    };
    let (Some(login), Some(guest), true) = (login, guest, fields.is_valid()) else {
        return Err(fields.problem());
    };
    let newcomer = match guest {
        Guest::Staff { name } => Newcomer {
            login,
            role: Role::Staff,
            person_id: None,
            name,
            created_by: Some(who.0),
        },
        Guest::Person(id) => {
            let person = staff_directory::wait_for(door.db.pool(), id)
                .await?
                .ok_or_else(unknown)?;
            if !person.active {
                return Err(inactive());
            }
            let role = if person.role == PersonRole::Consultant {
                Role::Consultant
            } else {
                Role::Salesman
            };
            Newcomer {
                login,
                role,
                person_id: Some(id.0),
                name: person.display_name,
                created_by: Some(who.0),
            }
        }
    };
    let invited = link(&door.db, &door.origin, &newcomer).await?;
    let location = [(header::LOCATION, audit::location_of(invited.account_id))];
    Ok((StatusCode::CREATED, location, View(invited)).into_response())
}

/// 422: nobody was ever registered with this id, or not yet.
fn unknown() -> Problem {
    let mut fields = Fields::default();
    fields.refuse(
        "/salesmanId",
        "unknown",
        Text::new(
            "등록된 영업대표나 컨설턴트가 아닙니다",
            "There is no such salesman or consultant",
        ),
    );
    fields.problem()
}

/// 422: he could not sign in with it.
fn inactive() -> Problem {
    let mut fields = Fields::default();
    fields.refuse(
        "/salesmanId",
        "inactive",
        Text::new("비활성 상태인 영업대표나 컨설턴트입니다", "He is inactive"),
    );
    fields.problem()
}

/// The login as it is kept, if it can be one.
fn read_login(typed: &str) -> Option<String> {
    let is_login = |letter: u8| letter.is_ascii_alphanumeric() || b"._-+@".contains(&letter);
    let typed = typed.trim();
    let begins_well = typed
        .bytes()
        .next()
        .is_some_and(|first| first.is_ascii_alphanumeric());
    (begins_well && LOGINS.contains(&typed.len()) && typed.bytes().all(is_login))
        .then(|| typed.to_ascii_lowercase())
}

/// Why there is no link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// Somebody else has the login.
    LoginTaken,
    /// He has this login already.
    OtherLogin(String),
    /// His account is closed.
    AccountClosed,
    /// He is of staff and has a password.
    PasswordSet,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LoginTaken => f.write_str("somebody else has this login"),
            Self::OtherLogin(login) => write!(f, "he has the login {login} already"),
            Self::AccountClosed => f.write_str("the account is closed"),
            Self::PasswordSet => {
                f.write_str("this member of staff has a password: he changes it himself, or is given a link on the command line")
            }
        }
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let en = refusal.to_string();
        match refusal {
            Refusal::LoginTaken => {
                Self::conflict("login-taken", Text::new("이미 쓰고 있는 아이디입니다", en))
            }
            Refusal::OtherLogin(login) => Self::conflict(
                "other-login",
                Text::new("다른 아이디로 이미 초대했습니다", en),
            )
            .with("login", login),
            Refusal::AccountClosed => Self::conflict(
                "account-closed",
                Text::new("비활성화한 계정입니다. 먼저 활성화해 주세요", en),
            ),
            Refusal::PasswordSet => {
                let ko = "비밀번호가 있는 관리자입니다. 본인이 바꾸거나 서버의 명령으로 링크를 만들어야 합니다";
                Self::conflict("password-set", Text::new(ko, en))
            }
        }
    }
}

/// Makes a link, and the account before it where there is none.
async fn link(
    db: &Db,
    origin: &PublicOrigin,
    newcomer: &Newcomer,
) -> Result<Invited, ChangeError<Refusal>> {
    let mut tx = db.begin().await?;
    let account_id = match store::create(&mut tx, newcomer).await? {
        Some(id) => id,
        None => of_before(&mut tx, newcomer).await?,
    };
    let token = token();
    let expires_at = store::invite(&mut tx, account_id, &hash(&token)).await?;
    if newcomer.created_by.is_none() {
        audit::invited_by_command(&mut tx, account_id).await?;
    }
    tx.commit().await?;
    Ok(Invited {
        account_id,
        link: format!("{origin}/invitation#{token}"),
        expires_at,
    })
}

/// The account that somebody has already, if it is the one that is meant.
async fn of_before(tx: &mut Tx, newcomer: &Newcomer) -> Result<Uuid, ChangeError<Refusal>> {
    let alike = store::alike(tx, &newcomer.login, newcomer.person_id).await?;
    let is_his = |account: &&Account| match newcomer.person_id {
        Some(person) => account.person_id == Some(person),
        None => account.role.0 == newcomer.role && account.login == newcomer.login,
    };
    match alike.iter().find(is_his) {
        Some(his) if his.login != newcomer.login => {
            Err(ChangeError::Refused(Refusal::OtherLogin(his.login.clone())))
        }
        Some(his) if !his.active => Err(ChangeError::Refused(Refusal::AccountClosed)),
        Some(his)
            if newcomer.created_by.is_some()
                && his.role.0 == Role::Staff
                && his.password_hash.is_some() =>
        {
            Err(ChangeError::Refused(Refusal::PasswordSet))
        }
        Some(his) => Ok(his.id),
        None => Err(ChangeError::Refused(Refusal::LoginTaken)),
    }
}

/// A new link for a member of staff, whose account is made where there is none: for the first of them, and from the command line.
///
/// # Errors
/// When it can be no login or no name, the login is somebody else's, the account is closed, or the database cannot be reached.
pub async fn invite_staff(
    db: &Db,
    origin: &PublicOrigin,
    login: &str,
    name: &str,
) -> anyhow::Result<Invited> {
    let login =
        read_login(login).with_context(|| format!("{login:?} can be no login: {LOGIN_RULE}"))?;
    let name = name.trim();
    ensure!(
        (1..=LONGEST_NAME).contains(&name.chars().count()),
        "a name has 1 to {LONGEST_NAME} characters"
    );
    ensure!(
        !name.chars().any(char::is_control),
        "a name has no control character"
    );
    let newcomer = Newcomer {
        login,
        role: Role::Staff,
        person_id: None,
        name: name.to_owned(),
        created_by: None,
    };
    link(db, origin, &newcomer)
        .await
        .map_err(|error| match error {
            ChangeError::Refused(refusal) => anyhow::anyhow!("{refusal}"),
            ChangeError::Store(error) => error.into(),
            ChangeError::NotFound | ChangeError::Stale { .. } => {
                anyhow::anyhow!("the account was changed in the meantime")
            }
        })
}

/// What a link holds: 256 bits that nobody guesses.
fn token() -> String {
    let bytes: [u8; 32] = rand::rng().random();
    URL_SAFE_NO_PAD.encode(bytes)
}

/// What is kept of it.
fn hash(token: &str) -> Vec<u8> {
    Sha256::digest(token).to_vec()
}

/// How somebody sets his password.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct SetPassword {
    /// What stands behind the `#` of the link.
    #[serde(default)]
    #[schema(value_type = String)]
    token: Field<String>,
    /// 10 to 128 characters that are hard to guess. It is taken as it is typed.
    #[serde(default)]
    #[schema(value_type = String, min_length = 10, max_length = 128)]
    password: Field<Password>,
}

/// `SetPassword`: whoever has a link sets his password with it, once. Whatever session he had ends.
#[utoipa::path(
    post, path = "/api/auth/password", tag = "auth", request_body = SetPassword,
    responses((status = 204, description = "He can sign in with it")),
    extensions(("x-command" = json!("SetPassword")), ("x-events" = json!([])), ("x-problems" = json!(["wrong-link"]))),
)]
pub(super) async fn set_password(
    State(door): State<Arc<AppState>>,
    Json { body, .. }: Json<SetPassword>,
) -> Result<StatusCode, Problem> {
    let mut fields = Fields::default();
    let token = fields.text("/token", body.token, LONGEST_TOKEN);
    let password = fields.required("/password", body.password);
    let (Some(token), Some(password), true) = (token, password, fields.is_valid()) else {
        return Err(fields.problem());
    };
    let token_hash = hash(&token);
    let account = store::invited(door.db.pool(), &token_hash, door.db.now())
        .await?
        .ok_or_else(wrong_link)?;
    let turn = door.passwords.turn().await?;
    if let Some(weak) = turn
        .weakness(password.clone(), account.login, account.name)
        .await?
    {
        return Err(refused_password("/password", weak));
    }
    let password_hash = turn.hash(password).await?;
    drop(turn);
    let mut tx = door.db.begin().await?;
    // The account before its link, as whoever makes one does: a link that is made meanwhile waits, and learns that there is a password.
    store::hold(&mut tx, account.id)
        .await?
        .ok_or_else(wrong_link)?;
    let used = store::use_up(&mut tx, &token_hash).await?;
    if used != Some(account.id) || !store::set_password(&mut tx, account.id, &password_hash).await?
    {
        return Err(wrong_link());
    }
    // There is one link to an account: no other is left either.
    store::void(&mut tx, account.id).await?;
    sessions::end_of_account(&mut tx, account.id).await?;
    audit::password_set(&mut tx, account.id, account.role.0).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// 422: a password that is not taken, with why.
fn refused_password(pointer: &str, (code, why): Weakness) -> Problem {
    let mut fields = Fields::default();
    fields.refuse(pointer, code, why);
    fields.problem()
}

/// 422: it was used, a newer one took its place, its time is over, its account is closed, or it never was one. Which of them, is not told.
fn wrong_link() -> Problem {
    Problem::new(
        StatusCode::UNPROCESSABLE_ENTITY,
        "wrong-link",
        Text::new(
            "사용할 수 없는 링크입니다. 새 링크를 요청해 주세요",
            "This link cannot be used any more: ask for a new one",
        ),
    )
}
