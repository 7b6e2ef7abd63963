//! Texts as they are pasted: stored composed and without invisible characters.

use serde_json::json;
use service_kit::testing::{INVISIBLE, as_pasted, text_fields};

use crate::{PHONE, PROJECT, project_created, start, view_as_staff};

#[tokio::test]
async fn pasted_names_are_stored_clean() {
    let tested = [
        "POST /interests /customerName",
        "POST /interests /phone",
        "POST /interests /projectName",
        // Read by the kit, as for consultations.
        "POST /interests/{id}/phone /why",
    ];
    let fields = text_fields(&interest::service().description());
    assert_eq!(fields, tested.map(str::to_owned).into());
    let app = start().await;
    let body = json!({
        "projectId": PROJECT, "projectName": as_pasted("스마트상점"), "consent": true,
        "customerName": as_pasted("홍길동"), "phone": as_pasted(PHONE),
    });
    let created = app.as_staff().post("/interests", &body).await.expect(201);
    assert_eq!(created["projectName"], "스마트상점");
    assert_eq!(created["customerName"], "홍길동");
    // Services before this one published names as they were typed.
    let event = project_created(PROJECT, &as_pasted("2026년 스마트상점"));
    app.deliver(1, &event).await;
    let id = created["id"].as_str().unwrap().parse().unwrap();
    assert_eq!(
        view_as_staff(&app, id).await["projectName"],
        "2026년 스마트상점"
    );
}

#[tokio::test]
async fn names_without_a_visible_character_are_refused() {
    let app = start().await;
    let body = json!({
        "projectId": PROJECT, "projectName": INVISIBLE, "customerName": INVISIBLE,
        "phone": PHONE, "consent": true,
    });
    let required = |pointer: &str| (pointer.to_owned(), "required".to_owned());
    for caller in [app.as_staff(), app.as_customer(PHONE)] {
        let (_, errors) = caller.post("/interests", &body).await.problem(422);
        assert!(errors.contains(&required("/customerName")), "{errors:?}");
        assert!(errors.contains(&required("/projectName")), "{errors:?}");
    }
}
