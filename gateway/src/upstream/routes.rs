//! The route table: which path prefix belongs to which service, and who may call it.

use std::time::Duration;

use axum::http::Method;
use service_kit::Problem;
use service_kit::auth::Role;

use crate::config::Service;

/// Who may call a service at all. The service itself authorizes each request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Callers {
    /// Everybody, anonymous callers included.
    Anyone,
    /// Signed-in callers with one of these roles.
    Roles(&'static [Role]),
}

impl Callers {
    /// Refuses a caller before the request is forwarded.
    ///
    /// # Errors
    /// 401 for anonymous callers, 403 for others.
    pub fn authorize(self, role: Option<Role>) -> Result<(), Problem> {
        match (self, role) {
            (Self::Anyone, _) => Ok(()),
            (Self::Roles(_), None) => Err(Problem::unauthorized()),
            (Self::Roles(roles), Some(role)) if roles.contains(&role) => Ok(()),
            (Self::Roles(_), Some(_)) => Err(Problem::forbidden()),
        }
    }
}

/// A row of the route table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Route {
    /// The first path segment, after `/api` at the gateway.
    pub prefix: &'static str,
    /// The service.
    pub service: Service,
    /// Who may call it.
    pub callers: Callers,
}

impl Route {
    const fn new(prefix: &'static str, service: Service, callers: Callers) -> Self {
        Self {
            prefix,
            service,
            callers,
        }
    }

    /// The path at the gateway, without the part that only the service knows.
    pub(crate) fn template(&self) -> String {
        format!("{API}{}/*", self.prefix)
    }
}

const SIGNED_IN: Callers = Callers::Roles(&Role::ALL);

/// The route table.
pub const ROUTES: [Route; 5] = [
    Route::new("/projects", Service::Project, Callers::Anyone),
    Route::new("/interests", Service::Interest, SIGNED_IN),
    Route::new("/consultations", Service::Consultation, SIGNED_IN),
    Route::new("/salesman-matches", Service::SalesmanMatch, SIGNED_IN),
    Route::new("/salesmen", Service::Salesman, SIGNED_IN),
];

/// The methods that are forwarded.
pub(crate) const METHODS: [Method; 7] = [
    Method::GET,
    Method::HEAD,
    Method::POST,
    Method::PUT,
    Method::PATCH,
    Method::DELETE,
    Method::OPTIONS,
];

/// The largest forwarded body, except for uploads. Services have a lower limit, which callers meet
/// first.
pub(crate) const MAX_BODY_BYTES: usize = 1024 * 1024;

/// A file upload, with limits of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Upload {
    service_path: &'static str,
    /// A little more than the service accepts, so that callers get the service's problem.
    pub(crate) max_body_bytes: usize,
    /// From the request's head to the response's: 32 MiB take a minute with 5 Mbit/s.
    pub(crate) timeout: Duration,
}

const UPLOADS: [Upload; 1] = [Upload {
    service_path: "/projects/imports",
    max_body_bytes: 33 * 1024 * 1024,
    timeout: Duration::from_mins(2),
}];

/// The upload with this method and path, if it is one.
pub(crate) fn upload(method: &Method, service_path: &str) -> Option<Upload> {
    UPLOADS
        .into_iter()
        .find(|upload| method == Method::POST && upload.service_path == service_path)
}

/// The prefix of every route and of the gateway's own operations.
pub(crate) const API: &str = "/api";

/// The route of a percent-encoded path, and the path at the service.
///
/// A path that a server could normalise to another one has no route: dot segments, empty segments,
/// encoded slashes and backslashes.
pub(crate) fn find(path: &str) -> Option<(&'static Route, &str)> {
    let service_path = path.strip_prefix(API)?;
    let route = find_by_service_path(service_path)?;
    let rest = &service_path[route.prefix.len()..];
    (is_unambiguous(rest) && !is_description(rest)).then_some((route, service_path))
}

/// The route of a path at its service, without a check for ambiguity.
pub(crate) fn find_by_service_path(service_path: &str) -> Option<&'static Route> {
    ROUTES.iter().find(|route| {
        service_path
            .strip_prefix(route.prefix)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    })
}

/// Services' own descriptions are not public: the gateway serves a merged one.
fn is_description(rest: &str) -> bool {
    rest.trim_end_matches('/')
        .eq_ignore_ascii_case("/openapi.json")
}

fn is_unambiguous(rest: &str) -> bool {
    let mut segments = rest.split('/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        let is_last = segments.peek().is_none();
        let Some(decoded) = percent_decode(segment) else {
            return false;
        };
        let is_dots = decoded == b"." || decoded == b"..";
        let has_separator = decoded
            .iter()
            .any(|byte| matches!(byte, b'/' | b'\\') || byte.is_ascii_control());
        if is_dots || has_separator || (segment.is_empty() && !is_last) {
            return false;
        }
    }
    true
}

/// `None` if the segment has an invalid escape.
fn percent_decode(segment: &str) -> Option<Vec<u8>> {
    let mut bytes = segment.bytes();
    let mut decoded = Vec::with_capacity(segment.len());
    while let Some(byte) = bytes.next() {
        decoded.push(if byte == b'%' {
            let mut digit = || char::from(bytes.next()?).to_digit(16);
            u8::try_from(digit()? * 16 + digit()?).ok()?
        } else {
            byte
        });
    }
    Some(decoded)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(path: &str) -> Option<(Service, &str)> {
        find(path).map(|(route, service_path)| (route.service, service_path))
    }

    #[test]
    fn a_prefix_matches_whole_segments_only() {
        assert_eq!(
            route("/api/projects"),
            Some((Service::Project, "/projects"))
        );
        assert_eq!(
            route("/api/projects/1/view"),
            Some((Service::Project, "/projects/1/view"))
        );
        assert_eq!(
            route("/api/salesmen/me"),
            Some((Service::Salesman, "/salesmen/me"))
        );
        assert_eq!(
            route("/api/salesman-matches/1"),
            Some((Service::SalesmanMatch, "/salesman-matches/1"))
        );
        for path in [
            "/api/projectsx",
            "/api/project",
            "/projects",
            "/api",
            "/api/",
            "/apiprojects",
            "/",
            "/api//projects",
            "/API/projects",
        ] {
            assert_eq!(route(path), None, "{path}");
        }
    }

    #[test]
    fn no_path_escapes_its_prefix() {
        for path in [
            "/api/projects/../interests",
            "/api/projects/%2e%2e/interests",
            "/api/projects/%2E./interests",
            "/api/projects/..",
            "/api/projects/./x",
            "/api/projects/..%2finterests",
            "/api/projects/%2Finterests",
            "/api/projects/..%5cinterests",
            "/api/projects/..\\interests",
            "/api/projects//interests",
            "/api/projects/%00",
            "/api/projects/%zz",
            "/api/projects/%2",
            "/api/../internal",
        ] {
            assert_eq!(route(path), None, "{path}");
        }
    }

    #[test]
    fn unusual_but_unambiguous_paths_are_forwarded() {
        for path in [
            "/api/projects/",
            "/api/projects/...",
            "/api/projects/a..b",
            "/api/projects/%ED%95%9C",
            "/api/projects/%252e%252e",
        ] {
            assert_eq!(route(path), Some((Service::Project, &path[4..])), "{path}");
        }
    }

    #[test]
    fn a_services_own_description_is_not_forwarded() {
        assert_eq!(route("/api/interests/openapi.json"), None);
        assert_eq!(route("/api/interests/openapi.json/"), None);
    }

    #[test]
    fn only_projects_are_open_to_anonymous_callers() {
        for route in ROUTES {
            let anonymous = route.callers.authorize(None);
            assert_eq!(
                anonymous.is_ok(),
                route.prefix == "/projects",
                "{}",
                route.prefix
            );
            for role in Role::ALL {
                assert!(
                    route.callers.authorize(Some(role)).is_ok(),
                    "{} {role:?}",
                    route.prefix
                );
            }
        }
    }

    #[test]
    fn callers_with_another_role_are_refused() {
        let staff_only = Callers::Roles(&[Role::Staff]);
        assert!(staff_only.authorize(Some(Role::Staff)).is_ok());
        assert_eq!(
            staff_only
                .authorize(Some(Role::Customer))
                .unwrap_err()
                .status(),
            403
        );
        assert_eq!(staff_only.authorize(None).unwrap_err().status(), 401);
    }
}
