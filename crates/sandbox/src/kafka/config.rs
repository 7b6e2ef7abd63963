//! Kafka's properties file and its cluster id.

use std::fmt::Write as _;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use anyhow::{Context as _, Result};

/// Ports of 127.0.0.1.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KafkaPorts {
    pub(crate) broker: u16,
    pub(crate) controller: u16,
}

/// The settings that are the same in every sandbox.
const FIXED: &str = "\
process.roles=broker,controller
node.id=1
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
auto.create.topics.enable=false
log.retention.ms=-1
# One node can hold one replica.
default.replication.factor=1
offsets.topic.replication.factor=1
offsets.topic.num.partitions=3
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=3
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
share.coordinator.state.topic.num.partitions=3
# A group with one consumer need not wait for more.
group.initial.rebalance.delay.ms=0
# Index files are preallocated: by default two of 10 MB for each of hundreds of partitions.
log.index.size.max.bytes=131072
log.segment.bytes=67108864
# By default the cleaner's buffer takes half of the heap.
log.cleaner.dedupe.buffer.size=8388608
# A killed broker can register again when its old session has expired: after 9 s by default.
broker.session.timeout.ms=2000
broker.heartbeat.interval.ms=400
num.network.threads=2
num.io.threads=4
background.threads=4
";

pub(super) fn properties(ports: KafkaPorts, data: &Path) -> String {
    let KafkaPorts { broker, controller } = ports;
    let settings = [
        // Voters that are configured here are not stored in the metadata, so the port can change.
        (
            "controller.quorum.voters",
            format!("1@127.0.0.1:{controller}"),
        ),
        (
            "listeners",
            format!("PLAINTEXT://127.0.0.1:{broker},CONTROLLER://127.0.0.1:{controller}"),
        ),
        (
            "advertised.listeners",
            format!("PLAINTEXT://127.0.0.1:{broker}"),
        ),
        ("log.dirs", escape_path(data)),
    ];
    let mut text = String::from("# Generated at each start.\n");
    for (name, value) in &settings {
        let _ = writeln!(text, "{name}={value}");
    }
    text.push_str(FIXED);
    text
}

/// A backslash starts an escape sequence in a properties file.
pub(crate) fn escape_path(path: &Path) -> String {
    path.display().to_string().replace('\\', "\\\\")
}

/// A random id of a new cluster: 16 bytes in base64url.
pub(super) fn random_cluster_id() -> Result<String> {
    let mut bytes = [0; 16];
    File::open("/dev/urandom")
        .and_then(|mut file| file.read_exact(&mut bytes))
        .context("cannot read /dev/urandom")?;
    Ok(cluster_id(bytes))
}

/// Clears the first bit, so that the id begins with a letter: a dash would begin an option.
fn cluster_id(mut bytes: [u8; 16]) -> String {
    bytes[0] &= 0x7f;
    base64url(bytes)
}

fn base64url(bytes: [u8; 16]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let number = u128::from_be_bytes(bytes);
    // 128 bits are 21 digits of six bits; the last digit has two bits and four zeros.
    let digit = |index: u32| {
        if index < 21 {
            (number >> (122 - 6 * index)) & 63
        } else {
            (number << 4) & 63
        }
    };
    (0..22)
        .filter_map(|index| usize::try_from(digit(index)).ok())
        .map(|digit| char::from(DIGITS[digit]))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sixteen_bytes_are_encoded_as_base64url() {
        assert_eq!(base64url([0; 16]), "AAAAAAAAAAAAAAAAAAAAAA");
        assert_eq!(base64url([255; 16]), "_____________________w");
        let counting = std::array::from_fn(|index| u8::try_from(index).unwrap_or(0));
        assert_eq!(base64url(counting), "AAECAwQFBgcICQoLDA0ODw");
    }

    #[test]
    fn cluster_id_always_begins_with_a_letter() {
        for first in 0..=u8::MAX {
            let mut bytes = [0xff; 16];
            bytes[0] = first;
            assert!(
                cluster_id(bytes).starts_with(|letter: char| letter.is_ascii_alphabetic()),
                "{first}"
            );
        }
    }

    #[test]
    fn kafka_listens_on_both_ports_of_loopback_only() {
        let ports = KafkaPorts {
            broker: 8091,
            controller: 8092,
        };
        let text = properties(ports, Path::new("/x/data"));
        assert!(
            text.contains("listeners=PLAINTEXT://127.0.0.1:8091,CONTROLLER://127.0.0.1:8092\n"),
            "{text}"
        );
        assert!(
            text.contains("controller.quorum.voters=1@127.0.0.1:8092\n"),
            "{text}"
        );
        assert!(text.contains("auto.create.topics.enable=false\n"), "{text}");
        assert!(!text.contains("0.0.0.0"), "{text}");
    }
}
