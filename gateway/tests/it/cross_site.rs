//! What pages of other sites can make a browser ask for: nothing that changes anything, and nothing of the stream.

use axum::http::Method;
use gateway::upstream::routes::TABLE;
use service_kit::auth::Role;

use crate::fixture::{Ask, ORIGIN, somebody, start};

/// What `Origin` may say, and whether that is a page of ours.
const ORIGINS: [(Option<&str>, bool); 11] = [
    (None, true),
    (Some(ORIGIN), true),
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

/// The same of `Sec-Fetch-Site`.
const SITES: [(Option<&str>, bool); 6] = [
    (None, true),
    (Some("same-origin"), true),
    (Some("same-site"), false),
    (Some("cross-site"), false),
    (Some("none"), false),
    (Some("Same-Origin"), false),
];

/// The same of `Ktgg-Csrf`.
const SIGNS: [(Option<&str>, bool); 5] = [
    (None, false),
    (Some("1"), true),
    (Some("0"), false),
    (Some(""), false),
    (Some("1, 1"), false),
];

fn with<'a>(ask: Ask<'a>, headers: &[(&str, Option<&str>)]) -> Ask<'a> {
    headers.iter().fold(ask, |ask, (name, value)| match value {
        Some(value) => ask.header(name, value),
        None => ask,
    })
}

#[tokio::test]
async fn no_write_is_let_through_unless_every_sign_says_that_a_page_of_ours_asks() {
    let gateway = start().await;
    let staff = gateway.as_(&somebody(Role::Staff)).await;
    let (mut accepted, mut refused) = (0, 0);
    for (origin, origin_is_ours) in ORIGINS {
        for (site, site_is_ours) in SITES {
            for (sign, sign_is_ours) in SIGNS {
                let headers = [
                    ("origin", origin),
                    ("sec-fetch-site", site),
                    ("ktgg-csrf", sign),
                ];
                let answer = with(staff.post("/api/consultations").of_no_page(), &headers)
                    .send()
                    .await;
                if origin_is_ours && site_is_ours && sign_is_ours {
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
    assert_eq!((accepted, refused), (4, 11 * 6 * 5 - 4));
}

#[tokio::test]
async fn nobodys_number_is_shown_and_nothing_is_written_down_because_a_page_of_another_site_asks() {
    let gateway = start().await;
    let staff = gateway.as_(&somebody(Role::Staff)).await;
    for path in [
        "/api/interests/1/phone?why=x",
        "/api/consultations/1/phone?why=x",
        "/api/consultations/1/%70hone",
    ] {
        // As a link there is followed, without a script, and as a script there may send.
        for headers in [
            [
                ("origin", None),
                ("sec-fetch-site", None),
                ("ktgg-csrf", None),
            ],
            [
                ("origin", None),
                ("sec-fetch-site", Some("cross-site")),
                ("ktgg-csrf", None),
            ],
            [
                ("origin", None),
                ("sec-fetch-site", Some("same-site")),
                ("ktgg-csrf", Some("1")),
            ],
            [
                ("origin", Some("https://evil.example")),
                ("sec-fetch-site", None),
                ("ktgg-csrf", Some("1")),
            ],
        ] {
            for ask in [staff.get(path), gateway.get(path)] {
                let answer = with(ask.of_no_page(), &headers).send().await;
                assert_eq!(
                    answer.problem(),
                    (403, "cross-site".to_owned()),
                    "{path} {headers:?}"
                );
            }
        }
        let ours = [
            ("origin", Some(ORIGIN)),
            ("sec-fetch-site", Some("same-origin")),
            ("ktgg-csrf", Some("1")),
        ];
        let said = with(staff.get(path).of_no_page(), &ours)
            .send()
            .await
            .json();
        assert_eq!(
            (&said["method"], said["target"].as_str()),
            (&"GET".into(), path.strip_prefix("/api"))
        );
    }
}

#[tokio::test]
async fn so_it_is_with_every_writing_method_everywhere_signed_in_or_not() {
    let gateway = start().await;
    let staff = gateway.as_(&somebody(Role::Staff)).await;
    let of_services = TABLE.map(|row| format!("/api{}/1", row.prefix));
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
    let of_services = methods.iter().flat_map(|method| {
        of_services
            .iter()
            .map(|path| (method.clone(), path.clone()))
    });
    let mut asked = 0;
    for (method, path) in own.chain(of_services) {
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
            // As a form sends it, without a question before.
            for kind in [
                "text/plain",
                "application/x-www-form-urlencoded",
                "application/json",
            ] {
                for ask in [
                    staff.ask(method.clone(), &path),
                    gateway.ask(method.clone(), &path),
                ] {
                    let answer = with(ask.of_no_page(), &headers)
                        .header("content-type", kind)
                        .body("{}")
                        .send()
                        .await;
                    assert_eq!(
                        answer.problem(),
                        (403, "cross-site".to_owned()),
                        "{method} {path} {headers:?}"
                    );
                    assert_eq!(answer.cookie(), None);
                    asked += 1;
                }
            }
        }
    }
    assert!(asked > 600, "{asked}");
}

#[tokio::test]
async fn the_stream_is_opened_by_pages_of_ours_alone() {
    let gateway = start().await;
    let staff = gateway.as_(&somebody(Role::Staff)).await;
    for (origin, origin_is_ours) in ORIGINS {
        for (site, site_is_ours) in SITES {
            let headers = [("origin", origin), ("sec-fetch-site", site)];
            let status = with(staff.get("/api/stream").of_no_page(), &headers)
                .open()
                .await
                .status()
                .as_u16();
            assert_eq!(
                status,
                if origin_is_ours && site_is_ours {
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
async fn a_header_that_is_there_twice_is_ours_only_if_both_are() {
    let gateway = start().await;
    let staff = gateway.as_(&somebody(Role::Staff)).await;
    for (name, value) in [
        ("origin", "https://evil.example"),
        ("sec-fetch-site", "cross-site"),
        ("ktgg-csrf", "0"),
    ] {
        let ours = [
            ("origin", Some(ORIGIN)),
            ("sec-fetch-site", Some("same-origin")),
            ("ktgg-csrf", Some("1")),
        ];
        let answer = with(staff.post("/api/consultations").of_no_page(), &ours)
            .header(name, value)
            .send()
            .await;
        assert_eq!(answer.problem(), (403, "cross-site".to_owned()), "{name}");
    }
}

#[tokio::test]
async fn what_there_is_not_is_told_to_anybody_and_reading_needs_no_sign() {
    let gateway = start().await;
    let staff = gateway.as_(&somebody(Role::Staff)).await;
    let foreign = [
        ("origin", Some("https://evil.example")),
        ("sec-fetch-site", Some("cross-site")),
    ];
    let ask =
        |method: Method, path: &str| with(staff.ask(method, path).of_no_page(), &foreign).send();
    for path in [
        "/api/nothing",
        "/api/auth/nothing",
        "/",
        "/api/projects/..%2fx",
    ] {
        assert_eq!(
            ask(Method::POST, path).await.problem(),
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
            ask(method, path).await.problem(),
            (405, "method-not-allowed".to_owned()),
            "{path}"
        );
    }
    // A link from elsewhere leads here. What it shows, a page there cannot read.
    for path in ["/api/projects", "/api/interests", "/api/auth/me"] {
        let answer = ask(Method::GET, path).await;
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
            .ask(Method::OPTIONS, "/api/consultations")
            .of_no_page(),
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
async fn behind_tls_the_origin_is_the_public_one() {
    let mut config = crate::fixture::config().await;
    config.public_origin = "https://kt.gg".parse().unwrap();
    let gateway = crate::fixture::start_with(config).await;
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
