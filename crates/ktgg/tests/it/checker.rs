//! What must hold when the dust has settled, read from databases and topics alone.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use anyhow::Result;
use events::Topic;
use ktgg::topic::{self, Record};
use serde_json::Value;
use service_kit::messaging::kafka;
use service_kit::testing;
use sqlx::{AssertSqlSafe, PgPool};
use uuid::Uuid;

/// Who reads whom.
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
    /// Watches an installation whose schemas are there already, from now on.
    pub(crate) async fn new(postgres: &str, kafka: kafka::Settings) -> Self {
        let pool = testing::superuser_pool(postgres).await;
        sqlx::raw_sql(WATCH).execute(&pool).await.unwrap();
        Self { pool, kafka }
    }

    async fn count(&self, sql: String) -> Result<i64> {
        Ok(sqlx::query_scalar(AssertSqlSafe(sql))
            .fetch_one(&self.pool)
            .await?)
    }

    /// Whether nothing is on its way any more: nothing pending, every reader where its sources are, every open match filled.
    pub(crate) async fn is_settled(&self, tracks_progress: bool) -> Result<bool> {
        if !self.is_quiet(tracks_progress).await? {
            return Ok(false);
        }
        let unmatched = "select count(*) from salesman_match.salesman_match where closed_at is null and salesman_id is null";
        let missing = "select (select count(*) from consultation.consultation) + (select count(*) from interest.interest)
                            - (select count(*) from salesman_match.salesman_match)";
        let lost = NOTHING_OF
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

    /// Whether no event is on its way any more, whatever they came to.
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

    /// Which readers are not where their sources are.
    async fn behind(&self) -> Result<Vec<String>> {
        let mut behind = Vec::new();
        for (reader, topics) in READERS {
            for topic in topics {
                let sql = format!(
                    "select count(*) from (select aggregateid, max(version) version from {source}.event_log group by aggregateid) there
                     left join {reader}.progress here on here.aggregateid = there.aggregateid and here.aggregatetype = '{topic}'
                     where here.version is distinct from there.version",
                    source = schema(*topic),
                );
                let count = self.count(sql).await?;
                if count > 0 {
                    behind.push(format!(
                        "{reader} is not where {topic} is, for {count} aggregates"
                    ));
                }
            }
        }
        Ok(behind)
    }

    /// Everything that is wrong. `accepted`: what callers were told exists.
    pub(crate) async fn violations(
        &self,
        accepted: &[Uuid],
        tracks_progress: bool,
    ) -> Result<Vec<String>> {
        let mut wrong = Vec::new();
        for topic in Topic::ALL {
            wrong.extend(self.ledger_and_topic(topic).await?);
        }
        if tracks_progress {
            wrong.extend(self.behind().await?);
        }
        let kept: Vec<Uuid> = sqlx::query_scalar("select id from consultation.consultation")
            .fetch_all(&self.pool)
            .await?;
        let kept: BTreeSet<Uuid> = kept.into_iter().collect();
        let lost = accepted.iter().filter(|id| !kept.contains(id)).count();
        if lost > 0 {
            wrong.push(format!("lost: {lost} accepted consultations"));
        }
        for (what, sql) in NOTHING_OF {
            let count = self.count(sql.to_owned()).await?;
            if count > 0 {
                wrong.push(format!("{what}: {count}"));
            }
        }
        for (reader, _) in READERS {
            let parked = self
                .count(format!("select count(*) from {reader}.parked"))
                .await?;
            if parked > 0 && tracks_progress {
                wrong.push(format!("parked in {reader}: {parked}"));
            }
        }
        Ok(wrong)
    }

    /// The ledger has no hole, the topic holds exactly its events, and first copies are in order.
    async fn ledger_and_topic(&self, topic: Topic) -> Result<Vec<String>> {
        let mut wrong = Vec::new();
        let sql = format!(
            "select id, aggregateid, version, type, payload from {}.event_log",
            schema(topic)
        );
        let ledger: Vec<(Uuid, Uuid, i64, String, Value)> = sqlx::query_as(AssertSqlSafe(sql))
            .fetch_all(&self.pool)
            .await?;
        let mut versions: BTreeMap<Uuid, Vec<i64>> = BTreeMap::new();
        for (_, aggregate, version, ..) in &ledger {
            versions.entry(*aggregate).or_default().push(*version);
        }
        for (aggregate, mut versions) in versions {
            versions.sort_unstable();
            if !versions
                .iter()
                .copied()
                .eq(1..=i64::try_from(versions.len())?)
            {
                wrong.push(format!(
                    "the ledger of {topic} {aggregate} has a hole: {versions:?}"
                ));
            }
        }
        let ledger: HashMap<Uuid, (Uuid, i64, String, Value)> = ledger
            .into_iter()
            .map(|(id, aggregate, version, name, payload)| {
                (id, (aggregate, version, name, payload))
            })
            .collect();
        let mut last: HashMap<Uuid, i64> = HashMap::new();
        let mut seen = BTreeSet::new();
        for Record { envelope, payload } in topic::read(&self.kafka, topic).await? {
            let told = (
                envelope.aggregate_id,
                envelope.version,
                envelope.type_name.clone(),
                payload,
            );
            if ledger.get(&envelope.id) != Some(&told) {
                wrong.push(format!(
                    "{topic} {} on the topic is not what the ledger says",
                    envelope.id
                ));
            }
            if seen.insert(envelope.id) {
                let before = last
                    .insert(envelope.aggregate_id, envelope.version)
                    .unwrap_or(0);
                if envelope.version != before + 1 {
                    wrong.push(format!(
                        "reordered: {topic} {} came after version {before}",
                        envelope.version
                    ));
                }
            }
        }
        let unsent = ledger.keys().filter(|id| !seen.contains(id)).count();
        if unsent > 0 {
            wrong.push(format!(
                "lost: {unsent} events of {topic} are not on the topic"
            ));
        }
        Ok(wrong)
    }
}

/// Every effect of a policy has a natural key besides, which hides that it was applied twice; so each attempt that was committed is noted
/// before the key is asked.
const WATCH: &str = "
    create table salesman.telling (event_id uuid, salesman_id uuid, kind text);
    grant insert on salesman.telling to ktgg_salesman;
    create function salesman.note_telling() returns trigger language plpgsql as $$
    begin
        insert into salesman.telling values (new.event_id, new.salesman_id, new.kind);
        return new;
    end
    $$;
    create trigger note_telling before insert on salesman.notification for each row execute function salesman.note_telling();";

/// What there must be nothing of, and the count of it.
const NOTHING_OF: [(&str, &str); 7] = [
    (
        "applied twice: people told more than once of one match",
        "select count(*) from (select 1 from salesman.telling group by event_id, salesman_id, kind having count(*) > 1) twice",
    ),
    (
        "lost: people not told of a match",
        "select count(*) from salesman_match.event_log matched
         where matched.payload ->> 'previousSalesmanId' is distinct from matched.payload -> 'salesman' ->> 'id'
           and not exists (select 1 from salesman.notification told
                           where told.event_id = matched.id and told.salesman_id = (matched.payload -> 'salesman' ->> 'id')::uuid)",
    ),
    (
        "asked twice: consultations with the same memo",
        "select count(*) from (select 1 from consultation.consultation group by memo having count(*) > 1) twice",
    ),
    (
        "lost: open consultations whose salesman is not the match's",
        "select count(*) from consultation.consultation it join salesman_match.salesman_match m on m.origin_id = it.id
         where it.step in ('apply', 'approved')
           and (it.salesman_id is distinct from m.salesman_id or it.consultant_id is distinct from m.consultant_id)",
    ),
    (
        "lost: interests whose salesman is not the match's",
        "select count(*) from interest.interest it join salesman_match.salesman_match m on m.origin_id = it.id
         where it.salesman_id is distinct from m.salesman_id or it.consultant_id is distinct from m.consultant_id",
    ),
    (
        "matches whose version is not their last event's",
        "select count(*) from salesman_match.salesman_match m
         where version <> (select count(*) from salesman_match.event_log where aggregateid = m.id)",
    ),
    (
        "people over their capacity",
        "select count(*) from salesman_match.known_salesman person
         where capacity < (select count(*) from salesman_match.salesman_match where closed_at is null and salesman_id = person.id)
            or capacity < (select count(*) from salesman_match.salesman_match where closed_at is null and consultant_id = person.id)",
    ),
];
