//! What is computed of a project whenever it is written, so that it can be found: by this build's rules, and none of it is told to anybody.

use std::time::Duration;

use service_kit::{Context, Db};
use tokio_util::sync::CancellationToken;

use crate::project::Project;
use crate::visit_card::target_words;
use crate::{hangul, store};

/// The version of the rules below and of those that they lean on ([`hangul`], [`crate::series`], [`target_words`]): raised whenever the same project would be
/// computed otherwise. Rows of older rules are computed again while the service runs.
pub(crate) const RULES: i16 = 2;

/// The columns that are computed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Computed {
    /// By which editions of the same programme are recognised.
    pub(crate) series_key: String,
    /// Name, agency, host and summary, as [`hangul::decomposed`] writes them, one a line: no word goes from one into the next.
    pub(crate) search: String,
    /// The 초성 of name, agency and host, as [`hangul::initials`] writes them, one a line.
    pub(crate) initials: String,
    /// The words of the target that say who is meant.
    pub(crate) target_words: Vec<String>,
}

impl From<&Project> for Computed {
    fn from(it: &Project) -> Self {
        let named = [it.name.as_str(), &it.agency, &it.host];
        let texts: Vec<&str> = named.into_iter().chain(it.summary.as_deref()).collect();
        Self {
            series_key: it.series_key(),
            search: hangul::decomposed(&texts.join("\n")),
            initials: named.map(hangul::initials).join("\n"),
            target_words: it.target.as_deref().map(target_words).unwrap_or_default(),
        }
    }
}

/// Computes every row again that older rules computed, a few at a time, so that nobody waits for it.
///
/// # Errors
/// When the database is away, or a row cannot be read.
pub async fn compute_again(db: &Db) -> Result<(), sqlx::Error> {
    while store::compute_again(db).await? {}
    Ok(())
}

/// Whether the series of everything that is there can be recognised. What is left to compute is computed first, so that it can; but not for
/// longer than a request has.
pub(crate) async fn is_computed(db: &Db) -> Result<bool, sqlx::Error> {
    /// How many units of work, about 20 ms each.
    const MOST: usize = 200;
    for _ in 0..MOST {
        if store::is_computed(db.pool()).await? {
            return Ok(true);
        }
        if !store::compute_again(db).await? {
            // Somebody else computes the rest, or writes it.
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
    store::is_computed(db.pool()).await
}

/// The same while the service runs, however long it takes the database to be there: during an update, a build of older rules may still write.
pub(crate) async fn keep_computed(context: Context, stop: CancellationToken) {
    const PAUSE: Duration = Duration::from_secs(10);
    loop {
        match store::compute_again(&context.db).await {
            Ok(true) if !stop.is_cancelled() => continue,
            Ok(_) => {}
            Err(error) => {
                tracing::warn!(service = context.db.service(), %error, "cannot compute again what is searched yet");
            }
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(PAUSE) => {}
        }
    }
}
