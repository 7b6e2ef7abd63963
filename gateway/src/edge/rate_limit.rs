//! How often something may be done: by one key, whichever gateway is asked.
//!
//! GCRA: of each key the instant is kept from which on nothing of its limit is used up. Taking moves it on by what one costs, unless it would
//! lie too far ahead then. One statement does so, so that no number of takers at once gets more than as many in a row. What one person may
//! write in this process alone is counted in memory ([`Writers`]).

use std::fmt;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::str::FromStr;

use axum::http::StatusCode;
use chrono::{DateTime, TimeDelta, Utc};
use governor::clock::{Clock, DefaultClock};
use governor::middleware::NoOpMiddleware;
use governor::state::keyed::DefaultKeyedStateStore;
use governor::{Quota, RateLimiter};
use hmac::{Hmac, KeyInit as _, Mac as _};
use service_kit::auth::Role;
use service_kit::http::problem::Text;
use service_kit::{Db, Problem, Tx};
use sha2::Sha256;
use sqlx::PgConnection;
use uuid::Uuid;

/// So many at once, given back evenly over so many seconds. Written `COUNT/SECONDS`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// How many at once.
    pub count: u32,
    /// The seconds in which all of them are given back.
    pub seconds: u32,
}

impl Rate {
    /// So many in so many seconds. Neither may be zero; a zero counts as one.
    pub const fn new(count: u32, seconds: u32) -> Self {
        Self {
            count: if count == 0 { 1 } else { count },
            seconds: if seconds == 0 { 1 } else { seconds },
        }
    }

    /// In which time one is given back.
    pub(crate) fn interval(self) -> TimeDelta {
        TimeDelta::microseconds(i64::from(self.seconds) * 1_000_000 / i64::from(self.count))
    }

    /// How far ahead of now the instant of a key may lie.
    fn span(self) -> TimeDelta {
        TimeDelta::microseconds(i64::from(self.seconds) * 1_000_000)
    }
}

/// The largest count and the most seconds (a day) that a limit may have: within them no interval comes to nothing.
const LARGEST_COUNT: u32 = 1_000_000;
const MOST_SECONDS: u32 = 24 * 60 * 60;

impl FromStr for Rate {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const WRONG: &str = "it is not of the form COUNT/SECONDS, with 1 to 1000000 and 1 to 86400";
        let (count, seconds) = text.split_once('/').ok_or(WRONG)?;
        let (count, seconds) = (
            count.trim().parse().map_err(|_| WRONG)?,
            seconds.trim().parse().map_err(|_| WRONG)?,
        );
        if (1..=LARGEST_COUNT).contains(&count) && (1..=MOST_SECONDS).contains(&seconds) {
            Ok(Self { count, seconds })
        } else {
            Err(WRONG)
        }
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.count, self.seconds)
    }
}

/// How often what may be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// `LIMIT_WRITES`: writes of one person in one gateway, or of an address from which nobody is signed in.
    pub writes: Rate,
    /// `LIMIT_SIGN_INS_PER_LOGIN`: passwords judged for one login, right or wrong, from wherever. It bounds what many addresses guess together;
    /// while they do, the owner waits with them.
    pub sign_ins_per_login: Rate,
    /// `LIMIT_SIGN_INS_PER_ADDRESS`: passwords told from one address. An office may have one for all.
    pub sign_ins_per_address: Rate,
    /// `LIMIT_CODES_PER_PHONE`: codes sent to one number.
    pub codes_per_phone: Rate,
    /// `LIMIT_CODES_PER_PHONE_DAILY`: the same, over a day. Five guesses at each: whoever has many addresses guesses a number's code once in
    /// 10,000 days.
    pub codes_per_phone_daily: Rate,
    /// `LIMIT_RESENDS_PER_PHONE`: the same, for whoever did not wait until one arrived.
    pub resends_per_phone: Rate,
    /// `LIMIT_CODES_PER_ADDRESS`: codes asked for from one address.
    pub codes_per_address: Rate,
    /// `LIMIT_GUESSES_PER_ADDRESS`: codes told from one address, right or wrong.
    pub guesses_per_address: Rate,
    /// `LIMIT_DATA`: files of what is kept of a customer, and lists of who saw his number, by each customer: every service is asked for them.
    pub data: Rate,
}

impl Limits {
    /// Each of them, by its variable: the one list there is.
    pub(crate) fn by_variable(&mut self) -> [(&'static str, &mut Rate); 9] {
        // Whoever adds a limit is made to name its variable here.
        let Self {
            writes,
            sign_ins_per_login,
            sign_ins_per_address,
            codes_per_phone,
            codes_per_phone_daily,
            resends_per_phone,
            codes_per_address,
            guesses_per_address,
            data,
        } = self;
        [
            ("LIMIT_WRITES", writes),
            ("LIMIT_SIGN_INS_PER_LOGIN", sign_ins_per_login),
            ("LIMIT_SIGN_INS_PER_ADDRESS", sign_ins_per_address),
            ("LIMIT_CODES_PER_PHONE", codes_per_phone),
            ("LIMIT_CODES_PER_PHONE_DAILY", codes_per_phone_daily),
            ("LIMIT_RESENDS_PER_PHONE", resends_per_phone),
            ("LIMIT_CODES_PER_ADDRESS", codes_per_address),
            ("LIMIT_GUESSES_PER_ADDRESS", guesses_per_address),
            ("LIMIT_DATA", data),
        ]
    }

    /// The variables by which a gateway runs with these limits.
    pub fn variables(mut self) -> [(&'static str, Rate); 9] {
        self.by_variable().map(|(name, rate)| (name, *rate))
    }

    /// What a gateway runs with unless told otherwise.
    pub const USUAL: Self = Self {
        writes: Rate::new(240, 60),
        sign_ins_per_login: Rate::new(30, 900),
        sign_ins_per_address: Rate::new(120, 900),
        codes_per_phone: Rate::new(5, 900),
        codes_per_phone_daily: Rate::new(20, 86_400),
        resends_per_phone: Rate::new(1, 30),
        codes_per_address: Rate::new(30, 3600),
        guesses_per_address: Rate::new(60, 900),
        data: Rate::new(10, 3600),
    };

    /// What no measurement and no test of something else comes up against.
    pub const GENEROUS: Self = Self {
        writes: Rate::new(LARGEST_COUNT, 1),
        sign_ins_per_login: Rate::new(LARGEST_COUNT, 1),
        sign_ins_per_address: Rate::new(LARGEST_COUNT, 1),
        codes_per_phone: Rate::new(LARGEST_COUNT, 1),
        codes_per_phone_daily: Rate::new(LARGEST_COUNT, 1),
        resends_per_phone: Rate::new(LARGEST_COUNT, 1),
        codes_per_address: Rate::new(LARGEST_COUNT, 1),
        guesses_per_address: Rate::new(LARGEST_COUNT, 1),
        data: Rate::new(LARGEST_COUNT, 1),
    };
}

/// `SIGN_IN_KEY`: under which codes and the keys of limits are hashed, so that whoever reads a table can try out neither codes nor numbers.
/// Its `Debug` is `***`.
#[derive(Clone)]
pub struct SignInKey(Vec<u8>);

impl SignInKey {
    /// HMAC-SHA256 of these parts for this purpose. Each part is told apart from the next by its length.
    pub(crate) fn mac(&self, purpose: &str, parts: &[&[u8]]) -> Vec<u8> {
        // A key of any length is good for HMAC, so that there always is one.
        self.hash(purpose, parts)
            .map(|mac| mac.finalize().into_bytes().to_vec())
            .unwrap_or_default()
    }

    /// Whether that is the MAC of these parts, in a time that does not tell how much of it is right.
    pub(crate) fn verifies(&self, purpose: &str, parts: &[&[u8]], mac: &[u8]) -> bool {
        self.hash(purpose, parts)
            .is_some_and(|it| it.verify_slice(mac).is_ok())
    }

    fn hash(&self, purpose: &str, parts: &[&[u8]]) -> Option<Hmac<Sha256>> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).ok()?;
        for part in [purpose.as_bytes()].iter().chain(parts) {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part);
        }
        Some(mac)
    }
}

impl FromStr for SignInKey {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        if text.len() >= 32 {
            Ok(Self(text.as_bytes().to_vec()))
        } else {
            Err("it is shorter than 32 characters")
        }
    }
}

impl fmt::Debug for SignInKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Whose limit it is, and of what. Nothing of it can be read in the table.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct LimitKey(Vec<u8>);

impl LimitKey {
    /// The limit of this name, for this value: a number, a login.
    pub(crate) fn of(key: &SignInKey, limit: &'static str, value: &str) -> Self {
        Self(key.mac(limit, &[value.as_bytes()]))
    }

    /// The limit of this name, for whoever is at this address.
    pub(crate) fn of_address(key: &SignInKey, limit: &'static str, address: IpAddr) -> Self {
        Self::of(key, limit, &network(address).to_string())
    }
}

impl fmt::Debug for LimitKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// What counts as one address: a household has 2^64 of IPv6.
pub(crate) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6((u128::from(address) & (!0 << 64)).into()),
        v4 @ IpAddr::V4(_) => v4,
    }
}

/// Whose writes are counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Writer {
    /// Somebody who is signed in.
    Person(Role, Uuid),
    /// Whoever is at this address and is not.
    At(IpAddr),
}

impl Writer {
    /// Whoever is at this address.
    pub(crate) fn at(address: IpAddr) -> Self {
        Self::At(network(address))
    }
}

/// How much each person may write in this process. Nothing that two gateways would have to agree on: it keeps one page that has run wild from
/// slowing the others.
pub(crate) struct Writers<C: Clock = DefaultClock> {
    counted: RateLimiter<Writer, DefaultKeyedStateStore<Writer>, C, NoOpMiddleware<C::Instant>>,
    clock: C,
}

impl Writers {
    pub(crate) fn new(rate: Rate) -> Self {
        Self::by(rate, DefaultClock::default())
    }
}

impl<C: Clock + Clone> Writers<C> {
    fn by(rate: Rate, clock: C) -> Self {
        let count = NonZeroU32::new(rate.count).unwrap_or(NonZeroU32::MIN);
        let quota = rate
            .interval()
            .to_std()
            .ok()
            .and_then(Quota::with_period)
            .unwrap_or(Quota::per_second(count));
        let counted = RateLimiter::new(
            quota.allow_burst(count),
            DefaultKeyedStateStore::default(),
            clock.clone(),
        );
        Self { counted, clock }
    }

    /// Takes one of what this writer may.
    pub(crate) fn take(&self, writer: Writer) -> Result<(), Problem> {
        self.counted.check_key(&writer).map_err(|not_yet| {
            too_many(
                TimeDelta::from_std(not_yet.wait_time_from(self.clock.now()))
                    .unwrap_or(TimeDelta::MAX),
            )
        })
    }

    /// Forgets whoever has used nothing up.
    pub(crate) fn prune(&self) {
        self.counted.retain_recent();
        self.counted.shrink_to_fit();
    }
}

/// 429, and when to come back: a second later at the earliest.
pub(crate) fn too_many(wait: TimeDelta) -> Problem {
    let seconds = wait
        .num_milliseconds()
        .max(0)
        .unsigned_abs()
        .div_ceil(1000)
        .max(1);
    Problem::new(
        StatusCode::TOO_MANY_REQUESTS,
        "too-many-requests",
        Text::new(
            "요청이 너무 많습니다. 잠시 후 다시 시도해 주세요",
            "Too many requests. Try again in a while",
        ),
    )
    .retry_after(u32::try_from(seconds).unwrap_or(u32::MAX))
}

/// Takes one of what the key may have.
///
/// # Errors
/// 429 with the time to come back when it has none left; 503 when the database is away.
pub(crate) async fn take(db: &Db, key: &LimitKey, rate: Rate) -> Result<(), Problem> {
    let mut connection = db.pool().acquire().await?;
    take_by(&mut connection, db.now(), key, rate).await
}

/// The same within a unit of work: what is not committed was not taken.
pub(crate) async fn take_in(
    tx: &mut Tx,
    now: DateTime<Utc>,
    key: &LimitKey,
    rate: Rate,
) -> Result<(), Problem> {
    take_by(tx, now, key, rate).await
}

async fn take_by(
    connection: &mut PgConnection,
    now: DateTime<Utc>,
    key: &LimitKey,
    rate: Rate,
) -> Result<(), Problem> {
    let taken = sqlx::query(
        "insert into rate_limit as it (key, free_at) values ($1, $2::timestamptz + $3::interval)
         on conflict (key) do update set free_at = greatest(it.free_at, $2) + $3
             where greatest(it.free_at, $2) + $3 <= $2 + $4::interval",
    )
    .bind(&key.0)
    .bind(now)
    .bind(rate.interval())
    .bind(rate.span())
    .execute(&mut *connection)
    .await?;
    if taken.rows_affected() == 1 {
        return Ok(());
    }
    let free_at: Option<DateTime<Utc>> =
        sqlx::query_scalar("select free_at from rate_limit where key = $1")
            .bind(&key.0)
            .fetch_optional(connection)
            .await?;
    let wait = free_at.map_or(TimeDelta::zero(), |free_at| {
        free_at + rate.interval() - rate.span() - now
    });
    Err(too_many(wait))
}

/// Drops what nothing is used up of.
pub(crate) async fn prune(db: &Db) -> Result<(), sqlx::Error> {
    sqlx::query("delete from rate_limit where free_at <= $1")
        .bind(db.now())
        .execute(db.pool())
        .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use governor::clock::FakeRelativeClock;
    use service_kit::config::Migrate;
    use service_kit::db;
    use service_kit::http::problem::Language;
    use service_kit::testing::{self, MockClock};

    use super::*;

    #[test]
    fn a_rate_is_a_count_and_seconds() {
        assert_eq!("5/900".parse(), Ok(Rate::new(5, 900)));
        assert_eq!(Rate::new(5, 900).to_string(), "5/900");
        for wrong in [
            "",
            "5",
            "0/1",
            "1/0",
            "-1/2",
            "5/",
            "x/1",
            "1000001/1",
            "1/86401",
            "5/900/1",
        ] {
            assert!(wrong.parse::<Rate>().is_err(), "{wrong}");
        }
        assert!(Limits::GENEROUS.writes.interval() > TimeDelta::zero());
    }

    #[test]
    fn an_address_counts_by_its_network() {
        let network = |text: &str| network(text.parse().unwrap()).to_string();
        assert_eq!(network("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
        assert_eq!(network("203.0.113.7"), "203.0.113.7");
        assert_eq!(network("::ffff:203.0.113.7"), "203.0.113.7");
    }

    #[test]
    fn a_key_is_printed_nowhere_and_depends_on_all_of_it() {
        let key: SignInKey = "0123456789abcdef0123456789abcdef".parse().unwrap();
        let of = |limit, value| LimitKey::of(&key, limit, value);
        assert_ne!(of("codes", "a"), of("guesses", "a"));
        assert_ne!(of("codes", "a"), of("codes", "b"));
        assert_ne!(key.mac("p", &[b"ab", b"c"]), key.mac("p", &[b"a", b"bc"]));
        assert_eq!(
            format!("{key:?} {:?}", of("codes", "01012345678")),
            "*** ***"
        );
        assert!("short".parse::<SignInKey>().is_err());
    }

    const LIMIT: &str = "of-this-test";

    fn key(value: &str) -> LimitKey {
        LimitKey::of(
            &"0123456789abcdef0123456789abcdef".parse().unwrap(),
            LIMIT,
            value,
        )
    }

    /// So many gateways on one database, by one clock.
    async fn gateways<const COUNT: usize>() -> ([Db; COUNT], Arc<MockClock>) {
        let url = db::service_url(
            &testing::database(&[crate::NAME]).await,
            crate::NAME,
            "test",
        )
        .unwrap();
        let clock = Arc::new(MockClock::at("2026-11-23T01:00:00Z".parse().unwrap()));
        let gateways = [(); COUNT].map(|()| Db::new(crate::NAME, &url, clock.clone()).unwrap());
        gateways[0]
            .migrate(&crate::migrations(), Migrate::Apply)
            .await
            .unwrap();
        (gateways, clock)
    }

    async fn taken(db: &Db, value: &str, rate: Rate) -> Option<u64> {
        take(db, &key(value), rate).await.err().map(|refused| {
            assert_eq!(
                (refused.status().as_u16(), refused.slug()),
                (429, "too-many-requests")
            );
            let answer = refused.render(Language::Korean);
            answer.headers()["retry-after"]
                .to_str()
                .unwrap()
                .parse()
                .unwrap()
        })
    }

    #[tokio::test]
    async fn whoever_takes_at_once_at_whichever_gateway_gets_no_more_than_there_is() {
        let (gateways, _) = gateways::<3>().await;
        let rate = Rate::new(5, 900);
        let all = (0..300).map(|number| taken(&gateways[number % 3], "01012345678", rate));
        let got = futures_util::future::join_all(all)
            .await
            .into_iter()
            .filter(Option::is_none)
            .count();
        assert_eq!(got, 5);
        assert_eq!(taken(&gateways[0], "01087654321", rate).await, None);
    }

    #[tokio::test]
    async fn what_was_taken_is_given_back_evenly_and_the_answer_says_when() {
        let ([db], clock) = gateways::<1>().await;
        let rate = Rate::new(3, 90);
        for _ in 0..3 {
            assert_eq!(taken(&db, "a", rate).await, None);
        }
        assert_eq!(taken(&db, "a", rate).await, Some(30));
        clock.advance(TimeDelta::milliseconds(29_500));
        // Being refused costs nothing.
        assert_eq!(taken(&db, "a", rate).await, Some(1));
        clock.advance(TimeDelta::milliseconds(500));
        assert_eq!(taken(&db, "a", rate).await, None);
        assert_eq!(taken(&db, "a", rate).await, Some(30));
        clock.advance(TimeDelta::hours(1));
        for _ in 0..3 {
            assert_eq!(taken(&db, "a", rate).await, None);
        }
        assert_eq!(taken(&db, "a", rate).await, Some(30));
    }

    #[tokio::test]
    async fn the_table_tells_nothing_and_forgets_what_is_given_back() {
        let ([db], clock) = gateways::<1>().await;
        take(&db, &key("01012345678"), Rate::new(1, 60))
            .await
            .unwrap();
        take(
            &db,
            &LimitKey::of_address(
                &"0123456789abcdef0123456789abcdef".parse().unwrap(),
                LIMIT,
                IpAddr::from([1, 2, 3, 4]),
            ),
            Rate::new(1, 600),
        )
        .await
        .unwrap();
        let rows = async || -> Vec<String> {
            sqlx::query_scalar("select encode(key, 'escape') || rate_limit::text from rate_limit")
                .fetch_all(db.pool())
                .await
                .unwrap()
        };
        let told = rows().await.join(" ");
        assert!(
            !told.contains("12345678") && !told.contains("1.2.3.4") && !told.contains(LIMIT),
            "{told}"
        );
        clock.advance(TimeDelta::seconds(61));
        prune(&db).await.unwrap();
        assert_eq!(rows().await.len(), 1);
        clock.advance(TimeDelta::seconds(600));
        prune(&db).await.unwrap();
        assert_eq!(rows().await.len(), 0);
    }

    #[test]
    fn whose_writes_are_counted_in_memory_are_forgotten_when_nothing_is_used_up() {
        let clock = FakeRelativeClock::default();
        let writers = Writers::by(Rate::new(2, 1), clock.clone());
        let one = Writer::Person(Role::Staff, Uuid::from_u128(1));
        assert!(writers.take(one).is_ok() && writers.take(one).is_ok());
        assert_eq!(writers.take(one).unwrap_err().status(), 429);
        for other in [
            Writer::Person(Role::Customer, Uuid::from_u128(1)),
            Writer::at(IpAddr::from([1, 2, 3, 4])),
        ] {
            assert!(writers.take(other).is_ok());
        }
        assert_eq!(writers.counted.len(), 3);
        clock.advance(std::time::Duration::from_millis(1500));
        writers.prune();
        assert_eq!(writers.counted.len(), 0);
    }
}
