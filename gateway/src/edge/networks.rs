//! The networks around an address. A caller with many addresses has them in few networks: a limit
//! of each address alone would be none.

use std::net::IpAddr;

use crate::edge::client_ip::ClientIp;

/// Prefix lengths, and how many times the limit of one address the network has, because several
/// clients share it. An IPv4 `/24` is the smallest network that is routed.
const V4: [(u32, u32); 1] = [(24, 4)];

/// A provider assigns a `/56` to a household and a `/48` to a company.
const V6: [(u32, u32); 2] = [(56, 4), (48, 16)];

/// The address itself (an IPv6 address by its `/64`) and the networks around it, each with the
/// multiple of a limit that it has.
pub(crate) fn around(client: ClientIp) -> impl Iterator<Item = (String, u32)> {
    let address = client.network();
    let (wider, bits): (&[(u32, u32)], u32) = match address {
        IpAddr::V4(_) => (&V4, 32),
        IpAddr::V6(_) => (&V6, 128),
    };
    let wider = wider.iter().map(move |(length, multiple)| {
        let network: IpAddr = match address {
            IpAddr::V4(address) => (u32::from(address) >> (bits - length) << (bits - length))
                .to_be_bytes()
                .into(),
            IpAddr::V6(address) => (u128::from(address) >> (bits - length) << (bits - length))
                .to_be_bytes()
                .into(),
        };
        (format!("{network}/{length}"), *multiple)
    });
    std::iter::once((address.to_string(), 1)).chain(wider)
}

/// The widest network around an address.
pub(crate) fn widest(client: ClientIp) -> String {
    around(client)
        .last()
        .map(|(network, _)| network)
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn networks(address: &str) -> Vec<(String, u32)> {
        around(ClientIp(address.parse().unwrap())).collect()
    }

    fn expected(networks: &[(&str, u32)]) -> Vec<(String, u32)> {
        let owned = |(network, multiple): &(&str, u32)| ((*network).to_owned(), *multiple);
        networks.iter().map(owned).collect()
    }

    #[test]
    fn an_ipv6_address_is_in_its_64_56_and_48_bit_networks() {
        assert_eq!(
            networks("2001:db8:1:2ff:3:4:5:6"),
            expected(&[
                ("2001:db8:1:2ff::", 1),
                ("2001:db8:1:200::/56", 4),
                ("2001:db8:1::/48", 16),
            ])
        );
    }

    #[test]
    fn an_ipv4_address_is_in_its_24_bit_network() {
        let both = expected(&[("203.0.113.7", 1), ("203.0.113.0/24", 4)]);
        assert_eq!(networks("203.0.113.7"), both);
        assert_eq!(networks("::ffff:203.0.113.7"), both);
        assert_eq!(widest(ClientIp([203, 0, 113, 7].into())), "203.0.113.0/24");
    }
}
