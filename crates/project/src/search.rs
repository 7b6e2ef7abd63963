//! The search columns of a project, derived from its other columns by the rules of this build. No
//! event contains them.

use crate::hangul;
use crate::project::Project;
use crate::visit_card::target_words;

/// The version of the rules of this module, [`hangul`], [`crate::series`] and [`target_words`].
/// Raise it whenever the same project would get other search columns: the service recomputes rows
/// of older rules while it runs.
pub(crate) const RULES_VERSION: i16 = 2;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SearchColumns {
    /// Shared by the editions of a series.
    pub(crate) series_key: String,
    /// Name, agency, host and summary, [decomposed](hangul::decomposed), one a line, so that no
    /// match spans two of them.
    pub(crate) search: String,
    /// The [initials](hangul::initials) (초성) of name, agency and host, one a line.
    pub(crate) initials: String,
    /// The distinctive words of the target (지원대상).
    pub(crate) target_words: Vec<String>,
}

impl From<&Project> for SearchColumns {
    fn from(project: &Project) -> Self {
        let details = &project.details;
        let names = [details.name.as_str(), &details.agency, &details.host];
        let summary = details.summary.as_deref();
        let texts: Vec<&str> = names.into_iter().chain(summary).collect();
        let target = details.target.as_deref();
        Self {
            series_key: details.series_key(),
            search: hangul::decomposed(&texts.join("\n")),
            initials: names.map(hangul::initials).join("\n"),
            target_words: target.map(target_words).unwrap_or_default(),
        }
    }
}
