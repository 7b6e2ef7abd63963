//! Authentication: services trust only the tokens that the gateway signs.

pub(crate) mod caller;
pub(crate) mod token;

pub use caller::Staff;
pub use token::{Identity, Role, Signer, TOKEN_LIFETIME, Verifier, new_private_pem};
