//! How clients and brokers prove who they are: TLS and SASL.

use events::text_enum;
use rdkafka::config::ClientConfig;

use crate::config::{CaFile, Env};

const PROTOCOL: &str = "KAFKA_SECURITY_PROTOCOL";
const CA_FILE: &str = "KAFKA_SSL_CA_FILE";
const MECHANISM: &str = "KAFKA_SASL_MECHANISM";
const USER: &str = "KAFKA_SASL_USER";
const PASSWORD: &str = "KAFKA_SASL_PASSWORD";

text_enum! {
    /// Kafka's names of its protocols.
    enum Protocol {
        Plaintext = "PLAINTEXT",
        Ssl = "SSL",
        SaslPlaintext = "SASL_PLAINTEXT",
        SaslSsl = "SASL_SSL",
    }
}

impl Protocol {
    fn has_tls(self) -> bool {
        matches!(self, Self::Ssl | Self::SaslSsl)
    }

    fn has_sasl(self) -> bool {
        matches!(self, Self::SaslPlaintext | Self::SaslSsl)
    }
}

text_enum! {
    enum Mechanism {
        Plain = "PLAIN",
        ScramSha256 = "SCRAM-SHA-256",
        ScramSha512 = "SCRAM-SHA-512",
    }
}

/// `KAFKA_SECURITY_PROTOCOL` and the variables that it needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Security {
    protocol: Protocol,
    /// Without it, the system's certificate authorities are trusted.
    ca_file: Option<CaFile>,
    sasl: Option<Sasl>,
}

#[derive(Clone, PartialEq, Eq)]
struct Sasl {
    mechanism: Mechanism,
    user: String,
    password: String,
}

crate::redacted_debug!(Sasl);

impl Security {
    /// For brokers that demand neither TLS nor a password.
    pub const NONE: Self = Self {
        protocol: Protocol::Plaintext,
        ca_file: None,
        sasl: None,
    };

    /// Reads the variables. One that the protocol does not use is an error: it is expected to
    /// protect something.
    pub fn read(env: &mut Env) -> Option<Self> {
        let protocol = if env.is_set(PROTOCOL) {
            env.required(PROTOCOL)?
        } else {
            Protocol::Plaintext
        };
        let unused = [(CA_FILE, protocol.has_tls())]
            .into_iter()
            .chain([MECHANISM, USER, PASSWORD].map(|name| (name, protocol.has_sasl())))
            .filter(|(name, is_used)| !is_used && env.is_set(name));
        for name in unused.map(|(name, _)| name).collect::<Vec<_>>() {
            env.refuse(format!(
                "{name} is set, but {PROTOCOL}={} does not use it",
                protocol.as_str()
            ));
        }
        let ca_file = (protocol.has_tls() && env.is_set(CA_FILE)).then(|| env.required(CA_FILE));
        let sasl = protocol.has_sasl().then(|| {
            let mechanism = env.required(MECHANISM);
            let (user, password) = (env.secret(USER), env.secret(PASSWORD));
            Some(Sasl {
                mechanism: mechanism?,
                user: user?,
                password: password?,
            })
        });
        Some(Self {
            protocol,
            ca_file: match ca_file {
                Some(file) => Some(file?),
                None => None,
            },
            sasl: match sasl {
                Some(sasl) => Some(sasl?),
                None => None,
            },
        })
    }

    /// The variables from which [`Self::read`] reads the same, the password among them.
    pub fn variables(&self) -> Vec<(&'static str, String)> {
        let mut variables = vec![(PROTOCOL, self.protocol.as_str().to_owned())];
        variables.extend(
            self.ca_file
                .iter()
                .map(|file| (CA_FILE, file.path().to_owned())),
        );
        if let Some(sasl) = &self.sasl {
            variables.extend([
                (MECHANISM, sasl.mechanism.as_str().to_owned()),
                (USER, sasl.user.clone()),
                (PASSWORD, sasl.password.clone()),
            ]);
        }
        variables
    }

    pub(super) fn apply(&self, config: &mut ClientConfig) {
        config.set("security.protocol", self.protocol.as_str());
        // The default since librdkafka 2.0; older ones accepted any certificate of the authority.
        config.set("ssl.endpoint.identification.algorithm", "https");
        if let Some(file) = &self.ca_file {
            config.set("ssl.ca.location", file.path());
        }
        if let Some(sasl) = &self.sasl {
            config
                .set("sasl.mechanism", sasl.mechanism.as_str())
                .set("sasl.username", &sasl.user)
                .set("sasl.password", &sasl.password);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<Security, Vec<String>> {
        let mut env = Env::from_pairs(pairs.iter().copied());
        let security = Security::read(&mut env);
        env.invalid()
            .map_or_else(|| Ok(security.unwrap()), |invalid| Err(invalid.0))
    }

    #[test]
    fn security_is_none_unless_a_protocol_is_set() {
        assert_eq!(read(&[]), Ok(Security::NONE));
        assert_eq!(read(&[(PROTOCOL, "PLAINTEXT")]), Ok(Security::NONE));
        assert_eq!(
            read(&[(PROTOCOL, "SSL")]).unwrap().variables(),
            [(PROTOCOL, "SSL".to_owned())]
        );
    }

    #[test]
    fn variables_are_read_back() {
        let pairs = [
            (PROTOCOL, "SASL_PLAINTEXT"),
            (MECHANISM, "SCRAM-SHA-512"),
            (USER, "ktgg"),
            (PASSWORD, "geheim"),
        ];
        let security = read(&pairs).unwrap();
        let written = security.variables();
        assert_eq!(written, pairs.map(|(name, value)| (name, value.to_owned())));
        let debug = format!("{security:?}");
        assert!(!debug.contains("geheim"), "{debug}");
    }

    #[test]
    fn missing_invalid_and_unused_variables_are_reported_together() {
        assert_eq!(
            read(&[
                (PROTOCOL, "SASL_SSL"),
                (CA_FILE, "/no/such/file"),
                (MECHANISM, "GSSAPI"),
                ("KAFKA_SASL_PASSWORD_FILE", "/no/such/file"),
            ])
            .unwrap_err()
            .iter()
            .map(|error| error.split([' ', '=']).next().unwrap())
            .collect::<Vec<_>>(),
            [CA_FILE, MECHANISM, USER, "KAFKA_SASL_PASSWORD_FILE"]
        );
        let unused = read(&[
            (PROTOCOL, "PLAINTEXT"),
            (CA_FILE, "/ca.pem"),
            (USER, "ktgg"),
            ("KAFKA_SASL_PASSWORD_FILE", "/password"),
        ]);
        assert_eq!(
            unused.unwrap_err(),
            [CA_FILE, USER, PASSWORD].map(|name| format!(
                "{name} is set, but KAFKA_SECURITY_PROTOCOL=PLAINTEXT does not use it"
            ))
        );
        let errors = read(&[(PROTOCOL, "TLS"), (PASSWORD, "geheim")]).unwrap_err();
        assert_eq!(errors.len(), 1);
        assert!(errors[0].starts_with("KAFKA_SECURITY_PROTOCOL=TLS is invalid"));
    }
}
