//! The networks around an address. A caller with many addresses has them in few networks: a limit
//! of each address alone would be none.

use std::net::IpAddr;

use crate::config::{Network, Rate};
use crate::edge::client_ip::ClientIp;

/// Prefix lengths, and how many times the limit of one address the network has, because several
/// clients share it. An IPv4 `/24` is the smallest network that is routed; thousands of customers
/// of a mobile carrier may be behind one.
const V4: [(u8, u32); 1] = [(24, 64)];

/// A provider assigns a `/56` to a household and a `/48` to a company.
const V6: [(u8, u32); 2] = [(56, 2), (48, 4)];

/// No network has more than this part of a limit of all callers: one would lock the others out.
const LARGEST_PART: u32 = 4;

/// The limits of the address and of the networks around: multiples of the address's own, within
/// their part of the limit of all callers, if there is one.
pub(crate) fn limits(
    client: ClientIp,
    of_address: Rate,
    of_all: Option<Rate>,
) -> impl Iterator<Item = (String, Rate)> {
    around(client).map(move |(network, multiple)| {
        let rate = of_address.times(multiple);
        let rate = match of_all {
            Some(all) => rate.slower(all.part(LARGEST_PART)).faster(of_address),
            None => rate,
        };
        (network, rate)
    })
}

/// The address itself (an IPv6 address by its `/64`) and the networks around it, each with the
/// multiple of a limit that it has.
fn around(client: ClientIp) -> impl Iterator<Item = (String, u32)> {
    let address = client.network();
    let wider: &[(u8, u32)] = match address {
        IpAddr::V4(_) => &V4,
        IpAddr::V6(_) => &V6,
    };
    let wider = wider
        .iter()
        .map(move |(prefix, multiple)| (Network::around(address, *prefix).to_string(), *multiple));
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
    use crate::auth::one_time_code::MAX_GUESSES;
    use crate::config::Limits;

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
                ("2001:db8:1:200::/56", 2),
                ("2001:db8:1::/48", 4),
            ])
        );
    }

    #[test]
    fn an_ipv4_address_is_in_its_24_bit_network() {
        let both = expected(&[("203.0.113.7", 1), ("203.0.113.0/24", 64)]);
        assert_eq!(networks("203.0.113.7"), both);
        assert_eq!(networks("::ffff:203.0.113.7"), both);
        assert_eq!(widest(ClientIp([203, 0, 113, 7].into())), "203.0.113.0/24");
    }

    #[test]
    fn no_network_has_more_than_a_quarter_of_what_all_callers_have() {
        let limits = Limits::DEFAULT;
        for (of_address, of_all) in [
            (limits.codes_per_address, limits.codes_hourly),
            (limits.guesses_per_address, limits.guesses),
        ] {
            for client in ["203.0.113.7", "2001:db8::1"] {
                let client = ClientIp(client.parse().unwrap());
                for (network, rate) in super::limits(client, of_address, Some(of_all)) {
                    assert!(rate.burst() * 4 <= of_all.burst(), "{network}: {rate}");
                    assert!(
                        rate.interval() >= of_all.interval() * 4,
                        "{network}: {rate}"
                    );
                    assert!(
                        rate.interval() <= of_address.interval(),
                        "{network}: {rate}"
                    );
                }
            }
        }
    }

    #[test]
    fn all_codes_of_an_hour_can_be_guessed_at_to_their_last_guess() {
        let limits = Limits::DEFAULT;
        let guesses = u32::try_from(MAX_GUESSES).unwrap();
        assert_eq!(limits.guesses, limits.codes_hourly.times(guesses));
    }

    #[test]
    fn a_network_has_no_less_than_one_of_its_addresses() {
        let client = ClientIp([203, 0, 113, 7].into());
        let rates = |of_address: Rate, of_all| -> Vec<Rate> {
            let limits = super::limits(client, of_address, of_all);
            limits.map(|(_, rate)| rate).collect()
        };
        let rate = Rate::new(30, 3600);
        assert_eq!(rates(rate, None), [rate, rate.times(64)]);
        assert_eq!(
            rates(rate, Some(Rate::new(600, 3600))),
            [rate, Rate::new(150, 3600)]
        );
        assert_eq!(rates(rate, Some(Rate::new(1, 3600))), [rate, rate]);
    }
}
