//! The permission table against the routes.

use interest::{permissions, service};

use crate::start;

#[tokio::test]
async fn routes_allow_exactly_what_the_permission_table_says() {
    start()
        .await
        .check_permissions(&service().description(), permissions::TABLE)
        .await;
}
