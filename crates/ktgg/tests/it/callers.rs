//! The callers of the route matrix, and what each may expect of each operation.

use std::fmt;

use hyper::{Method, StatusCode};
use ktgg::contract::board::operations;
use serde_json::Value;
use service_kit::auth::{Identity, Role};
use service_kit::http::permissions::{Access, Permission};

use crate::actors::{Actors, Group};
use crate::private_values::{self, PrivateValue};

/// The permission tables of services and gateway, with the prefix that browsers add to their paths.
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

/// Every row that a browser can reach, with the path in browsers. Rows that only the gateway calls
/// are left out.
pub(crate) fn rows() -> Vec<(String, Permission)> {
    let is_internal = |prefix: &str, row: &Permission| {
        !prefix.is_empty() && (row.path == "/me" || row.path.starts_with("/me/"))
    };
    let all = tables()
        .into_iter()
        .flat_map(|(prefix, table)| table.iter().map(move |row| (prefix, *row)));
    all.filter(|(prefix, row)| !is_internal(prefix, row))
        .map(|(prefix, row)| (format!("{prefix}{}", row.path), row))
        .collect()
}

/// Routes without a row, and rows without a route.
pub(crate) fn unmatched(described: &Value, rows: &[(String, Permission)]) -> Vec<String> {
    let routes: Vec<String> = operations(described)
        .map(|(path, method, _)| format!("{} {path}", method.to_uppercase()))
        .collect();
    let rows: Vec<String> = rows
        .iter()
        .map(|(path, row)| format!("{} {path}", row.method))
        .collect();
    let without_row = routes.iter().filter(|route| !rows.contains(route));
    without_row
        .chain(rows.iter().filter(|row| !routes.contains(row)))
        .cloned()
        .collect()
}

/// A caller. Requests are always about data of the first group, whose members are the owners.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Caller {
    Anonymous,
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

pub(crate) const CALLERS: [Caller; 8] = [
    Caller::Anonymous,
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
            Self::Anonymous => None,
            Self::Owner(Kind::Customer) | Self::Other(Kind::Customer) => Some(Role::Customer),
            Self::Owner(Kind::Salesman) | Self::Other(Kind::Salesman) => Some(Role::Salesman),
            Self::Owner(Kind::Consultant) | Self::Other(Kind::Consultant) => Some(Role::Consultant),
            Self::Staff => Some(Role::Staff),
        }
    }

    /// The group whose data the caller must not see, and the caller's own group.
    pub(crate) fn groups(self, actors: &Actors) -> Option<(&Group, &Group)> {
        let [one, other] = &actors.groups;
        match self {
            Self::Owner(_) => Some((other, one)),
            Self::Other(_) => Some((one, other)),
            Self::Anonymous | Self::Staff => None,
        }
    }

    pub(crate) fn identity(self, actors: &Actors) -> Option<Identity> {
        let group = self.groups(actors).map(|(_, own)| own);
        match (self.role()?, group) {
            (Role::Customer, Some(group)) => Some(group.identity()),
            (Role::Salesman, Some(group)) => Some(group.salesman.identity()),
            (Role::Consultant, Some(group)) => Some(group.consultant.identity()),
            _ => Some(actors.staff[0].identity()),
        }
    }

    pub(crate) fn session(self, actors: &Actors) -> String {
        let group = self.groups(actors).map(|(_, own)| own);
        match (self.role(), group) {
            (None, _) => String::new(),
            (Some(Role::Customer), Some(group)) => group.session.clone(),
            (Some(Role::Salesman), Some(group)) => group.salesman.session.clone(),
            (Some(Role::Consultant), Some(group)) => group.consultant.session.clone(),
            _ => actors.staff[0].session.clone(),
        }
    }

    /// What no response to the caller may contain. `is_phone`: the caller requests an unmasked
    /// phone number, and may see it.
    pub(crate) fn private_values(self, actors: &Actors, is_phone: bool) -> Vec<PrivateValue> {
        let [one, other] = &actors.groups;
        let everything = |group: &Group| {
            [
                private_values::customer_values(group),
                private_values::colleague_values(group),
            ]
            .concat()
        };
        match (self, self.groups(actors)) {
            (Self::Anonymous, _) => [
                everything(one),
                everything(other),
                private_values::staff_values(actors),
            ]
            .concat(),
            // A customer sees the colleagues of their own group, and none of the other group.
            (Self::Owner(Kind::Customer) | Self::Other(Kind::Customer), Some((hidden, own))) => [
                everything(hidden),
                private_values::note_values(own),
                private_values::staff_values(actors),
            ]
            .concat(),
            (_, Some((hidden, own))) => {
                let phone = if is_phone {
                    Vec::new()
                } else {
                    private_values::phone_values(&own.phone)
                };
                [private_values::customer_values(hidden), phone].concat()
            }
            (_, None) => Vec::new(),
        }
    }
}

/// An operation of the description, with its row.
pub(crate) struct Operation {
    pub(crate) method: Method,
    /// The path with parameters in braces.
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

/// The expected outcome of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expected {
    /// 401: the caller is anonymous.
    SignIn,
    /// 403: the role is not allowed.
    Forbidden,
    /// 404: the caller must not see that it exists.
    NotFound,
    /// The caller is allowed to.
    Allowed,
}

impl Expected {
    pub(crate) fn is_met_by(
        self,
        operation: &Operation,
        status: StatusCode,
        is_filtered: bool,
    ) -> bool {
        match self {
            // Some roles may not filter by another person.
            Self::Allowed if is_filtered && status == StatusCode::UNPROCESSABLE_ENTITY => true,
            Self::SignIn => status == StatusCode::UNAUTHORIZED,
            Self::Forbidden => status == StatusCode::FORBIDDEN,
            Self::NotFound => status == StatusCode::NOT_FOUND,
            // A read succeeds. A write may be refused because of what an earlier write did, but not
            // for lack of permission.
            Self::Allowed if operation.method.is_safe() => status == StatusCode::OK,
            Self::Allowed => !matches!(status.as_u16(), 401 | 403 | 404 | 405 | 500..),
        }
    }
}

impl Operation {
    /// Whether it changes nothing that a caller sees. Showing a number only records it.
    pub(crate) fn is_read(&self) -> bool {
        self.method.is_safe() || self.template.ends_with("/phone")
    }

    /// Whether its path or query names data that belongs to the first group.
    fn names_owned_data(&self) -> bool {
        let owned = [
            "/api/interests/{",
            "/api/consultations/{",
            "/api/salesman-matches/{",
            "/api/salesmen/{",
        ];
        owned.iter().any(|prefix| self.template.starts_with(prefix))
            || self.template == "/api/projects/visit-card"
    }

    pub(crate) fn expected(&self, caller: Caller) -> Expected {
        match (self.row.access(caller.role()), caller) {
            (Access::No, Caller::Anonymous) => Expected::SignIn,
            (Access::No, _) => Expected::Forbidden,
            (Access::Own, Caller::Other(_)) if self.names_owned_data() => Expected::NotFound,
            (Access::Own | Access::All, _) => Expected::Allowed,
        }
    }

    /// Its order among the allowed writes: those that end something are the last.
    pub(crate) fn order(&self) -> u8 {
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

    /// Whether it ends or replaces the session that it is called with.
    pub(crate) fn changes_session(&self) -> bool {
        self.template.starts_with("/api/auth/") && !self.method.is_safe()
            || self.method == Method::DELETE
    }
}

/// The operations of a description, with their rows.
pub(crate) fn described(description: &Value) -> Vec<Operation> {
    let rows = rows();
    let example = |operation: &Value| {
        let content = &operation["requestBody"]["content"]["application/json"];
        let example = content.get("example").or_else(|| {
            let name = content["schema"]["$ref"].as_str()?.rsplit('/').next()?;
            description["components"]["schemas"][name].get("example")
        });
        example.cloned()
    };
    let queries = |operation: &Value| {
        let parameters = operation["parameters"].as_array().into_iter().flatten();
        let in_query = parameters
            .filter(|parameter| parameter["in"] == "query")
            .filter_map(|parameter| parameter["name"].as_str());
        in_query.map(str::to_owned).collect()
    };
    operations(description)
        .map(|(path, method, operation)| {
            let method: Method = method.to_uppercase().parse().unwrap();
            let row = rows
                .iter()
                .find(|(row_path, row)| row_path == path && row.method == method.as_str());
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
