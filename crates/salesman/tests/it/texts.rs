//! Names as they are pasted: stored composed and without invisible characters.

use serde_json::json;
use service_kit::testing::{INVISIBLE, as_pasted, text_fields};

use crate::start;

#[tokio::test]
async fn pasted_names_are_stored_clean() {
    let fields = text_fields(&salesman::service().description());
    let names = ["POST /salesmen ", "PATCH /salesmen/{id} "]
        .map(|operation| ["name", "displayName", "phone"].map(|f| format!("{operation}/{f}")));
    assert_eq!(fields, names.into_iter().flatten().collect());
    let app = start().await;
    let body = json!({
        "name": as_pasted("김영업"), "displayName": as_pasted("영업 한솔"),
        "phone": as_pasted("010-1234-5678"),
    });
    let created = app.as_staff().post("/salesmen", &body).await.expect(201);
    let shown = |view: &serde_json::Value| {
        ["name", "displayName", "phone"].map(|name| view[name].as_str().unwrap().to_owned())
    };
    assert_eq!(shown(&created), ["김영업", "영업 한솔", "+821012345678"]);
    let path = format!("/salesmen/{}", created["id"].as_str().unwrap());
    let body = json!({ "name": as_pasted("김새솔"), "displayName": as_pasted("새솔") });
    app.as_staff().patch_if(&path, 1, &body).await.expect(200);
    let edited = app.as_staff().get(&path).await.expect(200);
    assert_eq!(shown(&edited)[..2], ["김새솔", "새솔"]);
}

#[tokio::test]
async fn names_without_a_visible_character_are_refused() {
    let app = start().await;
    let required = |pointer: &str| (pointer.to_owned(), "required".to_owned());
    let mut body = json!({ "name": INVISIBLE, "phone": "010-1234-5678" });
    let (_, errors) = app.as_staff().post("/salesmen", &body).await.problem(422);
    assert_eq!(errors, [required("/name")]);
    body = json!({ "name": "김영업", "displayName": INVISIBLE, "phone": "010-1234-5678" });
    let (_, errors) = app.as_staff().post("/salesmen", &body).await.problem(422);
    assert_eq!(errors, [required("/displayName")]);
    body["displayName"] = json!("영업");
    let created = app.as_staff().post("/salesmen", &body).await.expect(201);
    let path = format!("/salesmen/{}", created["id"].as_str().unwrap());
    for name in ["name", "displayName"] {
        let edit = json!({ (name): INVISIBLE });
        let (_, errors) = app.as_staff().patch_if(&path, 1, &edit).await.problem(422);
        assert_eq!(errors, [required(&format!("/{name}"))]);
    }
}
