//! What is computed of a project whenever it is written, so that it can be found: by this build's rules, and none of it is told to anybody.

use crate::hangul;
use crate::project::Project;

/// The version of the rules below and of those that they lean on ([`hangul`], [`crate::series`]): raised whenever the same project would be
/// computed otherwise. Rows of another version are computed again when the service starts.
pub(crate) const RULES: i16 = 1;

/// The columns that are computed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Computed {
    /// By which editions of the same programme are recognised.
    pub(crate) series_key: String,
    /// Name, agency, host and summary, as [`hangul::decomposed`] writes them, one a line: no word goes from one into the next.
    pub(crate) search: String,
    /// The 초성 of name, agency and host, as [`hangul::initials`] writes them, one a line.
    pub(crate) initials: String,
}

impl From<&Project> for Computed {
    fn from(it: &Project) -> Self {
        let named = [it.name.as_str(), &it.agency, &it.host];
        let texts: Vec<&str> = named.into_iter().chain(it.summary.as_deref()).collect();
        Self {
            series_key: it.series_key(),
            search: hangul::decomposed(&texts.join("\n")),
            initials: named.map(hangul::initials).join("\n"),
        }
    }
}
