//! The search columns of a project, derived from its other columns by the rules of this build. No
//! event contains them.

use service_kit::forms::text::{is_invisible, searchable};

use crate::hangul::{self, SearchTerm};
use crate::letters::normalize_char;
use crate::project::Project;
use crate::regions;
use crate::visit_card::target_words;

/// The version of the rules of this module, [`hangul`], [`crate::series`] and [`target_words`].
/// Raise it whenever the same project would get other search columns: the service recomputes rows
/// of older rules while it runs.
pub(crate) const RULES_VERSION: i16 = 5;

/// Common kinds of target (지원대상), which a list counts and offers as filters. Each is a text that
/// targets contain. A change needs another [`RULES_VERSION`].
pub(crate) const TARGET_KINDS: [&str; 12] = [
    "중소기업",
    "소상공인",
    "창업",
    "예비창업",
    "벤처",
    "중견기업",
    "제조업",
    "여성기업",
    "장애인기업",
    "사회적기업",
    "마을기업",
    "청년",
];

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SearchColumns {
    /// Shared by the editions of a series.
    pub(crate) series_key: String,
    /// Name, agency, host and summary, [folded] and [decomposed](hangul::decomposed), one a line,
    /// so that no match spans two of them.
    pub(crate) search: String,
    /// The [initials](hangul::initials) (초성) of name, agency and host, one a line.
    pub(crate) initials: String,
    /// The target (지원대상), [folded] and [decomposed](hangul::decomposed).
    pub(crate) target_search: String,
    /// The [short parts](hangul::short_parts) of the three above.
    pub(crate) short_parts: Vec<String>,
    /// The distinctive words of the target.
    pub(crate) target_words: Vec<String>,
    /// Those of [`TARGET_KINDS`] that the target contains.
    pub(crate) target_kinds: Vec<&'static str>,
}

impl From<&Project> for SearchColumns {
    fn from(project: &Project) -> Self {
        let details = &project.details;
        let names = [&details.name, &details.agency, &details.host].map(|name| folded(name));
        let summary = details.summary.as_deref().map(folded);
        let texts: Vec<&str> = names.iter().chain(&summary).map(String::as_str).collect();
        let of_target = details.target.as_deref();
        let search = hangul::decomposed(&texts.join("\n"));
        let initials = names.map(|name| hangul::initials(&name)).join("\n");
        let target_search = of_target.map(target).unwrap_or_default();
        let searched = [&search, &initials, &target_search].map(String::as_str);
        let kinds = TARGET_KINDS.into_iter();
        let target_kinds = kinds.filter(|kind| target_search.contains(&target(kind)));
        let target_kinds = target_kinds.collect();
        Self {
            series_key: details.series_key(),
            short_parts: hangul::short_parts(&searched.join("\n"))
                .into_iter()
                .collect(),
            search,
            initials,
            target_search,
            target_words: of_target.map(target_words).unwrap_or_default(),
            target_kinds,
        }
    }
}

/// A text in the signs that queries and search columns share: [`searchable`], with one sign each
/// for the variants of dash, tilde, apostrophe and middle dot.
fn folded(text: &str) -> String {
    searchable(text).chars().map(normalize_char).collect()
}

/// What a target contains, in the form in which it is searched.
pub(crate) fn target(text: &str) -> String {
    hangul::decomposed(&folded(text))
}

/// The words of a query. A blank at its end completes the last one. A region is found by its other
/// names, too, and by those of what it replaced and of what replaced it.
pub(crate) fn terms(query: &str) -> Vec<SearchTerm> {
    let mut words = folded(query);
    if query
        .trim_end_matches(is_invisible)
        .ends_with(char::is_whitespace)
    {
        words.push(' ');
    }
    let mut terms = hangul::search_terms(&words);
    for (term, word) in terms.iter_mut().zip(words.split_whitespace()) {
        if let SearchTerm::Text(variants) = term {
            for name in regions::other_names(word) {
                let name = hangul::decomposed(name);
                // What contains a variant is found by it.
                if !variants.iter().any(|variant| name.contains(variant)) {
                    variants.push(name);
                }
            }
        }
    }
    terms
}
