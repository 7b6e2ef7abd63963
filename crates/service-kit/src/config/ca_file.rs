//! Certificates of the authorities that a client trusts.

use std::fs;
use std::str::FromStr;

/// The path of a PEM file with at least one certificate, which could be read at the start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaFile(String);

impl CaFile {
    /// The path.
    pub fn path(&self) -> &str {
        &self.0
    }
}

impl FromStr for CaFile {
    type Err = String;

    fn from_str(path: &str) -> Result<Self, String> {
        let pem = fs::read(path).map_err(|error| format!("it cannot be read: {error}"))?;
        let marker = b"-----BEGIN CERTIFICATE-----";
        if pem.windows(marker.len()).any(|window| window == marker) {
            Ok(Self(path.to_owned()))
        } else {
            Err("the file contains no certificate in PEM".to_owned())
        }
    }
}
