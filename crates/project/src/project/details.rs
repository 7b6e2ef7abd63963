//! What an announcement says of an edition.

use events::{Category, Period, Region};
use serde::{Deserialize, Serialize};

use crate::series;

/// In characters. The longest real name has 96.
pub const MAX_NAME_LENGTH: usize = 200;

/// Of any other text, in characters.
pub const MAX_TEXT_LENGTH: usize = 4000;

/// What `CreateProject` enters and `EditProject` can change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Details {
    /// As announced. Not a key: names repeat.
    pub name: String,
    /// The year of the edition.
    pub year: i32,
    /// 분야.
    pub category: Category,
    /// Where it applies: 전국, or some of the 시도.
    #[serde(flatten, with = "events::written_regions")]
    pub regions: Vec<Region>,
    /// 지원대상.
    pub target: Option<String>,
    /// 지원규모, in KRW.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scale: Option<i64>,
    /// 소관기관.
    pub agency: String,
    /// 수행기관.
    pub host: String,
    pub summary: Option<String>,
    /// The address of the announcement.
    pub link: Option<String>,
    /// When customers can apply.
    pub period: Period,
}

impl Details {
    /// The key that the editions of one series share.
    pub fn series_key(&self) -> String {
        series::key(&self.name, &self.agency, &self.host, self.year)
    }
}

/// The source that an edition was imported from, and its key there.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Source {
    /// The portal that assigned the key, such as `bizinfo`: all lists of 기업마당 share it.
    pub name: String,
    /// The portal's id of the announcement, such as `pblancId`. Row numbers change with every
    /// export.
    pub id: String,
}

events::text_enum! {
    /// A published list of programmes. Its licence requires attribution.
    pub enum SourceList {
        /// Answers of 기업마당.
        Bizinfo = "bizinfo",
        /// The CSV of the public data portal.
        DataGoKr = "data-go-kr",
        /// Answers of K-Startup.
        Kstartup = "kstartup",
    }
}
