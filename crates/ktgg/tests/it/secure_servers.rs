//! Servers that demand TLS and a password: what is right is used, what is wrong is explained.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use gateway::config::Limits;
use ktgg::host::{self, Installation};
use ktgg::keys::Keys;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use sandbox::{Options, Progress, Sandbox, Secure};
use service_kit::Db;
use service_kit::clock::SystemClock;
use service_kit::config::{DatabaseUrl, Env, Migrate};
use service_kit::messaging::kafka::{DEFAULT_PREFIX, Security, Settings};
use service_kit::{migrations, testing};
use tokio_util::sync::CancellationToken;

use crate::request_to_match::check_request_to_match;
use crate::system::{InProcess, Scratch};

/// The only host name in the servers' certificate.
const HOST: &str = "localhost";

const USER: &str = "ktgg";
const PASSWORD: &str = "Kafka-Geheimnis-4711";

/// An authority, whose certificate is in a file.
fn authority(folder: &Path, name: &str) -> (PathBuf, CertifiedIssuer<'static, KeyPair>) {
    let mut params = CertificateParams::default();
    // OpenSSL takes a certificate whose issuer has the same name for a self-signed one.
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let file = folder.join(name);
    fs::write(&file, issuer.pem()).unwrap();
    (file, issuer)
}

struct SecureServers {
    scratch: Scratch,
    sandbox: Sandbox,
    kafka_port: u16,
    ca: PathBuf,
    other_ca: PathBuf,
    password_file: PathBuf,
}

impl SecureServers {
    async fn start() -> Self {
        let scratch = Scratch::new("secure");
        let (ca, issuer) = authority(scratch.path(), "ca.pem");
        let (other_ca, _) = authority(scratch.path(), "other-ca.pem");
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new([HOST.to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &issuer).unwrap();
        let password_file = scratch.path().join("kafka-password");
        fs::write(&password_file, format!("{PASSWORD}\n")).unwrap();
        let mut options = Options::on_free_ports(scratch.path().join("servers")).unwrap();
        let [kafka_port] = sandbox::free_ports().unwrap();
        options.secure = Some(Secure {
            certificate: certificate.pem(),
            key: key.serialize_pem(),
            kafka_port,
            kafka_user: USER.to_owned(),
            kafka_password: PASSWORD.to_owned(),
        });
        let start = move || Sandbox::start(&options, &Progress::silent()).unwrap();
        let sandbox = tokio::task::spawn_blocking(start).await.unwrap();
        Self {
            scratch,
            sandbox,
            kafka_port,
            ca,
            other_ca,
            password_file,
        }
    }

    /// The URL of the superuser, on this host and with these parameters.
    fn postgres(&self, host: &str, parameters: &str) -> String {
        let url = self.sandbox.postgres_url();
        format!("{}?{parameters}", url.replace("127.0.0.1", host))
    }

    fn verified(&self) -> String {
        format!("sslmode=verify-full&sslrootcert={}", self.ca.display())
    }

    /// The brokers on this host, reached as these variables say.
    fn kafka(&self, host: &str, variables: &[(&str, &str)]) -> Settings {
        let mut env = Env::from_pairs(variables.iter().copied());
        let security = Security::read(&mut env);
        assert_eq!(env.invalid(), None);
        Settings {
            security: security.unwrap(),
            ..Settings::plain(format!("{host}:{}", self.kafka_port), DEFAULT_PREFIX)
        }
    }

    /// With the right certificate and password.
    fn kafka_by(&self, mechanism: &str) -> Settings {
        let variables = [
            ("KAFKA_SECURITY_PROTOCOL", "SASL_SSL"),
            ("KAFKA_SSL_CA_FILE", self.ca.to_str().unwrap()),
            ("KAFKA_SASL_MECHANISM", mechanism),
            ("KAFKA_SASL_USER", USER),
            (
                "KAFKA_SASL_PASSWORD_FILE",
                self.password_file.to_str().unwrap(),
            ),
        ];
        self.kafka(HOST, &variables)
    }
}

/// The error with which a service ends that has this database.
async fn database_error(url: &str) -> String {
    let url: DatabaseUrl = url.parse().unwrap();
    let db = Db::new("salesman-match", &url, Arc::new(SystemClock)).unwrap();
    let service = salesman_match::service();
    let stop = CancellationToken::new();
    let migrated =
        migrations::migrate_when_available(&db, service.migrations(), Migrate::Check, &stop);
    format!("{:#}", migrated.await.unwrap_err())
}

/// Each wrong setting of the database is explained with its variable, and without the password.
async fn check_database_errors(servers: &SecureServers, keys: &Keys) {
    let password = &keys.database_password;
    let url = |host: &str, parameters: &str, password: &str| {
        let superuser = servers.postgres(host, parameters);
        let url = service_kit::db::service_url(&superuser, "salesman-match", password).unwrap();
        url.expose().to_owned()
    };
    let verified = servers.verified();
    let distrusting = format!(
        "sslmode=verify-full&sslrootcert={}",
        servers.other_ca.display()
    );
    for (url, why) in [
        (url(HOST, &distrusting, password), "UnknownIssuer"),
        (url(HOST, "sslmode=verify-full", password), "UnknownIssuer"),
        (url("127.0.0.1", &verified, password), "not valid for name"),
        (
            url(HOST, &verified, "falsch123"),
            "password authentication failed",
        ),
        (
            url(HOST, "sslmode=disable", password),
            "no pg_hba.conf entry",
        ),
    ] {
        let error = database_error(&url).await;
        assert!(error.contains(why), "{why}: {error}");
        assert!(error.contains("SALESMAN_MATCH_DATABASE_URL"), "{error}");
        for secret in [password, "falsch123"] {
            assert!(!error.contains(secret), "{error}");
        }
    }
}

/// Each wrong setting of Kafka is explained with its variables, and without the password.
async fn check_kafka_errors(servers: &SecureServers) {
    let (ca, other_ca) = (
        servers.ca.to_str().unwrap(),
        servers.other_ca.to_str().unwrap(),
    );
    let sasl_ssl = |host: &str, ca: &str, mechanism: &str, password: &str| {
        let variables = [
            ("KAFKA_SECURITY_PROTOCOL", "SASL_SSL"),
            ("KAFKA_SSL_CA_FILE", ca),
            ("KAFKA_SASL_MECHANISM", mechanism),
            ("KAFKA_SASL_USER", USER),
            ("KAFKA_SASL_PASSWORD", password),
        ];
        servers.kafka(host, &variables)
    };
    let (plain, scram) = ("PLAIN", "SCRAM-SHA-512");
    for (settings, variable) in [
        (
            sasl_ssl(HOST, other_ca, plain, PASSWORD),
            "KAFKA_SSL_CA_FILE",
        ),
        (sasl_ssl("127.0.0.1", ca, plain, PASSWORD), "KAFKA_BROKERS"),
        (
            sasl_ssl(HOST, ca, plain, "falsch123"),
            "KAFKA_SASL_PASSWORD",
        ),
        (
            sasl_ssl(HOST, ca, scram, "falsch123"),
            "KAFKA_SASL_PASSWORD",
        ),
        (servers.kafka(HOST, &[]), "KAFKA_SECURITY_PROTOCOL"),
    ] {
        let error = settings.create_topics().await.unwrap_err().to_string();
        assert!(
            error.starts_with("Kafka refuses this client"),
            "{variable}: {error}"
        );
        assert!(error.contains(variable), "{variable}: {error}");
        for secret in [PASSWORD, "falsch123"] {
            assert!(!error.contains(secret), "{error}");
        }
    }
    // A client with TLS on the listener without it.
    let mut settings = sasl_ssl(HOST, ca, plain, PASSWORD);
    settings.brokers = servers.sandbox.kafka_address();
    let error = settings.create_topics().await.unwrap_err().to_string();
    assert!(error.contains("KAFKA_SECURITY_PROTOCOL"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn system_runs_on_servers_that_demand_tls_and_a_password() {
    let servers = SecureServers::start().await;
    for mechanism in ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] {
        servers.kafka_by(mechanism).create_topics().await.unwrap();
    }
    let installation = Installation {
        data: servers.scratch.path().to_owned(),
        postgres: servers.postgres(HOST, &servers.verified()),
        kafka: servers.kafka_by("SCRAM-SHA-512"),
        port: host::free_port().unwrap(),
        limits: Limits::UNLIMITED,
        pages: None,
    };
    let keys = Keys::of(&installation.data).unwrap();
    let in_process = InProcess::start(&installation, &keys).await;
    check_request_to_match(&installation, &keys).await;
    let pool = testing::superuser_pool(&installation.postgres).await;
    let (encrypted, plain): (i64, i64) = sqlx::query_as(
        "select count(*) filter (where ssl), count(*) filter (where not ssl)
         from pg_stat_ssl join pg_stat_activity using (pid) where usename like 'ktgg%'",
    )
    .fetch_one(&pool)
    .await
    .unwrap();
    assert!(encrypted > 0 && plain == 0, "{encrypted} and {plain}");
    pool.close().await;

    check_database_errors(&servers, &keys).await;
    check_kafka_errors(&servers).await;
    in_process.stop().await;
    let SecureServers { sandbox, .. } = servers;
    tokio::task::spawn_blocking(move || sandbox.stop())
        .await
        .unwrap();
}
