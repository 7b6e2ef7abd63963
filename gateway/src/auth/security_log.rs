//! The security log: sign-ins, codes, limits, ended sessions and refused roles, as log lines of the
//! target `security` with the same fields. docs/security.md lists them.
//!
//! No name, login, number or whole address is in them. Persons and addresses are HMACs under
//! `SIGN_IN_KEY`, so that lines about the same one can be found, but not who it is.

use service_kit::Problem;
use service_kit::auth::{Identity, Role};
use uuid::Uuid;

use crate::auth::sessions::{EndedSession, Session};
use crate::config::SignInKey;
use crate::edge::client_ip::ClientIp;
use crate::edge::networks;

/// The target of these lines, for a filter or a log shipper.
const TARGET: &str = "security";

/// Separates these MACs from others under the same key.
const SUBJECT: &str = "security-subject";
const CLIENT: &str = "security-client";

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SecurityEvent {
    CodeRequested,
    SignedIn,
    SignInFailed,
    SessionEnded,
    LimitHit,
    RoleRefused,
    CrossSiteRefused,
}

impl SecurityEvent {
    fn as_str(self) -> &'static str {
        match self {
            Self::CodeRequested => "code-requested",
            Self::SignedIn => "signed-in",
            Self::SignInFailed => "sign-in-failed",
            Self::SessionEnded => "session-ended",
            Self::LimitHit => "limit-hit",
            Self::RoleRefused => "role-refused",
            Self::CrossSiteRefused => "cross-site-refused",
        }
    }
}

/// Who an event is about, and who caused it.
#[derive(Debug, Clone, Default)]
pub(crate) struct About {
    client: Option<ClientIp>,
    /// The hashed value: a customer's id, or a login, which also has no account.
    subject: Option<Vec<u8>>,
    role: Option<Role>,
}

impl About {
    pub(crate) fn client(client: ClientIp) -> Self {
        let client = Some(client);
        Self {
            client,
            ..Self::default()
        }
    }

    pub(crate) fn and_customer(self, customer: Uuid) -> Self {
        Self {
            subject: Some(customer.as_bytes().to_vec()),
            role: Some(Role::Customer),
            ..self
        }
    }

    pub(crate) fn and_login(self, login: &str, role: Option<Role>) -> Self {
        Self {
            subject: Some(login.as_bytes().to_vec()),
            role,
            ..self
        }
    }

    pub(crate) fn and_session(self, session: &Session) -> Self {
        self.and_person(&session.identity, session.login.as_deref())
    }

    /// A customer, or the owner of an account with this login.
    pub(crate) fn and_person(self, identity: &Identity, login: Option<&str>) -> Self {
        match login {
            Some(login) => self.and_login(login, Some(identity.role)),
            None => Self {
                role: Some(identity.role),
                ..self.and_customer(identity.subject)
            },
        }
    }
}

/// Writes the security log.
#[derive(Debug, Clone)]
pub(crate) struct SecurityLog {
    key: SignInKey,
}

impl SecurityLog {
    pub(crate) fn new(key: SignInKey) -> Self {
        Self { key }
    }

    /// Writes an event. `reason` is a word of ours: how, why, which limit, which route.
    pub(crate) fn write(&self, event: SecurityEvent, about: &About, reason: &str) {
        let client = about.client.map(|client| client.network().to_string());
        tracing::info!(
            target: TARGET,
            event = event.as_str(),
            subject = about.subject.as_ref().map(|subject| self.hash(SUBJECT, subject)),
            client = client.map(|client| self.hash(CLIENT, client.as_bytes())),
            network = about.client.map(networks::widest),
            caller = about.role.map(Role::as_str),
            reason,
        );
    }

    /// Writes that a limit was hit, if the problem names one as its reason.
    pub(crate) fn limited(&self, about: &About) -> impl Fn(Problem) -> Problem {
        |problem| {
            if let Some(limit) = problem.reason() {
                self.write(SecurityEvent::LimitHit, about, limit);
            }
            problem
        }
    }

    /// Writes that these sessions ended.
    pub(crate) fn sessions_ended(&self, ended: &[EndedSession], about: &About, reason: &str) {
        for session in ended {
            let about = about
                .clone()
                .and_person(&session.identity(), session.login.as_deref());
            self.write(SecurityEvent::SessionEnded, &about, reason);
        }
    }

    /// The first 64 bits, which are enough to tell persons apart.
    fn hash(&self, purpose: &str, value: &[u8]) -> String {
        let mac = self.key.mac(purpose, &[value]);
        let first = mac.first_chunk().copied().unwrap_or_default();
        format!("{:016x}", u64::from_be_bytes(first))
    }
}
