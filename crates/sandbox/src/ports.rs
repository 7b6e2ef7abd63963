//! Ports of 127.0.0.1: free ones, and a message for one that is taken.

use std::fmt::Write as _;
use std::fs;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::Command;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, bail};

/// Ports nobody listens on now.
///
/// They are taken from below the range systems give to outgoing connections. A port of that range could be lent to some client
/// while its server restarts, and a client that keeps knocking at a closed port of that range in the end connects to itself.
pub fn free<const N: usize>() -> Result<[u16; N]> {
    const FIRST: u16 = 20_000;
    const COUNT: u16 = 12_000;
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |it| it.subsec_nanos());
    let seed = now ^ std::process::id().wrapping_mul(2_654_435_761);
    let begin = u16::try_from(seed % u32::from(COUNT)).unwrap_or(0);
    let mut held = Vec::new();
    for step in 0..COUNT {
        let port = FIRST + (begin + step) % COUNT;
        if let Ok(listener) = TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
            // Held until all are found, so that none is given twice.
            held.push((port, listener));
        }
        if held.len() == N {
            let ports: Vec<u16> = held.iter().map(|it| it.0).collect();
            return ports
                .try_into()
                .ok()
                .context("as many ports as were asked for");
        }
    }
    bail!("no free port between {FIRST} and {}", FIRST + COUNT)
}

/// Fails with one message about every port that is taken: who needs it, and who has it if that can be told.
pub fn check(ports: &[(u16, &str)]) -> Result<()> {
    let taken: Vec<&(u16, &str)> = ports.iter().filter(|it| is_taken(it.0)).collect();
    if taken.is_empty() {
        return Ok(());
    }
    let mut message = String::new();
    for (port, purpose) in taken {
        let holder = holder(*port).map_or(String::new(), |it| format!(" by {it}"));
        let _ = writeln!(message, "Port {port}, for {purpose}, is in use{holder}.");
    }
    message.push_str("End what uses it, or choose other ports with `--port`.");
    bail!(message)
}

fn is_taken(port: u16) -> bool {
    // Where the system lets a second listener bind more narrowly than the first, only an attempt to connect tells.
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_err()
        || TcpStream::connect_timeout(
            &(Ipv4Addr::LOCALHOST, port).into(),
            Duration::from_millis(200),
        )
        .is_ok()
}

/// The process that listens on a port, if we may know.
fn holder(port: u16) -> Option<String> {
    let pid = if let Ok(table) = fs::read_to_string("/proc/net/tcp") {
        let mut sockets = listeners(&table, port);
        sockets.extend(listeners(
            &fs::read_to_string("/proc/net/tcp6").unwrap_or_default(),
            port,
        ));
        owner(&sockets)?
    } else {
        let output = Command::new("lsof")
            .args(["-nP", "-t", "-sTCP:LISTEN", &format!("-iTCP:{port}")])
            .output()
            .ok()?;
        String::from_utf8_lossy(&output.stdout)
            .lines()
            .next()?
            .parse()
            .ok()?
    };
    let line: String = crate::process::command_line(pid)?
        .chars()
        .take(120)
        .collect();
    Some(format!("process {pid} ({line})"))
}

/// The sockets of the kernel's table that listen on a port.
fn listeners(table: &str, port: u16) -> Vec<String> {
    const LISTEN: &str = "0A";
    let local = format!(":{port:04X}");
    let rows = table
        .lines()
        .map(|it| it.split_whitespace().collect::<Vec<_>>());
    rows.filter(|it| it.len() > 9 && it[1].ends_with(&local) && it[3] == LISTEN)
        .map(|it| format!("socket:[{}]", it[9]))
        .collect()
}

fn owner(sockets: &[String]) -> Option<u32> {
    let pids = fs::read_dir("/proc")
        .ok()?
        .flatten()
        .filter_map(|it| it.file_name().to_str()?.parse::<u32>().ok());
    pids.into_iter().find(|pid| {
        let open = fs::read_dir(format!("/proc/{pid}/fd"))
            .into_iter()
            .flatten()
            .flatten();
        open.filter_map(|it| fs::read_link(it.path()).ok())
            .any(|it| sockets.iter().any(|socket| it.as_os_str() == &**socket))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn free_ports_differ_and_lie_below_what_outgoing_connections_use() {
        let [a, b, c] = free().expect("three ports are free");
        assert!(a != b && b != c && a != c);
        assert!([a, b, c].iter().all(|it| (20_000..32_000).contains(it)));
    }

    #[test]
    fn the_message_about_a_taken_port_names_it_its_purpose_its_holder_and_the_way_out() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("some port is free");
        let port = listener.local_addr().expect("it is bound").port();
        let message = check(&[(port, "the gateway")])
            .expect_err("it is taken")
            .to_string();
        assert!(
            message.contains(&format!("Port {port}, for the gateway, is in use")),
            "{message}"
        );
        assert!(message.contains("--port"), "{message}");
        if cfg!(target_os = "linux") {
            assert!(
                message.contains(&format!("process {}", std::process::id())),
                "{message}"
            );
        }
    }

    #[test]
    fn only_listening_sockets_of_the_port_are_taken_from_the_table() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n\
                     0: 0100007F:1F98 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1\n\
                     1: 0100007F:1F98 0100007F:9999 01 00000000:00000000 00:00000000 00000000     0        0 4712 1\n\
                     2: 0100007F:1F99 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4713 1\n";
        assert_eq!(listeners(table, 8088), ["socket:[4711]"]);
    }
}
