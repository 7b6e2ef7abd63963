//! Sign-in with a cookie jar, as `cargo xtask up` prints it, and the first account of staff.

use std::collections::HashSet;
use std::path::PathBuf;
use std::process::{Command, Output};

use gateway::config::Limits;
use hyper::{Method, StatusCode};
use ktgg::client::Client;
use ktgg::demo::{self, Person};
use ktgg::host::Installation;
use ktgg::keys::Keys;
use serde_json::{Value, json};
use service_kit::auth::Role;
use service_kit::forms::phone::Phone;
use uuid::Uuid;

use crate::system::{self, InProcess, InboxServer, Processes, Programs, Scratch};

/// Not the password of the demo.
const OTHER_PASSWORD: &str = "hojuk-saebom-71-nun";

/// Runs a program to its end. This process must be able to answer its requests meanwhile.
async fn run(mut command: Command) -> std::io::Result<Output> {
    tokio::task::spawn_blocking(move || command.output())
        .await
        .unwrap()
}

/// curl with its own cookie jar; where there is no curl, the client with the session.
struct Visitor {
    client: Client,
    base: String,
    jar: Option<PathBuf>,
    session: String,
}

impl Visitor {
    async fn new(installation: &Installation, scratch: &Scratch) -> Self {
        let mut version = Command::new("curl");
        version.arg("--version");
        let has_curl = run(version)
            .await
            .is_ok_and(|output| output.status.success());
        let jar = has_curl.then(|| {
            scratch
                .path()
                .join(format!("jar-{}", Uuid::new_v4().simple()))
        });
        let base = format!("http://localhost:{}", installation.port);
        Self {
            client: installation.client(),
            base,
            jar,
            session: String::new(),
        }
    }

    async fn call(
        &mut self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> (StatusCode, Value) {
        let Some(jar) = &self.jar else {
            let response = self
                .client
                .call(method, path, &self.session, &[], body)
                .await
                .unwrap();
            self.session = response
                .session()
                .unwrap_or_else(|| std::mem::take(&mut self.session));
            return (response.status, response.json);
        };
        let mut curl = Command::new("curl");
        curl.args([
            "--silent",
            "--show-error",
            "--max-time",
            "30",
            "--write-out",
            "\n%{http_code}",
            "-X",
            method.as_str(),
        ]);
        curl.arg("-c")
            .arg(jar)
            .arg("-b")
            .arg(jar)
            .args(["-H", "Ktgg-Csrf: 1"]);
        if let Some(body) = body {
            curl.args([
                "-H",
                "Content-Type: application/json",
                "-d",
                &body.to_string(),
            ]);
        }
        curl.arg(format!("{}{path}", self.base));
        let output = run(curl).await.unwrap();
        assert!(output.status.success(), "{output:?}");
        let output = String::from_utf8(output.stdout).unwrap();
        let (body, status) = output.rsplit_once('\n').unwrap();
        (
            status.parse().unwrap(),
            serde_json::from_str(body).unwrap_or(Value::Null),
        )
    }

    async fn get(&mut self, path: &str) -> (StatusCode, Value) {
        self.call(Method::GET, path, None).await
    }

    async fn post(&mut self, path: &str, body: &Value) -> (StatusCode, Value) {
        self.call(Method::POST, path, Some(body)).await
    }

    async fn sign_in(&mut self, login: &str, password: &str) -> (StatusCode, Value) {
        self.post(
            "/api/auth/sign-in",
            &json!({ "login": login, "password": password }),
        )
        .await
    }

    /// Requests a code, reads it in the inbox, and sends it.
    async fn sign_in_by_phone(
        &mut self,
        installation: &Installation,
        number: &str,
    ) -> (StatusCode, Value) {
        let (inbox, phone) = (installation.inbox(), number.parse::<Phone>().unwrap());
        let before = inbox.received(&phone).await.unwrap();
        let (_, consent) = self.get("/api/auth/consent").await;
        let request = json!({ "phone": number, "consentVersion": consent["version"] });
        let (status, challenge) = self.post("/api/auth/otp", &request).await;
        assert_eq!(status, StatusCode::ACCEPTED, "{challenge}");
        let code = inbox.next_code(&phone, &before).await.unwrap();
        self.post(
            "/api/auth/otp/verify",
            &json!({ "challenge": challenge["challenge"], "code": code }),
        )
        .await
    }

    /// Signs in as a person of the demo.
    async fn sign_in_as(
        &mut self,
        installation: &Installation,
        person: &Person,
    ) -> (StatusCode, Value) {
        match person.role {
            Role::Customer => self.sign_in_by_phone(installation, person.login).await,
            Role::Staff | Role::Salesman | Role::Consultant => {
                self.sign_in(person.login, demo::PASSWORD).await
            }
        }
    }
}

/// A page that only this role may read.
fn own_page(role: Role) -> &'static str {
    match role {
        Role::Customer => "/api/interests",
        Role::Staff => "/api/accounts",
        Role::Salesman | Role::Consultant => "/api/salesmen/me",
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn demo_people_sign_in_read_their_page_and_sign_out() {
    let scratch = Scratch::new("sign-in");
    let installation = system::on_shared_servers(&scratch).await;
    let keys = Keys::of(&installation.data).unwrap();
    let (system, inbox) = (
        InProcess::start(&installation, &keys).await,
        InboxServer::start(&installation, &keys).await,
    );
    demo::load(&installation, &keys).await.unwrap();

    let mut ids = HashSet::new();
    for person in demo::people() {
        let mut visitor = Visitor::new(&installation, &scratch).await;
        assert_eq!(
            visitor.get("/api/auth/me").await,
            (StatusCode::OK, json!({ "signedIn": false }))
        );
        let (status, signed_in) = visitor.sign_in_as(&installation, &person).await;
        assert_eq!(status, StatusCode::OK, "{person:?}: {signed_in}");
        assert_eq!(signed_in["role"], person.role.as_str(), "{person:?}");
        let (_, me) = visitor.get("/api/auth/me").await;
        for name in ["signedIn", "role", "id", "name", "login", "phone"] {
            assert_eq!(me[name], signed_in[name], "{person:?}: {name}");
        }
        assert!(
            ids.insert(me["id"].as_str().unwrap().to_owned()),
            "{person:?} has the id of another person"
        );
        if person.role != Role::Customer {
            assert_eq!(
                (&me["name"], &me["login"]),
                (&json!(person.name), &json!(person.login))
            );
        }
        let (status, page) = visitor.get(own_page(person.role)).await;
        assert_eq!(status, StatusCode::OK, "{person:?}: {page}");
        if matches!(person.role, Role::Salesman | Role::Consultant) {
            assert_eq!(
                (&page["id"], &page["displayName"]),
                (&me["id"], &json!(person.name))
            );
        }
        assert_eq!(
            visitor
                .call(Method::POST, "/api/auth/sign-out", None)
                .await
                .0,
            StatusCode::NO_CONTENT
        );
        assert_eq!(
            visitor.get("/api/auth/me").await.1,
            json!({ "signedIn": false })
        );
        assert_eq!(
            visitor.get(own_page(person.role)).await.0,
            StatusCode::UNAUTHORIZED
        );
    }
    let mut visitor = Visitor::new(&installation, &scratch).await;
    let (status, refused) = visitor.sign_in(demo::STAFF.0, OTHER_PASSWORD).await;
    assert_eq!(
        (status, &refused["type"]),
        (
            StatusCode::UNAUTHORIZED,
            &json!("/problems/wrong-credentials")
        )
    );
    system.stop().await;
    inbox.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_all_limits_the_demo_loads_and_a_second_code_waits() {
    let scratch = Scratch::new("limits");
    let mut installation = system::on_shared_servers(&scratch).await;
    installation.limits = Limits::DEFAULT;
    let keys = Keys::of(&installation.data).unwrap();
    let (system, inbox) = (
        InProcess::start(&installation, &keys).await,
        InboxServer::start(&installation, &keys).await,
    );
    demo::load(&installation, &keys).await.unwrap();
    let mut visitor = Visitor::new(&installation, &scratch).await;
    let (_, consent) = visitor.get("/api/auth/consent").await;
    let request = json!({ "phone": "010-9999-0000", "consentVersion": consent["version"] });
    let (first, _) = visitor.post("/api/auth/otp", &request).await;
    let (second, refused) = visitor.post("/api/auth/otp", &request).await;
    assert_eq!(
        (first, second, &refused["type"]),
        (
            StatusCode::ACCEPTED,
            StatusCode::TOO_MANY_REQUESTS,
            &json!("/problems/too-many-requests")
        )
    );
    system.stop().await;
    inbox.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn interrupted_demo_load_resumes_and_a_repeat_changes_nothing() {
    let scratch = Scratch::new("demo-again");
    let installation = system::on_shared_servers(&scratch).await;
    let keys = Keys::of(&installation.data).unwrap();
    let (system, inbox) = (
        InProcess::start(&installation, &keys).await,
        InboxServer::start(&installation, &keys).await,
    );
    demo::load(&installation, &keys).await.unwrap();
    let staff = installation
        .client()
        .sign_in(demo::STAFF.0, demo::PASSWORD)
        .await
        .unwrap();
    let accounts = async || {
        let list = installation
            .client()
            .get("/api/accounts?limit=100", &staff)
            .await
            .unwrap();
        let mut accounts = list["items"].as_array().unwrap().clone();
        accounts.sort_by_key(|account| account["login"].to_string());
        accounts
    };
    let phone: Phone = "010-1234-5678".parse().unwrap();
    let (before, received) = (
        accounts().await,
        installation.inbox().received(&phone).await.unwrap(),
    );
    assert_eq!((before.len(), received.len()), (16, 1));

    demo::load(&installation, &keys).await.unwrap();
    assert_eq!(accounts().await, before);
    assert_eq!(
        installation.inbox().received(&phone).await.unwrap(),
        received
    );

    // Interrupted between the first and the last account, or loaded by an earlier version.
    std::fs::remove_file(installation.data.join("demo-invited")).unwrap();
    demo::load(&installation, &keys).await.unwrap();
    let again = accounts().await;
    let logins = |accounts: &[Value]| {
        accounts
            .iter()
            .map(|account| account["login"].clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(logins(&again), logins(&before));
    installation
        .client()
        .sign_in("haneul", demo::PASSWORD)
        .await
        .unwrap();

    // A changed password is kept.
    let change = json!({ "current": demo::PASSWORD, "password": OTHER_PASSWORD });
    installation
        .client()
        .post("/api/auth/password/change", &staff, &change)
        .await
        .unwrap();
    demo::load(&installation, &keys).await.unwrap();
    installation
        .client()
        .sign_in(demo::STAFF.0, OTHER_PASSWORD)
        .await
        .unwrap();
    system.stop().await;
    inbox.stop().await;
}

/// Runs `ktgg` with only these environment variables.
async fn ktgg(arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ktgg"));
    command
        .env_clear()
        .envs(environment.iter().copied())
        .args(arguments);
    run(command).await.unwrap()
}

/// The output of a successful run.
fn printed(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout.clone())
        .unwrap()
        .trim()
        .to_owned()
}

/// The error output of a failed run.
fn error_of(output: &Output) -> String {
    assert!(!output.status.success(), "{output:?}");
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// `accounts add`, the link, a password, a sign-in. Returns the link.
async fn check_added_account(installation: &Installation, scratch: &Scratch) -> String {
    let (data, port) = (
        installation.data.display().to_string(),
        installation.port.to_string(),
    );
    let add = [
        "accounts",
        "add",
        "minji",
        "--name",
        "김민지",
        "--postgres",
        &installation.postgres,
        "--data",
        &data,
        "--port",
        &port,
    ];
    let link = printed(&ktgg(&add, &[]).await);
    let prefix = format!("http://localhost:{port}/set-password#");
    let token = link
        .strip_prefix(&prefix)
        .unwrap_or_else(|| panic!("{link}"));
    let mut visitor = Visitor::new(installation, scratch).await;
    assert_eq!(
        visitor.sign_in("minji", OTHER_PASSWORD).await.0,
        StatusCode::UNAUTHORIZED
    );
    let set = json!({ "token": token, "password": OTHER_PASSWORD });
    assert_eq!(
        visitor.post("/api/auth/password", &set).await.0,
        StatusCode::NO_CONTENT
    );
    let (status, me) = visitor.sign_in("minji", OTHER_PASSWORD).await;
    assert_eq!(
        (status, &me["role"], &me["name"]),
        (StatusCode::OK, &json!("staff"), &json!("김민지"))
    );
    assert_eq!(visitor.get("/api/salesmen").await.0, StatusCode::OK);
    // The link works once.
    let (status, refused) = visitor.post("/api/auth/password", &set).await;
    assert_eq!(
        (status, &refused["type"]),
        (
            StatusCode::UNPROCESSABLE_ENTITY,
            &json!("/problems/wrong-link")
        )
    );
    link
}

#[tokio::test(flavor = "multi_thread")]
async fn first_staff_account_from_command_line_imports_a_file() {
    let scratch = Scratch::new("accounts-add");
    let installation = system::on_shared_servers(&scratch).await;
    let keys = Keys::of(&installation.data).unwrap();
    let system = InProcess::start(&installation, &keys).await;
    let first = check_added_account(&installation, &scratch).await;

    // A second run gives another link, here with the variables of a production gateway.
    let variables = ktgg::host::provision(&installation, &keys).await.unwrap();
    let (_, database) = variables
        .iter()
        .find(|(name, _)| name == "GATEWAY_DATABASE_URL")
        .unwrap();
    let again = ["accounts", "add", "MinJi", "--name", "김민지"];
    let environment = [
        ("GATEWAY_DATABASE_URL", database.as_str()),
        ("PUBLIC_ORIGIN", "https://kt.gg"),
    ];
    let link = printed(&ktgg(&again, &environment).await);
    assert!(link.starts_with("https://kt.gg/set-password#"), "{link}");
    assert_ne!(link.split('#').nth(1), first.split('#').nth(1));
    assert!(error_of(&ktgg(&again, &[]).await).contains("GATEWAY_DATABASE_URL is missing"));
    assert!(
        error_of(&ktgg(&again, &[environment[0], ("PUBLIC_ORIGIN", "http://kt.gg")]).await)
            .contains("PUBLIC_ORIGIN")
    );
    let no_login = ["accounts", "add", "김민지", "--name", "김민지"];
    assert!(error_of(&ktgg(&no_login, &environment).await).contains("invalid login"));
    let no_keys = [
        "accounts",
        "add",
        "minji",
        "--name",
        "김민지",
        "--postgres",
        &installation.postgres,
        "--data",
        "/nowhere",
    ];
    assert!(error_of(&ktgg(&no_keys, &[]).await).contains("has no keys"));

    let file = scratch.path().join("목록.csv");
    let csv = "번호,분야,사업명,신청시작일자,신청종료일자,소관기관,수행기관,등록일자,상세URL\n\
        1,기술,2026년 하나,2026-01-02,2026-12-31,가상부,가상원,2026-01-02,\
        https://www.bizinfo.go.kr/x?pblancId=PBLN_1\n";
    std::fs::write(&file, csv).unwrap();
    let (file, port) = (file.display().to_string(), installation.port.to_string());
    let import = ["import", &file, "--login", "minji", "--port", &port];
    let planned = printed(&ktgg(&import, &[("KTGG_PASSWORD", OTHER_PASSWORD)]).await);
    assert!(planned.starts_with("create 1"), "{planned}");
    assert!(error_of(&ktgg(&import, &[]).await).contains("cannot sign in as minji"));
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn added_account_and_sign_in_by_code_work_in_six_processes() {
    let scratch = Scratch::new("sign-in-alone");
    let installation = system::on_shared_servers(&scratch).await;
    let keys = Keys::of(&installation.data).unwrap();
    let inbox = InboxServer::start(&installation, &keys).await;
    let mut processes = Processes::start(&installation, &keys, Programs::Real).await;
    system::wait_until_serving(&installation, &keys).await;
    check_added_account(&installation, &scratch).await;
    let mut visitor = Visitor::new(&installation, &scratch).await;
    let (status, me) = visitor
        .sign_in_by_phone(&installation, "010-1234-5678")
        .await;
    assert_eq!(
        (status, &me["role"], &me["phone"]),
        (StatusCode::OK, &json!("customer"), &json!("010-****-5678"))
    );
    assert_eq!(visitor.get("/api/consultations").await.0, StatusCode::OK);
    inbox.stop().await;
    for (name, status, _) in processes.terminate().await {
        assert!(
            status.success(),
            "{name} ended with {status}: {}",
            processes.log(name)
        );
        for secret in ["1234-5678", "12345678", OTHER_PASSWORD] {
            assert!(
                !processes.log(name).contains(secret),
                "{secret} is in the log of {name}"
            );
        }
    }
}
