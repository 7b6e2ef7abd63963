//! Who may call what.

use consultation::permissions::TABLE;

use crate::start;

#[tokio::test]
async fn every_route_says_who_may_call_it_and_nobody_else_gets_in() {
    start()
        .await
        .walk(&consultation::service().description(), TABLE)
        .await;
}
