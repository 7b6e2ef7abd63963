//! A whole system for one test: all in one process, or each service and the gateway in a process of its own.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use events::SalesmanId;
use gateway::Sessions;
use gateway::config::Limits;
use hyper::{Method, StatusCode};
use ktgg::client::Client;
use ktgg::host::{self, Installation};
use ktgg::keys::{self, Keys};
use ktgg::services;
use rustix::process::{Pid, Signal, kill_process};
use sandbox::{CheckoutPaths, Options, Progress, Sandbox};
use serde_json::{Value, json};
use service_kit::auth::Identity;
use service_kit::messaging::kafka;
use service_kit::{tasks, testing};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// How long anything that must happen may take before a test says that it does not.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// Waits until `look` finds what it looks for.
pub(crate) async fn eventually<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(begun.elapsed() < PATIENCE, "it did not happen: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// A folder for the keys and logs of one test; it goes with its owner.
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    pub(crate) fn new(purpose: &str) -> Self {
        let folder = CheckoutPaths::of_this_checkout()
            .scratch
            .join(format!("{purpose}-{}", Uuid::new_v4().simple()));
        fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

/// A place on the servers that all tests share, with a database and topics of its own.
pub(crate) async fn shared_place(scratch: &Scratch) -> Installation {
    let postgres = testing::database(&[]).await;
    let kafka = testing::kafka().await;
    Installation {
        data: scratch.path().to_owned(),
        postgres,
        kafka,
        port: host::free_port().unwrap(),
        limits: Limits::UNLIMITED,
    }
}

/// A place on servers of its own, for tests that take them away.
pub(crate) async fn own_place(scratch: &Scratch) -> (Installation, Sandbox) {
    let mut options = Options::on_free_ports(scratch.path().join("servers")).unwrap();
    let sandbox = tokio::task::spawn_blocking(move || {
        Sandbox::start(&options, &Progress::new(2, false)).unwrap()
    })
    .await
    .unwrap();
    let kafka = kafka::Settings {
        brokers: sandbox.kafka_address(),
        topic_prefix: kafka::DEFAULT_PREFIX.to_owned(),
    };
    let place = Installation {
        data: scratch.path().to_owned(),
        postgres: sandbox.postgres_url(),
        kafka,
        port: host::free_port().unwrap(),
        limits: Limits::UNLIMITED,
    };
    (place, sandbox)
}

/// All in one process: this one.
pub(crate) struct Together {
    pub(crate) stop: CancellationToken,
    running: JoinHandle<Result<()>>,
}

impl Together {
    pub(crate) async fn start(place: &Installation, keys: &Keys) -> Self {
        let hosted = host::bind(place, keys, services().into()).await.unwrap();
        let (ready, stop) = (hosted.ready(), CancellationToken::new());
        let mut running = tasks::spawn(hosted.run(stop.clone()));
        tokio::select! {
            ended = &mut running => panic!("it ended before it was ready: {ended:?}"),
            ready = tokio::time::timeout(PATIENCE, ready) => ready.unwrap(),
        }
        Self { stop, running }
    }

    pub(crate) async fn stop(self) {
        self.stop.cancel();
        self.running.await.unwrap().unwrap();
    }
}

/// Which program runs a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Programs {
    /// The services' own.
    Real,
    /// The ones without inbox and progress.
    Undeduplicated,
}

/// Each service and the gateway in a process of its own.
pub(crate) struct Alone {
    programs: Programs,
    variables: Vec<(String, String)>,
    logs: PathBuf,
    children: BTreeMap<&'static str, Child>,
}

/// Everything that runs as a process of its own.
pub(crate) const PROCESSES: [&str; 6] = [
    "interest",
    "consultation",
    "project",
    "salesman-match",
    "salesman",
    "gateway",
];

impl Alone {
    pub(crate) async fn start(place: &Installation, keys: &Keys, programs: Programs) -> Self {
        Self::start_with(place, keys, programs, &[]).await
    }

    /// With these variables besides.
    pub(crate) async fn start_with(
        place: &Installation,
        keys: &Keys,
        programs: Programs,
        more: &[(&str, &str)],
    ) -> Self {
        let mut variables = host::provision(place, keys, &services()).await.unwrap();
        variables.extend(
            more.iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned())),
        );
        let mut alone = Self {
            programs,
            variables,
            logs: place.data.clone(),
            children: BTreeMap::new(),
        };
        for name in PROCESSES {
            alone.spawn(name).unwrap();
        }
        alone
    }

    /// Starts the named process.
    pub(crate) fn spawn(&mut self, name: &'static str) -> Result<()> {
        let folder = Path::new(env!("CARGO_BIN_EXE_ktgg"))
            .parent()
            .context("a program lies in a folder")?
            .to_owned();
        let undeduplicated = self.programs == Programs::Undeduplicated && name != "gateway";
        let program = if undeduplicated {
            folder.join("examples/undeduplicated")
        } else {
            folder.join(name)
        };
        ensure!(
            program.exists(),
            "{} is not built: test the whole workspace",
            program.display()
        );
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.logs.join(format!("{name}.log")))?;
        let child = Command::new(program)
            .env_clear()
            .env("RUST_BACKTRACE", "1")
            .env("UNDEDUPLICATED", name)
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()?;
        self.children.insert(name, child);
        Ok(())
    }

    /// kill -9.
    pub(crate) fn kill(&mut self, name: &'static str) {
        if let Some(mut child) = self.children.remove(name) {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// SIGTERM to every process; how each ended, and after how long.
    pub(crate) async fn terminate(&mut self) -> Vec<(&'static str, ExitStatus, Duration)> {
        let begun = Instant::now();
        for child in self.children.values() {
            let pid = Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
            kill_process(pid, Signal::TERM).unwrap();
        }
        let mut ended = Vec::new();
        for (name, mut child) in std::mem::take(&mut self.children) {
            let status =
                eventually(&format!("{name} ends"), async || child.try_wait().unwrap()).await;
            ended.push((name, status, begun.elapsed()));
        }
        ended
    }

    /// What a process has logged.
    pub(crate) fn log(&self, name: &str) -> String {
        fs::read_to_string(self.logs.join(format!("{name}.log"))).unwrap_or_default()
    }
}

impl Drop for Alone {
    fn drop(&mut self) {
        for child in self.children.values_mut() {
            drop(child.kill());
            drop(child.wait());
        }
    }
}

/// Lets people in without a password or a code: their sessions are put where the gateway puts those of whoever signs in.
#[derive(Clone)]
pub(crate) struct LetIn {
    keys: Keys,
    sessions: Sessions,
}

impl LetIn {
    pub(crate) fn to(place: &Installation, keys: &Keys) -> Self {
        Self {
            keys: keys.clone(),
            sessions: host::sessions(place, keys).unwrap(),
        }
    }

    /// A session of somebody. Waits for a gateway that is still making its tables.
    pub(crate) async fn somebody(&self, identity: &Identity) -> String {
        let begun = eventually("a session begins", async || {
            self.sessions.begin(identity, None).await.ok()
        })
        .await;
        begun.id().to_owned()
    }

    pub(crate) async fn staff(&self) -> String {
        self.somebody(&keys::staff()).await
    }

    pub(crate) async fn customer(&self, phone: &str) -> String {
        self.somebody(&self.keys.customer(&phone.parse().unwrap()))
            .await
    }

    pub(crate) async fn salesman(&self, id: Uuid) -> String {
        self.somebody(&keys::salesman(SalesmanId(id))).await
    }

    pub(crate) async fn consultant(&self, id: Uuid) -> String {
        self.somebody(&keys::consultant(SalesmanId(id))).await
    }
}

/// Waits until the gateway and, behind it, every service answer; gives a session of staff.
pub(crate) async fn until_serving(place: &Installation, keys: &Keys) -> String {
    let client = place.client();
    let staff = LetIn::to(place, keys).staff().await;
    for path in [
        "/api/projects",
        "/api/interests",
        "/api/consultations",
        "/api/salesman-matches",
        "/api/salesmen",
    ] {
        eventually(path, async || {
            let answer = client.call(Method::GET, path, &staff, &[], None).await;
            answer.ok().filter(|answer| answer.status == StatusCode::OK)
        })
        .await;
    }
    staff
}

/// Registers people; gives the ids of the salesmen and of the consultants.
pub(crate) async fn register(
    client: &Client,
    staff: &str,
    salesmen: u32,
    consultants: u32,
) -> (Vec<Uuid>, Vec<Uuid>) {
    let mut ids = (Vec::new(), Vec::new());
    for number in 0..salesmen + consultants {
        let role = if number < salesmen {
            "salesman"
        } else {
            "consultant"
        };
        let body = json!({ "name": format!("사람 {number}"), "phone": format!("010-9300-{number:04}"), "role": role, "capacity": 1000 });
        let person = client.post("/api/salesmen", staff, &body).await.unwrap();
        let id = person["id"].as_str().unwrap().parse().unwrap();
        if role == "salesman" {
            ids.0.push(id);
        } else {
            ids.1.push(id);
        }
    }
    ids
}

/// Waits until the roster has them: until then a match could be made without them.
pub(crate) async fn until_on_the_roster(
    client: &Client,
    staff: &str,
    people: impl IntoIterator<Item = &Uuid>,
) {
    for id in people {
        let after = format!("salesman/{id}@1");
        eventually("salesman-match has heard of him", async || {
            let answer = client
                .call(
                    Method::GET,
                    "/api/salesman-matches",
                    staff,
                    &[("ktgg-after", &after)],
                    None,
                )
                .await
                .unwrap();
            (!answer.headers.contains_key("ktgg-stale")).then_some(())
        })
        .await;
    }
}

/// Creates a project and gives the body with which a consultation about it is asked for.
pub(crate) async fn consultation_body(client: &Client, staff: &str) -> Value {
    let body = json!({ "name": "2026년 가상 지원사업", "year": 2026, "category": "기술", "agency": "가상부" });
    let project = client.post("/api/projects", staff, &body).await.unwrap();
    json!({ "projectId": project["id"], "projectName": project["name"], "desiredDate": "2099-12-31", "memo": "오전에 연락 주세요" })
}
