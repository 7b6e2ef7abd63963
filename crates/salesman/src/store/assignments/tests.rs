use serde_json::Value;
use service_kit::testing::TestApp;

use super::*;

/// The number of assignment rows that a plan read, including the filtered ones.
fn rows_read(plan: &Value) -> f64 {
    let number = |name: &str| plan[name].as_f64().unwrap_or_default();
    let below: f64 = plan["Plans"]
        .as_array()
        .into_iter()
        .flatten()
        .map(rows_read)
        .sum();
    let own = if plan["Relation Name"] == "assignment" {
        (number("Actual Rows") + number("Rows Removed by Filter")) * number("Actual Loops")
    } else {
        0.0
    };
    own + below
}

async fn explain(
    connection: &mut PgConnection,
    sql: &str,
    person: Uuid,
    limit: Option<i64>,
) -> f64 {
    let sql = AssertSqlSafe(format!("explain (analyze, format json) {sql}"));
    let query = sqlx::query_scalar(sql).bind(person);
    let query = if let Some(limit) = limit {
        query.bind(limit)
    } else {
        query
    };
    let plan: Value = query.fetch_one(connection).await.unwrap();
    rows_read(&plan[0]["Plan"])
}

/// A person with 3,000 closed and 100 open assignments as salesman, and as many as consultant.
#[tokio::test]
async fn newest_and_open_count_do_not_read_every_assignment() {
    let app = TestApp::start(crate::service()).await;
    let (person, mut connection) = (Uuid::from_u128(1), app.pool().acquire().await.unwrap());
    let sql = "insert into assignment (origin_kind, origin_id, customer_id, last_four, project_id,
                                       salesman_id, consultant_id, wanted, match_version,
                                       match_origin_version, state_version)
               select 'consultation', gen_random_uuid(), gen_random_uuid(), '0000',
                      gen_random_uuid(), case when role = 1 then $1 end,
                      case when role = 2 then $1 end, number <= 100, 1, 1, 1
               from generate_series(1, 2) role, generate_series(1, 3100) number";
    sqlx::query(sql)
        .bind(person)
        .execute(&mut *connection)
        .await
        .unwrap();
    sqlx::raw_sql("vacuum analyze")
        .execute(app.pool())
        .await
        .unwrap();
    for open in [true, false] {
        let read = explain(
            &mut connection,
            &newest_sql(open),
            person,
            Some(MAX_ASSIGNMENTS),
        )
        .await;
        assert!(read > 0.0 && read <= 102.0, "{read}");
    }
    let sql = "insert into salesman (id, name, display_name, phone, role, regions, categories,
                                     capacity, active, version, created_at)
               values ($1, 'x', 'x', '+821011111111', 'salesman', '[]', '[]', 30, true, 1, now())";
    sqlx::query(sql)
        .bind(person)
        .execute(&mut *connection)
        .await
        .unwrap();
    let sql = format!(
        "select {} from salesman where id = $1",
        crate::store::roster::COLUMNS
    );
    let read = explain(&mut connection, &sql, person, None).await;
    assert!(read > 0.0 && read <= 200.0, "{read}");
}
