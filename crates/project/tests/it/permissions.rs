//! The permission table.

use project::{permissions, service};

use crate::start;

#[tokio::test]
async fn permission_table_matches_routes_and_is_enforced() {
    start()
        .await
        .check_permissions(&service().description(), permissions::TABLE)
        .await;
}
