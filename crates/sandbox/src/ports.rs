//! Ports of 127.0.0.1: unused ones, and an error for those in use.

use std::fmt::Write as _;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, bail};

use crate::process_table::command_line;

/// Characters of a command line in an error.
const MAX_COMMAND_LINE_LENGTH: usize = 120;

/// Ports on which no process listens.
///
/// They lie below the range of outgoing connections. A port of that range could be assigned to
/// another client while its server restarts, and a client that keeps connecting to a closed port
/// of that range eventually connects to itself.
pub fn free<const N: usize>() -> Result<[u16; N]> {
    const FIRST: u16 = 20_000;
    const COUNT: u16 = 12_000;
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH);
    let nanoseconds = since_epoch.map_or(0, |duration| duration.subsec_nanos());
    let seed = nanoseconds ^ std::process::id().wrapping_mul(2_654_435_761);
    let start = u16::try_from(seed % u32::from(COUNT)).unwrap_or(0);
    // Bound until all ports are found, so that no port is returned twice.
    let listeners: Vec<(u16, TcpListener)> = (0..COUNT)
        .map(|offset| FIRST + (start + offset) % COUNT)
        .filter_map(|port| Some((port, TcpListener::bind((Ipv4Addr::LOCALHOST, port)).ok()?)))
        .take(N)
        .collect();
    let ports: Vec<u16> = listeners.iter().map(|(port, _)| *port).collect();
    let ports = ports.try_into().ok();
    ports.with_context(|| format!("no free port between {FIRST} and {}", FIRST + COUNT))
}

/// Fails if a port is in use. The error lists all such ports, each with the server that needs it
/// and the process that uses it, if that is known.
pub fn check(ports: &[(u16, &str)]) -> Result<()> {
    let mut message = String::new();
    for (port, server) in ports.iter().filter(|(port, _)| is_in_use(*port)) {
        let user = listening_process(*port).map_or(String::new(), |user| format!(" by {user}"));
        let _ = writeln!(message, "Port {port}, for {server}, is in use{user}.");
    }
    if message.is_empty() {
        return Ok(());
    }
    bail!("{message}Stop that process, or choose other ports with `--port`.")
}

fn is_in_use(port: u16) -> bool {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    // Some systems allow a second, more specific listener, so a free bind does not prove enough.
    TcpListener::bind(address).is_err()
        || TcpStream::connect_timeout(&address, Duration::from_millis(200)).is_ok()
}

/// The process that listens on a port, if this user may see it.
fn listening_process(port: u16) -> Option<String> {
    let pid = if let Ok(table) = fs::read_to_string("/proc/net/tcp") {
        let mut sockets = listening_sockets(&table, port);
        let table = fs::read_to_string("/proc/net/tcp6").unwrap_or_default();
        sockets.extend(listening_sockets(&table, port));
        owner(&sockets)?
    } else {
        let output = Command::new("lsof")
            .args(["-nP", "-t", "-sTCP:LISTEN", &format!("-iTCP:{port}")])
            .output()
            .ok()?;
        let pids = String::from_utf8_lossy(&output.stdout);
        pids.lines().next()?.parse().ok()?
    };
    let command_line = command_line(pid)?;
    let command_line: String = command_line.chars().take(MAX_COMMAND_LINE_LENGTH).collect();
    Some(format!("process {pid} ({command_line})"))
}

/// The sockets that listen on a port according to a table of `/proc/net`, as links in `/proc/*/fd`.
fn listening_sockets(table: &str, port: u16) -> Vec<String> {
    const LISTEN: &str = "0A";
    let local_address = format!(":{port:04X}");
    table
        .lines()
        .map(|row| row.split_whitespace().collect::<Vec<_>>())
        .filter(|row| row.len() > 9 && row[1].ends_with(&local_address) && row[3] == LISTEN)
        .map(|row| format!("socket:[{}]", row[9]))
        .collect()
}

fn owner(sockets: &[String]) -> Option<u32> {
    let processes = fs::read_dir("/proc").ok()?.flatten();
    let mut pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    pids.find(|pid| {
        let files = fs::read_dir(format!("/proc/{pid}/fd"))
            .into_iter()
            .flatten();
        files
            .flatten()
            .filter_map(|file| fs::read_link(file.path()).ok())
            .any(|link| sockets.iter().any(|socket| link.as_os_str() == &**socket))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn free_ports_differ_and_are_below_the_ephemeral_range() {
        let [a, b, c] = free().expect("three ports are free");
        assert!(a != b && b != c && a != c);
        assert!([a, b, c].iter().all(|port| (20_000..32_000).contains(port)));
    }

    #[test]
    fn error_about_a_used_port_names_server_process_and_option() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port is free");
        let port = listener.local_addr().expect("the listener is bound").port();
        let message = check(&[(port, "the gateway")])
            .expect_err("the port is in use")
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
    fn only_listening_sockets_of_the_port_are_found_in_the_table() {
        let row = |local: &str, remote: &str, state: &str, inode: u32| {
            format!("0: {local} {remote} {state} 0:0 00:0 0     0        0 {inode} 1\n")
        };
        let table = [
            "sl local_address rem_address st tx_queue rx_queue tr tm->when uid timeout inode\n",
            &row("0100007F:1F98", "00000000:0000", "0A", 4711),
            &row("0100007F:1F98", "0100007F:9999", "01", 4712),
            &row("0100007F:1F99", "00000000:0000", "0A", 4713),
        ];
        let sockets = listening_sockets(&table.concat(), 8088);
        assert_eq!(sockets, ["socket:[4711]"]);
    }
}
