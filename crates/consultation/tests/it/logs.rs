//! What logs must not contain.

use axum::http::Method;
use serde_json::json;
use service_kit::testing::Logs;

use crate::{JSON, PHONE, SALESMAN, create_matched, erase, next_project, request_body, start};

#[tokio::test]
async fn logs_contain_no_personal_data_or_texts() {
    let logs = Logs::capture();
    let app = start().await;
    let id = create_matched(&app).await;
    let mut body = request_body();
    body["memo"] = json!("비밀 메모");
    let path = format!("/consultations/{id}");
    let edit = json!({ "memo": "비밀 메모", "desiredDate": "비밀 날짜" });
    for stores in [true, false] {
        if !stores {
            let sql = "alter table consultation add constraint nothing check (false) not valid;
                       alter table note add constraint nothing check (false) not valid;
                       alter table disclosure add constraint nothing check (false) not valid";
            sqlx::raw_sql(sql).execute(app.pool()).await.unwrap();
        }
        body["projectId"] = json!(next_project(&app).await);
        let expected = |status: u16| if stores { status } else { 500 };
        let customer = app.as_customer(PHONE);
        assert_eq!(
            customer.post("/consultations", &body).await.status,
            expected(201)
        );
        assert_eq!(customer.patch_if(&path, 1, &edit).await.status, 422);
        let note = json!({ "text": "비밀 노트" });
        assert_eq!(
            app.as_staff()
                .post(&format!("{path}/notes"), &note)
                .await
                .status,
            expected(201)
        );
        let shown = app
            .as_salesman(SALESMAN)
            .post(&format!("{path}/phone"), &json!({ "why": "비밀" }))
            .await;
        assert_eq!(shown.status, expected(200));
        // A second transition, because the first one was done.
        let (version, step) = if stores {
            ("\"1\"", "approved")
        } else {
            ("\"2\"", "failed")
        };
        let progress = json!({ "step": step, "reason": "비밀 사유" })
            .to_string()
            .into_bytes();
        let headers = [JSON, ("if-match", version), ("idempotency-key", step)];
        let moved = app
            .as_salesman(SALESMAN)
            .send(
                Method::POST,
                &format!("{path}/progress"),
                &headers,
                progress,
            )
            .await;
        assert_eq!(moved.status, expected(200));
    }
    assert_eq!(erase(&app, PHONE).await.status, 500);
    let repair = "alter table consultation drop constraint nothing;
                  alter table note drop constraint nothing;
                  alter table disclosure drop constraint nothing";
    sqlx::raw_sql(repair).execute(app.pool()).await.unwrap();
    assert_eq!(erase(&app, PHONE).await.status, 204);
    let logged = logs.text();
    assert_eq!(
        logged.matches("violates check constraint").count(),
        5,
        "{logged}"
    );
    for secret in ["비밀", "홍길동", "1012345678", "010-1234-5678"] {
        assert!(!logged.contains(secret), "{secret} is in {logged}");
    }
}
