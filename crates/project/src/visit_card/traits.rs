//! What a programme has in common with the marks of a customer, or with what a salesman picked.

use events::{Category, Region};
use service_kit::forms::text::searchable;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::project::Project;
use crate::regions;

/// A programme that a customer is interested in or has an open consultation about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(crate) series_id: Uuid,
    pub(crate) name: String,
    pub(crate) category: Category,
    pub(crate) regions: Vec<Region>,
    pub(crate) target_words: Vec<String>,
}

/// Criteria for a card. A programme on it meets at least one of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Traits {
    pub(crate) categories: Vec<Category>,
    /// Those that [`find`](regions::that_apply_in) what applies there.
    pub(crate) regions: Vec<Region>,
    pub(crate) target_words: Vec<String>,
}

impl Traits {
    /// What a salesman picked.
    pub(crate) fn picked(
        category: Option<Category>,
        region: Option<Region>,
        target: Option<&str>,
    ) -> Self {
        let mut traits = Self {
            categories: category.into_iter().collect(),
            ..Self::default()
        };
        traits.add_regions(region.as_slice());
        if let Some(target) = target {
            traits.target_words = target_words(target);
            if traits.target_words.is_empty() {
                traits.target_words.push(searchable(target).to_lowercase());
            }
        }
        traits
    }

    /// The traits of everything that a customer marked.
    pub(crate) fn of_marks(marks: &[Mark]) -> Self {
        let mut traits = Self::default();
        for mark in marks {
            // 기타 means no category: two programmes of it have nothing in common.
            if mark.category != Category::Other && !traits.categories.contains(&mark.category) {
                traits.categories.push(mark.category);
            }
            traits.add_regions(&mark.regions);
            traits.target_words.extend_from_slice(&mark.target_words);
        }
        traits.target_words.sort();
        traits.target_words.dedup();
        traits
    }

    fn add_regions(&mut self, regions: &[Region]) {
        self.regions.extend(
            regions
                .iter()
                .flat_map(|region| regions::that_apply_in(*region)),
        );
        self.regions.sort();
        self.regions.dedup();
    }

    /// Which of the traits the programme has.
    pub(crate) fn shared_with(&self, project: &Project) -> Vec<Shared> {
        let details = &project.details;
        let regions = &details.regions;
        [
            (
                Shared::Category,
                self.categories.contains(&details.category),
            ),
            (Shared::Target, self.shared_target_word(project).is_some()),
            (
                Shared::Region,
                regions.iter().any(|region| self.regions.contains(region)),
            ),
        ]
        .into_iter()
        .filter_map(|(shared, is_shared)| is_shared.then_some(shared))
        .collect()
    }

    /// The first word of the programme's target that is among the traits.
    pub(super) fn shared_target_word(&self, project: &Project) -> Option<String> {
        let target = project.details.target.as_deref()?;
        target_words(target)
            .into_iter()
            .find(|word| self.target_words.contains(word))
    }
}

/// What a programme has in common with the marks or picks, in the order of relevance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = SharedName)]
pub(crate) enum Shared {
    /// 분야.
    Category,
    /// 지원대상.
    Target,
    /// 지역.
    Region,
}

/// The distinctive words of a target (지원대상): without numbers, single letters and the words that
/// most targets contain.
pub(crate) fn target_words(target: &str) -> Vec<String> {
    const STOP_WORDS: [&str; 16] = [
        "및",
        "또는",
        "등",
        "기업",
        "기타",
        "대상",
        "관련",
        "지원",
        "지원대상",
        "소재",
        "이내",
        "이상",
        "미만",
        "해당",
        "누구나",
        "제한",
    ];
    let mut words: Vec<String> = searchable(target)
        .split(|letter: char| !letter.is_alphanumeric())
        .filter(|word| {
            word.chars().count() > 1 && !word.contains(|letter: char| letter.is_ascii_digit())
        })
        .map(str::to_lowercase)
        .filter(|word| !STOP_WORDS.contains(&&**word))
        .collect();
    words.sort();
    words.dedup();
    words
}
