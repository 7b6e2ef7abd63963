//! The limits of one-time codes: over all callers, per network, per number, and for known browsers.

use chrono::TimeDelta;
use gateway::config::{Limits, Rate};
use serde_json::json;
use uuid::Uuid;

use crate::one_time_codes::{
    CodeFixture, PHONE, another, config_with, consent_version, request_code_from, verify,
};
use crate::sms_relay::SmsRelay;
use crate::test_gateway::{TestGateway, TestResponse, start_at};

const OTHER_PHONE: &str = "010-8765-4321";

/// Fails the test if the request is not refused for these seconds.
fn assert_refused(answer: &TestResponse, seconds: &str) {
    assert_eq!(answer.problem(), (429, "too-many-requests".to_owned()));
    assert_eq!(answer.header("retry-after"), Some(seconds));
    let problem = answer.json();
    assert_eq!(
        problem["title"],
        "요청이 너무 많습니다. 잠시 후 다시 시도해 주세요"
    );
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.ends_with("뒤에 다시 시도해 주세요"), "{detail}");
}

/// A browser that keeps its cookies.
struct Browser<'a> {
    gateway: &'a TestGateway,
    cookies: String,
}

impl<'a> Browser<'a> {
    fn new(gateway: &'a TestGateway) -> Self {
        let cookies = String::new();
        Self { gateway, cookies }
    }

    async fn post(&self, path: &str, body: &serde_json::Value) -> TestResponse {
        let request = self.gateway.post(path).cookie(&self.cookies);
        request
            .header("x-forwarded-for", "198.51.100.9")
            .json(body)
            .send()
            .await
    }

    async fn request(&self, phone: &str) -> TestResponse {
        let version = consent_version(self.gateway).await;
        let body = json!({ "phone": phone, "consentVersion": version });
        self.post("/api/auth/otp", &body).await
    }

    async fn verify(&self, challenge: &str, code: &str) -> TestResponse {
        let body = json!({ "challenge": challenge, "code": code });
        self.post("/api/auth/otp/verify", &body).await
    }

    /// Signs in with the `number`-th message of the relay, and keeps the device cookie.
    async fn sign_in(&mut self, relay: &SmsRelay, number: usize, phone: &str) {
        let challenge = challenge(&self.request(phone).await);
        let code = relay.code(number).await;
        let answer = self.verify(&challenge, &code).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        self.cookies = device_cookie(&answer);
    }
}

fn challenge(answer: &TestResponse) -> String {
    assert_eq!(answer.status, 202, "{answer:?}");
    answer.json()["challenge"].as_str().unwrap().to_owned()
}

/// The device cookie that the response sets, as a browser sends it back.
fn device_cookie(answer: &TestResponse) -> String {
    let set = answer.headers.get_all("set-cookie").iter();
    let pairs = set.map(|set| set.to_str().unwrap().split(';').next().unwrap());
    let mut devices = pairs.filter(|pair| pair.starts_with("ktgg-device="));
    devices.next().unwrap().to_owned()
}

/// Requests a code and tries so many wrong ones. Returns the answer to the last of them.
async fn guess_wrong(
    fixture: &CodeFixture,
    message: usize,
    phone: &str,
    guesses: usize,
) -> TestResponse {
    let requested = request_code_from(&fixture.gateway, "203.0.113.7", phone).await;
    let challenge = challenge(&requested);
    let wrong = another(&fixture.relay.code(message).await);
    let mut last = None;
    for _ in 0..guesses {
        last = Some(verify(&fixture.gateway, &challenge, &wrong).await);
    }
    last.unwrap()
}

#[tokio::test]
async fn codes_of_all_callers_are_limited_per_minute_and_hour() {
    let fixture = CodeFixture::with(|config| {
        config.limits.codes = Rate::new(2, 60);
        config.limits.codes_hourly = Rate::new(3, 3600);
        config.limits.codes_per_phone = Rate::new(1, 3600);
    })
    .await;
    let request = async |number: u32| {
        let (address, phone) = (
            format!("203.{number}.113.7"),
            format!("010-1234-000{number}"),
        );
        request_code_from(&fixture.gateway, &address, &phone).await
    };
    for number in 0..2 {
        assert_eq!(request(number).await.status, 202);
    }
    assert_refused(&request(2).await, "30");
    fixture.clock.advance(TimeDelta::seconds(30));
    // The refused request did not use up the limit of its number.
    assert_eq!(request(2).await.status, 202);
    fixture.clock.advance(TimeDelta::seconds(30));
    assert_refused(&request(3).await, "1140");
    fixture.clock.advance(TimeDelta::seconds(1140));
    assert_eq!(request(3).await.status, 202);
    assert_eq!(fixture.relay.wait_for(4).await.len(), 4);
}

#[tokio::test]
async fn codes_of_neighbouring_networks_share_a_multiple_of_the_limit() {
    let fixture = CodeFixture::with(|config| {
        config.limits.codes_per_address = Rate::new(1, 1600);
    })
    .await;
    let request = async |address: &str| {
        let unique = Uuid::new_v4().as_u128() % 100_000_000;
        request_code_from(&fixture.gateway, address, &format!("010{unique:08}")).await
    };
    // Four in a /48: two in each /56, one in each /64.
    for household in 0..2 {
        for network in 0..2 {
            let address = format!("2001:db8:1:{household:x}0{network}::7");
            assert_eq!(request(&address).await.status, 202, "{address}");
        }
        let address = format!("2001:db8:1:{household:x}0f::7");
        assert_refused(&request(&address).await, "800");
    }
    assert_refused(&request("2001:db8:1:900::7").await, "400");
    assert_eq!(request("2001:db8:2::7").await.status, 202);
    for host in 0..64 {
        assert_eq!(request(&format!("203.0.113.{host}")).await.status, 202);
    }
    assert_refused(&request("203.0.113.200").await, "25");
    assert_eq!(request("203.0.114.200").await.status, 202);
}

#[tokio::test]
async fn guesses_of_neighbouring_networks_share_a_multiple_of_the_limit() {
    let fixture = CodeFixture::with(|config| {
        config.limits.guesses_per_address = Rate::new(1, 400);
        config.limits.guesses = Rate::new(12, 400);
    })
    .await;
    let guess = async |address: &str| {
        let body = json!({ "challenge": Uuid::new_v4(), "code": "123456" });
        let request = fixture.gateway.post("/api/auth/otp/verify");
        request
            .header("x-forwarded-for", address)
            .json(&body)
            .send()
            .await
    };
    let is_counted = async |address: &str| {
        let answer = guess(address).await;
        assert_eq!(answer.problem().1, "code-expired", "{address}");
    };
    for network in 0..2 {
        is_counted(&format!("2001:db8:1:{network}::7")).await;
    }
    assert_refused(&guess("2001:db8:1:f::7").await, "200");
    // One network has no more than a quarter of what all callers have.
    for host in 0..3 {
        is_counted(&format!("203.0.113.{host}")).await;
    }
    assert_refused(&guess("203.0.113.200").await, "134");
    // Invented challenges use up nothing of that.
    for network in 0..12 {
        is_counted(&format!("198.51.{network}.7")).await;
    }
}

#[tokio::test]
async fn guesses_of_all_callers_are_limited_for_codes_that_were_sent() {
    let fixture = CodeFixture::with(|config| config.limits.guesses = Rate::new(3, 300)).await;
    for (message, phone, guesses) in [(1, PHONE, 2), (2, OTHER_PHONE, 1)] {
        let last = guess_wrong(&fixture, message, phone, guesses).await;
        assert_eq!(last.problem().1, "wrong-code");
    }
    let requested = request_code_from(&fixture.gateway, "198.51.100.7", PHONE).await;
    let challenge = challenge(&requested);
    let code = fixture.relay.code(3).await;
    assert_refused(&verify(&fixture.gateway, &challenge, &code).await, "100");
    fixture.clock.advance(TimeDelta::seconds(100));
    let right = verify(&fixture.gateway, &challenge, &code).await;
    assert_eq!(right.status, 200, "{right:?}");
}

#[tokio::test]
async fn wrong_codes_add_up_over_challenges_with_a_doubling_wait() {
    let fixture = CodeFixture::with(|config| {
        config.limits.wrong_codes = Limits::DEFAULT.wrong_codes;
    })
    .await;
    for message in 1..=2 {
        let last = guess_wrong(&fixture, message, PHONE, 5).await;
        assert_eq!(last.problem().1, "code-expired");
    }
    let request = async |address: &str, phone: &str| {
        request_code_from(&fixture.gateway, address, phone).await
    };
    let mut message = 2;
    for wait in [30, 60, 120, 240, 480, 960, 1920, 3600, 3600] {
        let seconds = wait.to_string();
        // From any address, and in any spelling.
        for spelling in [PHONE, "+82 10 1234 5678"] {
            assert_refused(&request("198.51.100.7", spelling).await, &seconds);
        }
        assert_eq!(fixture.relay.attempts().len(), message);
        fixture.clock.advance(TimeDelta::seconds(wait));
        message += 1;
        let last = guess_wrong(&fixture, message, PHONE, 1).await;
        assert_eq!(last.json()["left"], 4);
    }
    // Another number does not wait.
    assert_eq!(request("203.0.113.7", OTHER_PHONE).await.status, 202);
}

#[tokio::test]
async fn a_guess_that_has_to_wait_is_not_judged_on_any_gateway() {
    let fixture = CodeFixture::with(|config| config.limits.wrong_codes = Rate::new(1, 3600)).await;
    let mut config = config_with(&fixture.relay).await;
    config.database_url = fixture.database_url.clone();
    config.limits.wrong_codes = Rate::new(1, 3600);
    let other = start_at(config, fixture.clock.clone()).await;
    let requested = request_code_from(&fixture.gateway, "203.0.113.7", PHONE).await;
    let challenge = challenge(&requested);
    let code = fixture.relay.code(1).await;
    let wrong = verify(&fixture.gateway, &challenge, &another(&code)).await;
    assert_eq!(wrong.json()["left"], 4);
    for _ in 0..6 {
        assert_refused(&verify(&other, &challenge, &code).await, "30");
    }
    fixture.clock.advance(TimeDelta::seconds(30));
    // The waiting guesses have not used up those of the challenge.
    assert_eq!(verify(&other, &challenge, &code).await.status, 200);
}

#[tokio::test]
async fn the_right_code_or_a_day_forgets_wrong_ones() {
    let fixture = CodeFixture::with(|config| config.limits.wrong_codes = Rate::new(3, 3600)).await;
    for round in 0..3 {
        let requested = request_code_from(&fixture.gateway, "203.0.113.7", PHONE).await;
        let challenge = challenge(&requested);
        let code = fixture.relay.code(round + 1).await;
        for _ in 0..2 {
            let wrong = verify(&fixture.gateway, &challenge, &another(&code)).await;
            assert_eq!(wrong.problem().1, "wrong-code");
        }
        let right = verify(&fixture.gateway, &challenge, &code).await;
        assert_eq!(right.status, 200, "{right:?}");
    }
    for round in 0..2 {
        guess_wrong(&fixture, round + 4, PHONE, 3).await;
        assert_refused(
            &request_code_from(&fixture.gateway, "203.0.113.7", PHONE).await,
            "30",
        );
        fixture.clock.advance(TimeDelta::hours(25));
    }
}

#[tokio::test]
async fn strangers_do_not_lock_out_a_browser_that_signed_in_before() {
    let fixture = CodeFixture::with(|config| {
        config.limits.codes_per_phone = Rate::new(2, 900);
        config.limits.codes_per_address = Rate::new(3, 900);
        config.limits.codes = Rate::new(3, 900);
        config.limits.guesses = Rate::new(6, 900);
        config.limits.wrong_codes = Rate::new(5, 900);
    })
    .await;
    let (gateway, relay) = (&fixture.gateway, &fixture.relay);
    let mut owner = Browser::new(gateway);
    owner.sign_in(relay, 1, PHONE).await;
    guess_wrong(&fixture, 2, PHONE, 5).await;
    assert_eq!(owner.request(OTHER_PHONE).await.status, 202);
    relay.wait_for(3).await;

    // The wrong codes, the number and all callers have no more codes for anybody else.
    let stranger = Browser::new(gateway);
    assert_eq!(stranger.request(PHONE).await.problem().0, 429);
    assert_eq!(stranger.request("010-5555-5555").await.problem().0, 429);
    owner.sign_in(relay, 4, PHONE).await;

    // The browser has limits as well, and those of another browser are not affected.
    let requested = owner.request(PHONE).await;
    assert_eq!(requested.status, 202);
    assert_eq!(owner.request(PHONE).await.problem().0, 429);
    relay.wait_for(5).await;
}

#[tokio::test]
async fn a_known_browser_is_known_for_its_own_number_only() {
    let fixture = CodeFixture::with(|config| {
        config.limits.codes_per_phone = Rate::new(1, 3600);
    })
    .await;
    let (gateway, relay) = (&fixture.gateway, &fixture.relay);
    let mut owner = Browser::new(gateway);
    owner.sign_in(relay, 1, PHONE).await;
    // Of an unknown number it is a stranger, too.
    assert_eq!(owner.request(OTHER_PHONE).await.status, 202);
    assert_eq!(owner.request(OTHER_PHONE).await.problem().0, 429);
    relay.wait_for(2).await;
    let forged = Browser {
        gateway,
        cookies: owner.cookies.replace("device=", "device=AA"),
    };
    assert_eq!(forged.request(PHONE).await.problem().0, 429);
    fixture.clock.advance(TimeDelta::days(180));
    // As a stranger.
    assert_eq!(owner.request(PHONE).await.status, 202);
    assert_eq!(owner.request(PHONE).await.problem().0, 429);
}

#[tokio::test]
async fn wrong_codes_of_a_known_browser_delay_only_itself() {
    let fixture = CodeFixture::with(|config| config.limits.wrong_codes = Rate::new(3, 3600)).await;
    let (gateway, relay) = (&fixture.gateway, &fixture.relay);
    let (mut owner, mut second) = (Browser::new(gateway), Browser::new(gateway));
    owner.sign_in(relay, 1, PHONE).await;
    second.sign_in(relay, 2, PHONE).await;
    let challenge = challenge(&owner.request(PHONE).await);
    let code = relay.code(3).await;
    for _ in 0..3 {
        let wrong = owner.verify(&challenge, &another(&code)).await;
        assert_eq!(wrong.problem().1, "wrong-code");
    }
    assert_refused(&owner.verify(&challenge, &code).await, "30");
    assert_refused(&owner.request(PHONE).await, "30");
    second.sign_in(relay, 4, PHONE).await;
    Browser::new(gateway).sign_in(relay, 5, PHONE).await;
}

#[tokio::test]
async fn known_browsers_share_a_budget_of_their_own() {
    let fixture = CodeFixture::with(|config| config.limits.codes = Rate::new(3, 3600)).await;
    let (gateway, relay) = (&fixture.gateway, &fixture.relay);
    let (mut one, mut two) = (Browser::new(gateway), Browser::new(gateway));
    one.sign_in(relay, 1, PHONE).await;
    two.sign_in(relay, 2, OTHER_PHONE).await;
    for message in 3..=4 {
        one.sign_in(relay, message, PHONE).await;
    }
    two.sign_in(relay, 5, OTHER_PHONE).await;
    assert_refused(&two.request(OTHER_PHONE).await, "1200");
    // A stranger has one code left.
    let stranger = Browser::new(gateway);
    assert_eq!(stranger.request("010-5555-5555").await.status, 202);
    assert_refused(&stranger.request("010-5555-6666").await, "1200");
}

#[tokio::test]
async fn all_known_browsers_of_a_number_share_twice_its_daily_limit() {
    let fixture = CodeFixture::with(|config| {
        config.limits.codes_per_phone_daily = Rate::new(3, 86_400);
    })
    .await;
    let (gateway, relay) = (&fixture.gateway, &fixture.relay);
    let mut browsers = Vec::new();
    for message in 1..=3 {
        let mut browser = Browser::new(gateway);
        browser.sign_in(relay, message, PHONE).await;
        browsers.push(browser);
    }
    for (browser, codes) in browsers.iter().zip([3, 2, 1]) {
        for _ in 0..codes {
            assert_eq!(browser.request(PHONE).await.status, 202);
        }
    }
    for (browser, seconds) in browsers.iter().zip(["28800", "14400", "14400"]) {
        assert_refused(&browser.request(PHONE).await, seconds);
    }
    // Another number's browsers have codes of their own.
    let mut other = Browser::new(gateway);
    other.sign_in(relay, 10, OTHER_PHONE).await;
    assert_eq!(other.request(OTHER_PHONE).await.status, 202);
}
