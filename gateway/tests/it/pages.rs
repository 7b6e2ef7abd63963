//! The built pages: which file answers a path, how it may be cached, and what pages may load.

use std::fs;
use std::path::{Path, PathBuf};

use axum::http::Method;
use gateway::config::Rate;
use uuid::Uuid;

use crate::test_gateway::{TestGateway, TestResponse, config, start, start_with};

const INDEX: &str = "<!doctype html><title>KT.GG</title>";
const SCRIPT: &str = "/assets/app-5f2c1b7e.js";
const FONT: &str = "/assets/text-0a1b2c3d.woff2";

/// What browsers accept of a page, and of what a page loads.
const OF_PAGE: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
const OF_REST: &str = "*/*";

/// A folder of built pages, beside a file that must not be served. Files that are compressed have
/// the name of their coding as content.
struct Build(PathBuf);

impl Build {
    fn new() -> Self {
        let parent = std::env::temp_dir().join(format!("ktgg-pages-{}", Uuid::new_v4()));
        let build = Self(parent);
        for folder in ["dist/assets", "dist/.vite"] {
            fs::create_dir_all(build.0.join(folder)).unwrap();
        }
        fs::write(build.0.join("secret.txt"), "secret").unwrap();
        for (path, content) in [
            ("/index.html", INDEX),
            ("/index.html.br", "br"),
            ("/index.html.gz", "gzip"),
            ("/favicon.svg", "<svg/>"),
            ("/manifest.webmanifest", "{}"),
            ("/robots.txt", "robots"),
            ("/.env", "secret"),
            ("/.vite/manifest.json", "secret"),
            (SCRIPT, "export {}"),
            (&format!("{SCRIPT}.br"), "br"),
            (&format!("{SCRIPT}.gz"), "gzip"),
            (FONT, "0123456789"),
        ] {
            build.write(path, content);
        }
        build
    }

    fn folder(&self) -> PathBuf {
        self.0.join("dist")
    }

    fn write(&self, path: &str, content: &str) {
        let path = self.folder().join(Path::new(path.trim_start_matches('/')));
        fs::write(path, content).unwrap();
    }
}

impl Drop for Build {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

/// A gateway with pages, and their folder.
async fn gateway() -> (TestGateway, Build) {
    let build = Build::new();
    let mut config = config().await;
    config.pages = Some(build.folder().to_str().unwrap().parse().unwrap());
    (start_with(config).await, build)
}

async fn get(gateway: &TestGateway, path: &str, accept: &str) -> TestResponse {
    gateway.get(path).header("accept", accept).send().await
}

fn text(answer: &TestResponse) -> &str {
    std::str::from_utf8(&answer.body).unwrap()
}

/// Status, `Content-Type` and `Cache-Control`.
fn summary(answer: &TestResponse) -> (u16, &str, &str) {
    let header = |name| answer.header(name).unwrap_or_default();
    let status = answer.status.as_u16();
    (status, header("content-type"), header("cache-control"))
}

const HTML: &str = "text/html; charset=utf-8";
const FOR_GOOD: &str = "public, max-age=31536000, immutable";

#[tokio::test]
async fn every_address_of_a_page_is_answered_with_the_index() {
    let (gateway, _build) = gateway().await;
    for path in [
        "/",
        "/?utm=1",
        "/index.html",
        "/sign-in",
        "/sign-in?next=%2Fstaff",
        "/customer",
        "/customer/programmes/0193a5d0-8c5e-7b64-9a3f-5f2c1b7e4d01",
        "/salesman/today",
        "/staff/programmes?q=a%20b",
        "/set-password",
        "/forbidden?from=%2Fstaff",
    ] {
        for accept in [OF_PAGE, OF_REST] {
            let answer = get(&gateway, path, accept).await;
            assert_eq!(summary(&answer), (200, HTML, "no-cache"), "{path}");
            assert_eq!(text(&answer), INDEX, "{path}");
        }
    }
}

#[tokio::test]
async fn unknown_address_is_a_page_with_404_for_who_reads_html() {
    let (gateway, _build) = gateway().await;
    for path in ["/nothing", "/staffx", "/apix", "/assets", "/%73taff", "//"] {
        let page = get(&gateway, path, OF_PAGE).await;
        assert_eq!(summary(&page), (404, HTML, "no-store"), "{path}");
        assert_eq!(text(&page), INDEX, "{path}");
        let other = get(&gateway, path, OF_REST).await;
        assert_eq!(other.problem(), (404, "not-found".to_owned()), "{path}");
        assert_eq!(other.header("cache-control"), Some("no-store"), "{path}");
    }
}

#[tokio::test]
async fn file_names_with_a_hash_are_cached_for_good_and_others_not() {
    let (gateway, _build) = gateway().await;
    for (path, content_type, caching) in [
        (SCRIPT, "text/javascript", FOR_GOOD),
        (FONT, "font/woff2", FOR_GOOD),
        ("/favicon.svg", "image/svg+xml", "no-cache"),
        (
            "/manifest.webmanifest",
            "application/manifest+json",
            "no-cache",
        ),
        ("/robots.txt", "text/plain", "no-cache"),
    ] {
        let answer = get(&gateway, path, OF_REST).await;
        assert_eq!(summary(&answer), (200, content_type, caching), "{path}");
    }
}

#[tokio::test]
async fn missing_asset_is_never_the_index_and_never_stored() {
    let (gateway, _build) = gateway().await;
    let long = format!("/assets/{}.js", "x".repeat(300));
    let below_a_file = format!("{SCRIPT}/x.js");
    for path in ["/assets/old-00000000.js", "/assets/", &long, &below_a_file] {
        for accept in [OF_PAGE, OF_REST] {
            let answer = get(&gateway, path, accept).await;
            assert_eq!(answer.problem(), (404, "not-found".to_owned()), "{path}");
            assert_eq!(answer.header("cache-control"), Some("no-store"), "{path}");
        }
    }
}

#[tokio::test]
async fn coding_is_chosen_by_what_the_browser_accepts() {
    let (gateway, _build) = gateway().await;
    for (path, plain) in [(SCRIPT, "export {}"), ("/", INDEX), ("/staff", INDEX)] {
        for (accepted, coding) in [
            ("gzip, deflate, br, zstd", Some("br")),
            ("gzip, deflate", Some("gzip")),
            ("br;q=0, gzip;q=0.5", Some("gzip")),
            ("zstd", None),
            ("identity", None),
        ] {
            let request = gateway.get(path).header("accept-encoding", accepted);
            let answer = request.send().await;
            assert_eq!(answer.header("content-encoding"), coding, "{path}");
            assert_eq!(text(&answer), coding.unwrap_or(plain), "{path} {accepted}");
            let vary: Vec<_> = answer.headers.get_all("vary").iter().collect();
            assert_eq!(vary, ["accept-encoding"], "{path} {accepted}");
        }
    }
    // Fonts are compressed already.
    let font = gateway.get(FONT).header("accept-encoding", "br");
    assert_eq!(font.send().await.header("content-encoding"), None);
}

#[tokio::test]
async fn unchanged_file_is_answered_with_304() {
    let (gateway, build) = gateway().await;
    for (path, caching) in [(SCRIPT, FOR_GOOD), ("/favicon.svg", "no-cache")] {
        let first = get(&gateway, path, OF_REST).await;
        for (condition, validator) in [
            ("if-none-match", first.header("etag").unwrap()),
            ("if-modified-since", first.header("last-modified").unwrap()),
        ] {
            let again = gateway.get(path).header(condition, validator).send().await;
            assert_eq!(again.status, 304, "{path} {condition}");
            assert!(again.body.is_empty(), "{path}");
            for name in ["cache-control", "vary", "etag", "content-security-policy"] {
                assert_eq!(again.header(name), first.header(name), "{path} {name}");
            }
            assert_eq!(again.header("cache-control"), Some(caching), "{path}");
        }
    }
    let first = get(&gateway, "/favicon.svg", OF_REST).await;
    build.write("/favicon.svg", "<svg></svg>");
    let etag = first.header("etag").unwrap();
    let changed = gateway.get("/favicon.svg").header("if-none-match", etag);
    assert_eq!(changed.send().await.status, 200);
}

#[tokio::test]
async fn index_is_always_sent_whole() {
    let (gateway, build) = gateway().await;
    let first = get(&gateway, "/", OF_PAGE).await;
    for name in ["etag", "last-modified", "accept-ranges"] {
        assert_eq!(first.header(name), None, "{name}");
    }
    build.write("/index.html", "the next build");
    for (name, value) in [
        ("if-none-match", "*"),
        ("if-modified-since", "Fri, 01 Jan 2100 00:00:00 GMT"),
        ("if-match", "\"other\""),
        ("range", "bytes=0-3"),
    ] {
        for (path, status) in [("/", 200), ("/nothing", 404)] {
            let request = gateway.get(path).header("accept", OF_PAGE);
            let answer = request.header(name, value).send().await;
            assert_eq!(answer.status, status, "{path} {name}");
            assert_eq!(text(&answer), "the next build", "{path} {name}");
        }
    }
}

#[tokio::test]
async fn index_that_is_being_built_is_unavailable_for_now() {
    let (gateway, build) = gateway().await;
    for name in ["index.html", "index.html.br", "index.html.gz"] {
        fs::remove_file(build.folder().join(name)).unwrap();
    }
    let answer = get(&gateway, "/staff", OF_PAGE).await;
    assert_eq!(answer.problem().0, 503);
    assert!(answer.header("retry-after").is_some());
}

#[tokio::test]
async fn part_of_a_file_can_be_read() {
    let (gateway, _build) = gateway().await;
    let request = |range| gateway.get(FONT).header("range", range).send();
    let part = request("bytes=2-4").await;
    assert_eq!((part.status.as_u16(), text(&part)), (206, "234"));
    assert_eq!(part.header("content-range"), Some("bytes 2-4/10"));
    let beyond = request("bytes=10-").await;
    assert_eq!(beyond.status, 416);
    assert_eq!(beyond.header("cache-control"), Some("no-store"));
}

#[tokio::test]
async fn head_has_the_headers_of_get_and_no_body() {
    let (gateway, _build) = gateway().await;
    for path in ["/", "/staff", "/nothing", SCRIPT, "/robots.txt"] {
        let get = get(&gateway, path, OF_PAGE).await;
        let head = gateway
            .request(Method::HEAD, path)
            .header("accept", OF_PAGE)
            .send()
            .await;
        assert_eq!(head.status, get.status, "{path}");
        assert!(head.body.is_empty(), "{path}");
        for name in [
            "content-type",
            "cache-control",
            "content-length",
            "vary",
            "etag",
            "content-security-policy",
        ] {
            assert_eq!(head.header(name), get.header(name), "{path} {name}");
        }
    }
}

#[tokio::test]
async fn pages_are_only_read() {
    let (gateway, _build) = gateway().await;
    for path in ["/", "/staff", "/nothing", SCRIPT] {
        for method in [
            Method::POST,
            Method::PUT,
            Method::DELETE,
            Method::OPTIONS,
            Method::TRACE,
        ] {
            let answer = gateway.request(method, path).body("x").send().await;
            assert_eq!(
                answer.problem(),
                (405, "method-not-allowed".to_owned()),
                "{path}"
            );
            assert_eq!(answer.header("allow"), Some("GET, HEAD"), "{path}");
        }
    }
}

#[tokio::test]
async fn no_path_leads_out_of_the_folder_or_to_a_hidden_file() {
    let (gateway, build) = gateway().await;
    let absolute = build.0.join("secret.txt").display().to_string();
    for path in [
        "/../secret.txt",
        "/..%2fsecret.txt",
        "/%2e%2e/secret.txt",
        "/%2e%2e%2fsecret.txt",
        "/..%5csecret.txt",
        "/assets/../../secret.txt",
        "/assets/..%2f..%2fsecret.txt",
        "/assets/%2e%2e/%2e%2e/secret.txt",
        "/customer/..%2f..%2fsecret.txt",
        "/assets/%00",
        "/assets/%ff",
        "/.env",
        "/%2eenv",
        "/.vite/manifest.json",
        "/assets/..%2f.env",
        &format!("/{absolute}"),
    ] {
        for accept in [OF_PAGE, OF_REST] {
            let answer = get(&gateway, path, accept).await;
            assert!(!text(&answer).contains("secret"), "{path}");
            let is_page = path.starts_with("/customer/");
            assert_eq!(answer.status == 404, !is_page, "{path}");
        }
    }
}

#[tokio::test]
async fn pages_may_load_only_what_is_of_this_site() {
    let (gateway, _build) = gateway().await;
    // A worker has the policy of its own script.
    for path in ["/", "/staff", "/nothing", SCRIPT, "/favicon.svg"] {
        let answer = get(&gateway, path, OF_PAGE).await;
        for (name, value) in [
            (
                "content-security-policy",
                "default-src 'none'; script-src 'self'; style-src 'self'; \
                 img-src 'self' data:; font-src 'self'; connect-src 'self'; \
                 manifest-src 'self'; worker-src 'self'; base-uri 'none'; \
                 form-action 'self'; frame-ancestors 'none'; \
                 require-trusted-types-for 'script'; trusted-types vue",
            ),
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "same-origin"),
            ("cross-origin-opener-policy", "same-origin"),
            ("cross-origin-resource-policy", "same-origin"),
        ] {
            assert_eq!(answer.header(name), Some(value), "{path}");
        }
        assert!(answer.header("permissions-policy").is_some(), "{path}");
        assert_eq!(answer.header("set-cookie"), None, "{path}");
    }
}

#[tokio::test]
async fn pages_do_not_change_the_api_and_its_description() {
    let (gateway, _build) = gateway().await;
    for path in [
        "/api",
        "/api/nothing",
        "/api/projectsx",
        "/livez",
        "/readyz",
        "/metrics",
    ] {
        let answer = get(&gateway, path, OF_PAGE).await;
        assert_eq!(answer.problem(), (404, "not-found".to_owned()), "{path}");
    }
    let projects = get(&gateway, "/api/projects", OF_PAGE).await;
    assert_eq!(projects.json()["target"], "/projects");
    let interests = get(&gateway, "/api/interests", OF_PAGE).await;
    assert_eq!(interests.problem(), (401, "sign-in-required".to_owned()));
    let docs = get(&gateway, "/docs/", OF_PAGE).await;
    assert!(text(&docs).contains("swagger"), "{docs:?}");
    assert_eq!(get(&gateway, "/docs", OF_PAGE).await.status, 303);
    let post = gateway.post("/api/nothing").send().await;
    assert_eq!(post.problem(), (404, "not-found".to_owned()));
}

#[tokio::test]
async fn without_pages_only_the_api_is_served() {
    let gateway = start().await;
    for path in ["/", "/staff", SCRIPT] {
        let answer = get(&gateway, path, OF_PAGE).await;
        assert_eq!(answer.problem(), (404, "not-found".to_owned()), "{path}");
    }
}

#[tokio::test]
async fn files_cost_no_session_lookup_and_no_read() {
    let build = Build::new();
    let mut config = config().await;
    config.pages = Some(build.folder().to_str().unwrap().parse().unwrap());
    config.limits.reads = Rate::new(1, 3600);
    let gateway = start_with(config).await;
    // Ten requests with a cookie are looked up before it is refused.
    let invented = format!("ktgg={}", "A".repeat(43));
    for _ in 0..40 {
        for path in ["/staff", SCRIPT] {
            let answer = gateway.get(path).cookie(&invented).send().await;
            assert_eq!(answer.status, 200, "{path}");
        }
    }
    // The same requests of the API are counted.
    assert_eq!(gateway.get("/api/projects").send().await.status, 200);
    assert_eq!(gateway.get("/api/projects").send().await.status, 429);
}
