//! The permission table: which roles may call which operations. One per service, next to its
//! handlers.
//!
//! A request is authorized by its method and matched path, before anything else of it is read. A
//! path without a row is refused to all callers, and a method without a row does not exist: a
//! handler that the table does not name is unreachable. The description (`x-actors`) and the tests
//! use the table, too. Which items a caller sees is decided where they are read: another person's
//! item is 404.

use axum::extract::{MatchedPath, Request, State};
use axum::http::{Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use serde_json::{Value, json};

use crate::Problem;
use crate::auth::{Identity, Role};

pub use Access::{All, No, Own};

/// What a permission gives a role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Access {
    /// Refused.
    No,
    /// The caller's own items; others are 404.
    Own,
    /// All items.
    All,
}

/// The access of each role to one operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Permission {
    /// `GET`, which includes HEAD.
    pub method: &'static str,
    /// As in the description: `/consultations/{id}`.
    pub path: &'static str,
    access: [Access; 5],
}

impl Permission {
    /// A row: the access of anonymous, customer, salesman, consultant and staff, in this order.
    pub const fn new(method: &'static str, path: &'static str, access: [Access; 5]) -> Self {
        Self {
            method,
            path,
            access,
        }
    }

    /// The access of a role; `None` is anonymous.
    pub fn access(&self, role: Option<Role>) -> Access {
        let [anonymous, customer, salesman, consultant, staff] = self.access;
        match role {
            None => anonymous,
            Some(Role::Customer) => customer,
            Some(Role::Salesman) => salesman,
            Some(Role::Consultant) => consultant,
            Some(Role::Staff) => staff,
        }
    }

    /// The `x-actors` of the description: `anyone`, or roles.
    pub fn actors(&self) -> Vec<&'static str> {
        if self.access(None) != No {
            return vec!["anyone"];
        }
        Role::ALL
            .into_iter()
            .filter(|role| self.access(Some(*role)) != No)
            .map(Role::as_str)
            .collect()
    }
}

/// The row of an operation.
pub fn find<'a>(table: &'a [Permission], method: &str, path: &str) -> Option<&'a Permission> {
    let method = if method == Method::HEAD.as_str() {
        Method::GET.as_str()
    } else {
        method
    };
    table
        .iter()
        .find(|row| row.method == method && row.path == path)
}

/// Refuses callers without permission. Runs after routing and authentication, and before everything
/// else.
pub async fn authorize(
    State(table): State<&'static [Permission]>,
    request: Request,
    next: Next,
) -> Response {
    // The router answers with 404.
    let Some(path) = request.extensions().get::<MatchedPath>() else {
        return next.run(request).await;
    };
    match refusal(
        table,
        request.method(),
        path.as_str(),
        request
            .extensions()
            .get()
            .map(|identity: &Identity| identity.role),
    ) {
        None => next.run(request).await,
        Some(refusal) if refusal.status() == StatusCode::METHOD_NOT_ALLOWED => {
            ([(header::ALLOW, allowed(table, path.as_str()))], refusal).into_response()
        }
        Some(refusal) => refusal.into_response(),
    }
}

fn refusal(
    table: &[Permission],
    method: &Method,
    path: &str,
    role: Option<Role>,
) -> Option<Problem> {
    let Some(row) = find(table, method.as_str(), path) else {
        if table.iter().any(|row| row.path == path) {
            return Some(Problem::method_not_allowed());
        }
        tracing::error!(%method, path, "refused a path without permissions");
        return Some(Problem::forbidden());
    };
    match (row.access(role), role) {
        (No, None) => Some(Problem::unauthorized()),
        (No, Some(_)) => Some(Problem::forbidden()),
        (Own | All, _) => None,
    }
}

/// The value of `Allow` for a path.
fn allowed(table: &[Permission], path: &str) -> String {
    let mut methods = Vec::new();
    for row in table.iter().filter(|row| row.path == path) {
        methods.push(row.method);
        if row.method == Method::GET.as_str() {
            methods.push(Method::HEAD.as_str());
        }
    }
    methods.join(",")
}

/// Adds `x-actors` to the operations of a description.
pub(crate) fn describe(description: &mut Value, table: &[Permission]) {
    for (path, item) in description["paths"].as_object_mut().into_iter().flatten() {
        for (method, operation) in item.as_object_mut().into_iter().flatten() {
            if let Some(row) = find(table, &method.to_uppercase(), path) {
                operation["x-actors"] = json!(row.actors());
            }
        }
    }
}

/// Operations (`GET /consultations`) that only the description or only the table has.
pub fn unmatched(description: &Value, table: &[Permission]) -> Vec<String> {
    let operations = description["paths"]
        .as_object()
        .into_iter()
        .flatten()
        .flat_map(|(path, item)| {
            item.as_object()
                .into_iter()
                .flatten()
                .map(move |(method, _)| format!("{} {path}", method.to_uppercase()))
        });
    let described: Vec<String> = operations.collect();
    let rows: Vec<String> = table
        .iter()
        .map(|row| format!("{} {}", row.method, row.path))
        .collect();
    let only_described = described
        .iter()
        .filter(|operation| !rows.contains(operation));
    let only_rows = rows.iter().filter(|row| !described.contains(row));
    only_described.chain(only_rows).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &[Permission] = &[
        Permission::new("GET", "/items", [No, Own, Own, No, All]),
        Permission::new("POST", "/items", [No, Own, No, No, No]),
        Permission::new("POST", "/items/{id}/phone", [No, No, Own, No, All]),
        Permission::new("GET", "/open", [All, All, All, All, All]),
        Permission::new("POST", "/items/{id}/end", [No, No, No, No, All]),
    ];

    fn refused(method: &Method, path: &str, role: Option<Role>) -> Option<&'static str> {
        refusal(TABLE, method, path, role).map(|problem| problem.slug())
    }

    #[test]
    fn anonymous_gets_401_and_a_role_without_permission_403() {
        assert_eq!(
            refused(&Method::GET, "/items", None),
            Some("sign-in-required")
        );
        assert_eq!(
            refused(&Method::GET, "/items", Some(Role::Consultant)),
            Some("not-allowed")
        );
        assert_eq!(
            refused(&Method::HEAD, "/items", Some(Role::Consultant)),
            Some("not-allowed")
        );
        assert_eq!(refused(&Method::GET, "/items", Some(Role::Customer)), None);
        assert_eq!(
            refused(&Method::POST, "/items/{id}/end", Some(Role::Salesman)),
            Some("not-allowed")
        );
        assert_eq!(refused(&Method::GET, "/open", None), None);
    }

    #[test]
    fn path_without_row_is_refused_and_method_without_row_is_405() {
        assert_eq!(
            refused(&Method::GET, "/forgotten", Some(Role::Staff)),
            Some("not-allowed")
        );
        for role in [None, Some(Role::Staff)] {
            assert_eq!(
                refused(&Method::DELETE, "/items", role),
                Some("method-not-allowed")
            );
            assert_eq!(
                refused(&Method::HEAD, "/items/{id}/end", role),
                Some("method-not-allowed")
            );
        }
        assert_eq!(allowed(TABLE, "/items"), "GET,HEAD,POST");
        assert_eq!(allowed(TABLE, "/items/{id}/end"), "POST");
    }

    #[test]
    fn description_gets_actors_and_is_compared_with_the_table() {
        let mut description =
            json!({ "paths": { "/items": { "get": {}, "put": {} }, "/open": { "get": {} } } });
        describe(&mut description, TABLE);
        assert_eq!(
            description["paths"]["/items"]["get"]["x-actors"],
            json!(["customer", "staff", "salesman"])
        );
        assert_eq!(
            description["paths"]["/open"]["get"]["x-actors"],
            json!(["anyone"])
        );
        assert_eq!(
            unmatched(&description, TABLE),
            [
                "PUT /items",
                "POST /items",
                "POST /items/{id}/phone",
                "POST /items/{id}/end"
            ]
        );
    }
}
