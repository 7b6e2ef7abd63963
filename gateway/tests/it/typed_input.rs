//! What people type and paste: full-width digits, invisible characters, decomposed Hangul.

use argon2::{Argon2, PasswordHasher as _};
use serde_json::json;
use service_kit::auth::Role;
use uuid::Uuid;

use gateway::config::Rate;

use crate::accounts::{AccountFixture, PASSWORD, field_error, invalid_fields, sign_in};
use crate::one_time_codes::{CodeFixture, PHONE, request_code, request_code_from, verify};
use crate::test_gateway::identity;

/// [`PASSWORD`] as macOS writes it in file names, and some programs everywhere: each syllable as
/// its letters (NFD).
const DECOMPOSED: &str = "\u{1109}\u{116E}\u{110B}\u{116D}\u{110B}\u{1175}\u{11AF}\u{110B}\u{1166}\
    \u{1102}\u{1173}\u{11AB} \u{1104}\u{1165}\u{11A8}\u{1107}\u{1169}\u{11A9}\u{110B}\u{1175}\
    \u{1105}\u{1173}\u{11AF} \u{1106}\u{1165}\u{11A8}\u{110C}\u{1161}";

#[tokio::test]
async fn a_phone_number_gets_a_code_however_it_was_pasted() {
    let CodeFixture { gateway, relay, .. } = CodeFixture::new().await;
    let pasted = [
        "\u{202A}010\u{A0}1234\u{A0}5678\u{202C}",
        "010\u{200B}-1234\u{2060}-5678\u{FEFF}",
        "０１０－１２３４－５６７８",
        "010.1234.5678",
        "+82 (0)10 1234 5678",
    ];
    for phone in pasted {
        request_code(&gateway, phone).await;
    }
    let attempts = relay.wait_for(pasted.len()).await;
    assert!(
        attempts
            .iter()
            .all(|(_, message)| message["to"] == "+821012345678"),
        "{attempts:?}"
    );
    request_code(&gateway, "0507-1234-5678").await;
    let attempts = relay.wait_for(pasted.len() + 1).await;
    assert_eq!(attempts.last().unwrap().1["to"], "+8250712345678");
}

#[tokio::test]
async fn a_landline_is_refused_before_any_limit_is_spent() {
    let CodeFixture { gateway, relay, .. } = CodeFixture::with(|config| {
        config.limits.codes_per_address = Rate::new(1, 3600);
    })
    .await;
    for landline in ["02-123-4567", "031) 123-4567", "+82 (0)55 123 4567"] {
        let refused = request_code_from(&gateway, "203.0.113.7", landline).await;
        assert_eq!(
            invalid_fields(&refused),
            [field_error("/phone", "landline")]
        );
        let message = refused.json()["errors"][0]["message"]
            .as_str()
            .unwrap()
            .to_owned();
        assert!(message.contains("휴대전화"), "{message}");
    }
    let stored: i64 = sqlx::query_scalar(
        "select (select count(*) from one_time_code) + (select count(*) from rate_limit)",
    )
    .fetch_one(gateway.db.pool())
    .await
    .unwrap();
    assert_eq!((stored, relay.attempts().len()), (0, 0));
    let accepted = request_code_from(&gateway, "203.0.113.7", PHONE).await;
    assert_eq!(accepted.status, 202);
}

#[tokio::test]
async fn a_code_is_read_however_it_was_typed() {
    let CodeFixture { gateway, relay, .. } = CodeFixture::new().await;
    let full_width = |code: &str| -> String {
        let digits = code.bytes().map(|digit| u32::from(digit - b'0') + 0xFF10);
        digits.map(|digit| char::from_u32(digit).unwrap()).collect()
    };
    let spellings: [&dyn Fn(&str) -> String; 5] = [
        &full_width,
        &|code| format!("{} {}", &code[..3], &code[3..]),
        &|code| format!("{}-{}", &code[..3], &code[3..]),
        &|code| format!("\u{202A}{code}\u{202C}\n"),
        &|code| format!("\u{200B}{}\u{A0}{}", &code[..3], &code[3..]),
    ];
    for (number, spelled) in spellings.iter().enumerate() {
        let challenge = request_code(&gateway, PHONE).await;
        let code = relay.code(number + 1).await;
        let answer = verify(&gateway, &challenge, &spelled(&code)).await;
        assert_eq!(answer.status, 200, "{:?}", spelled(&code));
    }
}

#[tokio::test]
async fn a_login_is_read_however_it_was_typed() {
    let fixture = AccountFixture::new().await;
    fixture.create_staff_account("ＧｗａｎＲｉ").await;
    for login in [
        "gwanri",
        "ｇｗａｎｒｉ",
        "gwan\u{200B}ri",
        "\u{FEFF}Gwanri\u{A0}",
    ] {
        assert_eq!(
            fixture.sign_in(login, PASSWORD).await.json()["login"],
            "gwanri",
            "{login:?}"
        );
    }
    let staff = fixture.gateway.caller(&identity(Role::Staff)).await;
    let invite = json!({ "role": "staff", "name": "이관리", "login": "ＧＷＡＮＲＩ" });
    let taken = staff
        .post("/api/accounts/invitations")
        .json(&invite)
        .send()
        .await;
    assert_eq!(taken.problem().1, "password-set");
}

/// Sets the stored hash as a gateway did that hashed the bytes as they were typed.
async fn store_hash_of_bytes(fixture: &AccountFixture, account: Uuid, password: &str) {
    let hash = Argon2::default()
        .hash_password(password.as_bytes())
        .unwrap()
        .to_string();
    sqlx::query("update account set password_hash = $2 where id = $1")
        .bind(account)
        .bind(hash)
        .execute(fixture.gateway.db.pool())
        .await
        .unwrap();
}

async fn stored_hash(fixture: &AccountFixture, account: Uuid) -> String {
    sqlx::query_scalar("select password_hash from account where id = $1")
        .bind(account)
        .fetch_one(fixture.gateway.db.pool())
        .await
        .unwrap()
}

#[tokio::test]
async fn a_password_is_the_same_composed_and_decomposed() {
    let fixture = AccountFixture::new().await;
    fixture.create_staff_account("composed").await;
    let (_, token) = fixture.invite_staff("decomposed").await;
    let set = fixture
        .gateway
        .post("/api/auth/password")
        .json(&json!({ "token": token, "password": DECOMPOSED }))
        .send()
        .await;
    assert_eq!(set.status, 204, "{set:?}");
    for login in ["composed", "decomposed"] {
        for password in [PASSWORD, DECOMPOSED] {
            assert_eq!(
                fixture.sign_in(login, password).await.status,
                200,
                "{login}"
            );
        }
        let wrong = format!("{DECOMPOSED}!");
        assert_eq!(fixture.sign_in(login, &wrong).await.status, 401);
    }
}

#[tokio::test]
async fn a_hash_of_decomposed_bytes_signs_in_and_is_replaced() {
    let fixture = AccountFixture::new().await;
    let id = fixture.create_staff_account("gwanri").await;
    store_hash_of_bytes(&fixture, id, DECOMPOSED).await;
    let before = stored_hash(&fixture, id).await;
    assert_eq!(fixture.sign_in("gwanri", "wrong").await.status, 401);
    assert_eq!(stored_hash(&fixture, id).await, before);
    assert_eq!(fixture.sign_in("gwanri", DECOMPOSED).await.status, 200);
    assert_ne!(stored_hash(&fixture, id).await, before);
    for password in [PASSWORD, DECOMPOSED] {
        assert_eq!(fixture.sign_in("gwanri", password).await.status, 200);
    }
}

#[tokio::test]
async fn a_changed_password_is_the_same_composed_and_decomposed() {
    let fixture = AccountFixture::new().await;
    let id = fixture.create_staff_account("gwanri").await;
    let cookie = fixture.cookie("gwanri").await;
    let change = |cookie: &str, current: &str, password: &str| {
        let body = json!({ "current": current, "password": password });
        fixture
            .gateway
            .post("/api/auth/password/change")
            .cookie(cookie)
            .json(&body)
            .send()
    };
    assert_eq!(
        invalid_fields(&change(&cookie, PASSWORD, DECOMPOSED).await),
        [field_error("/password", "the-same")]
    );
    store_hash_of_bytes(&fixture, id, DECOMPOSED).await;
    let done = change(&cookie, DECOMPOSED, "목요일에는 칼국수를 먹자").await;
    assert_eq!(done.status, 204, "{done:?}");
    let signed_in = sign_in(&fixture.gateway, "gwanri", "목요일에는 칼국수를 먹자")
        .send()
        .await;
    assert_eq!(signed_in.status, 200);
}
