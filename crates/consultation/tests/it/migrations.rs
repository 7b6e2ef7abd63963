//! Migrations of existing rows.

use serde_json::{Value, json};
use service_kit::forms::project_ref::name_key;
use service_kit::testing::database;
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection as _};

use crate::{PROJECT, SALESMAN};

/// Applies the migrations `from..=to`.
async fn migrate(connection: &mut PgConnection, from: i64, to: i64) {
    for migration in consultation::service()
        .migrations()
        .iter()
        .filter(|migration| (from..=to).contains(&migration.version))
    {
        sqlx::raw_sql(AssertSqlSafe(migration.sql.as_str().to_owned()))
            .execute(&mut *connection)
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn migration_fills_timeline_from_event_log() {
    let mut connection = PgConnection::connect(&database(&[]).await).await.unwrap();
    migrate(&mut connection, 1, 2).await;
    sqlx::raw_sql(AssertSqlSafe(format!(
        "insert into consultation (id, project_id, project_name, customer_id, phone, desired_on,
                                   memo, step, reason, version, created_at, updated_at)
         values ('00000000-0000-0000-0000-000000000001', '{PROJECT}', '스마트상점', '{SALESMAN}',
                 '+821012345678', '2026-12-02', '', 'cancelled', '사정', 3, now(), now());
         insert into known_project values ('{PROJECT}', ' AI  바우처', 'ongoing');
         insert into event_log (id, aggregatetype, aggregateid, version, type, payload, recorded_at)
         select gen_random_uuid(), 'consultation', '00000000-0000-0000-0000-000000000001',
                version, type, payload || '{{\"actor\": {{\"role\": \"system\"}}}}',
                '2026-11-23T01:00:00Z'::timestamptz + version * interval '1 minute'
         from (values (1, 'ktgg.ConsultationCreated.v1',
                       '{{\"desiredOn\": \"2026-12-01\"}}'::jsonb),
                      (2, 'ktgg.ConsultationEdited.v1',
                       '{{\"desiredOn\": \"2026-12-02\", \"memoChanged\": false}}'),
                      (3, 'ktgg.ConsultationProgressed.v1',
                       '{{\"from\": \"apply\", \"to\": \"cancelled\"}}')
              ) events (version, type, payload)"
    )))
    .execute(&mut connection)
    .await
    .unwrap();
    migrate(&mut connection, 3, 3).await;
    let entries: Vec<Value> = sqlx::query_scalar("select what from timeline order by version")
        .fetch_all(&mut connection)
        .await
        .unwrap();
    let expected = json!([
        { "kind": "requested", "desiredDate": "2026-12-01" },
        { "kind": "edited", "dateFrom": "2026-12-01", "dateTo": "2026-12-02",
          "memoChanged": false },
        { "kind": "progressed", "from": "apply", "to": "cancelled", "reason": null },
    ]);
    assert_eq!(json!(entries), expected);
    // The service can decode each of them.
    for what in entries {
        serde_json::from_value::<consultation::timeline::TimelineEvent>(what).unwrap();
    }
    for assignment in [
        "consent_role = 'staff'",
        "consent_role = 'customer', consent_by = id, consent_at = now()",
        "consent_at = now()",
    ] {
        let sql = format!("update consultation set {assignment}");
        assert!(
            sqlx::query(AssertSqlSafe(sql))
                .execute(&mut connection)
                .await
                .is_err(),
            "{assignment}"
        );
    }
    let keys: (String, Vec<String>) =
        sqlx::query_as("select name_key, names_told from known_project")
            .fetch_one(&mut connection)
            .await
            .unwrap();
    assert_eq!(keys, ("ai바우처".to_owned(), vec!["ai바우처".to_owned()]));
}

#[tokio::test]
async fn migrated_names_have_the_key_that_is_searched() {
    let mut connection = PgConnection::connect(&database(&[]).await).await.unwrap();
    migrate(&mut connection, 1, 7).await;
    // As earlier builds stored them.
    for name in [
        "2026년 AI 바우처",
        "２０２６년\u{3000}ＡＩ\u{A0}바우처",
        "판로ㆍ해외진출 ㈜한빛 ①",
        "한\u{200B}빛\u{2060}\u{FEFF} 상점\u{AD}\u{202E}",
        "\u{1112}\u{1161}\u{11AB}빛",
    ] {
        sqlx::query(
            "insert into known_project (id, name, name_key, name_keys, status)
             values (gen_random_uuid(), $1, 'older', array['older'], 'planned')",
        )
        .bind(name)
        .execute(&mut connection)
        .await
        .unwrap();
    }
    migrate(&mut connection, 8, 8).await;
    let rows: Vec<(String, String, Vec<String>)> =
        sqlx::query_as("select name, name_key, name_keys from known_project")
            .fetch_all(&mut connection)
            .await
            .unwrap();
    for (name, key, keys) in rows {
        assert_eq!(key, name_key(&name), "{name:?}");
        assert_eq!(keys, ["older", &key], "{name:?}");
    }
}
