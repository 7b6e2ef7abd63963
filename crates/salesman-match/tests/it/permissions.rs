//! Who may call what.

use salesman_match::{permissions, service};

use crate::start;

#[tokio::test]
async fn routes_match_the_permission_table() {
    start()
        .await
        .check_permissions(&service().description(), permissions::TABLE)
        .await;
}
