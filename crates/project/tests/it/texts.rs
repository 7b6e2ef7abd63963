//! Texts of a programme as they are pasted: stored composed and without invisible characters.

use serde_json::json;
use service_kit::testing::{INVISIBLE, as_pasted, text_fields};

use crate::{minimal_project, start};

/// The free texts of a programme in requests. The address has its own test.
const TEXTS: [&str; 5] = ["name", "agency", "host", "target", "summary"];

#[tokio::test]
async fn pasted_texts_are_stored_clean() {
    let fields = text_fields(&project::service().description());
    let mut tested = std::collections::BTreeSet::new();
    for operation in ["POST /projects ", "PATCH /projects/{id} "] {
        for field in TEXTS.iter().chain(&["link", "period/text"]) {
            tested.insert(format!("{operation}/{field}"));
        }
    }
    assert_eq!(fields, tested);
    let app = start().await;
    let mut body = minimal_project();
    for field in TEXTS {
        body[field] = json!(as_pasted(&format!("2026년 {field} 한글")));
    }
    body["period"] = json!({ "text": as_pasted("예산 소진시까지") });
    let created = app.as_staff().post("/projects", &body).await.expect(201);
    let path = format!("/projects/{}", created["id"].as_str().unwrap());
    for field in TEXTS {
        assert_eq!(created[field], format!("2026년 {field} 한글"));
        body[field] = json!(as_pasted(&format!("2026년 바뀐 {field}")));
    }
    assert_eq!(created["period"]["text"], "예산 소진시까지");
    body["period"] = json!({ "text": as_pasted("상시 접수") });
    app.as_staff().patch_if(&path, 1, &body).await.expect(200);
    let edited = app.as_staff().get(&path).await.expect(200);
    for field in TEXTS {
        assert_eq!(edited[field], format!("2026년 바뀐 {field}"));
    }
    assert_eq!(edited["period"]["text"], "상시 접수");
}

#[tokio::test]
async fn name_without_a_visible_character_is_refused() {
    let app = start().await;
    let mut body = minimal_project();
    body["name"] = json!(INVISIBLE);
    body["agency"] = json!(INVISIBLE);
    let (_, errors) = app.as_staff().post("/projects", &body).await.problem(422);
    let required = |pointer: &str| (pointer.to_owned(), "required".to_owned());
    assert_eq!(errors, [required("/name"), required("/agency")]);
    let created = app.as_staff().post("/projects", &minimal_project()).await;
    let path = format!("/projects/{}", created.expect(201)["id"].as_str().unwrap());
    let edit = json!({ "name": INVISIBLE });
    let (_, errors) = app.as_staff().patch_if(&path, 1, &edit).await.problem(422);
    assert_eq!(errors, [required("/name")]);
}

#[tokio::test]
async fn script_is_refused_as_a_link() {
    let app = start().await;
    for link in [
        "javascript:alert(1)",
        "java\u{200B}script:alert(1)",
        " JAVASCRIPT:alert(1)",
        "java\nscript:alert(1)",
        "javascript&colon;alert(1)",
        "data:text/html,<script>alert(1)</script>",
        "vbscript:msgbox(1)",
        "https://javascript:alert(1)",
    ] {
        let mut body = minimal_project();
        body["link"] = json!(link);
        let (_, errors) = app.as_staff().post("/projects", &body).await.problem(422);
        let expected = [("/link".to_owned(), "not-a-link".to_owned())];
        assert_eq!(errors, expected, "{link:?}");
    }
    let mut body = minimal_project();
    body["link"] = json!(as_pasted("https://www.bizinfo.go.kr/x?pblancId=1"));
    let created = app.as_staff().post("/projects", &body).await.expect(201);
    assert_eq!(created["link"], "https://www.bizinfo.go.kr/x?pblancId=1");
}
