//! A system for one test: in this process, or each service and the gateway in its own process.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use events::SalesmanId;
use gateway::Sessions;
use gateway::config::Limits;
use hyper::{Method, StatusCode};
use ktgg::client::Client;
use ktgg::host::{self, Installation};
use ktgg::keys::{self, Keys};
use ktgg::{inbox, services};
use rustix::process::{Pid, Signal, kill_process};
use sandbox::{CheckoutPaths, Options, Progress, Sandbox};
use serde_json::{Value, json};
use service_kit::auth::Identity;
use service_kit::clock::SystemClock;
use service_kit::messaging::kafka;
use service_kit::{tasks, testing};
use sqlx::PgPool;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// Bounds everything that a test waits for.
pub(crate) const TIMEOUT: Duration = Duration::from_mins(1);

/// Polls until there is a result.
pub(crate) async fn eventually<T>(what: &str, mut poll: impl AsyncFnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(result) = poll().await {
            return result;
        }
        assert!(started.elapsed() < TIMEOUT, "timed out: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// A folder for the keys and logs of one test. Dropping it deletes the folder.
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

/// An installation on the servers that all tests share, with its own database and topics.
pub(crate) async fn on_shared_servers(scratch: &Scratch) -> Installation {
    let postgres = testing::database(&[]).await;
    let kafka = testing::kafka().await;
    Installation {
        data: scratch.path().to_owned(),
        postgres,
        kafka,
        port: host::free_port().unwrap(),
        limits: Limits::UNLIMITED,
        pages: None,
    }
}

/// An installation with its own servers, for tests that stop them.
pub(crate) async fn on_own_servers(scratch: &Scratch) -> (Installation, Sandbox) {
    let options = Options::on_free_ports(scratch.path().join("servers")).unwrap();
    let sandbox = tokio::task::spawn_blocking(move || {
        Sandbox::start(&options, &Progress::new(2, false)).unwrap()
    })
    .await
    .unwrap();
    let kafka = kafka::Settings::plain(sandbox.kafka_address(), kafka::DEFAULT_PREFIX);
    let installation = Installation {
        data: scratch.path().to_owned(),
        postgres: sandbox.postgres_url(),
        kafka,
        port: host::free_port().unwrap(),
        limits: Limits::UNLIMITED,
        pages: None,
    };
    (installation, sandbox)
}

/// All services and the gateway in this process.
pub(crate) struct InProcess {
    pub(crate) stop: CancellationToken,
    running: JoinHandle<Result<()>>,
}

impl InProcess {
    pub(crate) async fn start(installation: &Installation, keys: &Keys) -> Self {
        let hosted = host::bind(installation, keys, services().into())
            .await
            .unwrap();
        let (ready, stop) = (hosted.ready(), CancellationToken::new());
        let mut running = tasks::spawn(hosted.run(stop.clone()));
        tokio::select! {
            result = &mut running => panic!("stopped before it was ready: {result:?}"),
            ready = tokio::time::timeout(TIMEOUT, ready) => ready.unwrap(),
        }
        Self { stop, running }
    }

    pub(crate) async fn stop(self) {
        self.stop.cancel();
        self.running.await.unwrap().unwrap();
    }
}

/// The sandbox's inbox, in this process.
pub(crate) struct InboxServer {
    stop: CancellationToken,
    running: JoinHandle<Result<()>>,
}

impl InboxServer {
    pub(crate) async fn start(installation: &Installation, keys: &Keys) -> Self {
        let listener = inbox::listen(host::inbox_port(installation.port))
            .await
            .unwrap();
        let stop = CancellationToken::new();
        let running = tasks::spawn(inbox::serve(
            listener,
            keys.sender.clone(),
            Arc::new(SystemClock),
            stop.clone(),
        ));
        Self { stop, running }
    }

    pub(crate) async fn stop(self) {
        self.stop.cancel();
        self.running.await.unwrap().unwrap();
    }
}

/// A system in this process, with its inbox.
pub(crate) struct TestSystem {
    _scratch: Scratch,
    pub(crate) installation: Installation,
    pub(crate) keys: Keys,
    pub(crate) client: Client,
    /// Reads every schema of the database.
    pub(crate) pool: PgPool,
    in_process: InProcess,
    inbox: InboxServer,
}

impl TestSystem {
    pub(crate) async fn start(purpose: &str) -> Self {
        let scratch = Scratch::new(purpose);
        let installation = on_shared_servers(&scratch).await;
        let keys = Keys::of(&installation.data).unwrap();
        let in_process = InProcess::start(&installation, &keys).await;
        let inbox = InboxServer::start(&installation, &keys).await;
        let (client, pool) = (
            installation.client(),
            testing::superuser_pool(&installation.postgres).await,
        );
        Self {
            _scratch: scratch,
            installation,
            keys,
            client,
            pool,
            in_process,
            inbox,
        }
    }

    pub(crate) async fn stop(self) {
        self.in_process.stop().await;
        self.inbox.stop().await;
    }
}

/// Which program runs the services.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Programs {
    /// The binaries of the services.
    Real,
    /// Services without inbox and progress: the negative control.
    Undeduplicated,
}

/// Each service and the gateway in its own process, with its log in a file.
pub(crate) struct Processes {
    programs: Programs,
    variables: Vec<(String, String)>,
    logs: PathBuf,
    children: BTreeMap<&'static str, Child>,
}

/// The names of the processes.
pub(crate) const PROCESSES: [&str; 6] = [
    "interest",
    "consultation",
    "project",
    "salesman-match",
    "salesman",
    "gateway",
];

impl Processes {
    pub(crate) async fn start(
        installation: &Installation,
        keys: &Keys,
        programs: Programs,
    ) -> Self {
        Self::start_with(installation, keys, programs, &[]).await
    }

    /// With additional environment variables.
    pub(crate) async fn start_with(
        installation: &Installation,
        keys: &Keys,
        programs: Programs,
        extra: &[(&str, &str)],
    ) -> Self {
        let mut variables = host::provision(installation, keys).await.unwrap();
        variables.extend(
            extra
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned())),
        );
        let mut processes = Self {
            programs,
            variables,
            logs: installation.data.clone(),
            children: BTreeMap::new(),
        };
        for name in PROCESSES {
            processes.spawn(name).unwrap();
        }
        processes
    }

    /// Starts the named process.
    pub(crate) fn spawn(&mut self, name: &'static str) -> Result<()> {
        let folder = Path::new(env!("CARGO_BIN_EXE_ktgg"))
            .parent()
            .context("a program is in a folder")?
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

    /// Kills with SIGKILL.
    pub(crate) fn kill(&mut self, name: &'static str) {
        if let Some(mut child) = self.children.remove(name) {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// Sends SIGTERM to every process. Returns the exit status and the duration of each.
    pub(crate) async fn terminate(&mut self) -> Vec<(&'static str, ExitStatus, Duration)> {
        let started = Instant::now();
        for child in self.children.values() {
            let pid = Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
            kill_process(pid, Signal::TERM).unwrap();
        }
        let mut results = Vec::new();
        for (name, mut child) in std::mem::take(&mut self.children) {
            let status =
                eventually(&format!("{name} stops"), async || child.try_wait().unwrap()).await;
            results.push((name, status, started.elapsed()));
        }
        results
    }

    /// The log of a process.
    pub(crate) fn log(&self, name: &str) -> String {
        fs::read_to_string(self.logs.join(format!("{name}.log"))).unwrap_or_default()
    }
}

impl Drop for Processes {
    fn drop(&mut self) {
        for child in self.children.values_mut() {
            drop(child.kill());
            drop(child.wait());
        }
    }
}

/// Creates sessions in the gateway's store, without a password or a one-time code.
#[derive(Clone)]
pub(crate) struct SessionIssuer {
    keys: Keys,
    store: Sessions,
}

impl SessionIssuer {
    pub(crate) fn new(installation: &Installation, keys: &Keys) -> Self {
        Self {
            keys: keys.clone(),
            store: host::sessions(installation, keys).unwrap(),
        }
    }

    /// A session with this identity. Waits while the gateway still creates its tables.
    pub(crate) async fn issue(&self, identity: &Identity) -> String {
        let session = eventually("a session is created", async || {
            self.store.begin(identity, None).await.ok()
        })
        .await;
        session.id().to_owned()
    }

    pub(crate) async fn staff(&self) -> String {
        self.issue(&keys::staff()).await
    }

    pub(crate) async fn customer(&self, phone: &str) -> String {
        self.issue(&self.keys.customer(&phone.parse().unwrap()))
            .await
    }

    pub(crate) async fn salesman(&self, id: Uuid) -> String {
        self.issue(&keys::salesman(SalesmanId(id))).await
    }

    pub(crate) async fn consultant(&self, id: Uuid) -> String {
        self.issue(&keys::consultant(SalesmanId(id))).await
    }
}

/// Waits until the gateway and all services respond. Returns a session of staff.
pub(crate) async fn wait_until_serving(installation: &Installation, keys: &Keys) -> String {
    let client = installation.client();
    let staff = SessionIssuer::new(installation, keys).staff().await;
    for path in [
        "/api/projects",
        "/api/interests",
        "/api/consultations",
        "/api/salesman-matches",
        "/api/salesmen",
    ] {
        eventually(path, async || {
            let response = client.call(Method::GET, path, &staff, &[], None).await;
            response
                .ok()
                .filter(|response| response.status == StatusCode::OK)
        })
        .await;
    }
    staff
}

/// Registers salesmen and consultants. Returns the ids of both.
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
        let body = json!({
            "name": format!("사람 {number}"), "phone": format!("010-9300-{number:04}"), "role": role,
            "capacity": 1000,
        });
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

/// Waits until salesman-match has consumed them, so that they can be matched.
pub(crate) async fn wait_until_on_roster(
    client: &Client,
    staff: &str,
    people: impl IntoIterator<Item = &Uuid>,
) {
    for id in people {
        let after = format!("salesman/{id}@1");
        eventually("salesman-match consumes the person", async || {
            let response = client
                .call(
                    Method::GET,
                    "/api/salesman-matches",
                    staff,
                    &[("ktgg-after", &after)],
                    None,
                )
                .await
                .unwrap();
            (!response.headers.contains_key("ktgg-stale")).then_some(())
        })
        .await;
    }
}

/// Creates a project. Returns the body of a request for a consultation about it.
pub(crate) async fn consultation_body(client: &Client, staff: &str) -> Value {
    let body = json!({
        "name": "2026년 가상 지원사업", "year": 2026, "category": "기술", "agency": "가상부",
    });
    let project = client.post("/api/projects", staff, &body).await.unwrap();
    json!({
        "projectId": project["id"], "projectName": project["name"], "desiredDate": "2099-12-31",
        "memo": "오전에 연락 주세요",
    })
}
