//! Texts as they are pasted: stored composed and without invisible characters.

use serde_json::json;
use service_kit::testing::{INVISIBLE, as_pasted, text_fields};

use crate::{PHONE, PROJECT, create_consultation, get_consultation, project_created, start};

#[tokio::test]
async fn pasted_texts_are_stored_clean() {
    let tested = [
        "PATCH /consultations/{id} /memo",
        "POST /consultations /customerName",
        "POST /consultations /memo",
        "POST /consultations /phone",
        "POST /consultations /projectName",
        "POST /consultations/{id}/notes /text",
        "POST /consultations/{id}/phone /why",
        "POST /consultations/{id}/progress /reason",
    ];
    let fields = text_fields(&consultation::service().description());
    assert_eq!(fields, tested.map(str::to_owned).into());
    let app = start().await;
    let body = json!({
        "projectId": PROJECT, "projectName": as_pasted("스마트상점"), "desiredDate": "2026-12-01",
        "memo": as_pasted("첫 줄\n둘째 줄"), "customerName": as_pasted("홍길동"),
        "phone": as_pasted(PHONE), "consent": true,
    });
    let created = app.as_staff().post("/consultations", &body).await;
    let created = created.expect(201);
    assert_eq!(created["projectName"], "스마트상점");
    assert_eq!(created["customerName"], "홍길동");
    assert_eq!(created["memo"], "첫 줄\n둘째 줄");
    let path = format!("/consultations/{}", created["id"].as_str().unwrap());
    let edit = json!({ "memo": as_pasted("바뀐 메모") });
    app.as_customer(PHONE)
        .patch_if(&path, 1, &edit)
        .await
        .expect(200);
    let note = json!({ "text": as_pasted("전화 안내") });
    let added = app.as_staff().post(&format!("{path}/notes"), &note).await;
    assert_eq!(added.expect(201)["text"], "전화 안내");
    let why = json!({ "why": as_pasted("방문 일정 확인") });
    let shown = app.as_staff().post(&format!("{path}/phone"), &why).await;
    shown.expect(200);
    let stored: Option<String> = sqlx::query_scalar("select why from disclosure")
        .fetch_one(app.pool())
        .await
        .unwrap();
    assert_eq!(stored.as_deref(), Some("방문 일정 확인"));
    let step = json!({ "step": "cancelled", "reason": as_pasted("일정 변경") });
    let edited = app.as_staff().get(&path).await.expect(200);
    assert_eq!(edited["memo"], "바뀐 메모");
    let version = edited["version"].as_i64().unwrap();
    let progress = format!("{path}/progress");
    app.as_staff().post_if(&progress, version, &step).await;
    let cancelled = app.as_staff().get(&path).await.expect(200);
    assert_eq!(cancelled["reason"], "일정 변경");
}

#[tokio::test]
async fn names_without_a_visible_character_are_refused() {
    let app = start().await;
    let body = json!({
        "projectId": PROJECT, "projectName": INVISIBLE, "desiredDate": "2026-12-01",
        "customerName": INVISIBLE, "phone": PHONE, "consent": true,
    });
    let required = |pointer: &str| (pointer.to_owned(), "required".to_owned());
    for caller in [app.as_staff(), app.as_customer(PHONE)] {
        let (_, errors) = caller.post("/consultations", &body).await.problem(422);
        assert!(errors.contains(&required("/customerName")), "{errors:?}");
        assert!(errors.contains(&required("/projectName")), "{errors:?}");
    }
    let by_name = json!({ "projectName": INVISIBLE, "desiredDate": "2026-12-01" });
    let answer = app
        .as_customer(PHONE)
        .post("/consultations", &by_name)
        .await;
    let (_, errors) = answer.problem(422);
    assert_eq!(errors, [required("/projectName")]);
}

/// Services before this one published names as they were typed.
#[tokio::test]
async fn names_of_older_events_are_shown_clean() {
    let app = start().await;
    let id = create_consultation(&app).await;
    app.deliver(1, &project_created(&as_pasted("2026년 스마트상점")))
        .await;
    let view = get_consultation(&app.as_staff(), id).await;
    assert_eq!(view["projectName"], "2026년 스마트상점");
}
