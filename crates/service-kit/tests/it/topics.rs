//! Topics that exist when the sandbox or a test creates them.

use std::collections::BTreeMap;
use std::time::Duration;

use events::Topic;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::client::DefaultClientContext;
use service_kit::testing;

use crate::TIMEOUT;

type Admin = AdminClient<DefaultClientContext>;

/// All settings of a topic. Empty for a new topic whose configuration is not known yet.
async fn settings_of(admin: &Admin, topic: &str) -> BTreeMap<String, String> {
    let (specifiers, options) = ([ResourceSpecifier::Topic(topic)], AdminOptions::new());
    let described = admin.describe_configs(&specifiers, &options).await.unwrap();
    let described = described.into_iter().next().unwrap();
    let entries = described.map(|topic| topic.entries).unwrap_or_default();
    let pairs = entries.into_iter().map(|entry| (entry.name, entry.value));
    pairs
        .map(|(name, value)| (name, value.unwrap_or_default()))
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn existing_topic_gets_append_time_and_keeps_its_other_settings() {
    let kafka = testing::kafka_without_topics();
    let admin: Admin = kafka.client().create().unwrap();
    let name = Topic::Project.name(&kafka.topic_prefix);
    let own = [
        ("message.timestamp.type", "CreateTime"),
        ("max.message.bytes", "2000000"),
        ("segment.ms", "3600000"),
    ];
    let topic = NewTopic::new(&name, Topic::PARTITIONS, TopicReplication::Fixed(1));
    let topic = own
        .iter()
        .fold(topic, |topic, (key, value)| topic.set(key, value));
    let created = admin.create_topics(&[topic], &AdminOptions::new()).await;
    created.unwrap()[0].as_ref().unwrap();
    for _ in 0..2 {
        kafka.create_topics().await.unwrap();
        let settings = tokio::time::timeout(TIMEOUT, async {
            loop {
                let settings = settings_of(&admin, &name).await;
                if settings.get("message.timestamp.type").map(String::as_str)
                    == Some("LogAppendTime")
                {
                    return settings;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        });
        let settings = settings.await.expect("the topic gets append time");
        for (key, value) in [
            ("max.message.bytes", "2000000"),
            ("segment.ms", "3600000"),
            ("retention.ms", "-1"),
            ("cleanup.policy", "delete"),
        ] {
            assert_eq!(settings[key], value, "{key}");
        }
    }
}
