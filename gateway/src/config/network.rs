//! Networks of addresses.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// The addresses that begin with the same bits: `10.0.0.0/8`. IPv4 in IPv6 counts as IPv4.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Network {
    /// The first address.
    pub(crate) address: IpAddr,
    prefix: u8,
}

impl Network {
    /// The network of an address whose addresses share this many bits, or all of them.
    pub(crate) fn around(address: IpAddr, prefix: u8) -> Self {
        let address = address.to_canonical();
        let prefix = prefix.min(bits(address));
        // All bits are shifted out if there is no prefix.
        let host_bits = u32::from(bits(address) - prefix);
        let address = match address {
            IpAddr::V4(v4) => {
                let mask = u32::MAX.checked_shl(host_bits).unwrap_or(0);
                IpAddr::V4((u32::from(v4) & mask).into())
            }
            IpAddr::V6(v6) => {
                let mask = u128::MAX.checked_shl(host_bits).unwrap_or(0);
                IpAddr::V6((u128::from(v6) & mask).into())
            }
        };
        Self { address, prefix }
    }

    pub(super) fn contains(self, address: IpAddr) -> bool {
        Self::around(address, self.prefix) == self
    }
}

fn bits(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

impl FromStr for Network {
    type Err = ();

    /// Refuses a network that contains less or more than it seems to: `10.0.0.7/8`, and IPv4 as
    /// IPv6 (`::ffff:10.0.0.0/104`), which no peer's canonical address is in.
    fn from_str(text: &str) -> Result<Self, ()> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix.parse().map_err(drop)?)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(drop)?;
        let prefix = prefix.unwrap_or_else(|| bits(address));
        let network = Self::around(address, prefix);
        if network.address == address && network.prefix == prefix {
            Ok(network)
        } else {
            Err(())
        }
    }
}
