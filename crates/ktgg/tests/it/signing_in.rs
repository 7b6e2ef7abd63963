//! Signing in as people do it: what `cargo xtask up` prints, with a cookie jar; and how the first member of staff comes to a password.

use std::collections::HashSet;
use std::path::PathBuf;
use std::process::{Command, Output};

use hyper::{Method, StatusCode};
use ktgg::client::Client;
use ktgg::demo::{self, Person};
use ktgg::host::Installation;
use ktgg::keys::Keys;
use serde_json::{Value, json};
use service_kit::auth::Role;
use service_kit::forms::phone::Phone;
use uuid::Uuid;

use crate::everybody::Telephones;
use crate::system::{self, Alone, Programs, Scratch, Together};

/// A password that nobody of the demo has.
const OTHER_PASSWORD: &str = "hojuk-saebom-71-nun";

/// Runs a program to its end, while this process answers it.
async fn run(mut command: Command) -> std::io::Result<Output> {
    tokio::task::spawn_blocking(move || command.output())
        .await
        .unwrap()
}

/// Somebody at a command line: curl with a cookie jar of his own, or where there is no curl a caller who keeps the cookie himself.
struct Visitor {
    client: Client,
    base: String,
    jar: Option<PathBuf>,
    session: String,
}

impl Visitor {
    async fn at(place: &Installation, scratch: &Scratch) -> Self {
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
        let base = format!("http://localhost:{}", place.port);
        Self {
            client: place.client(),
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
            let answer = self
                .client
                .call(method, path, &self.session, &[], body)
                .await
                .unwrap();
            self.session = answer
                .session()
                .unwrap_or_else(|| std::mem::take(&mut self.session));
            return (answer.status, answer.json);
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
        let said = String::from_utf8(output.stdout).unwrap();
        let (body, status) = said.rsplit_once('\n').unwrap();
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

    /// Asks for a code, reads it in the inbox, and tells it.
    async fn sign_in_by_phone(
        &mut self,
        place: &Installation,
        number: &str,
    ) -> (StatusCode, Value) {
        let (inbox, phone) = (place.inbox(), number.parse::<Phone>().unwrap());
        let before = inbox.received(&phone).await.unwrap();
        let (_, consent) = self.get("/api/auth/consent").await;
        let ask = json!({ "phone": number, "consentVersion": consent["version"] });
        let (status, challenge) = self.post("/api/auth/otp", &ask).await;
        assert_eq!(status, StatusCode::ACCEPTED, "{challenge}");
        let code = inbox.next_code(&phone, &before).await.unwrap();
        self.post(
            "/api/auth/otp/verify",
            &json!({ "challenge": challenge["challenge"], "code": code }),
        )
        .await
    }

    /// As the demo says that this person does.
    async fn sign_in_as(&mut self, place: &Installation, person: &Person) -> (StatusCode, Value) {
        match person.role {
            Role::Customer => self.sign_in_by_phone(place, person.login).await,
            Role::Staff | Role::Salesman | Role::Consultant => {
                self.sign_in(person.login, demo::PASSWORD).await
            }
        }
    }
}

/// What of his own somebody sees when he is let in.
fn own_page(role: Role) -> &'static str {
    match role {
        Role::Customer => "/api/interests",
        Role::Staff => "/api/accounts",
        Role::Salesman | Role::Consultant => "/api/salesmen/me",
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_of_the_demo_signs_in_with_a_cookie_jar_sees_what_is_theirs_and_signs_out() {
    let scratch = Scratch::new("sign-in");
    let place = system::shared_place(&scratch).await;
    let keys = Keys::of(&place.data).unwrap();
    let (together, telephones) = (
        Together::start(&place, &keys).await,
        Telephones::of(&place, &keys).await,
    );
    demo::load(&place, &keys).await.unwrap();

    let mut ids = HashSet::new();
    for person in demo::people() {
        let mut visitor = Visitor::at(&place, &scratch).await;
        assert_eq!(
            visitor.get("/api/auth/me").await,
            (StatusCode::OK, json!({ "signedIn": false }))
        );
        let (status, signed_in) = visitor.sign_in_as(&place, &person).await;
        assert_eq!(status, StatusCode::OK, "{person:?}: {signed_in}");
        assert_eq!(signed_in["role"], person.role.as_str(), "{person:?}");
        let (_, me) = visitor.get("/api/auth/me").await;
        for name in ["signedIn", "role", "id", "name", "login", "phone"] {
            assert_eq!(me[name], signed_in[name], "{person:?}: {name}");
        }
        assert!(
            ids.insert(me["id"].as_str().unwrap().to_owned()),
            "{person:?} is somebody else too"
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
    let mut visitor = Visitor::at(&place, &scratch).await;
    let (status, refused) = visitor.sign_in(demo::STAFF.0, OTHER_PASSWORD).await;
    assert_eq!(
        (status, &refused["type"]),
        (
            StatusCode::UNAUTHORIZED,
            &json!("/problems/wrong-credentials")
        )
    );
    together.stop().await;
    telephones.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_that_was_broken_off_goes_on_and_the_next_one_loads_nothing_and_signs_nobody_in() {
    let scratch = Scratch::new("demo-again");
    let place = system::shared_place(&scratch).await;
    let keys = Keys::of(&place.data).unwrap();
    let (together, telephones) = (
        Together::start(&place, &keys).await,
        Telephones::of(&place, &keys).await,
    );
    demo::load(&place, &keys).await.unwrap();
    let staff = place
        .client()
        .sign_in(demo::STAFF.0, demo::PASSWORD)
        .await
        .unwrap();
    let accounts = async || {
        let list = place
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
        place.inbox().received(&phone).await.unwrap(),
    );
    assert_eq!((before.len(), received.len()), (16, 1));

    demo::load(&place, &keys).await.unwrap();
    assert_eq!(accounts().await, before);
    assert_eq!(place.inbox().received(&phone).await.unwrap(), received);

    // Broken off between the first account and the last, or loaded before there was a sign-in.
    std::fs::remove_file(place.data.join("demo-invited")).unwrap();
    demo::load(&place, &keys).await.unwrap();
    let again = accounts().await;
    let logins = |accounts: &[Value]| {
        accounts
            .iter()
            .map(|account| account["login"].clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(logins(&again), logins(&before));
    place
        .client()
        .sign_in("haneul", demo::PASSWORD)
        .await
        .unwrap();

    // Whoever has chosen another password keeps it.
    let change = json!({ "current": demo::PASSWORD, "password": OTHER_PASSWORD });
    place
        .client()
        .post("/api/auth/password/change", &staff, &change)
        .await
        .unwrap();
    demo::load(&place, &keys).await.unwrap();
    place
        .client()
        .sign_in(demo::STAFF.0, OTHER_PASSWORD)
        .await
        .unwrap();
    together.stop().await;
    telephones.stop().await;
}

/// Runs `ktgg` with nothing in its environment but this.
async fn ktgg(arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ktgg"));
    command
        .env_clear()
        .envs(environment.iter().copied())
        .args(arguments);
    run(command).await.unwrap()
}

/// What it printed; fails the test when it failed.
fn printed(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout.clone())
        .unwrap()
        .trim()
        .to_owned()
}

/// Why it failed; fails the test when it did not.
fn complaint(output: &Output) -> String {
    assert!(!output.status.success(), "{output:?}");
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// `accounts add` → link → password → sign-in, the same in both shapes; gives the link.
async fn an_account_is_added(place: &Installation, scratch: &Scratch) -> String {
    let (data, port) = (place.data.display().to_string(), place.port.to_string());
    let add = [
        "accounts",
        "add",
        "minji",
        "--name",
        "김민지",
        "--postgres",
        &place.postgres,
        "--data",
        &data,
        "--port",
        &port,
    ];
    let link = printed(&ktgg(&add, &[]).await);
    let prefix = format!("http://localhost:{port}/invitation#");
    let token = link
        .strip_prefix(&prefix)
        .unwrap_or_else(|| panic!("{link}"));
    let mut visitor = Visitor::at(place, scratch).await;
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
    // The link was good once.
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
async fn the_first_member_of_staff_is_made_on_the_command_line_and_imports_a_file_from_there() {
    let scratch = Scratch::new("accounts-add");
    let place = system::shared_place(&scratch).await;
    let keys = Keys::of(&place.data).unwrap();
    let together = Together::start(&place, &keys).await;
    let first = an_account_is_added(&place, &scratch).await;

    // Whoever forgot the password gets another link, here by the variables of a gateway in production.
    let variables = ktgg::host::provision(&place, &keys, &ktgg::services())
        .await
        .unwrap();
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
    assert!(link.starts_with("https://kt.gg/invitation#"), "{link}");
    assert_ne!(link.split('#').nth(1), first.split('#').nth(1));
    assert!(complaint(&ktgg(&again, &[]).await).contains("GATEWAY_DATABASE_URL is missing"));
    assert!(
        complaint(&ktgg(&again, &[environment[0], ("PUBLIC_ORIGIN", "http://kt.gg")]).await)
            .contains("PUBLIC_ORIGIN")
    );
    let no_login = ["accounts", "add", "김민지", "--name", "김민지"];
    assert!(complaint(&ktgg(&no_login, &environment).await).contains("no login"));
    let no_keys = [
        "accounts",
        "add",
        "minji",
        "--name",
        "김민지",
        "--postgres",
        &place.postgres,
        "--data",
        "/nowhere",
    ];
    assert!(complaint(&ktgg(&no_keys, &[]).await).contains("holds no keys"));

    let file = scratch.path().join("목록.csv");
    let csv = "번호,분야,사업명,신청시작일자,신청종료일자,소관기관,수행기관,등록일자,상세URL\n\
        1,기술,2026년 하나,2026-01-02,2026-12-31,가상부,가상원,2026-01-02,https://www.bizinfo.go.kr/x?pblancId=PBLN_1\n";
    std::fs::write(&file, csv).unwrap();
    let (file, port) = (file.display().to_string(), place.port.to_string());
    let import = ["import", &file, "--login", "minji", "--port", &port];
    let planned = printed(&ktgg(&import, &[("KTGG_PASSWORD", OTHER_PASSWORD)]).await);
    assert!(planned.starts_with("create 1"), "{planned}");
    assert!(complaint(&ktgg(&import, &[]).await).contains("cannot sign in as minji"));
    together.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_six_processes_an_account_is_added_and_a_customer_signs_in_by_code() {
    let scratch = Scratch::new("sign-in-alone");
    let place = system::shared_place(&scratch).await;
    let keys = Keys::of(&place.data).unwrap();
    let telephones = Telephones::of(&place, &keys).await;
    let mut alone = Alone::start(&place, &keys, Programs::Real).await;
    system::until_serving(&place, &keys).await;
    an_account_is_added(&place, &scratch).await;
    let mut visitor = Visitor::at(&place, &scratch).await;
    let (status, me) = visitor.sign_in_by_phone(&place, "010-1234-5678").await;
    assert_eq!(
        (status, &me["role"], &me["phone"]),
        (StatusCode::OK, &json!("customer"), &json!("010-****-5678"))
    );
    assert_eq!(visitor.get("/api/consultations").await.0, StatusCode::OK);
    telephones.stop().await;
    for (name, status, _) in alone.terminate().await {
        assert!(
            status.success(),
            "{name} ended with {status}: {}",
            alone.log(name)
        );
        for secret in ["1234-5678", "12345678", OTHER_PASSWORD] {
            assert!(
                !alone.log(name).contains(secret),
                "{secret} is in the log of {name}"
            );
        }
    }
}
