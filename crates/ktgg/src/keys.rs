//! The secrets of a data folder: made at the first start, kept for the next ones.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use anyhow::{Context as _, Result};
use events::SalesmanId;
use gateway::WebhookKey;
use gateway::config::SignInKey;
use service_kit::auth::{self, Identity, Role, Signer};
use service_kit::forms::phone::{CustomerIdKey, Phone};
use uuid::Uuid;

/// What a data folder keeps to itself.
#[derive(Debug, Clone)]
pub struct Keys {
    /// Signs internal tokens.
    pub signer: Signer,
    /// Makes customer ids of phone numbers.
    pub customer_ids: CustomerIdKey,
    /// The gateway hashes codes and the keys of limits under it.
    pub sign_in: SignInKey,
    /// Signs what the gateway sends to the inbox.
    pub sender: WebhookKey,
    /// The services' roles sign in to Postgres with it.
    pub database_password: String,
}

impl Keys {
    /// The secrets in this folder; makes those that are missing.
    ///
    /// # Errors
    /// When the folder cannot be written, or holds something else under these names.
    pub fn of(data: &Path) -> Result<Self> {
        let folder = data.join("keys");
        fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        let secret = || format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple());
        let private = kept(&folder.join("internal-token.pem"), auth::new_private_pem)?;
        Ok(Self {
            signer: private.parse().map_err(anyhow::Error::msg)?,
            customer_ids: kept(&folder.join("customer-id.key"), secret)?
                .parse()
                .map_err(anyhow::Error::msg)?,
            sign_in: kept(&folder.join("sign-in.key"), secret)?
                .parse()
                .map_err(anyhow::Error::msg)?,
            sender: kept(&folder.join("sender.key"), || format!("whsec_{}", secret()))?
                .parse()
                .map_err(anyhow::Error::msg)?,
            database_password: kept(&folder.join("database-password"), secret)?,
        })
    }

    /// The identity of the customer who has this number.
    pub fn customer(&self, phone: &Phone) -> Identity {
        Identity {
            role: Role::Customer,
            subject: self.customer_ids.customer_id(phone).0,
            phone: Some(phone.clone()),
        }
    }
}

/// A member of staff who has no account: for sessions that nobody has signed in for, in measurements and tests.
pub fn staff() -> Identity {
    Identity {
        role: Role::Staff,
        subject: Uuid::from_u128(0x0192_0000_0000_7000_8000_0000_0000_0001),
        phone: None,
    }
}

/// A salesman.
pub fn salesman(id: SalesmanId) -> Identity {
    Identity {
        role: Role::Salesman,
        subject: id.0,
        phone: None,
    }
}

/// A consultant.
pub fn consultant(id: SalesmanId) -> Identity {
    Identity {
        role: Role::Consultant,
        subject: id.0,
        phone: None,
    }
}

/// The file's content; makes it when it is not there.
fn kept(path: &Path, new: impl FnOnce() -> String) -> Result<String> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(text.trim().to_owned()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let made = new();
            let write = || -> std::io::Result<()> {
                let mut file = fs::OpenOptions::new()
                    .write(true)
                    .create_new(true)
                    .mode(0o600)
                    .open(path)?;
                file.write_all(made.as_bytes())?;
                file.sync_all()
            };
            write().with_context(|| format!("cannot write {}", path.display()))?;
            Ok(made)
        }
        Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
}
