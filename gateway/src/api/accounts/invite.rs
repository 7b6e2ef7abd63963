//! Inviting a salesman, a consultant or a member of staff.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use events::SalesmanId;
use serde::Deserialize;
use service_kit::Problem;
use service_kit::auth::{Role, Staff};
use service_kit::http::problem::Text;
use service_kit::http::{Field, Fields, Json, View};
use utoipa::ToSchema;

use crate::auth::accounts::{LOGIN_RULE, MAX_LOGIN_LENGTH, NewAccount, parse_login};
use crate::auth::audit_log::account_location;
use crate::auth::invitations::{self, Invited, MAX_NAME_LENGTH, Refusal};
use crate::auth::staff_directory;
use crate::state::AppState;

/// An invitation of a salesman or consultant by id, or of a member of staff by name.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Invite {
    /// The salesman's or consultant's id. Not for staff.
    #[serde(default)]
    #[schema(value_type = Option<Uuid>)]
    salesman_id: Field<SalesmanId>,
    /// `staff` for a member of staff. The role of a salesman or consultant is known.
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "staff")]
    role: Field<Role>,
    /// The name of a member of staff. The name of a salesman or consultant is known.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 100)]
    name: Field<String>,
    /// The login: letters, digits and `. _ - + @`, in either case.
    #[serde(default)]
    #[schema(value_type = String, min_length = 3, max_length = 64)]
    login: Field<String>,
}

enum Invitee {
    Person(SalesmanId),
    Staff { name: String },
}

/// `InviteUser`: creates an account, or a new link for an existing one.
///
/// The link is shown only in this answer. It replaces an unused older link. A password that is set
/// stays valid. A member of staff who has a password gets no link here: `ktgg accounts add` makes
/// one.
#[utoipa::path(
    post, path = "/api/accounts/invitations", tag = "accounts", request_body = Invite,
    responses((status = 201, body = Invited, description = "The link")),
    extensions(
        ("x-command" = json!("InviteUser")),
        ("x-events" = json!([])),
        ("x-problems" = json!([
            "login-taken", "other-login", "account-closed", "password-set",
        ])),
    ),
)]
pub(crate) async fn invite(
    State(state): State<Arc<AppState>>,
    Staff(caller): Staff,
    Json { body, .. }: Json<Invite>,
) -> Result<Response, Problem> {
    let mut fields = Fields::default();
    let login = read_login(&mut fields, body.login);
    let invitee = read_invitee(&mut fields, body.salesman_id, body.role, body.name);
    let (Some(login), Some(invitee), true) = (login, invitee, fields.is_valid()) else {
        return Err(fields.problem());
    };
    let (role, person_id, name) = match invitee {
        Invitee::Staff { name } => (Role::Staff, None, name),
        Invitee::Person(id) => match staff_directory::wait_for(state.db.pool(), id).await? {
            Some(person) if person.active => (person.role, Some(id.0), person.display_name),
            Some(_) => {
                let text = Text::new(
                    "비활성 상태인 영업대표나 컨설턴트입니다",
                    "This salesman or consultant is inactive",
                );
                fields.refuse("/salesmanId", "inactive", text);
                return Err(fields.problem());
            }
            None => {
                let text = Text::new(
                    "등록된 영업대표나 컨설턴트가 아닙니다",
                    "No salesman or consultant has this id",
                );
                fields.refuse("/salesmanId", "unknown", text);
                return Err(fields.problem());
            }
        },
    };
    let account = NewAccount {
        login,
        role,
        person_id,
        name,
        created_by: Some(caller.0),
    };
    let invited = invitations::create(&state.db, &state.public_origin, &account).await?;
    let location = [(header::LOCATION, account_location(invited.account_id))];
    Ok((StatusCode::CREATED, location, View(invited)).into_response())
}

fn read_login(fields: &mut Fields, login: Field<String>) -> Option<String> {
    let text = fields.text("/login", login, MAX_LOGIN_LENGTH)?;
    let login = parse_login(&text);
    if login.is_none() {
        let ko = "아이디는 영문자나 숫자로 시작하는 3~64자의 영문자, 숫자, . _ - + @ 입니다";
        fields.refuse("/login", "no-login", Text::new(ko, LOGIN_RULE));
    }
    login
}

fn read_invitee(
    fields: &mut Fields,
    salesman_id: Field<SalesmanId>,
    role: Field<Role>,
    name: Field<String>,
) -> Option<Invitee> {
    let salesman = fields.optional("/salesmanId", salesman_id);
    let (pointer, code, text) = match fields.optional("/role", role) {
        None => match salesman {
            Some(id) => return Some(Invitee::Person(id)),
            None => (
                "/salesmanId",
                "required",
                Text::new(
                    "누구를 초대하는지 알려 주세요",
                    "Choose a salesman or consultant to invite",
                ),
            ),
        },
        Some(Role::Staff) => {
            if salesman.is_some() {
                let text = Text::new(
                    "관리자는 영업대표나 컨설턴트가 아닙니다",
                    "A member of staff is not a salesman or consultant",
                );
                fields.refuse("/salesmanId", "not-of-staff", text);
            }
            let name = fields.name("/name", name, MAX_NAME_LENGTH);
            return name.map(|name| Invitee::Staff { name });
        }
        Some(_) => (
            "/role",
            "not-invited-so",
            Text::new(
                "영업대표와 컨설턴트는 salesmanId로 초대합니다",
                "Invite salesmen and consultants by their id",
            ),
        ),
    };
    fields.refuse(pointer, code, text);
    None
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let en = refusal.to_string();
        let conflict = |slug, ko: &'static str| Self::conflict(slug, Text::new(ko, en));
        match refusal {
            Refusal::LoginTaken => conflict("login-taken", "이미 쓰고 있는 아이디입니다"),
            Refusal::OtherLogin(login) => {
                conflict("other-login", "다른 아이디로 이미 초대했습니다").with("login", login)
            }
            Refusal::AccountClosed => conflict(
                "account-closed",
                "비활성화한 계정입니다. 먼저 활성화해 주세요",
            ),
            Refusal::PasswordSet => conflict(
                "password-set",
                "비밀번호가 있는 관리자입니다. 본인이 바꾸거나 서버의 명령으로 링크를 만들어야 합니다",
            ),
        }
    }
}

/// An example of each problem of this operation.
pub(super) fn problems() -> Vec<Problem> {
    let refusals = [
        Refusal::LoginTaken,
        Refusal::OtherLogin("haneul.kim".to_owned()),
        Refusal::AccountClosed,
        Refusal::PasswordSet,
    ];
    refusals.map(Problem::from).into()
}
