//! The filters that the list and its counts share.

use events::{Category, Phase, ProjectStatus, Region};
use serde::Deserialize;
use service_kit::Problem;
use service_kit::http::describe::{CategoryName, PhaseName, RegionName, StatusName};
use service_kit::http::problem::{Text, invalid_query};
use utoipa::IntoParams;

use super::query::search_text;
use crate::filter::Filter;
use crate::{regions, search};

/// Filters. Empty parameters count as absent. A project meets a filter that is there several times
/// if it has one of the values.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct FilterQuery {
    /// Words that all occur in name, agency, host or summary. The last one may be incomplete
    /// (`스마트사` finds 스마트상점). A word of consonants only is searched among the initials of name,
    /// agency and host (`ㅅㅁㅌ`).
    #[param(value_type = Option<String>, max_length = 100, example = "스마트")]
    q: Option<String>,
    /// 분야. Several: `category=기술&category=수출`.
    #[serde(default)]
    #[param(value_type = Option<Vec<CategoryName>>)]
    category: Vec<Category>,
    /// 시도. Projects of what it replaced or what replaced it match, too, and nationwide ones.
    #[serde(default)]
    #[param(value_type = Option<Vec<RegionName>>)]
    region: Vec<Region>,
    /// Contained in 지원대상. At most 20.
    #[serde(default)]
    #[param(value_type = Option<Vec<String>>, max_items = 20, example = json!(["소상공인"]))]
    target: Vec<String>,
    #[serde(default)]
    #[param(value_type = Option<Vec<StatusName>>)]
    status: Vec<ProjectStatus>,
    /// What people see today. Those that can be applied for: `open`, `closing`, `always` and
    /// `until_budget`.
    #[serde(default)]
    #[param(value_type = Option<Vec<PhaseName>>)]
    phase: Vec<Phase>,
    /// `true`: only ongoing projects whose deadline has passed, which `end-overdue` would end.
    overdue: Option<bool>,
}

/// Each is searched for by itself.
const MAX_TARGETS: usize = 20;

impl FilterQuery {
    pub(super) fn read(self) -> Result<Filter, Problem> {
        if self.target.len() > MAX_TARGETS {
            return Err(invalid_query(Text::new(
                format!("지원대상은 {MAX_TARGETS}개까지 보내 주세요"),
                format!("target may be there at most {MAX_TARGETS} times"),
            )));
        }
        let q = search_text("q", "검색어는", self.q)?;
        let mut targets = Vec::new();
        for target in self.target {
            targets.extend(search_text("target", "지원대상은", Some(target))?);
        }
        let targets = targets.iter().map(|target| search::target(target));
        let regions = self.region.into_iter().flat_map(regions::that_apply_in);
        Ok(Filter {
            terms: q.map(|text| search::terms(&text)).unwrap_or_default(),
            categories: distinct(self.category),
            regions: distinct(regions),
            targets: distinct(targets),
            statuses: distinct(self.status),
            phases: distinct(self.phase),
            overdue: self.overdue == Some(true),
            salesman: None,
        })
    }
}

fn distinct<T: Ord>(values: impl IntoIterator<Item = T>) -> Vec<T> {
    let mut values: Vec<T> = values.into_iter().collect();
    values.sort_unstable();
    values.dedup();
    values
}
