//! What whoever stands on the sandbox can rely on, against a real Postgres and a real Kafka.

mod wire;

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use sandbox::{Options, Places, Progress, Sandbox};

/// A data folder that goes when the test ends, whichever way it ends.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        Self(
            Places::of_this_checkout()
                .scratch
                .join(format!("it-{name}-{}", std::process::id())),
        )
    }

    fn options(&self) -> Options {
        Options::on_free_ports(&self.0).expect("three ports are free")
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

/// The program that holds a folder, in a process of its own, so that it can be killed. Returns it once it is ready.
fn held_elsewhere(folder: &Path) -> (Child, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_sandbox"))
        .arg(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program runs");
    let mut lines = BufReader::new(child.stdout.take().expect("its output is piped"))
        .lines()
        .map_while(Result::ok);
    let url = lines.next();
    if !lines.any(|it| it == "ready") {
        let mut said = String::new();
        let _ = child
            .stderr
            .take()
            .map(|mut it| it.read_to_string(&mut said));
        panic!("it did not get ready: {said}");
    }
    (child, url.expect("it prints the address of Postgres first"))
}

fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(
            begun.elapsed() < Duration::from_secs(20),
            "it never came true that {what}"
        );
        thread::sleep(Duration::from_millis(10));
    }
}

fn is_alive(pid: u32) -> bool {
    let ps = Command::new("sh")
        .args(["-c", "kill -0 \"$0\" 2>/dev/null", &pid.to_string()])
        .status();
    ps.is_ok_and(|it| it.success())
}

#[test]
fn data_of_both_outlive_kill_9_and_an_orderly_stop_and_another_port() {
    let scratch = Scratch::new("outlive");
    let mut sandbox = start(&scratch.options());
    wire::query(
        &sandbox.postgres_url(),
        "create table kept (it int); insert into kept values (41)",
    );
    assert_eq!(
        wire::create_topic(&sandbox.kafka(), "kept", 12),
        wire::CREATED
    );

    sandbox.kill_postgres();
    sandbox.kill_kafka();
    assert_eq!((sandbox.postgres_pid(), sandbox.kafka_pid()), (None, None));
    sandbox
        .start_postgres()
        .expect("Postgres starts after kill -9");
    sandbox.start_kafka().expect("Kafka starts after kill -9");
    assert_eq!(
        wire::query(&sandbox.postgres_url(), "select it from kept"),
        ["41"]
    );
    assert_eq!(
        wire::create_topic(&sandbox.kafka(), "kept", 12),
        wire::EXISTED_BEFORE
    );

    let (postgres, kafka) = (sandbox.postgres_pid(), sandbox.kafka_pid());
    sandbox.stop();
    for pid in [postgres, kafka].into_iter().flatten() {
        assert!(!is_alive(pid), "{pid} is left after stop");
    }

    // New free ports: nothing in the data may remember the old ones.
    let sandbox = start(&scratch.options());
    assert_eq!(
        wire::query(&sandbox.postgres_url(), "select it from kept"),
        ["41"]
    );
    assert_eq!(
        wire::create_topic(&sandbox.kafka(), "kept", 12),
        wire::EXISTED_BEFORE
    );
    sandbox.remove().expect("the folder can be removed");
    assert!(!scratch.0.exists());
}

#[test]
fn postgres_starts_again_while_a_backend_of_the_killed_one_still_computes() {
    let scratch = Scratch::new("backend");
    let mut options = scratch.options();
    options.with_kafka = false;
    let mut sandbox = start(&options);
    let url = sandbox.postgres_url();
    let busy = thread::spawn(move || {
        // It looks at nothing until it is done, not even whether its postmaster lives.
        wire::query(
            &url,
            "select count(*) from generate_series(1, 2000000000) a",
        );
    });
    let url = sandbox.postgres_url();
    let active = "select count(*) from pg_stat_activity where query like '%2000000000) a' and state = 'active'";
    eventually("the query runs", || wire::query(&url, active) == ["1"]);
    sandbox.kill_postgres();
    sandbox
        .start_postgres()
        .expect("Postgres starts beside no orphan");
    assert_eq!(wire::query(&url, "select 1"), ["1"]);
    assert!(busy.join().is_err(), "the query lost its server");
}

#[test]
fn a_second_holder_is_told_who_has_the_folder() {
    let scratch = Scratch::new("holder");
    let mut options = scratch.options();
    options.with_postgres = false;
    options.with_kafka = false;
    options.holder = String::from("the first of two");
    let first = start(&options);
    let error = Sandbox::start(&options, &Progress::silent())
        .expect_err("the folder is held")
        .to_string();
    assert!(
        error.contains(&format!(
            "by process {} (the first of two)",
            std::process::id()
        )),
        "{error}"
    );
    assert!(error.contains("--data"), "{error}");
    first.stop();
    start(&options).stop();
}

#[test]
fn what_a_killed_holder_left_running_is_ended_by_the_next_one() {
    let scratch = Scratch::new("leftover");
    let (mut holder, url) = held_elsewhere(&scratch.0);
    wire::query(
        &url,
        "create table kept (it int); insert into kept values (42)",
    );
    let pid_of = |name: &str| -> u32 {
        let text = fs::read_to_string(scratch.0.join("run").join(format!("{name}.pid")))
            .expect("there is a pid file");
        text.lines()
            .next()
            .and_then(|it| it.parse().ok())
            .expect("it begins with the id")
    };
    let left = [pid_of("postgres"), pid_of("kafka")];
    holder.kill().expect("the holder is killed with -9");
    holder.wait().expect("the holder is gone");
    assert!(
        left.iter().all(|it| is_alive(*it)),
        "its children outlive it"
    );

    let sandbox = start(&scratch.options());
    eventually("the leftovers are gone", || {
        left.iter().all(|it| !is_alive(*it) || is_zombie(*it))
    });
    assert_eq!(
        wire::query(&sandbox.postgres_url(), "select it from kept"),
        ["42"]
    );
}

/// A leftover is the child of whoever adopts orphans here, who may never ask how it ended.
fn is_zombie(pid: u32) -> bool {
    fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|it| it.is_empty())
}

#[test]
fn the_program_stops_both_when_its_stdin_ends() {
    let scratch = Scratch::new("stdin");
    let (mut holder, url) = held_elsewhere(&scratch.0);
    drop(holder.stdin.take());
    assert!(holder.wait().expect("it ends").success());
    assert!(!wire::is_open(&url));
    assert_eq!(
        fs::read_dir(scratch.0.join("run"))
            .expect("the folder is there")
            .count(),
        0
    );
}

#[test]
fn a_taken_port_is_named_before_anything_starts() {
    let scratch = Scratch::new("port");
    let options = scratch.options();
    let _taken =
        std::net::TcpListener::bind(("127.0.0.1", options.kafka_port)).expect("the port was free");
    let error = Sandbox::start(&options, &Progress::silent())
        .expect_err("the port is taken")
        .to_string();
    assert!(
        error.contains(&format!(
            "Port {}, for Kafka, is in use",
            options.kafka_port
        )),
        "{error}"
    );
    assert!(!scratch.0.join("postgres").exists());
}

#[test]
fn whoever_is_interrupted_while_starting_leaves_nothing_running() {
    let scratch = Scratch::new("interrupt");
    let options = scratch.options();
    let interrupt = options.interrupt.clone();
    let log = scratch.0.join("log").join("kafka.log");
    let asks = thread::spawn(move || {
        eventually("Kafka is on its way", || {
            fs::metadata(&log).is_ok_and(|it| it.len() > 0)
        });
        interrupt.ask();
    });
    let error = Sandbox::start(&options, &Progress::silent()).expect_err("it was interrupted");
    assert!(error.is::<sandbox::Interrupted>(), "{error:#}");
    asks.join().expect("it asked");
    assert_eq!(
        fs::read_dir(scratch.0.join("run"))
            .expect("the folder is there")
            .count(),
        0
    );
}
