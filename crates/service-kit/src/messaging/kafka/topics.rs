//! The domain topics: how they are created, and what they must be like.

use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow, bail};
use events::Topic;
use rdkafka::admin::{
    AdminClient, AdminOptions, AlterConfig, ConfigEntry, ConfigResource, ConfigSource, NewTopic,
    ResourceSpecifier, TopicReplication,
};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use super::{Refusals, Refused, Settings};

/// Whose clock the time of a record is by.
const TIMESTAMP_TYPE: &str = "message.timestamp.type";

/// By the broker's, and not by that of the host where the relay runs.
const APPEND_TIME: &str = "LogAppendTime";

impl Settings {
    /// Creates the missing domain topics. For the sandbox and for tests; in production they are
    /// created by the deployment.
    ///
    /// # Errors
    /// When the broker is unreachable or refuses.
    pub async fn create_topics(&self) -> anyhow::Result<()> {
        let names = Topic::ALL.map(|topic| topic.name(&self.topic_prefix));
        self.create(&names, Topic::PARTITIONS, APPEND_TIME).await
    }

    /// The same, but their records have the time of the host that sends them, as it was before.
    ///
    /// # Errors
    /// When the broker is unreachable or refuses.
    #[cfg(feature = "testing")]
    pub async fn create_topics_with_host_time(&self) -> anyhow::Result<()> {
        let names = Topic::ALL.map(|topic| topic.name(&self.topic_prefix));
        self.create(&names, Topic::PARTITIONS, "CreateTime").await
    }

    /// Creates another topic, for a test or a benchmark.
    ///
    /// # Errors
    /// When the broker is unreachable or refuses.
    pub async fn create_topic(&self, name: &str, partitions: i32) -> anyhow::Result<()> {
        self.create(&[name.to_owned()], partitions, APPEND_TIME)
            .await
    }

    async fn create(&self, names: &[String], partitions: i32, time: &str) -> anyhow::Result<()> {
        self.unless_refused(self.create_all(names, partitions, time))
            .await
    }

    async fn create_all(
        &self,
        names: &[String],
        partitions: i32,
        time: &str,
    ) -> anyhow::Result<()> {
        let config = [
            ("retention.ms", "-1"),
            ("cleanup.policy", "delete"),
            (TIMESTAMP_TYPE, time),
        ];
        let admin: AdminClient<Refusals> = self.client().create_with_context(Refusals::default())?;
        let topics: Vec<_> = names
            .iter()
            .map(|name| {
                let topic = NewTopic::new(name, partitions, TopicReplication::Fixed(1));
                config
                    .iter()
                    .fold(topic, |topic, (key, value)| topic.set(key, value))
            })
            .collect();
        let options = AdminOptions::new()
            .operation_timeout(Some(CREATION_TIMEOUT))
            .request_timeout(Some(CREATION_TIMEOUT));
        let mut existing = Vec::new();
        for result in admin
            .create_topics(&topics, &options)
            .await
            .context("cannot create the topics")?
        {
            match result {
                Ok(_) => {}
                Err((name, RDKafkaErrorCode::TopicAlreadyExists)) => existing.push(name),
                Err((name, code)) => bail!("cannot create topic {name}: {code}"),
            }
        }
        configure(&admin, &existing, &config).await
    }

    /// Checks that the topics have [`Topic::PARTITIONS`] partitions and unlimited retention.
    ///
    /// # Errors
    /// [`TopicError::Invalid`] when a topic is configured otherwise, [`TopicError::Refused`] when
    /// the brokers refuse this client, [`TopicError::Unavailable`] when that cannot be found out
    /// yet.
    pub async fn verify_topics(&self, topics: &[Topic]) -> Result<(), TopicError> {
        self.unless_refused(self.verify_all(topics)).await
    }

    async fn verify_all(&self, topics: &[Topic]) -> Result<(), TopicError> {
        let unavailable = |error: KafkaError| TopicError::Unavailable(error.to_string());
        let admin: AdminClient<Refusals> = self
            .client()
            .create_with_context(Refusals::default())
            .map_err(unavailable)?;
        let names: Vec<String> = topics
            .iter()
            .map(|topic| topic.name(&self.topic_prefix))
            .collect();
        let specifiers: Vec<_> = names
            .iter()
            .map(|name| ResourceSpecifier::Topic(name))
            .collect();
        let options = AdminOptions::new().request_timeout(Some(ADMIN_TIMEOUT));
        let configs = admin
            .describe_configs(&specifiers, &options)
            .await
            .map_err(unavailable)?;
        for (name, config) in names.iter().zip(configs) {
            verify_config(name, config)?;
        }
        // The metadata call blocks its thread.
        let verified = tokio::task::spawn_blocking(move || {
            names.iter().try_for_each(|name| {
                let metadata = admin
                    .inner()
                    .fetch_metadata(Some(name), ADMIN_TIMEOUT)
                    .map_err(unavailable)?;
                let topic = metadata.topics().first();
                verify_partitions(name, topic.map_or(0, |topic| topic.partitions().len()))
            })
        });
        verified
            .await
            .map_err(|error| TopicError::Unavailable(error.to_string()))?
    }
}

/// Sets what differs in existing topics: a build before this may have created them.
async fn configure(
    admin: &AdminClient<Refusals>,
    names: &[String],
    config: &[(&str, &str)],
) -> anyhow::Result<()> {
    let options = AdminOptions::new().request_timeout(Some(ADMIN_TIMEOUT));
    let mut existing = Vec::new();
    for name in names {
        existing.push((name, described(admin, name, &options).await?));
    }
    let differs = |topic: &ConfigResource| {
        let value = |key| topic.get(key).and_then(|entry| entry.value.as_deref());
        config
            .iter()
            .any(|(key, wanted)| value(key) != Some(wanted))
    };
    let changes = existing.iter().filter(|(_, topic)| differs(topic));
    let changes: Vec<_> = changes
        .map(|(name, topic)| {
            // The request replaces all settings of the topic, so its other ones are sent again.
            let set = |entry: &&ConfigEntry| entry.source == ConfigSource::DynamicTopic;
            let kept = topic.entries.iter().filter(set).filter_map(|entry| {
                let value = entry.value.as_deref()?;
                Some((entry.name.as_str(), value))
            });
            let kept = kept.filter(|(key, _)| config.iter().all(|(wanted, _)| wanted != key));
            let change = AlterConfig::new(ResourceSpecifier::Topic(name));
            kept.chain(config.iter().copied())
                .fold(change, |change, (key, value)| change.set(key, value))
        })
        .collect();
    if changes.is_empty() {
        return Ok(());
    }
    let altered = admin.alter_configs(&changes, &options).await;
    for result in altered.context("cannot configure the topics")? {
        result.map_err(|(topic, code)| anyhow!("cannot configure {topic:?}: {code}"))?;
    }
    Ok(())
}

/// The configuration of a topic. Waits if it is so new that it has not reached every broker.
async fn described(
    admin: &AdminClient<Refusals>,
    name: &str,
    options: &AdminOptions,
) -> anyhow::Result<ConfigResource> {
    let give_up_at = Instant::now() + ADMIN_TIMEOUT;
    loop {
        let specifiers = [ResourceSpecifier::Topic(name)];
        let described = admin.describe_configs(&specifiers, options).await;
        let described = described.context("cannot read the topics' configuration")?;
        match described.into_iter().next() {
            Some(Ok(topic)) if topic.get(TIMESTAMP_TYPE).is_some() => return Ok(topic),
            Some(Err(code)) if code != RDKafkaErrorCode::UnknownTopicOrPartition => {
                bail!("cannot read the configuration of topic {name}: {code}")
            }
            _ if Instant::now() > give_up_at => bail!("topic {name} has no configuration"),
            _ => tokio::time::sleep(RETRY_INTERVAL).await,
        }
    }
}

fn verify_config(
    name: &str,
    config: Result<ConfigResource, RDKafkaErrorCode>,
) -> Result<(), TopicError> {
    let config = config.map_err(|code| TopicError::Unavailable(format!("topic {name}: {code}")))?;
    let entry = |key: &str| {
        config
            .get(key)
            .and_then(|entry| entry.value.clone())
            .unwrap_or_default()
    };
    let timestamps = entry(TIMESTAMP_TYPE);
    if timestamps == "CreateTime" {
        tracing::warn!(
            topic = name,
            "set message.timestamp.type=LogAppendTime: records have the clocks of several hosts"
        );
    }
    match (
        entry("cleanup.policy").as_str(),
        entry("retention.ms").as_str(),
    ) {
        ("delete", "-1") => Ok(()),
        // A new topic: its configuration has not reached every broker yet.
        ("", _) => Err(TopicError::Unavailable(format!(
            "topic {name} has no configuration yet"
        ))),
        (policy, retention) => Err(TopicError::Invalid(format!(
            "topic {name} must have cleanup.policy=delete and retention.ms=-1, \
             but has {policy} and {retention}"
        ))),
    }
}

fn verify_partitions(name: &str, count: usize) -> Result<(), TopicError> {
    match i32::try_from(count) {
        Ok(Topic::PARTITIONS) => Ok(()),
        // A new topic: a broker knows its configuration before its partitions.
        Ok(0) => Err(TopicError::Unavailable(format!(
            "topic {name} has no partitions yet"
        ))),
        _ => Err(TopicError::Invalid(format!(
            "topic {name} must always have {} partitions, but has {count}",
            Topic::PARTITIONS,
        ))),
    }
}

/// Bounds one administrative call.
const ADMIN_TIMEOUT: Duration = Duration::from_secs(10);

/// A broker writes files for each partition, which took over 10 s on a disk that others kept busy.
const CREATION_TIMEOUT: Duration = Duration::from_secs(30);

const RETRY_INTERVAL: Duration = Duration::from_millis(100);

/// The result of a failed [`Settings::verify_topics`].
#[derive(Debug, thiserror::Error)]
pub enum TopicError {
    /// A topic has the wrong configuration: the service must not consume.
    #[error("{0}")]
    Invalid(String),
    /// The brokers refuse this client.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The broker is unreachable, or the topics do not exist yet.
    #[error("{0}")]
    Unavailable(String),
}
