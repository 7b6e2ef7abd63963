//! Who may call what.

use interest::{permissions, service};

use crate::start;

#[tokio::test]
async fn everybody_may_call_what_the_table_says_and_nothing_else() {
    start()
        .await
        .walk(&service().description(), permissions::TABLE)
        .await;
}
