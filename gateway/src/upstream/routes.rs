//! The table: which prefix leads to which service, and who may call it.

use std::time::Duration;

use axum::http::Method;
use service_kit::Problem;
use service_kit::auth::Role;

/// A service behind the gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "each variant is the service it is named after")]
pub enum Service {
    Consultation,
    Interest,
    Project,
    Salesman,
    SalesmanMatch,
}

impl Service {
    /// Every service, by name.
    pub const ALL: [Self; 5] = [
        Self::Consultation,
        Self::Interest,
        Self::Project,
        Self::Salesman,
        Self::SalesmanMatch,
    ];

    /// Its name, which is the audience of the tokens it accepts.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Project => "project",
            Self::Interest => "interest",
            Self::Consultation => "consultation",
            Self::SalesmanMatch => "salesman-match",
            Self::Salesman => "salesman",
        }
    }

    /// Where it listens unless told otherwise.
    pub const fn port(self) -> u16 {
        match self {
            Self::Interest => 8082,
            Self::Consultation => 8083,
            Self::Project => 8084,
            Self::SalesmanMatch => 8085,
            Self::Salesman => 8086,
        }
    }

    /// Whether it is told a customer's phone number: it keeps the number with what the customer asked for.
    pub const fn is_told_the_phone(self) -> bool {
        matches!(self, Self::Interest | Self::Consultation)
    }
}

/// Who may call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Callers {
    /// Anybody, signed in or not; the service decides about each call.
    Anyone,
    /// Whoever is signed in and has one of these roles.
    Roles(&'static [Role]),
}

impl Callers {
    /// Refuses whoever may not call, before anything is forwarded.
    ///
    /// # Errors
    /// 401 for nobody, 403 for somebody else.
    pub fn authorize(self, role: Option<Role>) -> Result<(), Problem> {
        match (self, role) {
            (Self::Anyone, _) => Ok(()),
            (Self::Roles(_), None) => Err(Problem::unauthorized()),
            (Self::Roles(roles), Some(role)) if roles.contains(&role) => Ok(()),
            (Self::Roles(_), Some(_)) => Err(Problem::forbidden()),
        }
    }
}

/// Everybody who can be signed in. Which of them may do what is the service's rule, and not repeated here.
const SIGNED_IN: Callers = Callers::Roles(&[
    Role::Customer,
    Role::Staff,
    Role::Salesman,
    Role::Consultant,
]);

/// One row of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// The first segment behind `/api`, here and without `/api` at the service.
    pub prefix: &'static str,
    /// Where it leads.
    pub service: Service,
    /// Who may call.
    pub callers: Callers,
}

/// The table.
pub const TABLE: [Row; 5] = [
    Row {
        prefix: "/projects",
        service: Service::Project,
        callers: Callers::Anyone,
    },
    Row {
        prefix: "/interests",
        service: Service::Interest,
        callers: SIGNED_IN,
    },
    Row {
        prefix: "/consultations",
        service: Service::Consultation,
        callers: SIGNED_IN,
    },
    Row {
        prefix: "/salesman-matches",
        service: Service::SalesmanMatch,
        callers: SIGNED_IN,
    },
    Row {
        prefix: "/salesmen",
        service: Service::Salesman,
        callers: SIGNED_IN,
    },
];

/// A path at a service that takes in a whole file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Upload {
    path: &'static str,
    /// The largest body, in bytes: a little more than the service takes in, so that the service's own words are what people read.
    pub(crate) body: usize,
    /// From the request's head to that of its answer: 32 MiB take a minute on a line that uploads 5 Mbit/s.
    pub(crate) answer: Duration,
}

const UPLOADS: [Upload; 1] = [Upload {
    path: "/projects/imports",
    body: 33 * 1024 * 1024,
    answer: Duration::from_mins(2),
}];

/// What a file may take that is sent there.
pub(crate) fn upload(method: &Method, at_service: &str) -> Option<Upload> {
    UPLOADS
        .into_iter()
        .find(|upload| method == Method::POST && upload.path == at_service)
}

/// Things of which a whole number is shown at `/{id}/phone`, and whoever looks is written down.
const RECORDED: [&str; 2] = ["/interests", "/consultations"];

/// Whether that is read, and the reading is written down. Like a write it is asked for by pages of ours alone, counted, and sent once.
pub(crate) fn is_recorded_read(at_service: &str) -> bool {
    let mut segments = at_service.split('/').skip(1);
    let (Some(prefix), Some(_), Some(last), None) = (
        segments.next(),
        segments.next(),
        segments.next(),
        segments.next(),
    ) else {
        return false;
    };
    let shows_a_number = decoded(last).is_some_and(|last| last.eq_ignore_ascii_case(b"phone"));
    shows_a_number
        && RECORDED
            .iter()
            .any(|it| it.strip_prefix('/') == Some(prefix))
}

/// Whether a request leaves something behind: a write, or a read that is recorded.
pub(crate) fn leaves_a_trace(method: &Method, path: &str) -> bool {
    !method.is_safe() || find(path).is_some_and(|(_, at_service)| is_recorded_read(at_service))
}

/// Everything of the services is below this.
pub(crate) const API: &str = "/api";
/// The live stream.
pub(crate) const STREAM: &str = "/api/stream";
/// The description of everything.
pub(crate) const DESCRIPTION: &str = "/api/openapi.json";

/// The row for a path as it came in, still percent-encoded, and the path at the service.
///
/// A path that a server behind could read as another one has no row: dot segments, empty segments, encoded slashes and backslashes.
pub(crate) fn find(path: &str) -> Option<(&'static Row, &str)> {
    let at_service = path.strip_prefix(API)?;
    let row = row_of(at_service)?;
    let rest = &at_service[row.prefix.len()..];
    (is_plain(rest) && !is_description(rest)).then_some((row, at_service))
}

/// The row whose prefix is the whole first segment of the path at the service.
pub(crate) fn row_of(at_service: &str) -> Option<&'static Row> {
    TABLE.iter().find(|row| {
        at_service
            .strip_prefix(row.prefix)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    })
}

/// A service's own description is fetched by the gateway, and shown merged.
fn is_description(rest: &str) -> bool {
    rest.trim_end_matches('/')
        .eq_ignore_ascii_case("/openapi.json")
}

fn is_plain(rest: &str) -> bool {
    let mut segments = rest.split('/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        let is_last = segments.peek().is_none();
        let Some(decoded) = decoded(segment) else {
            return false;
        };
        let is_dots = decoded == b"." || decoded == b"..";
        let separates = decoded
            .iter()
            .any(|byte| matches!(byte, b'/' | b'\\') || byte.is_ascii_control());
        if is_dots || separates || (segment.is_empty() && !is_last) {
            return false;
        }
    }
    true
}

fn decoded(segment: &str) -> Option<Vec<u8>> {
    let mut bytes = segment.bytes();
    let mut decoded = Vec::with_capacity(segment.len());
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let mut digit = || {
                bytes
                    .next()
                    .and_then(|digit| char::from(digit).to_digit(16))
            };
            let (high, low) = (digit()?, digit()?);
            decoded.push(u8::try_from(high * 16 + low).ok()?);
        } else {
            decoded.push(byte);
        }
    }
    Some(decoded)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leads_to(path: &str) -> Option<(Service, &str)> {
        find(path).map(|(row, at_service)| (row.service, at_service))
    }

    #[test]
    fn a_prefix_matches_whole_segments_only() {
        assert_eq!(
            leads_to("/api/projects"),
            Some((Service::Project, "/projects"))
        );
        assert_eq!(
            leads_to("/api/projects/1/view"),
            Some((Service::Project, "/projects/1/view"))
        );
        assert_eq!(
            leads_to("/api/salesmen/me"),
            Some((Service::Salesman, "/salesmen/me"))
        );
        assert_eq!(
            leads_to("/api/salesman-matches/1"),
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
            assert_eq!(leads_to(path), None, "{path}");
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
            assert_eq!(leads_to(path), None, "{path}");
        }
    }

    #[test]
    fn what_only_looks_strange_is_forwarded_as_it_came() {
        for path in [
            "/api/projects/",
            "/api/projects/...",
            "/api/projects/a..b",
            "/api/projects/%ED%95%9C",
            "/api/projects/%252e%252e",
        ] {
            assert_eq!(
                leads_to(path),
                Some((Service::Project, &path[4..])),
                "{path}"
            );
        }
    }

    #[test]
    fn a_services_own_description_is_not_forwarded() {
        assert_eq!(leads_to("/api/interests/openapi.json"), None);
        assert_eq!(leads_to("/api/interests/openapi.json/"), None);
    }

    #[test]
    fn whoever_looks_at_a_number_leaves_a_trace_and_other_readers_do_not() {
        for path in [
            "/api/interests/1/phone",
            "/api/consultations/1/phone",
            "/api/interests/1/%70hone",
            "/api/interests/1/Phone",
        ] {
            assert!(
                leaves_a_trace(&Method::GET, path) && leaves_a_trace(&Method::HEAD, path),
                "{path}"
            );
        }
        for path in [
            "/api/interests",
            "/api/interests/phone",
            "/api/interests/1",
            "/api/interests/1/phones",
            "/api/consultations/1/phone/1",
            "/api/salesmen/1/phone",
            "/api/projects/1/phone",
            "/api/auth/me",
        ] {
            assert!(!leaves_a_trace(&Method::GET, path), "{path}");
            assert!(leaves_a_trace(&Method::POST, path), "{path}");
        }
    }

    #[test]
    fn only_projects_are_open_to_strangers() {
        for row in TABLE {
            let stranger = row.callers.authorize(None);
            assert_eq!(
                stranger.is_ok(),
                row.prefix == "/projects",
                "{}",
                row.prefix
            );
            for role in [
                Role::Customer,
                Role::Staff,
                Role::Salesman,
                Role::Consultant,
            ] {
                assert!(
                    row.callers.authorize(Some(role)).is_ok(),
                    "{} {role:?}",
                    row.prefix
                );
            }
        }
    }

    #[test]
    fn a_row_for_some_roles_refuses_the_others() {
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
