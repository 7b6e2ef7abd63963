//! The secrets of a data folder, created at the first start.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::str::FromStr;
use std::{fmt, fs};

use anyhow::{Context as _, Result};
use events::SalesmanId;
use gateway::WebhookKey;
use gateway::config::SignInKey;
use service_kit::auth::{self, Identity, Role, Signer};
use service_kit::forms::phone::{CustomerIdKey, Phone};
use uuid::Uuid;

/// The secrets of one data folder.
#[derive(Debug, Clone)]
pub struct Keys {
    /// Signs internal tokens.
    pub signer: Signer,
    /// Derives customer ids from phone numbers.
    pub customer_ids: CustomerIdKey,
    /// The gateway hashes codes and rate limit keys with it.
    pub sign_in: SignInKey,
    /// Signs the gateway's messages to the inbox.
    pub sender: WebhookKey,
    /// The password of the services' Postgres roles.
    pub database_password: String,
}

impl Keys {
    /// Reads the secrets in this folder, and creates missing ones.
    ///
    /// # Errors
    /// When the folder cannot be written, or a file does not contain a valid secret.
    pub fn of(data: &Path) -> Result<Self> {
        let folder = data.join("keys");
        fs::create_dir_all(&folder)
            .with_context(|| format!("cannot create {}", folder.display()))?;
        let secret = || format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple());
        let file = |name: &str| folder.join(name);
        Ok(Self {
            signer: read_or_create(&file("internal-token.pem"), auth::new_private_pem)?,
            customer_ids: read_or_create(&file("customer-id.key"), secret)?,
            sign_in: read_or_create(&file("sign-in.key"), secret)?,
            sender: read_or_create(&file("sender.key"), || format!("whsec_{}", secret()))?,
            database_password: read_or_create(&file("database-password"), secret)?,
        })
    }

    /// Reads the secrets of a data folder that has them.
    ///
    /// # Errors
    /// When the folder has no keys.
    pub fn existing(data: &Path) -> Result<Self> {
        anyhow::ensure!(
            data.join("keys").is_dir(),
            "{} has no keys: start `cargo xtask up` first, or name its folder with --data",
            data.display()
        );
        Self::of(data)
    }

    /// The identity of the customer with this number.
    pub fn customer(&self, phone: &Phone) -> Identity {
        Identity {
            role: Role::Customer,
            subject: self.customer_ids.customer_id(phone).0,
            phone: Some(phone.clone()),
        }
    }
}

/// A member of staff without an account, for sessions in measurements and tests.
pub fn staff() -> Identity {
    Identity {
        role: Role::Staff,
        subject: Uuid::from_u128(0x0192_0000_0000_7000_8000_0000_0000_0001),
        phone: None,
    }
}

pub fn salesman(id: SalesmanId) -> Identity {
    Identity {
        role: Role::Salesman,
        subject: id.0,
        phone: None,
    }
}

pub fn consultant(id: SalesmanId) -> Identity {
    Identity {
        role: Role::Consultant,
        subject: id.0,
        phone: None,
    }
}

/// The secret in the file; creates the file when it is missing.
fn read_or_create<T>(path: &Path, new: impl FnOnce() -> String) -> Result<T>
where
    T: FromStr<Err: fmt::Display>,
{
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let secret = new();
            let write = || -> std::io::Result<()> {
                let mut file = fs::OpenOptions::new()
                    .write(true)
                    .create_new(true)
                    .mode(0o600)
                    .open(path)?;
                file.write_all(secret.as_bytes())?;
                file.sync_all()
            };
            write().with_context(|| format!("cannot write {}", path.display()))?;
            secret
        }
        Err(error) => {
            return Err(error).with_context(|| format!("cannot read {}", path.display()));
        }
    };
    let invalid = |error| anyhow::anyhow!("{} is invalid: {error}", path.display());
    text.trim().parse().map_err(invalid)
}
