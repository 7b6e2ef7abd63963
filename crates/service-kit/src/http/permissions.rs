//! Who may call what: one table for each service, next to its handlers.
//!
//! The table is the check itself: a request is looked up by its method and the path that it matched, and refused before anything of it is
//! read. A path without a row is refused to everybody, and a method without one is none that its path has: a handler that nobody described is
//! never reached. It is also what the description tells (`x-actors`), and what tests walk over. *How
//! much* of a thing somebody sees is decided where the thing is read: there, another person's thing is one that does not exist.

use axum::extract::{MatchedPath, Request, State};
use axum::http::{Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use serde_json::{Value, json};

use crate::Problem;
use crate::auth::{Identity, Role};
use crate::privacy::disclosure;

pub use Access::{All, No, Own};

/// How much of an operation's things somebody may see and move.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Access {
    /// It is refused.
    No,
    /// His own things; what is another's is not there.
    Own,
    /// Whatever there is.
    All,
}

/// One operation, and how much of it each kind of caller has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Permission {
    /// As in `GET`. HEAD is asked for as GET.
    pub method: &'static str,
    /// As the description writes it: `/consultations/{id}`.
    pub path: &'static str,
    /// Somebody who is not signed in.
    pub anyone: Access,
    /// 고객.
    pub customer: Access,
    /// 영업대표.
    pub salesman: Access,
    /// 컨설턴트.
    pub consultant: Access,
    /// 관리자.
    pub staff: Access,
}

impl Permission {
    /// A row of a table: the sights of anyone, customer, salesman, consultant and staff, in this order.
    pub const fn new(method: &'static str, path: &'static str, sights: [Access; 5]) -> Self {
        let [anyone, customer, salesman, consultant, staff] = sights;
        Self {
            method,
            path,
            anyone,
            customer,
            salesman,
            consultant,
            staff,
        }
    }

    /// How much of it somebody with this role has; nobody's role is none.
    pub fn access(&self, role: Option<Role>) -> Access {
        match role {
            None => self.anyone,
            Some(Role::Customer) => self.customer,
            Some(Role::Salesman) => self.salesman,
            Some(Role::Consultant) => self.consultant,
            Some(Role::Staff) => self.staff,
        }
    }

    /// Who may call it, as the description tells: anyone, or the roles.
    pub fn actors(&self) -> Vec<&'static str> {
        if self.anyone != No {
            return vec!["anyone"];
        }
        Role::ALL
            .into_iter()
            .filter(|role| self.access(Some(*role)) != No)
            .map(Role::as_str)
            .collect()
    }
}

/// The row of an operation, if there is one.
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

/// Refuses whoever may not call an operation: before `If-Match`, before the body, and before anything is looked up. The request has been
/// routed, and whoever is signed in is on it.
pub async fn authorize(
    State(table): State<&'static [Permission]>,
    request: Request,
    next: Next,
) -> Response {
    // 404 is the router's to say.
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
        tracing::error!(%method, path, "a path without permissions is refused to everybody");
        return Some(Problem::forbidden());
    };
    match (row.access(role), role) {
        (No, None) => Some(Problem::unauthorized()),
        (No, Some(_)) => Some(Problem::forbidden()),
        (Own | All, _) => None,
    }
}

/// The methods of a path, as in `Allow`.
fn allowed(table: &[Permission], path: &str) -> String {
    let mut methods = Vec::new();
    for row in table.iter().filter(|row| row.path == path) {
        methods.push(row.method);
        if row.method == Method::GET.as_str() && disclosure::has_head(path) {
            methods.push(Method::HEAD.as_str());
        }
    }
    methods.join(",")
}

/// Writes into each operation of a description who may call it.
pub(crate) fn describe(description: &mut Value, table: &[Permission]) {
    for (path, item) in description["paths"].as_object_mut().into_iter().flatten() {
        for (method, operation) in item.as_object_mut().into_iter().flatten() {
            if let Some(row) = find(table, &method.to_uppercase(), path) {
                operation["x-actors"] = json!(row.actors());
            }
        }
    }
}

/// What is in the description or in the table, and not in the other: `GET /consultations`. Empty when both are whole.
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
    let missing = described.iter().filter(|it| !rows.contains(it)).cloned();
    missing
        .chain(rows.iter().filter(|it| !described.contains(it)).cloned())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &[Permission] = &[
        Permission::new("GET", "/things", [No, Own, Own, No, All]),
        Permission::new("POST", "/things", [No, Own, No, No, No]),
        Permission::new("GET", "/things/{id}/phone", [No, No, Own, No, All]),
        Permission::new("GET", "/open", [All, All, All, All, All]),
        Permission::new("POST", "/things/{id}/end", [No, No, No, No, All]),
    ];

    fn told(method: &Method, path: &str, role: Option<Role>) -> Option<&'static str> {
        refusal(TABLE, method, path, role).map(|problem| problem.slug())
    }

    #[test]
    fn a_stranger_is_asked_to_sign_in_and_a_wrong_role_is_refused() {
        assert_eq!(
            told(&Method::GET, "/things", None),
            Some("sign-in-required")
        );
        assert_eq!(
            told(&Method::GET, "/things", Some(Role::Consultant)),
            Some("not-allowed")
        );
        assert_eq!(
            told(&Method::HEAD, "/things", Some(Role::Consultant)),
            Some("not-allowed")
        );
        assert_eq!(told(&Method::GET, "/things", Some(Role::Customer)), None);
        assert_eq!(
            told(&Method::POST, "/things/{id}/end", Some(Role::Salesman)),
            Some("not-allowed")
        );
        assert_eq!(told(&Method::GET, "/open", None), None);
    }

    #[test]
    fn a_path_without_a_row_is_refused_and_a_method_without_one_is_not_there() {
        assert_eq!(
            told(&Method::GET, "/forgotten", Some(Role::Staff)),
            Some("not-allowed")
        );
        for role in [None, Some(Role::Staff)] {
            assert_eq!(
                told(&Method::DELETE, "/things", role),
                Some("method-not-allowed")
            );
            assert_eq!(
                told(&Method::HEAD, "/things/{id}/end", role),
                Some("method-not-allowed")
            );
        }
        assert_eq!(allowed(TABLE, "/things"), "GET,HEAD,POST");
        assert_eq!(allowed(TABLE, "/things/{id}/end"), "POST");
        // There is no HEAD of a whole number.
        assert_eq!(allowed(TABLE, "/things/{id}/phone"), "GET");
    }

    #[test]
    fn the_description_tells_who_may_call_and_shows_what_is_missing() {
        let mut description =
            json!({ "paths": { "/things": { "get": {}, "put": {} }, "/open": { "get": {} } } });
        describe(&mut description, TABLE);
        assert_eq!(
            description["paths"]["/things"]["get"]["x-actors"],
            json!(["customer", "staff", "salesman"])
        );
        assert_eq!(
            description["paths"]["/open"]["get"]["x-actors"],
            json!(["anyone"])
        );
        assert_eq!(
            unmatched(&description, TABLE),
            [
                "PUT /things",
                "POST /things",
                "GET /things/{id}/phone",
                "POST /things/{id}/end"
            ]
        );
    }
}
