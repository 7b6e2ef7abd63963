//! Listeners that demand TLS and a password, for tests of clients.

use std::fmt::Write as _;
use std::path::PathBuf;

use anyhow::Result;

use crate::data_folder::DataFolder;
use crate::kafka::escape_path;

/// Makes Postgres demand TLS and a password of every role but the superuser, and Kafka listen on
/// one more port with `SASL_SSL`.
#[derive(Clone, Debug)]
pub struct Secure {
    /// The servers' certificate in PEM.
    pub certificate: String,
    /// Its key: PKCS#8 in PEM.
    pub key: String,
    /// The port of Kafka's listener.
    pub kafka_port: u16,
    /// Known to Kafka by PLAIN, SCRAM-SHA-256 and SCRAM-SHA-512.
    pub kafka_user: String,
    pub kafka_password: String,
}

impl Secure {
    /// Writes the files of Postgres, and returns the settings that name them.
    pub(crate) fn postgres_settings(
        &self,
        folder: &DataFolder,
    ) -> Result<Vec<(&'static str, String)>> {
        const CLIENTS: &str = "\
            host all postgres 127.0.0.1/32 trust\n\
            hostssl all all 127.0.0.1/32 scram-sha-256\n";
        let home = folder.create_private("postgres")?;
        let write = |name: &str, text: &str| -> Result<String> {
            let path = home.join(name);
            folder.write_private(&path, text)?;
            Ok(path.display().to_string())
        };
        Ok(vec![
            ("ssl", "on".to_owned()),
            ("ssl_cert_file", write("server.crt", &self.certificate)?),
            ("ssl_key_file", write("server.key", &self.key)?),
            ("hba_file", write("pg_hba.conf", CLIENTS)?),
        ])
    }

    /// Writes Kafka's key store, and returns the lines of its properties file. Of two lines with
    /// the same name, the later one counts.
    pub(crate) fn kafka_properties(
        &self,
        folder: &DataFolder,
        (broker, controller): (u16, u16),
    ) -> Result<String> {
        const LOGIN_MODULE: &str = "org.apache.kafka.common.security";
        let store: PathBuf = folder.create_private("kafka")?.join("server.pem");
        folder.write_private(&store, &format!("{}{}", self.key, self.certificate))?;
        let Self {
            kafka_port: secure,
            kafka_user: user,
            kafka_password: password,
            ..
        } = self;
        let mut lines = format!(
            "listeners=PLAINTEXT://127.0.0.1:{broker},CONTROLLER://127.0.0.1:{controller},\
             SASL_SSL://127.0.0.1:{secure}\n\
             advertised.listeners=PLAINTEXT://127.0.0.1:{broker},SASL_SSL://localhost:{secure}\n\
             listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,\
             SASL_SSL:SASL_SSL\n\
             ssl.keystore.type=PEM\n\
             ssl.keystore.location={}\n\
             sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512\n\
             listener.name.sasl_ssl.plain.sasl.jaas.config=\
             {LOGIN_MODULE}.plain.PlainLoginModule required user_{user}=\"{password}\";\n",
            escape_path(&store),
        );
        for mechanism in ["scram-sha-256", "scram-sha-512"] {
            let _ = writeln!(
                lines,
                "listener.name.sasl_ssl.{mechanism}.sasl.jaas.config=\
                 {LOGIN_MODULE}.scram.ScramLoginModule required;"
            );
        }
        Ok(lines)
    }

    /// The options of Kafka's storage tool that add the user.
    pub(crate) fn scram_options(&self) -> Vec<String> {
        let (user, password) = (&self.kafka_user, &self.kafka_password);
        let add = |mechanism: &str| {
            let credentials = format!("{mechanism}=[name={user},password={password}]");
            ["--add-scram".to_owned(), credentials]
        };
        ["SCRAM-SHA-256", "SCRAM-SHA-512"].map(add).concat()
    }
}
