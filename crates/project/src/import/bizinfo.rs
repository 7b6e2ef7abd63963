//! The field names of 기업마당. View counts (`inqireCo`) and totals change with every call and are not
//! read: they would look like edits.

use super::draft::{Draft, attribute};
use super::record::Record;
use super::row::Portal;
use crate::project::SourceList;
use crate::regions;

/// The host of links without one.
pub(super) const HOST: &str = "www.bizinfo.go.kr";

pub(super) const SITE: &str = "bizinfo.go.kr";

/// The id of an announcement.
pub(super) const KEY: &str = "pblancId";

/// Its name in answers that 기업마당 documents, which repeat some fields under older names.
const OLD_KEY: &str = "seq";

/// Whether the record is an announcement.
pub(super) fn is_record(record: &Record) -> bool {
    let old_id = || record.text(OLD_KEY).trim().starts_with("PBLN");
    record.has(KEY) || old_id() && record.has("title")
}

pub(super) fn draft(record: &Record) -> Draft {
    let name = |name: &'static str, old: &'static str| {
        if record.text(name).trim().is_empty() && record.has(old) {
            old
        } else {
            name
        }
    };
    let line = |new: &'static str, old: &'static str| record.line(name(new, old));
    let link = record.link(name("pblancUrl", "link"), HOST);
    Draft {
        portal: Portal::Bizinfo,
        source_id: line(KEY, OLD_KEY),
        list: attribute(SourceList::Bizinfo, &link.text, SITE),
        name: line("pblancNm", "title"),
        category: line("pldirSportRealmLclasCodeNm", "lcategory").text,
        regions: regions::of_list(&line("hashtags", "hashTags").text),
        target: record.line("trgetNm"),
        agency: line("jrsdInsttNm", "author"),
        host: record.line("excInsttNm"),
        summary: record.prose(name("bsnsSumryCn", "description")),
        link,
        period: line("reqstBeginEndDe", "reqstDt"),
        registered: line("creatPnttm", "pubDate"),
    }
}
