//! Who may call what.

use project::{permissions, service};

use crate::start;

#[tokio::test]
async fn everybody_may_call_what_the_table_says_and_nothing_else() {
    start()
        .await
        .check_permissions(&service().description(), permissions::TABLE)
        .await;
}
