//! The permission table.

use salesman::{permissions, service};

use crate::start;

#[tokio::test]
async fn operations_accept_exactly_the_roles_of_the_table() {
    start()
        .await
        .check_permissions(&service().description(), permissions::TABLE)
        .await;
}
