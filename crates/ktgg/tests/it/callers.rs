//! Who may call what: every operation that is described with its row, and what each of everybody is to expect of it.

use std::fmt;

use hyper::{Method, StatusCode};
use ktgg::contract::board::operations;
use serde_json::Value;
use service_kit::auth::{Identity, Role};
use service_kit::http::permissions::{Access, Permission};

use crate::everybody::{Everybody, Side};
use crate::secrets::{self, Secret};

/// The services' tables, by what their paths begin with behind `/api`; and the gateway's own.
fn tables() -> [(&'static str, &'static [Permission]); 6] {
    [
        ("/api", interest::permissions::TABLE),
        ("/api", consultation::permissions::TABLE),
        ("/api", project::permissions::TABLE),
        ("/api", salesman_match::permissions::TABLE),
        ("/api", salesman::permissions::TABLE),
        ("", gateway::api::permissions::PERMISSIONS),
    ]
}

/// Every row that a browser can come upon, with its path as browsers write it. What services offer to the gateway alone is not for them.
pub(crate) fn rows() -> Vec<(String, Permission)> {
    let is_internal = |at: &str, row: &Permission| {
        !at.is_empty() && (row.path == "/me" || row.path.starts_with("/me/"))
    };
    let all = tables()
        .into_iter()
        .flat_map(|(at, table)| table.iter().map(move |row| (at, *row)));
    all.filter(|(at, row)| !is_internal(at, row))
        .map(|(at, row)| (format!("{at}{}", row.path), row))
        .collect()
}

/// What has no row, or no route.
pub(crate) fn unmatched(described: &Value, rows: &[(String, Permission)]) -> Vec<String> {
    let routes: Vec<String> = operations(described)
        .map(|(path, method, _)| format!("{} {path}", method.to_uppercase()))
        .collect();
    let rows: Vec<String> = rows
        .iter()
        .map(|(path, row)| format!("{} {path}", row.method))
        .collect();
    let without_row = routes.iter().filter(|it| !rows.contains(it));
    without_row
        .chain(rows.iter().filter(|it| !routes.contains(it)))
        .cloned()
        .collect()
}

/// Who asks. What is asked for is always the first side's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Caller {
    Anyone,
    Owner(Kind),
    Other(Kind),
    Staff,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Customer,
    Salesman,
    Consultant,
}

pub(crate) const EVERYBODY: [Caller; 8] = [
    Caller::Anyone,
    Caller::Owner(Kind::Customer),
    Caller::Other(Kind::Customer),
    Caller::Owner(Kind::Salesman),
    Caller::Other(Kind::Salesman),
    Caller::Owner(Kind::Consultant),
    Caller::Other(Kind::Consultant),
    Caller::Staff,
];

impl Caller {
    pub(crate) fn role(self) -> Option<Role> {
        match self {
            Self::Anyone => None,
            Self::Owner(Kind::Customer) | Self::Other(Kind::Customer) => Some(Role::Customer),
            Self::Owner(Kind::Salesman) | Self::Other(Kind::Salesman) => Some(Role::Salesman),
            Self::Owner(Kind::Consultant) | Self::Other(Kind::Consultant) => Some(Role::Consultant),
            Self::Staff => Some(Role::Staff),
        }
    }

    /// Whose things these eyes must not see, and whose they may.
    pub(crate) fn sides(self, all: &Everybody) -> Option<(&Side, &Side)> {
        let [one, other] = &all.sides;
        match self {
            Self::Owner(_) => Some((other, one)),
            Self::Other(_) => Some((one, other)),
            Self::Anyone | Self::Staff => None,
        }
    }

    pub(crate) fn identity(self, all: &Everybody) -> Option<Identity> {
        let side = self.sides(all).map(|(_, his)| his);
        match (self.role()?, side) {
            (Role::Customer, Some(side)) => Some(side.identity()),
            (Role::Salesman, Some(side)) => Some(side.salesman.identity()),
            (Role::Consultant, Some(side)) => Some(side.consultant.identity()),
            _ => Some(all.staff[0].identity()),
        }
    }

    pub(crate) fn session(self, all: &Everybody) -> String {
        let side = self.sides(all).map(|(_, his)| his);
        match (self.role(), side) {
            (None, _) => String::new(),
            (Some(Role::Customer), Some(side)) => side.session.clone(),
            (Some(Role::Salesman), Some(side)) => side.salesman.session.clone(),
            (Some(Role::Consultant), Some(side)) => side.consultant.session.clone(),
            _ => all.staff[0].session.clone(),
        }
    }

    /// What must not be shown to him, whatever he calls. `is_phone`: he asks for a whole number that he may have.
    pub(crate) fn secrets(self, all: &Everybody, is_phone: bool) -> Vec<Secret> {
        let [one, other] = &all.sides;
        let everything =
            |side: &Side| [secrets::of_customer(side), secrets::of_colleagues(side)].concat();
        match (self, self.sides(all)) {
            (Self::Anyone, _) => {
                [everything(one), everything(other), secrets::of_staff(all)].concat()
            }
            // Whom he never met is no secret to him, and who of his colleagues looks after others is none of his business.
            (Self::Owner(Kind::Customer) | Self::Other(Kind::Customer), Some((hidden, his))) => [
                everything(hidden),
                secrets::notes_of(his),
                secrets::of_staff(all),
            ]
            .concat(),
            (_, Some((hidden, his))) => {
                let whole = if is_phone {
                    Vec::new()
                } else {
                    secrets::whole_phone(&his.phone)
                };
                [secrets::of_customer(hidden), whole].concat()
            }
            (_, None) => Vec::new(),
        }
    }
}

/// One operation, as it is described.
pub(crate) struct Operation {
    pub(crate) method: Method,
    /// As the description writes it.
    pub(crate) template: String,
    pub(crate) row: Permission,
    pub(crate) example: Option<Value>,
    pub(crate) queries: Vec<String>,
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.template)
    }
}

/// What is expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expected {
    /// He is nobody, and would have to be somebody.
    SignIn,
    /// It is not for such as he.
    Forbidden,
    /// For him there is no such thing.
    Gone,
    /// He is let in.
    LetIn,
}

impl Expected {
    pub(crate) fn is_met_by(
        self,
        operation: &Operation,
        status: StatusCode,
        is_filtered: bool,
    ) -> bool {
        match self {
            // Not everybody may look for everybody's.
            Self::LetIn if is_filtered && status == StatusCode::UNPROCESSABLE_ENTITY => true,
            Self::SignIn => status == StatusCode::UNAUTHORIZED,
            Self::Forbidden => status == StatusCode::FORBIDDEN,
            Self::Gone => status == StatusCode::NOT_FOUND,
            // A read of what is there works. A write may come too late for what others did, but not for want of a right.
            Self::LetIn if operation.method.is_safe() => status == StatusCode::OK,
            Self::LetIn => !matches!(status.as_u16(), 401 | 403 | 404 | 405 | 500..),
        }
    }
}

impl Operation {
    /// Whether its path or query names something of the first side's that is not everybody's.
    fn names_his(&self) -> bool {
        let of_somebody = [
            "/api/interests/{",
            "/api/consultations/{",
            "/api/salesman-matches/{",
            "/api/salesmen/{",
        ];
        of_somebody
            .iter()
            .any(|prefix| self.template.starts_with(prefix))
            || self.template == "/api/projects/visit-card"
    }

    pub(crate) fn expected(&self, caller: Caller) -> Expected {
        match (self.row.access(caller.role()), caller) {
            (Access::No, Caller::Anyone) => Expected::SignIn,
            (Access::No, _) => Expected::Forbidden,
            (Access::Own, Caller::Other(_)) if self.names_his() => Expected::Gone,
            (Access::Own | Access::All, _) => Expected::LetIn,
        }
    }

    /// Where it stands among the writes that are let in: what ends something comes late.
    pub(crate) fn lateness(&self) -> u8 {
        match (self.method.as_str(), self.template.as_str()) {
            ("PATCH", "/api/consultations/{id}" | "/api/interests/{id}") => 0,
            (_, "/api/consultations/{id}/progress") => 2,
            ("PATCH", "/api/accounts/{id}") => 3,
            (_, "/api/auth/password/change") => 4,
            (_, "/api/auth/sign-out") => 5,
            (_, "/api/auth/sign-out-everywhere") => 6,
            ("DELETE", _) => 7,
            _ => 1,
        }
    }

    /// Whether it ends the session that it is called with, or begins another in its place.
    pub(crate) fn is_about_sessions(&self) -> bool {
        self.template.starts_with("/api/auth/") && !self.method.is_safe()
            || self.method == Method::DELETE
    }
}

/// The operations of a description, with their rows.
pub(crate) fn described(description: &Value) -> Vec<Operation> {
    let rows = rows();
    let example = |operation: &Value| {
        let content = &operation["requestBody"]["content"]["application/json"];
        let own = content.get("example").or_else(|| {
            let name = content["schema"]["$ref"].as_str()?.rsplit('/').next()?;
            description["components"]["schemas"][name].get("example")
        });
        own.cloned()
    };
    let queries = |operation: &Value| {
        let parameters = operation["parameters"].as_array().into_iter().flatten();
        let in_query = parameters
            .filter(|it| it["in"] == "query")
            .filter_map(|it| it["name"].as_str());
        in_query.map(str::to_owned).collect()
    };
    operations(description)
        .map(|(path, method, operation)| {
            let method: Method = method.to_uppercase().parse().unwrap();
            let row = rows
                .iter()
                .find(|(there, row)| there == path && row.method == method.as_str());
            let (_, row) = row.unwrap_or_else(|| panic!("{method} {path} has no row"));
            Operation {
                method,
                template: path.to_owned(),
                row: *row,
                example: example(operation),
                queries: queries(operation),
            }
        })
        .collect()
}
