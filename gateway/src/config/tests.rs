use service_kit::auth::new_private_pem;

use super::*;

/// The variables without a default.
fn required() -> Vec<(&'static str, String)> {
    vec![
        ("KAFKA_BROKERS", "localhost:9092".to_owned()),
        ("INTERNAL_TOKEN_PRIVATE_KEY", new_private_pem()),
        (
            "GATEWAY_DATABASE_URL",
            "postgres://ktgg_gateway@localhost/ktgg".to_owned(),
        ),
        ("SIGN_IN_KEY", "0123456789abcdef0123456789abcdef".to_owned()),
        (
            "CUSTOMER_ID_KEY",
            "0123456789abcdef0123456789abcdef".to_owned(),
        ),
        ("SENDER_URL", "http://127.0.0.1:8089/messages".to_owned()),
        (
            "SENDER_KEY",
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".to_owned(),
        ),
    ]
}

/// The configuration from the required variables and these, and the error.
fn read(more: &[(&'static str, &str)]) -> (Option<Config>, String) {
    let more = more
        .iter()
        .map(|(name, value)| (*name, (*value).to_owned()));
    let mut env = Env::from_pairs(required().into_iter().chain(more));
    let config = Config::read(&mut env);
    let error = env.invalid().map(|wrong| wrong.to_string());
    (config, error.unwrap_or_default())
}

#[test]
fn every_missing_and_invalid_variable_is_reported() {
    let mut env = Env::from_pairs([
        ("GATEWAY_LISTEN", "here"),
        ("SALESMAN_MATCH_URL", "https://x/y"),
        ("PUBLIC_ORIGIN", "http://ktgg.example"),
        ("TRUSTED_PROXIES", "-1"),
        ("LIMIT_WRITES", "many"),
        ("LIMIT_CODES_PER_PHONE", "0/1"),
    ]);
    assert!(Config::read(&mut env).is_none());
    let error = env.invalid().unwrap().to_string();
    let missing = required()
        .into_iter()
        .map(|(name, _)| format!("{name} is missing"));
    let invalid = [
        "GATEWAY_LISTEN=here",
        "SALESMAN_MATCH_URL=",
        "PUBLIC_ORIGIN=",
        "TRUSTED_PROXIES=-1",
        "LIMIT_WRITES=many",
        "LIMIT_CODES_PER_PHONE=0/1",
    ];
    for name in invalid.into_iter().map(str::to_owned).chain(missing) {
        assert!(error.contains(&name), "{name} is not in:\n{error}");
    }
}

#[test]
fn services_default_to_the_ports_of_the_sandbox() {
    let (config, error) = read(&[("INTEREST_URL", "http://interest:80/")]);
    assert_eq!(error, "");
    let config = config.unwrap();
    assert_eq!(
        config.services.url(Service::SalesmanMatch).to_string(),
        "http://127.0.0.1:8085"
    );
    assert_eq!(
        config.services.url(Service::Interest).to_string(),
        "http://interest:80"
    );
    assert_eq!(config.admin_listen.port(), 9088);
    assert_eq!(config.public_origin.as_str(), "http://localhost:8088");
    assert_eq!(
        (config.trusted_proxies, config.limits),
        (TrustedProxies::NONE, Limits::DEFAULT)
    );
    assert_eq!(
        (config.timeouts, config.server),
        (Timeouts::DEFAULT, ServerLimits::DEFAULT)
    );
}

#[test]
fn every_limit_can_be_set_by_its_variable() {
    let set: Vec<(&str, String)> = (1..)
        .zip(Limits::DEFAULT.variables())
        .map(|(burst, (name, _))| (name, format!("{burst}/10")))
        .collect();
    let more: Vec<(&str, &str)> = set.iter().map(|(name, rate)| (*name, &**rate)).collect();
    let (config, error) = read(&more);
    assert_eq!(error, "");
    let read_back = config.unwrap().limits.variables();
    assert_eq!(
        read_back.map(|(name, rate)| (name, rate.to_string())),
        set[..]
    );
    let one = [("LIMIT_CODES_PER_PHONE_DAILY", "7/70")];
    let expected = Limits {
        codes_per_phone_daily: Rate::new(7, 70),
        ..Limits::DEFAULT
    };
    assert_eq!(read(&one).0.unwrap().limits, expected);
}

#[test]
fn contradicting_variables_are_refused() {
    for (more, why) in [
        (
            vec![("PUBLIC_ORIGIN", "https://kt.gg")],
            "TRUSTED_PROXIES=0 is invalid with PUBLIC_ORIGIN=https://kt.gg",
        ),
        (
            vec![("PUBLIC_ORIGIN", "https://kt.gg"), ("TRUSTED_PROXIES", "0")],
            "the gateway serves no TLS",
        ),
        (
            vec![("TRUSTED_PROXY_ADDRESSES", "10.0.0.7")],
            "TRUSTED_PROXY_ADDRESSES is invalid with TRUSTED_PROXIES=0",
        ),
        (
            vec![("GATEWAY_LISTEN", "0.0.0.0:8088")],
            "PUBLIC_ORIGIN is missing: GATEWAY_LISTEN=0.0.0.0:8088",
        ),
        (
            vec![("GATEWAY_LISTEN", "[::]:8088"), ("PUBLIC_ORIGIN", " ")],
            "PUBLIC_ORIGIN is missing",
        ),
    ] {
        let error = read(&more).1;
        assert!(error.contains(why), "{more:?}: {error}");
        assert_eq!(error.lines().count(), 2, "{error}");
    }
    for more in [
        vec![
            ("GATEWAY_LISTEN", "0.0.0.0:8088"),
            ("PUBLIC_ORIGIN", "https://kt.gg"),
            ("TRUSTED_PROXIES", "1"),
        ],
        vec![
            ("GATEWAY_LISTEN", "0.0.0.0:8088"),
            ("PUBLIC_ORIGIN", "http://localhost:8088"),
        ],
        vec![("GATEWAY_LISTEN", "[::1]:8088")],
        vec![
            ("TRUSTED_PROXIES", "1"),
            ("TRUSTED_PROXY_ADDRESSES", "10.0.0.7, 2001:db8::/32"),
        ],
    ] {
        assert_eq!(read(&more).1, "", "{more:?}");
    }
}

#[test]
fn an_invalid_webhook_url_is_not_repeated_in_the_error() {
    let mut env = Env::from_pairs([("SENDER_URL", "http://relay.example/hunter2")]);
    assert!(Config::read(&mut env).is_none());
    let error = env.invalid().unwrap().to_string();
    assert!(
        error.contains("SENDER_URL is invalid") && !error.contains("hunter2"),
        "{error}"
    );
}

#[test]
fn timeouts_and_server_limits_can_be_set_within_bounds() {
    let (config, error) = read(&[
        ("TIMEOUT_CONNECT", "2"),
        ("TIMEOUT_ANSWER", "30"),
        ("TIMEOUT_HEAD", "10"),
        ("TIMEOUT_READING", "20"),
        ("LIMIT_CONNECTIONS", "100"),
        ("LIMIT_CONNECTIONS_PER_ADDRESS", "10"),
        ("LIMIT_HEAD", "16384"),
    ]);
    assert_eq!(error, "");
    let config = config.unwrap();
    let Timeouts {
        connect,
        response,
        request_head,
        write,
    } = config.timeouts;
    assert_eq!(
        [connect, response, request_head, write].map(|timeout| timeout.as_secs()),
        [2, 30, 10, 20]
    );
    assert_eq!(
        config.server,
        ServerLimits {
            connections: 100,
            connections_per_address: 10,
            head_bytes: 16_384
        }
    );
    let (_, error) = read(&[
        ("TIMEOUT_ANSWER", "15"),
        ("TIMEOUT_HEAD", "0"),
        ("LIMIT_HEAD", "4096"),
        ("LIMIT_CONNECTIONS", "0"),
        ("LIMIT_CONNECTIONS_PER_ADDRESS", "0"),
        ("TRUSTED_PROXY_ADDRESSES", "10.0.0.0/33"),
    ]);
    for name in [
        "TIMEOUT_ANSWER=15",
        "TIMEOUT_HEAD=0",
        "LIMIT_HEAD=4096",
        "LIMIT_CONNECTIONS=0",
        "LIMIT_CONNECTIONS_PER_ADDRESS=0",
        "TRUSTED_PROXY_ADDRESSES",
    ] {
        assert!(error.contains(name), "{name} is not in:\n{error}");
    }
}

#[test]
fn pages_dir_has_a_readable_index() {
    let folder = std::env::temp_dir().join(format!("pages-{}", uuid::Uuid::new_v4()));
    let text = folder.display().to_string();
    std::fs::create_dir(&folder).unwrap();
    let with_port = |text| read(&[("PAGES_DIR", text), ("GATEWAY_LISTEN", "here")]).1;
    let no_index = with_port(&text);
    std::fs::write(folder.join("index.html"), "").unwrap();
    let (config, none) = read(&[("PAGES_DIR", &text)]);
    std::fs::remove_dir_all(&folder).unwrap();
    let absent = with_port(&text);
    for error in [no_index, absent] {
        assert!(error.contains(&format!("PAGES_DIR={text}")), "{error}");
        assert!(error.contains("index.html"), "{error}");
        assert!(error.contains("GATEWAY_LISTEN=here"), "{error}");
    }
    assert_eq!(none, "");
    assert_eq!(config.unwrap().pages.unwrap().path(), folder);
    assert_eq!(read(&[("PAGES_DIR", " ")]).0.unwrap().pages, None);
}
