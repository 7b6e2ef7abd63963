//! The sandbox with a real Postgres and a real Kafka.

mod wire;

use std::io::{BufRead as _, BufReader, Read as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use std::{fs, thread};

use sandbox::{CheckoutPaths, Interrupted, Options, Progress, Sandbox};

/// A data folder that is removed when the test ends, even if it fails.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let folder = format!("it-{name}-{}", std::process::id());
        Self(CheckoutPaths::of_this_checkout().scratch.join(folder))
    }

    fn options(&self) -> Options {
        Options::on_free_ports(&self.0).expect("three ports are free")
    }

    fn pid_file_count(&self) -> usize {
        let entries = fs::read_dir(self.0.join("run")).expect("the folder exists");
        entries.count()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn start(options: &Options) -> Sandbox {
    Sandbox::start(options, &Progress::silent()).unwrap_or_else(|error| panic!("{error:#}"))
}

/// Starts the program, which can be killed, on a folder. Returns it with the URL of its Postgres
/// when it is ready.
fn start_program(folder: &Path) -> (Child, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_sandbox"))
        .arg(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let stdout = child.stdout.take().expect("stdout is piped");
    let mut lines = BufReader::new(stdout).lines().map_while(Result::ok);
    let url = lines.next();
    if !lines.any(|line| line == "ready") {
        let mut errors = String::new();
        let _ = child
            .stderr
            .take()
            .map(|mut stderr| stderr.read_to_string(&mut errors));
        panic!("the program did not get ready: {errors}");
    }
    (child, url.expect("the first line is the URL of Postgres"))
}

fn eventually(condition: &str, mut is_true: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_true() {
        let elapsed = start.elapsed();
        assert!(elapsed < Duration::from_secs(20), "timeout: {condition}");
        thread::sleep(Duration::from_millis(10));
    }
}

fn is_alive(pid: u32) -> bool {
    Command::new("sh")
        .args(["-c", "kill -0 \"$0\" 2>/dev/null", &pid.to_string()])
        .status()
        .is_ok_and(|status| status.success())
}

/// An orphan becomes the child of an init process, which may never reap it.
fn is_zombie(pid: u32) -> bool {
    fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|bytes| bytes.is_empty())
}

#[test]
fn data_survives_kill_9_an_orderly_stop_and_other_ports() {
    let scratch = Scratch::new("survive");
    let mut sandbox = start(&scratch.options());
    let create = "create table saved (number int); insert into saved values (41)";
    wire::query(&sandbox.postgres_url(), create);
    assert_eq!(
        wire::create_topic(&sandbox.kafka_address(), "saved", 12),
        wire::CREATED
    );

    sandbox.kill_postgres();
    sandbox.kill_kafka();
    assert_eq!((sandbox.postgres_pid(), sandbox.kafka_pid()), (None, None));
    sandbox
        .start_postgres()
        .expect("Postgres starts after kill -9");
    sandbox.start_kafka().expect("Kafka starts after kill -9");
    assert_data_is_complete(&sandbox);

    let (postgres, kafka) = (sandbox.postgres_pid(), sandbox.kafka_pid());
    sandbox.stop();
    for pid in [postgres, kafka].into_iter().flatten() {
        assert!(!is_alive(pid), "{pid} runs after stop");
    }

    // New free ports: the data must not contain the old ones.
    let sandbox = start(&scratch.options());
    assert_data_is_complete(&sandbox);
    sandbox.remove().expect("the folder can be removed");
    assert!(!scratch.0.exists());
}

fn assert_data_is_complete(sandbox: &Sandbox) {
    let rows = wire::query(&sandbox.postgres_url(), "select number from saved");
    assert_eq!(rows, ["41"]);
    let result = wire::create_topic(&sandbox.kafka_address(), "saved", 12);
    assert_eq!(result, wire::ALREADY_EXISTS);
}

#[test]
fn postgres_starts_while_a_backend_of_the_killed_one_computes() {
    let scratch = Scratch::new("backend");
    let mut options = scratch.options();
    options.with_kafka = false;
    let mut sandbox = start(&options);
    let url = sandbox.postgres_url();
    let busy = thread::spawn(move || {
        // While it computes, the backend does not check whether its postmaster is alive.
        let query = "select count(*) from generate_series(1, 2000000000) a";
        wire::query(&url, query);
    });
    let url = sandbox.postgres_url();
    let count_active = "select count(*) from pg_stat_activity \
                        where query like '%2000000000) a' and state = 'active'";
    eventually("the query runs", || {
        wire::query(&url, count_active) == ["1"]
    });
    sandbox.kill_postgres();
    sandbox
        .start_postgres()
        .expect("Postgres starts after the orphan has ended");
    assert_eq!(wire::query(&url, "select 1"), ["1"]);
    assert!(busy.join().is_err(), "the query lost its connection");
}

#[test]
fn second_holder_gets_the_name_of_the_first() {
    let scratch = Scratch::new("holder");
    let mut options = scratch.options();
    options.with_postgres = false;
    options.with_kafka = false;
    options.holder = String::from("the first of two");
    let first = start(&options);
    let error = Sandbox::start(&options, &Progress::silent())
        .expect_err("the folder is held")
        .to_string();
    let holder = format!("by process {} (the first of two)", std::process::id());
    assert!(error.contains(&holder), "{error}");
    assert!(error.contains("--data"), "{error}");
    first.stop();
    start(&options).stop();
}

#[test]
fn next_holder_stops_what_a_killed_holder_left_running() {
    let scratch = Scratch::new("leftover");
    let (mut holder, url) = start_program(&scratch.0);
    let create = "create table saved (number int); insert into saved values (42)";
    wire::query(&url, create);
    let pid_of = |name: &str| -> u32 {
        let file = scratch.0.join("run").join(format!("{name}.pid"));
        let text = fs::read_to_string(file).expect("the pid file exists");
        let first_line = text.lines().next();
        first_line
            .and_then(|line| line.parse().ok())
            .expect("it begins with the id")
    };
    let leftovers = [pid_of("postgres"), pid_of("kafka")];
    holder.kill().expect("the holder is killed with -9");
    holder.wait().expect("the holder has ended");
    let all_alive = leftovers.iter().all(|pid| is_alive(*pid));
    assert!(all_alive, "the children survive the holder");

    let sandbox = start(&scratch.options());
    eventually("the leftovers have ended", || {
        let mut pids = leftovers.iter();
        pids.all(|pid| !is_alive(*pid) || is_zombie(*pid))
    });
    let rows = wire::query(&sandbox.postgres_url(), "select number from saved");
    assert_eq!(rows, ["42"]);
}

#[test]
fn program_stops_both_servers_when_its_stdin_ends() {
    let scratch = Scratch::new("stdin");
    let (mut holder, url) = start_program(&scratch.0);
    drop(holder.stdin.take());
    assert!(holder.wait().expect("it ends").success());
    assert!(!wire::is_open(&url));
    assert_eq!(scratch.pid_file_count(), 0);
}

#[test]
fn used_port_is_reported_before_anything_starts() {
    let scratch = Scratch::new("port");
    let options = scratch.options();
    let port = options.kafka_port;
    let _listener = TcpListener::bind(("127.0.0.1", port)).expect("the port was free");
    let error = Sandbox::start(&options, &Progress::silent())
        .expect_err("the port is in use")
        .to_string();
    let report = format!("Port {port}, for Kafka, is in use");
    assert!(error.contains(&report), "{error}");
    assert!(!scratch.0.join("postgres").exists());
}

#[test]
fn interrupted_start_leaves_nothing_running() {
    let scratch = Scratch::new("interrupt");
    let options = scratch.options();
    let interrupt = options.interrupt.clone();
    let log = scratch.0.join("log").join("kafka.log");
    let interrupting = thread::spawn(move || {
        eventually("Kafka is starting", || {
            fs::metadata(&log).is_ok_and(|metadata| metadata.len() > 0)
        });
        interrupt.request();
    });
    let error = Sandbox::start(&options, &Progress::silent()).expect_err("it was interrupted");
    assert!(error.is::<Interrupted>(), "{error:#}");
    interrupting.join().expect("it interrupted");
    assert_eq!(scratch.pid_file_count(), 0);
}
