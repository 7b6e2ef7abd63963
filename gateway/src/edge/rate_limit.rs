//! Rate limits that all gateways share, in Postgres.
//!
//! GCRA: for each key the table has the time at which its whole burst is available again. A request
//! moves that time forward by the cost of one, and is refused if the time would then be more than
//! the refill period after now. One statement checks and moves, so concurrent requests get no more
//! than sequential ones.

use axum::http::StatusCode;
use chrono::{DateTime, TimeDelta, Utc};
use service_kit::http::problem::Text;
use service_kit::{Db, Problem};
use sqlx::PgConnection;

use crate::config::{Rate, SignInKey};
use crate::edge::client_ip::ClientIp;
use crate::edge::networks;

/// The rate limits in the gateway's database.
#[derive(Debug, Clone)]
pub(crate) struct RateLimits {
    db: Db,
    key: SignInKey,
}

impl RateLimits {
    pub(crate) fn new(db: Db, key: SignInKey) -> Self {
        Self { db, key }
    }

    /// Counts a request against the limit `name` of this value: a number, a login, an address.
    ///
    /// # Errors
    /// 429 when the limit is used up.
    pub(crate) async fn take(
        &self,
        name: &'static str,
        value: &str,
        rate: Rate,
    ) -> Result<(), Problem> {
        let mut connection = self.db.pool().acquire().await?;
        self.take_in(&mut connection, name, value.as_bytes(), rate)
            .await
    }

    /// Counts a request against the limit `name` of this client: of its address, and those of the
    /// [networks] around. `of_all` is the limit of all callers.
    ///
    /// # Errors
    /// 429 when one of these limits is used up. None has counted then, if `connection` rolls back.
    pub(crate) async fn take_for_client(
        &self,
        connection: &mut PgConnection,
        name: &'static str,
        client: ClientIp,
        of_address: Rate,
        of_all: Option<Rate>,
    ) -> Result<(), Problem> {
        for (network, rate) in networks::limits(client, of_address, of_all) {
            self.take_in(connection, name, network.as_bytes(), rate)
                .await?;
        }
        Ok(())
    }

    /// The same in the caller's transaction: a rollback gives the request back.
    ///
    /// # Errors
    /// 429 when the limit is used up.
    pub(crate) async fn take_in(
        &self,
        connection: &mut PgConnection,
        name: &'static str,
        value: &[u8],
        rate: Rate,
    ) -> Result<(), Problem> {
        let (key, now) = (self.hash(name, value), self.db.now());
        let (interval, refill_period) = (rate.interval(), rate.refill_period());
        let taken = sqlx::query(
            "insert into rate_limit as stored (key, free_at)
             values ($1, $2::timestamptz + $3::interval)
             on conflict (key) do update set free_at = greatest(stored.free_at, $2) + $3
                 where greatest(stored.free_at, $2) + $3 <= $2 + $4::interval",
        )
        .bind(&key)
        .bind(now)
        .bind(interval)
        .bind(refill_period)
        .execute(&mut *connection)
        .await?;
        if taken.rows_affected() == 1 {
            return Ok(());
        }
        let free_at: Option<DateTime<Utc>> =
            sqlx::query_scalar("select free_at from rate_limit where key = $1")
                .bind(&key)
                .fetch_optional(connection)
                .await?;
        let wait = free_at.map(|free_at| free_at + interval - refill_period - now);
        Err(too_many_requests(name, wait.unwrap_or_default()))
    }

    /// The primary key: an HMAC, so that the table reveals neither the limit nor the value.
    fn hash(&self, name: &str, value: &[u8]) -> Vec<u8> {
        self.key.mac(name, &[value])
    }

    /// Deletes the keys whose whole burst is available.
    pub(crate) async fn prune(&self) -> Result<(), sqlx::Error> {
        // Those in use are left: a request holds several, and would wait for this as this for it.
        sqlx::query(
            "delete from rate_limit where key in (
                 select key from rate_limit where free_at <= $1 for update skip locked)",
        )
        .bind(self.db.now())
        .execute(self.db.pool())
        .await?;
        Ok(())
    }
}

/// 429 with `Retry-After`, of one second at least. The limit's name is for the security log.
pub(crate) fn too_many_requests(limit: &'static str, wait: TimeDelta) -> Problem {
    let millis = wait.num_milliseconds().max(1).unsigned_abs();
    let seconds = millis.div_ceil(1000);
    let title = Text::new(
        "요청이 너무 많습니다. 잠시 후 다시 시도해 주세요",
        "Too many requests. Try again in a while",
    );
    Problem::new(StatusCode::TOO_MANY_REQUESTS, "too-many-requests", title)
        .detail(in_words(seconds))
        .because(limit)
        .retry_after(u32::try_from(seconds).unwrap_or(u32::MAX))
}

/// When to try again, rounded up to the unit that people would use.
fn in_words(seconds: u64) -> Text {
    let (count, ko, en) = match seconds {
        0..=90 => (seconds, "초", "s"),
        91..=5400 => (seconds.div_ceil(60), "분", "min"),
        _ => (seconds.div_ceil(3600), "시간", "h"),
    };
    Text::new(
        format!("{count}{ko} 뒤에 다시 시도해 주세요"),
        format!("Try again in {count} {en}"),
    )
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use service_kit::config::Migrate;
    use service_kit::db;
    use service_kit::http::problem::Language;
    use service_kit::testing::{self, MockClock};

    use super::*;

    const LIMIT: &str = "of-this-test";

    /// The limits of so many gateways on one database, and their clock.
    async fn gateways<const COUNT: usize>() -> ([RateLimits; COUNT], Arc<MockClock>) {
        let url = db::service_url(
            &testing::database(&[crate::NAME]).await,
            crate::NAME,
            "test",
        )
        .unwrap();
        let clock = Arc::new(MockClock::at("2026-11-23T01:00:00Z".parse().unwrap()));
        let gateways = [(); COUNT].map(|()| {
            let db = Db::new(crate::NAME, &url, clock.clone()).unwrap();
            RateLimits::new(db, "0123456789abcdef0123456789abcdef".parse().unwrap())
        });
        gateways[0]
            .db
            .migrate(&crate::migrations(), Migrate::Apply)
            .await
            .unwrap();
        (gateways, clock)
    }

    /// `None` when the request is within the limit, or else the seconds in `Retry-After`.
    async fn refused(limits: &RateLimits, value: &str, rate: Rate) -> Option<u64> {
        limits.take(LIMIT, value, rate).await.err().map(|problem| {
            assert_eq!(
                (problem.status().as_u16(), problem.slug()),
                (429, "too-many-requests")
            );
            let response = problem.render(Language::Korean);
            response.headers()["retry-after"]
                .to_str()
                .unwrap()
                .parse()
                .unwrap()
        })
    }

    #[test]
    fn a_refusal_says_in_words_when_to_try_again() {
        for (seconds, ko, en) in [
            (1, "1초", "1 s"),
            (90, "90초", "90 s"),
            (91, "2분", "2 min"),
            (3601, "61분", "61 min"),
            (43_200, "12시간", "12 h"),
        ] {
            let text = in_words(seconds);
            assert_eq!(text.ko, format!("{ko} 뒤에 다시 시도해 주세요"));
            assert_eq!(text.en, format!("Try again in {en}"));
        }
    }

    #[tokio::test]
    async fn a_key_depends_on_limit_and_value() {
        let ([limits], _) = gateways::<1>().await;
        assert_ne!(limits.hash("codes", b"a"), limits.hash("guesses", b"a"));
        assert_ne!(limits.hash("codes", b"a"), limits.hash("codes", b"b"));
    }

    #[tokio::test]
    async fn concurrent_requests_at_several_gateways_share_a_limit() {
        let (gateways, _) = gateways::<3>().await;
        let rate = Rate::new(5, 900);
        let all = (0..300).map(|number| refused(&gateways[number % 3], "01012345678", rate));
        let taken = futures_util::future::join_all(all)
            .await
            .into_iter()
            .filter(Option::is_none)
            .count();
        assert_eq!(taken, 5);
        assert_eq!(refused(&gateways[0], "01087654321", rate).await, None);
    }

    #[tokio::test]
    async fn a_limit_refills_evenly_and_retry_after_says_when() {
        let ([limits], clock) = gateways::<1>().await;
        let rate = Rate::new(3, 90);
        for _ in 0..3 {
            assert_eq!(refused(&limits, "a", rate).await, None);
        }
        assert_eq!(refused(&limits, "a", rate).await, Some(30));
        clock.advance(TimeDelta::milliseconds(29_500));
        // A refused request does not count.
        assert_eq!(refused(&limits, "a", rate).await, Some(1));
        clock.advance(TimeDelta::milliseconds(500));
        assert_eq!(refused(&limits, "a", rate).await, None);
        assert_eq!(refused(&limits, "a", rate).await, Some(30));
        clock.advance(TimeDelta::hours(1));
        for _ in 0..3 {
            assert_eq!(refused(&limits, "a", rate).await, None);
        }
        assert_eq!(refused(&limits, "a", rate).await, Some(30));
    }

    #[tokio::test]
    async fn the_table_has_no_plain_text_and_is_pruned() {
        let ([limits], clock) = gateways::<1>().await;
        limits
            .take(LIMIT, "01012345678", Rate::new(1, 60))
            .await
            .unwrap();
        limits
            .take(LIMIT, "1.2.3.4", Rate::new(1, 600))
            .await
            .unwrap();
        let rows = async || -> Vec<String> {
            sqlx::query_scalar("select encode(key, 'escape') || rate_limit::text from rate_limit")
                .fetch_all(limits.db.pool())
                .await
                .unwrap()
        };
        let text = rows().await.join(" ");
        assert!(
            !text.contains("12345678") && !text.contains("1.2.3.4") && !text.contains(LIMIT),
            "{text}"
        );
        clock.advance(TimeDelta::seconds(61));
        limits.prune().await.unwrap();
        assert_eq!(rows().await.len(), 1);
        clock.advance(TimeDelta::seconds(600));
        limits.prune().await.unwrap();
        assert_eq!(rows().await.len(), 0);
    }
}
