//! The permission table.

use consultation::permissions::TABLE;

use crate::start;

#[tokio::test]
async fn permission_table_matches_routes_and_is_enforced() {
    start()
        .await
        .check_permissions(&consultation::service().description(), TABLE)
        .await;
}
