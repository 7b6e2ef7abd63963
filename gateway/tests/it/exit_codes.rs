//! Exit codes of the program.

use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use service_kit::auth::new_private_pem;

fn gateway() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gateway"));
    command
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    command
}

#[test]
fn invalid_configuration_is_reported_with_exit_code_64() {
    let variables = [
        ("PUBLIC_ORIGIN", "http://kt.gg"),
        ("GATEWAY_LISTEN", "0.0.0.0:0"),
        ("INTEREST_URL", "ftp://x"),
    ];
    let key = new_private_pem();
    let exited = gateway()
        .envs(variables)
        .env("KAFKA_BROKERS", "127.0.0.1:1")
        .env("INTERNAL_TOKEN_PRIVATE_KEY", key)
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&exited.stderr).into_owned();
    assert_eq!(exited.status.code(), Some(64), "{stderr}");
    for error in [
        "PUBLIC_ORIGIN=http://kt.gg",
        "INTEREST_URL=ftp://x",
        "GATEWAY_DATABASE_URL is missing",
    ] {
        assert!(stderr.contains(error), "{error} is not in:\n{stderr}");
    }
    let exited = gateway().output().unwrap();
    let stderr = String::from_utf8_lossy(&exited.stderr).into_owned();
    assert_eq!(exited.status.code(), Some(64), "{stderr}");
    assert!(
        stderr.contains("KAFKA_BROKERS") && stderr.contains("INTERNAL_TOKEN_PRIVATE_KEY"),
        "{stderr}"
    );
}

#[test]
fn sigterm_exits_with_0_without_kafka_and_postgres() {
    let free_port = || {
        TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .unwrap()
            .local_addr()
            .unwrap()
    };
    let (listen, admin) = (free_port(), free_port());
    let mut running = gateway()
        .env("GATEWAY_LISTEN", listen.to_string())
        .env("GATEWAY_ADMIN_LISTEN", admin.to_string())
        .env("KAFKA_BROKERS", "127.0.0.1:1")
        .env("INTERNAL_TOKEN_PRIVATE_KEY", new_private_pem())
        .env(
            "GATEWAY_DATABASE_URL",
            "postgres://ktgg_gateway:x@127.0.0.1:1/ktgg",
        )
        .env("SIGN_IN_KEY", "0123456789abcdef0123456789abcdef")
        .env("CUSTOMER_ID_KEY", "0123456789abcdef0123456789abcdef")
        .env("SENDER_URL", "http://127.0.0.1:1/messages")
        .env("SENDER_KEY", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
        .env("DRAIN_SECONDS", "0")
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let started = Instant::now();
    while TcpStream::connect(listen).is_err() {
        assert!(
            started.elapsed() < Duration::from_secs(20) && running.try_wait().unwrap().is_none(),
            "the gateway does not listen"
        );
        std::thread::sleep(Duration::from_millis(10));
    }
    let signalled = Instant::now();
    assert!(
        Command::new("kill")
            .arg("-TERM")
            .arg(running.id().to_string())
            .status()
            .unwrap()
            .success()
    );
    let exit = running.wait().unwrap();
    assert_eq!(exit.code(), Some(0));
    assert!(
        signalled.elapsed() < Duration::from_secs(8),
        "{:?}",
        signalled.elapsed()
    );
}
