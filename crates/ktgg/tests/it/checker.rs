//! Invariants of a settled system, checked from its databases and topics only.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use anyhow::Result;
use events::Topic;
use ktgg::topic::{self, Record};
use serde_json::Value;
use service_kit::messaging::kafka;
use service_kit::testing;
use sqlx::{AssertSqlSafe, PgPool};
use uuid::Uuid;

/// The topics that each service consumes.
const READERS: [(&str, &[Topic]); 5] = [
    ("project", &Topic::ALL),
    (
        "interest",
        &[
            Topic::SalesmanMatch,
            Topic::Project,
            Topic::Salesman,
            Topic::Consultation,
        ],
    ),
    (
        "consultation",
        &[Topic::SalesmanMatch, Topic::Project, Topic::Salesman],
    ),
    (
        "salesman_match",
        &[
            Topic::Interest,
            Topic::Consultation,
            Topic::Salesman,
            Topic::Project,
        ],
    ),
    (
        "salesman",
        &[
            Topic::SalesmanMatch,
            Topic::Interest,
            Topic::Consultation,
            Topic::Project,
        ],
    ),
];

fn schema(topic: Topic) -> String {
    topic.aggregate().replace('-', "_")
}

/// A checker of one installation.
pub(crate) struct Checker {
    pool: PgPool,
    kafka: kafka::Settings,
}

impl Checker {
    /// Starts recording attempts in an installation with migrated schemas.
    pub(crate) async fn new(postgres: &str, kafka: kafka::Settings) -> Self {
        let pool = testing::superuser_pool(postgres).await;
        sqlx::raw_sql(RECORD_ATTEMPTS).execute(&pool).await.unwrap();
        Self { pool, kafka }
    }

    async fn count(&self, sql: String) -> Result<i64> {
        Ok(sqlx::query_scalar(AssertSqlSafe(sql))
            .fetch_one(&self.pool)
            .await?)
    }

    /// Whether all events are published and consumed, and every open match has a salesman.
    pub(crate) async fn is_settled(&self, tracks_progress: bool) -> Result<bool> {
        if !self.is_quiet(tracks_progress).await? {
            return Ok(false);
        }
        let unmatched = "select count(*) from salesman_match.salesman_match
                         where closed_at is null and salesman_id is null";
        let missing = "select (select count(*) from consultation.consultation)
                            + (select count(*) from interest.interest)
                            - (select count(*) from salesman_match.salesman_match)";
        let lost = VIOLATIONS
            .iter()
            .filter(|(what, _)| what.starts_with("lost"))
            .map(|(_, sql)| *sql);
        for sql in [unmatched, missing].into_iter().chain(lost) {
            if self.count(sql.to_owned()).await? > 0 {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Whether all events are published and consumed.
    pub(crate) async fn is_quiet(&self, tracks_progress: bool) -> Result<bool> {
        for topic in Topic::ALL {
            if self
                .count(format!(
                    "select count(*) from {}.outbox_pending",
                    schema(topic)
                ))
                .await?
                > 0
            {
                return Ok(false);
            }
        }
        Ok(!tracks_progress || self.behind().await?.is_empty())
    }

    /// The services that have not consumed everything.
    async fn behind(&self) -> Result<Vec<String>> {
        let mut behind = Vec::new();
        for (reader, topics) in READERS {
            for topic in topics {
                let sql = format!(
                    "select count(*)
                     from (select aggregateid, max(version) version from {source}.event_log
                           group by aggregateid) published
                     left join {reader}.progress consumed
                       on consumed.aggregateid = published.aggregateid
                      and consumed.aggregatetype = '{topic}'
                     where consumed.version is distinct from published.version",
                    source = schema(*topic),
                );
                let count = self.count(sql).await?;
                if count > 0 {
                    behind.push(format!("{reader} is behind {topic} for {count} aggregates"));
                }
            }
        }
        Ok(behind)
    }

    /// All violated invariants. `accepted` are the consultations that callers got a 201 for.
    pub(crate) async fn violations(
        &self,
        accepted: &[Uuid],
        tracks_progress: bool,
    ) -> Result<Vec<String>> {
        let mut violations = Vec::new();
        for topic in Topic::ALL {
            violations.extend(self.event_log_and_topic(topic).await?);
        }
        if tracks_progress {
            violations.extend(self.behind().await?);
        }
        let stored: Vec<Uuid> = sqlx::query_scalar("select id from consultation.consultation")
            .fetch_all(&self.pool)
            .await?;
        let stored: BTreeSet<Uuid> = stored.into_iter().collect();
        let lost = accepted.iter().filter(|id| !stored.contains(id)).count();
        if lost > 0 {
            violations.push(format!("lost: {lost} accepted consultations"));
        }
        for (what, sql) in VIOLATIONS {
            let count = self.count(sql.to_owned()).await?;
            if count > 0 {
                violations.push(format!("{what}: {count}"));
            }
        }
        for (reader, _) in READERS {
            let parked = self
                .count(format!("select count(*) from {reader}.parked"))
                .await?;
            if parked > 0 && tracks_progress {
                violations.push(format!("parked in {reader}: {parked}"));
            }
        }
        Ok(violations)
    }

    /// The event log has no gap, the topic contains exactly its events, and their first copies are
    /// in order.
    async fn event_log_and_topic(&self, topic: Topic) -> Result<Vec<String>> {
        let mut violations = Vec::new();
        let sql = format!(
            "select id, aggregateid, version, type, payload from {}.event_log",
            schema(topic)
        );
        let event_log: Vec<(Uuid, Uuid, i64, String, Value)> = sqlx::query_as(AssertSqlSafe(sql))
            .fetch_all(&self.pool)
            .await?;
        let mut versions: BTreeMap<Uuid, Vec<i64>> = BTreeMap::new();
        for (_, aggregate, version, ..) in &event_log {
            versions.entry(*aggregate).or_default().push(*version);
        }
        for (aggregate, mut versions) in versions {
            versions.sort_unstable();
            if !versions
                .iter()
                .copied()
                .eq(1..=i64::try_from(versions.len())?)
            {
                violations.push(format!(
                    "the event log of {topic} {aggregate} has a gap: {versions:?}"
                ));
            }
        }
        let event_log: HashMap<Uuid, (Uuid, i64, String, Value)> = event_log
            .into_iter()
            .map(|(id, aggregate, version, name, payload)| {
                (id, (aggregate, version, name, payload))
            })
            .collect();
        let mut last: HashMap<Uuid, i64> = HashMap::new();
        let mut published = BTreeSet::new();
        for Record { envelope, payload } in topic::read(&self.kafka, topic).await? {
            let record = (
                envelope.aggregate_id,
                envelope.version,
                envelope.type_name.clone(),
                payload,
            );
            if event_log.get(&envelope.id) != Some(&record) {
                violations.push(format!(
                    "{topic} {} on the topic differs from the event log",
                    envelope.id
                ));
            }
            if published.insert(envelope.id) {
                let before = last
                    .insert(envelope.aggregate_id, envelope.version)
                    .unwrap_or(0);
                if envelope.version != before + 1 {
                    violations.push(format!(
                        "reordered: {topic} {} came after version {before}",
                        envelope.version
                    ));
                }
            }
        }
        let unsent = event_log
            .keys()
            .filter(|id| !published.contains(id))
            .count();
        if unsent > 0 {
            violations.push(format!(
                "lost: {unsent} events of {topic} are not on the topic"
            ));
        }
        Ok(violations)
    }
}

/// Records every attempt to insert a notification. The natural key of notifications would hide that
/// a policy ran twice.
const RECORD_ATTEMPTS: &str = "
    create table salesman.notification_attempt (event_id uuid, salesman_id uuid, kind text);
    grant insert on salesman.notification_attempt to ktgg_salesman;
    create function salesman.record_attempt() returns trigger language plpgsql as $$
    begin
        insert into salesman.notification_attempt values (new.event_id, new.salesman_id, new.kind);
        return new;
    end
    $$;
    create trigger record_attempt before insert on salesman.notification
        for each row execute function salesman.record_attempt();";

/// Violations, and the query that counts each.
const VIOLATIONS: [(&str, &str); 7] = [
    (
        "applied twice: notifications of one match",
        "select count(*) from (select 1 from salesman.notification_attempt
                               group by event_id, salesman_id, kind having count(*) > 1) twice",
    ),
    (
        "lost: notifications of matches",
        "select count(*) from salesman_match.event_log matched
         where matched.payload ->> 'previousSalesmanId'
               is distinct from matched.payload -> 'salesman' ->> 'id'
           and not exists (
             select 1 from salesman.notification sent where sent.event_id = matched.id
               and sent.salesman_id = (matched.payload -> 'salesman' ->> 'id')::uuid)",
    ),
    (
        "created twice: consultations with the same memo",
        "select count(*) from (select 1 from consultation.consultation
                               group by memo having count(*) > 1) twice",
    ),
    (
        "lost: open consultations whose salesman is not the match's",
        "select count(*) from consultation.consultation c
         join salesman_match.salesman_match m on m.origin_id = c.id
         where c.step in ('apply', 'approved')
           and (c.salesman_id is distinct from m.salesman_id
                or c.consultant_id is distinct from m.consultant_id)",
    ),
    (
        "lost: interests whose salesman is not the match's",
        "select count(*) from interest.interest i
         join salesman_match.salesman_match m on m.origin_id = i.id
         where i.salesman_id is distinct from m.salesman_id
            or i.consultant_id is distinct from m.consultant_id",
    ),
    (
        "matches whose version is not their last event's",
        "select count(*) from salesman_match.salesman_match m
         where version <> (select count(*) from salesman_match.event_log where aggregateid = m.id)",
    ),
    (
        "people over their capacity",
        "select count(*) from salesman_match.known_salesman person
         where capacity < (select count(*) from salesman_match.salesman_match
                           where closed_at is null and salesman_id = person.id)
            or capacity < (select count(*) from salesman_match.salesman_match
                           where closed_at is null and consultant_id = person.id)",
    ),
];
