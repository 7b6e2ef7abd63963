//! Notifications from a follower of the relay to its leader, in another process.

use std::time::Duration;

use service_kit::testing;
use sqlx::postgres::PgListener;
use uuid::Uuid;

use crate::{World, a_project, produce_enveloped, tallying};

#[tokio::test(flavor = "multi_thread")]
async fn follower_notifies_the_leader_of_its_commits() {
    let world = World::new().await;
    world.db().await;
    let mut listener = PgListener::connect_with(&world.pool).await.unwrap();
    listener.listen("ktgg_project").await.unwrap();
    let leading = world.run(tallying().await).await;
    let producer = world.producer();
    let produce = async |ids: std::ops::Range<u128>| {
        for id in ids {
            let project = a_project(Uuid::from_u128(id));
            produce_enveloped(
                &producer,
                &world.kafka,
                &testing::envelope(Uuid::new_v4(), 1, &project),
                &project,
            )
            .await;
        }
    };
    // Without a follower, there is no notification.
    produce(0..50).await;
    world
        .until("all are tallied", "select count(*) = 50 from tally")
        .await;
    assert!(
        tokio::time::timeout(Duration::from_millis(1), listener.recv())
            .await
            .is_err()
    );

    let following = world.start(tallying().await, &[]).await;
    let is_notified = async {
        // At some point, the follower has partitions, and commits.
        for next in 1..200 {
            produce(next * 50..(next + 1) * 50).await;
            if tokio::time::timeout(Duration::from_millis(200), listener.recv())
                .await
                .is_ok()
            {
                return true;
            }
        }
        false
    };
    assert!(is_notified.await, "the leader was not notified");
    following.stop().await;
    leading.stop().await;
}
