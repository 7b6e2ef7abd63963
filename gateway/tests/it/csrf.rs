//! CSRF: pages of other sites can neither write nor open the stream.

use axum::http::Method;
use gateway::upstream::routes::ROUTES;
use service_kit::auth::Role;

use crate::test_gateway::{ORIGIN, TestRequest, identity, start};

/// Values of `Origin`, and whether they are same-origin.
const ORIGINS: [(Option<&str>, bool); 14] = [
    (None, true),
    (Some(ORIGIN), true),
    (Some("http://127.0.0.1:8088"), true),
    (Some("http://[::1]:8088"), true),
    (Some("http://127.0.0.1:8089"), false),
    (Some("null"), false),
    (Some(""), false),
    (Some("https://evil.example"), false),
    (Some("https://localhost:8088"), false),
    (Some("http://localhost"), false),
    (Some("http://localhost:8089"), false),
    (Some("http://localhost:8088.evil.example"), false),
    (Some("http://localhost:8088/"), false),
    (Some("http://localhost:8088 https://evil.example"), false),
];

/// Values of `Sec-Fetch-Site`, and whether they are same-origin.
const SITES: [(Option<&str>, bool); 6] = [
    (None, true),
    (Some("same-origin"), true),
    (Some("same-site"), false),
    (Some("cross-site"), false),
    (Some("none"), false),
    (Some("Same-Origin"), false),
];

/// Values of `Ktgg-Csrf`, and whether they are valid.
const CSRF_HEADERS: [(Option<&str>, bool); 5] = [
    (None, false),
    (Some("1"), true),
    (Some("0"), false),
    (Some(""), false),
    (Some("1, 1"), false),
];

fn with<'a>(request: TestRequest<'a>, headers: &[(&str, Option<&str>)]) -> TestRequest<'a> {
    headers
        .iter()
        .fold(request, |request, (name, value)| match value {
            Some(value) => request.header(name, value),
            None => request,
        })
}

#[tokio::test]
async fn write_is_accepted_only_if_every_header_is_same_origin() {
    let gateway = start().await;
    let staff = gateway.caller(&identity(Role::Staff)).await;
    let (mut accepted, mut refused) = (0, 0);
    for (origin, origin_is_own) in ORIGINS {
        for (site, site_is_own) in SITES {
            for (csrf, csrf_is_valid) in CSRF_HEADERS {
                let headers = [
                    ("origin", origin),
                    ("sec-fetch-site", site),
                    ("ktgg-csrf", csrf),
                ];
                let answer = with(
                    staff.post("/api/consultations").without_csrf_header(),
                    &headers,
                )
                .send()
                .await;
                if origin_is_own && site_is_own && csrf_is_valid {
                    assert_eq!(answer.status, 200, "{headers:?}");
                    accepted += 1;
                } else {
                    assert_eq!(
                        answer.problem(),
                        (403, "cross-site".to_owned()),
                        "{headers:?}"
                    );
                    refused += 1;
                }
            }
        }
    }
    assert_eq!((accepted, refused), (8, 14 * 6 * 5 - 8));
}

#[tokio::test]
async fn cross_site_writes_are_refused_on_every_path() {
    let gateway = start().await;
    let staff = gateway.caller(&identity(Role::Staff)).await;
    let service_paths = ROUTES.map(|row| format!("/api{}/1", row.prefix));
    let own = gateway::api::permissions::PERMISSIONS
        .iter()
        .filter(|row| row.method != "GET");
    let own = own.map(|row| {
        (
            row.method.parse().unwrap(),
            row.path
                .replace("{id}", "0193a5d0-8c5e-7b64-9a3f-5f2c1b7e4d01"),
        )
    });
    let methods = [Method::POST, Method::PUT, Method::PATCH, Method::DELETE];
    let service_writes = methods.iter().flat_map(|method| {
        service_paths
            .iter()
            .map(|path| (method.clone(), path.clone()))
    });
    let mut refused = 0;
    for (method, path) in own.chain(service_writes) {
        for headers in [
            [
                ("origin", None),
                ("sec-fetch-site", None),
                ("ktgg-csrf", None),
            ],
            [
                ("origin", Some("https://evil.example")),
                ("sec-fetch-site", Some("cross-site")),
                ("ktgg-csrf", Some("1")),
            ],
            [
                ("origin", Some("https://evil.example")),
                ("sec-fetch-site", None),
                ("ktgg-csrf", Some("1")),
            ],
            [
                ("origin", None),
                ("sec-fetch-site", Some("same-site")),
                ("ktgg-csrf", Some("1")),
            ],
        ] {
            // A form can send the first two content types without a preflight request.
            for content_type in [
                "text/plain",
                "application/x-www-form-urlencoded",
                "application/json",
            ] {
                for request in [
                    staff.request(method.clone(), &path),
                    gateway.request(method.clone(), &path),
                ] {
                    let answer = with(request.without_csrf_header(), &headers)
                        .header("content-type", content_type)
                        .body("{}")
                        .send()
                        .await;
                    assert_eq!(
                        answer.problem(),
                        (403, "cross-site".to_owned()),
                        "{method} {path} {headers:?}"
                    );
                    assert_eq!(answer.cookie(), None);
                    refused += 1;
                }
            }
        }
    }
    assert!(refused > 600, "{refused}");
}

#[tokio::test]
async fn stream_is_opened_only_by_same_origin_pages() {
    let gateway = start().await;
    let staff = gateway.caller(&identity(Role::Staff)).await;
    for (origin, origin_is_own) in ORIGINS {
        for (site, site_is_own) in SITES {
            let headers = [("origin", origin), ("sec-fetch-site", site)];
            let status = with(staff.get("/api/stream").without_csrf_header(), &headers)
                .open()
                .await
                .status()
                .as_u16();
            assert_eq!(
                status,
                if origin_is_own && site_is_own {
                    200
                } else {
                    403
                },
                "{headers:?}"
            );
        }
    }
}

#[tokio::test]
async fn repeated_header_with_a_foreign_value_is_refused() {
    let gateway = start().await;
    let staff = gateway.caller(&identity(Role::Staff)).await;
    for (name, value) in [
        ("origin", "https://evil.example"),
        ("sec-fetch-site", "cross-site"),
        ("ktgg-csrf", "0"),
    ] {
        let same_origin = [
            ("origin", Some(ORIGIN)),
            ("sec-fetch-site", Some("same-origin")),
            ("ktgg-csrf", Some("1")),
        ];
        let answer = with(
            staff.post("/api/consultations").without_csrf_header(),
            &same_origin,
        )
        .header(name, value)
        .send()
        .await;
        assert_eq!(answer.problem(), (403, "cross-site".to_owned()), "{name}");
    }
}

#[tokio::test]
async fn cross_site_reads_and_unknown_paths_need_no_csrf_header() {
    let gateway = start().await;
    let staff = gateway.caller(&identity(Role::Staff)).await;
    let foreign = [
        ("origin", Some("https://evil.example")),
        ("sec-fetch-site", Some("cross-site")),
    ];
    let request = |method: Method, path: &str| {
        with(staff.request(method, path).without_csrf_header(), &foreign).send()
    };
    for path in [
        "/api/nothing",
        "/api/auth/nothing",
        "/",
        "/api/projects/..%2fx",
    ] {
        assert_eq!(
            request(Method::POST, path).await.problem(),
            (404, "not-found".to_owned()),
            "{path}"
        );
    }
    for (method, path) in [
        (Method::POST, "/api/stream"),
        (Method::PUT, "/api/auth/me"),
        (Method::GET, "/api/auth/sign-out"),
        (Method::TRACE, "/api/projects"),
    ] {
        assert_eq!(
            request(method, path).await.problem(),
            (405, "method-not-allowed".to_owned()),
            "{path}"
        );
    }
    // Links from other sites work, but without CORS headers their pages cannot read the response.
    for path in ["/api/projects", "/api/interests", "/api/auth/me"] {
        let answer = request(Method::GET, path).await;
        assert_eq!(answer.status, 200, "{path}");
        assert!(
            answer
                .headers
                .keys()
                .all(|name| !name.as_str().starts_with("access-control-")),
            "{answer:?}"
        );
    }
    let preflight = with(
        staff
            .request(Method::OPTIONS, "/api/consultations")
            .without_csrf_header(),
        &foreign,
    )
    .header("access-control-request-method", "POST")
    .header("access-control-request-headers", "ktgg-csrf")
    .send()
    .await;
    assert!(
        preflight
            .headers
            .keys()
            .all(|name| !name.as_str().starts_with("access-control-")),
        "{preflight:?}"
    );
}

#[tokio::test]
async fn behind_tls_only_the_public_origin_is_accepted() {
    let mut config = crate::test_gateway::config().await;
    config.public_origin = "https://kt.gg".parse().unwrap();
    let gateway = crate::test_gateway::start_with(config).await;
    for (origin, status) in [
        ("https://kt.gg", 200),
        ("http://kt.gg", 403),
        ("https://www.kt.gg", 403),
        (ORIGIN, 403),
    ] {
        let answer = gateway
            .post("/api/projects")
            .header("origin", origin)
            .send()
            .await;
        assert_eq!(answer.status, status, "{origin}");
    }
}

#[tokio::test]
async fn form_with_a_file_is_forwarded_only_with_the_csrf_header() {
    let gateway = start().await;
    let staff = gateway.caller(&identity(Role::Staff)).await;
    let form = "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.csv\"\r\n\r\na\r\n--x--";
    for (csrf, status) in [(Some("1"), 200), (None, 403)] {
        let upload = staff
            .post("/api/projects/imports")
            .without_csrf_header()
            .header("content-type", "multipart/form-data; boundary=x")
            .body(form);
        let answer = with(upload, &[("ktgg-csrf", csrf), ("origin", Some(ORIGIN))])
            .send()
            .await;
        assert_eq!(answer.status, status, "{answer:?}");
    }
}
